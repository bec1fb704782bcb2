"""Which wavelets follow each other, in which order coefficients come, and what they are called."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..bank import GaborBank
from ..features.bank_grid import channel_names
from ..kernels.parameters import number

#: Wavelength, in steps, from which a response is computed at every ``step``-th pixel only.
STEP = 8 / 3


class Path(NamedTuple):
    """What a coefficient has gone through.

    Attributes
    ----------
    order : int
        0, 1 or 2: the number of wavelets.
    wavelets : tuple of int
        Their places in the bank.
    wavelengths, thetas : tuples of float
        Of each, in pixels and radians.
    name : str
        For tables.
    """

    order: int
    wavelets: tuple[int, ...]
    wavelengths: tuple[float, ...]
    thetas: tuple[float, ...]
    name: str


@dataclass(frozen=True)
class Scale:
    """Kernels of one frequency: their places in the bank, and the step of their responses."""

    members: tuple[int, ...]
    step: int


def scales_of(bank: GaborBank, J: int, oversampling: int) -> tuple[Scale, ...]:  # noqa: N803
    """The kernels by frequency, from the highest to the lowest.

    Examples
    --------
    >>> [scale.step for scale in scales_of(GaborBank.grid(scales=4, orientations=1), 3, 0)]
    [1, 2, 4, 8]
    """
    members: dict[float, list[int]] = {}
    for k, kernel in enumerate(bank):
        # Nine digits: rotation and dilation leave rounding errors.
        members.setdefault(float(f"{kernel.frequency:.9g}"), []).append(k)
    scales = []
    for frequency in sorted(members, reverse=True):
        octave = math.floor(math.log2(1 / (STEP * frequency)) + 1e-6) - oversampling
        scales.append(Scale(tuple(members[frequency]), 2 ** min(max(octave, 0), J)))
    return tuple(scales)


def places_of(scales: Sequence[Scale], order: int) -> dict[tuple[int, ...], int]:
    """Place of each path among the coefficients, by the kernels that it goes through."""
    rank = {k: index for index, scale in enumerate(scales) for k in scale.members}
    every = range(len(rank))
    paths: list[tuple[int, ...]] = [()]
    if order > 0:
        paths += [(k,) for k in every]
    if order > 1:
        paths += [(k, m) for k in every for m in every if rank[m] > rank[k]]
    return {path: index for index, path in enumerate(paths)}


def paths_of(bank: GaborBank, places: Iterable[tuple[int, ...]]) -> Iterator[Path]:
    """The paths in words and figures."""
    labels = channel_names(bank)
    for wavelets in places:
        kernels = [bank[k] for k in wavelets]
        yield Path(
            len(wavelets),
            wavelets,
            tuple(1 / kernel.frequency for kernel in kernels),
            tuple(number(kernel.theta) for kernel in kernels),
            " → ".join(labels[k] for k in wavelets) or "order 0",
        )


def table_of(paths: Sequence[Path]) -> str:
    """A line a path, for printing."""
    width = len(str(len(paths) - 1))
    lines = [f"  {'c':>{width}}  order  path"]
    for c, path in enumerate(paths):
        lines.append(f"  {c:>{width}}  {path.order:>5}  {path.name}")
    return "\n".join(lines)
