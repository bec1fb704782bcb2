"""Segmentation from strokes: learning, other pictures, files."""

from __future__ import annotations

import json
import re
import zipfile

import numpy as np
import pytest
from textures_for_tests import blotches, patchwork, stripes

import gaborkit as gk
from gaborkit.vision import ScribbleModel, fit_scribbles, segment_scribbles

PICTURE, TRUTH = patchwork()
NUMBERS = np.array([2, 3, 7, 9], np.uint8)


def strokes(truth=TRUTH, numbers=NUMBERS):
    """A short line in the middle of each quarter."""
    drawn = np.zeros(truth.shape, np.uint8)
    for y in (32, 96):
        for x in (32, 96):
            drawn[y : y + 3, x - 8 : x + 8] = numbers[truth[y, x]]
    return drawn


def test_strokes_name_the_textures():
    labels, probabilities = segment_scribbles(PICTURE, strokes())
    assert labels.dtype == np.uint8
    assert np.mean(labels == NUMBERS[TRUTH]) > 0.95
    assert np.allclose(probabilities.sum(0), 1, atol=1e-5)
    assert np.array_equal(NUMBERS[probabilities.argmax(0)], labels)


def test_two_textures_and_the_strokes_alone():
    half = np.where(TRUTH % 2 == 0, stripes((128, 128), 8, 0), blotches((128, 128)))
    drawn = np.zeros((128, 128), int)
    drawn[60:64, 20:30], drawn[60:64, 90:100] = 1, 2
    found = segment_scribbles(half, drawn, rounds=0)
    assert found.probabilities.shape == (2, 128, 128)
    assert np.mean(found.labels == TRUTH % 2 + 1) > 0.95


def test_grey_level_counts_if_wanted():
    rng = np.random.default_rng(0)
    picture = rng.normal(100, 5, (96, 96)) + 40 * (np.arange(96) >= 48)
    drawn = np.zeros((96, 96), int)
    drawn[10:90, 10:20], drawn[10:90, 70:80] = 1, 2
    truth = np.broadcast_to((np.arange(96) >= 48) + 1, (96, 96))
    shares = [
        np.mean(segment_scribbles(picture, drawn, grey=grey).labels == truth)
        for grey in (True, False)
    ]
    assert shares[0] > 0.95 > shares[1]


def test_a_model_segments_other_pictures():
    model = fit_scribbles(PICTURE, strokes())
    other = PICTURE[::-1, ::-1].copy()
    assert np.mean(model.predict(other).labels == NUMBERS[TRUTH[::-1, ::-1]]) > 0.9


def test_strokes_over_several_pictures():
    left, right = PICTURE[:, :64], PICTURE[:, 64:]
    drawn = strokes()
    model = fit_scribbles([left, right], [drawn[:, :64], drawn[:, 64:]])
    assert np.array_equal(model.classes, NUMBERS)
    assert np.mean(model.predict(PICTURE).labels == NUMBERS[TRUTH]) > 0.9


def test_colour():
    colour = np.stack([PICTURE, PICTURE.T, PICTURE], -1)
    model = fit_scribbles(colour, strokes(), channel_axis=-1)
    assert np.mean(model.predict(colour, channel_axis=-1).labels == NUMBERS[TRUTH]) > 0.9
    with pytest.raises(gk.FeatureError, match="a picture of 1 channels does not go with a model"):
        model.predict(PICTURE)


def test_seeds_choose_among_long_strokes(monkeypatch):
    monkeypatch.setattr("gaborkit.vision.scribbles.EXAMPLES", 10)
    one, same, other = (fit_scribbles(PICTURE, strokes(), seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.weights, same.weights)
    assert not np.array_equal(one.weights, other.weights)


# ---- files ----


def test_a_model_on_disk(tmp_path):
    model = fit_scribbles(PICTURE, strokes())
    model.save(tmp_path / "model.npz")
    again = ScribbleModel.load(tmp_path / "model.npz")
    assert again.bank == model.bank
    expected = model.predict(PICTURE)
    for found, wanted in zip(again.predict(PICTURE), expected, strict=True):
        assert np.array_equal(found, wanted)
    with pytest.raises(gk.FeatureError, match="does not exist"):
        model.save(tmp_path / "nowhere" / "model.npz")


def test_files_that_are_no_model(tmp_path):
    path = tmp_path / "model.npz"
    with pytest.raises(gk.FeatureError, match="No such file"):
        ScribbleModel.load(path)
    model = fit_scribbles(PICTURE, strokes(), rounds=0)
    model.save(path)
    whole = path.read_bytes()
    wrong = [b"", b"text", whole[: len(whole) // 2]]
    for content in wrong:
        path.write_bytes(content)
        with pytest.raises(gk.FeatureError, match="is damaged or no model"):
            ScribbleModel.load(path)
    np.savez(path, model=np.array("{}"))
    with pytest.raises(gk.FeatureError, match="is damaged or no model"):
        ScribbleModel.load(path)
    np.savez(path, model=np.array([{"a": 1}], dtype=object))
    with pytest.raises(gk.FeatureError, match="is damaged or no model"):
        ScribbleModel.load(path)


def test_a_model_of_the_future(tmp_path):
    path = tmp_path / "model.npz"
    fit_scribbles(PICTURE, strokes(), rounds=0).save(path)
    with np.load(path) as stored:
        arrays = dict(stored)
    described = json.loads(str(arrays["model"]))
    np.savez(path, **(arrays | {"model": np.array(json.dumps(described | {"version": 2}))}))
    with pytest.raises(gk.FeatureError, match="version 2 is not 1"):
        ScribbleModel.load(path)
    assert zipfile.is_zipfile(path)


# ---- errors ----


@pytest.mark.parametrize(
    ("drawn", "options", "text"),
    [
        (np.zeros((5, 5), int), {}, "scribbles of shape (5, 5) do not fit a picture of (128, 128)"),
        (np.zeros((128, 128)), {}, "scribbles of dtype float64 from 0.0 to 0.0 are no numbers"),
        (np.full((128, 128), 300), {}, "from 300 to 300 are no numbers"),
        (np.full((128, 128), -1), {}, "from -1 to -1 are no numbers"),
        (np.zeros((128, 128), int), {}, "the scribbles name 0 textures"),
        (np.ones((128, 128), int), {}, "the scribbles name 1 texture;"),
        (strokes(), {"rounds": -1}, "rounds=-1 is not a whole number"),
        (strokes(), {"rounds": True}, "rounds=True is not a whole number"),
        (strokes(), {"smoothing": -1}, "smoothing=-1 is out of range"),
        (strokes(), {"window": np.inf}, "window=inf is no width"),
    ],
)
def test_errors(drawn, options, text):
    with pytest.raises(gk.FeatureError, match=re.escape(text)):
        fit_scribbles(PICTURE, drawn, **options)


def test_lists_that_do_not_fit():
    with pytest.raises(gk.FeatureError, match="1 scribbles do not fit 2 pictures"):
        fit_scribbles([PICTURE, PICTURE], [strokes()])
    with pytest.raises(gk.FeatureError, match="0 scribbles do not fit 0 pictures"):
        fit_scribbles([], [])
