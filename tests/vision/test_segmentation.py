"""Unsupervised segmentation: maps, selection of kernels, clusters and their number."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import ndimage
from textures_for_tests import blotches, patchwork, stripes

import gaborkit as gk
from gaborkit.vision import JAIN_FARROKHNIA, dyadic_bank, segment_textures, texture_maps
from gaborkit.vision.mosaics import accuracy
from gaborkit.vision.refinement import refined
from gaborkit.vision.texture_maps import ALPHA, EQUALISED, standardized, strongest_kernels

PICTURE, TRUTH = patchwork()

# ---- maps ----


def test_the_bank_has_the_article_s_frequencies():
    bank = dyadic_bank((512, 600))
    cycles = sorted({round(512 * kernel.frequency / np.sqrt(2), 6) for kernel in bank})
    assert cycles == [8, 16, 32, 64, 128]
    thetas = sorted({round(np.degrees(kernel.theta)) for kernel in bank})
    assert thetas == [0, 45, 90, 135]
    assert {round(kernel.bandwidth, 6) for kernel in bank} == {1}
    assert len(dyadic_bank((4, 4))) == 4
    assert len(dyadic_bank((5000, 5000))) == 20


def test_maps_are_window_means_of_amplitudes():
    image = PICTURE.astype(np.float64)
    bank = gk.GaborBank.grid(2, 2, wavelength=4)
    maps = texture_maps(image, bank=bank, window=1.5, least=3.0)
    assert maps.names == bank.labels
    for k, sigma in enumerate((6, 6, 12, 12)):
        magnitude = np.abs(bank[k].filter(image))
        expected = ndimage.gaussian_filter(magnitude, sigma, truncate=7)
        assert np.allclose(maps.values[k], expected, atol=1e-4 * magnitude.max())


def test_the_article_s_nonlinearity():
    image = PICTURE.astype(np.float64)
    bank = gk.GaborBank.grid(1, 1, wavelength=4)
    maps = texture_maps(image, bank=bank, nonlinearity="tanh", window=0, least=0)
    scaled = image * EQUALISED / image.std()
    expected = np.abs(np.tanh(ALPHA * bank[0].filter(scaled).real))
    assert np.allclose(maps.values[0], expected)
    flat = texture_maps(np.full((40, 40), 7.0), bank=bank, nonlinearity="tanh")
    assert np.abs(flat.values).max() < 1e-9


def test_colours_lie_side_by_side():
    colour = np.stack([PICTURE, PICTURE.T, PICTURE], -1)
    maps = texture_maps(colour, channel_axis=-1)
    each = len(maps) // 3
    assert maps.names[each].startswith("c1 ")
    alone = texture_maps(PICTURE.T.copy()).values  # may take another engine
    assert np.allclose(maps.values[each : 2 * each], alone, rtol=1e-4, atol=1e-5)


def test_two_kernels_of_one_label_have_different_names():
    kernels = [gk.GaborKernel(wavelength=4, sigma=sigma) for sigma in (2, 3)]
    assert texture_maps(PICTURE, bank=gk.GaborBank(kernels)).names == ("0: 4 px, 0°", "1: 4 px, 0°")


def test_kernels_are_chosen_by_energy():
    bank = dyadic_bank((128, 128))
    image = 3 * stripes((128, 128), 5.7, 0, noise=0) + stripes((128, 128), 11.3, np.pi / 2, noise=0)
    energies = {kernel: float((kernel.filter(image).real ** 2).sum()) for kernel in bank}
    for share in (0.3, 0.95, 0.999):
        chosen = strongest_kernels(image, bank, share)
        found = sum(energies[kernel] for kernel in chosen) / sum(energies.values())
        least = min(energies[kernel] for kernel in chosen) / sum(energies.values())
        assert found >= share > found - least
    assert strongest_kernels(image, bank, 0.3).labels == ("5.657 px, 0°",)
    assert strongest_kernels(image, bank, 1) == bank


def test_standardized_maps():
    maps = np.stack([PICTURE, np.full(PICTURE.shape, 5.0)])
    found = standardized(maps)
    assert np.allclose(found[0].mean(), 0, atol=1e-6)
    assert np.allclose(found[0].std(), 1)
    assert not found[1].any()


# ---- segments ----


@pytest.mark.parametrize(
    "options",
    [{}, {"clustering": "kmeans"}, {"nonlinearity": "magnitude"}, {"refine": False}],
)
def test_four_textures_are_told_apart(options):
    found = segment_textures(PICTURE, 4, **options)
    assert found.count == 4
    assert found.labels.dtype == np.uint8
    assert found.silhouettes == {}
    assert accuracy(found.labels, TRUTH) > 0.95
    assert np.allclose(found.probabilities.sum(0), 1, atol=1e-4)
    assert np.array_equal(found.probabilities.argmax(0), found.labels)


def test_refining_mends_borders_and_leaves_segments_without_a_middle():
    found = segment_textures(PICTURE, 4, refine=False)
    worse = ndimage.grey_dilation(found.labels, 13)  # borders six pixels off
    probabilities = np.stack([worse == k for k in range(4)]).astype(np.float32)
    bank = dyadic_bank(PICTURE.shape)
    better = refined(PICTURE[None], probabilities, bank, smoothing=3, seed=0)
    assert accuracy(better.argmax(0), TRUTH) > accuracy(worse, TRUTH) + 0.01
    thin = np.stack([np.ones(PICTURE.shape), np.zeros(PICTURE.shape)]).astype(np.float32)
    thin[:, 50:53] = thin[::-1, 50:53]
    assert refined(PICTURE[None], thin, bank, smoothing=3, seed=0) is thin
    one = thin[:1] * 0 + 1
    assert refined(PICTURE[None], one, bank, smoothing=3, seed=0) is one


def test_the_article_s_recipe():
    found = segment_textures(PICTURE, 4, **JAIN_FARROKHNIA)
    assert accuracy(found.labels, TRUTH) > 0.9
    assert set(np.unique(found.probabilities)) == {0, 1}  # hard clusters, not smoothed
    assert len(found.features) < len(dyadic_bank(PICTURE.shape))


def test_the_number_of_textures_is_found():
    found = segment_textures(PICTURE, counts=(2, 3, 4, 5))
    assert found.count == 4
    assert list(found.silhouettes) == [2, 3, 4, 5]
    assert max(found.silhouettes, key=found.silhouettes.get) == 4
    assert accuracy(found.labels, TRUTH) > 0.95


def test_labels_are_in_order_of_appearance_and_do_not_depend_on_the_seed():
    one, other = (segment_textures(PICTURE, 4, seed=seed) for seed in (0, 5))
    first = [int(np.flatnonzero(one.labels.ravel() == k)[0]) for k in range(4)]
    assert first == sorted(first)
    assert (one.labels == other.labels).mean() > 0.99
    assert np.array_equal(one.labels, segment_textures(PICTURE, 4, seed=0).labels)


def test_grey_level_and_contrast_of_the_picture_do_not_matter():
    one = segment_textures(PICTURE, 4, clustering="kmeans")
    other = segment_textures(20 * PICTURE + 1000, 4, clustering="kmeans")
    assert (one.labels == other.labels).mean() > 0.99


@pytest.mark.parametrize("factor", [1e-40, 1e-27, 1e18, 1e37])
def test_neither_do_sizes_whose_squares_no_single_precision_holds(factor):
    y, x = np.mgrid[:96, :96]
    two = np.cos(2 * np.pi / 8 * np.where(x < 48, x, y))
    coloured = np.stack([two, two.T])
    for image, axis in ((two, None), (coloured, 0)):
        expected = segment_textures(image, 2, channel_axis=axis).labels
        scaled = (factor * image).astype(np.float32)
        found = segment_textures(scaled, 2, channel_axis=axis).labels
        assert (found == expected).mean() > 0.99


def test_a_picture_that_is_not_square_and_integers():
    image = np.concatenate([stripes((60, 90), 6, 0), blotches((60, 90))], 1)
    found = segment_textures((image * 30 + 128).clip(0, 255).astype(np.uint8), 2)
    truth = np.arange(180) >= 90
    assert accuracy(found.labels, np.broadcast_to(truth, (60, 180)).astype(int)) > 0.95


def test_colour_tells_textures_apart():
    grey = stripes((96, 96), 6, 0)
    colour = np.stack([grey, grey, grey], -1)
    colour[:, 48:, 0] = blotches((96, 48))
    found = segment_textures(colour, 2, channel_axis=-1)
    truth = np.broadcast_to(np.arange(96) >= 48, (96, 96)).astype(int)
    assert accuracy(found.labels, truth) > 0.95


def test_tensors():
    torch = pytest.importorskip("torch", reason="needs torch")
    found = segment_textures(torch.from_numpy(PICTURE), 4, clustering="kmeans")
    expected = segment_textures(PICTURE, 4, clustering="kmeans")
    assert np.array_equal(found.labels, expected.labels)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"count": 1}, "count=1 textures: give 2 to 255"),
        ({"count": 2.5}, "count=2.5 is not a whole number"),
        ({"counts": []}, "counts is empty"),
        ({"counts": [1, 2]}, "counts=1 textures"),
        ({"clustering": "ward"}, "clustering='ward' is unknown; choose one of mixture, kmeans"),
        ({"nonlinearity": "relu"}, "nonlinearity='relu' is unknown; choose one of magnitude, tanh"),
        ({"window": -1}, "window=-1 is no width"),
        ({"least": np.nan}, "least=nan is no width"),
        ({"share": 0}, "share=0 is no share of energy"),
        ({"position": -1}, "position=-1 is out of range"),
        ({"smoothing": np.inf}, "smoothing=inf is out of range"),
    ],
)
def test_bad_options(options, text):
    with pytest.raises(gk.FeatureError, match=re.escape(text)):
        segment_textures(PICTURE[:32, :32], **options)


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        (np.full((40, 40), 5.0), gk.FeatureError, "the same texture energy everywhere"),
        (np.zeros((5, 40, 40)), gk.FeatureError, "holds several pictures"),
        (np.zeros((40, 40, 3)), gk.ImageError, "looks like colour"),
        (np.full((40, 40), np.nan), gk.ImageError, "NaN"),
        (blotches((5, 5)), gk.FeatureError, "8 textures in a picture of 25 pixels"),
    ],
)
def test_pictures_that_cannot_be_divided(image, error, text):
    with pytest.raises(error, match=text):
        segment_textures(image)
