"""Pictures of any size, brought by powers of two to where squares and sums of them are numbers.

Single precision has no squares below 1e-38 and above 1e38, and so no magnitude, by squares, of what
is smaller than 1e-19 or larger than 1e19. Filtering is linear: a picture is multiplied by a power
of two, which is exact, and its responses by the inverse. Ordinary pictures are left as they are.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..caches import lru_cache
from ..kernels.base import Kernel
from ..kernels.gabor import GaborKernel
from ..kernels.parameters import number
from ..types import Array, Part
from .backend import Library, library_of

#: Exponents between which the largest response lies, about, by double precision: far weaker ones
#: still have squares, and sums of squares of energies are numbers.
ORDINARY = {False: (-10, 28), True: (-200, 230)}

#: Powers of two, and their inverses, that are numbers, by double precision.
LIMIT = {False: 2.0**120, True: 2.0**1000}

#: Numbers that need no look: whole ones of at most 16 bits, and floats that reach as far.
SMALL = ("bool", "uint8", "int8", "uint16", "int16", "float16")

#: How often a part has the unit of the picture, if not once.
POWERS = {"phase": 0, "energy": 2}


@dataclass(frozen=True)
class Normalization:
    """Powers of two that pictures were divided by, and responses are to be multiplied by.

    Attributes
    ----------
    exponents : int array (B,), optional
        Of arrays: theirs.
    inverses : tensor (B, 1, 1), optional
        Of tensors: the powers.
    """

    exponents: np.ndarray[Any, np.dtype[np.int_]] | None = None
    inverses: Array | None = None

    def restored(self, values: Array, part: Part) -> Array:
        """A part (B, ...) of responses to scaled pictures, of the pictures' size; arrays in place.

        An energy that is too large for its precision is infinite.
        """
        power = POWERS.get(part, 1)
        if self.exponents is not None and power:
            exponents = power * self.exponents.reshape(-1, *(values.ndim - 1) * [1])
            with np.errstate(over="ignore", under="ignore"):
                for half in (values.real, values.imag) if values.dtype.kind == "c" else (values,):
                    np.ldexp(half, exponents, out=half)
        if self.inverses is not None:
            inverses = self.inverses.reshape(-1, *(values.ndim - 1) * [1])
            for _ in range(power):
                values = values * inverses
        return values


#: Of pictures that are filtered as they are.
UNCHANGED = Normalization()


def normalized(
    library: Library, images: Array, kernels: Sequence[Kernel], double: bool, source: Any = None
) -> tuple[Array, Normalization]:
    """Float pictures (B, H, W) of ordinary size for some kernels, and what they came by.

    Parameters
    ----------
    source : dtype, optional
        In which the pictures came, NumPy's or torch's: of :data:`SMALL` ones none is looked at.
    """
    gain = 0 if any(kernel.learnable for kernel in kernels) else _gain(tuple(kernels))
    low, high = (bound - gain for bound in ORDINARY[double])
    small = str(source).removeprefix("torch.") in SMALL
    if (small and low <= 0 and high >= 16) or 0 in images.shape:
        return images, UNCHANGED
    if library.name == "numpy":
        largest = np.maximum(images.max((1, 2)), -images.min((1, 2)))
        sizes = np.frexp(largest)[1]
        usable = (largest > 0) & np.isfinite(largest)
        exponents = np.where(usable, sizes - np.clip(sizes, low, high), 0)
        if not exponents.any():
            return images, UNCHANGED
        return np.ldexp(images, -exponents[:, None, None]), Normalization(exponents)
    factors = _factors(images.detach(), low, high, double)
    if _all_ones(factors):
        return images, UNCHANGED
    return images * factors, Normalization(None, 1 / factors)


def ordinary(images: Array) -> Array:
    """Float pictures (..., H, W), each of ordinary size, for what does not depend on its size."""
    library, planes = library_of(images), images.reshape(-1, *images.shape[-2:])
    return normalized(library, planes, (), library.double(images))[0].reshape(images.shape)


def _factors(images: Array, low: int, high: int, double: bool) -> Array:
    """Powers of two (B, 1, 1) on the images' device, which is not waited for."""
    torch = sys.modules["torch"]
    dtype = torch.float64 if double else torch.float32
    ends = (end((1, 2), keepdim=True).to(dtype) for end in (images.amax, images.amin))
    largest = torch.maximum(*(abs(end) for end in ends))
    usable = (largest > 0) & largest.isfinite()
    largest = torch.where(usable, largest, 1)
    # A number is its mantissa times a power of two, which dividing gives exactly.
    sizes = largest / torch.frexp(largest).mantissa
    factors = sizes.clamp(2.0**low, 2.0**high) / sizes
    return torch.where(usable, factors, 1).clamp(1 / LIMIT[double], LIMIT[double])


def _all_ones(factors: Array) -> bool:
    """Whether nothing is to be scaled, where to know that costs no waiting."""
    torch = sys.modules["torch"]
    if factors.device.type != "cpu" or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    try:
        return bool((factors == 1).all())
    except RuntimeError:  # within torch.func, a tensor has no values
        return False


@lru_cache(maxsize=64)
def _gain(kernels: tuple[Kernel, ...]) -> int:
    """Exponent of the largest response, about, to pictures of size 1."""
    largest = 0.0
    for kernel in kernels:
        theta, frequency = number(kernel.theta), kernel.frequency
        fy, fx = np.array(frequency * math.sin(theta)), np.array(frequency * math.cos(theta))
        sizes = [abs(complex(kernel.transfer(fy, fx)))]
        if isinstance(kernel, GaborKernel):  # a single sample, if it is narrow
            sizes.append(number(kernel.amplitude()))
        largest = max(largest, *(size for size in sizes if math.isfinite(size)))
    return max(-700, math.frexp(largest)[1])
