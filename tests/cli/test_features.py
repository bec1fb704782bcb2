"""``gaborkit features``: tables equal to the library's, on after a kill, errors in one line."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import COLOUR, GREY, SIX, examples, run
from gaborkit_cli import jobs
from gaborkit_cli.options import reading as picture_options
from scipy.ndimage import distance_transform_edt

import gaborkit as gk
from gaborkit.features import DESCRIPTORS, descriptor, read_table

pytestmark = pytest.mark.usefixtures("folder")
BANK = gk.GaborBank.grid(2, 3)


def run_features(*arguments: object, stderr: str = "") -> str:
    result = run("features", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == stderr
    return result.stdout


# ---- what is written ----


def test_the_choices_are_the_librarys():
    assert tuple(DESCRIPTORS) == picture_options.DESCRIPTORS


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_a_folder_into_each_format(suffix):
    text = run_features(".", "--out", f"out{suffix}")
    assert text == f"out{suffix}: 48 features of 2 pictures\n"
    table = read_table(f"out{suffix}")
    assert table.pictures == ("colour.png", "grey.png")
    texture = descriptor("texture")
    np.testing.assert_allclose(table.features["mean 5 px, 30°"], [
        texture.describe(image)["mean 5 px, 30°"] for image in (gk.luminance(COLOUR), GREY)
    ], rtol=1e-5)  # fmt: skip
    assert table.features.values.dtype == np.float32
    # An earlier table is no picture.
    again = run("features", ".", "--out", f"again{suffix}")
    assert "of 2 pictures" in again.stdout
    assert f"warning: .: 1 file is not taken (out{suffix}); .png" in again.stderr


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_every_kind_of_features(name):
    gk.write_image("big.png", np.tile(GREY, (2, 2)))
    text = run_features("big.png", "--features", name, "--out", "out.npz")
    expected = descriptor(name).describe(np.tile(GREY, (2, 2)))
    assert text == f"out.npz: {len(expected)} features of 1 picture\n"
    np.testing.assert_allclose(
        read_table("out.npz").features.values[0], expected.values, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (SIX, descriptor("texture", bank=BANK)),
        (["--scales", 3], descriptor("texture", bank=gk.GaborBank.preset("manjunath", scales=3))),
        (["--boundary", "wrap"], descriptor("texture", boundary="wrap")),
        (
            ["--features", "invariant", "--set", "pooling=max", "--set", "shared=false", *SIX],
            descriptor("invariant", bank=BANK, pooling="max", shared=False),
        ),
        (
            ["--features", "gist", "--set", "orientations=[4,2]", "--set", "size=32"],
            descriptor("gist", orientations=(4, 2), size=32),
        ),
        (
            ["--features", "energy", "--set", "normalise=log"],
            descriptor("energy", normalise="log"),
        ),
    ],
)
def test_banks_and_parameters(arguments, expected):
    run_features("grey.png", *arguments, "--out", "out.npz")
    table = read_table("out.npz")
    np.testing.assert_allclose(table.features.values[0], expected.describe(GREY).values, rtol=1e-5)
    assert gk.features.descriptors.from_dict(table.description) == expected


def test_channels():
    run_features("colour.png", "--colour", "channels", *SIX, "--out", "out.npz")
    found = read_table("out.npz").features
    expected = descriptor("texture", bank=BANK).describe(COLOUR, channel_axis=-1)
    assert found.names == expected.names
    np.testing.assert_allclose(found.values[0], expected.values, rtol=1e-5)


def test_folders_in_folders():
    Path("deep").mkdir()
    gk.write_image("deep/er.png", GREY)
    assert "of 2 pictures" in run_features(".", "--out", "out.csv")
    assert "of 3 pictures" in run_features(".", "grey.png", "./deep", "-r", "--out", "out.csv")
    pictures = read_table("out.csv").pictures
    assert pictures == ("colour.png", "grey.png", "deep/er.png")


def test_progress_in_lines():
    result = run("features", "grey.png", "colour.png", *SIX, "--out", "out.csv", "--progress")
    assert result.stderr == "[1/2] grey.png\n[2/2] colour.png\n"


@pytest.mark.parametrize("line", examples("features"))
def test_the_examples_in_the_help_run(line):
    Path("photos").mkdir()
    gk.write_image("photos/one.png", COLOUR)
    gk.write_image("cells.tif", GREY)
    gk.write_image("nuclei.tif", (GREY > 0).astype(np.uint8))
    arguments = shlex.split(line)[2:]
    out = arguments[arguments.index("--out") + 1]
    assert run_features(*arguments).startswith(out)
    assert len(read_table(out).pictures) == (3 if "sample:brick" in line else 1)


# ---- after a stop ----


def test_a_killed_run_goes_on():
    Path("many").mkdir()
    for k in range(30):
        gk.write_image(f"many/{k:02}.png", np.roll(GREY, k))
    whole = run_features("many", "--jobs", 2, "--out", "whole.csv")
    arguments = ["features", "many", "--out", "out.csv", "--jobs", "2", "--progress"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gaborkit_cli.main", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    for line in process.stderr:
        if line.startswith("[5/30]"):
            break
    process.kill()
    process.communicate()
    assert not Path("out.csv").exists()
    assert Path("out.csv.partial").read_bytes().count(b"\n") >= 2 + 5
    refused = run("features", "many", "--out", "out.csv")
    assert refused.exit_code == 1
    assert "out.csv.partial: was left by a run that was stopped; go on with" in refused.stderr
    text = run_features("many", "--jobs", 2, "--out", "out.csv", "--resume")
    assert text.startswith(whole.replace("whole", "out").rstrip() + ", ")
    assert text.endswith(" of them from before\n")
    assert int(text.split(", ")[1].split()[0]) >= 5
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert not Path("out.csv.partial").exists()


# ---- what goes wrong ----


def test_a_bad_picture_does_not_stop_the_others():
    Path("bad.png").write_bytes(b"\x89PNG broken")
    np.save("stack.npy", np.ones((6, 9, 9)))
    result = run("features", ".", "missing.png", "--out", "out.csv")
    assert result.exit_code == 1
    assert result.stdout == "out.csv: 48 features of 2 pictures\n"
    lines = result.stderr.splitlines()
    assert [line[:19] for line in lines[:3]] == [
        "error: bad.png: is ", "error: stack.npy: a", "error: missing.png:",
    ]  # fmt: skip
    assert lines[3:] == ["error: 3 of 5 pictures could not be described"]
    assert read_table("out.csv").pictures == ("colour.png", "grey.png")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.png", "--out", "o.csv"], 1, "error: missing.png: there is no such file"),
        ([".", "--out", "o.txt"], 2, "--out o.txt: .txt is unknown: give .csv"),
        ([".", "--out", "no/o.csv"], 1, "no/o.csv: the folder no does not exist"),
        ([".", "--out", "o.csv", "--set", "x"], 2, "x is not NAME=VALUE, such as pooling=m"),
        ([".", "--out", "o.csv", "--set", "x=1"], 2, "--features texture: texture has no parame"),
        (
            [".", "--out", "o.csv", "--features", "gist", *SIX],
            2,
            "--features gist: gist has no parameter 'bank'; it takes orientations, blocks",
        ),
        (
            [".", "--out", "o.csv", "--features", "spectrum", "--bank", "b.json"],
            1,
            "b.json: No such file",
        ),
        ([".", "--out", "o.csv", "--jobs", "0"], 2, "--jobs"),
        (["a/b", "--out", "o.csv"], 1, "a/b"),
    ],
)
def test_command_lines_that_are_wrong(arguments, code, message):
    result = run("features", *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_an_input_is_never_written_over():
    gk.write_image("in.npz", GREY)
    before = Path("in.npz").read_bytes()
    result = run("features", "grey.png", "in.npz", "--out", "./in.npz")
    assert result.exit_code == 2
    assert "--out ./in.npz would be written over the input in.npz" in result.stderr
    assert Path("in.npz").read_bytes() == before


def test_a_folder_without_pictures():
    Path("empty").mkdir()
    Path("empty/old.npz").write_bytes(b"")
    result = run("features", "empty", "--out", "o.csv")
    assert result.exit_code == 1
    assert "empty: there is no picture in this folder" in result.stderr
    with pytest.raises(gk.PictureError, match="no picture"):
        jobs.pictures_in(["empty"], "o.csv")


def test_parquet_without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run("features", "grey.png", "--out", "o.parquet")
    assert result.exit_code == 1
    assert result.stderr == (
        'error: this needs pyarrow, which is not installed; pip install "gaborkit[tables]" brings '
        "it\n"
    )


# ---- masks and labels ----


def coins():
    """The coins of scikit-image's picture, as its users segment them."""
    from scipy import ndimage

    image = gk.read_image("sample:coins")
    filled = ndimage.binary_fill_holes(ndimage.gaussian_filter(image.astype(float), 2) > 112)
    opened = ndimage.binary_opening(filled, iterations=3)
    labels, count = ndimage.label(opened)
    sizes = ndimage.sum_labels(opened, labels, range(1, count + 1))
    return image, labels * np.isin(labels, 1 + np.flatnonzero(sizes > 500))


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_a_row_for_each_coin(suffix):
    image, labels = coins()
    numbers = np.unique(labels)[1:]
    gk.write_image("labels.tif", labels.astype(np.uint16))
    text = run_features("sample:coins", "--labels", "labels.tif", "--out", f"coins{suffix}")
    assert text == f"coins{suffix}: 48 features of {len(numbers)} objects in 1 picture\n"
    table = read_table(f"coins{suffix}")
    assert table.pictures == tuple(f"sample:coins#{number}" for number in numbers)
    bank = gk.GaborBank.preset("manjunath")
    for number in numbers[::6]:  # by hand
        rows, columns = np.nonzero(labels == number)
        box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        inside = labels[box] == number
        near = distance_transform_edt(~inside, return_distances=False, return_indices=True)
        magnitudes = bank.filter(image[box][tuple(near)], part="magnitude")[:, inside]
        row = table.features.values[table.pictures.index(f"sample:coins#{number}")]
        np.testing.assert_allclose(row[0::2], magnitudes.mean(1), rtol=1e-4)
        np.testing.assert_allclose(row[1::2], magnitudes.std(1), rtol=1e-4)
    if suffix == ".csv":
        head = Path("coins.csv").read_text(encoding="utf-8").splitlines()
        assert head[0].startswith('picture,label,"mean 2.5 px, 0°"')
        assert head[1].startswith(f"sample:coins,{numbers[0]},")


def test_masks_of_a_folder_by_name_and_pictures_without():
    Path("masks").mkdir()
    mask = np.zeros(GREY.shape, np.uint8)
    mask[4:20, 6:30] = 255
    gk.write_image("masks/grey.tif", mask)
    result = run("features", ".", "--mask", "masks", "--out", "o.npz")
    assert result.exit_code == 1
    assert "colour.png: has no mask; a picture of the same name works" in result.stderr
    table = read_table("o.npz")
    Path("o.npz").unlink()
    expected = descriptor("texture").describe(GREY[4:20, 6:30])
    np.testing.assert_allclose(table.features.values[0], expected.values, rtol=1e-5)
    gk.write_image("masks/colour.png", np.stack([mask] * 3, -1))
    assert "features of 2 pictures" in run_features(".", "--mask", "masks", "--out", "p.npz")


def test_labels_of_pictures_in_folders_and_a_run_that_goes_on():
    for place in ("in/a", "labels/a"):
        Path(place).mkdir(parents=True)
    numbers = np.zeros(GREY.shape, np.uint8)
    numbers[3:9, 3:20], numbers[12:20, 3:20] = 2, 5
    for name in ("a/x", "y"):
        gk.write_image(f"in/{name}.png", GREY)
        gk.write_image(f"labels/{name}.png", numbers)
    options = ("in", "-r", "--labels", "labels", "--out", "o.csv")
    assert "4 objects in 2 pictures" in run_features(*options)
    whole = Path("o.csv").read_bytes()
    Path("labels/a/x.png").unlink()
    assert run("features", *options).exit_code == 1
    assert read_table("o.csv").pictures == ("in/y.png#2", "in/y.png#5")
    gk.write_image("labels/a/x.png", numbers)
    run_features(*options)
    assert Path("o.csv").read_bytes() == whole


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((".", "--labels", "grey.png"), "is one file for 4 pictures: give a folder"),
        (("grey.png", "--mask", "gone.png"), "gone.png: there is no such file"),
        (("grey.png", "--mask", "small.npy"), "mask of float64 and shape (3, 3) do not fit"),
        (("grey.png", "--labels", "small.npy"), "labels of float64 and shape (3, 3) do not fit"),
        (("grey.png", "--mask", "zeros.npy"), "the mask leaves no pixel"),
        (("grey.png", "--labels", "colour.png"), "is no mask; one number for each pixel"),
        (("grey.png", "--labels", "twice"), "are all called like grey.png: one works"),
    ],
)
def test_masks_that_do_not_fit(arguments, message):
    np.save("small.npy", np.eye(3))
    np.save("zeros.npy", np.zeros(GREY.shape))
    Path("twice").mkdir()
    for suffix in (".png", ".tif"):
        gk.write_image(f"twice/grey{suffix}", GREY)
    result = run("features", *arguments, "--out", "o.csv")
    assert result.exit_code != 0
    assert message in result.stderr.replace("\n", " ")
    assert not Path("o.csv").exists()
