"""What the decoders share: modes that Pillow expands, and orientations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image


def expanded(picture: Image) -> NDArray[Any]:
    """Return the pixels of a loaded Pillow picture, as stored where NumPy can say it."""
    mode = picture.mode
    if mode in ("P", "PA"):
        mode = "RGBA" if mode == "PA" or "transparency" in picture.info else "RGB"
    elif mode == "1":
        mode = "L"
    elif mode not in ("L", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX", "F") and mode[0] != "I":
        mode = "RGB"
    return np.asarray(picture if mode == picture.mode else picture.convert(mode))


def oriented(array: NDArray[Any], orientation: object, rows: int, columns: int) -> NDArray[Any]:
    """Turn stored rows and columns as the EXIF orientation, 1 to 8, says; ignore other values."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(rows, columns)
    if orientation in (3, 4, 7, 8):
        array = np.flip(array, rows)
    if orientation in (2, 3, 6, 7):
        array = np.flip(array, columns)
    return array
