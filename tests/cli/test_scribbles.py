"""Scribbles as people draw them: on which canvas, with which brush, in which format."""

from __future__ import annotations

import numpy as np
import pytest
from commands_for_tests import run
from gaborkit_cli.scribbles import MOST, read_scribbles
from PIL import Image, ImageDraw

import gaborkit as gk

RED, GREEN, BLUE = (220, 30, 30), (20, 160, 40), (30, 60, 200)
LINES = {RED: (20, 30, 100, 34), GREEN: (20, 80, 100, 90), BLUE: (120, 20, 126, 110)}
SHAPE = (120, 140)


def photograph():
    noise = np.random.default_rng(0).integers(-20, 20, (*SHAPE, 3))
    shade = np.linspace(40, 200, SHAPE[1])[:, None]
    return (shade + noise).clip(0, 255).astype(np.uint8)


CANVASES = {
    "black": np.zeros((*SHAPE, 3), np.uint8),
    "white": np.full((*SHAPE, 3), 255, np.uint8),
    "grey": np.full((*SHAPE, 3), 128, np.uint8),
    "photograph": photograph(),
}


def drawn(canvas, soft=False, colours=LINES):
    """Three bars; a soft brush mixes their outlines with the canvas."""
    size = (4 if soft else 1) * np.array(SHAPE[::-1])
    ink = Image.new("RGB", tuple(size))
    cover = Image.new("L", tuple(size))
    for colour, (left, top, right, bottom) in colours.items():
        box = tuple((size[0] // SHAPE[1]) * np.array([left, top, right, bottom]) + soft)
        ImageDraw.Draw(ink).rectangle(tuple(b + 4 * s for b, s in zip(box, (-1, -1, 1, 1))), colour)  # noqa: B905
        ImageDraw.Draw(cover).ellipse(box, 255)
    cover = cover.resize(SHAPE[::-1], Image.Resampling.BOX)
    ink = ink.resize(SHAPE[::-1], Image.Resampling.NEAREST)
    return Image.composite(ink, Image.fromarray(canvas), cover), np.asarray(cover)


def check(name, cover, image=None, outside=0, inside=0.999):
    """Every covered pixel has the number of its bar, no other one has any."""
    numbers, colours = read_scribbles(name, image)
    found = [tuple(colour) for colour in colours.tolist()]
    assert len(found) == 3
    for colour, (left, top, right, bottom) in LINES.items():
        nearest = min(found, key=lambda other: np.abs(np.subtract(other, colour)).max())
        assert np.abs(np.subtract(nearest, colour)).max() <= 12
        whole = cover[top : bottom + 1, left : right + 1] == 255
        part = numbers[top : bottom + 1, left : right + 1]
        assert np.mean(part[whole] == found.index(nearest) + 1) >= inside
    assert np.mean(numbers[cover == 0] > 0) <= outside
    return numbers


@pytest.mark.parametrize("soft", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("canvas", CANVASES)
def test_on_every_canvas(canvas, soft, empty_folder):
    picture, cover = drawn(CANVASES[canvas], soft)
    picture.save("drawn.png")
    check("drawn.png", cover, photograph())


@pytest.mark.parametrize("canvas", CANVASES)
def test_jpeg(canvas, empty_folder):
    picture, cover = drawn(CANVASES[canvas])
    picture.save("drawn.jpg", quality=85, subsampling=0)
    check("drawn.jpg", cover, photograph(), outside=0.03, inside=0.9)


@pytest.mark.parametrize("canvas", ["black", "white"])
def test_a_palette(canvas, empty_folder):
    picture, cover = drawn(CANVASES[canvas])
    paletted = picture.quantize(8)
    assert paletted.mode == "P"
    paletted.save("drawn.png")
    check("drawn.png", cover)


def test_a_transparent_layer_may_hold_black_and_soft_strokes(empty_folder):
    layer = np.full((4, 4, 4), 255, np.uint8)
    layer[..., 3] = 0
    layer[1, 1:3] = (0, 0, 200, 255)
    layer[2, 1] = (200, 0, 0, 255)
    layer[3, 1] = (0, 0, 0, 255)
    layer[3, 2] = (0, 0, 200, 90)
    gk.write_image("layer.png", layer)
    numbers, colours = read_scribbles("layer.png")
    assert numbers.tolist() == [[0] * 4, [0, 1, 1, 0], [0, 2, 0, 0], [0, 3, 0, 0]]
    assert colours.tolist() == [[0, 0, 200], [200, 0, 0], [0, 0, 0]]


def test_an_opaque_fourth_channel_is_no_layer(empty_folder):
    picture, cover = drawn(CANVASES["white"])
    picture.convert("RGBA").save("drawn.png")
    check("drawn.png", cover)


def test_black_strokes_on_white_and_white_ones_on_black(empty_folder):
    for ground, ink in ((255, 0), (0, 255)):
        drawing = np.full((30, 30, 3), ground, np.uint8)
        drawing[5:8, 3:20], drawing[15:18, 3:20] = ink, RED
        gk.write_image("drawn.png", drawing)
        numbers, colours = read_scribbles("drawn.png")
        assert colours.tolist() == [[ink] * 3, list(RED)]
        assert np.bincount(numbers.ravel()).tolist() == [798, 51, 51]


def test_strokes_may_be_more_than_the_black_canvas(empty_folder):
    drawing = np.zeros((30, 30, 3), np.uint8)
    drawing[:14], drawing[16:] = RED, BLUE
    gk.write_image("drawn.png", drawing)
    numbers, _ = read_scribbles("drawn.png")
    assert np.bincount(numbers.ravel()).tolist() == [60, 420, 420]


def test_shades_of_one_hue_are_several_strokes(empty_folder):
    drawing = np.zeros((30, 30, 3), np.uint8)
    drawing[5:8, 3:20], drawing[15:18, 3:20] = (250, 0, 0), (125, 0, 0)
    gk.write_image("drawn.png", drawing)
    assert read_scribbles("drawn.png")[1].tolist() == [[250, 0, 0], [125, 0, 0]]


def test_numbers(empty_folder):
    numbers = np.zeros((30, 30), np.uint8)
    numbers[5:8], numbers[20:22] = 7, 200
    gk.write_image("numbers.png", numbers)
    found, colours = read_scribbles("numbers.png")
    assert np.array_equal(found, numbers)
    assert colours is None
    gk.write_image("white.png", np.where(numbers, numbers, 255).astype(np.uint8))
    assert np.array_equal(read_scribbles("white.png")[0], numbers)
    gk.write_image("half.png", np.where(numbers == 7, 0, 255 - numbers))
    with pytest.raises(gk.PictureError, match="255 covers 83 % of the picture, and 0 is what says"):
        read_scribbles("half.png")


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        (np.full((40, 52), 0.5), r"float64 of shape \(40, 52\) is no picture of scribbles"),
        (np.full((40, 52, 3), 255, np.uint8), "0 colours are no scribbles; all of it is canvas"),
        (
            np.random.default_rng(0).integers(0, 256, (40, 52, 3), np.uint8),
            f"2080 colours are no scribbles; .*at most {MOST}, on the picture itself",
        ),
    ],
)
def test_what_is_no_drawing(drawing, message, empty_folder):
    gk.write_image("drawn.npy", drawing)
    with pytest.raises(gk.PictureError, match=message):
        read_scribbles("drawn.npy")


def test_the_command_knows_the_picture_under_the_strokes(empty_folder):
    picture, _ = drawn(photograph(), soft=True)
    gk.write_image("photo.png", photograph())
    picture.save("drawn.png")
    result = run("segment", "photo.png", "--scribbles", "drawn.png", "--out", "labels.npy")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("labels.npy: 3 textures (1: ")
