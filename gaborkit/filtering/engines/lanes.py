"""Compiled Fourier transforms of eight lines side by side, one a lane: what they read."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ...types import Array, ComplexArray, RealArray
from ..backend import fast_size
from .scratch import aligned
from .structures import Transform

#: As OCTET_SIZE and LARGEST of separable.c: lines side by side, and the largest radix.
LANES, LARGEST = 8, 64


class Pointed:
    """Arrays and structures that structures point to: they live as long as this does."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self.structures: list[Any] = []

    @property
    def nbytes(self) -> int:
        """Of the arrays."""
        return sum(array.nbytes for array in self.arrays)

    def array(self, values: Any, dtype: Any) -> int:
        """Address of a copy of values."""
        values = np.asarray(values, dtype)
        self.arrays.append(aligned(values.nbytes))
        self.arrays[-1].view(dtype).reshape(values.shape)[...] = values
        return int(self.arrays[-1].ctypes.data)

    def structure(self, structure: Any) -> int:
        """Address of a structure, or of an array of them."""
        self.structures.append(structure)
        return ctypes.addressof(structure)


def transform(size: int, dtype: Any, pointed: Pointed) -> Transform:
    """The transform of lines of a size, of a real precision.

    Sizes with a large prime factor are convolved with a chirp.

    References
    ----------
    Bluestein (1970), "A linear filtering approach to the computation of discrete Fourier
    transform", IEEE Transactions on Audio and Electroacoustics 18(4), 451-455.
    """
    factors = radices(size)
    if max(factors) <= LARGEST:
        roots = pointed.array(_pairs(np.exp(-2j * np.pi * np.arange(size) / size)), dtype)
        return Transform(size=size, factors=pointed.array(factors, np.int32), roots=roots)
    longer = fast_size(2 * size - 1)
    places = np.arange(size)
    chirp = np.exp(-1j * np.pi * (places**2 % (2 * size)) / size)
    around = np.zeros(longer, complex)
    around[places], around[-places] = chirp.conj(), chirp.conj()
    return Transform(
        size=size,
        longer=pointed.structure(transform(longer, dtype, pointed)),
        chirp=pointed.array(_pairs(chirp), dtype),
        response=pointed.array(_pairs(np.fft.fft(around) / longer), dtype),
    )


def radices(size: int) -> list[int]:
    """Factors of a size, as few as there are radices for.

    They are sorted: the first stage, which needs no twiddle factors, has the last of them.

    Examples
    --------
    >>> radices(576), radices(544)
    ([8, 8, 9], [4, 8, 17])
    """
    twos = (size & -size).bit_length() - 1
    rest = size >> twos
    fours = min(-twos % 3, twos // 2)
    factors = [2] * (twos == 1) + [4] * fours + [8] * ((twos - 2 * fours) // 3)
    for factor in (9, 3, *range(5, rest + 1, 2)):
        while rest % factor == 0:
            factors.append(factor)
            rest //= factor
    return sorted(factors) or [1]


def _pairs(numbers: ComplexArray) -> RealArray:
    return np.stack([numbers.real, numbers.imag], 1)
