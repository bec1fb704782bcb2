"""Numeric parameters of kernels: floats, or torch tensors of no dimensions that are learned."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from ..errors import AngleWarning, KernelError, warn

#: Radians beyond which an angle may be meant in degrees: a turn, and the half that a bank adds.
FEW_TURNS = 3 * math.pi

_UNIT = {
    **dict.fromkeys(("theta", "phase"), "give radians, such as 0.785 for 45 degrees"),
    "theta_deviation": "give radians, such as 0.44",
    **dict.fromkeys(("wavelength", "sigma"), "give pixels, such as 8"),
}


def is_tensor(value: Any) -> bool:
    """Whether a parameter is a torch tensor; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def number(value: Any) -> float:
    """A parameter as a float, also where it is a tensor that takes part in a gradient."""
    return float(value.detach() if is_tensor(value) else value)


def finite(name: str, value: Any) -> Any:
    """The value as a finite float, or the tensor itself where it holds one.

    Raises
    ------
    KernelError
        If it is not a number, or not finite.
    """
    try:
        # Text that holds a number would pass here, and fail where it is multiplied.
        plain = number(None if isinstance(value, (str, bytes)) else value)
    except (TypeError, ValueError, RuntimeError):
        unit = f"; {_UNIT[name]}" if name in _UNIT else ""
        raise KernelError(f"{name}={value!r} is not a number{unit}") from None
    except OverflowError:
        plain = math.inf
    if not math.isfinite(plain):
        raise KernelError(f"{name}={plain} is not finite; give a finite number")
    return value if is_tensor(value) else plain


def turned(theta: Any, angle: float) -> Any:
    """The sum of two angles in radians, without its whole turns where it has several."""
    total = theta + angle
    if not is_tensor(angle):
        warn_of_degrees("theta", angle)
    if is_tensor(total) or not FEW_TURNS < abs(total) < math.inf:
        return total
    return math.remainder(total, 2 * math.pi)


def warn_of_degrees(name: str, radians: Any) -> None:
    """Warn where an angle, or one of an array, has so many turns that it seems to be in degrees."""
    largest = float(np.max(np.abs(radians), initial=0))
    if largest > FEW_TURNS:
        warn(
            f"{name}={largest:.6g} radians are {largest / (2 * math.pi):.3g} turns; where degrees "
            f"are meant, give numpy.radians({largest:.6g})",
            AngleWarning,
        )


def power(a: float, j: float) -> float:
    """``a**j``; infinite where that is too large for a float, or no number.

    Raises
    ------
    KernelError
        If ``a`` or ``j`` is not a number.
    """
    if is_tensor(a) or is_tensor(j):
        return a**j  # type: ignore[no-any-return, unused-ignore]
    base, exponent = finite("a", a), finite("j", j)
    try:
        return float(base**exponent)
    except (OverflowError, ZeroDivisionError, TypeError):
        return math.inf
