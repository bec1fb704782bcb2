"""Maps of a part of a picture: what lies outside a mask never reaches a value inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..filtering.backend import library_of
from ..filtering.regions import Region, check_outside, cut_out, regions
from ..types import Array, ArrayT, Outside


class Interior(NamedTuple):
    """Which part of pictures (..., H, W) maps are made of.

    Attributes
    ----------
    shape : (H, W)
    region : Region or None
        The mask's bounding box, and its pixels in that; None is the whole picture.
    outside : {"nearest", "normalized"}
        As in :meth:`GaborBank.filter`.
    """

    shape: tuple[int, int]
    region: Region | None
    outside: Outside

    @property
    def inside(self) -> NDArray[np.bool_] | None:
        """Pixels (h, w) of the box that count; None are all."""
        return None if self.region is None else self.region.inside

    def box(self, planes: ArrayT) -> ArrayT:
        """The bounding box (..., h, w), filled outside with the nearest pixel inside."""
        return planes if self.region is None else cut_out(planes, self.region)

    def responses(self, bank: GaborBank, box: Array, **options: Any) -> Iterator[Array]:
        """Responses (..., h, w) of a bank to the box; 0 outside where they are normalised."""
        # Boxes a few pixels wide are not taken for colours.
        options["channel_axis"] = -3 if box.ndim > 2 else None
        if self.region is None or self.outside == "nearest":
            return bank.responses(box, **options)
        mask = self.region.inside
        responses = bank.filter(box, mask=mask, outside=self.outside, **options)
        return iter(library_of(box).moveaxis(responses, -3, 0))

    def filtered(self, bank: GaborBank, box: ArrayT, **options: Any) -> ArrayT:
        """Responses (..., K, h, w) of a bank to the box, together; see :meth:`responses`."""
        if self.region is not None and self.outside == "normalized":
            options |= {"mask": self.region.inside, "outside": self.outside}
        return bank.filter(box, channel_axis=-3 if box.ndim > 2 else None, **options)

    def refilled(self, box: ArrayT) -> ArrayT:
        """Maps (..., h, w) of the box, outside with the nearest value inside."""
        if self.region is None:
            return box
        height, width = self.region.inside.shape
        return cut_out(box, Region(1, slice(height), slice(width), self.region.inside))

    def put_back(self, box: ArrayT) -> ArrayT:
        """Maps (..., H, W) of maps of the box, 0 outside the mask."""
        if self.region is None:
            return box
        size = (*box.shape[:-2], *self.shape)
        whole = np.zeros(size, box.dtype) if isinstance(box, np.ndarray) else box.new_zeros(size)
        y, x = np.nonzero(self.region.inside)
        rows, columns = y + self.region.rows.start, x + self.region.columns.start
        whole[..., rows, columns] = box[..., y, x]
        return whole


def interior_of(planes: Array, mask: Any, outside: Outside) -> Interior:
    """The part of pictures (..., H, W) that a mask leaves.

    Raises
    ------
    FilterError
        If the mask does not fit the pictures or leaves no pixel, or ``outside`` is unknown.
    """
    check_outside(outside)
    height, width = planes.shape[-2:]
    region = None if mask is None else regions((height, width), mask=mask)[0]
    return Interior((height, width), region, outside)
