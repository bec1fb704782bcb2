"""Tiles of a picture: how large within a budget, read with what lies around, filtered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FilterError, ImageError
from ..filtering.backend import NumpyLibrary
from ..filtering.dask_arrays import halo_of, without_halo
from ..filtering.filter import filter_array
from ..filtering.options import FilterOptions
from ..filtering.padding import source_index
from ..filtering.parts import part_dtype
from ..filtering.planner import Placement, plan_for
from ..types import Boundary, Outside
from .memory import bytes_of_mask, bytes_of_tile
from .sources import Planes

#: Sides of tiles, largest first; from 512 on, whole chunks of a zarr store.
SIDES = (4096, 3072, 2048, 1536, 1024, 512, 256, 128, 64, 32)


class Regions(Protocol):
    """Planes (..., H, W) that are read by regions, as :class:`~.sources.Planes` are."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(..., H, W)."""

    def read(self, plane: tuple[int, ...], rows: slice, columns: slice) -> NDArray[Any]:
        """A region (h, w) of one plane."""


@dataclass(frozen=True)
class Tile:
    """A part of one plane.

    Attributes
    ----------
    plane : tuple of int
        Place in the axes before rows and columns.
    rows, columns : slice
    """

    plane: tuple[int, ...]
    rows: slice
    columns: slice

    def __str__(self) -> str:
        plane = f"plane {self.plane}, " * bool(self.plane)
        rows, columns = self.rows, self.columns
        return f"{plane}rows {rows.start}:{rows.stop}, columns {columns.start}:{columns.stop}"


class TileGrid(Sequence[Tile]):
    """Tiles that cover an image (..., H, W), plane after plane, row after row.

    Examples
    --------
    >>> [str(tile) for tile in TileGrid((40, 50), (64, 32))]
    ['rows 0:40, columns 0:32', 'rows 0:40, columns 32:50']
    """

    shape: tuple[int, ...]
    side: tuple[int, int]

    def __init__(self, shape: tuple[int, ...], side: tuple[int, int]) -> None:
        self.shape, self.side = shape, side
        across = (-(-size // step) for size, step in zip(shape[-2:], side, strict=True))
        self._counts = (*shape[:-2], *across)

    def __len__(self) -> int:
        return math.prod(self._counts)

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < len(self):
            raise IndexError(number)  # ends iteration
        *plane, row, column = map(int, np.unravel_index(number, self._counts))
        rows, columns = (
            slice(position * step, min((position + 1) * step, size))
            for position, step, size in zip((row, column), self.side, self.shape[-2:], strict=True)
        )
        return Tile(tuple(plane), rows, columns)


def tile_shape(
    bank: GaborBank,
    planes: Planes,
    options: FilterOptions,
    *,
    memory: int,
    held: int,
    threads: int,
    outside: Outside | None = None,
) -> tuple[int, int]:
    """The largest tile that can be filtered within ``memory`` bytes, ``held`` of which are taken.

    With a mask, ``outside`` says what is done about what lies outside.

    Raises
    ------
    FilterError
        If even the smallest takes more; the message says how much would work.
    """
    height, width = planes.shape[-2:]
    halo = halo_of(bank, options.tolerance)

    def needed(side: int) -> int:
        shape = min(side, height), min(side, width)
        padded = shape[0] + 2 * halo, shape[1] + 2 * halo
        plan = plan_for(bank, padded, planes.real, Placement(), options)
        masked = 0
        if outside is not None:
            pieces = len(bank) if outside == "normalized" else 0
            masked = bytes_of_mask(shape, halo, pieces, planes.dtype, planes.real)
        return (
            held
            + masked
            + bytes_of_tile(
                shape,
                halo,
                len(bank),
                planes.dtype,
                planes.real,
                part_dtype(options.part, planes.real == np.float64),
                threads,
                engines=frozenset(step.engine for step in plan.steps),
            )
        )

    for side in SIDES:
        if needed(side) <= memory:
            return min(side, height), min(side, width)
    # A third more: with more memory, more of a TIFF is kept.
    megabytes = -(-needed(SIDES[-1]) * 4 // (3 * 10**6))
    raise FilterError(
        f"memory={memory} bytes hold no tile of {SIDES[-1]} pixels with {halo} around it for "
        f"{len(bank)} kernels; {megabytes}MB would work"
    )


def read_with_halo(planes: Regions, tile: Tile, halo: int, boundary: Boundary) -> NDArray[Any]:
    """A tile with ``halo`` pixels of what lies around it, inside the image or outside.

    Equal to that part of the padded image for every boundary mode and any halo.
    """
    height, width = planes.shape[-2:]
    rows, above, below = _positions(height, tile.rows, halo, boundary)
    columns, before, after = _positions(width, tile.columns, halo, boundary)
    taken_rows, row_order = np.unique(rows, return_inverse=True)
    taken_columns, column_order = np.unique(columns, return_inverse=True)
    # With wrap, a tile at the edge takes rows from both ends: each run is read by itself.
    block = np.concatenate(
        [
            np.concatenate(
                [planes.read(tile.plane, down, across) for across in _runs(taken_columns)], 1
            )
            for down in _runs(taken_rows)
        ]
    )
    if block.shape != (len(rows), len(columns)) or boundary == "wrap":
        block = np.take(np.take(block, column_order, 1), row_order, 0)
    if above or below or before or after:
        block = np.pad(block, [(above, below), (before, after)])
    return block


def _positions(
    size: int, span: slice, halo: int, boundary: Boundary
) -> tuple[NDArray[np.intp], int, int]:
    """Rows (or columns) under a tile and its halo, and how many zeros go before and after."""
    if boundary != "constant":
        return source_index(size, halo, boundary)[span.start : span.stop + 2 * halo], 0, 0
    first, last = span.start - halo, span.stop + halo
    inside = np.arange(max(first, 0), min(last, size))
    return inside, int(inside[0]) - first, last - 1 - int(inside[-1])


def _runs(taken: NDArray[np.intp]) -> list[slice]:
    """Ascending numbers as slices without gaps."""
    pieces = np.split(taken, np.flatnonzero(np.diff(taken) > 1) + 1)
    return [slice(int(piece[0]), int(piece[-1]) + 1) for piece in pieces]


def respond_at(
    bank: GaborBank, planes: Regions, tile: Tile, options: FilterOptions
) -> NDArray[Any]:
    """One part of the responses (K, h, w) of a tile.

    Raises
    ------
    ImageError
        If it holds NaN or infinity.
    """
    halo = halo_of(bank, options.tolerance)
    try:
        padded = read_with_halo(planes, tile, halo, options.boundary)
        responses: NDArray[Any] = filter_array(bank, padded, options)
        return without_halo(responses, halo)
    except ImageError as error:
        raise ImageError(wrong_pixels(planes, tile, halo) or f"{tile}: {error}") from error


def wrong_pixels(planes: Regions, tile: Tile, halo: int) -> str:
    """How many pixels of a tile, or else of what lies around it, are NaN or infinite, if any."""
    for around in (0, halo):
        rows, columns = (
            slice(max(0, part.start - around), min(size, part.stop + around))
            for part, size in zip((tile.rows, tile.columns), planes.shape[-2:], strict=True)
        )
        try:
            NumpyLibrary().check_finite(planes.read(tile.plane, rows, columns))
        except ImageError as error:
            return f"{Tile(tile.plane, rows, columns)}: {error}"
    return ""
