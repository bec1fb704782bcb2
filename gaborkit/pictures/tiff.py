"""Decode TIFF by tifffile and, what that cannot, by Pillow or OpenCV if nothing is lost."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Iterable
from itertools import islice
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from .pixels import expanded, from_opencv, oriented


def decode(stream: IO[bytes], check_size: Callable[[int], None]) -> NDArray[Any]:
    """Return the first series of pages, turned upright: (H, W), (H, W, C) or pages of these."""
    import tifffile

    # Not as OME: its XML may point to other files.
    with tifffile.TiffFile(stream, is_ome=False) as tiff:
        series = tiff.series[0]
        page = series.keyframe
        samples_axis = series.axes.find("S")
        samples = 1 if samples_axis < 0 else series.shape[samples_axis]
        check_size(math.prod(series.shape) // samples)
        _check_whole(stream, tiff, series.pages)
        array = None
        if page.photometric in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB):
            try:
                array = np.asarray(series.asarray())
            except ValueError as cause:
                if "imagecodecs" not in str(cause):
                    raise
        if array is None:
            return _decode_otherwise(stream, page, len(series.pages), samples)
        if array.dtype == np.bool_:
            array = array * np.uint8(255)
        if samples_axis >= 0:
            array = np.moveaxis(array, samples_axis, -1)
        # Every axis before rows, columns and samples (time, depth, channel, ...) counts pages.
        array = array.reshape(-1, *array.shape[-2 if samples_axis < 0 else -3 :])
        array = oriented(array, page.tags.valueof(274, 1), rows=1, columns=2)
        return array[0] if len(array) == 1 else array


def _check_whole(stream: IO[bytes], tiff: Any, pages: Iterable[Any]) -> None:
    # tifffile ends a broken chain of pages at the break, as if there were no more; the last
    # page's pointer to the next, known once they are counted, then still points somewhere.
    len(tiff.pages)
    stream.seek(tiff.pages.next_page_offset)
    whole = not any(stream.read(tiff.tiff.offsetsize))
    stored = stream.seek(0, os.SEEK_END)
    for page in filter(None, pages):
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        whole = whole and max(ends, default=0) <= stored
    if not whole:
        raise PictureError("is truncated; a complete copy of the file would work")


def _decode_otherwise(stream: IO[bytes], page: Any, pages: int, samples: int) -> NDArray[Any]:
    """Decode palettes, CMYK, LZW without imagecodecs, ...

    Unlike tifffile, Pillow and OpenCV turn the picture as its orientation says.
    """
    from PIL import ImageSequence, TiffImagePlugin

    stream.seek(0)
    # Whatever they raise, the file is refused in the end.
    with contextlib.suppress(Exception), TiffImagePlugin.TiffImageFile(stream) as picture:
        frames = [expanded(frame) for frame in islice(ImageSequence.Iterator(picture), pages)]
        # Pillow reduces 16-bit colour to 8 bits without a word.
        if frames[0].dtype == page.dtype or page.bitspersample <= 8:
            return np.stack(frames) if len(frames) > 1 else frames[0]
    with contextlib.suppress(Exception):
        array = from_opencv(stream)
        # OpenCV multiplies 8-bit colour by alpha, and reads the first page only.
        wide = page.bitspersample > 8 and array.dtype == page.dtype and pages == 1
        if wide and array.shape[2:] == (() if samples == 1 else (samples,)):
            return array if samples == 1 else array[..., [2, 1, 0, 3][:samples]]
    raise PictureError(
        f"{page.compression.name} TIFF ({page.photometric.name}, {page.dtype}) cannot be decoded; "
        "if it is not damaged, installing imagecodecs or saving it uncompressed would work"
    )
