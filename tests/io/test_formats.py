"""BMP, GIF, netpbm, JPEG 2000 and AVIF: as Pillow reads them, but never rescaled."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pictures_for_tests import assert_same, picture, png_bytes, refused
from PIL import Image, features

from gaborkit.errors import PictureError
from gaborkit.io.images import read_image, write_image
from gaborkit.io.pictures import raster


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".jp2", ".j2k", ".avif"])
def test_what_pillow_writes_is_read_as_pillow_reads_it(
    tmp_path: Path, suffix: str, mode: str
) -> None:
    if suffix in (".jp2", ".j2k") and mode in ("1", "P"):
        pytest.skip("JPEG 2000 holds neither")
    path = tmp_path / f"a{suffix}"
    Image.fromarray(picture("u1", 3, (16, 21))).convert(mode).save(path)
    with Image.open(path) as peer:
        wanted = {"1": "L", "P": "RGBA" if "transparency" in peer.info else "RGB"}
        expected = np.asarray(peer.convert(wanted.get(peer.mode, peer.mode)))
    assert_same(read_image(path), expected)


def test_frames_of_a_gif(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    frames = [Image.fromarray(picture("u1", 0, (9, 8)) & 0xF0) for _ in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    found = read_image(path)
    assert found.shape == (4, 9, 8, 3)
    for frame, pixels in zip(frames, found, strict=True):
        np.testing.assert_array_equal(pixels, np.stack([np.asarray(frame)] * 3, -1))
    np.testing.assert_array_equal(read_image(f"{path}[2]"), found[2])


def test_frames_with_and_without_alpha() -> None:
    grey, colour = np.zeros((2, 2), np.uint8), np.ones((2, 2, 3), np.uint8)
    opaque = np.full((2, 2, 4), 9, np.uint8)
    one, two, three = raster._alike([grey, colour, opaque])
    assert one.shape == two.shape == three.shape == (2, 2, 4)
    assert (one[0, 0].tolist(), two[0, 0].tolist()) == ([0, 0, 0, 255], [1, 1, 1, 255])
    one, two = raster._alike([grey, colour])
    assert one.shape == two.shape == (2, 2, 3)
    assert raster._alike([grey, grey])[0] is grey


# Netpbm


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"P1\n# ink\n3 2\n0 1 0\n101\n", [[255, 0, 255], [0, 255, 0]]),
        (b"P4 3 2\n" + bytes([0b01000000, 0b10111111]), [[255, 0, 255], [0, 255, 0]]),
        (b"P2 3 1 15\n0 7 # seven\n 15", [[0, 7, 15]]),
        (b"P5 3 1 15\n" + bytes([0, 7, 15]), [[0, 7, 15]]),
        (b"P3 1 2 255 1 2 3 4 5 6", [[[1, 2, 3]], [[4, 5, 6]]]),
        (b"P6#a\n1 2\n255\n" + bytes([1, 2, 3, 4, 5, 35]), [[[1, 2, 3]], [[4, 5, 35]]]),
        (b"P5 2 1 255\n\1\2P5 2 1 255\n\3\4\n", [[[1, 2]], [[3, 4]]]),
    ],
)
def test_netpbm(tmp_path: Path, data: bytes, expected: list[object]) -> None:
    (tmp_path / "a.pnm").write_bytes(data)
    assert_same(read_image(tmp_path / "a.pnm"), np.array(expected, np.uint8))


@pytest.mark.parametrize("largest", [255, 300, 1023, 4095, 65535])
@pytest.mark.parametrize("channels", [0, 3])
def test_netpbm_is_not_stretched(tmp_path: Path, largest: int, channels: int) -> None:
    array = np.minimum(picture("u2", channels), largest)
    array.flat[0] = largest
    dtype = ">u2" if largest > 255 else "u1"
    head = f"P{6 if channels else 5}\n7 5\n{largest}\n".encode()
    (tmp_path / "a.pgm").write_bytes(head + array.astype(dtype).tobytes())
    assert_same(read_image(tmp_path / "a.pgm"), array.astype(np.dtype(dtype).newbyteorder("=")))
    text = f"P{3 if channels else 2}\n7 5\n{largest}\n" + " ".join(map(str, array.ravel()))
    (tmp_path / "b.pgm").write_text(text)
    np.testing.assert_array_equal(read_image(tmp_path / "b.pgm"), array)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"P5 2 2 255\n\1\2\3", "is truncated"),
        (b"P2 2 2 255\n1 2 3", "is truncated"),
        (b"P4 9 2\n\1\2\3", "is truncated"),
        (b"P5 2 2 255", "no complete header"),
        (b"P5 2 2 70000\n" + bytes(8), "values up to 70000"),
        (b"P5 0 2 255\n", "0 x 2 pixels"),
        (b"P2 1 1 9\n10", "up to 9, and one is larger"),
        (b"P2 2 1 9\n1.5 3", "'1.5' is none of its numbers"),
        (b"P2 2 1 9\n-1 3", "'-1' is none of its numbers"),
        (b"P2 2 1 9\n1 x 3", "'x' is none of its numbers"),
        (b"P1 2 1\n0 2", "'2' is none of its numbers"),
        (b"P5 1 1 255\n\1P5 2 1 255\n\1\2", "not alike"),
        (b"P5 20000 20000 255\n", "declares 400000000 pixels"),
    ],
)
def test_damaged_netpbm(tmp_path: Path, data: bytes, word: str) -> None:
    (tmp_path / "a.pgm").write_bytes(data)
    refused(tmp_path / "a.pgm", word)


# More than 8 bits, which Pillow reduces


@pytest.mark.parametrize("channels", [0, 3, 4])
def test_deep_jpeg_2000(tmp_path: Path, channels: int) -> None:
    array = picture("u2", channels, (16, 16)) & 0x0FFF
    data = imagecodecs.jpeg2k_encode(array, reversible=True, bitspersample=12)
    (tmp_path / "a.jp2").write_bytes(data)
    assert_same(read_image(tmp_path / "a.jp2"), array)


def test_deep_avif(tmp_path: Path) -> None:
    array = picture("u2", 3, (16, 16)) & 0x03FF
    data = imagecodecs.avif_encode(array, level=100, bitspersample=10, pixelformat="444")
    (tmp_path / "a.avif").write_bytes(data)
    assert_same(read_image(tmp_path / "a.avif"), imagecodecs.avif_decode(data))
    assert read_image(tmp_path / "a.avif").max() > 255


# Work and what is missing


def test_a_jpeg_of_thousands_of_scans(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture("u1", 0, (16, 16))).save(path, progressive=True)
    assert read_image(path).shape == (16, 16)
    data = path.read_bytes()
    at = data.rindex(b"\xff\xda")
    path.write_bytes(data[:at] + data[at:-2] * 5000 + data[-2:])
    refused(path, "is a JPEG of 500", "scans; up to 200 work")


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_frames_count_as_pixels(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    frames = [Image.fromarray(np.full((100, 100), k, np.uint8)).convert("RGB") for k in range(9)]
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    refused(path, "declares 90000 pixels", max_pixels=80_000)
    assert read_image(f"{path}[8]", max_pixels=10_000).shape[:2] == (100, 100)


@pytest.mark.parametrize(
    ("suffix", "feature"), [("webp", "webp"), ("jp2", "jpg_2000"), ("avif", "avif")]
)
def test_a_pillow_that_lacks_a_format_says_so(
    tmp_path: Path, suffix: str, feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture("u1", 3, (16, 16))).save(path)
    check = features.check
    monkeypatch.setattr(features, "check", lambda name: name != feature and check(name))
    refused(path, "which the installed Pillow cannot read", "pip install --upgrade pillow")


def test_a_pillow_without_avif_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.avif"
    Image.fromarray(picture("u1", 3, (16, 16))).save(path)

    def unknown(name: str) -> bool:
        raise ValueError(f"Unknown feature {name}")

    monkeypatch.setattr(features, "check", unknown)
    monkeypatch.setitem(sys.modules, "PIL.AvifImagePlugin", None)
    refused(path, "is a picture in AVIF, which the installed Pillow cannot read")


def test_stacks_of_stacks_go_into_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    grey = picture("f4", 0, (6 * 7, 9)).reshape(2, 3, 7, 9)
    write_image(path, grey)
    assert_same(read_image(path), grey.reshape(6, 7, 9))
    colour = picture("u2", 0, (6 * 7, 9 * 3)).reshape(2, 3, 7, 9, 3)
    write_image(path, colour)
    assert_same(read_image(path), colour.reshape(6, 7, 9, 3))


def test_what_is_no_path() -> None:
    for source in (None, 3, np.zeros((4, 4))):
        with pytest.raises(Exception, match="is no path; give that of a picture file"):
            read_image(source)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".bmp"])
def test_an_open_file_is_read_from_where_it_stands(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    values = picture("u1", 0, (6, 9))
    if suffix == ".bmp":
        Image.fromarray(values).save(path)
    else:
        write_image(path, values)
    with path.open("rb") as stream:
        assert_same(read_image(stream), values)
        assert not stream.closed
    behind = io.BytesIO(b"header" + path.read_bytes())
    behind.seek(6)
    assert_same(read_image(behind), values)


def test_open_files_that_are_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no picture")
    with pytest.raises(PictureError, match="BytesIO: is not a picture that gaborkit reads"):
        read_image(io.BytesIO(b"no picture"))
    with (
        (tmp_path / "a.txt").open() as stream,
        pytest.raises(PictureError, match=r"a\.txt: gives str, not bytes; open it with mode 'rb'"),
    ):
        read_image(stream)  # type: ignore[arg-type]
    tiny = png_bytes(picture("u1", 0, (6, 9)), 0, width=90000, height=90000)
    with pytest.raises(PictureError, match="BytesIO: declares 8100000000 pixels in"):
        read_image(io.BytesIO(tiny))
