"""Classes of pixels by tiles, the same as of the whole picture; the commands."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import description, run

import gaborkit as gk
from gaborkit.vision import ScribbleModel, fit_scribbles, predict_large
from gaborkit.vision.synthetic import spots, waves

STROKES = np.zeros((90, 120), np.uint8)
STROKES[30:60, 20], STROKES[30:60, 100] = 1, 4


@functools.cache
def picture(seed=0):
    halves = spots((90, 60), seed, spacing=8), waves((90, 60), seed, wavelength=6)
    return np.rint(128 + 30 * np.concatenate(halves, 1)).clip(0, 255).astype(np.uint8)


@functools.cache
def model(colour=False):
    image = np.stack([picture(), picture(1), 255 - picture()]) if colour else picture()
    bank = gk.GaborBank.grid(2, 3, wavelength=4)
    return fit_scribbles(
        image, STROKES, bank=bank, smoothing=2, least=2, channel_axis=0 if colour else None
    )


@pytest.mark.parametrize(
    ("tile", "suffix"), [(37, ".npy"), (60, ".tif"), (37, ".zarr"), (500, ".npy")]
)
def test_tiles_make_the_whole(tmp_path, tile, suffix):
    done = []
    target = tmp_path / f"labels{suffix}"
    counts = predict_large(
        model(), picture(2), target, tile=tile, progress=lambda *x: done.append(x)
    )
    labels = gk.read_image(target) if suffix != ".zarr" else gk.large.open_source(target)[:]
    expected = model().predict(picture(2)).labels
    assert np.mean(labels != expected) < 1e-3  # ties, to rounding
    assert counts.tolist() == [np.sum(labels == 1), np.sum(labels == 4)]
    assert done[-1] == (len(done), len(done))
    assert sorted(p.suffix for p in tmp_path.iterdir() if "tmp" not in p.name)[-1] == suffix
    assert not list(tmp_path.glob("*.partial"))


def test_colour_and_files_are_read_by_regions(tmp_path):
    image = np.stack([picture(2), picture(3), 255 - picture(2)])
    np.save(tmp_path / "in.npy", np.moveaxis(image, 0, -1))
    predict_large(
        model(colour=True), tmp_path / "in.npy", tmp_path / "o.npy", channel_axis=-1, tile=32
    )
    expected = model(colour=True).predict(image, channel_axis=0).labels
    assert np.mean(np.load(tmp_path / "o.npy") != expected) < 1e-3


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
@pytest.mark.parametrize(("tile", "colour"), [(37, False), (60, True)])
def test_tiles_of_a_part_make_its_whole(tmp_path, outside, tile, colour):
    image = np.stack([picture(2), picture(3), 255 - picture(2)]) if colour else picture(2)
    rule, axis = model(colour), 0 if colour else None
    y, x = np.indices((90, 120))
    inside = (np.hypot(y - 50, x - 55) < 38) & (np.hypot(y - 60, x - 50) > 9)
    inside[2, 100] = True
    np.save(tmp_path / "mask.npy", inside)
    options = {"channel_axis": axis, "outside": outside}
    expected = rule.predict(image, mask=inside, **options).labels
    labels = []
    for value, mask in ((0.0, inside), (np.nan, tmp_path / "mask.npy"), (1e30, inside)):
        spoiled = np.where(inside, image.astype(np.float32), np.float32(value))
        target = tmp_path / "labels.npy"
        counts = predict_large(rule, spoiled, target, tile=tile, mask=mask, **options)
        labels.append(np.load(target))
        assert counts.tolist() == [np.sum(labels[-1] == 1), np.sum(labels[-1] == 4)]
    np.testing.assert_array_equal(labels[1], labels[0])
    np.testing.assert_array_equal(labels[2], labels[0])
    assert np.mean(labels[0] != expected) < 1e-3  # ties, to rounding
    assert not labels[0][~inside].any()


def test_what_fails_leaves_nothing(tmp_path):
    bad = picture().astype(float)
    bad[80, 100] = np.nan
    with pytest.raises(gk.ImageError):
        predict_large(model(), bad, tmp_path / "o.npy", tile=32)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tile": 0}, gk.FeatureError, "tile=0 is no size in pixels; give 1024"),
        ({"source": np.zeros((2, 30, 40))}, gk.FeatureError, "shape (2, 30, 40) holds several"),
        ({"source": "none.npy"}, gk.PictureError, "there is no such file"),
        ({"source": np.zeros((30, 40, 3)), "channel_axis": -1}, gk.FeatureError, "of 3 channels"),
        ({"target": "o.jpg"}, gk.GaborkitError, "jpg"),
        ({"mask": np.ones((3, 3))}, gk.FilterError, "mask: 3 x 3 pixels of float64 do not fit"),
    ],
)
def test_errors(folder, options, error, message):
    whole = {"source": picture(), "target": "o.npy", **options}
    with pytest.raises(error, match=re.escape(message)):
        predict_large(model(), **whole)
    assert not Path("o.npy").exists()


def test_tanh_sees_the_whole_picture():
    other = fit_scribbles(picture(), STROKES, nonlinearity="tanh")
    with pytest.raises(gk.FeatureError, match="nonlinearity='tanh' sees the whole picture"):
        predict_large(other, picture(), "o.npy")


# ---- the commands ----


@pytest.fixture
def files(folder):
    gk.write_image("a.png", picture())
    gk.write_image("s.png", STROKES)
    Path("photos").mkdir()
    gk.write_image("photos/b.png", picture(2))
    gk.write_image("photos/c.tif", picture(3))
    bank = ["--bank", "grid", "--scales", 2, "--orientations", 3, "--wavelength", 4]
    result = run("pixels", "train", "a.png", "--scribbles", "s.png", "--out", "m.npz", *bank)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "m.npz: classes 1, 4 of 1 pictures\n"


@pytest.mark.usefixtures("files")
def test_a_model_of_strokes_finds_its_classes_elsewhere():
    rule = ScribbleModel.load("m.npz")
    result = run("pixels", "apply", "m.npz", "photos/b.png", "--out", "o.npy", "--tile", 64)
    assert (result.exit_code, result.stderr) == (0, "")
    labels = np.load("o.npy")
    assert np.mean(labels != rule.predict(picture(2)).labels) < 1e-3
    assert np.mean(labels[:, :60] == 1) > 0.9
    assert np.mean(labels[:, 60:] == 4) > 0.9
    assert description("o.npy")["model"] == "m.npz"
    result = run("pixels", "apply", "m.npz", "photos", "--out", "classes")
    assert (result.exit_code, result.stdout) == (0, "classes: 2 pictures\n")
    assert np.mean(gk.read_image("classes/b.tif") != labels) < 1e-3


@pytest.mark.usefixtures("files")
def test_one_bad_picture_does_not_stop_the_others():
    Path("photos/bad.png").write_bytes(b"")
    result = run("pixels", "apply", "m.npz", "photos", "--out", "classes/")
    assert result.exit_code == 1
    assert "error: photos/bad.png: is empty" in result.stderr
    assert "error: 1 of 3 pictures could not be classified" in result.stderr
    assert sorted(p.name for p in Path("classes").glob("*.tif")) == ["b.tif", "c.tif"]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["apply", "a.png", "a.png", "--out", "o.npy"], 1, "a.png: is damaged or no model of scri"),
        (["apply", "m.npz", "a.png", "--out", "o.jpg"], 2, "--out o.jpg: .jpg is unknown"),
        (["apply", "m.npz", "a.png", "--out", "a.png/"], 2, "a.png"),
        (
            ["train", "photos", "--scribbles", "photos/b.png", "--out", "n.npz"],
            2,
            "--scribbles photos/b.png is one file for 2 pictures",
        ),
        (
            ["train", "a.png", "--scribbles", "photos", "--out", "n.npz"],
            1,
            "a.png: there are no strokes for it in photos; a file of that name works",
        ),
    ],
)
def test_errors_of_the_commands(words, code, message):
    result = run("pixels", *words)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
