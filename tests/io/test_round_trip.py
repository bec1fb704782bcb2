"""Pictures come back as they were written, and peers read and write the same ones."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pictures_for_tests import (
    RNG,
    assert_same,
    names_in,
    picture,
    png_bytes,
    png_chunk,
    squeezed,
)
from PIL import Image

from gaborkit.io.images import read_image, write_image


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".png", "bool"), (".png", "u1"), (".png", "u2"), (".webp", "u1")]
    + [(".tif", dtype) for dtype in ("bool", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8")]
    + [(".tif", dtype) for dtype in ("f2", "f4", "f8")]
    + [(".npy", dtype) for dtype in ("bool", "u1", "i8", "f2", "f4", "f8", "c8", "c16")]
    + [(".npz", dtype) for dtype in ("bool", "u1", "i8", "f2", "f4", "f8", "c8", "c16")],
)
def test_lossless_round_trip(tmp_path: Path, suffix: str, dtype: str) -> None:
    path = tmp_path / f"a{suffix}"
    for channels in range(5):
        array = picture(dtype, channels)
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


@settings(max_examples=30)
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


@settings(max_examples=30)
@given(data=st.data())
def test_any_png_comes_back(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16]))
    size = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))
    channels = data.draw(st.sampled_from([(), (1,), (3,), (4,)]))
    array = data.draw(hnp.arrays(dtype, size + channels))
    path = tmp_path_factory.getbasetemp() / "any.png"
    write_image(path, array)
    assert_same(read_image(path), squeezed(array))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((6, 5, 7), "f4"), ((2, 9, 5), "f8"), ((5, 5, 5), "bool"), ((6, 5, 7), "u2")],
)
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
