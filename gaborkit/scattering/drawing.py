"""Scattering coefficients as discs, the way Bruna and Mallat draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable

from ..errors import FeatureError
from ..features.bank_grid import Grid, grid_of
from ..plotting.colours import SEQUENTIAL, magnitude_norm
from ..plotting.inputs import as_numpy
from ..plotting.layout import Sheet
from ..types import Array, RealArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .scattering import Scattering

#: Pixels along a disc, inches of a disc and between two.
_SIDE, _INCHES, _GAP = 601, 2.6, 1.0


def plot_scattering(
    scattering: Scattering,
    coefficients: Array,
    *,
    pictures: Sequence[Array] | None = None,
    labels: Sequence[str] | None = None,
) -> Figure:
    """Draw the coefficients of each picture as discs, one an order; see :meth:`Scattering.plot`."""
    grid, rows = grid_of(scattering.wavelets), _checked(scattering, coefficients)
    count, orders = len(rows), max(1, scattering.order)
    for name, value in (("pictures", pictures), ("labels", labels)):
        if value is not None and len(value) != count:
            raise FeatureError(f"{len(value)} {name} do not fit coefficients of {count} pictures")
    columns = orders + (pictures is not None)
    line = _INCHES + 0.5
    sheet = Sheet(columns * (_INCHES + _GAP), 0.35 + count * line + 0.3)
    for row, values in enumerate(rows):
        top, left = 0.35 + row * line, 0.35
        if pictures is not None:
            axes = sheet.axes(left=left, top=top, width=_INCHES, height=_INCHES)
            axes.imshow(as_numpy(pictures[row]), cmap="gray")
            axes.set_axis_off()
            left += _INCHES + 0.45
        if labels is not None:
            sheet.text(0.2, top + _INCHES / 2, labels[row], rotation=90, va="center", ha="center")
        for order in range(1, orders + 1):
            axes = sheet.axes(left=left, top=top, width=_INCHES, height=_INCHES)
            shown = _disc(scattering, grid, values, order)
            norm = magnitude_norm(float(np.nanmax(shown)))
            axes.imshow(
                shown, cmap=SEQUENTIAL, norm=norm, interpolation="nearest", extent=(-1, 1, 1, -1)
            )
            _outline(axes, grid)
            axes.set_axis_off()
            if row == 0:
                axes.set_title(f"order {order}", fontsize=10)
            sheet.colorbar(
                ScalarMappable(norm, SEQUENTIAL),
                left=left + _INCHES + 0.08,
                top=top + 0.3,
                height=_INCHES - 0.6,
            )
            left += _INCHES + _GAP
    words = "direction: that of the wave;   rings, from the rim in: "
    words += ", ".join(f"{wavelength:.3g}" for wavelength in grid.wavelengths) + " px"
    if orders > 1:
        words += (
            "\norder 2, within a cell: rings for the second wavelength, sectors for its direction"
        )
    sheet.text(sheet.width / 2, sheet.height - 0.25, words, ha="center", va="center", fontsize=8)
    return sheet.figure


def _outline(axes: Any, grid: Grid) -> None:
    """White lines between rings and between sectors."""
    scales, angles = grid.shape
    turn = np.linspace(0, 2 * math.pi, 181)
    for scale in range(1, scales):
        axes.plot(2.0**-scale * np.cos(turn), 2.0**-scale * np.sin(turn), color="w", lw=0.7)
    for border in grid.thetas[0] + (np.arange(2 * angles) + 0.5) * math.pi / angles:
        ends = np.array([0, 1])
        axes.plot(ends * math.cos(border), ends * math.sin(border), color="w", lw=0.7)
    axes.set(xlim=(-1, 1), ylim=(1, -1))


def _checked(scattering: Scattering, coefficients: Array) -> RealArray:
    """Means over the places, (N, C)."""
    values = as_numpy(coefficients)
    count = len(scattering.paths)
    if scattering.order == 0:
        raise FeatureError("order 0 is one number; plot a Scattering of order=1 or order=2")
    if values.ndim not in (3, 4) or values.shape[-3] != count:
        raise FeatureError(
            f"coefficients of shape {values.shape} cannot be plotted; give ({count}, h, w) or "
            f"(N, {count}, h, w) of the same Scattering"
        )
    means: RealArray = values.reshape(-1, *values.shape[-3:]).mean((2, 3))
    return means


def _disc(scattering: Scattering, grid: Grid, values: RealArray, order: int) -> RealArray:
    """Picture of a disc: the coefficient that each pixel shows, NaN where there is none."""
    scales, angles = grid.shape
    line = np.linspace(-1, 1, _SIDE)
    x, y = line, line[:, None]
    radius = np.hypot(x, y)
    # Sectors around theta and theta + pi, in units of a sector.
    sector = (np.arctan2(y, x) - grid.thetas[0]) / (math.pi / angles) + 0.5
    first_angle = np.floor(sector).astype(int) % angles
    # Rings as wide as frequencies are high; the innermost is a disc.
    ring = np.minimum(-np.log2(np.maximum(radius, 1e-9)), scales - 1e-9)
    first_scale = np.clip(np.floor(ring), 0, scales - 1).astype(int)
    places = np.array(grid.places)
    first = places[first_scale, first_angle]
    index = np.full((len(scattering.wavelets), len(scattering.wavelets)), -1)
    if order == 1:
        for path, c in scattering.places.items():
            if len(path) == 1:
                index[path[0], :] = c
        second: Any = first
    else:
        for path, c in scattering.places.items():
            if len(path) == 2:
                index[path] = c
        # Rings for the lower scales, the finest outside; sectors for the angles.
        inner = np.where(first_scale < scales - 1, 2.0 ** -(first_scale + 1), 0)
        inwards = 1 - (radius - inner) / (2.0**-first_scale - inner)
        lower = scales - 1 - first_scale
        second_scale = first_scale + 1 + np.floor(inwards * lower).astype(int)
        second_scale = np.clip(second_scale, 0, scales - 1)
        second_angle = np.floor((sector - np.floor(sector)) * angles).astype(int)
        second = places[second_scale, np.clip(second_angle, 0, angles - 1)]
    colours = index[first, second]
    shown = (radius <= 1) & (colours >= 0)
    return np.where(shown, values[colours], np.nan)
