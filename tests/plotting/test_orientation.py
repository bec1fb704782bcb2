"""Orientation as hue."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from figures_for_tests import PICTURE, assert_texts_inside_and_apart, shown

import gaborkit as gk
from gaborkit.plotting import orientation_colours, orientation_wheel, plot_orientation

rng = np.random.default_rng(0)
CIRCLE = np.linspace(0, np.pi, 181)


def lightness(colours):
    """CIE L* of sRGB, by scikit-image."""
    from skimage.color import rgb2lab

    return rgb2lab(colours[None])[0, :, 0]


def test_an_orientation_has_one_colour_and_others_have_others():
    one, other = (orientation_colours(CIRCLE + turn).astype(int) for turn in (0, np.pi))
    assert abs(one - other).max() <= 1
    steps = np.linalg.norm(np.diff(one, axis=0), axis=1)
    assert 1 < steps.min() < steps.max() < 9  # nowhere a jump, nowhere a rest
    assert (one[0] == one[-1]).all()


def test_all_hues_are_equally_light_and_strength_dims_them():
    light = lightness(orientation_colours(CIRCLE))
    assert np.ptp(light) < 5
    strengths = np.linspace(0.1, 1, 20)
    for angle in (0.0, 1.0, 2.0):
        assert (np.diff(lightness(orientation_colours(np.full(20, angle), strengths))) > 0).all()
    assert not orientation_colours(CIRCLE, 0 * CIRCLE).any()


def test_strength_is_clipped_and_tensors_are_taken():
    expected = orientation_colours(CIRCLE, np.ones(181))
    assert np.array_equal(orientation_colours(CIRCLE, np.full(181, 7.0)), expected)
    tensors = (torch.tensor(CIRCLE, requires_grad=True), torch.ones(181))
    assert np.array_equal(orientation_colours(*tensors), expected)


def test_the_wheel_shows_each_direction_where_it_points():
    wheel = orientation_wheel(201)
    for degrees in (0, 30, 90, 150, 210, 300):
        turn = np.deg2rad(degrees)
        y, x = np.round(100 + 90 * np.array([np.sin(turn), np.cos(turn)])).astype(int)
        expected = orientation_colours(np.array(turn), np.array(0.9))
        assert abs(wheel[y, x, :3].astype(int) - expected).max() <= 6
    assert wheel[100, 100, :3].max() == 0
    assert wheel[0, 0, 3] == 0


@pytest.mark.parametrize("strength", [None, rng.random(PICTURE.shape)])
def test_the_figure(strength, monkeypatch):
    angle = rng.uniform(0, np.pi, PICTURE.shape)
    figure = plot_orientation(PICTURE, angle, strength)
    assert np.array_equal(shown(figure.axes[0]), PICTURE)
    assert np.array_equal(shown(figure.axes[1]), orientation_colours(angle, strength))
    words = assert_texts_inside_and_apart(figure, monkeypatch)
    assert ("brightness: confidence" in words) == (strength is not None)
    assert {"theta", "0°", "135°"} <= words


@pytest.mark.parametrize("shape", [(20, 300), (300, 20), (1200, 1100)])
def test_all_shapes(shape, monkeypatch):
    figure = plot_orientation(np.zeros(shape), np.zeros(shape))
    assert_texts_inside_and_apart(figure, monkeypatch)
    assert max(shown(figure.axes[1]).shape[:2]) <= 1024


def test_a_colour_picture():
    figure = plot_orientation(np.zeros((5, 6, 3), np.uint8), np.zeros((5, 6)))
    assert shown(figure.axes[0]).shape == (5, 6, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: orientation_colours(np.zeros(3), np.zeros(2)), r"strength of shape \(2,\)"),
        (lambda: orientation_colours(np.array([np.nan])), "hold NaN"),
        (lambda: orientation_colours(np.zeros(1), np.array([np.inf])), "hold NaN or infinity"),
        (lambda: plot_orientation(np.zeros((4, 5)), np.zeros((2, 4, 5))), r"are not \(H, W\)"),
        (lambda: plot_orientation(np.zeros((4, 4)), np.zeros((4, 5))), "does not fit"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(gk.ImageError, match=message):
        call()
