"""Masks of large pictures: tiles equal the whole, and what lies outside changes no bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from large_for_tests import BANK, BOUNDARIES, GREY, Small, assert_close, part_of, rng

import gaborkit as gk
from gaborkit.filtering.regions import cut_out, regions
from gaborkit.large import filter_large, masked_tiles, memory
from gaborkit.large.sources import Planes
from gaborkit.types import PARTS


@pytest.fixture
def side(monkeypatch):
    return Small(monkeypatch)


@pytest.fixture
def filtered(tmp_path):
    """Responses of a part of a picture, filtered into a file."""

    def run(image, mask, bank=BANK, **options):
        options = {"part": "complex", **options}
        filter_large(bank, image, tmp_path / "out.npy", mask=mask, **options)
        return np.load(tmp_path / "out.npy")

    return run


def ragged(shape, share, seed=0):
    """A disc with holes and islands beyond it, so that nearest pixels inside lie far and near."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    disc = np.hypot(y / shape[0] - 0.5, x / shape[1] - 0.55) < 0.3
    return disc & (np.random.default_rng(seed).random(shape) < share)


MASKS = {
    "sparse": ragged(GREY.shape, 0.02),
    "dense": ragged(GREY.shape, 0.95),
    "one": np.pad(np.ones((1, 1), bool), ((30, 36), (50, 40))),
    "all": np.ones(GREY.shape, bool),
    "corners": np.pad(np.zeros((57, 81), bool), 5, constant_values=True),
}

#: Of each way to treat what lies outside, the boundaries with which tiles are exact.
WAYS = [("nearest", boundary) for boundary in BOUNDARIES if boundary != "wrap"]
WAYS += [("normalized", "reflect"), ("normalized", "wrap")]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(("outside", "boundary"), WAYS)
@pytest.mark.parametrize("step", [7, 40])
def test_tiles_of_a_part_are_the_whole(side, filtered, mask, outside, boundary, step):
    side(step)
    inside = MASKS[mask]
    options = {"outside": outside, "boundary": boundary}
    found = filtered(GREY, inside, **options)
    assert_close(found, BANK.filter(GREY, mask=inside, **options))
    assert not found[:, ~inside].any()


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    halo=st.integers(0, 12),
    share=st.sampled_from([0.01, 0.1, 0.5, 0.98]),
    seed=st.integers(0, 999),
)
def test_what_a_tile_sees_is_filled_as_the_whole_is(shape, halo, share, seed):
    """Wherever a kernel centred inside reaches, ties among nearest pixels included."""
    draw = np.random.default_rng(seed)
    inside = draw.random(shape) < share
    inside[draw.integers(shape[0]), draw.integers(shape[1])] = True
    image = np.arange(1, shape[0] * shape[1] + 1).reshape(shape)
    (region,) = regions(shape, mask=inside)
    whole = cut_out(image, region)
    mask = masked_tiles.TileMask.scan(inside, "nearest", shape, 0)
    box = masked_tiles._Box(Planes(image), mask, memory.reach_of(halo))
    size = draw.integers(1, 9)
    for y, x in draw.integers(0, whole.shape, (8, 2)):
        rows, columns = (
            slice(max(0, start - halo), min(length, start + size + halo))
            for start, length in zip((y, x), whole.shape, strict=True)
        )
        found = box.read((), rows, columns)
        own = np.argwhere(region.inside[y : y + size, x : x + size])
        for v, u in own + np.array([y, x]):
            down = slice(max(0, v - halo), v + halo + 1)
            across = slice(max(0, u - halo), u + halo + 1)
            seen = found[
                down.start - rows.start : down.stop - rows.start,
                across.start - columns.start : across.stop - columns.start,
            ]
            assert np.array_equal(seen, whole[down, across][: seen.shape[0], : seen.shape[1]])


@pytest.mark.parametrize("halo", [*range(1, 30), 1000])
def test_the_reach_is_at_least_a_diagonal_of_the_halo(halo):
    assert math.hypot(halo, halo) <= memory.reach_of(halo) < math.hypot(halo, halo) + 1.01


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
@pytest.mark.parametrize("engine", ["separable", "fourier"])
def test_what_lies_outside_changes_no_bit(side, filtered, outside, engine):
    side(16)
    inside = MASKS["dense"]
    options = {"outside": outside, "engine": engine}
    expected = filtered(GREY, inside, **options)
    for value in (np.nan, np.inf, -1e30, rng.random(GREY.shape, np.float32)):
        spoiled = np.where(inside, GREY, np.float32(value))
        np.testing.assert_array_equal(filtered(spoiled, inside, **options), expected)


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
def test_parts_dtypes_stacks_and_colour(side, filtered, outside):
    side(16)
    image, inside = (GREY[:40, :50] * 200).astype(np.uint8), MASKS["dense"][14:54, 22:72]
    expected = BANK.filter(image, mask=inside, outside=outside)
    for part in PARTS:
        found, wanted = filtered(image, inside, part=part, outside=outside), expected
        if part == "phase":
            turns = np.exp(1j * found[:, inside]) / np.exp(1j * np.angle(wanted[:, inside]))
            assert np.abs(turns - 1).max() < 1e-3
        else:
            assert_close(found, part_of(wanted, part))
    stack = rng.random((2, 40, 50, 3))
    options = {"channel_axis": -1, "outside": outside}
    found = filtered(stack, inside, **options)
    assert_close(found, BANK.filter(stack, mask=inside, **options))


@pytest.mark.parametrize("suffix", [".npy", ".tif", ".zarr"])
def test_a_mask_of_a_file_is_read_by_regions(side, filtered, tmp_path, suffix):
    side(16)
    inside, path = MASKS["dense"], tmp_path / f"mask{suffix}"
    if suffix == ".npy":
        np.save(path, inside)
    elif suffix == ".tif":
        tifffile.imwrite(path, (255 * inside).astype(np.uint8))
    else:
        zarr = pytest.importorskip("zarr", reason="zarr is not installed")
        zarr.create_array(path, data=inside.astype(np.float32), chunks=(16, 16))
    expected = filtered(GREY, inside)
    np.testing.assert_array_equal(filtered(GREY, path), expected)
    np.testing.assert_array_equal(filtered(GREY, str(path)), expected)


def test_nan_inside_is_named_with_its_tile(side, filtered):
    side(16)
    image, inside = GREY.copy(), MASKS["dense"].copy()
    inside[40, 57], inside[41, 57] = True, False
    image[40:42, 57] = np.nan
    for outside in ("nearest", "normalized"):
        text = r"rows 32:48, columns 48:64: 1 of 256 pixels are NaN"
        with pytest.raises(gk.ImageError, match=text):
            filtered(image, inside, outside=outside)


def test_a_run_goes_on_with_the_same_mask_alone(side, tmp_path):
    side(16)
    inside, out = MASKS["dense"], tmp_path / "out.npy"

    def stop(done, count):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filter_large(BANK, GREY, out, mask=inside, progress=stop)
    for options in ({}, {"mask": MASKS["all"]}, {"mask": inside, "outside": "normalized"}):
        with pytest.raises(gk.FilterError, match="was left by a run with another mask"):
            filter_large(BANK, GREY, out, resume=True, **options)
    seen = []
    filter_large(
        BANK, GREY, out, mask=inside, resume=True, progress=lambda *counts: seen.append(counts[0])
    )
    assert seen[0] == 4
    assert_close(np.load(out), np.abs(BANK.filter(GREY, mask=inside)))


def test_the_description_says_what_was_done_about_the_outside(tmp_path):
    filter_large(BANK, GREY, tmp_path / "out.npy", mask=MASKS["dense"])
    assert '"outside": "nearest"' in (tmp_path / "out.npy.json").read_text()


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
def test_tiles_are_smaller_with_a_mask(filtered, outside):
    image, inside = np.zeros((300, 300)), np.ones((300, 300), bool)
    texts = []
    for options in ({"mask": None}, {"mask": inside, "outside": outside}):
        with pytest.raises(gk.FilterError, match="hold no tile") as raised:
            filtered(image, memory=1000, **options)
        texts.append(int(str(raised.value).split("; ")[1].split("MB")[0]))
    assert texts[0] < texts[1]
    assert filtered(image, inside, outside=outside, memory=f"{texts[1]}MB").shape == (3, 300, 300)


@pytest.mark.parametrize(
    ("mask", "options", "text"),
    [
        (np.ones((3, 3), bool), {}, "mask: 3 x 3 pixels of bool do not fit a picture of 67 x 91"),
        (np.ones(GREY.shape, complex), {}, "mask: 67 x 91 pixels of complex128 do not fit"),
        (np.zeros(GREY.shape), {}, "mask: all pixels are 0"),
        (MASKS["all"], {"outside": "farthest"}, "outside='farthest' is unknown"),
        (MASKS["all"], {"boundary": "wrap"}, "boundary='wrap' with a mask brings pixels from"),
        ("none.npy", {}, "none.npy: there is no such file"),
        (
            MASKS["all"],
            {"bank": gk.GaborBank([gk.LogGaborKernel(wavelength=4)]), "outside": "normalized"},
            "normalised convolution of .* is not known",
        ),
    ],
)
def test_masks_that_do_not_fit(filtered, tmp_path, mask, options, text):
    with pytest.raises(gk.GaborkitError, match=text):
        filtered(GREY, mask, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_mask_is_not_written_over_and_workers_do_not_reach_arrays(tmp_path):
    np.save(tmp_path / "a.npy", MASKS["all"])
    with pytest.raises(gk.PictureError, match="would be written over the mask"):
        filter_large(BANK, GREY, tmp_path / "a.npy", mask=tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", GREY)
    with pytest.raises(gk.FilterError, match="mask=ndarray: workers cannot reach an array"):
        filter_large(
            *(BANK, tmp_path / "b.npy", tmp_path / "c.npy"),
            mask=MASKS["all"],
            scheduler="tcp://nowhere",
        )
