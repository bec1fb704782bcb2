"""TIFF: what peers write, compressed, tiled, in pages, and what no decoder holds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from pictures_for_tests import ORIENTED, RNG, assert_same, lzw_tiff, picture
from PIL import Image

from gaborkit.io.images import read_image, write_image


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4", "f8"])
def test_tiff_agrees_with_tifffile_and_opencv(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.tif"
    for channels in (0, 2, 3, 4):
        array = picture(dtype, channels)
        write_image(path, array)
        np.testing.assert_array_equal(tifffile.imread(path), array)
        # OpenCV reads no grey with alpha, and multiplies 8-bit colour by alpha.
        if channels != 2 and (dtype, channels) != ("u1", 4):
            peer = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            order = [2, 1, 0, 3][:channels]
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
        {"tile": (16, 16)},
        {"planarconfig": "separate"},
        {"rowsperstrip": 2},
    ],
    ids=str,
)
def test_tiff_variants(tmp_path: Path, options: dict[str, object]) -> None:
    array = picture("u2", 3, (20, 33))
    path = tmp_path / "a.tiff"
    stored = np.moveaxis(array, -1, 0) if "planarconfig" in options else array
    tifffile.imwrite(path, stored, photometric="rgb", **options)
    assert_same(read_image(path), array)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "F", "1", "P", "CMYK", "I"])
def test_tiff_written_by_pillow(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(picture("u1", 3, (16, 16)))
    source = Image.fromarray(picture("u2")) if mode == "I;16" else source.convert(mode)
    path = tmp_path / "a.tif"
    jpeg = ["jpeg"] if mode in ("L", "RGB", "CMYK") else []  # It holds 8 bits.
    for codec in [None, "tiff_lzw", "tiff_adobe_deflate", "packbits", *jpeg]:
        source.save(path, compression=codec)
        with Image.open(path) as peer:
            expanded = {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(mode)
            expected = np.asarray(peer.convert(expanded) if expanded else peer)
        assert_same(read_image(path), expected)


@pytest.mark.parametrize(
    ("dtype", "channels"),
    [
        *[("u1", 0), ("u1", 3), ("u1", 4), ("u2", 0), ("u2", 3), ("u2", 4), ("i2", 3), ("i4", 0)],
        *[("u4", 0), ("u4", 3), ("f4", 0), ("f4", 3), ("f4", 4), ("f8", 0), ("f8", 3)],
    ],
)
def test_lzw_tiff_keeps_every_bit(tmp_path: Path, dtype: str, channels: int) -> None:
    array = picture(dtype, channels)
    path = tmp_path / "a.tif"
    photometric = "rgb" if channels else "minisblack"
    extra = ["unassalpha"] if channels == 4 else None
    for orientation in (1, 3, 6):
        lzw_tiff(path, array, orientation, photometric=photometric, extrasamples=extra)
        assert_same(read_image(path), ORIENTED[orientation](array))


def test_lzw_pages(tmp_path: Path) -> None:
    pages = [Image.fromarray(picture("u1", 0, (8, 9))) for _ in range(3)]
    pages[0].save(
        tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw"
    )
    assert_same(read_image(tmp_path / "a.tif"), np.stack([np.asarray(page) for page in pages]))


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
