"""``gaborkit enhance``: files equal to the library's results, folders, and bad input."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import decoded, description, run
from fingerprints_for_tests import small_print

import gaborkit as gk
from gaborkit.plotting.orientation_hues import orientation_colours
from gaborkit.vision.fingerprint import enhance_fingerprint, thin_ridges

pytestmark = pytest.mark.usefixtures("folder")

IMAGE = (255 * small_print().image).astype(np.uint8)


@pytest.fixture
def found(folder):
    gk.write_image("print.png", IMAGE)
    return enhance_fingerprint(IMAGE)


def enhance(*arguments):
    result = run("enhance", *arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def test_the_enhanced_print(found):
    text = enhance("print.png", "--out", "out.tif")
    assert np.array_equal(gk.read_image("out.tif"), found.enhanced)
    spacing = 1 / np.median(found.frequency[found.mask])
    assert text == (
        f"out.tif: 192 x 160, {found.mask.mean():.0%} of it print, "
        f"ridges {spacing:.1f} pixels apart\n"
    )
    enhance("print.png", "--out", "out.png")
    values, half = decoded("out.png")
    level = math.sqrt(np.mean(found.enhanced[found.mask] ** 2))
    inside = np.abs(found.enhanced) < 2.4 * level
    assert np.abs(values - found.enhanced)[inside].max() <= half
    assert set(gk.read_image("out.png")[~found.mask].tolist()) == {128}
    said = description("out.png")
    assert said["gaborkit"] == gk.__version__
    assert (said["input"], said["ridges"], said["sigma"]) == ("print.png", "dark", None)
    assert said["spacing"] == pytest.approx(spacing)


def test_ridges_in_black_on_white_and_true_in_arrays(found):
    enhance("print.png", "--binary", "--out", "out.png")
    assert np.array_equal(gk.read_image("out.png") == 0, found.binary)
    enhance("print.png", "--binary", "--out", "out.npy")
    assert np.array_equal(gk.read_image("out.npy"), found.binary)
    enhance("print.png", "--thin", "--out", "out.png")
    assert np.array_equal(gk.read_image("out.png") == 0, thin_ridges(found.binary))
    assert description("out.png")["content"] == "thin ridges"


def test_mask_orientation_and_frequency(found):
    outs = ("--mask", "m.png", "--orientation", "o.npy", "--frequency", "f.tif")
    enhance("print.png", "--out", "out.png", *outs)
    assert np.array_equal(gk.read_image("m.png") == 255, found.mask)
    assert np.array_equal(gk.read_image("o.npy"), found.orientation)
    assert np.array_equal(gk.read_image("f.tif"), found.frequency)
    outs = ("--mask", "m.npy", "--orientation", "o.png", "--frequency", "f.png")
    enhance("print.png", "--out", "out.png", *outs)
    assert np.array_equal(gk.read_image("m.npy"), found.mask)
    colours = orientation_colours(found.orientation, found.mask.astype(float))
    assert np.array_equal(gk.read_image("o.png"), colours)
    values, half = decoded("f.png")
    assert np.abs(values - found.frequency).max() <= half


def test_options_arrive(found):
    options = {"ridges": "light", "sigma": 3, "block": 12, "regularity": 0.1, "method": "gabor"}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    words += ["--wavelengths", 5, 20, "--spacing", 12]
    enhance("print.png", "--out", "out.npy", "--binary", *words)
    options["orientation"] = options.pop("method")
    expected = enhance_fingerprint(IMAGE, wavelengths=(5, 20), spacing=12, **options)
    assert np.array_equal(gk.read_image("out.npy"), expected.binary)
    assert options.items() <= description("out.npy").items()


def test_colour_is_enhanced_by_its_luminance(found):
    gk.write_image("colour.png", np.dstack([IMAGE] * 3))
    enhance("colour.png", "--binary", "--out", "out.npy")
    assert (gk.read_image("out.npy") != found.binary).mean() < 1e-3
    assert description("out.npy")["colour"] == "luminance"


def test_a_picture_without_ridges_says_so(folder):
    gk.write_image("flat.png", np.full((60, 70), 9, np.uint8))
    text = enhance("flat.png", "--out", "out.png", "--orientation", "o.png")
    assert text == "out.png: 60 x 70, 0% of it print\n"
    assert set(gk.read_image("out.png").ravel().tolist()) == {128}


def test_folders(found):
    Path("prints").mkdir()
    for name in ("a.png", "b.tif"):
        gk.write_image(f"prints/{name}", IMAGE)
    text = enhance("prints", "--binary", "--out", "ridges", "--mask", "masks", "--suffix", ".npy")
    assert text == "ridges: 2 prints\n"
    for name in ("a.npy", "b.npy"):
        assert np.array_equal(gk.read_image(f"ridges/{name}"), found.binary)
        assert np.array_equal(gk.read_image(f"masks/{name}"), found.mask)


def test_one_bad_picture_does_not_stop_the_others(found):
    Path("bad.png").write_bytes(b"")
    gk.write_image("small.png", IMAGE[:20])
    result = run("enhance", "bad.png", "small.png", "print.png", "--out", "o", "--progress")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        *("[1/3] bad.png", "[2/3] small.png", "[3/3] print.png"),
        "error: bad.png: is empty (0 bytes); a complete copy of the file would work",
        "error: small.png: a picture of 20 x 160 pixels is smaller than a window of 32 pixels "
        "across its ridges; give a larger picture, or a smaller block",
        "error: 2 of 3 pictures could not be enhanced",
    ]
    assert [path.name for path in sorted(Path("o").iterdir())] == ["print.png", "print.png.json"]
    result = run("enhance", "bad.png", "print.png", "--out", "o", "--debug")
    assert result.stderr.startswith("Traceback")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--out", "o.gif"], "--out o.gif: .gif is unknown"),
        (["--out", "o.png", "--mask", "m.gif"], "--mask m.gif: .gif is unknown"),
        (["--out", "o.zarr"], "--out o.zarr: .zarr is unknown"),
        (["--out", "grey.png"], "grey.png would be written over the input"),
        (["--out", "o.png", "--mask", "./o.png"], "--out and --mask would both write ./o.png"),
        (["colour.png", "--out", "o.png"], "--out o.png is one file, not a folder"),
        (["--out", "o.png", "--binary", "--thin"], "--binary and --thin say what OUT holds"),
        (["--out", "o.png", "--ridges", "black"], "'black' is not one of dark, light"),
        (["--out", "o.png", "--block", "0"], "0 is not a whole number from 1"),
        (["--out", "o.png", "--sigma", "-1"], "-1 is not a number above 0"),
        (["--out", "o.png", "--spacing", "1"], "1 is not a number of at least 2"),
        (["--out", "o.png", "--wavelengths", "9", "5"], "wavelengths=(9.0, 5.0) are no limits"),
    ],
)
def test_usage_errors(arguments, text, unchanged):
    result = run("enhance", "grey.png", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_picture_that_cannot_be_enhanced_leaves_nothing(unchanged):
    result = run("enhance", "missing.png", "--out", "o.png", "--mask", "m.png")
    assert (result.exit_code, result.stderr) == (1, "error: missing.png: there is no such file\n")
    result = run("enhance", "grey.png", "--block", 30, "--out", "o.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: grey.png: a picture of 40 x 52 pixels is smaller")
    result = run("enhance", "grey.png", "--out", "nowhere/o.png")
    assert result.exit_code == 1
    assert "the folder nowhere does not exist" in result.stderr
