"""Gabor stimuli by their formula, and cells: phases, energy, normalisation; the command."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from commands_for_tests import description, run
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.vision import cell_responses, gabor_stimulus, pixels_per_degree

BANK = gk.GaborBank.grid(2, 4, wavelength=6)


# ---- stimuli ----


@settings(max_examples=30, deadline=None)
@given(
    size=st.floats(0.5, 3),
    pixels=st.floats(10, 40),
    frequency=st.floats(0, 5),
    theta=st.floats(-4, 4),
    phase=st.floats(-4, 4),
    contrast=st.floats(0, 1),
    mean=st.floats(0, 1),
)
def test_a_still_is_the_formula(size, pixels, frequency, theta, phase, contrast, mean):
    image = gabor_stimulus(
        size, pixels=pixels, frequency=frequency, theta=theta, phase=phase, contrast=contrast,
        mean=mean, sigma=0.4,
    )  # fmt: skip
    side = round(size * pixels)
    assert image.shape == (side, side)
    assert image.dtype == np.float32
    for y, x in ((side // 2, side // 2), (0, side - 1), (side // 3, side // 4)):
        down, right = (y - side // 2) / pixels, (x - side // 2) / pixels
        wave = math.cos(
            2 * math.pi * frequency * (right * math.cos(theta) + down * math.sin(theta)) + phase
        )
        shape = math.exp(-(down**2 + right**2) / (2 * 0.4**2))
        assert image[y, x] == pytest.approx(mean * (1 + contrast * shape * wave), abs=1e-5)


def test_michelson_s_contrast_is_that_of_the_grating():
    image = gabor_stimulus(2, frequency=2, contrast=0.3, window="none").astype(float)
    assert (image.max() - image.min()) / (image.max() + image.min()) == pytest.approx(0.3, abs=1e-3)


def test_the_raised_cosine_is_flat_in_the_middle_and_nothing_at_the_border():
    image = gabor_stimulus(2, frequency=0, window="raised-cosine", mean=0.5)  # the window alone
    y, x = (np.mgrid[:80, :80] - 40) / 40
    radius = np.hypot(x, y)
    np.testing.assert_allclose(image[radius <= 0.5], 1, atol=1e-6)
    np.testing.assert_allclose(image[radius >= 1], 0.5, atol=1e-6)
    assert image[40, 40 + 30] == pytest.approx(0.75, abs=1e-6)


def test_a_drifting_grating_moves_towards_theta_and_is_back_after_a_period():
    movie = gabor_stimulus(2, frequency=2, drift=5, duration=0.5, window="none")
    assert movie.shape == (30, 80, 80)
    np.testing.assert_allclose(movie[12], movie[0], atol=1e-5)  # a fifth of a second
    # A quarter of a period moves it a quarter of a cycle, 5 of 40 / 2 pixels.
    np.testing.assert_allclose(movie[3][:, 5:], movie[0][:, :-5], atol=1e-5)


def test_degrees_on_a_screen():
    assert pixels_per_degree(57.2958, 50, 50) == pytest.approx(1, abs=1e-4)
    assert pixels_per_degree(100, 40, 1000) == pytest.approx(2 * pixels_per_degree(50, 40, 1000))


# ---- cells ----


def test_simple_cells_are_halves_and_complex_cells_their_energy():
    image = np.random.default_rng(0).random((40, 44))
    cells = cell_responses(image, BANK, semisaturation=None)
    responses = BANK.filter(image)
    assert cells.simple.shape == (8, 4, 40, 44)
    for k, part in enumerate((responses.real, responses.imag, -responses.real, -responses.imag)):
        np.testing.assert_allclose(cells.simple[:, k], np.maximum(part, 0) ** 2, atol=1e-12)
    np.testing.assert_allclose(cells.complex, np.abs(responses) ** 2, atol=1e-12)


def test_complex_cells_do_not_see_phase_and_simple_cells_do():
    middle = [
        cell_responses(gabor_stimulus(2, frequency=5, phase=p) / 0.5 - 1, BANK) for p in (0, 2, 4)
    ]
    energies = [cells.complex[:, 40, 40].max() for cells in middle]
    assert np.ptp(energies) < 0.02 * energies[0]
    assert np.ptp([cells.simple[:, 0, 40, 40].max() for cells in middle]) > 0.5 * energies[0]


def test_normalisation_saturates_with_contrast_and_keeps_the_preference():
    answers = [
        cell_responses(gabor_stimulus(2, frequency=5, contrast=c, theta=0.8) / 0.5 - 1, BANK)
        for c in (0.05, 0.1, 0.5, 1)
    ]
    best = [cells.complex[:, 40, 40] for cells in answers]
    assert len({int(b.argmax()) for b in best}) == 1
    heights = [b.max() for b in best]
    assert heights[1] / heights[0] > 1.5  # nearly as energy grows
    assert heights[3] / heights[2] < 1.4  # where energy grows fourfold
    assert all(cells.complex.sum(0).max() < 4 for cells in answers)


def test_a_mask_at_right_angles_suppresses():
    cells = [
        cell_responses(
            gabor_stimulus(2, frequency=5, contrast=0.3) / 0.5
            + contrast * (gabor_stimulus(2, frequency=5, theta=np.pi / 2) / 0.5 - 1)
            - 1,
            BANK,
        ).complex[0, 40, 40]
        for contrast in (0, 0.6)
    ]
    assert cells[1] < 0.6 * cells[0]


def test_normalisation_by_its_formula():
    from scipy.ndimage import gaussian_filter

    image = np.random.default_rng(1).random((36, 36))
    plain = cell_responses(image, BANK, semisaturation=None)
    widest = max(1 / kernel.frequency for kernel in BANK)
    for pool in (0, 1.5):
        total = plain.complex.sum(0)
        total = gaussian_filter(total, pool * widest) if pool else total
        cells = cell_responses(image, BANK, semisaturation=0.2, pool=pool)
        np.testing.assert_allclose(cells.simple, plain.simple / (0.04 + total), rtol=1e-9)


@pytest.mark.parametrize("factor", [1e-40, 1e-27, 1e18, 1e37])
def test_normalised_cells_do_not_depend_on_the_unit(factor):
    image = gabor_stimulus(2, frequency=5) / 0.5 - 1
    expected = cell_responses(image, BANK, semisaturation=0.2)
    found = cell_responses((factor * image).astype(np.float32), BANK, semisaturation=0.2 * factor)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        # Numbers of 1e-40 have few digits.
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * other.max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("semisaturation", [1e-149, 0.2, 1e149])
@pytest.mark.parametrize("size", [1e-310, 1e-40, 1.0, 1e38, 1e300])
def test_any_semisaturation_of_any_picture_has_numbers(size, semisaturation, dtype):
    image = np.zeros((40, 40), dtype)
    image[:4, :4] = min(size, float(np.finfo(dtype).max))
    for pool in (0, 1):
        cells = cell_responses(image, BANK, semisaturation=semisaturation, pool=pool)
        assert all(np.isfinite(values).all() for values in cells)


def test_the_widest_pool_is_the_whole_picture():
    image = np.random.default_rng(0).random((24, 30))
    cells, plain = (cell_responses(image, BANK, pool=1e6, semisaturation=s) for s in (0.2, None))
    total = plain.complex.sum(0).mean()
    np.testing.assert_allclose(cells.complex, plain.complex / (0.04 + total), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gabor_stimulus(0), "size=0 is out of range; give a number above 0"),
        (lambda: gabor_stimulus(contrast=2), "contrast=2 is out of range; give 0 to 1"),
        (lambda: gabor_stimulus(0.01), "0.01 degrees of 40 pixels are no picture"),
        (lambda: gabor_stimulus(frequency=30), "frequency=30 cycles per degree cannot be shown"),
        (lambda: gabor_stimulus(drift=40, duration=1), "drift=40 cycles per second cannot be"),
        (lambda: gabor_stimulus(duration=0.001), "duration=0.001 seconds hold no picture at 60"),
        (lambda: gabor_stimulus(duration=np.nan), "duration=nan seconds hold no picture at 60"),
        (
            lambda: gabor_stimulus(rate=1e308, duration=1e10),
            "duration=10000000000.0 seconds hold no",
        ),
        (lambda: gabor_stimulus(sigma=1e-200), "sigma=1e-200 is no deviation"),
        (lambda: gabor_stimulus(theta=np.inf), "theta=inf is not finite"),
        (lambda: gabor_stimulus(window="disc"), "window='disc' is unknown"),
        (lambda: gabor_stimulus(sigma=0), "sigma=0 is no deviation"),
        (lambda: gabor_stimulus(sigma=1, window="none"), "sigma=1 is of the Gaussian window"),
        (lambda: pixels_per_degree(0, 1, 1), "distance=0, width=1, pixels=1: give numbers above"),
        (lambda: cell_responses(np.eye(9), semisaturation=0), "semisaturation=0 is no amplitude"),
        (
            lambda: cell_responses(np.eye(9), semisaturation=1e-200),
            "semisaturation=1e-200 is no am",
        ),
        (
            lambda: cell_responses(np.eye(9), semisaturation=1e200),
            "semisaturation=1e+200 is no amp",
        ),
        (lambda: gabor_stimulus(sigma=1e200), "sigma=1e+200 is no deviation"),
        (lambda: cell_responses(np.eye(9), pool=-1), "pool=-1 is no width"),
    ],
)
def test_errors(call, message):
    with pytest.raises(gk.FeatureError, match=re.escape(message)):
        call()


# ---- the command ----


def test_the_command(folder):
    words = ["stimulus", "--size", 1, "--theta", 90, "--frequency", 3, "--screen", 57, 48, 1920]
    result = run(*words, "--out", "a.png")
    assert (result.exit_code, result.stderr) == (0, "")
    density = pixels_per_degree(57, 48, 1920)
    expected = gabor_stimulus(1, pixels=density, theta=np.pi / 2, frequency=3)
    np.testing.assert_array_equal(gk.read_image("a.png"), np.rint(255 * expected.clip(0, 1)))
    assert description("a.png")["pixels"] == density
    assert run("stimulus", "--drift", 4, "--seconds", 0.1, "--out", "b.npy").exit_code == 0
    np.testing.assert_array_equal(gk.read_image("b.npy"), gabor_stimulus(drift=4, duration=0.1))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seconds", 1, "--out", "a.png"], "--seconds 1 makes a film, and .png holds one"),
        (["--drift", 1, "--out", "a.npy"], "--drift 1 is of a film: give --seconds too"),
        (["--frequency", 30, "--out", "a.png"], "frequency=30.0 cycles per degree cannot be shown"),
        (
            ["--mean", 0.8, "--out", "a.png"],
            "values of up to 1.6, and .png holds 1 as white: give a",
        ),
        (["--size", 180, "--pixels", 9999, "--out", "a.png"], "makes 3.24e+12 values"),
    ],
)
def test_usage_errors(folder, words, message):
    result = run("stimulus", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(Path().glob("a.*"))
