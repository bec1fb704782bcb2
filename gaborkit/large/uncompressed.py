"""Arrays that lie in a file as they lie in memory: npy, and TIFF without compression.

They are read and written row by row rather than mapped: the pages of a memory map count as
resident memory until it is closed, and a mapped region of a wide picture holds many more pages
than it needs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError

#: Bytes of a run below which writing maps the file instead: single samples between others.
SHORT = 64

#: Of an array with basic indexing: a whole number or a slice of step 1 for every axis.
Index = tuple[int | slice, ...]


@dataclass(frozen=True)
class Uncompressed:
    """An array in C order in a file, read and written by regions.

    Attributes
    ----------
    path : Path
    offset : int
        Of its first element, in bytes.
    shape : tuple of int
    dtype : dtype
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def check_whole(self) -> None:
        """Raise PictureError if the file is too short."""
        if self.path.stat().st_size < self.offset + math.prod(self.shape) * self.dtype.itemsize:
            raise PictureError(f"{self.path}: is truncated; a complete copy of the file would work")

    def __getitem__(self, index: Index) -> NDArray[Any]:
        shape, result, starts = self._runs(index)
        values = np.empty(shape, self.dtype)
        with self.path.open("rb") as stream:
            for run, start in zip(values, starts, strict=True):
                stream.seek(start)
                if stream.readinto(run.data.cast("B")) != run.nbytes:
                    self.check_whole()
        return values.reshape(result)

    def __setitem__(self, index: Index, values: NDArray[Any]) -> None:
        shape, result, starts = self._runs(index)
        if shape[1] * self.dtype.itemsize < SHORT:
            np.memmap(self.path, self.dtype, "r+", self.offset, self.shape)[index] = values
            return
        # Axes of ``values`` that count runs; a tile with its halo cut off is never copied whole.
        axes = next(axis for axis in range(len(result) + 1) if math.prod(result[:axis]) == shape[0])
        with self.path.open("r+b") as stream:
            for position, start in zip(np.ndindex(result[:axes]), starts, strict=True):
                stream.seek(start)
                stream.write(np.ascontiguousarray(values[position], self.dtype).data.cast("B"))

    def _runs(self, index: Index) -> tuple[tuple[int, int], tuple[int, ...], Iterator[int]]:
        """Number and length of the contiguous runs of a region, its shape, and where they start."""
        bounds = []
        for part, size in zip(index, self.shape, strict=True):
            span = part if isinstance(part, slice) else slice(part, part + 1)
            bounds.append(span.indices(size)[:2])
        lengths = [stop - start for start, stop in bounds]
        # All axes after the last one of which only a part is asked for lie in one piece.
        parts = [axis for axis, size in enumerate(self.shape) if lengths[axis] != size]
        last = max(parts, default=0)
        strides = [math.prod(self.shape[axis + 1 :]) for axis in range(len(self.shape))]
        starts = (
            self.offset
            + self.dtype.itemsize
            * (bounds[last][0] * strides[last] + sum(map(int.__mul__, part, strides)))
            for part in itertools.product(*(range(*span) for span in bounds[:last]))
        )
        result = tuple(
            length for part, length in zip(index, lengths, strict=True) if isinstance(part, slice)
        )
        return (math.prod(lengths[:last]), math.prod(lengths[last:])), result, starts
