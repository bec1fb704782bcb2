"""``--mask`` and ``--outside`` of commands: equal to the library's, and refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import GREY, description, run

import gaborkit as gk
from gaborkit.features import local_orientation, phase_symmetry
from gaborkit.vision import (
    find_defects,
    find_edges,
    fit_scribbles,
    segment_scribbles,
    segment_textures,
)
from gaborkit.vision.synthetic import weave

pytestmark = pytest.mark.usefixtures("folder")

#: Of each command, a file it writes and options of its own.
COMMANDS = {
    "filter": ("out.npy", "--bank", "grid", "--wavelength", "4"),
    "orient": ("out.npz", "--wavelength", "4"),
    "edges": ("out.npz", "--wavelength", "4"),
    "symmetry": ("out.npz",),
}
#: These see more of a picture, and have a test of their own.
OTHERS = {"segment": ("out.npz", "--count", "2"), "defects": ("out.npz",)}


@pytest.fixture
def mask(folder):
    inside = np.zeros(GREY.shape, bool)
    inside[5:-7, 4:-9] = True
    inside[10:14, 10:20] = False
    gk.write_image("mask.png", (255 * inside).astype(np.uint8))
    return inside


def written(name, *options):
    out, *own = COMMANDS[name]
    result = run(name, "grey.png", *own, *options, "--out", out)
    assert result.exit_code == 0, result.output
    if out.endswith(".npy"):
        return np.load(out)
    with np.load(out) as values:
        return dict(values)


@pytest.mark.parametrize("outside", [None, "nearest", "normalized"])
def test_results_are_those_of_the_library(mask, outside):
    bank = gk.GaborBank.grid(wavelength=4)
    options = [] if outside is None else ["--outside", outside]
    masked = {"mask": mask} if outside is None else {"mask": mask, "outside": outside}
    found = written("filter", "--mask", "mask.png", *options)
    np.testing.assert_array_equal(found, bank.filter(GREY, **masked))
    assert description("out.npy")["outside"] == (outside or "nearest")
    field = local_orientation(GREY, bank, **masked)
    numbers = written("orient", "--mask", "mask.png", *options)
    np.testing.assert_array_equal(numbers["energy"], field.energy)
    edges = find_edges(GREY, bank, **masked)
    numbers = written("edges", "--mask", "mask.png", *options)
    np.testing.assert_array_equal(numbers["thin"], edges.thin)
    np.testing.assert_array_equal(numbers["strength"], edges.strength)


def test_symmetry_and_a_file_for_each_kernel(mask):
    found = written("symmetry", "--mask", "mask.png")
    np.testing.assert_array_equal(found["symmetry"], phase_symmetry(GREY, mask=mask).symmetry)
    options = ["--bank", "grid", "--scales", 1, "--orientations", 2, "--part", "magnitude"]
    result = run("filter", "grey.png", *options, "--mask", "mask.png", "--out", "results/")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
def test_textures_and_defects_of_a_part(outside):
    picture, inside = weave((120, 130), period=6).astype(np.float32), np.zeros((120, 130), bool)
    inside[5:-7, 4:-9] = True
    gk.write_image("cloth.npy", picture)
    gk.write_image("part.npy", inside)
    options = ["--mask", "part.npy", "--outside", outside]
    result = run("segment", "cloth.npy", "--count", 2, *options, "--out", "labels.tif")
    assert result.exit_code == 0, result.output
    labels = segment_textures(picture, 2, mask=inside, outside=outside).labels
    np.testing.assert_array_equal(gk.read_image("labels.tif"), labels)
    shares = [entry["share"] for entry in description("labels.tif")["textures"]]
    assert sum(shares) == pytest.approx(1)
    assert description("labels.tif")["outside"] == outside
    result = run("defects", "cloth.npy", *options, "--out", "o.npz", "--score", "score.npy")
    assert result.exit_code == 0, result.output
    assert " % of the mask" in result.stdout
    found = find_defects(picture, mask=inside, outside=outside)
    np.testing.assert_array_equal(np.load("score.npy"), found.score)


@pytest.mark.parametrize("outside", [None, "normalized"])
def test_strokes_over_a_part(outside):
    halves = np.concatenate([weave((60, 40), period=6), weave((60, 40), period=11)], 1)
    inside, strokes = np.zeros((60, 80), bool), np.zeros((60, 80), np.uint8)
    inside[4:-5, 3:-7] = True
    strokes[20:40, 10:12], strokes[20:40, 60:62] = 1, 2
    gk.write_image("cloth.npy", np.where(inside, halves, 1e9))
    gk.write_image("part.png", np.uint8(255 * inside))
    gk.write_image("strokes.png", strokes)
    words = ["--scribbles", "strokes.png", "--mask", "part.png"]
    words += ["--outside", outside] if outside else []
    result = run("segment", "cloth.npy", *words, "--out", "labels.npy")
    assert result.exit_code == 0, result.output
    options = {"mask": inside, "outside": outside or "nearest"}
    labels = segment_scribbles(halves, strokes, **options).labels
    np.testing.assert_array_equal(np.load("labels.npy"), labels)
    assert not labels[~inside].any()
    result = run("pixels", "train", "cloth.npy", *words, "--out", "m.npz")
    assert result.exit_code == 0, result.output
    for mask in ("part.png", "part.npy"):
        gk.write_image("part.npy", inside)
        for name in ("in/a.npy", "in/b.npy"):
            Path("in").mkdir(exist_ok=True)
            gk.write_image(name, np.where(inside, halves, 1e9))
        words = ["--mask", mask, "--tile", 32, *words[4:]]
        result = run("pixels", "apply", "m.npz", "in", *words, "--out", "o/", "--suffix", ".npy")
        assert result.exit_code == 0, result.output
        for name in ("o/a.npy", "o/b.npy"):
            found = np.load(name)
            assert np.mean(found != labels) < 1e-3
            assert not found[~inside].any()
        assert description("o/a.npy")["mask"] == mask


@pytest.mark.parametrize("verb", ["train", "apply"])
def test_masks_of_pixels_that_do_not_fit(verb, folder):
    picture, strokes = weave((40, 40), period=6), np.zeros((40, 40), np.uint8)
    strokes[5:20, 3], strokes[5:20, 30] = 1, 2
    gk.write_image("cloth.npy", picture)
    gk.write_image("strokes.png", strokes)
    gk.write_image("small.png", np.full((3, 3), 255, np.uint8))
    fit_scribbles(picture, strokes).save("m.npz")
    words = ["cloth.npy"] if verb == "train" else ["m.npz", "cloth.npy"]
    words += ["--scribbles", "strokes.png", "--out", "n.npz"] if verb == "train" else []
    words += ["--out", "o.npy"] if verb == "apply" else []
    (folder / "none").mkdir()
    for options, code, message in (
        (("--mask", "small.png"), 1, "small.png: 3 x 3 pixels do not fit a picture of 40 x 40"),
        (("--mask", "none"), 1, "cloth.npy: there is no mask for it in none"),
        (("--outside", "nearest"), 2, "--outside nearest says what lies outside --mask"),
    ):
        result = run("pixels", verb, *words, *options)
        assert (result.exit_code, message in result.stderr) == (code, True), result.output
    assert not list(Path().glob("o.npy*"))


@pytest.mark.parametrize("name", [*COMMANDS, *OTHERS])
@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--mask", "small.png"), 1, "small.png: 3 x 3 pixels do not fit a picture of"),
        (("--mask", "black.png"), 1, "black.png: all pixels are 0"),
        (("--mask", "none.png"), 1, "none.png: there is no such file"),
        (("--outside", "nearest"), 2, "--outside"),
    ],
)
def test_masks_that_do_not_fit(name, options, code, message):
    gk.write_image("small.png", np.full((3, 3), 255, np.uint8))
    gk.write_image("black.png", np.zeros(GREY.shape, np.uint8))
    out, *own = (COMMANDS | OTHERS)[name]
    result = run(name, "grey.png", *own, *options, "--out", out)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert len([line for line in result.stderr.splitlines() if "rror" in line]) == 1


def test_workers_read_masks_by_regions(mask):
    gk.write_image("grey.npy", GREY)
    options = ("--scheduler", "tcp://127.0.0.1:1", "--sigma", 2, "--out", "o.npy")
    result = run("filter", "grey.npy", *options, "--mask", "mask.png")
    assert result.exit_code == 1, result.output
    assert "mask.png: workers read a mask by regions; a grey .tif" in result.stderr


@pytest.fixture
def pictures(folder):
    """A folder of two pictures, one of a mask each, and what lies outside of these."""
    noise, masks = np.random.default_rng(0), {}
    for directory in ("in", "masks"):
        (folder / directory).mkdir()
    for name in ("a", "b"):
        inside = noise.random((30, 40)) > 0.4
        masks[name] = inside
        gk.write_image(f"in/{name}.npy", noise.random((30, 40)))
        gk.write_image(f"masks/{name}.png", (255 * inside).astype(np.uint8))
    return masks


ONE = ("--sigma", 2, "--suffix", ".npy")


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
def test_a_folder_of_masks_and_one_mask_for_all(pictures, outside):
    bank = gk.GaborBank([gk.GaborKernel(sigma=2)])
    for where, mask_of in (
        ("masks", pictures),
        ("masks/a.png", dict.fromkeys("ab", pictures["a"])),
    ):
        words = ("--mask", where, "--outside", outside)
        result = run("filter", "in", *ONE, *words, "--out", "first")
        assert (result.exit_code, result.stderr) == (0, "")
        for name, mask in mask_of.items():
            expected = bank.filter(np.load(f"in/{name}.npy"), mask=mask, outside=outside)[0]
            np.testing.assert_array_equal(np.load(f"first/{name}.npy"), expected)
        # What lies outside changes no bit.
        for value in (1e6, -3.0):
            for name, mask in mask_of.items():
                picture = np.load(f"in/{name}.npy")
                np.save(f"in/{name}.npy", np.where(mask, picture, value))
            assert run("filter", "in", *ONE, *words, "--out", "second").exit_code == 0
            for name in "ab":
                first, second = (np.load(f"{out}/{name}.npy") for out in ("first", "second"))
                np.testing.assert_array_equal(first, second)


def test_masks_that_a_folder_lacks_or_has_twice(pictures):
    gk.write_image("masks/b.tif", pictures["b"].astype(np.float32))
    result = run("filter", "in", *ONE, "--mask", "masks", "--out", "o/")
    assert result.exit_code == 2
    assert "are all called like" in result.stderr
    for name in ("b.tif", "b.png"):
        Path("masks", name).unlink()
    result = run("filter", "in", *ONE, "--mask", "masks", "--out", "o/")
    assert result.exit_code == 1
    assert "b.npy: there is no mask for it in masks; a file of that name works" in result.stderr
    gk.write_image("masks/b.png", np.zeros((3, 3), np.uint8))
    result = run("filter", "in", *ONE, "--mask", "masks", "--out", "o/")
    assert result.exit_code == 1
    assert "error: in/b.npy: masks/b.png: 3 x 3 pixels do not fit" in result.stderr
    assert sorted(path.name for path in Path("o").iterdir()) == ["a.npy", "a.npy.json"]
