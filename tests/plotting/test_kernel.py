"""Surfaces of kernels: the formula, the article's figure, scales, words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from figures_for_tests import (
    ARTICLE,
    LOG,
    assert_texts_inside,
    face_means,
    kernel_figure,
    shown,
    surface,
)

import gaborkit as gk
from gaborkit.plotting import plot_bank, plot_coverage, plot_kernel, plot_responses
from gaborkit.plotting import surfaces as surfaces_module
from gaborkit.plotting.colours import phase_colours


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


WIDE = gk.GaborKernel(wavelength=140.1, theta=2.1, sigma=30, gamma=0.7, phase=1, scale=1.5)


@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        (WIDE, {"gaussian": True, "azimuth": -150}),
        (WIDE, {"gaussian": True, "azimuth": 45}),
        (LOG, {"elevation": 70, "azimuth": -60}),
        (LOG, {"elevation": 70, "azimuth": 45}),
    ],
    ids=["behind", "right", "log left", "log right"],
)
def test_texts_of_surfaces_lie_inside(kernel, options, coarse, monkeypatch):
    assert_texts_inside(plot_kernel(kernel, **options), monkeypatch)


class Box(gk.Kernel):
    """A kernel of a family that gaborkit does not know."""

    theta = 0.0
    frequency = 0.25
    is_dc_free = False

    def radius(self, tolerance=gk.TOLERANCE):
        return 2

    def sample(self, tolerance=gk.TOLERANCE):
        return np.ones((5, 5), complex)

    def transfer(self, fy, fx, *, sampled=False):
        return np.ones(np.broadcast(fy, fx).shape, complex)

    def rotated(self, theta):
        return self

    def to_dict(self):
        return {"family": "box"}


def test_a_kernel_of_another_family_is_named_by_its_label(coarse):
    figure = plot_kernel(Box())
    assert figure.texts[0].get_text() == "Box: 4 px, 0°"
    assert surface(figure.axes[0]).max() > 0.9


def test_learnable_kernels_and_tensors_can_be_plotted(coarse):
    torch = pytest.importorskip("torch", reason="needs torch")
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
