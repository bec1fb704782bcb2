"""Pooling over a bank's orientations and scales, so that turning a picture makes no difference.

A turned picture answers the same at every scale, moved along the orientations, which close into a
circle; a magnified one the same at every orientation, moved along the scales. So each of the two
axes can be pooled by something that does not see the move:

    mean, max   one value in place of the axis
    shift       all values, the dominant place first and the others around the circle after it
    spectrum    magnitudes of the discrete Fourier transform along the axis

Scales are no circle: what leaves at one end comes back at the other, so pooling over them holds as
long as the ends have little to say.
"""

from __future__ import annotations

import math
import sys
from typing import Literal

import numpy as np

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import Library, library_of, put
from ..types import Array, ArrayT
from .bank_grid import Grid, grid_of
from .checks import check_choice
from .table import Features

Pooling = Literal["none", "mean", "max", "shift", "spectrum"]


def pool(
    features: Features,
    bank: GaborBank,
    orientations: Pooling = "mean",
    scales: Pooling = "none",
    *,
    shared: bool = True,
) -> Features:
    """Pool a feature for each kernel over orientations, scales or both.

    Parameters
    ----------
    features : Features (..., K) or maps (..., K, H, W)
        A value for each kernel of the bank, in its order, such as mean energies or
        :func:`local_energy`; of maps, every pixel is pooled by itself.
    bank : GaborBank
        The same kernel at every scale, turned by multiples of pi / O. To compare scales, kernels
        should answer alike to gratings of their own frequency: norm ``l1`` or ``gain``.
    orientations, scales : {"none", "mean", "max", "shift", "spectrum"}
        How each axis is pooled; orientations come first. See the module.
    shared : bool
        Shift all scales by one dominant place, that of their sum, which keeps the angles between
        scales; or each by its own.

    Returns
    -------
    Features
        Named after what is left: the wavelength or scale, then the angle or order. Tensors pass
        gradients.

    Raises
    ------
    FeatureError
        If the bank is no grid, the features do not fit it, or a choice is unknown.

    References
    ----------
    Han and Ma (2007), "Rotation-invariant and scale-invariant Gabor features for texture image
    retrieval", Image and Vision Computing 25(9), 1474-1481: sums over either axis.
    Arivazhagan, Ganesan and Padam Priyal (2006), "Texture classification using Gabor wavelets based
    rotation invariant features", Pattern Recognition Letters 27(16), 1976-1982: shifts.
    Haley and Manjunath (1999), "Rotation-invariant texture classification using a complete
    space-frequency model", IEEE TIP 8(2), 255-269: Fourier magnitudes over orientations.

    Examples
    --------
    >>> bank = GaborBank.grid(scales=2, orientations=4)
    >>> energy = bank.statistics(np.eye(40), part="energy").mean
    >>> pool(Features(energy, bank.labels), bank, "max").names
    ('4 px', '8 px')
    """
    check_choice("orientations", orientations, Pooling)
    check_choice("scales", scales, Pooling)
    grid = grid_of(bank)
    if len(features) != len(bank):
        raise FeatureError(f"{len(features)} features do not fit a bank of {len(bank)} kernels")
    trailing = 2 if features.maps else 0
    values = on_grid(features.values, grid, trailing)
    values = values[(..., None, *[slice(None)] * (2 + trailing))]  # one statistic
    pooled_values = pooled(values, grid, orientations, scales, shared=shared, trailing=trailing)
    names = pooled_names(grid, orientations, scales)
    return Features(pooled_values.squeeze(-2 - trailing), names, maps=features.maps)


def on_grid(values: ArrayT, grid: Grid, trailing: int = 0) -> ArrayT:
    """Values (..., K) as (..., S, O); ``trailing`` axes follow."""
    axis = values.ndim - 1 - trailing
    chosen = library_of(values).take(values, np.array(grid.places).ravel(), axis)
    return chosen.reshape(*chosen.shape[:axis], *grid.shape, *chosen.shape[axis + 1 :])


def pooled(
    values: ArrayT,
    grid: Grid,
    orientations: Pooling,
    scales: Pooling,
    *,
    shared: bool = True,
    trailing: int = 0,
) -> ArrayT:
    """Values (..., T, S, O) as (..., T, F), of T statistics, the first of which leads a shift.

    As many axes as ``trailing`` follow in both. F is the product of what is left of S and O, with
    the latter running fastest.
    """
    library = library_of(values)
    down = values.ndim - 2 - trailing  # the axis of scales
    if scales in ("shift", "spectrum"):
        _ = grid.ratio  # raises where the scales are not evenly spaced
    for axis, other, how in ((down + 1, down, orientations), (down, down + 1, scales)):
        if how == "shift":
            leader = library.take(values, np.zeros(1, int), down - 1)
            leader = leader.sum(other, keepdims=True) if shared else leader
            values = _shifted(library, values, leader, axis)
        else:
            values = _along(library, values, how, axis)
    return values.reshape(*values.shape[:down], -1, *values.shape[down + 2 :])


def pooled_names(grid: Grid, orientations: Pooling, scales: Pooling) -> tuple[str, ...]:
    """Name of each of the F values that :func:`pooled` leaves.

    Examples
    --------
    >>> grid = grid_of(GaborBank.grid(scales=2, orientations=3))
    >>> pooled_names(grid, "shift", "none")[:4]
    ('4 px, +0°', '4 px, +60°', '4 px, +120°', '8 px, +0°')
    """
    rows, columns = grid.shape
    wavelengths = [f"{wavelength:.4g} px" for wavelength in grid.wavelengths]
    thetas = [f"{round(math.degrees(theta), 2):g}°" for theta in grid.thetas]
    steps = [f"+{round(180 * i / columns, 2):g}°" for i in range(columns)]
    across = _labels(orientations, thetas, steps, "order")
    down = _labels(scales, wavelengths, [f"scale +{j}" for j in range(rows)], "scale order")
    names = [", ".join(filter(None, (row, column))) for row in down for column in across]
    return tuple(name or "all" for name in names)


def _labels(how: Pooling, suffixes: list[str], steps: list[str], order: str) -> list[str]:
    match how:
        case "none":
            return suffixes
        case "shift":
            return steps
        case "spectrum":
            return [f"{order} {m}" for m in range(len(suffixes) // 2 + 1)]
        case _:
            return [""]


def _along(library: Library, values: Array, how: Pooling, axis: int) -> Array:
    """Pool an axis, and keep it."""
    size = values.shape[axis]
    match how:
        case "mean":
            return values.mean(axis, keepdims=True)
        case "max":
            numpy = library.name == "numpy"
            return values.max(axis, keepdims=True) if numpy else values.amax(axis, keepdims=True)
        case "spectrum":
            magnitude = library.moveaxis(abs(library.fft(values, size, axis)), axis, 0)
            return library.moveaxis(magnitude[: size // 2 + 1] / size, 0, axis)
        case _:
            return values


def _shifted(library: Library, values: Array, leader: Array, axis: int) -> Array:
    """Values around the circle of an axis, from where the leader is largest."""
    size = values.shape[axis]
    steps = np.arange(size).reshape(size, *[1] * (values.ndim - 1 - axis))
    dominant = leader.argmax(axis, keepdims=True)
    if library.name == "numpy":
        return np.take_along_axis(values, (dominant + steps) % size, axis)
    index = (dominant + put(steps, values.device, "int64")) % size
    return sys.modules["torch"].take_along_dim(values, index, axis)
