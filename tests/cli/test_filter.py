"""``gaborkit filter``: results equal to the library's."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tifffile
from commands_for_tests import (
    BANK,
    COLOUR,
    GREY,
    KERNEL,
    ONE,
    SIX,
    decoded,
    description,
    rng,
    run,
    run_filter,
)
from gaborkit_cli import jobs
from gaborkit_cli.quantization import quantize

import gaborkit as gk

pytestmark = pytest.mark.usefixtures("folder")

# ---- one kernel, one file ----


@pytest.mark.parametrize("part", ["real", "imag", "magnitude", "energy", "phase"])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_decodes_to_the_response_within_half_a_step(part, bits):
    run_filter("grey.png", *ONE, "--part", part, "--bits", bits, "--out", "out.png")
    values, half = decoded("out.png")
    assert gk.read_image("out.png").dtype == f"uint{bits}"
    assert np.abs(values - gk.GaborBank([KERNEL]).filter(GREY, part=part)[0]).max() <= half
    assert description("out.png")["mapping"]["clipped"] == 0


def test_the_mapping_uses_the_whole_range():
    for part in ("magnitude", "real", "imag"):
        run_filter("grey.png", *ONE, "--part", part, "--out", "out.png")
        stored = gk.read_image("out.png").astype(int)
        if part == "magnitude":
            assert stored.max() == 255
        else:
            assert abs(stored - 128).max() == 127
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


@pytest.mark.parametrize("part", ["real", "imag", "magnitude", "energy", "phase", "complex"])
def test_arrays_hold_any_part(part):
    run_filter("grey.png", *ONE, "--part", part, "--out", "out.npy")
    assert np.array_equal(
        gk.read_image("out.npy"), gk.GaborBank([KERNEL]).filter(GREY, part=part)[0]
    )


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
    assert (found["boundary"], found["engine"]) == ("reflect", "auto")
    assert found["tolerance"] == gk.TOLERANCE


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
        # One kernel alone may take another engine.
        assert np.abs(values - np.abs(BANK[k].filter(GREY))).max() <= half + 1e-3
        found = description(f"deep/er/{name}")
        assert gk.GaborBank.from_dict(found["bank"])[0] == BANK[k]
        assert found["labels"] == [BANK.labels[k]]


def test_names_of_many_channels_sort_and_have_no_odd_letters():
    bank = gk.GaborBank.preset("kovesi")
    listed = jobs.jobs_of(["a.png"], "out", bank.labels)
    names = [path.name for path in listed[0].targets]
    assert names[1] == "a_01_3px_-30deg.png"
    assert names == sorted(names, key=lambda name: name[:5])
    odd = jobs.jobs_of(["a.png"], "out/", ["a/b: c", "µ"], suffix=".jpg")[0].targets
    assert [path.name for path in odd] == ["a_0_a-b-c.jpg", "a_1_µ.jpg"]


def test_a_bank_from_a_file_and_a_published_one(tmp_path):
    BANK.save("bank.json")
    run_filter("grey.png", "--bank", "bank.json", "--out", "out.npy")
    assert np.array_equal(gk.read_image("out.npy"), BANK.filter(GREY))
    run_filter("grey.png", "--bank", "article", "--scales", 1, "--out", "out.npy")
    assert gk.read_image("out.npy").shape == (8, 40, 52)
