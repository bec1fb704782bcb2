"""One picture, one target, and any tile of it: what a process needs to work on its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..bank import GaborBank
from ..filtering.engines.threads import in_one_thread
from ..filtering.options import FilterOptions
from ..filtering.parts import part_dtype
from .masked_tiles import TileMask, respond_within
from .record import Limits
from .sources import Colour, Planes, kept_open
from .targets import Layout, Target, target_of
from .tiles import TileGrid, respond_at


@dataclass(frozen=True)
class TileJob:
    """A picture to be filtered into a file, tile by tile; it can be sent to another process.

    Attributes
    ----------
    bank : GaborBank
    single : bool
        Whether the target has no axis of kernels.
    source : str or array
        A path, to be sent.
    target : str
    channel_axis, colour
        As in :class:`~.sources.Planes`.
    options : FilterOptions
        Of the planes, which have no axis of colour any more.
    cache : int
        Bytes of decoded pieces of a TIFF to keep.
    tile : (int, int)
    spacing : (float, float), optional
        Millimetres of a pixel, down and across.
    mask : TileMask, optional
        Which pixels count.
    """

    bank: GaborBank
    single: bool
    source: Any
    target: str
    channel_axis: int | None
    colour: Colour
    options: FilterOptions
    cache: int
    tile: tuple[int, int] = (0, 0)
    spacing: tuple[float, float] | None = None
    mask: TileMask | None = None

    @property
    def array(self) -> Any:
        """The stored picture."""
        return kept_open(self.source, self.cache)

    @property
    def planes(self) -> Planes:
        """What is filtered of it."""
        return Planes(self.array, self.channel_axis, self.colour)

    @property
    def tiles(self) -> TileGrid:
        """All of it, by numbers that do not change."""
        return TileGrid(self.planes.shape, self.tile)

    @property
    def files(self) -> Target:
        """Where the responses go."""
        planes = self.planes
        *leading, height, width = planes.shape
        axis = () if self.single else (len(self.bank),)
        shape = (*leading, *axis, height, width)
        if self._colour_last:
            shape = (*leading[:-1], *axis, height, width, leading[-1])
        labels = None if self.single else self.bank.labels
        dtype = part_dtype(self.options.part, planes.real == np.float64)
        angles = self.options.part == "phase"
        layout = Layout(
            *(shape, dtype, labels, self.tile, self._colour_last, angles, self.spacing),
            channels=self.single and planes.has_channels and not self._colour_last,
        )
        return target_of(self.target, layout)

    @property
    def _colour_last(self) -> bool:
        tiff = Path(self.target).suffix.lower() in (".tif", ".tiff")
        # More than four channels are no colour to a TIFF: they are pages.
        return tiff and self.planes.has_channels and self.planes.shape[-3] <= 4

    def write(self, number: int) -> Limits:
        """Filter one tile and write it; its extreme values, None for complex ones.

        Raises
        ------
        ImageError
            If it holds NaN or infinity.
        """
        tile = self.tiles[number]
        planes = self.planes
        if self.mask is None:
            values = respond_at(self.bank, planes, tile, self.options)
        else:
            values = respond_within(self.bank, planes, self.mask, tile, self.options)
        channels: tuple[slice, ...] = (slice(None),)
        if self.single:
            values, channels = values[0], ()
        region: tuple[int | slice, ...] = (*tile.plane, *channels, tile.rows, tile.columns)
        if self._colour_last:
            *plane, channel = tile.plane
            region = (*plane, *channels, tile.rows, tile.columns, channel)
        self.files.open()[region] = values
        if np.iscomplexobj(values):
            return None
        return float(values.min()), float(values.max())

    def write_alone(self, number: int) -> Limits:
        """As :meth:`write`, in one thread: a cluster has tiles enough for all of them."""
        return in_one_thread(lambda: self.write(number))
