"""Parameters of descriptors that are one of a few words."""

from __future__ import annotations

from typing import Any, get_args

from ..errors import FeatureError


def check_choice(name: str, value: object, choices: Any) -> None:
    """Raise FeatureError unless the value is one of a ``Literal``'s words.

    Examples
    --------
    >>> from typing import Literal
    >>> check_choice("normalise", "max", Literal["none", "sum"])
    Traceback (most recent call last):
    gaborkit.errors.FeatureError: normalise='max' is unknown; choose one of none, sum
    """
    words = get_args(choices)
    if value not in words:
        raise FeatureError(f"{name}={value!r} is unknown; choose one of {', '.join(words)}")
