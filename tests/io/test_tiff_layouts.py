"""Every layout that tifffile writes is read as it was written, as a whole and by regions."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from pictures_for_tests import ORIENTED, assert_same, refused
from PIL import Image

import gaborkit as gk
from gaborkit.large import open_source

SIZE = (37, 41)


@dataclass(frozen=True)
class Layout:
    """Axes of an array as it is written, options of the writer, and axes as it is read."""

    shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)
    moved: int | None = None  # axis of samples, which become the last axis or, as bands, the first


H, W = SIZE
GREY = {"photometric": "minisblack"}
RGB = {"photometric": "rgb"}
SEPARATE = {"planarconfig": "separate"}
CONTIG = {"planarconfig": "contig"}
LAYOUTS = {
    "grey": Layout((H, W), GREY),
    "alpha": Layout((H, W, 2), {**GREY, **CONTIG, "extrasamples": ["unassalpha"]}),
    "alpha-apart": Layout((2, H, W), {**GREY, **SEPARATE, "extrasamples": ["assocalpha"]}, -1),
    "rgb": Layout((H, W, 3), RGB),
    "rgb-apart": Layout((3, H, W), {**RGB, **SEPARATE}, -1),
    "rgba": Layout((H, W, 4), {**RGB, "extrasamples": ["unassalpha"]}),
    "rgba-apart": Layout((4, H, W), {**RGB, **SEPARATE, "extrasamples": ["unassalpha"]}, -1),
    "two": Layout((H, W, 2), {**GREY, **CONTIG}, 0),
    "two-apart": Layout((2, H, W), {**GREY, **SEPARATE}),
    "three": Layout((H, W, 3), {**GREY, **CONTIG}, 0),
    "four": Layout((H, W, 4), {**GREY, **CONTIG}, 0),
    "four-apart": Layout((4, H, W), {**GREY, **SEPARATE}),
    "infrared": Layout((H, W, 4), {**RGB, "extrasamples": ["unspecified"]}, 0),
    "five": Layout((H, W, 5), {**RGB, "extrasamples": ["unspecified"] * 2}, 0),
    "eight": Layout((H, W, 8), {**GREY, **CONTIG}, 0),
    "eight-apart": Layout((8, H, W), {**GREY, **SEPARATE}),
    "pages": Layout((3, H, W), GREY),
    "pages-rgb": Layout((2, H, W, 3), RGB),
    "pages-rgb-apart": Layout((2, 3, H, W), {**RGB, **SEPARATE}, -1),
    "pages-eight": Layout((2, H, W, 8), {**GREY, **CONTIG}, -3),
}
STORAGE: dict[str, dict[str, Any]] = {
    "plain": {},
    "big-endian": {"byteorder": ">"},
    "strips": {"rowsperstrip": 5},
    "tiles": {"tile": (16, 32)},
    "bigtiff": {"bigtiff": True, "tile": (16, 16), "byteorder": ">"},
    "zlib": {"compression": "zlib", "predictor": True, "rowsperstrip": 7},
    "lzw": {"compression": "lzw"},
    "lzw-tiles": {"compression": "lzw", "predictor": True, "tile": (16, 16), "byteorder": ">"},
    "zstd": {"compression": "zstd", "tile": (32, 16)},
    "packbits": {"compression": "packbits", "rowsperstrip": 4},
    "lzma": {"compression": "lzma"},
}


def expected_of(array: np.ndarray, layout: Layout) -> np.ndarray:
    """What is read: pages first, samples last, bands as pages; native, complete."""
    if layout.moved is not None and layout.moved >= 0:
        array = np.moveaxis(array, -1, layout.moved)
    elif layout.moved == -1:
        array = np.moveaxis(array, -3, -1)
    elif layout.moved == -3:
        array = np.moveaxis(array, -1, -3).reshape(-1, *SIZE)
    return np.ascontiguousarray(array)


def check(path: Path, expected: np.ndarray) -> None:
    """As a whole and by regions, what was written."""
    assert_same(gk.read_image(path), expected)
    source = open_source(path, cache=0)
    assert source.shape == expected.shape
    for start, stop in ((0, None), (3, 30), (17, 18)):
        index = tuple(
            slice(start, stop) if size > 30 else (size - 1 if start == 3 else slice(0, size))
            for size in expected.shape
        )
        found = source[index]
        assert found.dtype.newbyteorder("=") == expected.dtype
        np.testing.assert_array_equal(found, expected[index])


def values(dtype: str, shape: tuple[int, ...], seed: str) -> np.ndarray:
    """Any bits of integers, normal floats."""
    # Not the built-in hash, which changes from run to run.
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    if np.dtype(dtype).kind in "fc":
        return rng.normal(size=shape).astype(dtype)
    return rng.integers(0, 256, (*shape, np.dtype(dtype).itemsize), np.uint8).view(dtype)[..., 0]


COMMON = zip(
    itertools.product(LAYOUTS, STORAGE), itertools.cycle(("u1", "u2", "f4", "i2")), strict=False
)
OTHERS = itertools.product(
    ("grey", "rgb-apart"), STORAGE, ("i1", "u4", "i4", "u8", "i8", "f2", "f8", "c8", "c16")
)
CASES = [*((*pair, dtype) for pair, dtype in COMMON), *OTHERS]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path: Path, layout: str) -> None:
    cases = [case for case in CASES if case[0] == layout]
    assert len(cases) >= len(STORAGE)
    for _, storage, dtype in cases:
        options = {**LAYOUTS[layout].options, **STORAGE[storage]}
        if dtype in ("u8", "i8", "c8", "c16"):
            options.pop("predictor", None)  # tifffile writes none
        array = values(dtype, LAYOUTS[layout].shape, layout + storage + dtype)
        path = tmp_path / f"{storage}-{dtype}.tif"
        tifffile.imwrite(path, array, metadata=None, **options)
        check(path, expected_of(array, LAYOUTS[layout]))


def packed_strips(samples: np.ndarray, bits: int, rows: int) -> Iterator[bytes]:
    """Samples of a number of bits, the first at the top; each row begins with a byte."""
    whole = samples.reshape(len(samples), -1).astype(">u4")
    each = np.unpackbits(whole.view(np.uint8).reshape(*whole.shape, 4), axis=-1)[..., -bits:]
    lines = np.packbits(each.reshape(len(samples), -1), axis=-1)
    return (lines[k : k + rows].tobytes() for k in range(0, len(lines), rows))


def test_packed_bits(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    for bits in sorted({*range(1, 32)} - {24}):
        dtype = np.dtype("u1" if bits <= 8 else "u2" if bits <= 16 else "u4")
        for photometric, shape in (("minisblack", SIZE), ("rgb", (*SIZE, 3))):
            if bits == 1 and photometric == "rgb":
                continue  # tifffile does not read what it writes
            stored = values(dtype.str, shape, f"{bits}{shape}") & np.array(2**bits - 1, dtype)
            tifffile.imwrite(
                path,
                # Packed here: imagecodecs has an encoder only from 2026 on. Of 16 bits nothing is.
                stored if bits == 16 else packed_strips(stored, bits, 6),
                shape=shape,
                dtype=bool if bits == 1 else dtype,
                byteorder="<>"[bits % 2],
                photometric=photometric,
                bitspersample=bits,
                rowsperstrip=6,
                metadata=None,
            )
            # White is 255 up to 4 bits, where that is exact.
            expected = stored * (255 // (2**bits - 1)) if bits in (1, 2, 4) else stored
            check(path, expected.astype(dtype))
            if bits in (1, 2, 4, 12) and photometric == "minisblack":
                with Image.open(path) as peer:
                    np.testing.assert_array_equal(
                        np.asarray(peer) * (255 if bits == 1 else 1), expected
                    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_24_bits_have_no_order_that_all_agree_on(tmp_path: Path, order: str) -> None:
    stored = values("u4", SIZE, order) & np.uint32(2**24 - 1)
    tifffile.imwrite(
        tmp_path / "a.tif",
        packed_strips(stored, 24, 6),
        **{"shape": SIZE, "dtype": "u4", "bitspersample": 24, "rowsperstrip": 6},
        **{"photometric": "minisblack", "byteorder": order, "metadata": None},
    )
    for call in (gk.read_image, open_source):
        with pytest.raises(gk.PictureError, match=r"24-bit whole numbers.*32 bits would work"):
            call(tmp_path / "a.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_by_regions(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "a.tif"
    tag = (274, 3, 1, orientation, True)
    for layout, storage in itertools.product(
        ("grey", "rgb", "rgb-apart", "eight", "eight-apart"), ("plain", "tiles", "lzw")
    ):
        array = values("u2", LAYOUTS[layout].shape, layout)
        options = {**LAYOUTS[layout].options, **STORAGE[storage]}
        tifffile.imwrite(path, array, metadata=None, extratags=[tag], **options)
        upright = expected_of(array, LAYOUTS[layout])
        if upright.ndim == 3 and len(upright) == 8:
            expected = np.stack([ORIENTED[orientation](band) for band in upright])
        else:
            expected = ORIENTED[orientation](upright)
        check(path, np.ascontiguousarray(expected))


@pytest.mark.parametrize("storage", ["plain", "tiles", "zlib", "lzw-tiles"])
def test_white_at_zero_palettes_and_inks(tmp_path: Path, storage: str) -> None:
    path = tmp_path / "a.tif"
    options = STORAGE[storage]
    for dtype in ("u1", "u2", "u4"):
        grey = values(dtype, SIZE, dtype)
        tifffile.imwrite(path, grey, photometric="miniswhite", metadata=None, **options)
        check(path, np.iinfo(dtype).max - grey)
    for dtype in ("i2", "f4"):  # which have no largest value to subtract from
        grey = values(dtype, SIZE, dtype)
        tifffile.imwrite(path, grey, photometric="miniswhite", metadata=None, **options)
        check(path, grey)
    colours = values("u2", (3, 256), "palette")
    index = values("u1", SIZE, "index")
    palette = {key: value for key, value in options.items() if key != "predictor"}
    tifffile.imwrite(path, index, photometric="palette", colormap=colours, metadata=None, **palette)
    check(path, (colours >> 8).astype(np.uint8).T[index])
    tifffile.imwrite(
        path, index, photometric="palette", colormap=colours >> 8, metadata=None, **palette
    )
    check(path, (colours >> 8).astype(np.uint8).T[index])  # of a writer that forgot to scale
    inks = values("u1", (*SIZE, 4), "inks")
    tifffile.imwrite(path, inks, photometric="separated", metadata=None, **options)
    check(path, np.asarray(Image.fromarray(inks, "CMYK").convert("RGB")))
    inks = values("u2", (*SIZE, 4), "inks")
    tifffile.imwrite(path, inks, photometric="separated", metadata=None, **options)
    light = 1 - inks / 65535
    expected = np.rint(65535 * light[..., :3] * light[..., 3:]).astype(np.uint16)
    check(path, expected)


@pytest.mark.parametrize(
    ("compression", "photometric", "dtype"),
    [
        ("jpeg", "minisblack", "u1"), ("jpeg", "rgb", "u1"), ("jpeg", "ycbcr", "u1"),
        ("webp", "rgb", "u1"), ("png", "minisblack", "u2"), ("png", "rgb", "u1"),
        ("jpeg2000", "minisblack", "u2"), ("jpeg2000", "rgb", "u1"), ("jpegxl", "rgb", "u1"),
        ("lerc", "minisblack", "f4"),
    ],
)  # fmt: skip
def test_picture_codecs_agree_with_tifffile(
    tmp_path: Path, compression: str, photometric: str, dtype: str
) -> None:
    shape = SIZE if photometric == "minisblack" else (*SIZE, 3)
    path = tmp_path / "a.tif"
    for tiling in ({}, {"tile": (16, 16)}):
        tifffile.imwrite(
            path, values(dtype, shape, compression), photometric=photometric,
            compression=compression, metadata=None, **tiling
        )  # fmt: skip
        check(path, tifffile.imread(path))


# Series of pages

STACK = values("u2", (6, *SIZE), "stack")


@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True},
        {"imagej": True, "truncate": True},
        {"imagej": True, "truncate": True, "byteorder": "<"},
        {"truncate": True},
        {"ome": True},
        {"bigtiff": True, "compression": "lzw"},
        {"compression": "zlib"},
        {"metadata": {"axes": "TYX"}},
        {"volumetric": True},
        {"volumetric": True, "tile": (4, 16, 16), "compression": "zlib"},
        {"volumetric": True, "tile": (1, 16, 16)},
        {"contiguous": True, "rowsperstrip": 5},
    ],
    ids=str,
)
def test_stacks(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", **options)
    check(path, STACK)
    for k in (0, 4):
        check(Path(f"{path}[{k}]"), STACK[k])
    refused(f"{path}[6]", "has 6 pages", "0 to 5")


@pytest.mark.parametrize("options", [{}, {"compression": "lzw"}, {"metadata": None}], ids=str)
def test_pages_that_are_written_one_by_one(tmp_path: Path, options: dict[str, Any]) -> None:
    with tifffile.TiffWriter(tmp_path / "loop.tif") as writer:
        for page in STACK:
            writer.write(page, photometric="minisblack", **options)
    check(tmp_path / "loop.tif", STACK)
    for page in STACK:
        tifffile.imwrite(tmp_path / "a.tif", page, photometric="minisblack", append=True, **options)
    check(tmp_path / "a.tif", STACK)
    with tifffile.TiffWriter(tmp_path / "two.tif") as writer:
        writer.write(STACK[:4], photometric="minisblack", **options)
        writer.write(STACK[4:], photometric="minisblack", compression="zlib")
    check(tmp_path / "two.tif", STACK)


def test_hyperstacks_and_truncated_series_in_a_file(tmp_path: Path) -> None:
    hyper = values("f4", (2, 3, 4, *SIZE), "hyper")
    for truncate in (False, True):
        tifffile.imwrite(
            tmp_path / "a.tif", hyper, imagej=True, truncate=truncate, metadata={"axes": "TZCYX"}
        )
        check(tmp_path / "a.tif", hyper.reshape(-1, *SIZE))
    colour = values("u1", (5, *SIZE, 3), "colour")
    tifffile.imwrite(tmp_path / "rgb.tif", colour, imagej=True, truncate=True)
    check(tmp_path / "rgb.tif", colour)


def test_reductions_and_masks_are_left_out(tmp_path: Path) -> None:
    big = values("u1", SIZE, "big")
    for order in (1, -1):
        path = tmp_path / f"a{order}.tif"
        with tifffile.TiffWriter(path) as writer:
            for kind, page in [(0, big), (1, big[::2, ::2]), (4, big[::2] > 99)][::order]:
                writer.write(page, photometric="minisblack", subfiletype=kind, metadata=None)
        check(path, big)
    check(Path(f"{path}[1]"), big[::2, ::2].copy())
    with tifffile.TiffWriter(tmp_path / "sub.tif") as writer:
        writer.write(big, photometric="minisblack", subifds=1, tile=(16, 16))
        writer.write(big[::2, ::2], photometric="minisblack", subfiletype=1, tile=(16, 16))
    check(tmp_path / "sub.tif", big)


def test_pages_that_are_not_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pages = [STACK[0, ::2, ::2], STACK[0], STACK[1], STACK[2].astype("f4")]
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            writer.write(page, photometric="minisblack")
    said = "(0: 19 x 21 grey uint16, 1 to 2: 37 x 41 grey uint16, 3: 37 x 41 grey float32)"
    refused(path, said, "[0], reads one of them")
    with pytest.raises(gk.PictureError, match="are not alike"):
        open_source(path)
    for k, page in enumerate(pages):
        check(Path(f"{path}[{k}]"), np.ascontiguousarray(page))


def test_a_fourth_sample_without_any_tag_is_alpha(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    array = values("u1", (*SIZE, 4), "old")
    tifffile.imwrite(path, array, metadata=None, **LAYOUTS["rgba"].options)
    data = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        at = tiff.pages[0].tags[338].offset
    path.write_bytes(data[:at] + (65000).to_bytes(2, "little") + data[at + 2 :])
    check(path, array)


@pytest.mark.parametrize(
    ("photometric", "shape"), [("cielab", (*SIZE, 3)), ("cfa", SIZE), ("ycbcr", (*SIZE, 3))]
)
def test_values_that_are_no_colour_are_named(
    tmp_path: Path, photometric: str, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values("u1", shape, "x"), photometric=photometric, metadata=None)
    refused(path, f"is a {photometric.upper()} TIFF (NONE)", "saved as RGB would work")
    with pytest.raises(gk.PictureError, match="neither grey nor RGB"):
        open_source(path)


def test_a_compression_that_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags["Compression"].overwrite(12345)
    message = refused(path, "compression 12345", "without compression would work")
    assert "damaged" not in message
