"""Memory that compiled code works in, kept from one call to the next.

New memory costs more than what is computed in it.
"""

from __future__ import annotations

import numpy as np

from ...caches import forgotten_by, lock_over_forks
from ...types import Array
from ..parts import CACHE_LINE

#: Bytes that are kept.
KEPT_BYTES = 2**26

_lock = lock_over_forks()
_kept: list[Array] = []


def take(size: int) -> Array:
    """Bytes, at least so many."""
    with _lock:
        fitting = [place for place, block in enumerate(_kept) if block.size >= size]
        if fitting:
            return _kept.pop(min(fitting, key=lambda place: _kept[place].size))
    return aligned(size)


def aligned(size: int) -> Array:
    """New bytes that start on a cache line."""
    room = np.empty(size + CACHE_LINE, np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    return room[start : start + size]


def give_back(block: Array) -> None:
    """Keep a block for those who take one next; of all, the largest are kept."""
    if block.size > KEPT_BYTES:
        return
    with _lock:
        _kept.append(block)
        _kept.sort(key=lambda one: one.size)
        while sum(one.size for one in _kept) > KEPT_BYTES:
            del _kept[0]


@forgotten_by
def _forget() -> None:
    with _lock:
        _kept.clear()
