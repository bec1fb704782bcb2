"""Disparity and flow from phase: shifts, warps with truth, contrast; the commands."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from commands_for_tests import run
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import fourier_shift, gaussian_filter, map_coordinates

import gaborkit as gk
from gaborkit.vision import optical_flow, stereo_disparity
from gaborkit.vision.synthetic import sand

INNER = (slice(12, -12), slice(12, -12))


def shifted(image, down, right):
    return np.fft.ifftn(fourier_shift(np.fft.fftn(image), (down, right))).real


@settings(max_examples=8, deadline=None)
@given(down=st.floats(-9, 9), right=st.floats(-9, 9), seed=st.integers(0, 9))
def test_a_shift_is_found_to_a_twentieth_of_a_pixel(down, right, seed):
    image = sand((128, 128), seed)
    flow = optical_flow(image, 3 * shifted(image, down, right) + 1)
    for part, truth in ((flow.x, right), (flow.y, down)):
        assert np.median(np.abs(part[INNER] - truth)) < 0.05
    assert np.median(flow.confidence[INNER]) > 0.9


def warped(image, x, y):
    """The picture whose point (row + y, column + x) is that of (row, column), nearly."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(float)
    back = [rows, columns]
    for _ in range(10):  # the inverse of the displacement by fixed points
        there = [map_coordinates(part, back, order=1, mode="nearest") for part in (y, x)]
        back = [rows - there[0], columns - there[1]]
    return map_coordinates(image, back, order=3, mode="reflect")


def test_a_surface_in_depth():
    image = sand((160, 200), 1)
    y, x = np.mgrid[:160, :200]
    depth = -6 - 4 * np.sin(x / 30) * np.cos(y / 40)
    pair = stereo_disparity(image, warped(image, depth, 0 * depth), largest=16)
    assert np.median(np.abs(pair.x - depth)[INNER]) < 0.15
    assert not pair.y.any()


def test_turning_and_growing():
    image = sand((160, 160), 2)
    y, x = np.mgrid[:160, :160] - 80.0
    flow_x, flow_y = 0.04 * x - 0.05 * y, 0.05 * x + 0.04 * y
    flow = optical_flow(image, warped(image, flow_x, flow_y))
    error = np.hypot(flow.x - flow_x, flow.y - flow_y)[INNER]
    assert np.median(error) < 0.15
    assert np.quantile(error, 0.9) < 0.6


def test_what_does_not_move_and_what_has_nothing_in_common():
    image = sand((96, 96))
    still = optical_flow(image, image)
    assert np.abs(still.x).max() < 1e-3
    assert np.abs(still.y).max() < 1e-3
    other = optical_flow(image, sand((96, 96), 5))
    assert np.median(other.confidence) < np.median(still.confidence) - 0.2
    blank = optical_flow(np.zeros((32, 32)), np.zeros((32, 32)))
    assert not blank.x.any()
    assert not blank.confidence.any()


def test_noise_and_light_do_little():
    image = gaussian_filter(sand((128, 128), 3), 1)
    rng = np.random.default_rng(0)
    light = np.linspace(0.5, 2, 128)
    noisy = shifted(image, 2, -5) * light + 0.05 * image.std() * rng.standard_normal(image.shape)
    flow = optical_flow(image, noisy)
    assert np.median(np.hypot(flow.x + 5, flow.y - 2)[INNER]) < 0.2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: optical_flow(np.eye(20), np.eye(21)), gk.FeatureError, "differ in size"),
        (lambda: optical_flow(np.eye(9), np.eye(9)), gk.FeatureError, "9 x 9 pixels are too few"),
        (lambda: stereo_disparity(np.eye(20), np.eye(20), largest=0), gk.FeatureError, "largest=0"),
        (lambda: optical_flow(np.eye(20), np.eye(20), window=-1), gk.FeatureError, "window=-1 is"),
        (lambda: optical_flow(np.zeros((2, 20, 20)), np.eye(20)), gk.ImageError, "not (H, W)"),
        (lambda: optical_flow(np.full((20, 20), np.nan), np.eye(20)), gk.ImageError, "NaN"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_the_command(folder):
    image = sand((100, 110))
    image = np.rint(128 + 40 * image).clip(0, 255).astype(np.uint8)
    gk.write_image("a.png", image[5:85, 5:95])
    gk.write_image("b.png", image[8:88, 1:91])
    result = run("flow", "a.png", "b.png", "--out", "o.npz", "--largest", 8)
    assert (result.exit_code, result.stderr) == (0, "")
    flow = optical_flow(image[5:85, 5:95], image[8:88, 1:91], largest=8)
    with np.load("o.npz") as stored:
        for name in ("x", "y", "confidence"):
            assert np.array_equal(stored[name], getattr(flow, name))
    said = json.loads(run("flow", "a.png", "b.png", "--out", "o.png", "--json").stdout)
    assert said["x"] == pytest.approx(4, abs=0.1)
    assert said["y"] == pytest.approx(-3, abs=0.1)
    assert gk.read_image("o.png").shape == (80, 90, 3)
    gk.write_image("c.png", image[5:85, 12:102])
    assert run("flow", "a.png", "c.png", "--stereo", "--out", "d.png").exit_code == 0
    assert gk.read_image("d.png").shape == (80, 90)
    gk.write_image("e.png", image[:70, :80])
    result = run("flow", "a.png", "e.png", "--out", "f.png")
    assert result.exit_code == 1
    assert "differ in size" in result.stderr
