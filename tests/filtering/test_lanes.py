"""Transforms in lanes: factors and chirps.

What they compute is tested by what stands on them, scattering and frames.
"""

from __future__ import annotations

import ctypes
import math

import numpy as np
import pytest

from gaborkit.filtering.engines import lanes
from gaborkit.filtering.parts import CACHE_LINE


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
    transform = lanes.transform(size, np.float64, pointed)
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
    pointed = lanes.Pointed()
    transform = lanes.transform(size, np.float32, pointed)
    assert not transform.longer
    np.testing.assert_array_equal(
        numbers(transform.factors, np.int32, len(lanes.radices(size))), lanes.radices(size)
    )


def test_arrays_lie_at_multiples_of_a_cache_s_line():
    pointed = lanes.Pointed()
    for size in (1, 3, 100):
        address = pointed.array(np.arange(size), np.float32)
        assert address % CACHE_LINE == 0
        np.testing.assert_array_equal(numbers(address, np.float32, size), np.arange(size))
    assert pointed.nbytes == 4 * 104
