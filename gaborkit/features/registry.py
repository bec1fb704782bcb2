"""Descriptors by short name."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..errors import FeatureError
from .descriptor import Descriptor
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
        )
    taken = parameters_of(name)
    for parameter in parameters:
        if parameter not in taken:
            raise FeatureError(
                f"{name} has no parameter {parameter!r}; it takes {', '.join(taken)}"
            )
    return DESCRIPTORS[name](**parameters)


def parameters_of(name: str) -> tuple[str, ...]:
    """Names of a descriptor's parameters.

    Examples
    --------
    >>> parameters_of("texture")
    ('bank', 'boundary')
    """
    fields: Any = dataclasses.fields(DESCRIPTORS[name])  # type: ignore[arg-type]
    return tuple(field.name for field in fields if field.init)
