"""Compiled transforms of eight pictures side by side, one a lane: what all that use them share."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from ...caches import forgotten_by, lock_over_forks
from ...types import Array, ComplexArray, RealArray
from ..backend import fast_size
from .structures import Transform

#: Lanes of the compiled code, and the largest radix that it has.
PLANES, LARGEST = 8, 64

#: Bytes that the next call may find in place: new memory costs more than what is computed in it.
KEPT_BYTES = 2**26

_lock = lock_over_forks()
_kept_blocks: list[Array] = []
forgotten_by(_kept_blocks.clear)


def radices(size: int) -> list[int]:
    """Factors of a size, as few as there are radices for; the largest, by itself, is the last.

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


class Pointed:
    """Arrays and structures that structures point to: they live as long as this does."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self.structures: list[ctypes.Structure] = []

    def address(self, values: Any, dtype: Any) -> int:
        """Where a copy of the values lies, at a multiple of 64."""
        values = np.asarray(values, dtype)
        self.arrays.append(_aligned(values.nbytes))
        self.arrays[-1].view(dtype).reshape(values.shape)[...] = values
        return int(self.arrays[-1].ctypes.data)

    def transform(self, size: int, dtype: Any) -> Transform:
        """A transform of lines of a size, of a real precision.

        Sizes with a large prime factor are convolved with a chirp.

        References
        ----------
        Bluestein (1970), "A linear filtering approach to the computation of discrete Fourier
        transform", IEEE Transactions on Audio and Electroacoustics 18(4), 451-455.
        """
        factors = radices(size)
        if max(factors) <= LARGEST:
            turns = np.exp(-2j * np.pi * np.arange(size) / size)
            pairs = self.address(_pairs(turns), dtype)
            return Transform(size=size, factors=self.address(factors, np.int32), turns=pairs)
        longer = fast_size(2 * size - 1)
        places = np.arange(size)
        chirp = np.exp(-1j * np.pi * (places**2 % (2 * size)) / size)
        around = np.zeros(longer, complex)
        around[places], around[-places] = chirp.conj(), chirp.conj()
        self.structures.append(self.transform(longer, dtype))
        return Transform(
            size=size,
            longer=ctypes.addressof(self.structures[-1]),
            chirp=self.address(_pairs(chirp), dtype),
            response=self.address(_pairs(np.fft.fft(around) / longer), dtype),
        )


def _pairs(numbers: ComplexArray) -> RealArray:
    return np.stack([numbers.real, numbers.imag], 1)


def block(size: int) -> Array:
    """Memory of at least so many bytes, at a multiple of 64."""
    with _lock:
        fitting = [place for place, kept in enumerate(_kept_blocks) if kept.size >= size]
        if fitting:
            return _kept_blocks.pop(min(fitting, key=lambda place: _kept_blocks[place].size))
    return _aligned(size)


def _aligned(size: int) -> Array:
    room = np.empty(size + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size]


def give_back(one: Array) -> None:
    """Keep the largest blocks, as far as they may be kept."""
    with _lock:
        _kept_blocks.append(one)
        _kept_blocks.sort(key=lambda kept: kept.size)
        while sum(kept.size for kept in _kept_blocks) > KEPT_BYTES:
            del _kept_blocks[0]
