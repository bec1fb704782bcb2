"""Defects of a regular texture: what is found, and what is not."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.vision import find_defects
from gaborkit.vision.extremes import threshold as threshold_of
from gaborkit.vision.synthetic import TEXTURES, spots, weave

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
    assert found.mask[where].mean() > 0.95
    y, x = np.nonzero(found.mask)
    rows, columns = np.nonzero(where)
    for place, true in ((y, rows), (x, columns)):
        assert true.min() - 13 <= place.min() <= place.max() <= true.max() + 13
    assert np.array_equal(found.mask, found.score > found.threshold)
    assert found.score.shape == SHAPE


def test_sound_cloth_raises_few_alarms():
    alarms = [find_defects(cloth(seed)).mask.any() for seed in range(6)]
    assert sum(alarms) <= 1


def tilted_ribs(seed, degrees):
    """Two waves, of 9 and 15.3 pixels, neither along a border: their reflections do not go on."""
    rng, turn = np.random.default_rng(seed), np.exp(1j * np.deg2rad(degrees))
    y, x = np.indices((260, 300))
    across, along = x * turn.real + y * turn.imag, y * turn.real - x * turn.imag
    waves = 30 * np.cos(2 * np.pi * across / 9) + 25 * np.cos(2 * np.pi * along / 15.3)
    waves += 10 * np.cos(4 * np.pi * across / 9)
    return (waves + rng.normal(0, 8, waves.shape)).astype(np.float32)


def test_waves_across_the_border_are_no_defects():
    """Without levels six of ten, at the border."""
    pictures = [tilted_ribs(seed, degrees) for seed in range(5) for degrees in (3, 6)]
    found = [find_defects(picture) for picture in pictures]
    assert sum(defects.mask.any() for defects in found) <= 1
    good = tilted_ribs(9, 6)
    assert sum(find_defects(picture, good).mask.any() for picture in pictures[1::2]) <= 1


def test_a_defect_of_most_of_a_row_leaves_no_mark_where_the_row_meets_the_border():
    y, x = np.indices((260, 300))
    for seed in range(4):
        thread = (abs(y - 130) < 4) & (x > 50) & (x < 250)
        found = find_defects(np.where(thread, -25, tilted_ribs(seed, 3)))
        assert found.mask[thread].mean() > 0.9
        assert not found.mask[:, :30].any()
        assert not found.mask[:, -30:].any()


def test_a_small_reference_raises_few_alarms():
    """Judged by statistics of its own, four of sixteen."""
    alarms = []
    for seed in range(8):
        for make in (cloth, lambda seed: spots(SHAPE, seed, spacing=8)):
            good = make(seed + 50)[:128, :128]
            alarms.append(find_defects(make(seed), good).mask.any())
    assert sum(alarms) <= 2


def test_the_threshold_is_a_quantile_of_the_largest_of_all_blocks():
    rng = np.random.default_rng(0)
    fields = rng.exponential(size=(400, 64, 64))
    alarms = [field.max() > threshold_of(field, 8, field.size, 0.2) for field in fields]
    assert 0.1 < np.mean(alarms) < 0.35


def test_long_tails_bring_no_false_alarms():
    """Of large grains: with one tail for all textures 4 of 10."""
    grains = [spots((200, 200), seed, spacing=14) for seed in range(10)]
    assert sum(find_defects(picture).mask.any() for picture in grains) <= 1


def test_fewer_false_alarms_need_a_higher_threshold():
    thresholds = [find_defects(cloth(), false_alarms=p).threshold for p in (0.5, 0.05, 0.001)]
    assert thresholds == sorted(thresholds)


def streaked(width=2, places=(50, 110), seed=0):
    """Cloth with plain streaks through all of it: of two, windows see half of its pixels."""
    where = np.zeros(SHAPE, bool)
    for place in places:
        where[:, place : place + width] = True
    return np.where(where, 3.0, cloth(seed)), where


def dotted(shape=(172, 172), period=20):
    y, x = (np.indices(shape) + period / 2) % period - period / 2
    noise = np.random.default_rng(0).standard_normal(shape)
    return np.where(np.hypot(y, x) < 0.28 * period, 1.0, 0.0) + 0.05 * noise


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(("places", "length"), [((80,), 0.95), ((50, 110), 0.5)])
@pytest.mark.parametrize("seed", range(8))
def test_streaks_do_not_spoil_the_threshold(seed, places, length, transposed):
    """Windows see two of them in half of the pixels; of one sometimes little is found."""
    if transposed and seed:
        return
    picture, _ = streaked(places=places, seed=seed)
    found = find_defects(picture.T if transposed else picture)
    mask = found.mask.T if transposed else found.mask
    assert found.threshold < 1.7 * find_defects(cloth(seed)).threshold
    lengths = [mask[12:-12, place : place + 2].any(1).mean() for place in places]
    assert np.mean(lengths) > length
    assert not mask[:, :15].any()


def test_lines_through_dots_of_a_long_period():
    picture = dotted()
    assert not find_defects(picture).mask.any()
    picture[:, 60:62], picture[:, 120:122] = 0.5, 0.5
    found = find_defects(picture)
    for place in (60, 120):
        assert found.mask[12:-12, place : place + 2].any(1).mean() > 0.9
    assert not found.mask[:, 80:100].any()


def test_a_broad_faint_stain():
    y, x = np.indices(SHAPE)
    blob = np.exp(-((y - 80) ** 2 + (x - 75) ** 2) / (2 * 20**2))
    found = find_defects(cloth() - 0.5 * blob)
    assert found.mask[blob > 0.6].mean() > 0.5
    assert not found.mask[blob < 0.01].any()


@pytest.mark.parametrize("period", [6, 10, 14])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_hole_at_the_border_and_none(period, transposed):
    """The reflection at a border is another texture, which is no defect."""
    picture = dotted((180, 200), period)
    y, x = np.indices(picture.shape)
    hole = np.hypot(y - 5, x - 90) < 6
    damaged = np.where(hole, -1.0, picture)
    if transposed:
        picture, damaged, hole = picture.T, damaged.T, hole.T
    assert not find_defects(picture).mask.any()
    found = find_defects(damaged)
    assert found.mask.any()
    y, x = np.nonzero(found.mask)
    assert np.hypot(*(z - np.nonzero(hole)[k].mean() for k, z in enumerate((y, x)))).max() < 40


@pytest.mark.parametrize("edge", ["top", "bottom", "left", "right"])
def test_a_hole_at_a_border_is_seen_next_to_the_margin(edge):
    y, x = np.indices(SHAPE)
    hole = np.hypot(y - 7, x - 80) < 7
    if edge in ("left", "right"):
        hole = hole.T
    if edge in ("bottom", "right"):
        hole = hole[::-1, ::-1]
    found = find_defects(np.where(hole, -1.8, cloth()))
    assert found.mask[hole & (found.score > 0)].mean() > 0.9


def test_blocks_with_defects_do_not_move_the_threshold():
    rng = np.random.default_rng(0)
    field = rng.exponential(size=(160, 160))
    sound = threshold_of(field, 8, field.size, 0.05)
    field[:, :64] += 500  # two fifths
    assert threshold_of(field, 8, field.size, 0.05) == pytest.approx(sound, rel=0.35)


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
    torch = pytest.importorskip("torch", reason="needs torch")
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
        ({"reference": np.zeros((20, 20))}, "the picture of 20 x 20 pixels is too small"),
        (
            {"reference": cloth()[:120, :120]},
            "leaves 169 blocks of 8 pixels, 8 from its border; give",
        ),
        ({"bank": gk.GaborBank.grid(6, 4)}, "the picture of 160 x 160 pixels leaves none"),
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
