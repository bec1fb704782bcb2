"""Memory that compiled code works in: kept up to a limit, and forgotten."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import gaborkit as gk
from gaborkit.filtering.engines import scratch
from gaborkit.filtering.parts import CACHE_LINE


@pytest.fixture(autouse=True)
def nothing_kept():
    gk.clear_caches()
    yield
    gk.clear_caches()


@pytest.mark.parametrize("size", [1, 63, 64, 1000])
def test_blocks_are_aligned(size):
    block = scratch.take(size)
    assert block.size >= size
    assert block.ctypes.data % CACHE_LINE == 0


def test_the_smallest_that_fits_is_taken():
    blocks = {size: scratch.aligned(size) for size in (100, 300, 200)}
    for block in blocks.values():
        scratch.give_back(block)
    assert scratch.take(150) is blocks[200]
    assert scratch.take(150) is blocks[300]
    assert scratch.take(150) is not blocks[100]
    assert scratch.take(100) is blocks[100]


def test_the_largest_are_kept_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(scratch, "KEPT_BYTES", 300)
    small, large, too_large = (scratch.aligned(size) for size in (100, 250, 301))
    scratch.give_back(small)
    scratch.give_back(too_large)  # which costs the small one nothing
    assert scratch.take(1) is small
    scratch.give_back(large)
    scratch.give_back(small)  # both are more than may be kept: the smaller goes
    assert scratch.take(1) is large
    scratch.give_back(large)
    gk.clear_caches()
    assert scratch.take(1) is not large


def test_clearing_meets_no_one_at_work():
    def take_and_give(_):
        for _ in range(300):
            scratch.give_back(scratch.take(100))

    def clear(_):
        for _ in range(300):
            gk.clear_caches()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for result in [pool.submit(work, 0) for work in 2 * (take_and_give, clear)]:
                result.result()
    finally:
        sys.setswitchinterval(interval)
