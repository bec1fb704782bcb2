"""TIFF: which pages make the picture, and any region of it.

One reader for whole pictures and for tiles, so that they cannot disagree. Of a file that is
compressed or tiled, only the strips and tiles that a region needs are decoded.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PictureError
from .expansion import oriented
from .tiff_chain import count_directories
from .tiff_pages import Page, planes_of

#: Reads ``count`` bytes of the file at ``offset``.
Read = Callable[[int, int], bytes]

#: Of a picture: a whole number or a slice of step 1 for every axis.
Index = tuple[int | slice, ...]


def decode(
    stream: IO[bytes], check_size: Callable[[int], None], number: int | None
) -> NDArray[Any]:
    """Return the picture of an open file, or its page of a number."""

    def read(offset: int, count: int) -> bytes:
        stream.seek(offset)
        return stream.read(count)

    picture = open_picture(stream, read, check_size=check_size, number=number)
    return picture[(slice(None),) * len(picture.shape)]


def open_picture(
    stream: IO[bytes],
    read: Read,
    *,
    cache: int = 0,
    check_size: Callable[[int], None] = lambda pixels: None,
    number: int | None = None,
) -> TiffPicture:
    """Find the pages of an open file that make its picture.

    Those that the file calls reductions or masks of others are left out.

    Parameters
    ----------
    stream : binary file
        Not needed any more once this returns.
    read : callable (offset, count)
        Bytes of the file.
    cache : int
        Bytes of decoded strips and tiles to keep.
    check_size : callable (pixels)
        Raises if these are too many.
    number : int, optional
        Of the one page that is wanted, from 0; all if None.

    Raises
    ------
    PictureError
        If the file is damaged, its pages are no stack, or their values are of a kind that is not
        read.
    """
    import tifffile

    count = count_directories(stream)
    stored = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    # Not as OME: its XML may point to other files.
    with tifffile.TiffFile(stream, is_ome=False) as tiff:
        # tifffile ends a broken chain at the break, as if there were no more.
        if not count or len(tiff.pages) != count:
            raise PictureError("is damaged: it has no complete list of pages")
        planes = [plane for k in range(count) for plane in planes_of(tiff, tiff.pages[k], stored)]
        if number is not None:
            if number >= len(planes):
                raise PictureError(
                    f"has {len(planes)} pages; their numbers are 0 to {len(planes) - 1}"
                )
            planes = [planes[number]]
        main = [page for page in planes if not page[0].reduced] or planes
        for page, _ in main:
            # Tiles are decoded as wholes, however small the picture is.
            check_size(max(math.prod(page.piece), math.prod(page.size)))
        check_size(sum(math.prod(page.size) * page.samples.bands for page, _ in main))
        kinds = {page.kind for page, _ in main}
        if len(kinds) > 1:
            raise PictureError(_unlike(planes))
        return TiffPicture(read, main, cache)


def _unlike(planes: Sequence[tuple[Page, int]]) -> str:
    """Say which pages are unlike others."""
    runs = [
        (text, [k for k, _ in members])
        for text, members in itertools.groupby(enumerate(planes), lambda pair: str(pair[1][0]))
    ]
    told = [
        f"{numbers[0]}{f' to {numbers[-1]}' * (len(numbers) > 1)}: {text}"
        for text, numbers in runs[:4]
    ]
    more = ", ..." if len(runs) > len(told) else ""
    return (
        f"its pages are not alike ({', '.join(told)}{more}); a page's number in brackets behind "
        "the name, such as [0], reads one of them"
    )


class TiffPicture:
    """A picture whose strips or tiles are decoded when they are asked for.

    Attributes
    ----------
    shape : tuple of int
        (H, W), (H, W, C), (pages, H, W) or (pages, H, W, C). Samples that are no colour are pages.
    dtype : dtype
    piece : int
        Bytes of the largest strip or tile.
    run : (int, dtype), optional
        Where values start, and their dtype there, if they lie in the file as they do in memory.
    label : str
        What errors start with.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    piece: int
    run: tuple[int, np.dtype[Any]] | None

    label = ""

    def __init__(self, read: Read, planes: Sequence[tuple[Page, int]], cache: int) -> None:
        self._read, self._planes = read, planes
        first = planes[0][0]
        samples = first.samples
        self._full = (len(planes) * samples.bands, *first.size, samples.channels)
        self.shape = tuple(
            size for axis, size in enumerate(self._full) if axis in (1, 2) or size > 1
        )
        self.dtype = samples.dtype
        pages = {id(page): page for page, _ in planes}
        self.piece = max(
            math.prod(page.piece) * page.grid[4] * page.samples.dtype.itemsize
            for page in pages.values()
        )
        self.run = self._run()
        self._segment = functools.lru_cache(max(1, cache // self.piece))(self._decode)

    def _run(self) -> tuple[int, np.dtype[Any]] | None:
        """Where values start that lie in order, without gaps, and their dtype there."""
        page, depth = self._planes[0]
        separate, deep, height, width, contiguous = page.grid
        bands = page.samples.bands
        if bands != separate or (bands > 1 and (contiguous > 1 or deep > 1)) or page.run is None:
            return None
        layer = height * width * contiguous * self.dtype.itemsize
        offset, dtype = page.run
        first = offset + depth * layer
        for k, (one, index) in enumerate(self._planes):
            if one.run != (first + k * layer * separate - index * layer, dtype):
                return None
        return first, dtype

    def __getitem__(self, index: Index) -> NDArray[Any]:
        """Values of a region.

        Raises
        ------
        PictureError
            If a strip or tile of it cannot be decoded.
        """
        rest = iter(index)
        # Axes of one page or one channel are not among those that are seen.
        whole = [
            next(rest) if axis in (1, 2) or size > 1 else 0 for axis, size in enumerate(self._full)
        ]
        (first, last), rows, columns, channels = (
            (item if isinstance(item, slice) else slice(item, item + 1)).indices(size)[:2]
            for item, size in zip(whole, self._full, strict=True)
        )
        bands = self._planes[0][0].samples.bands
        shape = (
            last - first,
            rows[1] - rows[0],
            columns[1] - columns[0],
            channels[1] - channels[0],
        )
        values = np.empty(shape, self.dtype)
        for k in range(first // bands, -(-last // bands)):
            start, stop = max(first, k * bands), min(last, (k + 1) * bands)
            region = self._region(
                *self._planes[k], rows, columns, start - k * bands, stop - k * bands
            )
            part = values[start - first : stop - first]
            if bands > 1:
                part[..., 0] = np.moveaxis(region, -1, 0)
            else:
                part[0] = region[..., slice(*channels)]
        return values[tuple(slice(None) if isinstance(item, slice) else 0 for item in whole)]

    def _region(
        self,
        page: Page,
        depth: int,
        rows: tuple[int, int],
        columns: tuple[int, int],
        start: int,
        stop: int,
    ) -> NDArray[Any]:
        """Values (h, w, channels) of a page that is turned upright, or (h, w, bands)."""
        height, width = page.size
        # Back to where they are stored: flips first, then the exchange of rows and columns.
        if page.orientation in (3, 4, 7, 8):
            rows = (height - rows[1], height - rows[0])
        if page.orientation in (2, 3, 6, 7):
            columns = (width - columns[1], width - columns[0])
        if page.orientation in (5, 6, 7, 8):
            rows, columns = columns, rows
        if page.samples.bands == 1:
            start, stop = 0, page.samples.stored
        stored = self._stored(page, depth, rows, columns, start, stop)
        return oriented(page.samples.convert(stored), page.orientation, rows=0, columns=1)

    def _stored(
        self,
        page: Page,
        depth: int,
        rows: tuple[int, int],
        columns: tuple[int, int],
        start: int,
        stop: int,
    ) -> NDArray[Any]:
        """Samples ``start`` to ``stop`` (h, w, samples) as they are stored."""
        (top, bottom), (left, right) = rows, columns
        separate, deep, height, width, _ = page.grid
        thick, tall, wide = page.piece
        layers, down, across = -(-deep // thick), -(-height // tall), -(-width // wide)
        region: NDArray[Any] | None = None
        planes = range(start, stop) if separate > 1 else range(1)
        for plane, i, j in itertools.product(
            planes,
            range(top // tall, -(-bottom // tall)),
            range(left // wide, -(-right // wide)),
        ):
            number = ((plane * layers + depth // thick) * down + i) * across + j
            segment = self._segment(page, number)
            if region is None:
                dtype = page.samples.dtype if segment is None else segment.dtype
                shape = (bottom - top, right - left, stop - start)
                region = np.full(shape, page.background, dtype.newbyteorder("="))
            if segment is None:
                continue
            layer = segment[depth % thick]
            y, x = i * tall, j * wide
            above, before = max(top, y), max(left, x)
            below, after = min(bottom, y + len(layer)), min(right, x + layer.shape[1])
            channels = slice(plane - start, plane - start + 1) if separate > 1 else slice(None)
            picked = layer if separate > 1 else layer[..., start:stop]
            region[above - top : below - top, before - left : after - left, channels] = picked[
                above - y : below - y, before - x : after - x
            ]
        assert region is not None
        return region

    def _decode(self, page: Page, number: int) -> NDArray[Any] | None:
        """A strip or tile (depth, rows, columns, samples); None where the file leaves it out."""
        offset, count = page.locate(number)
        if not count:
            return None
        data = self._read(offset, count)
        try:
            return page.decode(data, number)
        except Exception as cause:
            reason = " ".join(str(cause).split()) or type(cause).__name__
            raise PictureError(
                f"{self.label}is damaged or truncated: a piece of it cannot be decoded ({reason}); "
                "a complete copy of the file would work"
            ) from cause
