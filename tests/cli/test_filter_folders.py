"""``gaborkit filter`` on folders: what is written where, and what is shown meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import COLOUR, GREY, ONE, SIX, run, run_filter
from PIL import Image

import gaborkit as gk
from gaborkit.io import images

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def photos(folder):
    for name in ("photos/a.png", "photos/b.jpg", "photos/deep/c.tif"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        gk.write_image(name, GREY)
    Path("photos/b.jpg.json").write_text("{}")
    Path("photos/._a.png").write_bytes(b"what a Mac leaves")


def written(folder: str) -> list[str]:
    return sorted(
        str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.suffix != ".json"
    )


def test_a_folder(photos):
    assert run_filter("photos", *ONE, "--out", "results") == "results: 2 files of 2 pictures\n"
    assert written("results") == ["a.png", "b.png"]
    run_filter("photos", "-r", *ONE, "--suffix", ".tif", "--out", "results/tif")
    assert written("results/tif") == ["a.tif", "b.tif", "deep", "deep/c.tif"]


def test_a_folder_with_a_bank(photos):
    run_filter("photos", *SIX, "--out", "results")
    assert len(written("results")) == 12
    run_filter("photos", *SIX, "--suffix", ".npy", "--out", "arrays")
    assert gk.read_image("arrays/a.npy").shape == (6, 40, 52)


def test_results_inside_the_folder_are_not_filtered_again(photos):
    for _ in range(2):
        text = run_filter("photos", "-r", *ONE, "--out", "photos/results")
        assert text == "photos/results: 3 files of 3 pictures\n"


def test_one_bad_picture_does_not_stop_the_others(photos):
    Path("photos/a0.png").write_bytes(b"")
    gk.write_image("photos/z.png", COLOUR)
    result = run("filter", "photos", "missing.png", *ONE, "--out", "results")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "note: 1 of 3 pictures are in colour, and luminance was filtered; --colour channels "
        "filters each channel",
        "error: photos/a0.png: is empty (0 bytes); a complete copy of the file would work",
        "error: missing.png: there is no such file",
        "error: 2 of 5 pictures could not be filtered",
    ]
    assert written("results") == ["a.png", "b.png", "z.png"]
    result = run("filter", "photos", *ONE, "--out", "results", "--debug")
    assert result.stderr.startswith("Traceback")


def test_a_folder_in_which_all_fail_makes_no_folder():
    assert run("filter", "no.png", "nor.png", *ONE, "--out", "results").exit_code == 1
    assert not Path("results").exists()


def test_progress_is_shown_where_asked_for(photos):
    result = run("filter", "photos", *ONE, "--out", "results", "--progress")
    assert result.stderr == "[1/2] photos/a.png\n[2/2] photos/b.jpg\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("option", "shown"), [([], True), (["--no-progress"], False)])
def test_a_terminal_gets_a_bar(photos, option, shown):
    leader, follower = os.openpty()
    done = subprocess.run(
        ["gaborkit", "filter", "photos", *ONE, "--out", "results", *option],
        executable=Path(sys.executable).with_name("gaborkit"),
        stderr=follower,
        stdout=subprocess.PIPE,
        timeout=60,
    )
    os.close(follower)
    try:
        seen = os.read(leader, 10000)
    except OSError:  # nothing was written
        seen = b""
    os.close(leader)
    assert done.returncode == 0
    assert (b"2/2" in seen) == shown
    assert bool(seen) == shown


def test_bmp_gif_and_pgm_of_a_folder_are_filtered():
    Path("old").mkdir()
    for suffix in ("bmp", "gif", "pgm"):
        Image.fromarray(GREY).save(f"old/{suffix}.{suffix}")
    result = run("filter", "old", *ONE, "--suffix", ".npy", "--out", "results")
    assert (result.stdout, result.stderr) == ("results: 3 files of 3 pictures\n", "")
    for name in ("bmp", "gif", "pgm"):
        np.testing.assert_array_equal(gk.read_image(f"old/{name}.{name}"), GREY)


@pytest.mark.parametrize(
    "arguments",
    [
        ("filter", "photos", *ONE, "--out", "results"),
        ("features", "photos", "--out", "o.csv"),
        ("retrieve", "photos/a.png", "photos"),
        ("enhance", "photos", "--out", "results"),
    ],
)
def test_what_a_folder_holds_beside_pictures_is_named(photos, arguments):
    for name in ("b.heic", "c.svg", "d.txt"):
        Path("photos", name).write_text("")
    np.savez("photos/z.npz", GREY)
    result = run(*arguments)
    count = 3 if arguments[0] in ("filter", "enhance") else 4  # archives may be results
    more = "" if count == 3 else ", ..."
    said = f"warning: photos: {count} files are not taken (b.heic, c.svg, d.txt{more}); .png, "
    assert said in result.stderr
    assert result.stderr.count("not taken") == 1
    hints = "; .heic: a photo program saves it as .png or .tif"
    assert hints in result.stderr.replace("\n", "")
    assert ("; .npz: may be an output; name it" in result.stderr) == (count == 4)


def test_a_picture_of_more_pixels_is_read_where_that_is_asked_for(monkeypatch):
    gk.write_image("flat.png", np.zeros((100, 100), np.uint8))
    monkeypatch.setattr(images, "_limits", [9_999])
    result = run("filter", "flat.png", *ONE, "--out", "o.npy")
    assert "max_pixels=10000 works, or --max-pixels 10000 of a command" in result.stderr
    assert run("filter", "flat.png", *ONE, "--out", "o.npy", "--max-pixels", "10000").exit_code == 0
    assert images._limits == [9_999]
    assert run("features", "flat.png", "--out", "o.csv", "--max-pixels", "9999").exit_code == 1
    assert run("features", "flat.png", "--out", "o.csv", "--max-pixels", "10000").exit_code == 0


def test_a_page_of_a_file():
    stack = np.stack([GREY, GREY + 1])
    gk.write_image("a.tif", stack)
    run_filter("a.tif[0]", "a.tif[1]", *ONE, "--suffix", ".npy", "--out", "results")
    assert written("results") == ["a_0.npy", "a_1.npy"]
    assert "2 x 40 x 52" in run_filter("a.tif", *ONE, "--out", "o.npy")
    expected = np.load("o.npy")[1]
    np.testing.assert_allclose(np.load("results/a_1.npy"), expected, atol=1e-5 * 255)
    result = run("filter", "a.tif[1]", *ONE, "--out", "a.tif")
    assert result.exit_code == 2
    assert "--out a.tif would be written over the input a.tif" in result.stderr
    np.testing.assert_array_equal(gk.read_image("a.tif"), stack)
