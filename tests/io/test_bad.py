"""Reading what cannot be read: damaged, hostile, missing, or no picture."""

from __future__ import annotations

import io
import logging
import os
import struct
import tracemalloc
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from pictures_for_tests import (
    assert_same,
    picture,
    png_bytes,
    read_or_message,
    refused,
    write_refused,
)
from PIL import Image

from gaborkit.errors import PictureError
from gaborkit.io.images import (
    MAX_PIXELS,
    WRITTEN,
    read_image,
    write_image,
)
from gaborkit.io.pictures.formats import FORMATS


def encoded(suffix: str, tmp_path: Path) -> tuple[bytes, np.ndarray]:
    """A valid file of each kind, and what it holds."""
    array = picture("u2" if suffix == ".16.png" else "u1", 3, (12, 10))
    path = tmp_path / f"whole{suffix}"
    if suffix == ".lzw.tif":
        Image.fromarray(array).save(path, compression="tiff_lzw")
    elif suffix == ".pages.tif":
        array = picture("f4", 0, (12, 10)).reshape(3, 4, 10)
        write_image(path, array)
    elif suffix == ".frames.gif":
        frames = [Image.fromarray(picture("u1", 3, (12, 10))) for _ in range(3)]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    elif suffix == ".plain.ppm":
        path.write_bytes(b"P3 3 2 255\n" + b" 17 200 3" * 6 + b"\n")
    elif suffix in (".pgm", ".pbm"):
        Image.fromarray(array[..., 0]).convert("L" if suffix == ".pgm" else "1").save(path)
    elif suffix not in WRITTEN and suffix != ".16.png":
        Image.fromarray(array).save(path)
    else:
        write_image(path, array)
    return path.read_bytes(), read_image(path)


KINDS = [".png", ".16.png", ".jpg", ".webp", ".tif", ".lzw.tif", ".pages.tif", ".npy", ".npz"]
KINDS += [".bmp", ".gif", ".frames.gif", ".ppm", ".pgm", ".pbm", ".plain.ppm", ".jp2", ".avif"]


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
    assert capfd.readouterr() == ("", "")  # of the libraries in C too


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
    for name in ("a.pict", "a", "a.txt", ".png"):
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


def test_the_second_decoder_failing_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    write_image(path, picture("u2", 3))

    def fail(*args: object) -> None:
        raise imagecodecs.PngError("png_decode", "libpng error: bad adaptive filter value")

    monkeypatch.setattr(imagecodecs, "png_decode", fail)
    refused(path, "damaged or truncated", "bad adaptive filter value")
