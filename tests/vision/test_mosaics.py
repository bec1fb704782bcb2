"""Mosaics of textures, and the share of their pixels that is right."""

from __future__ import annotations

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.vision import mosaic
from gaborkit.vision.mosaics import accuracy

rng = np.random.default_rng(0)
TEXTURES = [rng.normal(10 * k, 1 + k, (64, 64)) for k in range(5)]


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_every_texture_is_seen_where_the_truth_says(count):
    picture, truth = mosaic(TEXTURES[:count], 64, equalise="none")
    assert np.unique(truth).tolist() == list(range(count))
    for k in range(count):
        assert np.allclose(picture[truth == k], TEXTURES[k][truth == k])
        assert np.mean(truth == k) > 0.15


def test_single_pixels_tell_nothing():
    picture, truth = mosaic(TEXTURES[:4], 64)
    ranks = [np.sort(picture[truth == k]) for k in range(4)]
    assert all(np.array_equal(ranks[0], other) for other in ranks)
    assert (ranks[0][0], ranks[0][-1]) == (0, 255)
    picture, truth = mosaic(TEXTURES, 64, equalise="moments")
    for k in range(5):
        values = picture[truth == k]
        assert (values.mean(), values.std()) == pytest.approx((128, 48), rel=1e-4)


def test_small_textures_go_on_mirrored():
    small = np.arange(12.0).reshape(3, 4)
    picture, _ = mosaic([small, small], 16, equalise="none")
    assert np.array_equal(picture[:6, :8], np.pad(small, ((0, 3), (0, 4)), mode="symmetric"))


@pytest.mark.parametrize(
    ("textures", "options", "text"),
    [
        (TEXTURES[:1], {}, "1 textures make no mosaic; give 2 to 5"),
        (TEXTURES * 2, {}, "10 textures make no mosaic"),
        (TEXTURES[:2], {"equalise": "all"}, "equalise='all' is unknown"),
        ([TEXTURES[0], np.zeros((4, 4, 3))], {}, "texture 1 of shape .* is no grey picture"),
        ([np.zeros((0, 4)), TEXTURES[0]], {}, "texture 0 of shape .* is no grey picture"),
    ],
)
def test_errors(textures, options, text):
    with pytest.raises(gk.FeatureError, match=text):
        mosaic(textures, 64, **options)


def test_accuracy():
    truth = np.array([0, 0, 0, 1, 1, 2])
    assert accuracy(truth + 7, truth) == 1
    assert accuracy([1, 1, 1, 0, 0, 0], truth) == pytest.approx(5 / 6)
    assert accuracy([3, 4, 4, 0, 0, 9], truth) == pytest.approx(5 / 6)
    for labels in ([0, 1], []):
        with pytest.raises(gk.FeatureError, match="do not fit a truth"):
            accuracy(labels, truth if labels else [])
