"""Tiles of a part of a picture: equal to the masked whole, though each sees what is near it alone.

With ``outside="nearest"`` the mask's bounding box is filtered, and a pixel outside the mask has the
value of the nearest one inside. A kernel that reaches R pixels along rows and columns sees, from a
pixel p inside, no pixel q farther than sqrt(2) R; as p is inside, the pixel nearest to q is no
farther from q. What lies beyond the box is folded or clipped into it, which leaves p where it is
and brings no q farther from it. So a tile's halo, and sqrt(2) R around that, hold every value that
a response inside depends on. ``wrap`` brings pixels from the other side, whose nearest ones may be
anywhere, and is refused. With ``normalized``, what lies outside has no weight, and the halo does.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FilterError, ImageError
from ..filtering.backend import NumpyLibrary
from ..filtering.dask_arrays import halo_of, without_halo
from ..filtering.filter import filter_array
from ..filtering.options import FilterOptions
from ..filtering.parts import part_dtype
from ..filtering.regions import (
    Region,
    check_outside,
    cut_out,
    gabor_kernels,
    is_inside,
    masked_responses,
)
from ..types import Outside
from .memory import reach_of
from .sources import Planes, kept_open
from .tiles import Tile, TileGrid, read_with_halo, respond_at, wrong_pixels

#: Side of what is read at once to find where a mask is.
_SCANNED = 4096


@dataclass(frozen=True)
class TileMask:
    """Where in a large picture pixels count; it can be sent to another process if it is a path.

    Attributes
    ----------
    source : str or array (H, W)
        What is not 0 is inside.
    outside : {"nearest", "normalized"}
        As in :meth:`gaborkit.GaborBank.filter`.
    rows, columns : slice
        Bounding box of what is inside.
    checksum : int
        Of what is inside.
    cache : int
        Bytes of decoded pieces of a TIFF to keep.
    """

    source: Any
    outside: Outside
    rows: slice
    columns: slice
    checksum: int
    cache: int

    @classmethod
    def scan(cls, source: Any, outside: Outside, shape: tuple[int, int], cache: int) -> Self:
        """Read a mask of a picture (H, W) once, region by region.

        Raises
        ------
        FilterError
            If it does not fit the picture or leaves no pixel of it, or ``outside`` is unknown.
        PictureError
            If it is a path, and no picture that is read by regions.
        """
        check_outside(outside)
        name = source if isinstance(source, str) else "mask"
        array = kept_open(source, cache)
        if tuple(array.shape) != shape or np.dtype(array.dtype).kind not in "buif":
            size = " x ".join(map(str, array.shape))
            raise FilterError(
                f"{name}: {size} pixels of {array.dtype} do not fit a picture of {shape[0]} x "
                f"{shape[1]}; one number for each pixel works"
            )
        along = [np.zeros(size, bool) for size in shape]
        checksum = 0
        for tile in TileGrid(shape, (_SCANNED, _SCANNED)):
            inside = is_inside(array[tile.rows, tile.columns])
            along[0][tile.rows] |= inside.any(1)
            along[1][tile.columns] |= inside.any(0)
            checksum = zlib.crc32(np.packbits(inside).tobytes(), checksum)
        if not along[0].any():
            raise FilterError(
                f"{name}: all pixels are 0, and what is not 0 is inside; give another"
            )
        spans = [np.flatnonzero(axis)[[0, -1]] for axis in along]
        rows, columns = (slice(int(first), int(last) + 1) for first, last in spans)
        return cls(source, outside, rows, columns, checksum, cache)

    @property
    def array(self) -> Any:
        """The stored mask."""
        return kept_open(self.source, self.cache)

    def inside(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Which pixels of a region (h, w) count."""
        return is_inside(self.array[rows, columns])


def check_maskable(bank: GaborBank, options: FilterOptions, outside: Outside) -> None:
    """Raise FilterError where tiles of a part of a picture are not those of the whole."""
    if outside == "normalized":
        gabor_kernels(bank)
    elif options.boundary == "wrap":
        raise FilterError(
            "boundary='wrap' with a mask brings pixels from the other side, which no tile sees; "
            "another boundary, outside='normalized', or GaborBank.filter of all of it works"
        )


def respond_within(
    bank: GaborBank, planes: Planes, mask: TileMask, tile: Tile, options: FilterOptions
) -> NDArray[Any]:
    """One part of the responses (K, h, w) of a tile, 0 outside the mask.

    Raises
    ------
    ImageError
        If a pixel inside the mask is NaN or infinite.
    """
    height, width = (span.stop - span.start for span in (tile.rows, tile.columns))
    dtype = part_dtype(options.part, planes.real == np.float64)
    responses = np.zeros((len(bank), height, width), dtype)
    rows, columns = _within(tile.rows, mask.rows), _within(tile.columns, mask.columns)
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return responses
    inside = mask.inside(rows, columns)
    if inside.any():
        halo = halo_of(bank, options.tolerance)
        part = Tile(
            tile.plane, _moved(rows, -mask.rows.start), _moved(columns, -mask.columns.start)
        )
        boxed = _Box(planes, mask, reach_of(halo))
        try:
            values = (
                respond_at(bank, boxed, part, options) * inside
                if mask.outside == "nearest"
                else _normalized_at(bank, boxed, part, options, halo)
            )
        except ImageError as error:
            inner = Tile(tile.plane, rows, columns)
            text = wrong_pixels(_Inside(planes, mask), inner, halo)
            raise ImageError(text or f"{tile}: {error}") from error
        top, left = rows.start - tile.rows.start, columns.start - tile.columns.start
        responses[:, top : top + inside.shape[0], left : left + inside.shape[1]] = values
    return responses


def _normalized_at(
    bank: GaborBank, boxed: _Box, tile: Tile, options: FilterOptions, halo: int
) -> NDArray[Any]:
    """Responses (K, h, w) of a tile of the box by normalised convolution."""
    block = NumpyLibrary().promote(read_with_halo(boxed, tile, halo, "constant"))
    inside = read_with_halo(_BoxOfMask(boxed), tile, halo, "constant")
    region = Region(1, slice(block.shape[0]), slice(block.shape[1]), inside)
    responses = masked_responses(bank, block, region, "normalized", options, filter_array)
    return without_halo(np.asarray(responses), halo)


class _Box:
    """A mask's bounding box as planes that are read by regions, filled near what is inside."""

    def __init__(self, planes: Planes, mask: TileMask, reach: int) -> None:
        self.planes, self.mask, self.reach = planes, mask, reach
        box = (mask.rows.stop - mask.rows.start, mask.columns.stop - mask.columns.start)
        self.shape = (*planes.shape[:-2], *box)

    def read(self, plane: tuple[int, ...], rows: slice, columns: slice) -> NDArray[Any]:
        """A region (h, w) of one plane, filled where a pixel inside is within reach."""
        height, width = self.shape[-2:]
        tall, wide = (
            slice(max(0, span.start - self.reach), min(size, span.stop + self.reach))
            for span, size in ((rows, height), (columns, width))
        )
        own = _moved(rows, -tall.start), _moved(columns, -wide.start)
        region = _moved(tall, self.mask.rows.start), _moved(wide, self.mask.columns.start)
        inside = self.mask.inside(*region)
        values = self.planes.read(plane, *region)
        if not inside.any():  # no response inside depends on these
            return np.zeros_like(values[own])
        if not inside[own].all():
            everything = (slice(inside.shape[0]), slice(inside.shape[1]))
            values = cut_out(values, Region(1, *everything, inside))
        return values[own]


class _Inside:
    """A picture that is 0 outside the mask, read as planes are."""

    def __init__(self, planes: Planes, mask: TileMask) -> None:
        self.planes, self.mask, self.shape = planes, mask, planes.shape

    def read(self, plane: tuple[int, ...], rows: slice, columns: slice) -> NDArray[Any]:
        """A region (h, w) of one plane."""
        return np.where(self.mask.inside(rows, columns), self.planes.read(plane, rows, columns), 0)


class _BoxOfMask:
    """The mask itself in its bounding box, read as planes are."""

    def __init__(self, boxed: _Box) -> None:
        self.mask, self.shape = boxed.mask, boxed.shape

    def read(self, plane: tuple[int, ...], rows: slice, columns: slice) -> NDArray[Any]:
        """Which pixels of a region (h, w) count, the same in all planes."""
        down, across = self.mask.rows.start, self.mask.columns.start
        return self.mask.inside(_moved(rows, down), _moved(columns, across))


def _within(span: slice, other: slice) -> slice:
    return slice(max(span.start, other.start), min(span.stop, other.stop))


def _moved(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)
