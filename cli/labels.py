"""Labels as colours: palettes, pictures with labels over them, and scribbles as numbers."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gaborkit as gk
from gaborkit.files import StrPath

Colours = NDArray[np.uint8]

# Okabe and Ito's, which red-green blind eyes tell apart, without black.
_FIRST = (
    *((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167)),
    *((240, 228, 66), (86, 180, 233), (213, 94, 0)),
)

#: Colours of scribbles at most; a soft brush makes more.
MOST = 32


def palette(count: int) -> Colours:
    """Colours (count, 3) that are easily told apart, the first ones the most.

    Examples
    --------
    >>> palette(2).tolist()
    [[0, 114, 178], [230, 159, 0]]
    """
    # Further hues by the golden ratio, which never come close to each other.
    more = [
        [round(255 * part) for part in colorsys.hsv_to_rgb(k * 0.618034 % 1, 0.6, 0.85)]
        for k in range(max(0, count - len(_FIRST)))
    ]
    return np.array([*_FIRST, *more], np.uint8)[:count]


def shown(image: NDArray[Any]) -> Colours:
    """A picture as 8-bit colours (H, W, 3); values other than bytes are stretched."""
    image = image[..., None] if image.ndim == 2 else image
    image = image[..., :3] if image.shape[-1] >= 3 else np.repeat(image[..., :1], 3, -1)
    if image.dtype == np.uint8:
        return image
    values = image.astype(np.float64)
    low, high = values.min(), values.max()
    return np.rint(255 * (values - low) / ((high - low) or 1)).astype(np.uint8)


def overlay(image: NDArray[Any], colours: Colours) -> Colours:
    """A picture tinted by the colours (H, W, 3) of its labels, with white lines between them."""
    tinted = np.rint(0.6 * shown(image) + 0.4 * colours).astype(np.uint8)
    between = np.zeros(colours.shape[:2], bool)
    between[1:] |= (colours[1:] != colours[:-1]).any(-1)
    between[:, 1:] |= (colours[:, 1:] != colours[:, :-1]).any(-1)
    tinted[between] = 255
    return tinted


def outlined(image: NDArray[Any], mask: NDArray[np.bool_]) -> Colours:
    """A picture with a red line, two pixels wide, around what a mask holds."""
    from scipy import ndimage

    found = shown(image).copy()
    found[ndimage.binary_dilation(mask, iterations=2) & ~mask] = (230, 30, 30)
    return found


def read_scribbles(path: StrPath) -> tuple[NDArray[np.uint8], Colours | None]:
    """Numbers of textures, 0 where nothing is drawn, and the colours that they were drawn in.

    Parameters
    ----------
    path : path
        A picture of numbers, or of strokes in colour on black or on a transparent layer.

    Returns
    -------
    scribbles : uint8 array (H, W)
        Colours are numbered from 1, in the order in which they come, row by row.
    colours : uint8 array (C, 3), or None of numbers

    Raises
    ------
    PictureError
        If it cannot be read, or holds no strokes.
    """
    image = gk.read_image(path)
    if image.ndim == 2 and image.dtype.kind in "bui" and image.max() <= 255 and image.min() >= 0:
        return image.astype(np.uint8), None
    if image.ndim != 3 or image.shape[-1] not in (3, 4) or image.dtype != np.uint8:
        raise gk.PictureError(
            f"{path}: {image.dtype} of shape {image.shape} is no picture of scribbles; give whole "
            "numbers from 0 to 255 (H, W), or strokes in colours of 8 bits"
        )
    drawn = image[..., :3].any(-1)
    if image.shape[-1] == 4:
        drawn &= image[..., 3] > 127
    codes = image[..., :3].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    found, first, places = np.unique(codes[drawn], return_index=True, return_inverse=True)
    if not 1 <= len(found) <= MOST:
        raise gk.PictureError(
            f"{path}: {len(found)} colours are no scribbles; draw each texture in a colour of its "
            f"own, at most {MOST}, with a hard brush (and save as PNG, as JPEG blurs colours)"
        )
    order = np.argsort(first)
    numbers = np.empty(len(order), np.uint8)
    numbers[order] = np.arange(1, len(order) + 1)
    scribbles = np.zeros(drawn.shape, np.uint8)
    scribbles[drawn] = numbers[places]
    colours = found[order, None] >> np.array([16, 8, 0]) & 255
    return scribbles, colours.astype(np.uint8)
