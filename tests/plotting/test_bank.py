"""The gallery of a bank, and the colours of phases."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from figures_for_tests import (
    ARTICLE,
    GRID,
    MIXED,
    assert_texts_inside_and_apart,
    bank_figure,
    rows_of,
    shown,
)

import gaborkit as gk
from gaborkit.plotting import plot_bank
from gaborkit.plotting.colours import phase_colours
from gaborkit.plotting.inputs import samples_to_draw


@pytest.mark.parametrize("part", ["real", "imag", "magnitude"])
def test_the_gallery_shows_samples_relative_to_their_peak(part):
    figure = bank_figure(MIXED, part=part)
    function = {"real": np.real, "imag": np.imag, "magnitude": np.abs}[part]
    for axes, kernel, label in zip(figure.axes, MIXED, MIXED.labels, strict=False):
        samples = kernel.sample()
        assert np.allclose(shown(axes), function(samples) / np.abs(samples).max(), atol=1e-15)
        assert axes.get_title() == label
        edge = kernel.radius() + 0.5
        assert axes.images[0].get_extent() == [-edge, edge, edge, -edge]
        assert axes.yaxis_inverted()
        norm = axes.images[0].norm
        assert (norm.vmin, norm.vmax) == ((0, 1) if part == "magnitude" else (-1, 1))


def test_the_gallery_s_phases():
    figure = bank_figure(GRID, part="phase")
    samples = GRID[0].sample()
    strength = np.abs(samples) / np.abs(samples).max()
    colours = matplotlib.colormaps["twilight"](np.angle(samples) / (2 * np.pi) + 0.5)
    strong = strength >= 0.2
    assert np.allclose(shown(figure.axes[0])[strong] / 255, colours[strong], atol=0.003)
    assert figure.axes[-1].get_ylim() == (-180, 180)


def test_a_row_of_the_gallery_is_a_scale():
    def rows(bank):
        return rows_of(bank_figure(bank).axes[: len(bank)])

    assert rows(gk.GaborBank.grid(3, 5)) == [5, 5, 5]
    assert rows(gk.GaborBank.preset("kovesi", scales=2)) == [6, 6]
    assert rows(gk.GaborBank(gk.GaborKernel(wavelength=4 + k, sigma=4) for k in range(7))) == [4, 3]
    assert rows(GRID[:1]) == [1]


def test_tick_labels_of_a_row_are_left_out_only_where_they_are_the_same():
    def labelled(axes):
        return axes.yaxis.get_tick_params()["labelleft"]

    assert [labelled(axes) for axes in bank_figure(GRID).axes[:8]] == [True, *[False] * 3] * 2
    assert [labelled(axes) for axes in bank_figure(MIXED).axes[:3]] == [True] * 3


@pytest.mark.parametrize(
    ("bank", "part"),
    [
        (GRID, "phase"),
        (GRID[:1], "imag"),
        (MIXED, "magnitude"),
        (gk.GaborBank.grid(4, 1), "real"),
        (gk.GaborBank.grid(1, 12, wavelength=123.456, sigma=20, theta=-1.23456), "real"),
    ],
    ids=["grid", "one", "mixed", "one orientation", "long labels"],
)
def test_texts_of_the_gallery_lie_inside_and_apart(bank, part, monkeypatch):
    figure = bank_figure(bank, part=part)
    words = assert_texts_inside_and_apart(figure, monkeypatch)
    assert {"x (px)", "y (px, down)"} <= words


def test_the_gallery_refuses():
    with pytest.raises(gk.BankError, match="part='abs' is unknown; choose one of real, imag"):
        plot_bank(GRID, part="abs")
    with pytest.raises(gk.BankError, match="list is not a bank; give a GaborBank"):
        plot_bank([ARTICLE])
    with pytest.raises(gk.BankError, match=r"bank of 121 kernels .* such as bank\[:120\]"):
        plot_bank(gk.GaborBank([ARTICLE] * 121))


def test_phase_colours_of_known_phases():
    phases = np.array([0.0, np.pi / 2, np.pi, -np.pi / 2, 2 * np.pi, -np.pi])
    twilight = matplotlib.colormaps["twilight"]([0.5, 0.75, 0.0, 0.25, 0.5, 0.0])
    assert np.abs(phase_colours(phases, np.ones(6)) / 255 - twilight).max() < 0.003
    assert np.array_equal(phase_colours(phases, np.full(6, 0.2)), phase_colours(phases, np.ones(6)))
    assert len({tuple(colour) for colour in phase_colours(phases, np.zeros(6))}) == 1
    red, green, blue, alpha = phase_colours(np.array(1.0), np.array(0.0))
    assert red == green == blue
    assert alpha == 255
    grey, half, pure = (phase_colours(phases, np.full(6, s)).astype(float) for s in (0, 0.1, 1))
    assert np.abs(half - (grey + pure) / 2).max() <= 1


def test_the_phase_bar_is_the_map_of_the_phases():
    bar = bank_figure(GRID, part="phase").axes[-1]
    degrees = np.array([-180, -90, 0, 90])
    assert set(degrees) < set(bar.get_yticks())
    mesh = bar.collections[-1]
    colours = mesh.cmap(mesh.norm(degrees))
    assert np.abs(phase_colours(np.radians(degrees), np.ones(4)) / 255 - colours).max() < 0.003


def test_wide_kernels_are_drawn_from_few_samples():
    """Of 9,145 pixels a side: a gigabyte."""
    wide = gk.GaborKernel(wavelength=2000, sigma=1000, theta=0.5)
    samples, step = samples_to_draw(wide)
    assert step == 9
    assert samples.shape == (2 * (wide.radius() // 9) + 1,) * 2
    # The same as those of a kernel that is so many times smaller.
    small = gk.GaborKernel(wavelength=2000 / 9, sigma=1000 / 9, theta=0.5).sample()
    margin = (len(small) - len(samples)) // 2
    inside = small[margin:-margin, margin:-margin] if margin else small
    assert np.allclose(81 * samples, inside, atol=1e-4 * abs(small).max())
    axes = bank_figure(gk.GaborBank([wide, gk.GaborKernel(sigma=2)])).axes[0]
    assert shown(axes).shape == samples.shape
    assert np.allclose(axes.get_images()[0].get_extent()[1], 9 * len(samples) / 2)


def test_wide_kernels_without_a_formula_are_thinned():
    kernel = gk.LogGaborKernel(wavelength=300)
    samples, step = samples_to_draw(kernel)
    whole, radius = kernel.sample(), kernel.radius()
    assert step == -(-radius // 512) > 1
    assert samples[len(samples) // 2, len(samples) // 2] == whole[radius, radius]
    assert np.array_equal(samples[1], whole[radius % step + step, radius % step :: step])
