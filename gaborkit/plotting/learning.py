"""What kernels have learned: where they were, where they are."""

from __future__ import annotations

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ..bank import GaborBank
from ..errors import BankError
from ..kernels.formula import Parameters, samples
from ..kernels.gabor import PARAMETERS, GaborKernel
from ..types import RealArray
from .colours import SIGNED, signed_norm
from .inputs import checked_bank
from .layout import Sheet, show

#: More kernels than this would be too small to be read.
MOST_KERNELS = 64

_SIDE, _GAP, _COLUMNS = 0.62, 0.06, 8


def plot_learning(before: GaborBank, after: GaborBank, *, size: tuple[int, int]) -> Figure:
    """Wavelength and direction of each kernel before and after learning, and the kernels.

    Left, in polar coordinates, ``theta`` (turning from right to down) and the wavelength on a
    logarithmic axis: a hollow dot before, a path, and the kernel's number after; pale, the same
    half a turn on, as a real image's waves have no sign. Right, the real parts in the layer's
    window, each relative to its own largest magnitude.

    Parameters
    ----------
    before, after : GaborBank
        As many Gabor kernels each, at most 64: ``layer.bank()`` at both times.
    size : (int, int)
        Height and width of the layer's window, ``layer.kernel_size``.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.axes[0]`` is polar; kernel k follows before and after learning as
        ``figure.axes[1 + 2 k]`` and ``figure.axes[2 + 2 k]``.

    Raises
    ------
    BankError
        If the banks do not fit together, hold other kernels, or too many.

    Examples
    --------
    >>> before = GaborBank.grid(scales=1, orientations=4)
    >>> after = GaborBank(kernel.rotated(0.2).scaled(1.2) for kernel in before)
    >>> figure = plot_learning(before, after, size=(11, 11))
    >>> len(figure.axes)
    9
    """
    before, after = checked_bank(before, MOST_KERNELS), checked_bank(after, MOST_KERNELS)
    if len(before) != len(after):
        raise BankError(f"{len(before)} kernels before and {len(after)} after do not fit together")
    for k, kernel in enumerate([*before, *after]):
        if not isinstance(kernel, GaborKernel):
            raise BankError(
                f"kernel {k % len(before)} is a {type(kernel).__name__}; only a GaborKernel has "
                "been learned"
            )
    columns = min(_COLUMNS, len(before))
    rows = math.ceil(len(before) / columns)
    block = 2 * (_SIDE + _GAP) + 0.24
    width = columns * (_SIDE + _GAP)
    plane = 3.3
    height = max(plane + 0.95, rows * block + 0.75)
    sheet = Sheet(plane + 1.4 + max(width, 1.6) + 0.15, height)
    polar = sheet.axes(
        left=0.45, top=(height - plane) / 2 + 0.1, width=plane, height=plane, projection="polar"
    )
    _polar(polar, before, after)
    left = plane + 1.4
    sheet.text(left, 0.32, "upper: before, lower: after", fontsize=9)
    top = (height - rows * block) / 2 + 0.2
    for k, pair in enumerate(zip(before, after, strict=True)):
        for i, kernel in enumerate(pair):
            axes = sheet.axes(
                left=left + k % columns * (_SIDE + _GAP),
                top=top + k // columns * block + i * (_SIDE + _GAP / 2),
                width=_SIDE,
                height=_SIDE,
            )
            show(
                axes,
                _in_window(kernel, size),
                extent=(0, size[1], size[0], 0),
                interpolation="nearest",
                cmap=SIGNED,
                norm=signed_norm(1),
            )
            axes.set_xticks([])
            axes.set_yticks([])
            if i == 0:
                axes.set_title(str(k), fontsize=7, pad=1.5)
    return sheet.figure


def _polar(axes: Any, before: GaborBank, after: GaborBank) -> None:
    axes.set_theta_direction(-1)
    wavelengths = [[1 / kernel.frequency for kernel in bank] for bank in (before, after)]
    low = min(2.0, *map(min, wavelengths))
    high = 1.15 * max(map(max, wavelengths))
    axes.set_rscale("log")
    axes.set_rorigin(low / 2.2)
    axes.set_rlim(low, high)
    # Steps of half an octave while they are few.
    ticks = [tick for e in range(1, 20) for tick in (2.0**e, 1.5 * 2**e) if low <= tick <= high]
    ticks = ticks[:: math.ceil(len(ticks) / 5)]
    axes.set_rgrids(ticks, [f"{tick:g} px" for tick in ticks], angle=292, fontsize=7)
    axes.minorticks_off()
    axes.set_thetagrids(range(0, 360, 45), fontsize=8)
    axes.grid(color="0.88", lw=0.6)
    axes.spines["inner"].set_color("0.88")
    axes.set_title("theta and wavelength", fontsize=10, pad=12)
    hues = matplotlib.colormaps["hsv"]
    for k, (old, new) in enumerate(zip(before, after, strict=True)):
        colour = np.array(hues(old.theta % math.pi / math.pi)[:3]) * 0.8
        path = np.linspace(0, 1, 30)
        # The axes' radius is logarithmic, the path straight in it.
        radius = np.geomspace(1 / old.frequency, 1 / new.frequency, 30)
        for turn, alpha in ((0, 1.0), (math.pi, 0.22)):
            angle = old.theta + path * (new.theta - old.theta) + turn
            axes.plot(angle, radius, color=colour, lw=1.1, alpha=alpha)
            axes.plot(angle[0], radius[0], "o", ms=4, mfc="w", mec=colour, mew=0.9, alpha=alpha)
            axes.plot(angle[-1], radius[-1], "o", ms=8, mfc=colour, mec="none", alpha=alpha)
        axes.text(
            new.theta,
            radius[-1],
            str(k),
            color="w",
            fontsize=5.5,
            ha="center",
            va="center_baseline",
        )


def _in_window(kernel: Any, size: tuple[int, int]) -> RealArray:
    """Real part in a layer's window, relative to the largest magnitude."""
    y, x = (np.arange(side) - (side - 1) / 2 for side in size)
    values = Parameters(*(getattr(kernel, name) for name in PARAMETERS))
    real, imag = samples(np, values, y[:, None], x[None, :], kernel.is_dc_free)
    return real / np.hypot(real, imag).max()
