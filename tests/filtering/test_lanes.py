"""Transforms in lanes: factors, chirps, and memory that is kept.

What they compute is tested by what stands on them, scattering and frames.
"""

from __future__ import annotations

import ctypes
import math

import numpy as np
import pytest

from gaborkit import clear_caches
from gaborkit.filtering.engines import lanes


@pytest.mark.parametrize("size", [*range(1, 300), 1031, 2**10, 2**13, 3**7, 5**4 * 7, 2 * 9973])
def test_factors_make_the_size_and_are_few(size):
    factors = lanes.radices(size)
    assert math.prod(factors) == size
    assert factors == sorted(factors)
    assert sum(factor == 2 for factor in factors) <= 1  # else they are fours and eights
    assert sum(factor == 3 for factor in factors) <= 1


def numbers(address, dtype, count):
    size = count * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_uint8 * size).from_address(address), dtype)


@pytest.mark.parametrize("size", [67, 134, 1031])
def test_a_chirp_convolves_to_the_transform(size):
    pointed = lanes.Pointed()
    transform = pointed.transform(size, np.float64)
    longer = type(transform).from_address(transform.longer)
    assert longer.size >= 2 * size - 1
    assert not longer.longer
    chirp = numbers(transform.chirp, complex, size)
    response = numbers(transform.response, complex, longer.size)
    values = np.random.default_rng(0).standard_normal(size)
    product = np.fft.fft(values * chirp, longer.size) * response
    found = chirp * (np.fft.ifft(product) * longer.size)[:size]
    expected = np.fft.fft(values)
    assert np.linalg.norm(found - expected) <= 1e-14 * np.linalg.norm(expected)


@pytest.mark.parametrize("size", [1, 60, 61, 64])
def test_small_factors_need_no_chirp(size):
    transform = lanes.Pointed().transform(size, np.float32)
    assert not transform.longer
    np.testing.assert_array_equal(
        numbers(transform.factors, np.int32, len(lanes.radices(size))), lanes.radices(size)
    )


def test_addresses_and_blocks_are_multiples_of_64():
    pointed = lanes.Pointed()
    for size in (1, 3, 100):
        assert pointed.address(np.ones(size), np.float32) % 64 == 0
        assert lanes.block(size).ctypes.data % 64 == 0


def test_blocks_are_kept_up_to_a_limit(monkeypatch):
    clear_caches()
    monkeypatch.setattr(lanes, "KEPT_BYTES", 300)
    small, large = lanes.block(100), lanes.block(250)
    lanes.give_back(small)
    assert lanes.block(101) is not small
    assert lanes.block(90) is small
    lanes.give_back(large)
    lanes.give_back(small)  # both are more than may be kept: the smaller goes
    assert lanes.block(1) is large
    lanes.give_back(large)
    clear_caches()
    assert lanes.block(1) is not large
