"""The monogenic signal by its mathematics, and phase symmetry beside phasepack."""

from __future__ import annotations

import re

import numpy as np
import pytest
from commands_for_tests import run
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.features import monogenic, phase_symmetry

RNG = np.random.default_rng(0)


@settings(max_examples=25, deadline=None)
@given(
    down=st.integers(-8, 8),
    right=st.integers(-8, 8),
    phase=st.floats(-3, 3),
    size=st.floats(0.1, 9),
)
def test_of_a_wave_amplitude_phase_and_orientation_are_its_own(down, right, phase, size):
    if (down, right) == (0, 0):
        return
    y, x = np.mgrid[:64, :80]
    wave = size * np.cos(2 * np.pi * (down * y / 64 + right * x / 80) + phase)
    frequency = np.hypot(down / 64, right / 80)
    signal = monogenic(wave, scales=1, wavelength=max(2.0, 1 / frequency), boundary="wrap")
    low_pass = 1 / (1 + (frequency / 0.4) ** 20)
    np.testing.assert_allclose(signal.amplitude, size * low_pass, atol=1e-8)
    local = 2 * np.pi * (down * y / 64 + right * x / 80) + phase
    np.testing.assert_allclose(np.cos(signal.phase[0]), np.cos(local), atol=1e-6)
    odd = np.hypot(signal.odd_x, signal.odd_y)[0] > 1e-3 * size
    theta = np.arctan2(down / 64, right / 80)
    apart = np.exp(2j * signal.orientation[0][odd]) - np.exp(2j * theta)
    np.testing.assert_allclose(apart, 0, atol=1e-6)


def test_lines_and_steps_by_their_phase():
    bright, step = np.zeros((2, 64, 64))
    bright[:, 32] = 1
    step[:, 32:] = 1
    for image, expected in ((bright, 0), (1 - bright, np.pi), (step, np.pi / 2)):
        phases = monogenic(image, scales=3, wavelength=6).phase[:, 32]
        # A step lies between two pixels.
        phase = phases[:, 32] if expected != np.pi / 2 else phases[:, 31:33].mean(1)
        np.testing.assert_allclose(phase, expected, atol=0.05)


def test_turning_the_picture_turns_the_signal():
    image = RNG.random((48, 48))
    one, turned = (monogenic(x, boundary="wrap") for x in (image, np.rot90(image)))
    np.testing.assert_allclose(turned.amplitude, np.rot90(one.amplitude, axes=(1, 2)), atol=1e-10)


@pytest.mark.parametrize("boundary", ["reflect", "mirror", "nearest", "constant"])
def test_boundaries_are_those_of_the_padded_picture(boundary):
    image = RNG.random((20, 24))
    words = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge"}
    padded = np.pad(image, 24, mode=words.get(boundary, boundary))
    signal = monogenic(image, scales=1, wavelength=8, boundary=boundary)
    expected = monogenic(padded, scales=1, wavelength=8, boundary="wrap").even[:, 24:-24, 24:-24]
    np.testing.assert_allclose(signal.even, expected, atol=1e-10)


@pytest.mark.parametrize(("polarity", "number"), [("both", 0), ("bright", 1), ("dark", -1)])
def test_phasepack_s_numbers_are_met(polarity, number):
    phasepack = pytest.importorskip("phasepack", reason="needs phasepack")
    image = gk.read_image("sample:coins")[60:160, 50:180].astype(float)
    symmetry, _, level = phasepack.phasesymmono(image, polarity=number)
    result = phase_symmetry(image, polarity=polarity, boundary="wrap")
    # It keeps odd parts at half a cycle per pixel, of which a real picture has none.
    np.testing.assert_allclose(result.symmetry, symmetry, atol=1e-3)
    assert result.noise == pytest.approx(level, rel=1e-4)


def test_contrast_does_not_count_and_a_constant_has_none():
    image = gk.read_image("sample:coins")[:80, :90].astype(float)
    one, other = (phase_symmetry(x).symmetry for x in (image, 0.01 * image + 3))
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert one.max() <= 1
    assert not phase_symmetry(np.full((40, 40), 5.0)).symmetry.any()


@pytest.mark.parametrize("size", [1e-30, 1e20, 1e37])
def test_no_size_of_float32_is_out_of_range(size):
    image = gk.read_image("sample:coins")[:80, :90].astype(np.float32) / 255
    one, other = phase_symmetry(image), phase_symmetry(image * np.float32(size))
    np.testing.assert_allclose(other.symmetry, one.symmetry, atol=1e-4)
    assert other.noise / size == pytest.approx(one.noise, rel=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: monogenic(np.eye(9), scales=0), gk.FeatureError, "scales=0 is no number of filt"),
        (lambda: monogenic(np.eye(9), wavelength=1), gk.FeatureError, "wavelength=1 is out of ra"),
        (lambda: monogenic(np.eye(9), a=1), gk.FeatureError, "a=1 is out of range; give above 1"),
        (lambda: monogenic(np.eye(9), spread=1), gk.FeatureError, "spread=1 is out of range"),
        (lambda: monogenic(np.eye(9), boundary="zero"), gk.FilterError, "zero"),
        (lambda: monogenic(np.zeros((3, 9, 9))), gk.ImageError, "is not (H, W); give channel_axis"),
        (lambda: phase_symmetry(np.eye(9), polarity="up"), gk.FeatureError, "polarity='up' is unk"),
        (lambda: monogenic(np.zeros((9, 0))), gk.ImageError, "shape (9, 0) has no pixels"),
        (lambda: phase_symmetry(np.full((9, 9), np.nan)), gk.ImageError, "81 of 81 pixels are NaN"),
        (lambda: phase_symmetry(np.eye(9), deviations=-1), gk.FeatureError, "deviations=-1 is no"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_the_command(folder):
    gk.write_image("coins.png", gk.read_image("sample:coins")[:60, :70])
    result = run("symmetry", "coins.png", "--polarity", "bright", "--out", "o.npz")
    assert (result.exit_code, result.stderr) == (0, "")
    expected = phase_symmetry(gk.read_image("coins.png"), polarity="bright")
    with np.load("o.npz") as stored:
        assert np.array_equal(stored["symmetry"], expected.symmetry)
    assert run("symmetry", "coins.png", "--out", "o.png").exit_code == 0
    result = run("symmetry", "coins.png", "--scales", 20, "--a", 99, "--out", "p.png")
    assert result.exit_code == 2
    assert "pixels, and coins.png has 70: give fewer" in result.stderr
