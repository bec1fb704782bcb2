"""The tuned filter against one kernel for each pixel, and what it does to gratings."""

from __future__ import annotations

import re

import numpy as np
import pytest
from fingerprints_for_tests import grating, tuned_pixel_by_pixel
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.vision.fingerprint import TunedFilter, tuned_filter

rng = np.random.default_rng(0)


def smooth_fields(shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    theta = 0.4 + 0.11 * x - 0.07 * y  # turns by more than pi
    return theta, 0.12 + 0.03 * np.sin(0.1 * x + 0.2 * y)


@pytest.mark.parametrize("tolerance", [0.1, 0.02, 0.001])
@pytest.mark.parametrize("fields", ["smooth", "independent"])
def test_it_is_the_filter_of_each_pixel_within_the_tolerance(tolerance, fields):
    image = rng.standard_normal((26, 30))
    theta, frequency = smooth_fields(image.shape)
    if fields == "independent":
        theta = rng.uniform(-9, 9, image.shape)
        frequency = rng.uniform(0.06, 0.2, image.shape)
    expected = tuned_pixel_by_pixel(image, theta, frequency, 4.0)
    found = tuned_filter(image, theta, frequency, tolerance=tolerance)
    assert np.linalg.norm(found - expected) < tolerance * np.linalg.norm(expected)


@pytest.mark.parametrize("sigma", [2.0, 3.0, 6.0])
def test_other_deviations(sigma):
    image = rng.standard_normal((26, 30))
    theta, frequency = smooth_fields(image.shape)
    expected = tuned_pixel_by_pixel(image, theta, frequency, sigma)
    found = tuned_filter(image, theta, frequency, sigma=sigma)
    assert np.linalg.norm(found - expected) < 0.03 * np.linalg.norm(expected)


def test_one_orientation_and_frequency_for_all_is_plain_filtering():
    image = rng.standard_normal((50, 60))
    kernel = gk.GaborKernel(wavelength=9, theta=0, sigma=4, norm="gain")
    expected = 2 * kernel.filter(image).real
    found = tuned_filter(image, 0.0, 1 / 9)  # a node: nothing is interpolated
    assert np.linalg.norm(found - expected) < 0.005 * np.linalg.norm(expected)
    found = tuned_filter(image, 0.7, 1 / 9, tolerance=1e-3)
    expected = 2 * gk.GaborKernel(wavelength=9, theta=0.7, sigma=4, norm="gain").filter(image).real
    assert np.linalg.norm(found - expected) < 1e-3 * np.linalg.norm(expected)


@settings(max_examples=10, deadline=None)
@given(theta=st.floats(-7, 7), wavelength=st.floats(6, 12))
def test_a_grating_passes_with_its_amplitude_and_one_across_it_does_not(theta, wavelength):
    image = grating((96, 96), wavelength, theta)
    middle = np.s_[24:-24, 24:-24]
    found = tuned_filter(image, theta, 1 / wavelength, tolerance=0.01)
    assert np.abs(found - image)[middle].max() < 0.03
    across = tuned_filter(image, theta + np.pi / 2, 1 / wavelength)
    assert np.abs(across)[middle].max() < 0.05


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_a_constant_becomes_zero(dtype):
    found = tuned_filter(np.full((40, 40), 200, dtype), 0.3, 0.11)
    assert found.dtype == (np.float64 if dtype is np.float64 else np.float32)
    assert np.abs(found).max() < 1e-4


def test_it_is_linear_and_single_precision_agrees():
    image, other = rng.standard_normal((2, 40, 50))
    theta, frequency = smooth_fields(image.shape)
    tuned = TunedFilter(theta, frequency, image.shape)
    assert np.allclose(tuned(2 * image - other), 2 * tuned(image) - tuned(other), atol=1e-12)
    single = tuned(image.astype(np.float32))
    assert single.dtype == np.float32
    assert np.linalg.norm(single - tuned(image)) < 1e-5 * np.linalg.norm(single)


def test_a_mask_and_frequency_zero_leave_pixels_out_and_change_no_other():
    image = rng.standard_normal((60, 50))
    theta, frequency = smooth_fields(image.shape)
    whole = tuned_filter(image, theta, frequency)
    mask = np.zeros(image.shape, bool)
    mask[10:50, 10:40] = True
    found = tuned_filter(image, theta, frequency, mask=mask, tolerance=0.001)
    assert not found[~mask].any()
    assert np.linalg.norm((found - whole)[mask]) < 0.02 * np.linalg.norm(whole)
    same = tuned_filter(image, theta, np.where(mask, frequency, 0), tolerance=0.001)
    assert np.array_equal(same, found)
    holes = np.where(mask, 1, np.nan)
    assert np.array_equal(tuned_filter(image, theta, frequency, mask=holes, tolerance=0.001), found)


def test_what_lies_far_from_the_mask_is_not_looked_at():
    image = rng.standard_normal((200, 180))
    mask = np.zeros(image.shape, bool)
    mask[90:110, 70:90] = True
    far = image.copy()
    far[:60], far[:, 120:] = 1e6, -1e6
    assert np.array_equal(*(tuned_filter(one, 0.3, 0.1, mask=mask) for one in (image, far)))
    at_border = np.zeros(image.shape, bool)
    at_border[:30, -30:] = True
    found = tuned_filter(image, 0.3, 0.1, mask=at_border)
    assert np.allclose(found[at_border], tuned_filter(image, 0.3, 0.1)[at_border])


def test_all_frequencies_at_once():
    image = rng.standard_normal((20, 24))
    theta = rng.uniform(0, np.pi, image.shape)
    frequency = rng.uniform(0.05, 0.4, image.shape)
    expected = tuned_pixel_by_pixel(image, theta, frequency, 4.0)
    found = tuned_filter(image, theta, frequency)
    assert np.linalg.norm(found - expected) < 0.03 * np.linalg.norm(expected)


def test_nothing_to_be_filtered():
    image = rng.standard_normal((40, 40))
    tuned = TunedFilter(0.0, 0.1, image.shape, mask=np.zeros(image.shape, bool))
    assert tuned.bank is None
    assert not tuned(image).any()
    assert not tuned_filter(image, 0.0, 0.0).any()


def test_kernels_that_no_pixel_needs_are_left_out():
    shape = (64, 64)
    turning, _ = smooth_fields(shape)
    all_around = TunedFilter(turning, 0.11, shape)
    narrow = TunedFilter(0.5, 0.11, shape)
    assert len(narrow.bank) == 4 < len(all_around.bank)
    assert len({kernel.frequency for kernel in all_around.bank}) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": 0}, "sigma=0 is no deviation in pixels"),
        ({"tolerance": 1}, "tolerance=1 is not between 0 and 1"),
        ({"frequency": 0.6}, "a frequency of 0.6 cycles per pixel is not between 0 and 1/2"),
        ({"frequency": -0.1}, "a frequency of -0.1 cycles per pixel"),
        ({"theta": np.zeros((3, 3))}, "theta of shape (3, 3) does not fit"),
        ({"mask": np.zeros((3, 3), bool)}, "mask of shape (3, 3) does not fit"),
        (
            {"frequency": np.linspace(0.001, 0.5, 1600).reshape(40, 40), "sigma": 20},
            "need too many",
        ),
        ({"theta": np.inf}, "1600 values of theta are NaN or infinite"),
    ],
)
def test_options(options, message):
    given = {"theta": 0.3, "frequency": 0.1} | options
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        tuned_filter(np.zeros((40, 40)), **given)


def test_pictures_that_do_not_fit():
    with pytest.raises(gk.FeatureError, match=re.escape("shape (40, 41) does not fit fields")):
        TunedFilter(0.3, 0.1, (40, 40))(np.zeros((40, 41)))
    with pytest.raises(gk.FeatureError, match=re.escape("shape (2, 40, 40) is not that of a grey")):
        TunedFilter(0.3, 0.1, (2, 40, 40))
