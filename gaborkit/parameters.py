"""Numeric parameters of kernels: floats, or torch tensors of no dimensions that are learned."""

from __future__ import annotations

import math
import sys
from typing import Any

from .errors import KernelError


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
        raise KernelError(f"{name}={value!r} is not a number") from None
    except OverflowError:
        plain = math.inf
    if not math.isfinite(plain):
        raise KernelError(f"{name}={plain} is not finite; give a finite number")
    return value if is_tensor(value) else plain


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
