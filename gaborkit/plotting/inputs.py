"""What a user gives, as plain NumPy and floats."""

from __future__ import annotations

import math
import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import AngleWarning, BankError, SamplingWarning
from ..kernels.base import Kernel
from ..kernels.gabor import PARAMETERS, GaborKernel
from ..types import Array, ComplexArray

#: Samples from a kernel's centre to its edge that are drawn.
MOST_SAMPLES = 512


def as_numpy(array: Array) -> NDArray[Any]:
    """A NumPy array of the values, also of a torch tensor on any device."""
    if hasattr(array, "detach"):
        array = array.detach().cpu().resolve_conj()
    return np.asarray(array)


def is_number(value: Any) -> bool:
    """Whether it is a finite real number."""
    return isinstance(value, Real) and math.isfinite(value)


def without_tensors(kernel: Kernel) -> Kernel:
    """The same kernel with floats for parameters that are torch tensors."""
    if not (isinstance(kernel, GaborKernel) and kernel.learnable):
        return kernel
    return changed(kernel, **{name: as_numpy(getattr(kernel, name)).item() for name in PARAMETERS})


def checked_bank(bank: Any, most: int) -> GaborBank:
    """The bank without tensors, or BankError unless it is one of at most so many kernels."""
    if not isinstance(bank, GaborBank):
        raise BankError(f"{type(bank).__name__} is not a bank; give a GaborBank")
    if len(bank) > most:
        raise BankError(
            f"a bank of {len(bank)} kernels does not fit a legible figure; plot a slice of it, "
            f"such as bank[:{most}]"
        )
    return GaborBank(map(without_tensors, bank))


def samples_to_draw(kernel: Kernel) -> tuple[ComplexArray, int]:
    """Samples of a kernel, its centre in the middle, and pixels from one to the next.

    Of a wide kernel they are few: all that a figure shows, and not gigabytes.
    """
    radius = kernel.radius()
    step = -(-radius // MOST_SAMPLES)
    if step <= 1:
        return kernel.sample(), 1
    if not isinstance(kernel, GaborKernel):
        return kernel.sample()[radius % step :: step, radius % step :: step], step
    line = step * np.arange(-(radius // step), radius // step + 1)
    return kernel.evaluate(line[:, None], line[None, :]), step


def changed(kernel: GaborKernel, **fields: Any) -> GaborKernel:
    """A copy with some fields changed, without the warnings that the kernel itself has given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SamplingWarning)
        warnings.simplefilter("ignore", AngleWarning)
        return kernel.replace(**fields)
