"""Palettes, CMYK, animations and orientations are read as an upright grey or RGB picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from pictures_for_tests import (
    ORIENTED,
    RNG,
    assert_same,
    exif,
    picture,
    png_bytes,
    png_chunk,
    refused,
)
from PIL import Image, ImageOps

from gaborkit.io.images import read_image, write_image


@pytest.mark.parametrize("transparent", [False, True])
def test_palette_is_expanded(tmp_path: Path, transparent: bool) -> None:
    source = Image.fromarray(picture("u1", 3, (16, 16))).quantize(7)
    path = tmp_path / "a.png"
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


def test_frames_of_an_animation_are_pages(tmp_path: Path) -> None:
    frames = [Image.fromarray(picture("u1", 3, (8, 9))) for _ in range(3)]
    for suffix in (".png", ".webp"):
        path = tmp_path / f"a{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
        found = read_image(path)
        assert found.shape[:3] == (3, 8, 9)
        for k, frame in enumerate(frames):
            np.testing.assert_array_equal(found[k, ..., :3], np.asarray(frame))
            assert_same(read_image(f"{path}[{k}]"), found[k])
        refused(f"{path}[3]", "has 3 frames", "0 to 2")
    refused(f"{tmp_path / 'no.png'}[0]", "no such file")
    write_image(tmp_path / "a.npy", picture("u1"))
    refused(f"{tmp_path / 'a.npy'}[0]", "has no pages")
    write_image(tmp_path / "b[2].png", picture("u1"))  # a name that only looks like it
    (tmp_path / "b[2].png").rename(tmp_path / "b.png[2]")
    refused(tmp_path / "b.png[2]", "unknown suffix")


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    array = picture("u2", 3)
    write_image(tmp_path / "a.png", array)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert_same(read_image(tmp_path / "a.jpg"), array)


# Orientation


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
