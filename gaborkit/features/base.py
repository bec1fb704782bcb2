"""What every descriptor of a picture offers: a fixed list of named values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError
from ..filtering.backend import library_of
from ..filtering.regions import cut_out, regions
from ..filtering.run import with_leading_channels
from ..types import Array
from .table import Features


class Descriptor(ABC):
    """A picture in, named values out. Subclasses are frozen dataclasses of their parameters."""

    @abstractmethod
    def names(self, shape: tuple[int, int]) -> tuple[str, ...]:
        """Name of each value for pictures of ``shape`` (H, W), most often whatever it is."""

    @abstractmethod
    def values(self, planes: Array, inside: NDArray[np.bool_] | None = None) -> Array:
        """Values (..., F) of grey pictures (..., H, W), of their library, device and precision.

        With ``inside`` (H, W), of these pixels alone; the others hold the values of their nearest.
        """

    def describe(
        self,
        image: Array,
        *,
        channel_axis: int | None = None,
        mask: Any = None,
        labels: Any = None,
    ) -> Features:
        """Describe one picture or many, or objects in them.

        Parameters
        ----------
        image : real array or tensor (..., H, W)
            Integers are promoted as by :meth:`GaborBank.filter`.
        channel_axis : int, optional
            Axis of colour: the channels are described one by one, and their features lie side by
            side, named ``c0 ...``, ``c1 ...``. :func:`gaborkit.luminance` makes one of three.
        mask : array or tensor (H, W), optional
            What is neither 0 nor NaN is described; values outside have no part in it.
        labels : array or tensor of whole numbers (H, W), optional
            0 is outside, each other number an object, which is described as by its mask.

        Returns
        -------
        Features
            Values (..., F); with ``channel_axis`` (..., channels * F). With labels (..., N, F), a
            row for each object, their numbers ascending, as ``numpy.unique`` gives them.

        Raises
        ------
        ImageError, FilterError
            As :meth:`GaborBank.filter`.
        FeatureError
            If the picture does not fit the descriptor, or objects of several sizes have other
            features.
        """
        library = library_of(image)
        planes = with_leading_channels(library, library.promote(image), channel_axis)
        if mask is None and labels is None:
            names = self.names(tuple(planes.shape[-2:]))
            return _side_by_side(self.values(planes), names, channel_axis)
        objects = []
        for region in regions(tuple(planes.shape[-2:]), mask=mask, labels=labels):
            box = cut_out(planes, region)
            names = self.names(tuple(box.shape[-2:]))
            flat = box.reshape(-1, *box.shape[-2:])
            values = library.stack([self.values(plane, region.inside) for plane in flat], 0)
            values = values.reshape(*box.shape[:-2], len(names))
            objects.append(_side_by_side(values, names, channel_axis))
        if labels is None:
            return objects[0]
        if len({one.names for one in objects}) > 1:
            raise FeatureError("objects of several sizes have other features; choose a size")
        rows = [one.values for one in objects]
        return Features(library.stack(rows, rows[0].ndim - 1), objects[0].names)


def _side_by_side(values: Array, names: tuple[str, ...], channel_axis: int | None) -> Features:
    """Values (..., F), or of channels (..., C, F) in one row."""
    if channel_axis is None:
        return Features(values, names)
    channels = values.shape[-2]
    flat = values.reshape(*values.shape[:-2], channels * len(names))
    return Features(flat, [f"c{c} {name}" for c in range(channels) for name in names])
