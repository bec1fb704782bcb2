"""Gabor jets: responses at points, similarities and displacements."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

import gaborkit as gk
from gaborkit.features import jet_displacement, jets, magnitude_similarity, phase_similarity
from gaborkit.kernels.formula import Parameters, samples
from gaborkit.kernels.gabor import PARAMETERS
from gaborkit.types import BOUNDARIES

rng = np.random.default_rng(0)
BANK = gk.GaborBank.preset("bob", number_of_scales=3)
PICTURE = gaussian_filter(rng.normal(size=(96, 96)), 1.2, mode="wrap")
POINTS = rng.uniform(30, 66, (12, 2))


def moved(picture, dy, dx):
    """The periodic picture moved by a part of a pixel, exactly."""
    size = len(picture)
    turn = np.fft.fftfreq(size)[:, None] * dy + np.fft.fftfreq(size) * dx
    return np.fft.ifft2(np.fft.fft2(picture) * np.exp(-2j * np.pi * turn)).real


# ---- responses at points ----


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_at_pixels_they_are_the_filters_responses(boundary, dtype):
    kernels = [gk.GaborKernel(wavelength=6, sigma=4, theta=0.3, gamma=0.6, phase=0.7, norm="l2")]
    kernels += [gk.GaborKernel(wavelength=5, sigma=2, theta=2, dc_free=False)]
    kernels += [gk.LogGaborKernel(wavelength=6, theta=1)]
    bank = gk.GaborBank([*BANK[::5], *kernels])
    image = (100 + rng.random((2, 24, 31))).astype(dtype)
    points = [(0, 0), (23, 30), (11, 4), (0, 17)]
    found = jets(image, points, bank, boundary=boundary)
    expected = bank.filter(image, boundary=boundary)
    assert found.dtype == expected.dtype
    assert found.shape == (2, 4, len(bank))
    tolerance = 1e-10 if dtype == np.float64 else 1e-4
    for p, (y, x) in enumerate(points):
        np.testing.assert_allclose(found[:, p], expected[:, :, y, x], atol=tolerance)


@pytest.mark.parametrize("gamma", [1.0, 0.5])
def test_between_pixels_they_are_those_of_the_moved_picture(gamma):
    bank = gk.GaborBank(
        gk.GaborKernel(wavelength=w, sigma=0.6 * w, gamma=gamma, theta=t)
        for w, t in ((5, 0.2), (8, 1.4), (8, 2.6))
    )
    found = jets(PICTURE, [(40.3, 50.6)], bank, boundary="wrap")
    expected = jets(moved(PICTURE, -0.3, -0.6), [(40, 50)], bank, boundary="wrap")
    np.testing.assert_allclose(found, expected, atol=2e-5 * abs(expected).max())


@pytest.mark.parametrize("boundary", ["mirror", "constant"])
def test_round_kernels_between_pixels_are_their_formula_summed(boundary):
    kernels = [
        gk.GaborKernel(wavelength=w, sigma=0.6 * w, theta=t, phase=f, dc_free=d, norm="peak")
        for w, f, d in ((5, 0, True), (5, 0.8, False), (5.3, 2, True))
        for t in (0, 0.4, np.pi / 2, np.pi - 0.4, 3 * np.pi / 4)
    ]
    points = np.array([(0.2, 3.9), (17.5, 20), (29.4, 40.6)])
    found = jets(PICTURE[:31, :43], points, gk.GaborBank(kernels), boundary=boundary)
    for k, kernel in enumerate(kernels):
        radius = kernel.radius()
        line = np.arange(-radius, radius + 1.0)
        padded = np.pad(
            PICTURE[:31, :43], radius, {"mirror": "reflect", "constant": "constant"}[boundary]
        )
        parameters = Parameters(*(getattr(kernel, name) for name in PARAMETERS))
        for p, point in enumerate(points):
            at = np.rint(point).astype(int)
            y, x = ((point - at)[:, None] + line)[:, ::-1]
            real, imag = samples(np, parameters, y[:, None], x, kernel.dc_free)
            window = padded[at[0] : at[0] + 2 * radius + 1, at[1] : at[1] + 2 * radius + 1]
            expected = (window * (real + 1j * imag)).sum() * kernel.amplitude()
            assert found[p, k] == pytest.approx(expected, abs=1e-12)


def test_a_constant_picture_answers_zero_between_pixels_too():
    found = jets(np.full((50, 50), 200.0), POINTS[:3] - 20, BANK)
    assert abs(found).max() < 1e-12


def test_many_points_in_several_steps(monkeypatch):
    expected = jets(PICTURE, POINTS, BANK)
    monkeypatch.setattr(gk.features.jet, "_TOGETHER", 1)
    np.testing.assert_allclose(jets(PICTURE, POINTS, BANK), expected, atol=1e-14)


def test_channels_and_tensors():
    image = rng.random((30, 34, 3))
    found = jets(image, [(10, 12.5)], BANK[:4], channel_axis=-1)
    assert found.shape == (3, 1, 4)
    tensor = torch.tensor(image, requires_grad=True)
    other = jets(tensor, [(10, 12.5)], BANK[:4], channel_axis=-1)
    np.testing.assert_allclose(other.detach(), found, atol=1e-14)
    other.abs().sum().backward()
    assert tensor.grad.abs().max() > 0
    assert jets(np.zeros((40, 40), np.uint8), [(3, 3)]).dtype == np.complex64


# ---- similarities ----


def test_similarities_by_their_formulas():
    first, second = rng.normal(size=(2, 5, len(BANK))) + 1j * rng.normal(size=(2, 5, len(BANK)))
    move = rng.normal(size=(5, 2))
    for n in range(5):
        magnitudes = phases = compensated = 0
        for j, k, kernel in zip(first[n], second[n], BANK, strict=True):
            wave = 2 * np.pi * kernel.frequency
            turn = wave * (move[n, 0] * np.sin(kernel.theta) + move[n, 1] * np.cos(kernel.theta))
            apart = np.angle(j) - np.angle(k)
            magnitudes += abs(j) * abs(k)
            phases += abs(j) * abs(k) * np.cos(apart)
            compensated += abs(j) * abs(k) * np.cos(apart - turn)
        norm = np.sqrt(sum(abs(first[n]) ** 2) * sum(abs(second[n]) ** 2))
        assert magnitude_similarity(first, second)[n] == pytest.approx(magnitudes / norm)
        assert phase_similarity(first, second, BANK)[n] == pytest.approx(phases / norm)
        found = phase_similarity(first, second, BANK, displacement=move)[n]
        assert found == pytest.approx(compensated / norm)


def test_a_jet_is_like_itself_at_any_contrast():
    found = jets(PICTURE, POINTS, BANK)
    np.testing.assert_allclose(magnitude_similarity(found, 7 * found), 1)
    np.testing.assert_allclose(phase_similarity(found, 7 * found, BANK), 1)
    np.testing.assert_allclose(phase_similarity(found, -found, BANK), -1)
    assert (magnitude_similarity(found, 0 * found) == 0).all()
    assert (phase_similarity(found, 0 * found, BANK) == 0).all()
    assert (jet_displacement(found, 0 * found, BANK) == 0).all()


@pytest.mark.parametrize("move", [(0.3, -0.4), (1, 0), (0, -1.5), (2.5, 1.7), (-2, 2)])
def test_known_displacements_are_found(move):
    first = jets(PICTURE, POINTS, boundary="wrap")
    second = jets(moved(PICTURE, *move), POINTS, boundary="wrap")
    apart = np.hypot(*(jet_displacement(first, second) - move).T)
    assert np.median(apart) < 0.25
    assert apart.max() < 1
    plain = phase_similarity(first, second)
    allowed = phase_similarity(first, second, displacement="estimate")
    assert (allowed > plain).all()
    assert np.median(allowed) > 0.9
    assert np.median(magnitude_similarity(first, second)) > 0.95
    back = jet_displacement(second, first)
    np.testing.assert_allclose(back, -jet_displacement(first, second), atol=1e-6)


def test_the_displacement_of_one_frequency_is_the_least_squares_solution():
    bank = BANK[:8]
    first = jets(PICTURE, POINTS, bank)
    second = first * np.exp(0.1j * rng.normal(size=first.shape))
    found = jet_displacement(first, second, bank)
    waves = (
        2 * np.pi * bank[0].frequency * np.array([(np.sin(k.theta), np.cos(k.theta)) for k in bank])
    )
    for n in range(len(POINTS)):
        root = np.sqrt(abs(first[n] * second[n]))
        phase = np.angle(first[n] * second[n].conj())
        expected = np.linalg.lstsq(waves * root[:, None], phase * root, rcond=None)[0]
        np.testing.assert_allclose(found[n], expected, atol=1e-10)


def test_a_grid_of_jets_of_tensors():
    first = torch.tensor(jets(PICTURE, POINTS, BANK), requires_grad=True)
    second = torch.tensor(jets(moved(PICTURE, 0.5, 1), POINTS, BANK))
    arrays = first.detach().numpy(), second.numpy()
    for torch_found, found in (
        (magnitude_similarity(first, second), magnitude_similarity(*arrays)),
        (jet_displacement(first, second, BANK), jet_displacement(*arrays, BANK)),
        (
            phase_similarity(first[:, None], second, BANK, displacement="estimate"),
            phase_similarity(arrays[0][:, None], arrays[1], BANK, displacement="estimate"),
        ),
    ):
        np.testing.assert_allclose(torch_found.detach(), found, atol=1e-10)
    phase_similarity(first, second, BANK, displacement="estimate").sum().backward()
    assert torch.isfinite(first.grad.abs()).all()


JET = np.ones(len(BANK), complex)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jets(PICTURE, [1, 2]), r"points are not an array \(P, 2\)"),
        (lambda: jets(PICTURE, np.empty((0, 2))), r"points are not an array \(P, 2\)"),
        (lambda: jets(PICTURE, "here"), r"points are not an array \(P, 2\)"),
        (lambda: jets(PICTURE, [(3, 3), (95.5, 3)]), r"point \(95.5, 3\) lies outside"),
        (lambda: jets(PICTURE, [(np.nan, 3)]), r"point \(nan, 3\) lies outside"),
        (
            lambda: jets(PICTURE, [(3.5, 3)], gk.GaborBank.preset("kovesi")),
            "log-gabor kernel has no formula between pixels",
        ),
        (
            lambda: jets(
                PICTURE, [(3, 3)], gk.GaborBank([gk.GaborKernel(sigma=3, theta=torch.tensor(0.1))])
            ),
            "no gradient to kernels",
        ),
        (lambda: magnitude_similarity(JET, abs(JET)), "float64 of shape .* is no jet"),
        (lambda: magnitude_similarity(JET, JET[:3]), "jet of 3 responses does not fit one of 24"),
        (lambda: phase_similarity(JET, JET), "jet of 24 responses does not fit one of 40"),
        (lambda: phase_similarity(JET, JET, BANK, displacement="best"), "'best' is neither"),
        (lambda: phase_similarity(JET, JET, BANK, displacement=[1, 2, 3]), r"shape \(3,\) is not"),
        (lambda: jet_displacement(JET[:1], JET[:1], BANK[:1]), "wave vectors of one direction"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(gk.FeatureError, match=message):
        call()


def test_nan_is_refused():
    with pytest.raises(gk.ImageError, match="NaN"):
        jets(np.full((9, 9), np.nan), [(3, 3)])
