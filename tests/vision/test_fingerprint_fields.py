"""Normalisation, orientation, frequency and mask of ridges, on pictures whose truth is known."""

from __future__ import annotations

import re

import numpy as np
import pytest
from fingerprints_for_tests import apart, grating, small_print
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.vision.fingerprint import (
    normalize,
    ridge_frequency,
    ridge_mask,
    ridge_orientation,
)

rng = np.random.default_rng(0)
ANGLES = st.floats(0, np.pi)
MIDDLE = np.s_[40:-40, 40:-40]

# ---- normalisation ----


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_normalising_gives_the_mean_and_variance_that_are_asked_for(dtype):
    image = rng.integers(0, 200, (40, 50)).astype(dtype)
    found = normalize(image, mean=100, variance=400)
    assert found.dtype == (np.float64 if dtype is np.float64 else np.float32)
    assert found.mean() == pytest.approx(100, rel=1e-5)
    assert found.var() == pytest.approx(400, rel=1e-4)
    # In the article's words: brighter than the mean stays brighter, in proportion.
    expected = 100 + (image.astype(float) - image.mean()) * 20 / image.std()
    assert np.allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("value", [0, 7, 0.1, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_is_not_stretched(value, dtype):
    assert set(normalize(np.full((40, 40), value, dtype), mean=3).ravel()) == {3}


def test_what_is_no_picture_of_a_print():
    with pytest.raises(gk.ImageError, match=re.escape("shape (40, 40, 3) is not a grey picture")):
        normalize(np.zeros((40, 40, 3)))
    with pytest.raises(gk.ImageError, match="1 of 1600 pixels are NaN"):
        normalize(np.where(np.arange(1600).reshape(40, 40) == 77, np.nan, 0))
    with pytest.raises(gk.ImageError, match="complex128 cannot be filtered"):
        normalize(np.zeros((40, 40), complex))
    with pytest.raises(gk.FeatureError, match="variance=0 is no contrast"):
        normalize(np.zeros((40, 40)), variance=0)


# ---- orientation ----


@pytest.mark.parametrize("method", ["gradient", "gabor"])
@settings(max_examples=15, deadline=None)
@given(theta=ANGLES, wavelength=st.floats(6, 14), phase=st.floats(0, 6))
def test_the_orientation_of_a_grating_is_exact(method, theta, wavelength, phase):
    image = grating((128, 128), wavelength, theta, phase)
    found = ridge_orientation(image, method=method, window=5, smoothing=2)
    assert apart(found.theta, theta)[MIDDLE].max() < (0.01 if method == "gradient" else 0.1)
    assert (found.theta >= 0).all()
    assert (found.theta < np.pi).all()
    if method == "gradient":
        assert found.coherence[MIDDLE].min() > 0.999


def test_theta_points_across_the_ridges():
    x = np.arange(64.0)
    upright = np.broadcast_to(np.cos(2 * np.pi * x / 8), (64, 64))  # ridges run downwards
    assert apart(ridge_orientation(upright).theta, 0)[20:-20, 20:-20].max() < 1e-6
    assert apart(ridge_orientation(upright.T).theta, np.pi / 2)[20:-20, 20:-20].max() < 1e-6


@pytest.mark.parametrize("method", ["gradient", "gabor"])
def test_orientation_knows_neither_contrast_nor_level_nor_sign(method):
    image = small_print().image.astype(float)
    found = ridge_orientation(image, method=method).theta
    for other in (5 - 3 * image, 1000 * image + 7):
        assert apart(ridge_orientation(other, method=method).theta, found).max() < 1e-6


def test_orientation_turns_with_the_picture():
    image = small_print().image.astype(float)
    found = ridge_orientation(image).theta
    turned = ridge_orientation(np.rot90(image)).theta  # by a quarter, against the clock
    assert apart(turned, np.rot90(found) - np.pi / 2).max() < 1e-4
    mirrored = ridge_orientation(image[:, ::-1]).theta
    assert apart(mirrored, np.pi - found[:, ::-1]).max() < 1e-4


def test_a_bank_of_ones_own():
    image = grating((96, 96), 9, 1.0)
    bank = gk.GaborBank.grid(1, 12, wavelength=9)
    found = ridge_orientation(image, method="gabor", bank=bank)
    assert apart(found.theta, 1.0)[MIDDLE].max() < 0.1


def test_a_constant_has_no_orientation():
    for dtype in (np.float32, np.float64):
        for method in ("gradient", "gabor"):
            found = ridge_orientation(np.full((64, 64), 0.7, dtype), method=method)
            assert not found.theta.any()
            assert not found.coherence.any()
            assert found.theta.dtype == found.coherence.dtype == dtype


def test_noise_has_little_coherence():
    noise = rng.standard_normal((128, 128))
    assert ridge_orientation(noise).coherence.mean() < 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "sobel"}, "method='sobel' is unknown; choose gradient or gabor"),
        ({"window": 0}, "window=0 is no deviation in pixels; give one above 0"),
        ({"sigma": 0}, "sigma=0 is no deviation in pixels; give one above 0"),
        ({"smoothing": -1}, "smoothing=-1 is no deviation in pixels; give one from 0 on"),
        ({"bank": gk.GaborBank.grid(1, 4)}, "a bank is for method='gabor'"),
    ],
)
def test_orientation_options(options, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        ridge_orientation(np.zeros((64, 64)), **options)


# ---- frequency ----


@settings(max_examples=25, deadline=None)
@given(theta=ANGLES, wavelength=st.floats(4, 16), phase=st.floats(0, 6))
def test_the_frequency_of_a_grating_within_one_percent(theta, wavelength, phase):
    image = grating((160, 160), wavelength, theta, phase)
    found = ridge_frequency(image, theta, window=(48, 16))
    assert abs(found.frequency[60:-60, 60:-60] * wavelength - 1).max() < 0.01
    assert found.quality[60:-60, 60:-60].min() > 0.97


def test_the_articles_window_at_common_wavelengths():
    for wavelength in (5, 7, 9, 11, 13):
        found = ridge_frequency(grating((160, 160), wavelength, 0.7), 0.7)
        assert abs(found.frequency[60:-60, 60:-60] * wavelength - 1).max() < 0.01


def test_blocks_without_ridges_get_the_frequency_around_them():
    image = grating((160, 160), 9, 0.3)
    image[60:100, 60:100] = 0
    found = ridge_frequency(image, 0.3)
    assert abs(found.frequency[80, 80] * 9 - 1) < 0.03
    assert found.quality[80, 80] < 0.5
    assert found.quality[20, 80] > 0.9


@pytest.mark.parametrize("image", [np.zeros((64, 64)), np.full((64, 64), 0.1, np.float32)])
def test_without_ridges_the_frequency_is_zero(image):
    found = ridge_frequency(image, 0.0)
    assert not found.frequency.any()
    assert not found.quality.any()


def test_wavelengths_out_of_the_limits_do_not_count():
    found = ridge_frequency(grating((96, 96), 6, 0.5), 0.5, wavelengths=(8, 12))
    assert not found.frequency.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": 0}, "block=0, window=(32, 16): these are no sizes in pixels"),
        ({"window": (32.5, 16)}, "window=(32.5, 16): these are no sizes"),
        ({"window": (32,)}, "window=(32,): these are no sizes"),
        ({"wavelengths": (1, 9)}, "wavelengths=(1, 9) are no limits in pixels"),
        ({"wavelengths": (5,)}, "wavelengths=(5,) are no limits in pixels"),
        ({"wavelengths": (9, 5)}, "wavelengths=(9, 5) are no limits in pixels"),
        ({"wavelengths": (17, 25)}, "a window 32 pixels long does not hold two ridges 17 pixels"),
    ],
)
def test_frequency_options(options, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        ridge_frequency(np.zeros((64, 64)), 0.0, **options)


def test_fields_that_do_not_fit():
    with pytest.raises(gk.FeatureError, match=re.escape("theta of shape (5, 5) does not fit")):
        ridge_frequency(np.zeros((64, 64)), np.zeros((5, 5)))
    with pytest.raises(gk.FeatureError, match="4096 values of theta are NaN or infinite"):
        ridge_frequency(np.zeros((64, 64)), np.nan)


# ---- mask ----


def test_the_mask_is_where_the_print_is():
    image = np.zeros((192, 192))
    image[48:144, 48:144] = grating((96, 96), 9, 0.3)
    mask = ridge_mask(image)
    assert mask[50:142, 50:142].all()
    mask[36:156, 36:156] = False
    assert not mask.any()


def test_what_has_contrast_but_no_ridges_is_masked_by_its_quality():
    image = rng.standard_normal((192, 320))
    image[:, 160:] = grating((192, 160), 9, 0.3)
    theta = ridge_orientation(image).theta
    quality = ridge_frequency(image, theta).quality
    assert ridge_mask(image).mean() > 0.99
    mask = ridge_mask(image, quality=quality)
    assert mask[:, 180:].mean() > 0.99
    assert mask[:, :140].mean() < 0.05


def test_holes_and_islands_smaller_than_four_blocks_go():
    image = np.zeros((256, 256))
    image[32:224, 32:224] = grating((192, 192), 9, 0.3)
    image[100:124, 100:124] = 0  # a hole
    image[4:14, 4:14] = 1  # an island
    mask = ridge_mask(image, block=16)
    assert mask[112, 112]
    assert not mask[9, 9]


@pytest.mark.parametrize("image", [np.zeros((64, 64)), np.full((64, 64), 0.1, np.float32)])
def test_the_mask_of_a_constant_is_empty(image):
    assert not ridge_mask(image).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": 1.5}, "block=1.5 is no size in pixels"),
        ({"contrast": -1}, "contrast=-1 is no least value"),
        ({"regularity": np.nan}, "regularity=nan is no least value"),
        ({"quality": np.zeros(3)}, "quality of shape (3,) does not fit"),
    ],
)
def test_mask_options(options, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        ridge_mask(np.zeros((64, 64)), **options)
