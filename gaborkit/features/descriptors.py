"""Descriptors by short name."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..bank import GaborBank
from ..errors import FeatureError, closest
from ..scattering import ScatteringDescriptor
from .base import Descriptor
from .energy import Energy
from .gist import Gist
from .invariant import Invariant, Spectrum
from .texture import Texture

#: Each works with no parameters given.
DESCRIPTORS: dict[str, type[Descriptor]] = {
    "texture": Texture,
    "energy": Energy,
    "invariant": Invariant,
    "spectrum": Spectrum,
    "gist": Gist,
    "scattering": ScatteringDescriptor,
}


def descriptor(name: str, **parameters: Any) -> Descriptor:
    """A descriptor by its short name.

    Parameters
    ----------
    name : str
        One of ``DESCRIPTORS``.
    **parameters
        Of its class.

    Raises
    ------
    FeatureError
        If the name or a parameter is unknown, or a value is out of range.

    Examples
    --------
    >>> descriptor("invariant", pooling="max").pooling
    'max'
    >>> descriptor("gist", bank=None)
    Traceback (most recent call last):
    gaborkit.errors.FeatureError: gist has no parameter 'bank'; it takes orientations, blocks, \
size, contrast
    """
    if name not in DESCRIPTORS:
        raise FeatureError(
            f"descriptor {name!r} is unknown; choose one of {', '.join(DESCRIPTORS)}"
            f"{closest(str(name), DESCRIPTORS)}"
        )
    taken = parameters_of(name)
    for parameter in parameters:
        if parameter not in taken:
            raise FeatureError(
                f"{name} has no parameter {parameter!r}; it takes {', '.join(taken)}"
                f"{closest(parameter, taken)}"
            )
    return DESCRIPTORS[name](**parameters)


def to_dict(descriptor: Descriptor) -> dict[str, Any]:
    """JSON-ready description of a descriptor, which :func:`from_dict` reads.

    Examples
    --------
    >>> to_dict(Gist(blocks=2))["parameters"]["blocks"]
    2
    """
    kind = type(descriptor)
    name = next((name for name, known in DESCRIPTORS.items() if known is kind), kind.__name__)
    fields: Any = dataclasses.fields(descriptor)  # type: ignore[arg-type]
    values = {field.name: getattr(descriptor, field.name) for field in fields if field.init}
    return {"descriptor": name, "parameters": {key: _plain(x) for key, x in values.items()}}


def from_dict(description: Any) -> Descriptor:
    """The descriptor that :func:`to_dict` described.

    Raises
    ------
    FeatureError
        If the description is not one of a descriptor.
    BankError
        If its bank is damaged.

    Examples
    --------
    >>> from_dict(to_dict(Texture())) == Texture()
    True
    """
    if not isinstance(description, dict) or not isinstance(description.get("parameters"), dict):
        raise FeatureError('this describes no descriptor: it lacks {"descriptor", "parameters"}')
    parameters = {key: _whole(value) for key, value in description["parameters"].items()}
    return descriptor(description.get("descriptor", ""), **parameters)


def _plain(value: Any) -> Any:
    if isinstance(value, GaborBank):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return GaborBank.from_dict(value)
    return tuple(value) if isinstance(value, list) else value


def parameters_of(name: str) -> tuple[str, ...]:
    """Names of a descriptor's parameters.

    Examples
    --------
    >>> parameters_of("texture")
    ('bank', 'boundary')
    """
    fields: Any = dataclasses.fields(DESCRIPTORS[name])  # type: ignore[arg-type]
    return tuple(field.name for field in fields if field.init)
