"""Compiled transforms of eight pictures side by side, one a lane: what all that use them share."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...caches import forgotten_by, lock_over_forks
from ...types import Array
from .structures import Transform

#: Lanes, and the largest prime factor of a size, of the compiled code.
PLANES, LARGEST = 8, 64

#: Bytes that the next call may find in place: new memory costs more than what is computed in it.
KEPT_BYTES = 2**26

_lock = lock_over_forks()
_kept_blocks: list[Array] = []
forgotten_by(_kept_blocks.clear)


def takes(size: int) -> bool:
    """Whether the compiled code transforms lines of a size."""
    return max(radices(size)) <= LARGEST


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
    """Arrays that structures point to: they live as long as this does."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []

    def address(self, values: Any, dtype: Any) -> int:
        """Where a copy of the values lies, at a multiple of 64."""
        values = np.asarray(values, dtype)
        self.arrays.append(_aligned(values.nbytes))
        self.arrays[-1].view(dtype).reshape(values.shape)[...] = values
        return int(self.arrays[-1].ctypes.data)

    def transform(self, size: int, dtype: Any) -> Transform:
        """A transform of lines of a size, of a real precision."""
        turns = np.exp(-2j * np.pi * np.arange(size) / size)
        pairs = self.address(np.stack([turns.real, turns.imag], 1), dtype)
        return Transform(size=size, factors=self.address(radices(size), np.int32), turns=pairs)


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
