"""The scales and orientations that a bank is made of, whatever the order of its kernels."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from ..bank import GaborBank
from ..caches import lru_cache
from ..errors import FeatureError
from ..kernels.base import Kernel
from ..kernels.parameters import number

Result = TypeVar("Result")

#: Radians, and shares of a frequency, below which two kernels count as of one kind.
CLOSE = 1e-6


@lru_cache(maxsize=16)
def default_bank(preset: str | None = None, *, scales: int = 4) -> GaborBank:
    """The bank of what is given none: of a preset, or a grid of some scales.

    Made once: making a bank takes a quarter of the time of filtering 512 x 512 pixels by it.
    """
    return GaborBank.grid(scales) if preset is None else GaborBank.preset(preset)


@dataclass(frozen=True)
class Grid:
    """Scales times orientations.

    Attributes
    ----------
    wavelengths : tuple of float
        In pixels, dilation included: S of them, the finest first.
    thetas : tuple of float
        In radians, in [0, pi), ascending: O of them, pi / O apart.
    places : tuple of tuple of int
        For each scale, the places of its orientations in the bank.
    """

    wavelengths: tuple[float, ...]
    thetas: tuple[float, ...]
    places: tuple[tuple[int, ...], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of scales and of orientations, (S, O)."""
        return len(self.wavelengths), len(self.thetas)

    @property
    def ratio(self) -> float:
        """Dilation from one scale to the next.

        Raises
        ------
        FeatureError
            If there is one scale only, or the dilations differ.
        """
        ratios = [b / a for a, b in pairwise(self.wavelengths)]
        if not ratios or max(ratios) > (1 + CLOSE) * min(ratios):
            lengths = ", ".join(f"{wavelength:.4g}" for wavelength in self.wavelengths)
            raise FeatureError(
                f"scales are pooled over equal dilations, not wavelengths of {lengths} pixels; "
                "GaborBank.grid(scales=4) works"
            )
        return ratios[0]


def grid_of(bank: GaborBank) -> Grid:
    """Find the scales and orientations of a bank.

    Parameters
    ----------
    bank : GaborBank
        At every scale the same kernel, turned by multiples of pi / O, in any order.

    Raises
    ------
    FeatureError
        If it is not made so.

    Examples
    --------
    >>> grid = grid_of(GaborBank.preset("manjunath"))
    >>> grid.shape, grid.wavelengths[:2], grid.places[1]
    ((4, 6), (2.5, 5.0), (6, 7, 8, 9, 10, 11))
    """
    return _current(_grid_of, bank)


def banks_by_orientation(bank: GaborBank) -> tuple[GaborBank, ...]:
    """For each theta of a grid, the kernels of all scales that have it, the finest first.

    Those of theta + pi are turned round: the odd parts of opposite directions would cancel.

    Raises
    ------
    FeatureError
        If the bank is no grid.
    """
    return _current(_banks_by_orientation, bank)


def channel_names(bank: GaborBank) -> tuple[str, ...]:
    """The bank's labels, with the place in the bank in front of those that come twice.

    Examples
    --------
    >>> from gaborkit import GaborKernel
    >>> bank = GaborBank([GaborKernel(wavelength=8, sigma=sigma) for sigma in (4, 6)])
    >>> channel_names(bank)
    ('0: 8 px, 0°', '1: 8 px, 0°')
    """
    labels = bank.labels
    return tuple(
        label if labels.count(label) == 1 else f"{k}: {label}" for k, label in enumerate(labels)
    )


def _current(function: functools._lru_cache_wrapper[Result], bank: GaborBank) -> Result:
    """What is kept of a bank; found anew if it learns, as its numbers change and pass gradients."""
    learns = any(kernel.learnable for kernel in bank)
    return function.__wrapped__(bank) if learns else function(bank)


@lru_cache(maxsize=16)
def _grid_of(bank: GaborBank) -> Grid:
    scales = [_by_theta(bank, members) for members in _by_frequency(bank)]
    thetas = [theta for theta, _ in scales[0]]
    for members in scales:
        angles = [theta for theta, _ in members]
        if len(angles) != len(thetas) or not np.allclose(angles, thetas, rtol=0, atol=CLOSE):
            first, other = (bank[row[0][1]].frequency for row in (scales[0], members))
            raise _no_grid(
                f"{1 / first:.4g} px has {_degrees(thetas)}, {1 / other:.4g} px {_degrees(angles)}"
            )
        kernels = [bank[k] for _, k in members]
        if not all(_rotations(kernels[0], kernel) for kernel in kernels[1:]):
            raise _no_grid(
                f"kernels of {1 / kernels[0].frequency:.4g} px differ in more than theta"
            )
    even = thetas[0] + np.arange(len(thetas)) * math.pi / len(thetas)
    if not np.allclose(thetas, even, rtol=0, atol=CLOSE):
        raise _no_grid(f"{_degrees(thetas)} do not lie {180 / len(thetas):.4g}° apart")
    return Grid(
        tuple(1 / bank[members[0][1]].frequency for members in scales),
        tuple(thetas),
        tuple(tuple(k for _, k in members) for members in scales),
    )


@lru_cache(maxsize=16)
def _banks_by_orientation(bank: GaborBank) -> tuple[GaborBank, ...]:
    grid = grid_of(bank)
    return tuple(
        GaborBank(k.rotated(theta - number(k.theta)) for k in (bank[row[o]] for row in grid.places))
        for o, theta in enumerate(grid.thetas)
    )


def _no_grid(problem: str) -> FeatureError:
    return FeatureError(
        f"the bank is no grid of scales and orientations: {problem}; "
        "GaborBank.grid(scales=4, orientations=6) is one"
    )


def _by_frequency(bank: GaborBank) -> list[list[int]]:
    """Places of the kernels of each frequency, the highest first."""
    scales: list[list[int]] = []
    for k in sorted(range(len(bank)), key=lambda k: -bank[k].frequency):
        if scales and bank[scales[-1][0]].frequency < (1 + CLOSE) * bank[k].frequency:
            scales[-1].append(k)
        else:
            scales.append([k])
    return scales


def _by_theta(bank: GaborBank, places: Sequence[int]) -> list[tuple[float, int]]:
    """Theta in the half circle and place of each kernel, ascending."""
    groups = []
    for k in places:
        theta = number(bank[k].theta) % math.pi
        groups.append((0.0 if math.pi - theta < CLOSE else theta, k))
    groups.sort()
    for (theta, one), (following, other) in pairwise(groups):
        if following - theta < CLOSE:
            raise _no_grid(f"kernels {one} and {other} are both of {bank[one].label}")
    return groups


def _rotations(one: Kernel, other: Kernel) -> bool:
    """Whether two kernels differ in theta alone."""
    fields, others = one.to_dict(), other.to_dict()
    return fields.keys() == others.keys() and all(
        name == "theta" or _equal(value, others[name]) for name, value in fields.items()
    )


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(one == other)


def _degrees(thetas: Sequence[float]) -> str:
    return ", ".join(f"{math.degrees(theta):.4g}°" for theta in thetas)
