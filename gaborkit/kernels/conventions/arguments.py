"""Checks of the arguments that users give in an origin's own words."""

from __future__ import annotations

import math
from typing import Any

from ...errors import KernelError
from ...whole_numbers import is_whole

_EXAMPLES = {
    "a": "2",
    "aspect_ratio": "0.5",
    "bandwidth": "1 (octave)",
    "frequency": "0.125",
    "lambd": "8 (pixels)",
    "wavelength": "8 (pixels)",
}


def finite(**values: Any) -> None:
    """Raise KernelError unless every value is a finite number."""
    for name, value in values.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise KernelError(f"{name}={value!r} is not a number") from None
        if not math.isfinite(number):
            raise KernelError(f"{name}={value!r} is not finite; give a finite number")


def positive(**values: Any) -> None:
    """Raise KernelError unless every value is a finite number above 0."""
    finite(**values)
    for name, value in values.items():
        if not value > 0:
            raise KernelError(f"{name}={value!r} is not positive; try {_EXAMPLES.get(name, '4')}")


def whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """Return the value as an int; raise KernelError unless it is a whole number in the range."""
    if not is_whole(value, least) or (most is not None and value > most):
        span = f"{least} or more" if most is None else f"{least} to {most}"
        raise KernelError(f"{name}={value!r} is not a whole number of {span}")
    return int(value)
