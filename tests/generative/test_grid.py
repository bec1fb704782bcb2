"""Grids, strips and animations: every pixel where it belongs."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pictures_for_tests import names_in
from PIL import Image

from gaborkit.errors import ImageError, PictureError
from gaborkit.generative.montage import SEPARATOR, image_grid, strip, to_pixels, write_gif


def images(count=6, colours=1, height=4, width=5):
    """Each of one value, so that it can be found again; none has that of the separator."""
    values = torch.arange(count * colours) % 100 / 255
    return values.view(count, colours, 1, 1).expand(-1, -1, height, width)


@given(
    count=st.integers(1, 9),
    columns=st.integers(1, 11),
    gap=st.integers(0, 3),
    zoom=st.integers(1, 3),
    colours=st.sampled_from([1, 3]),
)
def test_geometry(count, columns, gap, zoom, colours):
    grid = image_grid(images(count, colours), columns, gap, zoom)
    rows = -(-count // columns)
    height, width = 4 * zoom + gap, 5 * zoom + gap
    wanted = (rows * height + gap, columns * width + gap)
    assert grid.dtype == np.uint8
    assert grid.shape == (wanted if colours == 1 else (*wanted, 3))
    rest = np.ones(wanted, bool)
    for k in range(count):
        top, left = gap + k // columns * height, gap + k % columns * width
        place = np.s_[top : top + 4 * zoom, left : left + 5 * zoom]
        expected = np.arange(k * colours, (k + 1) * colours)
        assert (grid[place].reshape(-1, colours) == expected).all()
        rest[place] = False
    assert (grid[rest] == SEPARATOR).all()


def test_a_grid_is_about_square():
    assert image_grid(images(16), gap=0).shape == (16, 20)
    assert image_grid(images(10), gap=0).shape == (12, 20)


def test_zoom_repeats_pixels():
    picture = torch.tensor([[0.0, 1.0], [0.5, 0.25]])[None, None]
    zoomed = image_grid(picture, gap=0, zoom=3)
    assert np.array_equal(zoomed, np.kron([[0, 255], [128, 64]], np.ones((3, 3))))


def test_values_are_rounded_and_clipped():
    values = torch.tensor([-1.0, 0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 7.0]).view(1, 1, 1, 6)
    assert to_pixels(values).tolist() == [[[0, 0, 0, 1, 255, 255]]]
    every = torch.arange(256).view(1, 1, 16, 16) / 255
    assert np.array_equal(to_pixels(every).ravel(), np.arange(256))
    assert to_pixels(torch.zeros(1, 1, 2, 2, requires_grad=True, dtype=torch.float64)).max() == 0


def test_words_stand_left_of_their_rows():
    plain = image_grid(images(6, height=12, width=12), columns=2)
    for colours in (1, 3):
        picture = images(6, colours, height=12, width=12)
        grid = image_grid(picture, columns=2, words=["0", "", "twelve"])
        margin = grid.shape[1] - plain.shape[1]
        assert np.array_equal(grid[:, margin:], image_grid(picture, columns=2))
        words = (grid[:, :margin] != SEPARATOR).reshape(len(plain), -1).any(1)
        rows = [words[2 + 14 * k : 14 + 14 * k].any() for k in range(3)]
        assert rows == [True, False, True]
    assert np.array_equal(image_grid(images(2), words=["", ""], columns=1)[:, 8:].shape, (14, 9))


def test_a_strip_is_one_row():
    assert np.array_equal(strip(images(7), gap=1, zoom=2), image_grid(images(7), 7, 1, 2))
    with pytest.raises(ImageError, match="is empty"):
        strip(images(0))


def frames_of(path):
    with Image.open(path) as picture:
        frames = []
        for k in range(picture.n_frames):
            picture.seek(k)
            frames.append((np.asarray(picture.convert("RGB")), picture.info["duration"]))
        return frames, picture.info


@pytest.mark.parametrize("colours", [1, 3])
def test_an_animation_keeps_its_frames(colours, tmp_path):
    pictures = images(4, colours)
    write_gif(tmp_path / "a.gif", pictures, seconds=0.07, zoom=2)
    frames, info = frames_of(tmp_path / "a.gif")
    assert info["loop"] == 0
    assert [duration for _, duration in frames] == [70] * 4
    for k, (frame, _) in enumerate(frames):
        wanted = image_grid(pictures[k : k + 1], gap=0, zoom=2)
        assert np.array_equal(frame, np.broadcast_to(wanted.reshape(8, 10, -1), (8, 10, 3)))


def test_an_animation_of_grids_forth_and_back(tmp_path):
    grids = [image_grid(images(4) + k / 10) for k in range(4)]
    write_gif(tmp_path / "a.GIF", grids, loop=False, bounce=True)
    frames, info = frames_of(tmp_path / "a.GIF")
    assert "loop" not in info
    order = [0, 1, 2, 3, 2, 1]
    for (frame, _), k in zip(frames, order, strict=True):
        assert np.array_equal(frame[..., 0], grids[k])
    write_gif(tmp_path / "one.gif", images(1), bounce=True)
    assert len(frames_of(tmp_path / "one.gif")[0]) == 1


def test_the_same_bytes_every_time_and_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.gif"
    contents = []
    for _ in range(2):
        write_gif(path, images(3))
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]

    def fail(self, target, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(PictureError, match=r"a\.gif: cannot be written \(No space left"):
        write_gif(path, images(2))
    assert path.read_bytes() == contents[0]
    assert names_in(tmp_path) == ["a.gif"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((1, 1, 2, 2)), "ndarray is no tensor; give floats (N, c, h, w)"),
        (torch.zeros(1, 2, 2), "a tensor (1, 2, 2) of torch.float32 holds no images"),
        (torch.zeros(1, 2, 2, 2), "a tensor (1, 2, 2, 2) of torch.float32 holds no images"),
        (torch.zeros(1, 1, 2, 2).byte(), "of torch.uint8 holds no images; give floats"),
        (torch.zeros(0, 1, 2, 2), "a tensor (0, 1, 2, 2) is empty"),
        (torch.full((1, 1, 2, 2), torch.nan), "the images hold NaN"),
    ],
)
def test_what_is_no_image(wrong, message):
    with pytest.raises(ImageError, match=re.escape(message)):
        image_grid(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": 0}, "columns=0, gap=2, zoom=1: columns and zoom are 1 or more"),
        ({"columns": 2, "gap": -1}, "gap=-1"),
        ({"zoom": 0}, "zoom=0"),
        ({"columns": 2, "words": ["a"]}, "1 words for 3 rows; give one for each row"),
        ({"columns": 6, "zoom": 2000}, "make 60012 x 8002 pixels, more than 30000 a side"),
    ],
)
def test_what_makes_no_grid(options, message):
    with pytest.raises(ImageError, match=message):
        image_grid(images(), **options)


def test_what_makes_no_animation(tmp_path):
    path, frame = tmp_path / "a.gif", np.zeros((4, 4), np.uint8)
    for frames in ([], [frame, frame[1:]], [frame.astype(float)]):
        with pytest.raises(ImageError, match="make no animation; give one or more uint8 arrays"):
            write_gif(path, frames)
    with pytest.raises(ImageError, match=r"a frame of shape \(4, 4, 2\) is not \(H, W\)"):
        write_gif(path, [np.zeros((4, 4, 2), np.uint8)])
    with pytest.raises(ImageError, match="zoom=0 is out of range"):
        write_gif(path, images(), zoom=0)
    for seconds in (0, -1, float("nan"), 1e9):
        with pytest.raises(PictureError, match=f"seconds={seconds!r} is out of range"):
            write_gif(path, images(), seconds=seconds)
    with pytest.raises(PictureError, match=r"a\.png: an animation is a GIF"):
        write_gif(tmp_path / "a.png", images())
    with pytest.raises(PictureError, match=r"the folder .* does not exist"):
        write_gif(tmp_path / "missing" / "a.gif", images())
    assert names_in(tmp_path) == []
