"""Coverage of frequencies: contours, the sum over kernels, its profile."""

from __future__ import annotations

import math

import numpy as np
import pytest
from figures_for_tests import (
    ARTICLE,
    GRID,
    MIXED,
    assert_texts_inside_and_apart,
    coverage_figure,
    drawn_texts,
    shown,
)
from matplotlib.patches import Rectangle

import gaborkit as gk
from gaborkit.plotting import littlewood_paley, plot_coverage
from gaborkit.plotting.coverage import half_peak


@pytest.mark.parametrize("sampled", [False, True])
def test_contours_are_at_half_of_each_kernel_s_peak(sampled):
    bank = gk.GaborBank(
        [
            *MIXED,
            gk.GaborKernel(wavelength=32, sigma=300, norm="l2"),  # a spot of 0.001 cycles
            gk.GaborKernel(wavelength=2.2, sigma=1.5, theta=2),  # over the edge of the square
        ]
    )
    axes = coverage_figure(bank, sampled=sampled).axes[0]
    contours = axes.collections
    assert len(contours) == 2 * len(bank)
    line = np.linspace(-0.6, 0.6, 241)
    for kernel, contour, mirrored in zip(bank, contours[::2], contours[1::2], strict=True):
        fx, fy = np.concatenate([path.vertices for path in contour.get_paths()]).T
        along = np.array([np.cos(kernel.theta), np.sin(kernel.theta)])
        near = kernel.frequency * np.linspace(0.5, 2, 20001)
        peak = max(
            np.abs(kernel.transfer(near * along[1], near * along[0], sampled=sampled)).max(),
            np.abs(kernel.transfer(line[:, None], line, sampled=sampled)).max(),
        )
        assert np.allclose(np.abs(kernel.transfer(fy, fx, sampled=sampled)), peak / 2, rtol=0.01)
        assert len(fx) > 40
        turned = np.concatenate([path.vertices for path in mirrored.get_paths()])
        assert np.allclose(sorted(-turned[:, 0]), sorted(fx))


def test_a_plain_gabor_contour_is_the_known_ellipse():
    kernel = gk.GaborKernel(wavelength=8, sigma=6, gamma=2, dc_free=False, norm="peak")
    fx, fy, magnitude, level = half_peak(kernel, 0.6)
    spread = math.sqrt(2 * math.log(2)) / (2 * math.pi * kernel.sigma)
    over = magnitude > level
    step = fx[1] - fx[0], fy[1] - fy[0]
    assert np.ptp(fx[over.any(axis=0)]) / 2 == pytest.approx(spread, abs=step[0])
    assert np.ptp(fy[over.any(axis=1)]) / 2 == pytest.approx(2 * spread, abs=step[1])
    assert level == pytest.approx(np.abs(kernel.transfer(0.0, 1 / 8)) / 2, rel=1e-3)


@pytest.mark.parametrize("sampled", [False, True])
def test_the_sum_is_the_direct_one(sampled):
    figure = coverage_figure(MIXED, sampled=sampled)
    line = np.linspace(-0.5, 0.5, 257)
    here = np.abs(MIXED.transfer(line[:, None], line, sampled=sampled)) ** 2
    there = np.abs(MIXED.transfer(-line[:, None], -line, sampled=sampled)) ** 2
    expected = (here + there).sum(axis=0) / 2
    image = figure.axes[1].images[0]
    assert np.allclose(shown(figure.axes[1]), expected, rtol=1e-12)
    assert image.norm.vmin == 0
    half = 0.5 / 256  # pixels are centred on their frequencies
    assert image.get_extent() == pytest.approx([-0.5 - half, 0.5 + half, 0.5 + half, -0.5 - half])
    assert np.allclose(expected, expected[::-1, ::-1])  # of a real image's spectrum


def test_the_sum_is_the_energy_of_filtered_noise():
    """What the bank does to the energy of a real wave, measured by filtering one."""
    x = np.arange(64)
    wave = np.cos(2 * np.pi * 8 / 64 * x) + np.zeros((64, 1))
    energy = (np.abs(GRID.filter(wave, boundary="wrap")) ** 2).sum() / (wave**2).sum()
    assert energy == pytest.approx(littlewood_paley(GRID, 0.0, 1 / 8, sampled=True), rel=1e-3)


def test_the_profile_is_the_mean_over_angles():
    axes = coverage_figure(MIXED).axes[2]
    radius, mean = axes.lines[0].get_data()
    angle = np.arange(720)[:, None] * (math.pi / 720)
    energy = littlewood_paley(MIXED, radius * np.sin(angle), radius * np.cos(angle))
    assert np.allclose(mean, energy.mean(axis=0), rtol=1e-3, atol=1e-6)
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(energy.max(), rel=1e-3)
    assert (radius[0], radius[-1]) == (0, 0.5)


def test_a_logarithmic_sum_spans_four_decades():
    figure = coverage_figure(gk.GaborBank.preset("article", scales=2, orientations=4), log=True)
    norm = figure.axes[1].images[0].norm
    assert norm.vmax / norm.vmin == pytest.approx(1e4)
    assert figure.axes[2].get_yscale() == "log"


def test_frequencies_are_labelled_with_units_and_the_nyquist_square(monkeypatch):
    figure = coverage_figure(GRID)
    contours, image, profile = figure.axes[:3]
    for axes in (contours, image):
        assert axes.get_xlabel() == "fx (cycles/px)"
        assert axes.get_ylabel() == "fy (cycles/px, down)"
        assert axes.yaxis_inverted()
        assert axes.get_aspect() == 1
    assert profile.get_xlabel() == "|f| (cycles/px)"
    square = next(patch for patch in contours.patches if isinstance(patch, Rectangle))
    assert square.get_bbox().extents.tolist() == [-0.5, -0.5, 0.5, 0.5]
    words = " ".join(text for text, _ in drawn_texts(figure, monkeypatch))
    for part in (r"\frac{1}{2}", "K = 8", "analytic"):
        assert part in words


@pytest.mark.parametrize(
    ("bank", "log"),
    [
        (GRID, False),
        (MIXED, True),
        (gk.GaborBank(gk.GaborKernel(wavelength=4 + k, sigma=4) for k in range(15)), False),
    ],
    ids=["grid", "mixed", "many"],
)
def test_texts_of_the_coverage_lie_inside_and_apart(bank, log, monkeypatch):
    assert_texts_inside_and_apart(coverage_figure(bank, log=log), monkeypatch)


def test_the_coverage_refuses():
    with pytest.raises(gk.BankError, match="GaborKernel is not a bank"):
        plot_coverage(ARTICLE)
    with pytest.raises(gk.BankError, match=r"401 kernels .* bank\[:400\]"):
        plot_coverage(gk.GaborBank([ARTICLE] * 401))
