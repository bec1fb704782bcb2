"""``gaborkit filter``: results equal to the library's, and bad input without traces."""

from __future__ import annotations

import errno
import json
import math
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner, Result
from gaborkit_cli import targets
from gaborkit_cli.encoding import part_of, quantize
from gaborkit_cli.main import main

import gaborkit as gk

rng = np.random.default_rng(0)
GREY = rng.integers(0, 256, (40, 52), np.uint8)
COLOUR = rng.integers(0, 256, (40, 52, 3), np.uint8)
ONE = ["--sigma", "2", "--wavelength", "6", "--theta", "30"]
KERNEL = gk.GaborKernel(sigma=2, wavelength=6, theta=math.pi / 6)
SIX = ["--bank", "grid", "--scales", "2", "--orientations", "3"]
BANK = gk.GaborBank.grid(2, 3)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def run_filter(*arguments: object, stderr: str = "") -> str:
    result = run("filter", *arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == stderr
    return result.stdout


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with a grey and a colour picture, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    gk.write_image("grey.png", GREY)
    gk.write_image("colour.png", COLOUR)
    return tmp_path


@pytest.fixture
def unchanged(folder):
    """After the test the folder holds what it held, and nothing more, hidden files included."""

    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = content()
    yield
    assert content() == before


def description(path: object) -> dict:
    return json.loads(Path(f"{path}.json").read_text())


def decoded(path: object) -> tuple[np.ndarray, float]:
    """Values of a picture by its recorded mapping, and half a step."""
    mapping = description(path)["mapping"]
    values = mapping["offset"] + mapping["gain"] * gk.read_image(path).astype(float)
    return values, mapping["gain"] / 2 * (1 + 1e-6)


# ---- one kernel, one file ----


@pytest.mark.parametrize("part", ["real", "imag", "magnitude", "phase"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_decodes_to_the_response_within_half_a_step(part, bits):
    run_filter("grey.png", *ONE, "--part", part, "--bits", bits, "--out", "out.png")
    values, half = decoded("out.png")
    assert gk.read_image("out.png").dtype == f"uint{bits}"
    assert np.abs(values - part_of(KERNEL.filter(GREY), part)).max() <= half
    assert description("out.png")["mapping"]["clipped"] == 0


def test_the_mapping_uses_the_whole_range():
    for part, ends in (("magnitude", (0, 255)), ("real", (1, 255)), ("imag", (1, 255))):
        run_filter("grey.png", *ONE, "--part", part, "--out", "out.png")
        stored = gk.read_image("out.png")
        assert stored.max() == ends[1] or stored.min() == ends[0]
        if part != "magnitude":
            mapping = description("out.png")["mapping"]
            assert mapping["offset"] + 128 * mapping["gain"] == 0  # zero is 128


def test_the_default_is_the_real_part_and_for_arrays_the_whole():
    response = KERNEL.filter(GREY)
    text = run_filter("grey.png", *ONE, "--out", "out.tif")
    assert text == "out.tif: real part, 40 x 52\n"
    assert np.array_equal(gk.read_image("out.tif"), response.real)
    assert gk.read_image("out.tif").dtype == np.float32
    for name in ("out.npy", "out.npz"):
        run_filter("grey.png", *ONE, "--out", name)
        assert np.array_equal(gk.read_image(name), response)
    assert run_filter("grey.png", *ONE, "--out", "out.png").startswith(
        "out.png: real part, 40 x 52, value = -"
    )


@pytest.mark.parametrize("part", ["real", "imag", "magnitude", "phase", "complex"])
def test_arrays_hold_any_part(part):
    run_filter("grey.png", *ONE, "--part", part, "--out", "out.npy")
    assert np.array_equal(gk.read_image("out.npy"), part_of(KERNEL.filter(GREY), part))


@pytest.mark.parametrize("name", ["o.jpg", "o.jpeg", "o.webp", "o.PNG", "o.TIF", "o.tiff", "o.npz"])
def test_every_format_is_written(name):
    run_filter("grey.png", *ONE, "--part", "magnitude", "--out", name)
    assert gk.read_image(name).shape[:2] == GREY.shape


def test_a_float64_picture_keeps_its_precision():
    gk.write_image("grey.npy", GREY.astype(float))
    run_filter("grey.npy", *ONE, "--out", "out.tif")
    assert np.array_equal(gk.read_image("out.tif"), KERNEL.filter(GREY.astype(float)).real)
    assert gk.read_image("out.tif").dtype == np.float64


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({"boundary": "wrap"}, ["--boundary", "wrap"]),
        ({"engine": "direct"}, ["--engine", "direct"]),
        ({"tolerance": 0.01}, ["--tolerance", "0.01"]),
    ],
)
def test_options_of_filtering_arrive_and_are_recorded(options, arguments):
    run_filter("grey.png", *ONE, *arguments, "--out", "out.npy")
    assert np.array_equal(
        gk.read_image("out.npy"), gk.GaborBank([KERNEL]).filter(GREY, **options)[0]
    )
    assert options.items() <= description("out.npy").items()


def test_the_description_tells_how_to_repeat_it():
    run_filter("grey.png", *ONE, "--out", "out.png")
    found = description("out.png")
    assert found["gaborkit"] == gk.__version__
    assert found["input"] == "grey.png"
    assert found["part"] == "real"
    assert found["labels"] == list(gk.GaborBank([KERNEL]).labels)
    assert gk.GaborBank.from_dict(found["bank"]) == gk.GaborBank([KERNEL])
    assert (found["boundary"], found["engine"], found["tolerance"]) == ("reflect", "auto", 1e-4)


def test_a_fixed_range_clips_and_counts():
    run_filter("grey.png", *ONE, "--range", -1, 3, "--out", "out.png")
    response = KERNEL.filter(GREY).real
    values, half = decoded("out.png")
    assert np.abs(values - response.clip(-1, 3)).max() <= half
    # Values within half a step of the ends are rounded to these.
    clipped = description("out.png")["mapping"]["clipped"]
    assert clipped == np.count_nonzero((response < -1 - half) | (response > 3 + half))
    assert clipped > 0


def test_a_constant_picture_gives_zeros():
    gk.write_image("flat.npy", np.zeros((20, 20), np.float32))
    for part, zero in (("real", 128), ("magnitude", 0), ("phase", 128)):
        run_filter("flat.npy", *ONE, "--part", part, "--out", "out.png")
        assert set(gk.read_image("out.png").ravel().tolist()) == {zero}


@pytest.mark.parametrize("largest", [1e-45, 3e38, 5e-324, 1e300])
def test_quantizing_survives_any_magnitude(largest):
    dtype = np.float32 if 1e-45 <= largest <= 3e38 else np.float64
    values = np.array([0, largest, -largest / 2], dtype)
    stored, mapping = quantize(values, "real")
    assert np.isfinite(list(mapping.values())).all()
    assert stored[1] >= stored[0] >= stored[2]


def test_a_sample_picture():
    assert run_filter("sample:camera", *ONE, "--out", "out.png").startswith("out.png: real part")
    run_filter("sample:camera", "sample:moon", *ONE, "--out", "samples")
    assert Path("samples/moon.png").is_file()


def test_the_article_convention():
    run_filter("grey.png", "--article", "--sigma", 1, "--theta", 45, "--out", "out.npy")
    expected = gk.GaborKernel.article(1, math.pi / 4).filter(GREY)
    assert np.array_equal(gk.read_image("out.npy"), expected)


def test_an_existing_output_is_replaced_with_its_description():
    run_filter("grey.png", *ONE, "--out", "out.png")
    run_filter("grey.png", *ONE, "--part", "phase", "--out", "out.png")
    assert description("out.png")["part"] == "phase"


# ---- colour and stacks ----


def test_of_colour_the_luminance_is_filtered_with_a_note():
    note = (
        "note: it is in colour, and luminance was filtered; --colour channels filters each "
        "channel\n"
    )
    run_filter("colour.png", *ONE, "--out", "out.npy", stderr=note)
    expected = KERNEL.filter(gk.luminance(COLOUR))
    assert np.array_equal(gk.read_image("out.npy"), expected)
    assert description("out.npy")["colour"] == "luminance"
    run_filter("colour.png", *ONE, "--colour", "luminance", "--out", "out.npy")


def test_channels_of_colour():
    expected = KERNEL.filter(COLOUR, channel_axis=-1)
    run_filter("colour.png", *ONE, "--colour", "channels", "--out", "out.npy")
    assert np.array_equal(gk.read_image("out.npy"), expected)
    run_filter("colour.png", *ONE, "--colour", "channels", "--out", "out.tif")
    assert np.array_equal(gk.read_image("out.tif"), np.moveaxis(expected.real, 0, -1))
    run_filter("colour.png", *ONE, "--colour", "channels", "--out", "out.png")
    values, half = decoded("out.png")
    assert np.abs(values - np.moveaxis(expected.real, 0, -1)).max() <= half


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_left_out(channels):
    image = rng.integers(0, 256, (30, 40, channels), np.uint8)
    gk.write_image("alpha.png", image)
    run_filter("alpha.png", *ONE, "--colour", "channels", "--out", "out.npy")
    planes = np.moveaxis(image[..., :3], -1, 0) if channels == 4 else image[..., 0]
    assert np.array_equal(gk.read_image("out.npy"), KERNEL.filter(planes))


def test_pages_go_to_pages_but_not_into_a_png():
    pages = rng.random((5, 20, 24), np.float32)
    gk.write_image("pages.tif", pages)
    run_filter("pages.tif", *ONE, "--out", "out.tif")
    assert np.array_equal(gk.read_image("out.tif"), KERNEL.filter(pages).real)
    result = run("filter", "pages.tif", *ONE, "--out", "out.png")
    assert result.exit_code == 1
    assert "(5, 20, 24)" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("out.png").exists()


# ---- banks ----


def test_a_bank_goes_into_pages_and_arrays():
    responses = BANK.filter(GREY)
    run_filter("grey.png", *SIX, "--out", "out.tif")
    assert np.array_equal(tifffile.imread("out.tif"), responses.real)
    run_filter("grey.png", *SIX, "--out", "out.npz")
    assert np.array_equal(gk.read_image("out.npz"), responses)
    with np.load("out.npz") as archive:
        found = json.loads(str(archive["metadata"]))
    assert gk.GaborBank.from_dict(found["bank"]) == BANK
    assert found["labels"] == list(BANK.labels)


def test_a_bank_goes_into_a_folder_one_file_a_channel():
    text = run_filter("grey.png", *SIX, "--part", "magnitude", "--out", "deep/er")
    assert text == "deep/er: magnitude, 6 files of 40 x 52\n"
    names = sorted(path.name for path in Path("deep/er").glob("*.png"))
    assert names[:2] == ["grey_0_4px_0deg.png", "grey_1_4px_60deg.png"]
    assert len(names) == 6
    for k, name in enumerate(names):
        values, half = decoded(f"deep/er/{name}")
        assert np.abs(values - np.abs(BANK[k].filter(GREY))).max() <= half
        found = description(f"deep/er/{name}")
        assert gk.GaborBank.from_dict(found["bank"])[0] == BANK[k]
        assert found["labels"] == [BANK.labels[k]]


def test_names_of_many_channels_sort_and_have_no_odd_letters():
    bank = gk.GaborBank.preset("kovesi")
    jobs = targets.jobs_of(["a.png"], "out", bank.labels)
    names = [path.name for path in jobs[0].targets]
    assert names[1] == "a_01_3px_-30deg.png"
    assert names == sorted(names, key=lambda name: name[:5])
    odd = targets.jobs_of(["a.png"], "out/", ["a/b: c", "µ"], suffix=".jpg")[0].targets
    assert [path.name for path in odd] == ["a_0_a-b-c.jpg", "a_1_µ.jpg"]


def test_a_bank_from_a_file_and_a_published_one(tmp_path):
    BANK.save("bank.json")
    run_filter("grey.png", "--bank", "bank.json", "--out", "out.npy")
    assert np.array_equal(gk.read_image("out.npy"), BANK.filter(GREY))
    run_filter("grey.png", "--bank", "article", "--scales", 1, "--out", "out.npy")
    assert gk.read_image("out.npy").shape == (8, 40, 52)


# ---- folders ----


@pytest.fixture
def photos(folder):
    for name in ("photos/a.png", "photos/b.jpg", "photos/deep/c.tif"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        gk.write_image(name, GREY)
    Path("photos/notes.txt").write_text("no picture")
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
        (["grey.png", *ONE, "--out", "o.png", "--range", "0", "nan"], "nan is not finite"),
        (["grey.png", *ONE, "--out", "o.png", "--part", "complex"], "fits .npy and .npz, not .png"),
        (["grey.png", *ONE, "--out", "o.tif", "--part", "complex"], "fits .npy and .npz, not .tif"),
        (["grey.png", *ONE, "--out", "o.png", "--tolerance", "0"], "0 is not between 0 and 1"),
        (["grey.png", *ONE, "--out", "o.png", "--tolerance", "nan"], "nan is not between 0 and 1"),
        (["grey.png", "--sigma", "0", "--out", "o.png"], "sigma=0 is not positive"),
        (["grey.png", "--sigma", "1", "--theta", "nan", "--out", "o.png"], "theta=nan"),
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


def chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def huge_png() -> bytes:
    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def bad_file(kind: str) -> Path:
    """A file that cannot be filtered."""
    whole = Path("grey.png").read_bytes()
    content = {
        "empty": b"",
        "text": b"this is a text, not a picture",
        "truncated": whole[: len(whole) // 2],
        "huge": huge_png(),
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
        (np.full((20, 20), np.nan, np.float32), "400 of 400 pixels are NaN"),
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
