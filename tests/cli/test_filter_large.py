"""``gaborkit filter`` in tiles: the same result in less memory, zarr stores, clusters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from commands_for_tests import BANK, COLOUR, GREY, KERNEL, ONE, SIX, description, run, run_filter
from gaborkit_cli import tiling
from large_for_tests import Small, assert_close, rng

import gaborkit as gk
from gaborkit.large import open_source

zarr = pytest.importorskip("zarr", reason="zarr is not installed")

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture(autouse=True)
def tiles_of_16(monkeypatch):
    """Tiles are small, and a picture is filtered in them if it can be."""
    Small(monkeypatch)(16)
    monkeypatch.setattr(tiling, "available_memory", lambda: 1000)


def tiled(*arguments, **options):
    """Output of a run that shows tiles."""
    result = run("filter", *arguments, "--progress", **options)
    assert result.exit_code == 0, result.output
    assert "[12/12] tiles\n" in result.stderr, result.stderr
    return result.stdout


@pytest.mark.parametrize("name", ["out.npy", "out.tif", "out.zarr"])
def test_tiles_and_the_whole_give_the_same(name):
    gk.write_image("grey.tif", GREY)
    gk.write_image("whole.npy", np.abs(BANK.filter(GREY)))
    text = tiled("grey.tif", *SIX, "--part", "magnitude", "--out", name)
    assert text == f"{name}: magnitude, 6 x 40 x 52\n"
    assert_close(open_source(name)[:, :, :], np.load("whole.npy"))


def test_the_description_is_the_same(monkeypatch):
    gk.write_image("grey.tif", GREY)
    with monkeypatch.context() as patch:
        patch.setattr(tiling, "available_memory", lambda: 10**9)
        run_filter("grey.tif", *SIX, "--out", "whole.npy")
    whole = description("whole.npy")
    tiled("grey.tif", *SIX, "--out", "out.npy")
    assert description("out.npy") == whole
    tiled("grey.tif", *SIX, "--part", "complex", "--out", "out.zarr")
    assert dict(zarr.open_group("out.zarr").attrs["gaborkit"]) == whole


def test_one_kernel_and_the_default_part():
    gk.write_image("grey.tif", GREY)
    assert tiled("grey.tif", *ONE, "--out", "o.npy").endswith("s, 40 x 52\n")
    assert_close(np.load("o.npy"), KERNEL.filter(GREY))
    tiled("grey.png", *ONE, "--out", "o.zarr")
    assert_close(zarr.open_group("o.zarr")["0"][:], KERNEL.filter(GREY).real)


@pytest.mark.parametrize("colour", ["luminance", "channels"])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colour_is_filtered_as_in_the_whole(monkeypatch, colour, channels):
    image = rng.integers(0, 256, (40, 52, channels), np.uint8)
    tifffile.imwrite("c.tif", image, photometric="rgb" if channels > 2 else "minisblack",
                     planarconfig="contig")  # fmt: skip
    for name in ("out.npy", "out.tif"):
        bank = SIX if name == "out.npy" else ONE  # no TIFF holds channels of both kinds
        options = ["c.tif", *bank, "--part", "real", "--colour", colour, "--progress"]
        with monkeypatch.context() as patch:
            patch.setattr(tiling, "available_memory", lambda: 10**9)
            run_filter(*options, "--out", f"whole-{name}")
        result = run("filter", *options, "--out", name)
        assert "] tiles" in result.stderr, result.output
        assert_close(gk.read_image(name), gk.read_image(f"whole-{name}"))
        assert description(name)["colour"] == description(f"whole-{name}")["colour"]
        assert description(name)["shape"] == description(f"whole-{name}")["shape"]


@pytest.mark.parametrize("outside", [None, "nearest", "normalized"])
@pytest.mark.parametrize("mask", ["mask.png", "mask.tif", "mask.zarr"])
@pytest.mark.parametrize("name", ["out.npy", "out.tif", "out.zarr"])
def test_tiles_and_the_whole_of_a_part_give_the_same(monkeypatch, outside, mask, name):
    inside = rng.random(GREY.shape) < 0.8
    inside[:, 40:] = inside[:5] = False
    if mask.endswith(".zarr"):
        zarr.create_array(mask, data=inside, chunks=(16, 16))
    else:
        gk.write_image(mask, inside.astype(np.uint8) * np.uint8(255))
    spoiled = np.where(inside, GREY, np.float32(np.nan))
    options = (*SIX, "--part", "magnitude", "--mask", mask)
    options += ("--outside", outside) if outside else ()
    for picture in ("grey.tif", "spoiled.tif"):
        gk.write_image(picture, GREY if picture == "grey.tif" else spoiled)
        text = tiled(picture, *options, "--out", f"{picture}-{name}")
        assert text == f"{picture}-{name}: magnitude, 6 x 40 x 52\n"
    found, other = (open_source(f"{x}.tif-{name}")[:, :, :] for x in ("grey", "spoiled"))
    expected = np.abs(BANK.filter(GREY, mask=inside, outside=outside or "nearest"))
    assert_close(found, expected)
    np.testing.assert_array_equal(found, other)
    if not name.endswith(".zarr"):
        with monkeypatch.context() as patch:
            patch.setattr(tiling, "available_memory", lambda: 10**9)
            run_filter("grey.tif", *options, "--out", "whole.npy")
        assert description(f"grey.tif-{name}") == description("whole.npy")


def test_masks_of_large_pictures_that_do_not_fit():
    gk.write_image("grey.tif", GREY)
    np.save("small.npy", np.ones((3, 3)))
    np.save("black.npy", np.zeros(GREY.shape))
    np.save("good.npy", np.ones(GREY.shape))
    gk.write_image("colour.tif", COLOUR[:3, :3])
    cases = {
        ("small.npy",): "small.npy: 3 x 3 pixels of float64 do not fit a picture of 40 x 52",
        ("black.npy",): "black.npy: all pixels are 0",
        ("colour.tif",): "colour.tif: 3 x 3 pixels do not fit a picture of 40 x 52",
        ("good.npy", "--boundary", "wrap"): "boundary='wrap' with a mask",
    }
    for options, text in cases.items():
        result = run("filter", "grey.tif", *ONE, "--out", "o.npy", "--mask", *options)
        assert result.exit_code == 1, result.output
        assert text in result.stderr
        assert not list(Path().glob("o.npy*"))


def test_zarr_in_and_out():
    run_filter("grey.png", *ONE, "--out", "first.zarr")
    assert run_filter("first.zarr", *SIX, "--out", "out.npy").startswith("out.npy: complex")
    first = zarr.open_group("first.zarr")["0"][:]
    assert_close(np.load("out.npy"), BANK.filter(first))
    run_filter("grey.png", *ONE, "--part", "phase", "--out", "first.zarr")  # replaces it
    assert zarr.open_group("first.zarr").attrs["gaborkit"]["part"] == "phase"
    result = run("filter", "first.zarr", *ONE, "--out", "out.png")
    assert result.exit_code == 1
    assert "a zarr store is filtered into .zarr, .tif, .tiff, .npy, not .png" in result.stderr


def test_a_folder_with_stores():
    for name in ("photos/a.zarr", "photos/deep/b.zarr", "photos/c.zarr.partial"):
        zarr.create_array(name, data=GREY)
    gk.write_image("photos/d.png", COLOUR)
    text = run_filter(
        "photos", "-r", *ONE, "--colour", "channels", "--suffix", ".zarr", "--out", "results"
    )
    assert text == "results: 3 files of 3 pictures\n"
    assert_close(zarr.open_group("results/deep/b.zarr")["0"][:], KERNEL.filter(GREY).real)
    assert zarr.open_group("results/d.zarr")["0"].shape == (3, 40, 52)


def test_resume(monkeypatch):
    from gaborkit.large.job import TileJob

    gk.write_image("grey.tif", GREY)
    write = TileJob.write

    def failing(self, number):
        if number == 5:
            raise KeyboardInterrupt
        return write(self, number)

    arguments = ["grey.tif", *SIX, "--out", "out.npy"]
    with monkeypatch.context() as patch:
        patch.setattr(TileJob, "write", failing)
        result = run("filter", *arguments)
        assert (result.exit_code, result.stderr) == (130, "interrupted\n")
    assert not Path("out.npy").exists()
    assert Path("out.npy.partial").exists()
    result = run("filter", *arguments, "--resume", "--progress")
    assert result.stderr.startswith("[6/12] tiles\n[7/12] tiles\n")
    assert_close(np.load("out.npy"), BANK.filter(GREY))
    assert not list(Path().glob("*.partial")) + list(Path().glob("*.tiles"))


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["grey.npy", "--memory", "much", "--out", "o.npy"], 2, "--memory='much' is no amount"),
        (["grey.npy", "--memory", "1kB", "--out", "o.npy"], 1, "hold no tile of 16 pixels"),
        (["grey.npy", "--memory", "9kB", "--out", "o.png"], 1, "into .png takes about 0MB; .zarr"),
        (["nan.npy", "--out", "o.zarr"], 1, "error: nan.npy: rows 0:16, columns 0:16: "),
        (["grey.npy", "--out", "grey.npy/o.zarr"], 1, "grey.npy does not exist"),
        (["no.tif", "--out", "o.zarr"], 1, "no.tif: there is no such file"),
        (["bad.zarr", "--out", "o.zarr"], 1, "bad.zarr: cannot be read as zarr"),
        (["grey.npy", "--out", "grey.zarr", "--bits", "16"], 2, "--bits 16 is for .png"),
    ],
)
def test_refusals(arguments, code, text):
    np.save("grey.npy", GREY)
    np.save("nan.npy", np.full((40, 52), np.nan))
    Path("bad.zarr").mkdir()
    Path("bad.zarr/zarr.json").write_text("{")
    before = sorted(Path().rglob("*"))
    result = run("filter", *arguments[:1], *ONE, *arguments[1:])
    assert (result.exit_code, result.stdout) == (code, "")
    assert text in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_terminal_gets_a_bar_of_tiles():
    np.save("grey.npy", np.zeros((600, 600), np.float32))
    leader, follower = os.openpty()
    done = subprocess.run(
        ["gaborkit", "filter", "grey.npy", *ONE, "--memory", "2MB", "--out", "out.npy"],
        executable=Path(sys.executable).with_name("gaborkit"),
        stderr=follower,
        stdout=subprocess.PIPE,
        timeout=60,
    )
    os.close(follower)
    seen = os.read(leader, 10000)
    os.close(leader)
    assert done.returncode == 0
    assert b"tiles" in seen


def test_a_cluster_takes_tiles_or_pictures():
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    np.save("grey.npy", GREY)
    # In this process: processes are tested with the library.
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        options = ["--scheduler", cluster.scheduler_address]
        tiled("grey.npy", *SIX, *options, "--out", "out.npy")
        assert_close(np.load("out.npy"), BANK.filter(GREY))
        Path("bad.png").write_bytes(b"")
        result = run("filter", "grey.npy", "bad.png", "colour.png", *ONE, *options, "--progress",
                     "--suffix", ".npy", "--out", "results")  # fmt: skip
    assert result.exit_code == 1
    assert "] grey.npy" in result.stderr.replace(f"{Path.cwd()}/", "")
    assert "bad.png: is empty (0 bytes)" in result.stderr
    assert "error: 1 of 3 pictures could not be filtered" in result.stderr
    assert_close(np.load("results/grey.npy"), KERNEL.filter(GREY))
    assert_close(np.load("results/colour.npy"), KERNEL.filter(gk.luminance(COLOUR)))
