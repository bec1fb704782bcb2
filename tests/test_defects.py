"""Defects of a regular texture: what is found, and what is not."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.vision import find_defects
from gaborkit.vision.defects import _threshold
from gaborkit.vision.synthetic import TEXTURES, weave

SHAPE = (160, 160)


def cloth(seed=0):
    return weave(SHAPE, seed, period=8, jitter=0.5)


def damaged(kind, seed=0):
    picture, where = cloth(seed), np.zeros(SHAPE, bool)
    y, x = np.indices(SHAPE)
    if kind == "thread":
        where[80:88, 50:110] = True
        return np.where(where, -1.5, picture), where
    if kind == "spot":
        blob = np.exp(-((y - 90) ** 2 + (x - 70) ** 2) / 50)
        return picture - 1.5 * blob, blob > 0.3
    where = (np.abs(y - x + 10) < 2) & (np.abs(x - 80) < 20)
    return picture + 2 * where, where


@pytest.mark.parametrize("referred", [False, True])
@pytest.mark.parametrize("kind", ["thread", "spot", "scratch"])
def test_defects_are_found_where_they_are(kind, referred):
    picture, where = damaged(kind)
    found = find_defects(picture, cloth(7) if referred else None)
    assert found.mask[where].mean() > 0.3
    y, x = np.nonzero(found.mask)
    rows, columns = np.nonzero(where)
    for place, true in ((y, rows), (x, columns)):
        assert true.min() - 12 <= place.min() <= place.max() <= true.max() + 12
    assert np.array_equal(found.mask, found.score > found.threshold)
    assert found.score.shape == SHAPE


def test_sound_cloth_raises_few_alarms():
    alarms = [find_defects(cloth(seed)).mask.any() for seed in range(6)]
    assert sum(alarms) <= 1


def test_the_threshold_is_a_quantile_of_the_largest_of_all_blocks():
    rng = np.random.default_rng(0)
    fields = rng.exponential(size=(400, 64, 64))
    alarms = [field.max() > _threshold(field, 8, field.size, 0.2) for field in fields]
    assert 0.1 < np.mean(alarms) < 0.35


def test_fewer_false_alarms_need_a_higher_threshold():
    thresholds = [find_defects(cloth(), false_alarms=p).threshold for p in (0.5, 0.05, 0.001)]
    assert thresholds == sorted(thresholds)


def test_the_margin_is_not_judged():
    picture = cloth()
    picture[:5] = 9
    found = find_defects(picture, margin=20)
    assert not found.score[:20].any()
    assert not found.mask[:20].any()
    assert found.score[20:-20, 20:-20].all()


def test_contrast_and_offset_do_not_matter():
    picture, _ = damaged("spot")
    one, other = find_defects(picture), find_defects(100 * picture + 5000)
    assert np.array_equal(one.mask, other.mask)


def test_colours_and_tensors():
    torch = pytest.importorskip("torch")
    picture, where = damaged("thread")
    colour = np.stack([cloth(), picture, cloth(3)], -1)
    assert find_defects(colour, channel_axis=-1).mask[where].mean() > 0.3
    found = find_defects(torch.from_numpy(picture))
    assert np.array_equal(found.mask, find_defects(picture).mask)


def test_a_blank_picture_has_no_texture():
    with pytest.raises(gk.FeatureError, match="most of the picture is the same, as if blank"):
        find_defects(np.full(SHAPE, 7.0))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"false_alarms": 0}, "false_alarms=0 is no probability"),
        ({"margin": -1}, "margin=-1 is not a whole number"),
        ({"margin": 2.5}, "margin=2.5 is not a whole number"),
        ({"window": -1}, "window=-1 is no width"),
        ({"reference": np.zeros((160, 160, 3))}, "looks like colour"),
        ({"reference": np.zeros((20, 20))}, "a picture of 20 x 20 pixels is too small"),
        ({"bank": gk.GaborBank.grid(6, 4)}, "a picture of 160 x 160 pixels is too small"),
    ],
)
def test_errors(options, text):
    with pytest.raises((gk.FeatureError, gk.ImageError), match=re.escape(text)):
        find_defects(cloth(), **options)


def test_a_reference_of_other_channels():
    colour = np.stack([cloth()] * 3, -1)
    with pytest.raises(gk.FeatureError, match="a reference of 2 channels does not fit a picture"):
        find_defects(colour, colour[..., :2], channel_axis=-1)


@pytest.mark.parametrize("name", TEXTURES)
def test_synthetic_textures(name):
    one, same, other = (TEXTURES[name]((60, 80), seed) for seed in (0, 0, 1))
    assert one.shape == (60, 80)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert (one.mean(), one.std()) == pytest.approx((0, 1), abs=1e-9)
