from __future__ import annotations

import functools
import itertools
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

import gaborkit as gk
from gaborkit.plotting import (
    littlewood_paley,
    plot_bank,
    plot_coverage,
    plot_kernel,
    plot_responses,
    save_figure,
)
from gaborkit.plotting import surfaces as surfaces_module
from gaborkit.plotting.colours import phase_colours
from gaborkit.plotting.coverage import half_peak

ARTICLE = gk.GaborKernel.article(sigma=1)
LOG = gk.LogGaborKernel(wavelength=6, theta=0.5)
GRID = gk.GaborBank.grid(scales=2, orientations=4)
MIXED = gk.GaborBank([ARTICLE, LOG, gk.GaborKernel(wavelength=5, sigma=3, theta=1, gamma=0.5)])
PICTURE = np.hypot(*np.mgrid[-20:20, -30:30]).astype(np.float32)


# Figures that several tests only look at.
kernel_figure = functools.cache(plot_kernel)
bank_figure = functools.cache(plot_bank)
coverage_figure = functools.cache(plot_coverage)


@pytest.fixture
def coarse(monkeypatch):
    """Surfaces of few faces, which are slow to draw."""
    monkeypatch.setattr(surfaces_module, "_LEAST", 9)


def drawn_texts(figure, monkeypatch):
    """Words and boxes, in pixels, of all text that reaches the renderer."""
    found = []
    draw = Text.draw

    def record(self, renderer):
        if self.get_visible() and self.get_text().strip():
            found.append((self.get_text(), self.get_window_extent(renderer)))
        draw(self, renderer)

    with monkeypatch.context() as patch:
        patch.setattr(Text, "draw", record)
        figure.savefig(os.devnull, format="png", dpi=figure.dpi)
    assert len(found) > 4
    return found


def assert_texts_inside(figure, monkeypatch):
    width, height = figure.bbox.size
    found = drawn_texts(figure, monkeypatch)
    for words, box in found:
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0, words
    return found


def assert_texts_inside_and_apart(figure, monkeypatch):
    found = assert_texts_inside(figure, monkeypatch)
    for (a, box), (b, other) in itertools.combinations(found, 2):
        across = min(box.x1, other.x1) - max(box.x0, other.x0)
        down = min(box.y1, other.y1) - max(box.y0, other.y0)
        assert across < 1 or down < 1, (a, b)
    return {words for words, _ in found}


def shown(axes):
    return np.asarray(axes.images[0].get_array())


# ---- plot_kernel ----


def surface(axes):
    """Mean height of every face, in the order of its first corner."""
    return axes.collections[-1].get_array()


def face_means(heights):
    corners = heights[:-1, :-1] + heights[1:, :-1] + heights[:-1, 1:] + heights[1:, 1:]
    return corners.ravel() / 4


@pytest.mark.parametrize(
    "kernel",
    [ARTICLE, gk.GaborKernel(wavelength=7, theta=0.6, sigma=3, gamma=0.5, phase=1, norm="gain")],
)
def test_surfaces_are_the_formula(kernel):
    figure = kernel_figure(kernel, gaussian=True, extent=6)
    line = np.linspace(-6, 6, 61)
    psi = kernel.evaluate(line[:, None], line[None, :])
    real, imaginary, gaussian = figure.axes
    assert np.allclose(surface(real), face_means(psi.real), rtol=1e-12, atol=1e-15)
    assert np.allclose(surface(imaginary), face_means(psi.imag), rtol=1e-12, atol=1e-15)
    along = line * math.cos(kernel.theta) + line[:, None] * math.sin(kernel.theta)
    across = line[:, None] * math.cos(kernel.theta) - line * math.sin(kernel.theta)
    envelope = np.exp(-(along**2 + (kernel.gamma * across) ** 2) / (2 * kernel.sigma**2))
    assert np.allclose(surface(gaussian), face_means(kernel.amplitude() * envelope), rtol=1e-12)


def test_the_article_s_figure():
    """The article's plot: (1/4pi) exp(-(x^2+y^2)/4) (exp(ix) - exp(-1)) on [-5, 5]^2."""
    figure = kernel_figure(ARTICLE)
    real, imaginary = figure.axes
    assert real.get_xlim() == (-5, 5)
    assert real.get_ylim() == (5, -5)  # y down
    line = np.linspace(-5, 5, 61)
    x, y = np.meshgrid(line, line)
    psi = np.exp(-(x**2 + y**2) / 4) * (np.exp(1j * x) - math.exp(-1)) / (4 * math.pi)
    assert np.allclose(surface(real), face_means(psi.real), atol=1e-15)
    assert np.allclose(surface(imaginary), face_means(psi.imag), atol=1e-15)


def test_surfaces_share_one_signed_scale():
    figure = kernel_figure(ARTICLE, gaussian=True)
    norms = {
        (collection.norm.vmin, collection.norm.vmax)
        for axes in figure.axes
        for collection in axes.collections
    }
    peak = 1 / (4 * math.pi)  # of the envelope, the largest of the three
    assert len(norms) == 1
    assert norms.pop() == pytest.approx((-peak, peak))
    assert len({axes.get_zlim() for axes in figure.axes}) == 1
    levels = figure.axes[0].collections[0].levels
    assert np.allclose(levels, -levels[::-1])  # one band of the floor lies around zero
    assert 0 not in levels.round(12)


def test_a_log_gabor_surface_passes_through_its_samples():
    radius = LOG.radius()
    line = np.arange(-radius, radius + 1.0)
    assert np.allclose(surfaces_module._evaluate(LOG, line), LOG.sample(), atol=1e-15)
    figure = kernel_figure(LOG)
    line = np.linspace(*figure.axes[0].get_xlim(), 61)
    step = 1e-3  # between pixels it is smooth
    values = surfaces_module._evaluate(LOG, np.concatenate([line, line + step]))[:61]
    assert np.abs(values[:, 61:] - values[:, :61]).max() < 2 * math.pi * step * np.abs(values).max()
    assert np.allclose(surface(figure.axes[0]), face_means(values[:, :61].real))


@pytest.mark.parametrize("kernel", [ARTICLE, LOG])
def test_the_default_square_holds_what_is_visible(kernel):
    figure = kernel_figure(kernel)
    extent = figure.axes[0].get_xlim()[1]
    line = np.arange(kernel.radius() + 1)
    samples = np.abs(kernel.sample())
    far = np.maximum(*np.meshgrid(*2 * [np.concatenate([line[:0:-1], line])])) > extent
    assert samples[far].max(initial=0) <= 0.01 * samples.max()
    assert extent <= kernel.radius()


def test_ten_points_a_wavelength():
    axes = kernel_figure(gk.GaborKernel(wavelength=4, sigma=5), extent=20).axes[0]
    assert math.sqrt(len(surface(axes))) + 1 == 100


def test_a_kernel_s_title_and_axes_have_words_and_units(coarse):
    kernel = gk.GaborKernel(wavelength=8, theta=math.pi / 6, sigma=4, dc_free=False)
    figure = plot_kernel(kernel)
    title = figure.texts[0].get_text()
    for words in ("wavelength 8 px", "theta 30°", "sigma 4 px", "gamma 1", "phase 0°", "scale 1"):
        assert words in title
    assert "norm l1, not DC-free" in title
    for axes in figure.axes:
        assert axes.get_xlabel() == "x (px)"
        assert axes.get_ylabel() == "y (px, down)"
        assert axes.get_zlabel() == r"psi ($\times 10^{-3}$)"
    # Heights are in units of the power in the label.
    assert axes.zaxis.get_major_formatter()(-0.00025, 0) == "−0.25"
    title = plot_kernel(LOG).texts[0].get_text()
    for words in ("log-Gabor", "wavelength 6 px", "sigma_on_f 0.55", "theta_deviation 25°"):
        assert words in title


@pytest.mark.parametrize("azimuth", [-150, -60, 45])
def test_texts_of_surfaces_lie_inside(azimuth, coarse, monkeypatch):
    kernel = gk.GaborKernel(wavelength=140.1, theta=2.1, sigma=30, gamma=0.7, phase=1, scale=1.5)
    assert_texts_inside(plot_kernel(kernel, gaussian=True, azimuth=azimuth), monkeypatch)
    assert_texts_inside(plot_kernel(LOG, elevation=70, azimuth=azimuth), monkeypatch)


def test_learnable_kernels_and_tensors_can_be_plotted(coarse):
    torch = pytest.importorskip("torch")
    theta = torch.tensor(0.3, requires_grad=True, dtype=torch.float64)
    learnable = gk.GaborKernel(wavelength=8, theta=theta, sigma=3)
    fixed = gk.GaborKernel(wavelength=8, theta=0.3, sigma=3)
    got, expected = (plot_kernel(k, gaussian=True) for k in (learnable, fixed))
    for a, b in zip(got.axes, expected.axes, strict=True):
        assert np.allclose(surface(a), surface(b))
    for plot, panel in ((plot_bank, 0), (plot_coverage, 1)):
        got, expected = (plot(gk.GaborBank([k])).axes[panel] for k in (learnable, fixed))
        assert got.get_title() == expected.get_title()
        assert np.array_equal(shown(got), shown(expected))
    responses = torch.polar(torch.ones(1, 4, 5), torch.full((1, 4, 5), 0.5)).requires_grad_()
    figure = plot_responses(torch.zeros(4, 5), responses.conj(), ["a"])
    assert (shown(figure.axes[2]) == phase_colours(np.array(-0.5), np.array(1.0))).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("circle",), "'circle' is not a kernel"),
        ((ARTICLE, 0), "extent=0 is not a positive number of pixels; try 20"),
        ((ARTICLE, math.nan), "extent=nan is not"),
        ((ARTICLE, "5"), "extent='5' is not"),
        ((ARTICLE, 1000), "extent=1000 pixels hold 318 wavelengths.*use 75.7 or less"),
    ],
)
def test_surfaces_refuse(arguments, message):
    kernel, extent = (*arguments, None)[:2]
    with pytest.raises(gk.KernelError, match=message):
        plot_kernel(kernel, extent=extent)


def test_surfaces_refuse_an_envelope_that_is_not_there_and_odd_views():
    with pytest.raises(gk.KernelError, match="a LogGaborKernel has no Gaussian envelope"):
        plot_kernel(LOG, gaussian=True)
    with pytest.raises(gk.KernelError, match="azimuth=inf is not a finite number of degrees"):
        plot_kernel(ARTICLE, azimuth=math.inf)


def test_the_largest_extent_that_the_message_names_works():
    plot_kernel(ARTICLE, extent=75)


# ---- plot_bank ----


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


def rows_of(panels):
    tops = [round(axes.get_position(original=True).y1, 6) for axes in panels]
    return [len(list(row)) for _, row in itertools.groupby(tops)]


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


# ---- plot_coverage ----


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


# ---- plot_responses ----


def test_magnitudes_and_phases_of_every_channel():
    responses = GRID.filter(PICTURE)
    figure = plot_responses(PICTURE, responses, GRID.labels)
    assert np.array_equal(shown(figure.axes[0]), PICTURE)
    for k, response in enumerate(responses):
        magnitude, phase = figure.axes[2 * k + 1], figure.axes[2 * k + 2]
        strength = np.abs(response) / np.abs(response).max()
        assert np.allclose(shown(magnitude), strength)
        assert np.array_equal(shown(phase), phase_colours(np.angle(response), strength))
        for axes in (magnitude, phase):
            assert axes.yaxis_inverted()
            assert axes.images[0].get_extent() == [-0.5, 59.5, 39.5, -0.5]


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


def test_a_common_scale_keeps_the_channels_ratios():
    responses = np.array([1, 4])[:, None, None] * np.ones((2, 5, 6), complex)
    for common, expected in ((False, [1, 1]), (True, [0.25, 1])):
        figure = plot_responses(np.eye(5, 6), responses, ["a", "b"], common_scale=common)
        assert [shown(figure.axes[i]).max() for i in (1, 3)] == expected
        whose = "all channels" if common else "the channel"
        assert figure.axes[-2].get_ylabel() == f"magnitude / largest of {whose}"


def test_a_silent_channel_is_dark_and_grey():
    figure = plot_responses(np.zeros((5, 6)), np.zeros((1, 5, 6), np.complex64), ["none"])
    assert shown(figure.axes[1]).max() == 0
    assert np.ptp(shown(figure.axes[2])[..., :3]) == 0


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.full((5, 6, 3), 51, np.uint8), 0.2),
        (np.full((5, 6, 4), 13107, np.uint16), 0.2),
        (np.full((5, 6, 3), 0.2), 0.2),
        (np.full((5, 6), 7, np.int32), 7),
        (np.ones((5, 6), bool), 1),
    ],
)
def test_pictures_of_any_type(image, expected):
    figure = plot_responses(image, np.ones((1, 5, 6), complex), ["one"])
    assert np.allclose(shown(figure.axes[0]), expected)


def test_every_nth_pixel_of_a_large_picture():
    wide = np.arange(3000.0) + np.zeros((2, 1))
    figure = plot_responses(wide, np.exp(1j * wide)[None], ["wide"])
    assert np.array_equal(shown(figure.axes[0]), wide[::3, ::3])
    assert figure.axes[1].images[0].get_extent() == [-0.5, 2999.5, 1.5, -0.5]


@pytest.mark.parametrize(
    ("labels", "widths"),
    [
        (gk.GaborBank.grid(3, 4).labels, {4}),
        (gk.GaborBank.grid(3, 6).labels, {3, 6}),
        (["a", "b", "c"], {1, 2, 3}),
    ],
)
def test_scales_begin_a_row_of_responses(labels, widths):
    figure = plot_responses(np.eye(5), np.ones((len(labels), 5, 5), complex), labels)
    rows = rows_of(figure.axes[1 : 1 + 2 * len(labels)])
    assert rows[0] // 2 in widths
    assert len(set(rows[:-1])) <= 1


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (40, 60)), (3, (8, 90)), (5, (90, 8)), (48, (40, 50))]
)
def test_texts_of_the_responses_lie_inside_and_apart(count, shape, monkeypatch):
    labels = [f"{1000 + k} px, {22.5 * k}°, $unbalanced and rather long" for k in range(count)]
    responses = np.ones((count, *shape), complex)
    figure = plot_responses(np.eye(*shape), responses, labels)
    words = assert_texts_inside_and_apart(figure, monkeypatch)
    assert {"x (px)", "y (px, down)", "phase (degrees)"} <= words
    assert max(figure.get_size_inches()) < 40


ONE = np.ones((1, 5, 6), complex)


@pytest.mark.parametrize(
    ("image", "responses", "labels", "message"),
    [
        (np.ones((5, 6)), ONE.real, "a", "responses of type float64 have no phase"),
        (np.ones((5, 6)), ONE[0], "a", r"shape \(5, 6\) are not \(K, H, W\)"),
        (np.ones((5, 6)), ONE[:0], "", r"shape \(0, 5, 6\) are not"),
        (np.ones((5, 6)), np.nan * ONE, ["a"], "responses hold NaN or infinity"),
        (np.ones((5, 6)), ONE, ["a", "b"], "2 labels for 1 channels"),
        (np.ones((5, 6)), ONE, "a", "'a' for 1 channels"),
        (np.ones((5, 6)), np.ones((65, 5, 6), complex), "a", "65 channels .* at most 64"),
        (np.ones((5, 7)), ONE, ["a"], "5 x 7 pixels does not fit responses of 5 x 6"),
        (np.ones((5, 6, 2)), ONE, ["a"], r"shape \(5, 6, 2\) is neither"),
        (np.ones(5), ONE, ["a"], r"shape \(5,\) is neither"),
        (np.full((5, 6), np.inf), ONE, ["a"], "the image holds NaN or infinity"),
        (ONE[0], ONE, ["a"], "image of type complex128 cannot be shown"),
        (np.full((5, 6, 3), 2.0), ONE, ["a"], "floats from 2 to 2 is not within 0 to 1"),
    ],
)
def test_responses_refuse(image, responses, labels, message):
    with pytest.raises(gk.ImageError, match=message):
        plot_responses(image, responses, labels)


# ---- save_figure ----


def small():
    return plot_bank(GRID[:2])


def names_in(folder):
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(
    ("name", "magic", "make"),
    [
        ("a.png", b"\x89PNG", small),
        ("a.SVG", b"<?xml", small),
        ("a.svg", b"<?xml", lambda: plot_kernel(ARTICLE)),
        ("a.pdf", b"%PDF", lambda: plot_kernel(ARTICLE)),
    ],
)
def test_the_same_bytes_every_time(name, magic, make, coarse, tmp_path):
    figure = make()
    contents = []
    for other in (figure, figure, make()):
        save_figure(other, tmp_path / name, dpi=50)
        contents.append((tmp_path / name).read_bytes())
        assert names_in(tmp_path) == [name]
    assert contents[0] == contents[1] == contents[2]
    assert contents[0].startswith(magic)
    assert not re.search(rb"CreationDate|<dc:date>", contents[0])


def test_dpi_sets_the_pixels(tmp_path):
    figure = small()
    sizes = []
    for dpi in (50, 100):
        save_figure(figure, tmp_path / "a.png", dpi=dpi)
        sizes.append(gk.read_image(tmp_path / "a.png").shape[:2])
    assert np.allclose(np.array(sizes[1]) / sizes[0], 2, rtol=0.01)
    width, height = figure.get_size_inches()
    assert sizes[1] == (int(height * 100), int(width * 100))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(self, target, **options):
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(gk.PictureError, match=r"a\.png: cannot be written \(No space left"):
        save_figure(small(), path)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["a.png"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.jpeg", r"a\.jpeg: the suffix '\.jpeg' is unknown; use one of \.png, \.svg, \.pdf"),
        ("a", r"a: the name has no suffix; use one of \.png"),
        ("missing/a.png", r"missing/a\.png: the folder missing does not exist; create it first"),
    ],
)
def test_saving_refuses_paths(path, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(gk.PictureError, match=message):
        save_figure(Figure(), path)
    assert names_in(tmp_path) == []


def test_saving_refuses_figures_and_dpi(tmp_path):
    with pytest.raises(gk.PictureError, match="'a' is not a figure"):
        save_figure("a", tmp_path / "a.png")
    for dpi in (0, -1, math.nan, math.inf, "150"):
        with pytest.raises(gk.PictureError, match=f"dpi={dpi!r} is not a number of 1 or more"):
            save_figure(Figure(), tmp_path / "a.png", dpi=dpi)
    message = "dpi=4000 makes 10 inches 40000 pixels; use 2000 or less"
    with pytest.raises(gk.PictureError, match=message):
        save_figure(Figure(figsize=(10, 5)), tmp_path / "a.png", dpi=4000)
    assert names_in(tmp_path) == []


# ---- no global state ----


def test_no_setting_is_changed_and_no_setting_flips_an_image(tmp_path):
    settings = {
        "image.origin": "lower",
        "image.cmap": "jet",
        "image.aspect": "auto",
        "figure.constrained_layout.use": True,
        "svg.hashsalt": "mine",
    }
    plain = plot_bank(GRID[:1]), plot_coverage(GRID[:1])
    with matplotlib.rc_context(settings):
        before = dict(matplotlib.rcParams)
        odd = plot_bank(GRID[:1]), plot_coverage(GRID[:1])
        responses = plot_responses(PICTURE, GRID[:1].filter(PICTURE), GRID[:1].labels)
        save_figure(responses, tmp_path / "a.svg")
        assert dict(matplotlib.rcParams) == before
    assert responses.axes[0].images[0].origin == "upper"
    for i, (a, b) in enumerate(zip(plain, odd, strict=True)):
        save_figure(a, tmp_path / f"plain{i}.png", dpi=40)
        save_figure(b, tmp_path / f"odd{i}.png", dpi=40)
        assert (tmp_path / f"plain{i}.png").read_bytes() == (tmp_path / f"odd{i}.png").read_bytes()


def test_headless_and_without_pyplot(tmp_path):
    script = """
import sys
import gaborkit as gk
assert "matplotlib" not in sys.modules
figure = gk.plotting.plot_bank(gk.GaborBank.grid(1, 2))
gk.plotting.save_figure(figure, "a.png")
assert "matplotlib.pyplot" not in sys.modules
"""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, check=True)
    assert (tmp_path / "a.png").stat().st_size > 1000
