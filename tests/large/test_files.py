"""Files of large pictures: regions read, responses written, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from large_for_tests import BANK, COLOUR, GREY, Small, assert_close, rng, write_tiff

import gaborkit as gk
from gaborkit.large import filter_large, open_source
from gaborkit.large.record import Record
from gaborkit.large.sources import largest_piece, unmapped
from gaborkit.large.uncompressed import Uncompressed

zarr = pytest.importorskip("zarr", reason="zarr is not installed")

MAGNITUDE = np.abs(BANK.filter(GREY))


@pytest.fixture(autouse=True)
def tiles_of_32(monkeypatch):
    Small(monkeypatch)(32)


def region(data, shape):
    """An index of whole numbers and slices."""
    index = []
    for size in shape:
        start = data.draw(st.integers(0, size - 1))
        stop = data.draw(st.integers(start + 1, size))
        index.append(start if data.draw(st.booleans()) else slice(start, stop))
    return tuple(index)


# ---- regions of files ----


@given(data=st.data(), shape=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_raw_regions(tmp_path_factory, data, shape):
    path = tmp_path_factory.getbasetemp() / "raw"
    array = rng.integers(0, 99, shape)
    path.write_bytes(b"head" + array.tobytes())
    raw = Uncompressed(path, 4, tuple(shape), array.dtype)
    index = region(data, shape)
    assert np.array_equal(raw[index], array[index])
    array[index] = -rng.integers(1, 99, array[index].shape)
    raw[index] = array[index]
    assert path.read_bytes() == b"head" + array.tobytes()


PAGES = rng.random((3, 40, 30), np.float32)
PLANAR = np.moveaxis(COLOUR, -1, 0)
SPARSE = np.zeros((64, 64), np.uint8)
TIFFS = {
    "contiguous": (GREY, {}),
    "big-endian": (GREY, {"byteorder": ">"}),
    "strips": (GREY, {"compression": "zlib", "rowsperstrip": 7}),
    "tiles": ((GREY * 9999).astype(np.uint16), {"compression": "zlib", "tile": (16, 32)}),
    "predictor": (COLOUR, {"compression": "zlib", "predictor": True, "photometric": "rgb"}),
    "colour": (COLOUR, {"photometric": "rgb"}),
    "planar": (PLANAR, {"photometric": "rgb", "planarconfig": "separate", "tile": (16, 16)}),
    "pages": (PAGES, {}),
    "compressed pages": (PAGES, {"compression": "zlib", "rowsperstrip": 9}),
    "colour pages": (rng.random((2, 20, 30, 3), np.float32), {"photometric": "rgb"}),
    "sparse": (SPARSE, {"tile": (16, 16), "compression": "zlib"}),
    "bigtiff": (GREY, {"bigtiff": True}),
}


@pytest.mark.parametrize("kind", TIFFS)
@settings(max_examples=25)
@given(data=st.data())
def test_regions_of_tiff_are_those_of_the_whole(tmp_path_factory, kind, data):
    array, options = TIFFS[kind]
    path = tmp_path_factory.getbasetemp() / f"{kind}.tif"
    if not path.exists():
        write_tiff(path, array, **options)
    whole = gk.read_image(path)
    source = open_source(path, cache=0)
    assert (source.shape, source.dtype.newbyteorder("=")) == (whole.shape, whole.dtype)
    index = region(data, whole.shape)
    assert np.array_equal(source[index], whole[index])


def test_large_pieces_are_counted(tmp_path):
    path = write_tiff(tmp_path / "a.tif", COLOUR, photometric="rgb", tile=(16, 32))
    assert largest_piece(open_source(path)) == 16 * 32 * 3
    path = write_tiff(path, GREY, compression="zlib", rowsperstrip=5)
    assert largest_piece(open_source(path)) == 5 * 91 * 4
    assert largest_piece(open_source(write_tiff(tmp_path / "b.tif", GREY))) == 0
    assert largest_piece(zarr.ones((8, 9), chunks=(4, 5), dtype="f8")) == 160


def test_memory_maps(tmp_path):
    path = tmp_path / "a.dat"
    path.write_bytes(b"head" + GREY.tobytes())
    whole = np.memmap(path, np.float32, "r", 4, GREY.shape)
    assert isinstance(unmapped(whole), Uncompressed)
    private = np.memmap(path, np.float32, "c", 4, GREY.shape)
    private *= 2
    for mapped in (whole, whole[5:, 3:], private, np.asfortranarray(whole)):
        filter_large(BANK, mapped, tmp_path / "out.npy", part="complex")
        assert_close(np.load(tmp_path / "out.npy"), BANK.filter(np.array(mapped)))


def zarr_kinds(folder):
    """Names of stores of GREY, in the ways that zarr and OME-Zarr hold a picture."""
    zarr.create_array(str(folder / "array.zarr"), data=GREY, chunks=(16, 20))
    zarr.create_array(str(folder / "second.zarr"), data=GREY, zarr_format=2)
    zarr.open_group(folder / "group.zarr", mode="w").create_array("only", data=GREY)
    for version in (4, 5):
        group = zarr.open_group(folder / f"ome{version}.zarr", mode="w", zarr_format=version - 2)
        group.create_array("full", data=GREY)
        group.create_array("half", data=GREY[::2, ::2])
        scales = [{"datasets": [{"path": "full"}, {"path": "half"}]}]
        group.attrs.update(
            {"multiscales": scales} if version == 4 else {"ome": {"multiscales": scales}}
        )
    return ("array", "second", "group", "ome4", "ome5")


def test_zarr_sources(tmp_path):
    for name in zarr_kinds(tmp_path):
        source = open_source(tmp_path / f"{name}.zarr")
        assert np.array_equal(source[3:9, 7], GREY[3:9, 7]), name
    filter_large(BANK, tmp_path / "array.zarr", tmp_path / "out.npy")
    assert_close(np.load(tmp_path / "out.npy"), MAGNITUDE)


@pytest.mark.parametrize("kind", ["a.npy", "fortran.npy", "a.tif", "tiles.tif", "a.zarr"])
@pytest.mark.parametrize("out", ["out.npy", "out.tif", "out.TIFF", "out.zarr"])
def test_every_source_into_every_target(tmp_path, kind, out):
    path = tmp_path / kind
    match kind:
        case "a.npy":
            np.save(path, GREY)
        case "fortran.npy":
            np.save(path, np.asfortranarray(GREY))
        case "a.zarr":
            zarr.create_array(str(path), data=GREY, chunks=(16, 20))
        case _:
            write_tiff(path, GREY, **({"tile": (16, 16)} if kind == "tiles.tif" else {}))
    filter_large(BANK, path, tmp_path / out)
    found = open_source(tmp_path / out)
    assert_close(found[:, :, :], MAGNITUDE)
    assert not list(tmp_path.glob("*.partial")) + list(tmp_path.glob("*.tiles"))


# ---- targets ----


def test_a_zarr_store_is_an_ome_zarr_with_the_names_of_its_channels(tmp_path):
    filter_large(BANK, GREY, tmp_path / "out.zarr")
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    assert group["0"].metadata.dimension_names == ("c", "y", "x")
    (scales,) = group.attrs["ome"]["multiscales"]
    assert [axis["name"] for axis in scales["axes"]] == ["c", "y", "x"]
    assert scales["datasets"][0]["path"] == "0"
    channels = group.attrs["ome"]["omero"]["channels"]
    assert [channel["label"] for channel in channels] == list(BANK.labels)
    assert channels[0]["window"]["max"] == pytest.approx(MAGNITUDE.max())
    found = group.attrs["gaborkit"]
    assert gk.GaborBank.from_dict(found["bank"]) == BANK
    assert found["shape"] == [3, 67, 91]


def test_other_axes_and_complex_responses_make_a_plain_zarr(tmp_path):
    filter_large(BANK, np.stack([GREY] * 2), tmp_path / "out.zarr", part="complex")
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    assert "ome" not in group.attrs
    assert group["0"].metadata.dimension_names == ("axis_0", "c", "y", "x")
    assert_close(group["0"][1], BANK.filter(GREY))
    filter_large(BANK, GREY, tmp_path / "out.zarr", part="complex")
    assert "omero" not in zarr.open_group(tmp_path / "out.zarr").attrs["ome"]
    filter_large(BANK[0], GREY, tmp_path / "one.zarr")
    group = zarr.open_group(tmp_path / "one.zarr")
    assert group["0"].metadata.dimension_names == ("y", "x")
    assert len(group.attrs["ome"]["multiscales"][0]["axes"]) == 2


def test_a_tiff_has_a_page_a_channel_and_colour_last(tmp_path):
    filter_large(BANK, COLOUR, tmp_path / "out.tif", channel_axis=-1)
    found = gk.read_image(tmp_path / "out.tif")
    expected = np.abs(BANK.filter(COLOUR, channel_axis=-1))
    assert_close(found, np.moveaxis(expected, 0, -1))
    two = COLOUR[..., :2]
    filter_large(BANK[0], two, tmp_path / "out.tif", channel_axis=-1)
    assert gk.read_image(tmp_path / "out.tif").shape == (45, 50, 2)
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert not tiff.is_bigtiff


def test_the_description_lies_beside_a_file(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    filter_large(BANK, tmp_path / "a.npy", tmp_path / "out.npy", boundary="wrap")
    found = json.loads((tmp_path / "out.npy.json").read_text())
    assert (found["boundary"], found["part"], found["colour"]) == ("wrap", "magnitude", "grey")
    assert found["input"] == str(tmp_path / "a.npy")
    filter_large(BANK, GREY, tmp_path / "out.npy", metadata={"note": 1})
    assert json.loads((tmp_path / "out.npy.json").read_text()) == {"note": 1}


# ---- whole or not at all ----


class Stop(BaseException):
    pass


def stopping(after):
    def progress(done, total):
        if done == after:
            raise Stop

    return progress


@pytest.mark.parametrize("out", ["out.npy", "out.tif", "out.zarr"])
def test_a_run_that_stops_leaves_nothing_that_looks_finished_and_goes_on(tmp_path, out):
    target = tmp_path / out
    with pytest.raises(Stop):
        filter_large(BANK, GREY, target, progress=stopping(2))
    assert not target.exists()
    assert (tmp_path / f"{out}.partial").exists()
    seen = []
    filter_large(BANK, GREY, target, resume=True, progress=lambda *count: seen.append(count))
    assert seen == [(3, 9), (4, 9), (5, 9), (6, 9), (7, 9), (8, 9), (9, 9)]
    assert_close(open_source(target)[:, :, :], MAGNITUDE)
    assert not list(tmp_path.glob("*.partial")) + list(tmp_path.glob("*.tiles"))
    if out == "out.zarr":  # limits are those of all tiles
        window = zarr.open_group(target).attrs["ome"]["omero"]["channels"][0]["window"]
        assert window["max"] == pytest.approx(MAGNITUDE.max())


def test_a_killed_process_is_gone_on_with(tmp_path):
    code = f"""
import os, signal, numpy as np
from large_for_tests import BANK, GREY
from gaborkit.large import filter_large, tiles
tiles.SIDES = (32,)
def progress(done, total):
    if done == 4:
        os.kill(os.getpid(), signal.SIGKILL)
filter_large(BANK, GREY, r"{tmp_path}/out.zarr", progress=progress)
"""
    if os.name != "posix":
        pytest.skip("needs SIGKILL")
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1])
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out.zarr").exists()
    # As if it had been killed in the middle of a line.
    with (tmp_path / "out.zarr.tiles").open("a") as stream:
        stream.write("[4, [0.")
    seen = []
    filter_large(
        BANK, GREY, tmp_path / "out.zarr", resume=True, progress=lambda n, _: seen.append(n)
    )
    assert seen == [5, 6, 7, 8, 9]
    assert_close(open_source(tmp_path / "out.zarr")[:, :, :], MAGNITUDE)


def test_only_the_same_run_goes_on(tmp_path):
    target = tmp_path / "out.npy"
    with pytest.raises(Stop):
        filter_large(BANK, GREY, target, progress=stopping(2))
    with pytest.raises(gk.FilterError, match="left by a run with another part, boundary; repeat"):
        filter_large(BANK, GREY, target, part="real", boundary="wrap", resume=True)
    filter_large(BANK, GREY, target, part="real")  # starts again
    assert_close(np.load(target), BANK.filter(GREY).real)
    filter_large(BANK, GREY, target, resume=True)  # there is nothing to go on with
    assert_close(np.load(target), MAGNITUDE)


def test_a_damaged_list_of_tiles(tmp_path):
    (tmp_path / "list").write_text("what?\n")
    with pytest.raises(gk.FilterError, match="is damaged; start again without resume"):
        Record.read(tmp_path / "list", {})
    assert Record.read(tmp_path / "none", {}) is None


def test_a_failure_leaves_the_old_file(tmp_path):
    image = GREY.copy()
    image[0, 0] = np.inf
    for out in ("out.npy", "out.tif", "out.zarr"):
        filter_large(BANK, GREY, tmp_path / out)
        with pytest.raises(gk.ImageError, match="pixels are NaN or infinite; replace them"):
            filter_large(BANK, image, tmp_path / out)
        assert_close(open_source(tmp_path / out)[:, :, :], MAGNITUDE)
        assert not list(tmp_path.glob("*.partial")) + list(tmp_path.glob("*.tiles"))
        filter_large(BANK, GREY * 2, tmp_path / out)
        assert_close(open_source(tmp_path / out)[:, :, :], MAGNITUDE * 2)


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(self, index, values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Uncompressed, "__setitem__", full)
    with pytest.raises(gk.PictureError, match=r"out.npy: cannot be written \(No space left"):
        filter_large(BANK, GREY, tmp_path / "out.npy")
    assert list(tmp_path.iterdir()) == []


# ---- refusals ----


def test_unreadable_sources(tmp_path):
    tall = np.zeros((64, 64), np.uint8)
    cut = write_tiff(tmp_path / "cut.tif", tall, tile=(16, 16))
    cut.write_bytes(cut.read_bytes()[:-200])
    raw = write_tiff(tmp_path / "raw.tif", tall)
    raw.write_bytes(raw.read_bytes()[:-200])
    np.save(tmp_path / "cut.npy", GREY)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-4])
    np.savez(tmp_path / "zip", GREY)
    (tmp_path / "zip.npz").rename(tmp_path / "zip.npy")
    (tmp_path / "text.tif").write_text("no picture")
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.png").write_bytes(b"")
    group = zarr.open_group(tmp_path / "two.zarr", mode="w")
    group.create_array("a", data=GREY)
    group.create_array("b", data=GREY)
    zarr.open_group(tmp_path / "none.zarr", mode="w")
    (tmp_path / "bad.zarr").mkdir()
    (tmp_path / "bad.zarr" / "zarr.json").write_text("{")
    for name, text in {
        "cut.tif": "is truncated",
        "raw.tif": "is truncated",
        "cut.npy": "cannot be read as npy",
        "zip.npy": "is not an npy file",
        "text.tif": "cannot be read as TIFF",
        "folder": "is a folder that is no zarr store",
        "missing.tif": "there is no such file",
        "a.png": ".png is not read in tiles; .tif, .tiff, .npy and .zarr are",
        "two.zarr": "holds ., .; give the path of one array",
        "none.zarr": "holds no array",
        "bad.zarr": "cannot be read as zarr",
    }.items():
        with pytest.raises(gk.PictureError, match=text):
            filter_large(BANK, tmp_path / name, tmp_path / "out.npy")
        assert not list(tmp_path.glob("out*"))


def test_a_piece_that_cannot_be_decoded(tmp_path):
    path = write_tiff(tmp_path / "a.tif", GREY, compression="zlib", tile=(16, 16))
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[0].dataoffsets[-1]
    whole = bytearray(path.read_bytes())
    whole[offset : offset + 4] = b"what"
    path.write_bytes(whole)
    with pytest.raises(gk.PictureError, match="a piece of it cannot be decoded"):
        filter_large(BANK, path, tmp_path / "out.npy")


def test_a_file_that_shrinks(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    source = open_source(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(b"")
    with pytest.raises(gk.PictureError, match="is truncated"):
        source[0:3, 0:3]


@pytest.mark.parametrize(
    ("out", "options", "text"),
    [
        ("out.png", {}, ".png is not written in tiles; .zarr, .tif, .tiff, .npy are"),
        ("out", {}, "a name without suffix is not written in tiles"),
        ("none/out.npy", {}, "the folder .* does not exist; create it first"),
        ("none/out.zarr", {}, "the folder .* does not exist; create it first"),
        ("folder.zarr", {}, "exists and is no zarr store; give another name"),
        ("out.tif", {"part": "complex"}, "TIFF holds no complex responses; .npy and .zarr do"),
        ("a.npy", {}, "would be written over the source; give another name"),
    ],
)
def test_targets_that_cannot_be_written(tmp_path, out, options, text):
    (tmp_path / "folder.zarr").mkdir()
    np.save(tmp_path / "a.npy", GREY)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(gk.PictureError, match=text):
        filter_large(BANK, tmp_path / "a.npy", tmp_path / out, **options)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_page_of_many_in_tiles(tmp_path):
    pages = np.stack([GREY * scale for scale in (1, 2, 3, 4, 5)])
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    options = {"part": "magnitude", "memory": "2MB"}
    filter_large(BANK, f"{tmp_path}/a.tif[2]", tmp_path / "o.npy", **options)
    expected = BANK.filter(pages[2], part="magnitude")
    np.testing.assert_allclose(np.load(tmp_path / "o.npy"), expected, atol=1e-4)


def test_without_zarr_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(gk.FilterError, match=r'needs zarr, .* pip install "gaborkit\[large\]"'):
        filter_large(BANK, GREY, tmp_path / "out.zarr")
