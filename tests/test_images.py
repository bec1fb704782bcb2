"""Reading and writing pictures: round trips, peers as oracles, and every way to fail."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.data
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from gaborkit.errors import GaborkitError, ImageError, KernelError, PictureError
from gaborkit.files import atomic_write, check_target, set_aside
from gaborkit.images import (
    FORMATS,
    MAX_PIXELS,
    luminance,
    read_image,
    sample_names,
    write_image,
)

RNG = np.random.default_rng(0)
CHANNEL_SHAPES = {0: (5, 7), 1: (5, 7, 1), 2: (5, 7, 2), 3: (5, 7, 3), 4: (5, 7, 4)}


def picture(dtype: object, channels: int = 0, size: tuple[int, int] = (5, 7)) -> np.ndarray:
    """Random values over the whole range of an integer dtype."""
    shape = size + ((channels,) if channels else ())
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        return RNG.random(shape) < 0.5
    if dtype.kind == "f":
        return RNG.normal(scale=1e3, size=shape).astype(dtype)
    if dtype.kind == "c":
        return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(dtype)
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, dtype, endpoint=True)


def squeezed(array: np.ndarray) -> np.ndarray:
    """What comes back: one channel is grey, a bool is 0 or 255."""
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return array * np.uint8(255) if array.dtype == np.bool_ else array


def assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == expected.dtype
    assert actual.flags.c_contiguous
    assert actual.flags.writeable
    assert actual.dtype.isnative
    np.testing.assert_array_equal(actual, expected)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_bytes(array: np.ndarray, colour_type: int, extra: bytes = b"", **header: int) -> bytes:
    """PNG written by hand: an encoder that shares no code with the one under test."""
    height, width = array.shape[:2]
    rows = array.astype(array.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    data = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    width, height = header.get("width", width), header.get("height", height)
    ihdr = struct.pack(">IIBBBBB", width, height, array.dtype.itemsize * 8, colour_type, 0, 0, 0)
    chunks = png_chunk(b"IHDR", ihdr) + extra + png_chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b"")


def lzw_tiff(path: Path, array: np.ndarray, orientation: int = 1, **options: object) -> None:
    """LZW-compressed TIFF of any dtype: tifffile alone cannot write or read one."""
    tag = (274, 3, 1, orientation, True)
    tifffile.imwrite(path, array, metadata=None, extratags=[tag], **options)
    codes = ""
    for index, byte in enumerate(array.tobytes()):
        # A clear code every 200 bytes keeps all codes at 9 bits.
        codes += ("100000000" if index % 200 == 0 else "") + f"{byte:09b}"
    codes += "100000001"
    codes += "0" * (-len(codes) % 8)
    data = int(codes, 2).to_bytes(len(codes) // 8, "big")
    end = path.stat().st_size
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tags = tiff.pages[0].tags
        tags["Compression"].overwrite(5)
        tags["StripOffsets"].overwrite(end)
        tags["StripByteCounts"].overwrite(len(data))
    with path.open("ab") as stream:
        stream.write(data)


def refused(name: Path | str, *words: str, **options: int) -> str:
    """Reading raises one line that names the file and holds the words; returns it."""
    with pytest.raises(PictureError) as caught:
        read_image(name, **options)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def read_or_message(path: Path) -> np.ndarray | str:
    """Read a damaged file: the array, or why not."""
    try:
        return read_image(path)
    except PictureError as problem:
        return str(problem)


def write_refused(path: Path | str, array: object, *words: str, metadata: object = None) -> None:
    """Writing raises one line, and leaves the folder as it was."""
    folder = Path(path).parent
    before = {p: p.read_bytes() for p in folder.glob("*") if p.is_file()} if folder.is_dir() else {}
    with pytest.raises(PictureError) as caught:
        write_image(path, array, metadata)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for word in words:
        assert word in message
    after = {p: p.read_bytes() for p in folder.glob("*") if p.is_file()} if folder.is_dir() else {}
    assert after == before


# Round trips


@pytest.mark.parametrize("channels", CHANNEL_SHAPES)
@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".png", "bool"), (".png", "u1"), (".png", "u2"), (".webp", "u1")]
    + [(".tif", dtype) for dtype in ("bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8")]
    + [(".tif", dtype) for dtype in ("f2", "f4", "f8")]
    + [(".npy", dtype) for dtype in ("bool", "u1", "i8", "f2", "f4", "f8", "c8", "c16")]
    + [(".npz", dtype) for dtype in ("bool", "u1", "i8", "f2", "f4", "f8", "c8", "c16")],
)
def test_lossless_round_trip(tmp_path: Path, suffix: str, dtype: str, channels: int) -> None:
    array = picture(dtype, channels)
    path = tmp_path / f"a{suffix}"
    if (suffix, dtype, channels) == (".png", "u2", 2):
        write_refused(path, array, "1 | 3 | 4)", "(5, 7, 2)", ".tif")
        return
    write_image(path, array)
    expected = array if suffix in (".npy", ".npz") else squeezed(array)
    if suffix == ".webp" and expected.ndim == 2:
        expected = np.stack([expected] * 3, axis=-1)
    elif suffix == ".webp" and expected.shape[2] == 2:
        expected = expected[..., [0, 0, 0, 1]]
    assert_same(read_image(path), expected)
    assert names_in(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG"])
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_jpeg_is_close(tmp_path: Path, suffix: str, channels: int) -> None:
    ramp = np.add.outer(np.arange(32), np.arange(40)).astype(np.uint8) * 2
    array = ramp if channels == 0 else np.stack([ramp] * channels, axis=-1)
    path = tmp_path / f"a{suffix}"
    write_image(path, array)
    back = read_image(path)
    assert back.dtype == np.uint8
    assert back.shape == squeezed(array).shape
    assert np.abs(back.astype(int) - squeezed(array)).max() <= 3


real = st.sampled_from(["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"])


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_tiff_comes_back(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=6))
    array = data.draw(hnp.arrays(data.draw(real), shape))
    path = tmp_path_factory.getbasetemp() / "any.tiff"
    write_image(path, array)
    expected = squeezed(array)
    if array.ndim == 3 and array.shape[2] > 4 and array.shape[0] == 1:
        expected = array[0]
    assert_same(read_image(path), expected)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_png_comes_back(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16]))
    size = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))
    channels = data.draw(st.sampled_from([(), (1,), (3,), (4,)]))
    array = data.draw(hnp.arrays(dtype, size + channels))
    path = tmp_path_factory.getbasetemp() / "any.png"
    write_image(path, array)
    assert_same(read_image(path), squeezed(array))


@pytest.mark.parametrize("shape", [(6, 5, 7), (2, 9, 5), (5, 5, 5)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "bool", "u2"])
def test_tiff_stack(tmp_path: Path, shape: tuple[int, ...], dtype: str) -> None:
    array = (RNG.random(shape) * 2).astype(dtype)
    path = tmp_path / "stack.tif"
    write_image(path, array)
    assert_same(read_image(path), squeezed(array))
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.pages) == shape[0]
    if dtype != "f8":
        with Image.open(path) as peer:
            assert peer.n_frames == shape[0]


def test_stack_of_one_page_comes_back_grey(tmp_path: Path) -> None:
    array = picture("f4")
    write_image(tmp_path / "a.tif", array[None])
    assert_same(read_image(tmp_path / "a.tif"), array)


def test_views_and_byte_orders_are_written(tmp_path: Path) -> None:
    base = picture("u2", 3, (8, 9))
    for index, view in enumerate([base[::2, ::-1], base.transpose(1, 0, 2), base.astype(">u2")]):
        for suffix in (".png", ".tif", ".npy", ".npz"):
            path = tmp_path / f"{index}{suffix}"
            write_image(path, view)
            assert_same(read_image(path), view.astype("u2"))


def test_responses_round_trip(tmp_path: Path) -> None:
    responses = picture("c8", 0, (6, 30)).reshape(6, 5, 6)
    write_image(tmp_path / "r.npz", responses, {"theta": np.linspace(0, 1, 6)})
    assert_same(read_image(tmp_path / "r.npz"), responses)
    with np.load(tmp_path / "r.npz") as entries:
        assert sorted(entries.files) == ["metadata", "responses"]
        assert json.loads(str(entries["metadata"]))["theta"] == np.linspace(0, 1, 6).tolist()


@pytest.mark.parametrize("name", ["картинка ü 画像.png", "a b.tif", "é.jpg", "ñ.webp", "日.npy"])
def test_unicode_paths(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "папка"
    folder.mkdir()
    array = picture("u1", 3)
    for path in (folder / name, str(folder / name)):
        write_image(path, array)
        assert read_image(path).shape == array.shape
    write_image(folder / "16 бит.png", array.astype("u2"))
    assert_same(read_image(os.fsencode(folder / "16 бит.png")), array.astype("u2"))  # type: ignore[arg-type]


# Peers as oracles


@pytest.mark.parametrize("channels", [0, 2, 3, 4])
def test_png_and_webp_agree_with_pillow_both_ways(tmp_path: Path, channels: int) -> None:
    array = picture("u1", channels)
    for suffix in (".png", ".webp"):
        path = tmp_path / f"a{suffix}"
        write_image(path, array)
        with Image.open(path) as peer:
            np.testing.assert_array_equal(read_image(path), np.asarray(peer))
        Image.fromarray(array).save(path, lossless=True)
        with Image.open(path) as peer:
            np.testing.assert_array_equal(read_image(path), np.asarray(peer))


@pytest.mark.parametrize("channels", [0, 3])
def test_jpeg_agrees_with_pillow(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture("u1", channels, (33, 47))).save(path, progressive=True)
    with Image.open(path) as peer:
        assert_same(read_image(path), np.asarray(peer))


@pytest.mark.parametrize(("channels", "colour_type"), [(0, 0), (2, 4), (3, 2), (4, 6)])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_png_by_hand(tmp_path: Path, dtype: str, channels: int, colour_type: int) -> None:
    array = picture(dtype, channels)
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(array, colour_type))
    assert_same(read_image(path), array)


def test_16_bit_colour_agrees_with_opencv(tmp_path: Path) -> None:
    for channels, order in ((3, [2, 1, 0]), (4, [2, 1, 0, 3])):
        array = picture("u2", channels)
        path = tmp_path / f"{channels}.png"
        write_image(path, array)
        peer = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(peer[..., order], array)


def test_16_bit_transparent_colour_is_not_a_channel(tmp_path: Path) -> None:
    array = picture("u2", 3)
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(array, 2, png_chunk(b"tRNS", struct.pack(">HHH", *array[0, 0]))))
    assert_same(read_image(path), array)


@pytest.mark.parametrize("channels", [0, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8"])
def test_tiff_agrees_with_tifffile_and_opencv(tmp_path: Path, dtype: str, channels: int) -> None:
    array = picture(dtype, channels)
    path = tmp_path / "a.tif"
    write_image(path, array)
    np.testing.assert_array_equal(tifffile.imread(path), array)
    # OpenCV reads no grey with alpha, and multiplies 8-bit colour by alpha.
    if channels != 2 and (dtype, channels) != ("u1", 4):
        peer = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        order = [2, 1, 0, 3][:channels] or Ellipsis
        np.testing.assert_array_equal(peer[..., order] if channels else peer, array)
    with tifffile.TiffFile(path) as tiff:
        assert (tiff.pages[0].photometric == tifffile.PHOTOMETRIC.RGB) == (channels > 2)


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"bigtiff": True},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"compression": "packbits"},
        {"tile": (16, 16)},
        {"planarconfig": "separate"},
        {"rowsperstrip": 2},
    ],
    ids=str,
)
def test_tiff_variants(tmp_path: Path, options: dict[str, object]) -> None:
    array = picture("u2", 3, (20, 33))
    path = tmp_path / "a.tiff"
    if options.get("compression") == "packbits":
        array = array.astype("u1")
    stored = np.moveaxis(array, -1, 0) if "planarconfig" in options else array
    try:
        tifffile.imwrite(path, stored, photometric="rgb", **options)
    except KeyError:
        pytest.skip("tifffile needs imagecodecs to write this")
    assert_same(read_image(path), array)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "F", "1", "P", "CMYK", "I"])
@pytest.mark.parametrize("codec", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_tiff_written_by_pillow(tmp_path: Path, mode: str, codec: str | None) -> None:
    if codec == "jpeg" and mode not in ("L", "RGB", "CMYK"):
        pytest.skip("JPEG holds 8 bits")
    source = Image.fromarray(picture("u1", 3, (16, 16)))
    source = Image.fromarray(picture("u2")) if mode == "I;16" else source.convert(mode)
    path = tmp_path / "a.tif"
    source.save(path, compression=codec)
    with Image.open(path) as peer:
        expanded = {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(mode)
        expected = np.asarray(peer.convert(expanded) if expanded else peer)
    assert_same(read_image(path), expected)


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize(
    ("dtype", "channels"),
    [
        *[("u1", 0), ("u1", 3), ("u1", 4), ("u2", 0), ("u2", 3), ("u2", 4), ("i2", 3), ("i4", 0)],
        *[("u4", 0), ("u4", 3), ("f4", 0), ("f4", 3), ("f4", 4), ("f8", 0), ("f8", 3)],
    ],
)
def test_lzw_tiff_keeps_every_bit(
    tmp_path: Path, dtype: str, channels: int, orientation: int
) -> None:
    array = picture(dtype, channels)
    path = tmp_path / "a.tif"
    photometric = "rgb" if channels else "minisblack"
    extra = ["unassalpha"] if channels == 4 else None
    lzw_tiff(path, array, orientation, photometric=photometric, extrasamples=extra)
    assert_same(read_image(path), ORIENTED[orientation](array))


def test_lzw_tiff_that_no_decoder_holds_is_refused(tmp_path: Path) -> None:
    if importlib.util.find_spec("imagecodecs"):
        pytest.skip("imagecodecs decodes it")
    path = tmp_path / "a.tif"
    lzw_tiff(
        path, picture("u2", 2), photometric="minisblack", planarconfig="contig", extrasamples=[2]
    )
    refused(path, "LZW", "uint16", "imagecodecs")


def test_lzw_pages(tmp_path: Path) -> None:
    pages = [Image.fromarray(picture("u1", 0, (8, 9))) for _ in range(3)]
    pages[0].save(
        tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw"
    )
    assert_same(read_image(tmp_path / "a.tif"), np.stack([np.asarray(page) for page in pages]))


def test_thumbnails_are_left_out(tmp_path: Path) -> None:
    array = picture("u1", 0, (16, 18))
    pages = [Image.fromarray(array), Image.fromarray(array[::2, ::2].copy())]
    for codec in (None, "tiff_lzw"):
        pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression=codec)
        assert_same(read_image(tmp_path / "a.tif"), array)


def test_pages_in_colour_and_hyperstacks(tmp_path: Path) -> None:
    colour = RNG.integers(0, 255, (4, 5, 7, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb")
    assert_same(read_image(tmp_path / "a.tif"), colour)
    hyper = RNG.random((2, 3, 5, 7)).astype("f4")
    tifffile.imwrite(tmp_path / "h.tif", hyper, imagej=True)
    assert_same(read_image(tmp_path / "h.tif"), hyper.reshape(6, 5, 7))


def test_ome_tiff_is_read_as_pages(tmp_path: Path) -> None:
    array = picture("u2", 0, (12, 7)).reshape(3, 4, 7)
    tifffile.imwrite(tmp_path / "a.ome.tif", array, metadata={"axes": "ZYX"})
    assert_same(read_image(tmp_path / "a.ome.tif"), array)


def test_min_is_white_is_turned_to_white_is_255(tmp_path: Path) -> None:
    array = picture("u1")
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite")
    assert_same(read_image(tmp_path / "a.tif"), 255 - array)


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("suffix", [".png"])
def test_palette_is_expanded(tmp_path: Path, suffix: str, transparent: bool) -> None:
    source = Image.fromarray(picture("u1", 3, (16, 16))).quantize(7)
    path = tmp_path / f"a{suffix}"
    source.save(path, **({"transparency": bytes(range(7))} if transparent else {}))
    expected = source.convert("RGB")
    array = read_image(path)
    np.testing.assert_array_equal(array[..., :3], np.asarray(expected))
    assert array.shape[2] == 3 + transparent
    if transparent:
        np.testing.assert_array_equal(array[..., 3], np.asarray(source))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_one_bit_is_expanded(tmp_path: Path, suffix: str) -> None:
    mask = picture("bool", 0, (9, 13))
    Image.fromarray(mask).save(tmp_path / f"a{suffix}")
    assert_same(read_image(tmp_path / f"a{suffix}"), mask * np.uint8(255))


def test_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture("u1", 3, (16, 16))).convert("CMYK").save(path)
    with Image.open(path) as peer:
        assert peer.mode == "CMYK"
        assert_same(read_image(path), np.asarray(peer.convert("RGB")))


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(picture("u1", 3, (8, 9))) for _ in range(2)]
    for suffix in (".png", ".webp"):
        path = tmp_path / f"a{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
        np.testing.assert_array_equal(read_image(path)[..., :3], np.asarray(frames[0]))


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    array = picture("u2", 3)
    write_image(tmp_path / "a.png", array)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert_same(read_image(tmp_path / "a.jpg"), array)


# Orientation


ORIENTED = {
    0: lambda a: a,
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a),
    9: lambda a: a,
}


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


@pytest.mark.parametrize("orientation", ORIENTED)
@pytest.mark.parametrize("channels", [0, 3])
def test_orientation(tmp_path: Path, orientation: int, channels: int) -> None:
    array = picture("u1", channels)
    expected = ORIENTED[orientation](array)
    for suffix in (".png", ".webp", ".jpg"):
        path = tmp_path / f"a{suffix}"
        Image.fromarray(array).save(path, exif=exif(orientation), lossless=True)
        with Image.open(path) as peer:
            stored = np.asarray(peer)
        assert_same(read_image(path), ORIENTED[orientation](stored))
        assert read_image(path).shape[:2] == expected.shape[:2]
    path = tmp_path / "a.tif"
    photometric = "rgb" if channels else "minisblack"
    tag = (274, 3, 1, orientation, True)
    tifffile.imwrite(path, array, photometric=photometric, metadata=None, extratags=[tag])
    assert_same(read_image(path), expected)


def test_orientation_agrees_with_pillow(tmp_path: Path) -> None:
    from PIL import ImageOps

    for orientation in range(1, 9):
        path = tmp_path / "a.png"
        Image.fromarray(picture("u1", 3)).save(path, exif=exif(orientation))
        with Image.open(path) as peer:
            np.testing.assert_array_equal(read_image(path), ImageOps.exif_transpose(peer))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_16_bit_colour_and_of_pages(tmp_path: Path, orientation: int) -> None:
    array = picture("u2", 3)
    block = png_chunk(b"eXIf", exif(orientation).removeprefix(b"Exif\0\0"))
    (tmp_path / "a.png").write_bytes(png_bytes(array, 2, block))
    assert_same(read_image(tmp_path / "a.png"), ORIENTED[orientation](array))
    pages = RNG.random((3, 5, 7)).astype("f4")
    tag = (274, 3, 1, orientation, False)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", extratags=[tag])
    expected = np.stack([ORIENTED[orientation](page) for page in pages])
    assert_same(read_image(tmp_path / "a.tif"), expected)


# Samples


def test_samples_agree_with_skimage() -> None:
    assert_same(read_image("sample:camera"), skimage.data.camera())
    assert_same(read_image("sample:brick"), skimage.data.brick())
    assert_same(read_image("sample:astronaut"), skimage.data.astronaut())


def test_every_sample_is_readable_and_inside_skimage() -> None:
    names = sample_names()
    assert {"camera", "brick", "grass", "gravel", "astronaut", "coins", "rocket"} <= set(names)
    assert list(names) == sorted(names)
    for name in names:
        assert read_image(f"sample:{name}").ndim in (2, 3)


def test_unknown_sample() -> None:
    refused("sample:camra", "no such sample", "camera")
    refused("sample:../data/camera", "no such sample")
    refused("sample:", "no such sample")


def test_samples_without_skimage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert sample_names() == ()
    refused("sample:camera", "scikit-image is not installed")


def test_nothing_heavy_is_imported_and_no_network_is_touched() -> None:
    code = """
import sys, socket
def forbidden(*args, **kwargs): raise AssertionError("network")
socket.socket = forbidden
import importlib.util, types
package = types.ModuleType("gaborkit")
package.__path__ = [sys.argv[1]]
sys.modules["gaborkit"] = package
import gaborkit.images as images
def loaded(): return {m.partition(".")[0] for m in sys.modules} & {
    "PIL", "cv2", "tifffile", "skimage", "torch", "matplotlib", "pooch"}
assert not loaded(), loaded()
images.sample_names()
images.luminance(images.np.zeros((2, 2, 3)))
assert not loaded(), loaded()
images.read_image("sample:camera")
assert loaded() == {"PIL"}, loaded()
"""
    spec = importlib.util.find_spec("gaborkit.images")
    assert spec is not None
    assert spec.origin is not None
    folder = str(Path(spec.origin).parent)
    subprocess.run([sys.executable, "-c", code, folder], check=True)


# Bad input


def encoded(suffix: str, tmp_path: Path) -> tuple[bytes, np.ndarray]:
    """A valid file of each kind, and what it holds."""
    array = picture("u2" if suffix == ".16.png" else "u1", 3, (12, 10))
    path = tmp_path / f"whole{suffix}"
    if suffix == ".lzw.tif":
        Image.fromarray(array).save(path, compression="tiff_lzw")
    elif suffix == ".pages.tif":
        array = picture("f4", 0, (12, 10)).reshape(3, 4, 10)
        write_image(path, array)
    else:
        write_image(path, array)
    return path.read_bytes(), read_image(path)


KINDS = [".png", ".16.png", ".jpg", ".webp", ".tif", ".lzw.tif", ".pages.tif", ".npy", ".npz"]


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_anywhere(tmp_path: Path, kind: str) -> None:
    whole, expected = encoded(kind, tmp_path)
    path = tmp_path / f"cut{Path(kind).suffix or kind}"
    complete = 0
    path.write_bytes(whole)
    for length in reversed(range(len(whole))):
        os.truncate(path, length)
        result = read_or_message(path)
        if isinstance(result, str):
            assert result.startswith(f"{path}: ")
            assert "\n" not in result
        else:
            # Only the end marker is missing: no pixel may differ.
            complete += 1
            np.testing.assert_array_equal(result, expected)
    assert complete < 40
    path.write_bytes(whole[: len(whole) // 2])
    refused(path)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_anywhere(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    whole, _ = encoded(kind, tmp_path)
    path = tmp_path / f"bad{Path(kind).suffix or kind}"
    rng = np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(whole)
        for at in rng.integers(0, min(len(whole), 400), rng.integers(1, 4)):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged)
        result = read_or_message(path)
        assert "\n" not in result if isinstance(result, str) else result.ndim >= 2
    assert not caplog.records
    if kind != ".lzw.tif":  # libtiff inside Pillow writes straight to the error stream.
        assert capfd.readouterr() == ("", "")


def test_missing_folder_empty_and_unknown(tmp_path: Path) -> None:
    refused(tmp_path / "no.png", "no such file")
    refused(tmp_path / "no" / "no.png", "no such file")
    refused(tmp_path / "nul\0.png", "no such file")
    refused(tmp_path, "is a folder")
    (tmp_path / "folder.png").mkdir()
    refused(tmp_path / "folder.png", "is a folder")
    for suffix in FORMATS:
        (tmp_path / f"empty{suffix}").touch()
        refused(tmp_path / f"empty{suffix}", "0 bytes")
        (tmp_path / f"text{suffix}").write_text("not a picture at all, just some text\n" * 9)
        refused(tmp_path / f"text{suffix}", "not a picture", "PNG, JPEG")
    for name in ("a.bmp", "a", "a.txt", ".png"):
        Image.fromarray(picture("u1")).save(tmp_path / name, format="BMP")
        refused(tmp_path / name, "unknown suffix", ".png")
    refused(tmp_path / ("x" * 300 + ".png"))


def test_file_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "a.png", "no such file")
    write_refused(tmp_path / "file" / "a.png", picture("u1"), "does not exist")


def test_pipe_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    refused(path, "not a regular file")
    with pytest.raises(PictureError, match="not a regular file"):
        write_image(path, picture("u1"))
    assert path.is_fifo()


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_image(path, picture("u1"))

    def denied(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    refused(path, "cannot be read (Permission denied)", "permissions")


def test_out_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npy"
    write_image(path, picture("u1"))

    def exhausted(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr(np.lib.format, "read_array", exhausted)
    refused(path, "does not fit in memory")


def webp_claiming(side: int, kind: bytes) -> bytes:
    size = (side - 1).to_bytes(3, "little")
    if kind == b"VP8X":
        body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + size + size
    elif kind == b"VP8L":
        packed = (side - 1) | (side - 1) << 14
        body = b"VP8L" + struct.pack("<I", 5) + b"\x2f" + struct.pack("<I", packed)
    else:
        frame = b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", side, side)
        body = b"VP8 " + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def jpeg_claiming(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture("u1", 0, (8, 8))).save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def npy_claiming(side: int, dtype: str = "|u1") -> bytes:
    buffer = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": (side, side)}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue() + bytes(100)


def npz_claiming(side: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", npy_claiming(side))
    return buffer.getvalue()


def tiff_claiming(side: int) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, picture("u1"), compression="zlib", metadata=None)
    buffer.seek(0)
    with tifffile.TiffFile(buffer, mode="r+b") as tiff:
        for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tiff.pages[0].tags[tag].overwrite(side)
    return buffer.getvalue()


BOMBS = {
    "a.png": lambda side: png_bytes(picture("u1"), 0, width=side, height=side),
    "b.png": lambda side: png_bytes(picture("u2", 3), 2, width=side, height=side),
    "a.jpg": jpeg_claiming,
    "x.webp": lambda side: webp_claiming(side, b"VP8X"),
    "l.webp": lambda side: webp_claiming(side, b"VP8L"),
    "v.webp": lambda side: webp_claiming(side, b"VP8 "),
    "a.npy": npy_claiming,
    "a.npz": npz_claiming,
    "a.tif": tiff_claiming,
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("side", [10_000, 16_000])
def test_bombs_are_refused_before_memory_is_taken(tmp_path: Path, name: str, side: int) -> None:
    import tracemalloc

    path = tmp_path / name
    path.write_bytes(BOMBS[name](side))
    assert path.stat().st_size < 2000
    tracemalloc.start()
    try:
        refused(path, f"declares {side * side} pixels", "max_pixels")
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_raised_limit_lets_the_decoder_judge(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(BOMBS["a.png"](16_000))
    message = refused(path, "damaged or truncated", max_pixels=16_000**2)
    assert "max_pixels" not in message


def test_limit_is_on_pixels_and_bytes(tmp_path: Path) -> None:
    flat = np.zeros((100, 100), np.uint8)
    write_image(tmp_path / "flat.png", flat)
    refused(tmp_path / "flat.png", "max_pixels=10000", max_pixels=9_999)
    assert_same(read_image(tmp_path / "flat.png", max_pixels=10_000), flat)
    # A file that holds its pixels is no bomb, whatever the limit.
    for suffix in (".tif", ".npy", ".npz"):
        write_image(tmp_path / f"flat{suffix}", flat)
        assert_same(read_image(tmp_path / f"flat{suffix}", max_pixels=1), flat)


def test_pictures_above_pillows_own_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PIXELS > Image.MAX_IMAGE_PIXELS
    array = picture("u1")
    for suffix in (".png", ".jpg", ".webp"):
        write_image(tmp_path / f"a{suffix}", array)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", array.size // 3)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(tmp_path / "a.png")
    for suffix in (".png", ".jpg"):
        assert read_image(tmp_path / f"a{suffix}").shape == array.shape
    webp = read_or_message(tmp_path / "a.webp")  # refused since Pillow 13
    assert "MAX_IMAGE_PIXELS" in webp if isinstance(webp, str) else webp.shape[:2] == array.shape


def test_arrays_that_are_no_pictures(tmp_path: Path) -> None:
    for name, array in {
        "vector": np.arange(5),
        "scalar": np.array(5),
        "empty": np.zeros((0, 5)),
        "text": np.array([["a", "b"]]),
        "dates": np.zeros((2, 2), "M8[s]"),
        "records": np.zeros((2, 2), [("x", "f4")]),
    }.items():
        np.save(tmp_path / f"{name}.npy", array)
        refused(tmp_path / f"{name}.npy", "not a picture", str(array.shape))


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    bait = np.array([[Path(tmp_path), {}]], dtype=object)
    np.save(tmp_path / "a.npy", bait, allow_pickle=True)
    refused(tmp_path / "a.npy", "pickled objects")
    np.savez(tmp_path / "a.npz", image=bait)
    refused(tmp_path / "a.npz", "pickled objects")


def test_npz_entries(tmp_path: Path) -> None:
    one, two = picture("f4"), picture("f8")
    path = tmp_path / "a.npz"
    np.savez(path, anything=one)
    assert_same(read_image(path), one)
    np.savez_compressed(path, x=one, image=two)
    assert_same(read_image(path), two)
    np.savez(path, image=one, responses=two, note=np.array("x"))
    assert_same(read_image(path), two)
    np.savez(path, x=one, y=two)
    refused(path, "holds x, y", "responses")
    np.savez(path)
    refused(path, "holds nothing")


def test_npy_versions_and_orders(tmp_path: Path) -> None:
    array = picture("f4", 3)
    for version in ((1, 0), (2, 0)):
        for stored in (array, np.asfortranarray(array), array.astype(">f4")):
            with (tmp_path / "a.npy").open("wb") as stream:
                np.lib.format.write_array(stream, stored, version=version)
            assert_same(read_image(tmp_path / "a.npy"), array)


def test_decoders_warnings_and_logs_stay_inside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture("u1")).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    level = logging.getLogger("tifffile").level
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        read_image(path)
        assert warnings.filters[0][0] == "always"
    assert not seen
    assert not caplog.records
    assert logging.getLogger("tifffile").level == level


def test_threads_leave_the_warning_filters_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    array = picture("u2", 3, (64, 64))
    write_image(path, array)
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        for back in pool.map(read_image, [path] * 64):
            np.testing.assert_array_equal(back, array)
    assert list(warnings.filters) == before


def test_opencv_failing_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_image(path, picture("u2", 3))
    monkeypatch.setattr(cv2, "imdecode", lambda *args: None)
    refused(path, "OpenCV cannot decode it")


# What the formats refuse to write


@pytest.mark.parametrize(
    ("suffix", "array", "words"),
    [
        (".png", np.zeros((4, 4), "f4"), ["PNG", "float32", ".tif", "scale"]),
        (".png", np.zeros((4, 4), "i8"), ["int64", "uint8"]),
        (".jpg", np.zeros((4, 4), "u2"), ["JPEG", "uint16"]),
        (".jpg", np.zeros((4, 4), "?"), ["JPEG", "bool"]),
        (".webp", np.zeros((4, 4), "f8"), ["WebP", "float64"]),
        (".jpeg", np.zeros((4, 4, 4), "u1"), ["1 | 3)", "(4, 4, 4)"]),
        (".jpeg", np.zeros((4, 4, 2), "u1"), ["(4, 4, 2)"]),
        (".png", np.zeros((6, 5, 7), "u1"), ["(6, 5, 7)", ".tif for pages"]),
        (".png", np.zeros(4, "u1"), ["(4,)"]),
        (".png", np.zeros((0, 4), "u1"), ["(0, 4)"]),
        (".tif", np.zeros((2, 2, 2, 2), "f4"), ["(2, 2, 2, 2)", ".npy"]),
        (".tif", np.zeros(4, "f4"), ["(4,)"]),
        (".tif", np.zeros((0, 4), "f4"), ["(0, 4)"]),
        (".png", np.zeros((4, 4), "c8"), ["complex64", ".npz", "magnitude"]),
        (".tif", np.zeros((4, 4), "c16"), ["complex128", ".npy", "phase"]),
        (".jpg", np.zeros((4, 4), "c16"), ["complex128"]),
        (".npy", np.zeros((4, 4), object), ["object"]),
        (".npz", np.array([["a"]]), ["<U1"]),
        (".png", "a string", ["<U8"]),
        (".bmp", np.zeros((4, 4), "u1"), ["unknown suffix '.bmp'", ".png"]),
        ("", np.zeros((4, 4), "u1"), ["unknown suffix"]),
    ],
)
def test_write_refuses(tmp_path: Path, suffix: str, array: object, words: list[str]) -> None:
    write_refused(tmp_path / f"a{suffix}", array, *words)


def test_wide_floats_go_to_npy_alone(tmp_path: Path) -> None:
    if np.dtype("longdouble").itemsize <= 8:
        pytest.skip("long double is double here")
    array = picture("f8").astype("longdouble")
    write_refused(tmp_path / "a.tif", array, str(array.dtype), "float64")
    write_image(tmp_path / "a.npy", array)
    assert_same(read_image(tmp_path / "a.npy"), array)


def test_encoder_limits_are_reported(tmp_path: Path) -> None:
    write_refused(tmp_path / "a.webp", np.zeros((1, 16_384), "u1"), "cannot be written as WebP")


# Where writing is refused


def test_missing_folder_is_not_created(tmp_path: Path) -> None:
    write_refused(tmp_path / "no" / "a.png", picture("u1"), "does not exist", "create it")
    write_refused(tmp_path / "no" / "a.png", picture("u1"), "does not exist", metadata={})
    assert not (tmp_path / "no").exists()


def test_folder_as_target(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    write_refused(tmp_path / "a.png", picture("u1"), "is a folder")


def test_read_only_target_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_image(path, picture("u1"))
    with monkeypatch.context() as patch:
        # By a patch and not by chmod alone: root may write anything.
        patch.setattr(os, "access", lambda *args: False)
        write_refused(path, picture("u1"), "read-only")

    def denied(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", "secret-temporary-name")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "touch", denied)
        write_refused(tmp_path / "b.png", picture("u1"), "cannot be written (Permission denied)")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_read_only_folder_for_real(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        write_refused(tmp_path / "b.png", picture("u1"), "Permission denied")
    finally:
        tmp_path.chmod(0o700)


def test_odd_names(tmp_path: Path) -> None:
    write_refused(f"{tmp_path}/nul\0.png", picture("u1"), "cannot be written")
    write_refused(tmp_path / ("x" * 300 + ".png"), picture("u1"), "name too long")
    longest = tmp_path / ("x" * 251 + ".png")
    write_image(longest, picture("u1"))
    assert longest.exists()
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    with pytest.raises(PictureError, match=r"loop\.png: .*give another file name"):
        write_image(loop, picture("u1"))


def test_link_survives_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "a.png", tmp_path / "link.png"
    write_image(target, picture("u1"))
    link.symlink_to(target)
    array = picture("u1")
    write_image(link, array)
    assert link.is_symlink()
    assert_same(read_image(target), array)


def test_mode_follows_the_umask_or_the_old_file(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_image(tmp_path / "a.png", picture("u1"))
    finally:
        os.umask(old)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640
    (tmp_path / "a.png").chmod(0o604)
    write_image(tmp_path / "a.png", picture("u1"))
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o604


# Atomicity


class BoomError(Exception):
    """What no code catches by name."""


def boom(*args: object, **kwargs: object) -> None:
    raise BoomError("in the\nmiddle")


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels", "target"),
    [
        (".png", "u1", 0, "PIL.Image.Image.save"),
        (".png", "u2", 3, "cv2.imencode"),
        (".jpg", "u1", 0, "PIL.Image.Image.save"),
        (".webp", "u1", 3, "PIL.Image.Image.save"),
        (".tif", "f4", 0, "tifffile.imwrite"),
        (".npy", "c8", 0, "numpy.save"),
        (".npz", "c8", 0, "numpy.savez"),
    ],
)
@pytest.mark.parametrize("metadata", [None, {"a": 2}])
def test_failing_encoder_leaves_the_old_pair(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    suffix: str,
    dtype: str,
    channels: int,
    target: str,
    metadata: dict[str, object] | None,
) -> None:
    path = tmp_path / f"a{suffix}"
    write_image(path, picture(dtype, channels), {"a": 1})
    monkeypatch.setattr(target, boom)
    write_refused(
        path, picture(dtype, channels), "cannot be written", "in the middle", metadata=metadata
    )
    write_refused(tmp_path / f"new{suffix}", picture(dtype, channels), metadata=metadata)


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_failing_system_call_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "a.png"
    write_image(path, picture("u1"))

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    write_refused(path, picture("u1"), "No space left on device")


def test_interrupt_leaves_the_old_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    write_image(path, picture("f4"), {"a": 1})
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}

    def interrupted(name: Path, *args: object, **kwargs: object) -> None:
        Path(name).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(tifffile, "imwrite", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_image(path, picture("f4"), {"a": 2})
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_writing_over_the_input(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    array = picture("u1")
    write_image(path, array)
    write_image(path, read_image(path)[::-1])
    assert_same(read_image(path), array[::-1])
    write_refused(path, read_image(path) / 2, "float64")


def test_atomic_write(tmp_path: Path) -> None:
    path = tmp_path / "note.TXT"
    with atomic_write(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".TXT"
        temporary.write_text("one")
        assert not path.exists()
    assert path.read_text() == "one"
    with pytest.raises(BoomError), atomic_write(path):
        boom()
    assert path.read_text() == "one"
    assert names_in(tmp_path) == ["note.TXT"]
    with pytest.raises(KernelError, match="does not exist"), atomic_write("no/a", KernelError):
        pass
    with pytest.raises(GaborkitError, match="is a folder"):
        check_target(tmp_path, GaborkitError)


def test_temporary_file_removed_by_the_block(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="No such file"), atomic_write(tmp_path / "a") as name:
        name.unlink()
    assert not names_in(tmp_path)


def test_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    with set_aside(path):
        pass
    path.write_text("old")
    with pytest.raises(BoomError), set_aside(path):
        boom()
    assert path.read_text() == "old"
    with set_aside(path):
        assert not path.exists()
    assert not names_in(tmp_path)
    path.write_text("old")

    def denied(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", denied)
    with pytest.raises(PictureError, match="cannot be replaced"), set_aside(path):
        pass


# Metadata


@pytest.mark.parametrize("suffix", [s for s in FORMATS if s != ".npz"])
def test_sidecar(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    metadata = {
        "theta": np.float32(0.5),
        "count": np.int64(3),
        "grid": np.arange(4).reshape(2, 2),
        "flag": np.True_,
        "source": Path("a") / "b.png",
        "note": "угол\n",
        "nested": {"a": [1, None, 2.5]},
    }
    write_image(path, picture("u1"), metadata)
    sidecar = tmp_path / f"out{suffix}.json"
    assert json.loads(sidecar.read_text(encoding="utf-8")) == {
        "theta": 0.5,
        "count": 3,
        "grid": [[0, 1], [2, 3]],
        "flag": True,
        "source": str(Path("a") / "b.png"),
        "note": "угол\n",
        "nested": {"a": [1, None, 2.5]},
    }
    assert names_in(tmp_path) == [path.name, sidecar.name]
    write_image(path, picture("u1"), {"a": 2})
    assert json.loads(sidecar.read_text()) == {"a": 2}
    write_image(path, picture("u1"))
    assert names_in(tmp_path) == [path.name]


def test_folder_in_place_of_a_sidecar(tmp_path: Path) -> None:
    (tmp_path / "a.png.json").mkdir()
    write_image(tmp_path / "a.png", picture("u1"))
    write_image(tmp_path / "a.png", picture("u1"))
    assert names_in(tmp_path) == ["a.png", "a.png.json"]
    write_refused(tmp_path / "a.png", picture("u1"), "a.png.json: is a folder", metadata={})


def test_json_without_its_picture_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "a.png.json").write_text("{}")
    write_image(tmp_path / "a.png", picture("u1"))
    assert (tmp_path / "a.png.json").exists()


@pytest.mark.parametrize(
    "metadata",
    [{"a": 1j}, {"a": np.nan}, {"a": object()}, {"a": np.complex64(1)}, {(1, 2): 3}, 5],
    ids=str,
)
@pytest.mark.parametrize("suffix", [".png", ".npz"])
def test_bad_metadata(tmp_path: Path, suffix: str, metadata: object) -> None:
    write_refused(tmp_path / f"a{suffix}", picture("u1"), "JSON", metadata=metadata)


def test_recursive_metadata(tmp_path: Path) -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    write_refused(tmp_path / "a.png", picture("u1"), "JSON", metadata=loop)


def test_a_crash_at_any_step_never_leaves_a_wrong_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Look at the folder before every rename and removal: what a crash there would leave."""
    path, sidecar = tmp_path / "a.npy", tmp_path / "a.npy.json"
    old, new = np.zeros((2, 2)), np.ones((2, 2))
    states = []

    def look() -> None:
        version = read_image(path)[0, 0]
        described = json.loads(sidecar.read_text())["version"] if sidecar.exists() else None
        states.append((version, described))

    write_image(path, old, {"version": 0})
    for name in ("replace", "unlink"):
        call = getattr(os, name)

        def watching(*args: object, call: object = call, **kwargs: object) -> None:
            look()
            call(*args, **kwargs)  # type: ignore[operator]
            look()

        monkeypatch.setattr(os, name, watching)
    write_image(path, new, {"version": 1})
    assert states[0] == (0, 0)
    assert states[-1] == (1, 1)
    assert set(states) == {(0, 0), (0, None), (1, None), (1, 1)}


def test_failing_rename_of_either_file_never_leaves_a_wrong_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, sidecar = tmp_path / "a.npy", tmp_path / "a.npy.json"
    replace = os.replace
    for target, picture_is in ((path, 0), (sidecar, 1)):
        monkeypatch.undo()
        write_image(path, np.zeros((2, 2)), {"version": 0})

        def failing(source: object, to: object, target: Path = target) -> None:
            # Putting the old description back must work even here.
            if Path(str(to)) == target and Path(str(source)).suffix == target.suffix:
                if target == sidecar and not path_is_new():
                    return replace(source, to)  # type: ignore[arg-type]
                raise OSError(5, "Input/output error")
            return replace(source, to)  # type: ignore[arg-type]

        def path_is_new() -> bool:
            return bool(read_image(path)[0, 0] == 1)

        monkeypatch.setattr(os, "replace", failing)
        with pytest.raises(PictureError, match="Input/output error"):
            write_image(path, np.ones((2, 2)), {"version": 1})
        assert read_image(path)[0, 0] == picture_is
        if sidecar.exists():
            assert json.loads(sidecar.read_text())["version"] == picture_is
        assert not list(tmp_path.glob(".gaborkit*"))


# Luminance


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_luminance_is_that_of_skimage(dtype: str) -> None:
    colour = RNG.random((9, 11, 3)).astype(dtype)
    expected = skimage.color.rgb2gray(colour)
    actual = luminance(colour)
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual, expected, rtol=8 * np.finfo(dtype).eps)
    for axis in (0, 1, 2, -3, -2, -1):
        moved = np.moveaxis(colour, -1, axis)
        np.testing.assert_array_equal(luminance(moved, channel_axis=axis), actual)


def test_luminance_never_rescales_and_ignores_alpha() -> None:
    for dtype, floating in [("u1", "f4"), ("u2", "f4"), ("i2", "f4"), ("i4", "f8"), ("?", "f4")]:
        colour = picture(dtype, 4)
        grey = luminance(colour)
        assert grey.dtype == floating
        expected = colour[..., :3].astype("f8") @ (0.2125, 0.7154, 0.0721)
        np.testing.assert_allclose(grey, expected, rtol=0, atol=np.abs(expected).max() * 1e-6)
        np.testing.assert_array_equal(grey, luminance(colour[..., :3]))
    for channels in (1, 2):
        array = picture("u2", channels)
        np.testing.assert_array_equal(luminance(array), array[..., 0])
        assert luminance(array).dtype == np.float32
    batch = RNG.random((2, 3, 5, 7))
    assert luminance(batch, channel_axis=1).shape == (2, 5, 7)


def test_luminance_leaves_its_input_alone() -> None:
    array = np.ones((3, 3, 1))
    luminance(array)[...] = 5
    assert (array == 1).all()


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((5, 7), -1), ((5, 7, 5), -1), ((5, 7, 0), -1), ((5, 7, 3), 3), ((5, 7, 3), -4), ((), 0)],
)
def test_luminance_refuses(shape: tuple[int, ...], axis: int) -> None:
    with pytest.raises(ImageError, match="channel_axis"):
        luminance(np.zeros(shape), channel_axis=axis)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_luminance_of_tensors(channels: int) -> None:
    torch = pytest.importorskip("torch")
    for dtype in ("u1", "u2", "i2", "f4", "f8"):
        array = picture(dtype, channels)
        tensor = luminance(torch.from_numpy(array))
        assert isinstance(tensor, torch.Tensor)
        assert tensor.is_floating_point()
        np.testing.assert_allclose(tensor.numpy(), luminance(array), rtol=1e-5, atol=1e-4)
    planes = torch.rand(2, channels, 5, 7, dtype=torch.float64, requires_grad=True)
    grey = luminance(planes, channel_axis=1)
    assert grey.shape == (2, 5, 7)
    assert grey.dtype == torch.float64
    grey.sum().backward()
    weights = [0.2125, 0.7154, 0.0721, 0.0] if channels > 2 else [1.0, 0.0]
    expected = torch.tensor(weights[:channels], dtype=torch.float64)
    torch.testing.assert_close(planes.grad[0, :, 0, 0], expected)
