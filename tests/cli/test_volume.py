"""``gaborkit volume``: scans in their place, stacks, and video; bad input in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import run

import gaborkit as gk
from gaborkit.volumes import GaborKernel3D, directions, filter_volume, motion_energy

VALUES = np.random.default_rng(0).random((8, 20, 22)).astype(np.float32)


@pytest.fixture
def files(folder):
    gk.write_volume("ct.nii", gk.Volume.of(VALUES.astype(np.float64), (2, 1, 1)))
    np.save("stack.npy", VALUES)
    gk.write_image("flat.png", np.zeros((20, 30), np.uint8))


def expected(volume, **options):
    kernels = [GaborKernel3D.along(v, wavelength=6, sigma=3) for v in directions(3)]
    return filter_volume(kernels, volume, **{"part": "magnitude", **options})


@pytest.mark.usefixtures("files")
def test_a_scan_keeps_its_place_and_lengths_are_millimetres():
    result = run("volume", "ct.nii", "--directions", 3, "--out", "o.nii.gz", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    written, scan = gk.read_volume("o.nii.gz"), gk.read_volume("ct.nii")
    scan.check_same_grid(written)
    np.testing.assert_allclose(written.values, expected(scan).max(0), rtol=1e-5)
    assert json.loads(result.stdout)["spacing"] == [2, 1, 1]


def test_a_narrow_array_is_a_volume_and_a_picture_in_colour_is_not(folder):
    narrow = VALUES[:4, :3, :3]
    np.save("narrow.npy", narrow)
    gk.write_image("colour.png", np.zeros((20, 30, 3), np.uint8))
    result = run("volume", "narrow.npy", "--directions", 3, "--out", "o.npy")
    assert (result.exit_code, result.stderr) == (0, "")
    np.testing.assert_allclose(np.load("o.npy"), expected(narrow).max(0), rtol=1e-5)
    result = run("volume", "colour.png", "--out", "o.npy")
    assert result.exit_code == 1
    assert "colour.png: an array of shape (20, 30, 3) is no volume" in result.stderr


def test_responses_that_are_too_large_write_nothing(folder):
    np.save("large.npy", VALUES * np.float32(1e38))
    Path("o.npy").write_bytes(b"old")
    result = run("volume", "large.npy", "--directions", 3, "--part", "energy", "--out", "o.npy")
    assert result.stderr == "error: large.npy: responses are too large for their precision\n"
    assert Path("o.npy").read_bytes() == b"old"


def test_a_volume_of_several(folder):
    nibabel = pytest.importorskip("nibabel")
    several = np.stack([VALUES.T, 2 * VALUES.T], -1)
    nibabel.save(nibabel.Nifti1Image(several, np.eye(4)), "several.nii")
    result = run("volume", "several.nii[1]", "--directions", 3, "--out", "o.npy")
    assert (result.exit_code, result.stderr) == (0, "")
    np.testing.assert_allclose(np.load("o.npy"), 2 * expected(VALUES).max(0), rtol=1e-4)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("pool", ["max", "mean", "none"])
def test_a_stack_is_of_voxels(pool):
    words = ["--directions", 3, "--pool", pool, "--part", "real", "--boundary", "wrap"]
    assert run("volume", "stack.npy", *words, "--out", "o.npy").exit_code == 0
    responses = expected(VALUES, part="real", boundary="wrap")
    wanted = responses if pool == "none" else getattr(responses, pool)(0)
    np.testing.assert_allclose(np.load("o.npy"), wanted, atol=1e-6)


@pytest.mark.usefixtures("files")
def test_a_video_has_motion_energy():
    words = ["--video", "--directions", 4, "--speed", 2, "--pool", "none"]
    assert run("volume", "stack.npy", *words, "--out", "o.npy").exit_code == 0
    wanted = motion_energy(VALUES, 4, 2.0, wavelength=6, sigma=3)
    np.testing.assert_allclose(np.load("o.npy"), wanted, rtol=1e-5)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["stack.npy", "--pool", "none", "--out", "o.tif"], 2, "--pool none makes 13 volumes"),
        (["stack.npy", "--speed", 2, "--out", "o.npy"], 2, "--speed 2 is of a video"),
        (
            ["stack.npy", "--video", "--part", "real", "--out", "o.npy"],
            2,
            "has energy alone",
        ),
        (["ct.nii", "--video", "--out", "o.nii"], 2, "--out o.nii holds a scan"),
        (["stack.npy", "--out", "o.nii"], 2, "stack.npy does not say the size of its voxels"),
        (["flat.png", "--out", "o.npy"], 1, "flat.png: an array of shape (20, 30) is no volume"),
        (["none.nii", "--out", "o.npy"], 1, "none.nii: there is no such file"),
    ],
)
def test_errors(words, code, message):
    result = run("volume", *words)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
