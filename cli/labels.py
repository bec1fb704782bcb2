"""Labels as colours: palettes, and pictures with labels over them."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

Colours = NDArray[np.uint8]

# Okabe and Ito's, which red-green blind eyes tell apart, without black.
_FIRST = (
    *((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167)),
    *((240, 228, 66), (86, 180, 233), (213, 94, 0)),
)


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
    picture = shown(image).copy()
    picture[scipy.ndimage.binary_dilation(mask, iterations=2) & ~mask] = (230, 30, 30)
    return picture
