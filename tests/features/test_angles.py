"""Angles of vectors and of lines."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaborkit.features.angles import angle_of, half_circle

NUMBERS = st.floats(-1e6, 1e6, width=32)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30))
def test_single_precision_is_that_of_numpy(vectors):
    y, x = np.float32(vectors).T
    found = angle_of(y, x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.arctan2(y.astype(float), x + 0.0), rtol=0, atol=4e-7)


def test_shapes_are_kept():
    for shape in ((), (1,), (0, 3), (2, 1, 3)):
        for dtype in (np.float32, np.float64):
            y = np.full(shape, 1, dtype)
            assert angle_of(y, y).shape == shape
    assert angle_of(np.ones((2, 1), np.float32), np.ones(3, np.float32)).shape == (2, 3)


def test_many_at_once_and_other_kinds():
    y, x = np.random.default_rng(0).normal(size=(2, 90, 400)).astype(np.float32)
    np.testing.assert_allclose(angle_of(y, x.T.copy().T), np.arctan2(y, x), atol=4e-7)
    np.testing.assert_array_equal(angle_of(y.astype(float), x), np.arctan2(y.astype(float), x))
    tensors = torch.from_numpy(y), torch.from_numpy(x)
    np.testing.assert_allclose(angle_of(*tensors), np.arctan2(y, x), atol=4e-7)


@pytest.mark.parametrize("make", [np.float32, np.float64, torch.tensor])
def test_the_half_circle_is_open(make):
    angles = [0.0, -1e-30, np.pi, -np.pi, 7.0, -1e-7, 3.1415925, 2 * np.pi]
    found = half_circle(make(angles))
    assert bool((found >= 0).all())
    assert bool((found < np.pi).all())
    apart = (np.asarray(found, float) - angles + 1) % np.pi - 1
    np.testing.assert_allclose(apart, 0, atol=1e-6)
