"""Memory of responses: on cache lines, and used again only once nobody holds it."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from gaborkit.filtering import parts

DOUBLE = np.dtype(np.float64)
LARGE = parts.LARGE_BYTES // 8


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(parts, "_free", [])


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "u1"])
@pytest.mark.parametrize("length", [1, 1000, LARGE, LARGE + 3])
def test_arrays_start_on_a_cache_line(length, dtype):
    array = parts.empty((length, 1), np.dtype(dtype))
    assert (array.shape, array.dtype) == ((length, 1), np.dtype(dtype))
    assert array.ctypes.data % 64 == 0
    assert array.flags.writeable
    array[:] = 7  # all of it is there
    assert (array == 7).all()


def test_memory_is_not_given_away_while_a_view_is_held():
    first = parts.empty((2, LARGE), DOUBLE)
    first[:] = 1
    view = first[1, ::1000]
    del first
    gc.collect()
    others = [parts.empty((2, LARGE), DOUBLE) for _ in range(3)]
    for other in others:
        other[:] = 2
    assert (view == 1).all()
    assert not parts._free
    del view
    gc.collect()
    assert len(parts._free) == 1
    parts.empty((2, LARGE), DOUBLE)[:] = 3
    assert all((other == 2).all() for other in others)


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        (4 * LARGE, 4 * LARGE, True),
        (4 * LARGE, 3 * LARGE, True),
        (4 * LARGE, 5 * LARGE, False),  # too small
        (4 * LARGE, LARGE + 100, False),  # so much would lie idle
        (2 * LARGE, LARGE - 100, False),  # quickly cleared
        (parts.KEPT_BYTES // 8 + 1, parts.KEPT_BYTES // 8, False),  # too much to keep
    ],
)
def test_memory_is_used_again_for_arrays_of_about_its_size(before, after, again):
    first = parts.empty((before,), DOUBLE)
    address = first.ctypes.data
    del first
    gc.collect()
    freed = list(parts._free)
    second = parts.empty((after,), DOUBLE)
    assert (bool(freed) and np.shares_memory(second, freed[0])) == again
    assert not again or second.ctypes.data == address
