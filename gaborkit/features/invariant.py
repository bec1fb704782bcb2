"""Descriptors that turning a picture, or magnifying it, leaves as they are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import library_of
from ..filtering.padding import check_boundary
from ..kernels.parameters import number
from ..types import Array, Boundary
from .bank_grid import grid_of
from .base import Descriptor
from .checks import check_choice
from .pooling import Pooling, on_grid, pooled, pooled_names


@dataclass(frozen=True)
class Invariant(Descriptor):
    """Means and deviations of the magnitudes, pooled over orientations and scales.

    Turning the picture by 180 / O degrees times a whole number, O the number of the bank's
    orientations, leaves the features as they are but for the picture's corners; by 90 degrees, of
    an even O, to rounding. Other angles move the energy to between two orientations.

    Parameters
    ----------
    bank : GaborBank
        The same kernel at every scale, turned by multiples of pi / O; Manjunath and Ma's by
        default.
    pooling : {"mean", "max", "shift", "spectrum", "none"}
        Over orientations; see :mod:`gaborkit.features.pooling`.
    scales : {"none", "mean", "max", "shift", "spectrum"}
        Over scales. Then every response is divided by the gain of its kernel at its own frequency,
        so that scales compare whatever the norm.
    shared : bool
        Shift all scales by one dominant orientation, or each by its own.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}

    Raises
    ------
    FeatureError
        If the bank is no grid, or a choice is unknown.

    References
    ----------
    See :func:`gaborkit.features.pool`.

    Examples
    --------
    >>> features = Invariant(pooling="max").describe(np.eye(64))
    >>> features.names[:2], len(features)
    (('mean 2.5 px', 'mean 5 px'), 8)
    """

    bank: GaborBank = field(default_factory=lambda: GaborBank.preset("manjunath"))
    pooling: Pooling = "shift"
    scales: Pooling = "none"
    shared: bool = True
    boundary: Boundary = "reflect"

    def __post_init__(self) -> None:
        check_choice("pooling", self.pooling, Pooling)
        check_choice("scales", self.scales, Pooling)
        if not isinstance(self.shared, bool):
            raise FeatureError(f"shared={self.shared!r} is neither True nor False")
        check_boundary(self.boundary)
        grid = grid_of(self.bank)
        if self.scales in ("shift", "spectrum"):
            _ = grid.ratio  # raises where the scales are not evenly spaced

    def names(self, shape: tuple[int, int]) -> tuple[str, ...]:
        """``mean`` and ``deviation`` before what pooling leaves of wavelength and angle."""
        labels = pooled_names(grid_of(self.bank), self.pooling, self.scales)
        return tuple(f"{what} {label}" for what in ("mean", "deviation") for label in labels)

    def values(self, planes: Array, inside: NDArray[np.bool_] | None = None) -> Array:
        """Pooled means, then pooled deviations."""
        grid = grid_of(self.bank)
        statistics = self.bank.statistics(planes, boundary=self.boundary, mask=inside)
        both = library_of(statistics.mean).stack(
            list(statistics), statistics.mean.ndim - 1
        )  # (..., 2, K)
        if self.scales != "none":
            both = both / _gains(self.bank, both)
        values = pooled(on_grid(both, grid), grid, self.pooling, self.scales, shared=self.shared)
        return values.reshape(*values.shape[:-2], -1)


@dataclass(frozen=True)
class Spectrum(Descriptor):
    """Orientation spectrum: how the energy of each scale varies around the circle.

    Order 0 is the mean energy over orientations. Order m is the magnitude of the part of the energy
    that varies like cos(2 m theta): order 1 is high for one direction, order 2 for two that cross
    at right angles. Turning the picture changes the phases alone, which are left out.

    Parameters
    ----------
    bank : GaborBank
        The same kernel at every scale, turned by multiples of pi / O; Manjunath and Ma's by
        default.
    relative : bool
        Divide the orders from 1 on by order 0, which makes them numbers from 0 (all directions
        alike) to 1.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}

    Raises
    ------
    FeatureError
        If the bank is no grid, or ``relative`` is not a boolean.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> grating = np.cos(2 * np.pi * x / 5)
    >>> features = Spectrum().describe(grating)
    >>> len(features), float(features["5 px, order 1"].round(2))
    (16, 1.0)
    """

    bank: GaborBank = field(default_factory=lambda: GaborBank.preset("manjunath"))
    relative: bool = True
    boundary: Boundary = "reflect"

    def __post_init__(self) -> None:
        if not isinstance(self.relative, bool):
            raise FeatureError(f"relative={self.relative!r} is neither True nor False")
        check_boundary(self.boundary)
        grid_of(self.bank)

    def names(self, shape: tuple[int, int]) -> tuple[str, ...]:
        """Wavelength and order."""
        return pooled_names(grid_of(self.bank), "spectrum", "none")

    def values(self, planes: Array, inside: NDArray[np.bool_] | None = None) -> Array:
        """Orders of each scale in turn."""
        grid = grid_of(self.bank)
        energy = self.bank.statistics(
            planes, part="energy", boundary=self.boundary, mask=inside
        ).mean
        spectrum = pooled(on_grid(energy[..., None, :], grid), grid, "spectrum", "none")
        if not self.relative:
            return spectrum[..., 0, :]
        orders = spectrum.reshape(*energy.shape[:-1], grid.shape[0], -1)
        level = orders[..., :1]
        rest = orders[..., 1:] / (level + (level == 0))
        both = library_of(energy).concatenate([level, rest], orders.ndim - 1)
        return both.reshape(*energy.shape[:-1], -1)


def _gains(bank: GaborBank, like: Array) -> Array:
    """Magnitude of each kernel's transfer function at its own frequency, (K,)."""
    gains = []
    for kernel in bank:
        frequency, theta = kernel.frequency, number(kernel.theta)
        fy, fx = np.array(frequency * math.sin(theta)), np.array(frequency * math.cos(theta))
        gains.append(abs(kernel.transfer(fy, fx)))
    library = library_of(like)
    return library.constant(np.array(gains), library.double(like), real=True)
