"""``gaborkit orient``: pictures and numbers equal to the library's."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import COLOUR, GREY, description, examples, run
from orientation_for_tests import angular_error, grating

import gaborkit as gk
from gaborkit.features import local_orientation
from gaborkit.plotting import orientation_colours

pytestmark = pytest.mark.usefixtures("folder")


def orient(*arguments):
    result = run("orient", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_picture_of_hues():
    found = local_orientation(GREY)
    text = orient("grey.png", "--out", "out.png")
    assert text == f"out.png: orientation, 40 x 52, mean confidence {found.confidence.mean():.3f}\n"
    hues = orientation_colours(found.angle, found.confidence)
    assert np.array_equal(gk.read_image("out.png"), hues)
    orient("grey.png", "--brightness", "full", "--out", "full.webp")
    assert np.array_equal(gk.read_image("full.webp"), orientation_colours(found.angle))
    orient("grey.png", "--brightness", "energy", "--out", "energy.png")
    assert gk.read_image("energy.png").mean() < gk.read_image("full.webp").mean()


def test_numbers_are_degrees():
    gk.write_image("grating.tif", grating(np.deg2rad(160), 6.0).astype(np.float32))
    orient("grating.tif", "--out", "out.npz")
    orient("grating.tif", "--lines", "--out", "lines.tif")
    with np.load("out.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["angle_degrees", "confidence", "energy"]
        assert abs(arrays["angle_degrees"][48, 48] - 160) < 0.01
        assert arrays["angle_degrees"].max() < 180
        assert arrays["confidence"][48, 48] > 0.999
        pages = gk.read_image("lines.tif")
        assert abs(pages[0, 48, 48] - 70) < 0.01
        np.testing.assert_array_equal(pages[1:], [arrays["confidence"], arrays["energy"]])
    assert description("lines.tif")["pages"] == ["angle_degrees", "confidence", "energy"]


def test_the_luminance_of_colour_and_the_options_of_the_bank():
    text = orient(
        *("colour.png", "--bank", "kovesi", "--scales", 3, "--method", "energy"),
        *("--boundary", "wrap", "--json", "--out", "out.npz"),
    )
    bank = gk.GaborBank.preset("kovesi", scales=3)
    found = local_orientation(gk.luminance(COLOUR), bank, method="energy", boundary="wrap")
    with np.load("out.npz", allow_pickle=False) as arrays:
        assert angular_error(np.deg2rad(arrays["angle_degrees"]), found.angle).max() < 1e-4
    said = json.loads(text)
    assert (said["out"], said["colour"], said["shape"]) == ("out.npz", "luminance", [40, 52])
    assert said["mean_confidence"] == pytest.approx(found.confidence.mean(), abs=1e-6)


def test_without_a_bank_the_options_are_the_grids():
    orient("grey.png", "--wavelength", 3, "--orientations", 5, "--out", "out.npz")
    bank = gk.GaborBank.grid(wavelength=3, orientations=5)
    with np.load("out.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["energy"], local_orientation(GREY, bank).energy)


def test_a_stack_is_not_one_picture():
    gk.write_image("stack.npy", np.zeros((5, 20, 20)))
    result = run("orient", "stack.npy", "--out", "out.png")
    assert result.exit_code == 1
    assert "stack.npy: a stack of shape (5, 20, 20)" in result.stderr


def test_a_figure_with_a_legend():
    for brightness in ("confidence", "energy", "full"):
        orient("grey.png", "--legend", "--brightness", brightness, "--out", f"{brightness}.svg")
        text = Path(f"{brightness}.svg").read_text()
        assert ("brightness" in text) == (brightness != "full")


@pytest.mark.parametrize("example", examples("orient"))
def test_examples(example):
    assert run(*shlex.split(example)[1:]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["grey.png", "--out", "out.gif"], 2, "--out out.gif: .gif is unknown: give .png"),
        (["grey.png", "--out", "out"], 2, "--out out: the name has no suffix"),
        (["grey.png", "--legend", "--out", "out.tif"], 2, "give .png, .svg, .pdf"),
        (["grey.png", "--bank", "bob", "--sigma", "2", "--out", "a.png"], 2, "--sigma does not go"),
        (["none.png", "--out", "out.png"], 1, "none.png: there is no such file"),
        (["grey.png", "--out", "none/out.png"], 1, "the folder none does not exist"),
    ],
)
def test_errors_are_one_line(arguments, code, message, unchanged):
    result = run("orient", *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
