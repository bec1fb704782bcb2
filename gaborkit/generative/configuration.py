"""Frozen dataclasses to and from JSON, strictly: what does not fit is an error, never a guess."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import GaborkitError, ModelError, closest

T = TypeVar("T")


def to_dict(config: Any) -> dict[str, Any]:
    """Fields of a dataclass as a dictionary that JSON can hold.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     hidden: tuple[int, ...] = (400,)
    >>> to_dict(Config())
    {'hidden': [400]}
    """
    return {
        field.name: list(value) if isinstance(value, tuple) else value
        for field in dataclasses.fields(config)
        for value in [getattr(config, field.name)]
    }


def from_dict(
    cls: type[T], data: object, name: str = "config", error: type[GaborkitError] = ModelError
) -> T:
    """Dataclass ``cls`` from what :func:`to_dict` gave.

    Parameters
    ----------
    cls : a dataclass
        Of bool, int, float, str, Literal, tuples of them, dictionaries (whose content is the
        caller's to check), or None.
    data : decoded JSON
    name : str
        What the error calls it.
    error : subclass of GaborkitError

    Raises
    ------
    error
        If ``data`` is no object, holds an unknown key, or a value of the wrong type.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True)
    ... class Config:
    ...     latent: int = 20
    >>> from_dict(Config, {"latent": 2})
    Config(latent=2)
    >>> from_dict(Config, {"latent": "two"})
    Traceback (most recent call last):
    gaborkit.errors.ModelError: config: latent='two' is not int
    """
    if not isinstance(data, Mapping):
        raise error(f"{name}: {data!r:.60} is not an object of names and values")
    hints = get_type_hints(cls)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise error(
            f"{name}: {unknown[0]!r} is unknown; known are {', '.join(hints)}"
            f"{closest(str(unknown[0]), hints)}"
        )
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in data.items()}
    check_types(cls, values, name, error)
    try:
        return cls(**values)
    except TypeError:
        missing = [
            field.name
            for field in dataclasses.fields(cls)  # type: ignore[arg-type]
            if field.name not in values and field.default is dataclasses.MISSING
        ]
        raise error(f"{name}: {', '.join(missing)} is missing") from None


def check_types(
    cls: type, values: Mapping[str, Any], name: str, error: type[GaborkitError] = ModelError
) -> None:
    """Refuse values that are not of the types of a dataclass's fields.

    Raises
    ------
    error
        If one is not.
    """
    hints = get_type_hints(cls)
    for key, value in values.items():
        if not _fits(value, hints[key]):
            wanted = getattr(hints[key], "__name__", None) or str(hints[key])
            wanted = wanted if get_origin(hints[key]) is None else str(hints[key])
            value = list(value) if isinstance(value, tuple) else value
            raise error(f"{name}: {key}={value!r:.60} is not {wanted.replace('typing.', '')}")


def _fits(value: object, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, option) for option in arguments)
    if origin is Literal:
        return any(value == option and type(value) is type(option) for option in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return all(_fits(item, arguments[0]) for item in value)
        return len(value) == len(arguments) and all(map(_fits, value, arguments))
    if hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)
