"""``gaborkit filter`` on bad input: one line, the right exit code, and nothing left behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import ONE, SIX, run
from pictures_for_tests import png_bytes

import gaborkit as gk

pytestmark = pytest.mark.usefixtures("folder")

# ---- usage errors ----


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["grey.png", *SIX, "--out", "o.png"], "--out o.png: .png holds one channel, not 6"),
        (["grey.png", *ONE, "--out", "o.gif"], "--out o.gif: .gif is unknown: give .png"),
        (["grey.png", *ONE, "--out", "grey.png"], "grey.png would be written over the input"),
        (["grey.png", *ONE, "--out", "../{}/grey.png"], "would be written over the input"),
        (["grey.png", "colour.png", *ONE, "--out", "."], "would be written over the input"),
        ([".", *ONE, "--out", "./"], "would be written over the input"),
        (["grey.png", "colour.png", *ONE, "--out", "o.png"], "not a folder for 2 pictures"),
        ([".", *ONE, "--out", "o.png"], "not a folder for 2 pictures"),
        (["grey.png", "./grey.png", *ONE, "--out", "o"], "would both be written to o/grey.png"),
        (["grey.png", *ONE, "--out", "o.png", "--suffix", ".tif"], "--suffix .tif is for a folder"),
        (["grey.png", *ONE, "--out", "o.tif", "--bits", "16"], "--bits 16 is for .png, not .tif"),
        (["grey.png", *ONE, "--out", "o.jpg", "--bits", "16"], "--bits 16 is for .png, not .jpg"),
        (["grey.png", *ONE, "--out", "o.tif", "--range", "0", "1"], "--range is for 8 and 16 bits"),
        (["grey.png", *ONE, "--out", "o.png", "--range", "1", "1"], "--range 1 1 is empty"),
        (["grey.png", *ONE, "--out", "o.png", "--range", "0", "nan"], "nan is not a finite number"),
        (["grey.png", *ONE, "--out", "o.png", "--part", "complex"], "fits .npy, .npz, .zarr, not"),
        (["grey.png", *ONE, "--out", "o.tif", "--part", "complex"], "fits .npy, .npz, .zarr, not"),
        (
            ["grey.png", *ONE, "--out", "o.png", "--tolerance", "0"],
            "0 is not a number above 0 and below 1",
        ),
        (
            ["grey.png", *ONE, "--out", "o.png", "--tolerance", "nan"],
            "nan is not a number above 0 and below 1",
        ),
        (["grey.png", "--sigma", "0", "--out", "o.png"], "sigma=0 is not positive"),
        (
            ["grey.png", "--sigma", "1", "--theta", "nan", "--out", "o.png"],
            "nan is not a finite number",
        ),
        (["grey.png", "--bank", "gabor", "--out", "o.png"], "there is no such bank"),
    ],
)
def test_usage_errors(arguments, text, folder, unchanged):
    result = run("filter", *[argument.replace("{}", folder.name) for argument in arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["notes", "notes.txt"])
def test_an_output_folder_that_is_a_file(name, folder):
    Path(name).write_text("dear diary")
    before = sorted(folder.rglob("*"))
    result = run("filter", "grey.png", "colour.png", *ONE, "--out", name)
    assert result.exit_code == 2
    assert f"--out {name} is an existing file, not a folder" in result.stderr
    assert sorted(folder.rglob("*")) == before
    assert Path(name).read_text() == "dear diary"


# ---- bad files ----


def bad_file(kind: str) -> Path:
    """A file that cannot be filtered."""
    whole = Path("grey.png").read_bytes()
    content = {
        "empty": b"",
        "text": b"this is a text, not a picture",
        "truncated": whole[: len(whole) // 2],
        "huge": png_bytes(np.zeros((4, 4), np.uint8), 0, width=10_000, height=10_000),
    }
    path = Path(f"{kind}.png")
    path.write_bytes(content[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("empty", "empty.png: is empty (0 bytes)"),
        ("text", "text.png: is not a picture that gaborkit reads"),
        ("truncated", "truncated.png: "),
        ("huge", "huge.png: declares 100000000 pixels in"),
    ],
)
@pytest.mark.parametrize("out", ["out.png", "out.tif", "out.npz", "folder/"])
def test_bad_files_are_one_line_and_leave_nothing(kind, text, out, folder):
    source = bad_file(kind)
    before = sorted(folder.rglob("*"))
    result = run("filter", source, *ONE, "--out", out)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {text}")
    assert result.stderr.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("missing.png", "missing.png: there is no such file"),
        ("sample:nothing", "sample:nothing: there is no such sample"),
        ("grey.gif", "grey.gif: "),
        ("x" * 300 + ".png", "File name too long"),
    ],
)
def test_missing_files(source, text, unchanged):
    result = run("filter", source, *ONE, "--out", "out.png")
    assert result.exit_code == 1
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_folder_without_pictures(unchanged):
    Path("empty").mkdir()
    result = run("filter", "empty", *ONE, "--out", "out")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: empty: there is no picture in this folder; --recursive looks into the folders "
        "inside it\n"
    )
    assert run("filter", "empty", "-r", *ONE, "--out", "out").stderr.endswith("in this folder\n")


def test_a_folder_that_cannot_be_listed(monkeypatch, unchanged):
    Path("secret").mkdir()

    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        result = run("filter", "secret", *ONE, "--out", "out")
    assert (result.exit_code, result.stderr) == (1, "error: secret: Permission denied\n")


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (
            np.full((20, 20), np.nan, np.float32),
            "400 of 400 pixels are NaN or infinite; nothing",
        ),
        (np.ones((20, 20), np.complex64), "complex64"),
        (np.ones((20, 20, 3), np.complex64), "complex64"),
    ],
)
def test_arrays_that_are_no_pictures(array, text):
    gk.write_image("bad.npy", array)
    result = run("filter", "bad.npy", *ONE, "--colour", "channels", "--out", "out.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: bad.npy: ")
    assert text in result.stderr
    assert not Path("out.png").exists()


@pytest.mark.parametrize(
    ("out", "text"),
    [
        ("missing/out.png", "the folder missing does not exist; create it first"),
        ("grey.png/out.png", "the folder grey.png does not exist"),
        ("grey.png/out/", "Not a directory"),
    ],
)
def test_unwritable_targets(out, text, unchanged):
    result = run("filter", "colour.png", *ONE, "--colour", "luminance", "--out", out)
    assert result.exit_code == 1
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_full_disk_leaves_no_half_file(monkeypatch, unchanged):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for out in ("out.png", "out.tif", "out.npz"):
        result = run("filter", "grey.png", *ONE, "--out", out)
        assert result.exit_code == 1
        assert result.stderr == f"error: {out}: cannot be written (No space left on device)\n"


def test_an_interruption_leaves_no_half_file(monkeypatch, unchanged):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    result = run("filter", "grey.png", *ONE, "--out", "out.png")
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def test_too_little_memory_is_one_line(monkeypatch, unchanged):
    def fail(self, *arguments, **options):
        raise MemoryError("Unable")

    monkeypatch.setattr(gk.GaborBank, "filter", fail)
    result = run("filter", "grey.png", *ONE, "--out", "out.png")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: not enough memory (Unable)")


def test_a_warning_is_one_line(unchanged):
    result = run("filter", "missing.png", "--sigma", "0.3", "--out", "out.png")
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["warning", "error"]
