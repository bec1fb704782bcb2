"""Masks and labels: nothing outside reaches a response or a statistic, in any descriptor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

import gaborkit as gk
from gaborkit.errors import FeatureError, FilterError, ImageError
from gaborkit.features import DESCRIPTORS, Gist, Texture, descriptor
from gaborkit.filtering.regions import regions

BANK = gk.GaborBank.grid(scales=2, orientations=4)
RNG = np.random.default_rng(1)
IMAGE = RNG.random((60, 70))
Y, X = np.mgrid[:60, :70]
DISC = (Y - 30) ** 2 + (X - 34) ** 2 < 22**2
LABELS = np.zeros((60, 70), np.uint16)
LABELS[5:25, 10:40] = 3
LABELS[30:55, 20:60] = 9
LABELS[33:40, 20:30] = 0


def by_hand(image, mask):
    """The bounding box of a mask, filled with nearest pixels; and the mask in it."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    near = distance_transform_edt(~mask[box], return_distances=False, return_indices=True)
    return image[box][tuple(near)], mask[box]


def small(name):
    return descriptor(name, **({"J": 3} if name == "scattering" else {}))


# ---- descriptors ----


@pytest.mark.parametrize("garbage", [np.nan, np.inf, 1e30, -7.0])
@pytest.mark.parametrize("name", DESCRIPTORS)
def test_garbage_outside_changes_nothing(name, garbage):
    clean = small(name).describe(IMAGE, mask=DISC)
    dirty = small(name).describe(np.where(DISC, IMAGE, garbage), mask=DISC)
    np.testing.assert_array_equal(clean.values, dirty.values)
    assert np.isfinite(clean.values).all()


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_a_rectangle_is_described_as_if_cut_out(name):
    rows = small(name).describe(IMAGE, labels=LABELS == 3)
    expected = small(name).describe(IMAGE[5:25, 10:40])
    assert rows.shape == (1, len(expected))
    np.testing.assert_allclose(rows.values[0], expected.values, rtol=1e-12)
    everything = np.ones(IMAGE.shape, bool)
    np.testing.assert_allclose(
        small(name).describe(IMAGE, mask=everything).values,
        small(name).describe(IMAGE).values,
        rtol=1e-12,
    )


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_objects_are_what_their_masks_give_in_the_order_of_labels(name):
    both = small(name).describe(IMAGE, labels=LABELS)
    for row, label in zip(both.values, (3, 9), strict=True):
        alone = small(name).describe(IMAGE, mask=label == LABELS)
        np.testing.assert_array_equal(row, alone.values)
        assert alone.names == both.names


def test_texture_of_an_object_by_hand():
    box, inside = by_hand(IMAGE, LABELS == 9)
    magnitudes = abs(BANK.filter(box))[:, inside]
    row = Texture(BANK).describe(IMAGE, labels=LABELS).values[1]
    np.testing.assert_allclose(row[0::2], magnitudes.mean(1), rtol=1e-12)
    np.testing.assert_allclose(row[1::2], magnitudes.std(1), rtol=1e-12)


def test_colour_batches_and_tensors():
    colour = RNG.random((60, 70, 3))
    rows = Texture(BANK).describe(colour, channel_axis=-1, labels=LABELS)
    assert rows.shape == (2, 48)
    assert rows.names[16] == "c1 mean 4 px, 0°"
    expected = Texture(BANK).describe(colour[..., 1], labels=LABELS)
    np.testing.assert_array_equal(rows.values[:, 16:32], expected.values)
    batch = Texture(BANK).describe(np.stack([IMAGE, IMAGE + 1]), labels=LABELS)
    assert batch.shape == (2, 2, 16)
    np.testing.assert_allclose(batch.values[0], batch.values[1], atol=1e-12)
    tensor = torch.tensor(np.where(LABELS > 0, IMAGE, np.nan), requires_grad=True)
    found = Texture(BANK).describe(tensor, labels=torch.tensor(LABELS.astype(int)))
    expected = Texture(BANK).describe(IMAGE, labels=LABELS)
    np.testing.assert_allclose(found.to_numpy(), expected.values, rtol=1e-10)
    found.values.sum().backward()
    assert (tensor.grad[LABELS == 0] == 0).all()
    assert (tensor.grad[LABELS > 0] != 0).any()


def test_narrow_objects_are_not_taken_for_colours():
    narrow = np.zeros(IMAGE.shape, int)
    narrow[10:50, 5:8], narrow[3, 3] = 1, 2
    assert Texture(BANK).describe(np.stack([IMAGE] * 3), labels=narrow).shape == (3, 2, 16)
    assert BANK.filter(np.stack([IMAGE] * 3), mask=narrow).shape == (3, 8, 60, 70)


def test_descriptors_of_other_sizes():
    class Sized(Texture):
        def names(self, shape):
            return tuple(f"{name} {shape}" for name in super().names(shape))

    with pytest.raises(FeatureError, match="several sizes"):
        Sized(BANK).describe(IMAGE, labels=LABELS)
    with pytest.raises(FeatureError, match="has no 4 x 4 blocks"):
        Gist(size=None).describe(IMAGE, mask=LABELS * 0 + (Y == 3))


# ---- statistics and responses ----


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
def test_statistics_are_those_of_responses_inside(outside):
    dirty = np.where(LABELS > 0, IMAGE, np.nan)
    found = BANK.statistics(dirty, labels=LABELS, outside=outside, part="energy")
    assert found.mean.shape == found.deviation.shape == (2, 8)
    for n, label in enumerate((3, 9)):
        mask = label == LABELS
        responses = BANK.filter(dirty, mask=mask, outside=outside, part="energy")
        assert (responses[:, ~mask] == 0).all()
        np.testing.assert_allclose(found.mean[n], responses[:, mask].mean(1), rtol=1e-10)
        np.testing.assert_allclose(found.deviation[n], responses[:, mask].std(1), rtol=1e-10)


@pytest.mark.parametrize("gamma", [1.0, 0.5])
@pytest.mark.parametrize("dc_free", [True, False])
@pytest.mark.parametrize("norm", ["l1", "gain", "article"])
def test_normalised_convolution_is_its_sum(gamma, dc_free, norm):
    """Against the formula, summed pixel by pixel."""
    kernel = gk.GaborKernel(
        wavelength=5, sigma=1.5, theta=0.4, gamma=gamma, phase=0.3, dc_free=dc_free, norm=norm
    )
    mask = DISC & (X % 7 > 1)
    found = gk.GaborBank([kernel]).filter(IMAGE, mask=mask, outside="normalized")[0]
    radius = kernel.radius()
    line = np.arange(-radius, radius + 1.0)
    along = line * np.cos(0.4) + line[:, None] * np.sin(0.4)
    across = -line * np.sin(0.4) + line[:, None] * np.cos(0.4)
    shape = np.exp(-(along**2 + gamma**2 * across**2) / (2 * 1.5**2))
    wave = np.exp(2j * np.pi * along / 5)
    whole = kernel.amplitude() * shape.sum() * np.exp(0.3j)
    for y, x in np.argwhere(mask)[::97]:
        rows, columns = y - line.astype(int), x - line.astype(int)
        seen = (rows[:, None] >= 0) & (rows[:, None] < 60) & (columns >= 0) & (columns < 70)
        around = np.ix_(rows.clip(0, 59), columns.clip(0, 69))
        weight = shape * seen * mask[around]
        values = IMAGE[around]
        constant = (weight * wave).sum() / weight.sum() if dc_free else 0
        expected = whole * (weight * values * (wave - constant)).sum() / weight.sum()
        np.testing.assert_allclose(found[y, x], expected, rtol=1e-8, atol=1e-12)


def test_normalised_convolution_of_a_whole_mask_is_filtering():
    radius = max(kernel.radius() for kernel in BANK)
    whole = BANK.filter(np.tile(IMAGE, (2, 2)), mask=np.ones((120, 140)), outside="normalized")
    inner = (slice(None), slice(radius, -radius), slice(radius, -radius))
    expected = BANK.filter(np.tile(IMAGE, (2, 2)))
    np.testing.assert_allclose(whole[inner], expected[inner], atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-1e6, 1e6))
def test_a_constant_inside_any_mask_answers_zero(seed, level):
    mask = np.random.default_rng(seed).random((20, 24)) < 0.4
    if not mask.any():
        return
    image = np.where(mask, level, np.nan)
    for outside in ("nearest", "normalized"):
        found = BANK.filter(image, mask=mask, outside=outside)
        assert abs(found).max() <= 1e-9 * max(1, abs(level))


def test_a_grating_in_a_disc_is_seen_to_its_edge():
    grating = np.where(DISC, np.cos(2 * np.pi * X / 4), np.nan)
    errors = [
        abs(abs(BANK.filter(grating, mask=DISC, outside=outside))[0, DISC] - 0.5).mean()
        for outside in ("normalized", "nearest")
    ]
    assert errors[0] < 0.01 < errors[1]


def test_nan_of_a_mask_is_outside():
    mask = np.where(DISC, 1.0, np.nan)
    np.testing.assert_array_equal(BANK.filter(IMAGE, mask=mask), BANK.filter(IMAGE, mask=DISC))
    labels = LABELS.astype(np.float32)
    for one, other in zip(
        BANK.statistics(IMAGE, labels=labels), BANK.statistics(IMAGE, labels=LABELS), strict=True
    ):
        np.testing.assert_array_equal(one, other)


# ---- refusals ----


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"mask": np.ones((60, 71))}, "mask of float64 and shape (60, 71) do not fit"),
        ({"labels": np.ones((60, 70, 3), int)}, "labels of int64 and shape (60, 70, 3)"),
        ({"labels": LABELS + 0.5}, "labels of float64 hold 0.5, which is no whole number"),
        ({"labels": np.where(LABELS, LABELS, np.nan)}, "labels of float64 hold nan, which is no w"),
        ({"labels": LABELS * np.float32(1e30)}, "labels of float32 hold 3e+30, which is no whole"),
        ({"mask": np.full((60, 70), np.nan)}, "the mask leaves no pixel"),
        ({"labels": np.float32(2**25 + 2) * LABELS}, "labels of float32 hold 1.00663e+08"),
        ({"labels": LABELS.astype(complex)}, "labels of complex128"),
        ({"mask": np.zeros((60, 70))}, "the mask leaves no pixel"),
        ({"labels": LABELS, "mask": LABELS == 0}, "the labels leave no pixel"),
        ({"mask": DISC, "outside": "zero"}, "outside='zero' is unknown"),
    ],
)
def test_what_does_not_fit(keywords, message):
    with pytest.raises(FilterError) as caught:
        BANK.statistics(IMAGE, **keywords)
    assert message in str(caught.value)


def test_other_refusals():
    log_gabor = gk.GaborBank.preset("kovesi")
    with pytest.raises(FilterError, match="LogGaborKernel"):
        log_gabor.filter(IMAGE, mask=DISC, outside="normalized")
    with pytest.raises(FilterError, match="out="):
        BANK.filter(IMAGE, mask=DISC, out=np.empty((8, 60, 70), complex))
    dask = pytest.importorskip("dask.array", reason="needs dask")
    with pytest.raises(FilterError, match="compute"):
        BANK.statistics(dask.from_array(IMAGE), mask=DISC)
    with pytest.raises(ImageError, match="NaN"):
        BANK.statistics(np.where(DISC, np.nan, IMAGE), mask=DISC)


def test_labels_that_are_whole_floats_and_huge():
    assert [one.label for one in regions((60, 70), labels=LABELS * 1.0)] == [3, 9]
    huge = np.where(LABELS == 9, 2**40, 0)
    (one,) = regions((60, 70), labels=huge)
    assert (one.label, one.rows, one.columns) == (2**40, slice(30, 55), slice(20, 60))
    both = regions((60, 70), labels=LABELS, mask=X < 15)
    assert [(one.label, one.inside.all()) for one in both] == [(3, True)]
