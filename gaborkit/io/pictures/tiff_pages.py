"""Pages of a TIFF: where their pixels are and what they mean, without the open file."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PictureError
from .tiff_samples import Samples, samples_of

#: Bytes that are read of uncompressed rows at a time.
_ROWS = 2**18


@dataclass(frozen=True, eq=False)
class Page:
    """A page, or a plane of one that holds several: what tifffile knows, without the open file.

    ``grid`` is (planes of samples, depth, height, width, samples side by side), ``piece`` the
    (depth, rows, columns) of a strip or tile, which ``locate`` finds and ``decode`` decodes.
    """

    samples: Samples
    orientation: int
    grid: tuple[int, int, int, int, int]
    piece: tuple[int, int, int]
    locate: Callable[[int], tuple[int, int]]
    decode: Callable[[bytes, int], NDArray[Any]]
    background: Any
    run: tuple[int, np.dtype[Any]] | None  # of values that lie there as they are: offset, dtype
    reduced: bool

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns once it is upright."""
        height, width = self.grid[2:4]
        return (width, height) if self.orientation in (5, 6, 7, 8) else (height, width)

    @property
    def kind(self) -> tuple[Any, ...]:
        """What pages of one picture share."""
        return (*self.size, self.samples.channels, self.samples.bands, self.samples.dtype)

    def __str__(self) -> str:
        channels = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}
        samples = self.samples
        colour = f"{samples.bands} bands" if samples.bands > 1 else channels[samples.channels]
        return f"{self.size[0]} x {self.size[1]} {colour} {samples.dtype}"


def planes_of(tiff: Any, page: Any, stored: int) -> list[tuple[Page, int]]:
    """Planes of a directory of tifffile, each as a page and its place in the page's depth."""
    if not page.dataoffsets:
        raise PictureError("is damaged: a page has no data")
    samples = samples_of(page)
    _, depth, height, width, contiguous = page.shaped
    if 0 in page.shaped:
        raise PictureError("is damaged: a page has no pixels")
    try:
        page.decode(None, 0)
    except Exception as cause:
        name = getattr(page.compression, "name", page.compression)
        raise PictureError(
            f"is a TIFF with compression {name}, which cannot be decoded "
            f"({' '.join(str(cause).split())}); a copy saved without compression would work"
        ) from cause
    orientation, reduced = page.tags.valueof(274, 1), page.is_reduced or page.is_mask
    if not page.is_final:
        jpeg = {"jpegtables": page.jpegtables} if page.jpegtables is not None else {}
        tiled = page.is_tiled
        piece = (page.tiledepth, page.tilelength, page.tilewidth)
        segments = Page(
            samples,
            orientation,
            page.shaped,
            piece if tiled else (1, min(page.rowsperstrip, height), width),
            functools.partial(_located, tuple(page.dataoffsets), tuple(page.databytecounts)),
            functools.partial(_decoded, page.decode, jpeg),
            page.nodata,
            None,
            reduced,
        )
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        _check_whole(max(ends, default=0) <= stored)
        return [(segments, k) for k in range(depth)]
    # All in one run: rows are read in pieces of our own, of as many images as the run holds.
    images = _images(tiff, page)
    start, row = page.dataoffsets[0], width * contiguous * page.dtype.itemsize
    rows = min(max(1, _ROWS // row), height)
    dtype = np.dtype(page.dtype).newbyteorder(tiff.byteorder)
    _check_whole(start + images * page.nbytes <= stored)
    planes = []
    for image in range(images):
        first = start + image * page.nbytes
        run = Page(
            samples,
            orientation,
            page.shaped,
            (1, rows, width),
            functools.partial(_rows, first, row, height, rows),
            functools.partial(_raw, dtype, (1, -1, width, contiguous)),
            page.nodata,
            (first, dtype) if samples.plain and orientation not in range(2, 9) else None,
            reduced,
        )
        planes += [(run, k) for k in range(depth)]
    return planes


def _images(tiff: Any, page: Any) -> int:
    """Images that lie one behind the other in the data of one directory."""
    import tifffile

    if page.shaped_description is not None:
        described = tifffile.tifffile.shaped_description_metadata(page.shaped_description)
        if not described.get("truncated"):
            return 1
        images, rest = divmod(math.prod(described["shape"]), math.prod(page.shaped))
        return 1 if rest else max(images, 1)
    if page.index or len(tiff.pages) > 1 or not (tiff.is_imagej or page.is_stk):
        return 1
    if tiff.is_imagej:
        images = (tiff.imagej_metadata or {}).get("images", 1)
        grey = math.prod(page.shaped) == math.prod(page.shaped[2:4])
        end = page.dataoffsets[0] + images * page.nbytes
        _check_whole(not grey or end <= tiff.filehandle.size)
    return max(1, tiff.series[0].size // math.prod(page.shaped))


def _check_whole(whole: bool) -> None:
    if not whole:
        raise PictureError("is truncated; a complete copy of the file would work")


def _located(offsets: Sequence[int], counts: Sequence[int], number: int) -> tuple[int, int]:
    return offsets[number], counts[number]


def _decoded(decode: Any, jpeg: dict[str, Any], data: bytes, number: int) -> NDArray[Any]:
    """A strip or tile (depth, rows, columns, samples)."""
    return np.asarray(decode(data, number, **jpeg)[0])


def _rows(start: int, row: int, height: int, rows: int, number: int) -> tuple[int, int]:
    image, part = divmod(number, -(-height // rows))
    first = part * rows
    return start + (image * height + first) * row, min(rows, height - first) * row


def _raw(dtype: np.dtype[Any], shape: tuple[int, ...], data: bytes, number: int) -> NDArray[Any]:
    return np.frombuffer(data, dtype).reshape(shape)
