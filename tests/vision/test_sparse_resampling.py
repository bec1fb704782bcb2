"""Planes blurred and resized, against OpenCV and by what must hold of any."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from gaborkit.vision.sparse_resampling import blurred, correlated, resized, sampled

sides = st.tuples(st.integers(1, 40), st.integers(1, 40))


def plane(shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


@settings(max_examples=40, deadline=None)
@given(sides, st.floats(0.3, 4))
def test_blur_is_that_of_opencv(shape, sigma):
    image = plane(shape)
    side = 2 * int(np.ceil(4 * sigma)) + 1
    peer = cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_REFLECT)
    np.testing.assert_allclose(blurred(image, sigma), peer, atol=1e-12)


def test_no_blur_changes_nothing():
    image = plane((3, 4))
    assert blurred(image, 0) is image


@settings(max_examples=40, deadline=None)
@given(sides, st.data())
def test_fewer_pixels_are_those_of_opencv(shape, data):
    target = tuple(data.draw(st.integers(1, n)) for n in shape)
    image = plane(shape)
    peer = cv2.resize(image, target[::-1], interpolation=cv2.INTER_AREA)
    result = resized(image, target, "area")
    np.testing.assert_allclose(result, peer, atol=1e-6)
    np.testing.assert_allclose(result.mean(), image.mean(), atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(sides, st.data(), st.sampled_from(["linear", "cubic"]))
def test_more_pixels_are_those_of_opencv(shape, data, method):
    target = tuple(data.draw(st.integers(n, 3 * n)) for n in shape)
    image = plane(shape)
    flag = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}[method]
    peer = cv2.resize(image, target[::-1], interpolation=flag)
    np.testing.assert_allclose(resized(image, target, method), peer, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(sides, st.integers(1, 3))
def test_weights_are_correlated_as_by_opencv(shape, step):
    image, rows, columns = plane(shape), plane((5, 1))[:, 0], plane((1, 7))[0]
    peer = cv2.sepFilter2D(image, cv2.CV_64F, columns, rows, borderType=cv2.BORDER_REFLECT)
    result = correlated(image, rows, columns, step=step)
    np.testing.assert_allclose(result, peer[::step, ::step], atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["area", "linear", "cubic"])
def test_a_constant_and_its_dtype_stay(dtype, method):
    image = np.full((13, 7), 3, dtype)
    shape = (5, 3) if method == "area" else (31, 20)
    result = resized(image, shape, method)
    assert (result.dtype, result.shape) == (dtype, shape)
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result, 3, rtol=1e-6)
    assert blurred(image, 2.0).dtype == dtype


@settings(max_examples=30, deadline=None)
@given(st.tuples(st.integers(2, 20), st.integers(2, 20)))
def test_values_between_pixels_are_those_of_scipy(shape):
    image, rng = plane(shape), np.random.default_rng(shape)
    points = np.stack([rng.uniform(0, n - 1, (3, 5)) for n in shape])
    points[:, 0, 0] = np.array(shape) - 1
    peer = map_coordinates(image, points, order=1, mode="nearest")
    np.testing.assert_allclose(sampled(image, *points), peer, atol=1e-12)
