"""What the samples of a TIFF's pixels are: its tags decide, not their number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PictureError

#: Photometric interpretations of one sample that is a grey value as it is stored.
_GREY = ("MINISBLACK", "MASK", "DEPTH_MAP", "SEMANTIC_MASK")

#: Samples of a pixel without extra ones, by photometric interpretation.
_COLOURS = {"MINISWHITE": 1, "PALETTE": 1, "RGB": 3, "YCBCR": 3, "SEPARATED": 4}

#: Compressions whose decoder turns YCbCr into RGB, and the one that always gives RGB.
_JPEG = (6, 7, 34892, 33007)
_WEBP = 50001


@dataclass(frozen=True)
class Samples:
    """How stored samples (h, w, S) become values.

    Attributes
    ----------
    stored : int
        S.
    channels : int
        1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha); 1 for bands.
    bands : int
        Planes of a page: S where samples are no colour, else 1.
    dtype : dtype
        Of values.
    convert : callable
        Stored samples (h, w, S) to values (h, w, channels); bands (h, w, any) to (h, w, any).
    plain : bool
        Whether values of 8 bits and more are the samples as they are.
    """

    stored: int
    channels: int
    bands: int
    dtype: np.dtype[Any]
    convert: Callable[[NDArray[Any]], NDArray[Any]]
    plain: bool


def samples_of(page: Any) -> Samples:
    """Read the tags of a page of tifffile.

    Raises
    ------
    PictureError
        If the samples are of a kind that is not read.
    """
    photometric = getattr(page.photometric, "name", str(page.photometric))
    stored, dtype = page.samplesperpixel, page.dtype
    if dtype is None:
        raise PictureError(
            f"is a TIFF of {page.bitspersample}-bit samples of format {page.sampleformat}, which "
            "is not read; 8, 16 or 32 bits would work"
        )
    dtype = np.dtype(dtype)
    if page.bitspersample == 24 and dtype.kind in "iu":
        # The standard and libtiff have the file's order of bytes, tifffile the highest first, and
        # imagecodecs either, by version and order.
        raise PictureError(
            "is a TIFF of 24-bit whole numbers, whose bytes programs order in two ways; a copy of "
            "32 bits would work"
        )
    base = 1 if photometric in _GREY else _COLOURS.get(photometric, 0)
    if photometric == "YCBCR" and page.compression not in (*_JPEG, _WEBP):
        base = 0
    if not base:
        raise PictureError(
            f"is a {photometric} TIFF ({_name(page.compression)}), whose values are neither grey "
            "nor RGB; a copy saved as RGB would work"
        )
    if stored < base:
        raise PictureError(f"is damaged: {photometric} of {stored} samples a pixel")
    extra = [int(kind) for kind in page.extrasamples]
    # Files without the tag are older than it, or against the standard: libtiff too takes a fourth
    # sample for opacity.
    alpha = stored == base + 1 and (extra[-1:] in ([1], [2]) or (base == 3 and not extra))
    depth = page.bitspersample
    expand = _expansion(dtype, depth)
    if stored > base and not alpha:
        return Samples(stored, 1, stored, expand(np.zeros(0, dtype)).dtype, expand, True)
    match photometric:
        case "PALETTE":
            convert = _palette(page)
        case "SEPARATED":
            convert = _inks(dtype)
        case "MINISWHITE":
            convert = _inverted(dtype, depth, expand)
        case _:
            convert = expand
    pixel = convert(np.zeros((1, 1, stored), dtype))
    return Samples(stored, pixel.shape[2], 1, pixel.dtype, convert, convert is expand)


def _name(compression: Any) -> str:
    return getattr(compression, "name", f"compression {compression}")


def _expansion(dtype: np.dtype[Any], bits: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """1, 2 and 4 bits to 8, white is 255; others as they are."""
    if bits not in (1, 2, 4) or dtype.kind not in "bu":
        return lambda values: values
    return lambda values: values * np.uint8(255 // (2**bits - 1))


def _inverted(
    dtype: np.dtype[Any], bits: int, expand: Callable[[NDArray[Any]], NDArray[Any]]
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Whole numbers without sign from their largest down; what has no largest stays."""
    if dtype.kind not in "bu":
        return expand
    largest = np.array(2**bits - 1, dtype)

    def convert(values: NDArray[Any]) -> NDArray[Any]:
        grey = values[..., :1]
        return np.concatenate([expand(largest ^ grey), expand(values[..., 1:])], -1)

    return convert


def _palette(page: Any) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Indices to RGB of 8 bits."""
    if page.colormap is None or page.dtype.kind not in "bu":
        raise PictureError("is damaged: a palette TIFF without a palette")
    colours = np.asarray(page.colormap).T
    # Of 16 bits, except of a writer that forgot, as libtiff judges.
    table = (colours >> 8 if colours.max(initial=0) > 255 else colours).astype(np.uint8)

    def convert(values: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([table[values[..., 0].astype(np.intp)], values[..., 1:]], -1)

    return convert


def _inks(dtype: np.dtype[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Cyan, magenta, yellow and black to RGB: what each ink and the black let through."""
    if dtype not in (np.uint8, np.uint16):
        raise PictureError(f"is a CMYK TIFF of {dtype}; uint8 and uint16 work")
    white = np.iinfo(dtype).max

    def convert(values: NDArray[Any]) -> NDArray[Any]:
        light = white - values[..., :4].astype(np.uint64)
        colour = (light[..., :3] * light[..., 3:] + white // 2) // white
        return np.concatenate([colour.astype(dtype), values[..., 4:]], -1)

    return convert
