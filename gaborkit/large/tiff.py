"""TIFF by regions: of a file that is compressed or tiled, only the pieces that are asked for."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .raw import Index, Raw


def open_tiff(path: Path, cache: int) -> Raw | Segments:
    """The first series of pages, (H, W), (H, W, C), (pages, H, W) or (pages, H, W, C).

    Parameters
    ----------
    path : Path
    cache : int
        Bytes of decoded strips and tiles to keep.

    Raises
    ------
    PictureError
        If the file is damaged, or can only be decoded as a whole.
    """
    import tifffile

    try:
        # Not as OME: its XML may point to other files.
        with tifffile.TiffFile(path, is_ome=False) as tiff:
            series = tiff.series[0]
            page = series.keyframe
            kinds = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
            if (
                page.photometric not in kinds
                or page.bitspersample not in (8, 16, 32, 64)
                or page.tags.valueof(274, 1) != 1
                or page.shaped[1] != 1
            ):
                raise PictureError(
                    f"{path}: a {page.photometric.name} TIFF of {page.bitspersample} bits and "
                    f"orientation {page.tags.valueof(274, 1)} is only read as a whole; "
                    "grey or RGB, upright, of 8 bits or more works in tiles"
                )
            separate, _, height, width, samples = page.shaped
            shape = (len(series.pages), height, width, separate * samples)
            if series.dataoffset is not None and separate == 1:
                kept = tuple(size for size in (shape[0], shape[3]) if size > 1)
                squeezed = (*kept[: shape[0] > 1], height, width, *kept[shape[0] > 1 :])
                dtype = np.dtype(series.dtype).newbyteorder(tiff.byteorder)
                raw = Raw(path, series.dataoffset, squeezed, dtype)
                raw.check_whole()
                return raw
            return Segments(path, page, list(series.pages), shape, cache)
    except PictureError:
        raise
    except OSError as cause:
        raise PictureError(f"{path}: cannot be read ({cause.strerror or cause})") from cause
    except Exception as cause:  # tifffile raises almost anything on damaged files
        raise PictureError(f"{path}: cannot be read as TIFF ({_one_line(cause)})") from cause


class Segments:
    """Strips or tiles of the pages of a TIFF, decoded when they are asked for.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    chunks : (int, int)
        Rows and columns of a strip or tile.
    piece : int
        Bytes of one.
    """

    def __init__(
        self, path: Path, page: Any, pages: Sequence[Any], shape: tuple[int, ...], cache: int
    ) -> None:
        self.path, self.dtype, self._full = path, np.dtype(page.dtype), shape
        self.shape = tuple(size for axis, size in enumerate(shape) if axis in (1, 2) or size > 1)
        self.chunks = (
            (page.tilelength, page.tilewidth)
            if page.is_tiled
            else (min(page.rowsperstrip, shape[1]), shape[2])
        )
        self._separate = page.shaped[0]
        self._places = [(tuple(one.dataoffsets), tuple(one.databytecounts)) for one in pages]
        self._tables = page.jpegtables
        # Made while the file is open: it reads tags.
        self._decode = page.decode
        ends = (sum(piece) for place in self._places for piece in zip(*place, strict=True))
        if max(ends) > path.stat().st_size:
            raise PictureError(f"{path}: is truncated; a complete copy of the file would work")
        samples = shape[3] // self._separate
        self.piece = math.prod(self.chunks) * samples * self.dtype.itemsize
        self._segment = functools.lru_cache(max(1, cache // self.piece))(self._read_segment)
        self._segment(0, 0)  # a compression that cannot be decoded shows at once

    def __getitem__(self, index: Index) -> NDArray[Any]:
        given = iter(index)
        # Axes of one page or one sample are not among those that are seen.
        whole = [
            next(given) if axis in (1, 2) or size > 1 else 0 for axis, size in enumerate(self._full)
        ]
        spans = [place if isinstance(place, slice) else slice(place, place + 1) for place in whole]
        (first, last), *rest = (
            span.indices(size)[:2] for span, size in zip(spans, self._full, strict=True)
        )
        pages = [self._region(page, *rest) for page in range(first, last)]
        kept = tuple(slice(None) if isinstance(place, slice) else 0 for place in whole)
        return np.stack(pages)[kept]

    def _region(
        self, page: int, rows: tuple[int, int], columns: tuple[int, int], samples: tuple[int, int]
    ) -> NDArray[Any]:
        """One page's region (h, w, samples)."""
        (top, bottom), (left, right) = rows, columns
        tall, wide = self.chunks
        across, down = -(-self._full[2] // wide), -(-self._full[1] // tall)
        contiguous = self._full[3] // self._separate
        region = np.zeros((bottom - top, right - left, self._full[3]), self.dtype)
        for plane, i, j in itertools.product(
            range(self._separate),
            range(top // tall, -(-bottom // tall)),
            range(left // wide, -(-right // wide)),
        ):
            segment = self._segment(page, (plane * down + i) * across + j)
            if segment is None:
                continue
            y, x = i * tall, j * wide
            above, before = max(top, y), max(left, x)
            below, after = min(bottom, y + len(segment)), min(right, x + segment.shape[1])
            region[
                above - top : below - top,
                before - left : after - left,
                plane * contiguous : (plane + 1) * contiguous,
            ] = segment[above - y : below - y, before - x : after - x]
        return region[..., slice(*samples)]

    def _read_segment(self, page: int, number: int) -> NDArray[Any] | None:
        """A strip or tile (h, w, samples), or None where the file leaves it out: zeros."""
        offsets, counts = self._places[page]
        if not counts[number]:
            return None
        with self.path.open("rb") as stream:
            stream.seek(offsets[number])
            data = stream.read(counts[number])
        try:
            segment, _, _ = self._decode(data, number, jpegtables=self._tables)
        except Exception as cause:
            remedy = "; installing imagecodecs would work" if "imagecodecs" in str(cause) else ""
            raise PictureError(
                f"{self.path}: a piece of it cannot be decoded ({_one_line(cause)}){remedy}"
            ) from cause
        return None if segment is None else np.asarray(segment)[0]


def _one_line(cause: Exception) -> str:
    return " ".join(str(cause).split()) or type(cause).__name__
