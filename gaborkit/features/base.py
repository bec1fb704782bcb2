"""What every descriptor of a picture offers: a fixed list of named values."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..filtering.backend import library_of
from ..filtering.run import with_leading_channels
from ..types import Array
from .table import Features


class Descriptor(ABC):
    """A picture in, named values out. Subclasses are frozen dataclasses of their parameters."""

    @abstractmethod
    def names(self, shape: tuple[int, int]) -> tuple[str, ...]:
        """Name of each value for pictures of ``shape`` (H, W), most often whatever it is."""

    @abstractmethod
    def values(self, planes: Array) -> Array:
        """Values (..., F) of grey pictures (..., H, W), of their library, device and precision."""

    def describe(self, image: Array, *, channel_axis: int | None = None) -> Features:
        """Describe one picture or many.

        Parameters
        ----------
        image : real array or tensor (..., H, W)
            Integers are promoted as by :meth:`GaborBank.filter`.
        channel_axis : int, optional
            Axis of colour: the channels are described one by one, and their features lie side by
            side, named ``c0 ...``, ``c1 ...``. :func:`gaborkit.luminance` makes one of three.

        Returns
        -------
        Features
            Values (..., F); with ``channel_axis`` (..., channels * F).

        Raises
        ------
        ImageError
            As :meth:`GaborBank.filter`.
        FeatureError
            If the picture does not fit the descriptor.
        """
        library = library_of(image)
        planes = with_leading_channels(library, library.promote(image), channel_axis)
        names = self.names(tuple(planes.shape[-2:]))
        values = self.values(planes)
        if channel_axis is None:
            return Features(values, names)
        channels = planes.shape[-3]
        flat = values.reshape(*values.shape[:-2], channels * len(names))
        return Features(flat, [f"c{c} {name}" for c in range(channels) for name in names])
