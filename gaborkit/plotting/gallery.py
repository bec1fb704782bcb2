"""Gallery of the kernels of a bank."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import BankError
from ..types import KERNEL_PARTS, ComplexArray, KernelPart
from .colours import (
    PHASE_TICKS,
    SEQUENTIAL,
    SIGNED,
    magnitude_norm,
    phase_colours,
    phase_key,
    signed_norm,
)
from .inputs import checked_bank, samples_to_draw
from .layout import Sheet, show

#: More kernels than this would be too small to be read.
MOST_KERNELS = 120

# Panels in a row.
_MOST_COLUMNS = 12


def plot_bank(bank: GaborBank, *, part: KernelPart = "real") -> Figure:
    """Gallery of a bank's kernels, each on its own support and relative to its own peak.

    A row holds one scale where each scale of the bank has as many kernels.

    Parameters
    ----------
    bank : GaborBank
        At most 120 kernels.
    part : {"real", "imag", "magnitude", "phase"}
        What is shown. Values are divided by the kernel's largest magnitude; a phase fades to
        grey where the magnitude is small.

    Returns
    -------
    matplotlib.figure.Figure
        The axes of kernel k are ``figure.axes[k]``; y points down.

    Raises
    ------
    BankError
        If it is not a bank, has too many kernels, or the part is unknown.

    Examples
    --------
    >>> figure = plot_bank(GaborBank.grid(scales=2, orientations=3), part="imag")
    >>> figure.axes[5].get_title()
    '8 px, 120°'
    """
    bank = checked_bank(bank, MOST_KERNELS)
    if part not in KERNEL_PARTS:
        raise BankError(f"part={part!r} is unknown; choose one of {', '.join(KERNEL_PARTS)}")
    radii = [kernel.radius() for kernel in bank]
    columns = _columns(bank)
    rows = math.ceil(len(bank) / columns)
    # Kernels of one radius in a row share the tick labels at its left.
    shared = [k % columns > 0 and radii[k] == radii[k - 1] for k in range(len(bank))]
    side = min(2.4, max(1.0, 4.8 / max(rows, columns)))
    gap = 0.16 if all(shared[k] or k % columns == 0 for k in range(len(bank))) else 0.42
    width, height = columns * (side + gap) - gap, rows * (side + 0.42) - 0.42
    sheet = Sheet(max(0.75 + width + 0.85, 3.6), 0.75 + height + 0.55)
    words = _MEANING[part] if sheet.width < 5 else _MEANING[part].replace("\n", " ")
    sheet.text(0.12, 0.12, words, fontsize=9, va="top")
    for k, label in enumerate(bank.labels):
        axes = sheet.axes(
            left=0.75 + k % columns * (side + gap),
            top=0.75 + k // columns * (side + 0.42),
            width=side,
            height=side,
        )
        samples, step = samples_to_draw(bank[k])
        edge = step * len(samples) / 2
        values, look = _look(samples, part)
        extent = (-edge, edge, edge, -edge)
        shown = show(axes, values, extent=extent, interpolation="nearest", **look)
        sheet.fit(axes.set_title(label, fontsize=8, pad=3), side + gap - 0.06)
        axes.set_xticks([-radii[k], 0, radii[k]])
        axes.set_yticks([-radii[k], 0, radii[k]])
        axes.tick_params(labelsize=7, length=2, pad=1.5, labelleft=not shared[k])
        axes.tick_params(axis="x", pad=3, labelbottom=not shared[k])
    middle = {"ha": "center", "va": "center", "fontsize": 9}
    sheet.text(0.75 + width / 2, 0.75 + height + 0.4, "x (px)", **middle)
    sheet.text(0.2, 0.75 + height / 2, "y (px, down)", rotation=90, **middle)
    bar = sheet.colorbar(
        phase_key() if part == "phase" else shown,
        left=0.75 + width + 0.2,
        top=0.75,
        height=min(height, 3.0),
    )
    bar.set_ticks(PHASE_TICKS if part == "phase" else bar.get_ticks()[::2])
    return sheet.figure


_MEANING = {
    "real": "real part, relative to the\nkernel's largest magnitude",
    "imag": "imaginary part, relative to the\nkernel's largest magnitude",
    "magnitude": "magnitude, relative to the\nkernel's largest",
    "phase": "phase in degrees, grey where the\nmagnitude is small",
}


def _look(samples: ComplexArray, part: KernelPart) -> tuple[NDArray[Any], dict[str, Any]]:
    """What is shown of a kernel, and its colours."""
    relative = samples / np.abs(samples).max()
    match part:
        case "real":
            return relative.real, {"cmap": SIGNED, "norm": signed_norm(1)}
        case "imag":
            return relative.imag, {"cmap": SIGNED, "norm": signed_norm(1)}
        case "magnitude":
            return np.abs(relative), {"cmap": SEQUENTIAL, "norm": magnitude_norm(1)}
        case "phase":
            return phase_colours(np.angle(relative), np.abs(relative)), {}


def _columns(bank: GaborBank) -> int:
    """Kernels in a row: those of one scale if all scales have as many."""
    wavelengths = [f"{1 / kernel.frequency:.6g}" for kernel in bank]
    runs = {len(list(run)) for _, run in itertools.groupby(wavelengths)}
    if len(runs) == 1 and 1 < max(runs) <= _MOST_COLUMNS:
        return max(runs)
    return min(_MOST_COLUMNS, len(bank), math.ceil(math.sqrt(1.5 * len(bank))))
