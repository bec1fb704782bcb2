"""Which part of the spectrum a bank covers, and how evenly."""

from __future__ import annotations

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from ..bank import GaborBank
from ..kernels.base import Kernel
from ..types import RealArray
from .colours import magnitude_norm
from .inputs import checked_bank
from .layout import Sheet, show

#: More contours than this would hide each other.
MOST_KERNELS = 400

# Frequencies along a side of the image and angles on a circle.
_FREQUENCIES, _ANGLES = 257, 180

# Share of the largest value at which a logarithmic scale ends.
_FLOOR = 1e-4


def plot_coverage(bank: GaborBank, *, sampled: bool = False, log: bool = False) -> Figure:
    """Half-peak contours of a bank, its Littlewood-Paley sum, and that sum along the radius.

    Left, where every ``|H_k|`` is half of its own largest value, coloured by wavelength; pale,
    its mirror image at ``-f``, by which the same kernel answers a real image. Middle and right,
    what the bank does to the energy of a real image's waves of frequency f::

        A(f) = 1/2 sum over k of (|H_k(f)|^2 + |H_k(-f)|^2)

    Parameters
    ----------
    bank : GaborBank
        At most 400 kernels.
    sampled : bool
        Plot the transfer functions of the kernels on the pixel grid, aliases included, instead of
        the analytic ones; see :meth:`GaborBank.transfer`.
    log : bool
        Show A(f) on a logarithmic scale, down to a ten-thousandth of its largest value: for a
        norm that favours some scales, as ``l2`` and ``article`` do.

    Returns
    -------
    matplotlib.figure.Figure
        Frequencies are in cycles per pixel; the fy axis points down.

    Raises
    ------
    BankError
        If it is not a bank, or has too many kernels.

    Examples
    --------
    >>> figure = plot_coverage(GaborBank.grid(scales=2, orientations=4))
    >>> [axes.get_title() for axes in figure.axes[:3]]
    ['half-peak contours', 'Littlewood-Paley sum A(f)', 'A(f) along the radius']
    """
    bank = checked_bank(bank, MOST_KERNELS)
    sheet = Sheet(13.8, 4.6)
    margins = {"top": 0.45, "width": 3.2, "height": 3.2}
    contours, image, profile = (sheet.axes(left=left, **margins) for left in (0.75, 5.55, 10.35))
    _contours(sheet, contours, bank, sampled)
    _image(sheet, image, bank, sampled, log)
    _profile(profile, bank, sampled, log)
    kind = "on the pixel grid" if sampled else "analytic"
    sheet.text(
        sheet.width / 2,
        sheet.height - 0.2,
        r"$A(f) = \frac{1}{2}\,\sum_{k=1}^K\,\left(|H_k(f)|^2 + |H_k(-f)|^2\right)$,"
        f"   $K = {len(bank)}$,   $H_k$: transfer functions, {kind}",
        ha="center",
        va="center",
        fontsize=9,
    )
    return sheet.figure


def littlewood_paley(
    bank: GaborBank, fy: RealArray, fx: RealArray, *, sampled: bool = False
) -> RealArray:
    """Factor by which the bank multiplies the energy of a real image's wave.

    Parameters
    ----------
    bank : GaborBank
        Any number of kernels.
    fy, fx : arrays of floats
        Frequencies in cycles per pixel, broadcast against each other.
    sampled : bool
        As in :meth:`GaborBank.transfer`.

    Returns
    -------
    float64 array
        ``1/2 sum over k of (|H_k(f)|^2 + |H_k(-f)|^2)``.

    Examples
    --------
    >>> bank = GaborBank.grid(scales=1, orientations=1, norm="gain")
    >>> round(float(littlewood_paley(bank, 0.0, 0.25)), 3)
    0.5
    """
    fy, fx = np.asarray(fy, float), np.asarray(fx, float)
    total: RealArray = np.zeros(np.broadcast_shapes(fy.shape, fx.shape))
    for kernel in bank:
        for sign in (1, -1):
            total += np.abs(kernel.transfer(sign * fy, sign * fx, sampled=sampled)) ** 2 / 2
    return total


def _contours(sheet: Sheet, axes: Any, bank: GaborBank, sampled: bool) -> None:
    frequencies = np.array([kernel.frequency for kernel in bank])
    limit = max(0.6, 1.2 * frequencies.max())
    wavelengths = np.unique([float(f"{1 / frequency:.4g}") for frequency in frequencies])
    # Viridis without its palest end, which is hard to see as a line on white.
    colours = ListedColormap(matplotlib.colormaps["viridis"](np.linspace(0, 0.86, 256)))
    norm = LogNorm(wavelengths[0] / 1.2, wavelengths[-1] * 1.2)
    for kernel in bank:
        line, column, values, level = half_peak(kernel, limit, sampled=sampled)
        colour = [colours(norm(1 / kernel.frequency))]
        axes.contour(line, column, values, [level], colors=colour, linewidths=1.1)
        axes.contour(-line, -column, values, [level], colors=colour, linewidths=0.8, alpha=0.35)
    axes.add_patch(Rectangle((-0.5, -0.5), 1, 1, fill=False, color="0.3", ls="--", lw=0.9))
    axes.annotate(
        "Nyquist", (-0.5, -0.5), (0, 2), textcoords="offset points", fontsize=7, color="0.3"
    )
    axes.set_title("half-peak contours", fontsize=10)
    _plane(axes, limit)
    bar = sheet.colorbar(
        ScalarMappable(norm, colours), left=4.05, top=0.45, height=3.2, label="wavelength (px)"
    )
    shown = wavelengths[:: math.ceil(len(wavelengths) / 10)]
    bar.ax.yaxis.set_major_locator(FixedLocator(shown.tolist()))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:.4g}")


def half_peak(
    kernel: Kernel, limit: float, *, sampled: bool = False
) -> tuple[RealArray, RealArray, RealArray, float]:
    """Magnitude of a transfer function around its half-peak contour.

    Parameters
    ----------
    kernel : Kernel
        Any family.
    limit : float
        Cycles per pixel: the square searched is [-limit, limit] along fx and fy.
    sampled : bool
        As in :meth:`Kernel.transfer`.

    Returns
    -------
    fx, fy : float64 arrays (N,)
        Lines of a grid that closely encloses where the magnitude is over half of its peak.
    magnitude : float64 array (N, N)
        ``|H(fy, fx)|``.
    level : float
        Half of the largest magnitude.

    Examples
    --------
    >>> from gaborkit import GaborKernel
    >>> kernel = GaborKernel(wavelength=8, sigma=8, norm="gain", dc_free=False)
    >>> fx, fy, magnitude, level = half_peak(kernel, 0.6)
    >>> round(level, 3), bool(fx[0] < 0.125 < fx[-1])
    (0.5, True)
    """
    # Steps that grow with the distance from the wave vector find a spot of any size.
    rising = np.geomspace(1e-5, 2 * limit, 60)
    steps = np.concatenate([-rising[::-1], [0], rising])
    centre = kernel.frequency * math.cos(kernel.theta), kernel.frequency * math.sin(kernel.theta)
    even = np.linspace(-limit, limit, 49)
    fx: RealArray
    fy: RealArray
    fx, fy = (np.unique(np.clip(np.append(c + steps, even), -limit, limit)) for c in centre)
    for _ in range(2):
        magnitude = np.abs(kernel.transfer(fy[:, None], fx[None, :], sampled=sampled))
        over = magnitude >= magnitude.max() / 2
        fx, fy = _around(fx, over.any(axis=0)), _around(fy, over.any(axis=1))
    magnitude = np.abs(kernel.transfer(fy[:, None], fx[None, :], sampled=sampled))
    return fx, fy, magnitude, float(magnitude.max()) / 2


def _around(line: RealArray, over: Any) -> RealArray:
    """An even line that encloses the chosen points."""
    first, last = np.flatnonzero(over)[[0, -1]]
    return np.linspace(line[max(first - 1, 0)], line[min(last + 1, len(line) - 1)], 121)


def _image(sheet: Sheet, axes: Any, bank: GaborBank, sampled: bool, log: bool) -> None:
    line = np.linspace(-0.5, 0.5, _FREQUENCIES)
    energy = littlewood_paley(bank, line[:, None], line[None, :], sampled=sampled)
    edge = 0.5 + (line[1] - line[0]) / 2
    top = energy.max()
    norm: Normalize = LogNorm(_FLOOR * top, top, clip=True) if log else magnitude_norm(top)
    shown = show(axes, energy, extent=(-edge, edge, edge, -edge), cmap="cividis", norm=norm)
    axes.set_title("Littlewood-Paley sum A(f)", fontsize=10)
    _plane(axes, 0.5)
    sheet.colorbar(shown, left=8.85, top=0.45, height=3.2, label="A(f)")


def _plane(axes: Any, limit: float) -> None:
    axes.set_xlim(-limit, limit)
    axes.set_ylim(limit, -limit)
    axes.set_aspect("equal")
    axes.set_xlabel("fx (cycles/px)", fontsize=9)
    axes.set_ylabel("fy (cycles/px, down)", fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(labelsize=8)


def _profile(axes: Any, bank: GaborBank, sampled: bool, log: bool) -> None:
    radius = np.linspace(0, 0.5, 201)
    angle = np.arange(_ANGLES)[:, None] * (math.pi / _ANGLES)
    energy = littlewood_paley(bank, radius * np.sin(angle), radius * np.cos(angle), sampled=sampled)
    colour = matplotlib.colormaps["cividis"](0.25)
    least, most = energy.min(axis=0), energy.max(axis=0)
    axes.fill_between(radius, least, most, color=colour, alpha=0.25, lw=0)
    axes.plot(radius, energy.mean(axis=0), color=colour, lw=1.5)
    axes.set_xlim(0, 0.5)
    if log:
        axes.set_yscale("log")
        axes.set_ylim(_FLOOR * most.max(), 2 * most.max())
    else:
        axes.set_ylim(0, 1.05 * most.max())
    axes.set_title("A(f) along the radius", fontsize=10)
    axes.set_xlabel("|f| (cycles/px)", fontsize=9)
    axes.set_ylabel("A(f): mean, range over angles", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.9", lw=0.6)
    axes.set_axisbelow(True)
