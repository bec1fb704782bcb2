"""Textures and defects of a part of a picture: what lies outside a mask has no part in them."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textures_for_tests import blotches, stripes

import gaborkit as gk
from gaborkit.features.energy import smoothed
from gaborkit.vision import (
    JAIN_FARROKHNIA,
    find_defects,
    fit_scribbles,
    segment_scribbles,
    segment_textures,
)
from gaborkit.vision.segmentation import OUTSIDE
from gaborkit.vision.synthetic import weave
from gaborkit.vision.texture_maps import strongest_kernels

SHAPE = (140, 168)
Y, X = np.indices(SHAPE)
DISC = np.hypot((Y - 70) / 64, (X - 84) / 74) < 1
HALVES = np.where(X < 84, stripes(SHAPE, 8, 0), stripes(SHAPE, 5, np.pi / 2))
CLOTH = weave(SHAPE, period=6, jitter=0.3).astype(np.float32)
HOLED = np.where(np.hypot(Y - 80, X - 94) < 5, -2, CLOTH).astype(np.float32)
#: What may lie outside, as a picture of the same size.
OUTSIDES = st.one_of(
    st.sampled_from([np.nan, np.inf, -1e30, 0.0]).map(lambda value: np.full(SHAPE, value)),
    st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).normal(0, 9, SHAPE)),
)


def spoiled(image, outside):
    return np.where(DISC, image, outside).astype(np.float32)


@functools.cache
def textures(outside):
    article = JAIN_FARROKHNIA if outside == "normalized" else {}
    options = {**article, "mask": DISC, "outside": outside}
    return segment_textures(HALVES, 2, **options), options


@functools.cache
def defects(outside):
    return find_defects(HOLED, mask=DISC, outside=outside)


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
@settings(deadline=None, max_examples=2)
@given(values=OUTSIDES)
def test_textures_see_nothing_outside(outside, values):
    expected, options = textures(outside)
    found = segment_textures(spoiled(HALVES, values), 2, **options)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    np.testing.assert_array_equal(found.features.values, expected.features.values)
    assert (found.labels[~DISC] == OUTSIDE).all()
    assert not found.probabilities[:, ~DISC].any()
    np.testing.assert_allclose(found.probabilities[:, DISC].sum(0), 1, atol=1e-4)
    assert np.mean((found.labels == (X >= 84))[DISC & (abs(X - 84) > 6)]) > 0.97


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
@settings(deadline=None, max_examples=2)
@given(values=OUTSIDES)
def test_defects_see_nothing_outside(outside, values):
    expected = defects(outside)
    found = find_defects(spoiled(HOLED, values), mask=DISC, outside=outside)
    np.testing.assert_array_equal(found.score, expected.score)
    assert found.threshold == expected.threshold
    assert not found.score[~DISC].any()
    assert found.mask[80, 94]
    assert np.hypot(*np.subtract(np.unravel_index(found.score.argmax(), SHAPE), (80, 94))) < 8
    assert found.judged == np.isfinite(found.usual).sum()


def test_a_count_that_fits_best_is_found_inside():
    found = segment_textures(spoiled(HALVES, blotches(SHAPE)), counts=(2, 3), mask=DISC)
    assert found.count == 2


@pytest.mark.parametrize("options", [{}, {"margin": 4}])
def test_a_whole_mask_changes_nothing(options):
    whole = np.ones(SHAPE)
    one, other = (segment_textures(HALVES, 2, mask=mask) for mask in (None, whole))
    np.testing.assert_array_equal(one.labels, other.labels)
    plain = find_defects(HOLED, **{"margin": 8, **options})
    masked = find_defects(HOLED, mask=whole, **{"margin": 8, **options})
    np.testing.assert_allclose(masked.score, plain.score, rtol=1e-4)
    np.testing.assert_array_equal(masked.mask, plain.mask)


def test_a_box_is_the_picture_cut_out():
    box = np.zeros(SHAPE)
    box[7:133, 11:151] = 1
    inner = (slice(7, 133), slice(11, 151))
    cut = find_defects(HOLED[inner], margin=9)
    found = find_defects(HOLED, mask=box, margin=9)
    np.testing.assert_allclose(found.score[inner], cut.score, rtol=1e-4)
    labels = segment_textures(HALVES, 2, mask=box).labels
    np.testing.assert_array_equal(labels[inner], segment_textures(HALVES[inner], 2).labels)


def test_a_reference_is_seen_as_a_whole():
    good = weave(SHAPE, 1, period=6, jitter=0.3).astype(np.float32)
    found = find_defects(spoiled(HOLED, np.nan), good, mask=DISC)
    assert found.mask[80, 94]
    assert not found.mask[~DISC].any()


def test_few_pixels_far_apart_are_all_looked_at():
    scattered = np.zeros(SHAPE, bool)
    scattered[::9, ::7] = True
    found = segment_textures(HALVES, 2, mask=scattered, refine=False)
    assert set(np.unique(found.labels[scattered])) == {0, 1}


def test_means_of_what_is_inside_are_of_that_alone():
    rng = np.random.default_rng(0)
    maps = rng.random((2, *SHAPE)).astype(np.float32)
    weights = np.exp(-((Y - 40) ** 2 + (X - 20) ** 2) / (2 * 3.0**2)) * DISC
    found = smoothed(maps, [3.0, 0], inside=DISC)
    assert found[0, 40, 20] == pytest.approx((maps[0] * weights).sum() / weights.sum(), rel=1e-4)
    np.testing.assert_array_equal(found[1], maps[1] * DISC)
    np.testing.assert_allclose(smoothed(np.ones(SHAPE), 30, inside=X == 3)[:, 3], 1, rtol=1e-5)


def test_the_strongest_kernels_are_those_of_the_part_inside():
    bank = gk.GaborBank.grid(2, 4, wavelength=5, norm="gain")
    left = X < 40
    assert strongest_kernels(HALVES, bank, 0.3, mask=~left & (X > 80)).labels == ("5 px, 90°",)
    assert "5 px, 90°" not in strongest_kernels(HALVES, bank, 0.5, mask=left).labels


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (segment_textures, {"mask": np.ones((3, 3))}, "mask of float64 and shape (3, 3) do not"),
        (find_defects, {"mask": np.zeros(SHAPE)}, "mask leaves no pixel"),
        (find_defects, {"mask": DISC, "outside": "mean"}, "outside='mean' is unknown"),
        (segment_textures, {"mask": (X < 3) & (Y < 4)}, "2 textures in a picture of 12 pixels"),
        (
            find_defects,
            {"mask": X < 32},
            "leaves 14 blocks of 8 pixels, 12 from its border; give 100",
        ),
        (
            find_defects,
            {"mask": X < 20, "reference": CLOTH},
            "leaves none that is more than 12 from its border; give a larger one",
        ),
    ],
)
def test_masks_that_do_not_fit(function, options, message):
    with pytest.raises((gk.FilterError, gk.FeatureError), match=re.escape(message)):
        function(HALVES, **{"count": 2} if function is segment_textures else {}, **options)


# ---- strokes ----

STROKES = np.zeros(SHAPE, np.uint8)
STROKES[60:80, 40:43], STROKES[60:80, 126:129] = 1, 2


@functools.cache
def scribbled(outside):
    return segment_scribbles(HALVES, STROKES, mask=DISC, outside=outside)


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
@settings(deadline=None, max_examples=2)
@given(values=OUTSIDES)
def test_strokes_see_nothing_outside(outside, values):
    expected = scribbled(outside)
    found = segment_scribbles(spoiled(HALVES, values), STROKES, mask=DISC, outside=outside)
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    assert not found.labels[~DISC].any()
    assert not found.probabilities[:, ~DISC].any()
    np.testing.assert_allclose(found.probabilities[:, DISC].sum(0), 1, atol=1e-4)
    assert np.mean((found.labels == 1 + (X >= 84))[DISC & (abs(X - 84) > 6)]) > 0.97


def test_strokes_over_a_whole_mask_and_over_a_box():
    plain = segment_scribbles(HALVES, STROKES)
    whole = segment_scribbles(HALVES, STROKES, mask=np.ones(SHAPE))
    np.testing.assert_array_equal(whole.labels, plain.labels)
    inner = (slice(7, 133), slice(11, 151))
    box = np.zeros(SHAPE)
    box[inner] = 1
    found = segment_scribbles(HALVES, STROKES, mask=box)
    cut = segment_scribbles(HALVES[inner], STROKES[inner])
    np.testing.assert_array_equal(found.labels[inner], cut.labels)


def test_strokes_outside_say_nothing_and_masks_may_be_several():
    more = STROKES.copy()
    more[~DISC] = 1
    options = {"mask": [DISC, None]}
    first, second = (
        fit_scribbles([HALVES, HALVES], [drawn, STROKES], **options) for drawn in (STROKES, more)
    )
    np.testing.assert_array_equal(first.weights, second.weights)
    alone = fit_scribbles([HALVES, HALVES], [STROKES, STROKES])
    assert not np.array_equal(first.weights, alone.weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask": X < 90}, "all strokes of texture 2 lie outside of the mask; draw one inside"),
        ({"mask": np.ones((3, 3))}, "mask of float64 and shape (3, 3) do not fit"),
        ({"mask": [DISC, DISC]}, "2 masks do not fit 1 pictures"),
        ({"mask": DISC, "outside": "mean"}, "outside='mean' is unknown"),
    ],
)
def test_masks_and_strokes_that_do_not_fit(options, message):
    with pytest.raises((gk.FilterError, gk.FeatureError), match=re.escape(message)):
        fit_scribbles(HALVES, STROKES, **options)
