"""Prints of any scale: the distance of ridges is found, and the lengths of all steps follow it."""

from __future__ import annotations

import functools
import re

import cv2
import numpy as np
import pytest
from fingerprints_for_tests import apart, grating, small_print
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.vision.fingerprint import (
    degrade_fingerprint,
    enhance_fingerprint,
    ridge_mask,
    ridge_spacing,
    synthetic_fingerprint,
)

rng = np.random.default_rng(0)

SCALES = (0.4, 0.5, 0.7, 1, 1.4, 2)
KINDS = ("arch", "loop", "whorl")


@functools.cache
def truth_of(kind):
    return synthetic_fingerprint((288, 240), kind=kind, iterations=8, seed=0)


def resized(plane, scale):
    height, width = (round(n * scale) for n in plane.shape)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(plane.astype(np.float32), (width, height), interpolation=method)


@settings(max_examples=25, deadline=None)
@given(theta=st.floats(0, np.pi), wavelength=st.floats(3, 33), phase=st.floats(0, 6))
def test_the_spacing_of_a_grating_within_three_percent(theta, wavelength, phase):
    image = grating((240, 200), wavelength, theta, phase)
    assert ridge_spacing(image) == pytest.approx(wavelength, rel=0.03)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", SCALES)
def test_the_print_is_found_at_every_scale(kind, scale):
    truth = truth_of(kind)
    image, touched = resized(truth.image, scale), resized(truth.mask, scale) > 0.5
    usual = scale / np.median(truth.frequency[truth.mask])
    assert ridge_spacing(image) == pytest.approx(usual, rel=0.1)
    result = enhance_fingerprint(image)
    both = result.mask & touched
    assert both.sum() >= 0.9 * (result.mask | touched).sum()
    assert 1 / np.median(result.frequency[both]) == pytest.approx(usual, rel=0.05)
    wave = [resized(part(2 * truth.orientation), scale) for part in (np.cos, np.sin)]
    turn = apart(result.orientation, np.arctan2(wave[1], wave[0]) / 2)
    assert np.median(turn[both]) < 4
    ridges = resized(truth.ridges, scale) > 0.5
    assert (result.binary == ridges)[both].mean() > 0.9


@pytest.mark.parametrize("scale", [0.4, 0.7, 1, 1.4, 2])
@pytest.mark.parametrize(
    "damage", [{"noise": 0.2}, {"noise": 0.1, "moisture": -0.7}], ids=["noise", "dry"]
)
def test_a_spoiled_print_is_enhanced_alike_at_every_scale(damage, scale):
    truth = truth_of("whorl")
    image = degrade_fingerprint(truth.image, seed=0, **damage)
    own = resized(enhance_fingerprint(image, orientation="gabor").mask, scale) > 0.5
    result = enhance_fingerprint(resized(image, scale), orientation="gabor")
    assert (result.mask & own).sum() > 0.9 * (result.mask | own).sum()


def test_a_spacing_that_is_told_is_the_one_taken():
    image = small_print().image
    one, other = (enhance_fingerprint(image, spacing=spacing) for spacing in (9, 18))
    given = enhance_fingerprint(image, spacing=9, block=16, sigma=4, wavelengths=(3, 25))
    for part, same in zip(one, given, strict=True):
        assert np.array_equal(part, same)
    assert other.mask.sum() < one.mask.sum()


def test_limits_hold_for_the_spacing_too():
    both = grating((256, 128), 7, 0.3) + 0.6 * grating((256, 128), 24, 1.2)
    assert ridge_spacing(both) == pytest.approx(7, rel=0.05)
    assert ridge_spacing(both, wavelengths=(12, 40)) == pytest.approx(24, rel=0.05)
    result = enhance_fingerprint(both, wavelengths=(12, 40))
    assert 1 / np.median(result.frequency) == pytest.approx(24, rel=0.1)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((64, 64)),
        np.full((64, 64), 0.1, np.float32),
        np.zeros((8, 200)),
        rng.standard_normal((160, 160)),
    ],
    ids=["zero", "constant", "thin", "noise"],
)
def test_without_ridges_the_spacing_is_zero(image):
    assert ridge_spacing(image) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spacing": 1}, "spacing=1 is no distance of ridges; give pixels, from 2 on"),
        ({"spacing": np.inf}, "spacing=inf is no distance of ridges"),
        (
            {"spacing": 40, "wavelengths": (3, 25)},
            "spacing=40 is not within wavelengths=(3, 25); leave one of them out",
        ),
        ({"wavelengths": (9, 5)}, "wavelengths=(9, 5) are no limits in pixels"),
    ],
)
def test_options_of_the_scale(options, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        enhance_fingerprint(np.zeros((64, 64)), **options)


# ---- holes ----


def test_a_hole_that_is_a_core_is_filled_and_others_are_not():
    image = grating((240, 480), 9, 0.3)
    image[80:160, 360:440] = 0  # nothing there
    quality = np.ones_like(image)
    quality[80:160, 40:120] = 0.2  # bent ridges
    quality[80:160, 200:280] = 0.1  # none that can be told
    quality[80:160, 360:440] = 0.2
    mask = ridge_mask(image, quality=quality)
    assert mask[80:160, 40:120].all()
    assert not mask[100:140, 220:260].any()
    assert not mask[100:140, 380:420].any()
    quality[:] = 1
    quality[:80, 40:120] = 0.2  # at the border, where nothing encloses it
    assert not ridge_mask(image, quality=quality)[:60, 60:100].any()


def test_no_frequency_is_beyond_what_pixels_hold():
    # Enlarged before its frequency is found, this one had a block of 0.514 cycles per pixel.
    image = resized(synthetic_fingerprint((400, 320), kind="loop", seed=10).image, 0.4)
    assert enhance_fingerprint(image).frequency.max() <= 0.5
