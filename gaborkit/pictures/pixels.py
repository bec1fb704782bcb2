"""What the decoders share: modes that Pillow expands, orientations, OpenCV."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError

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


def from_opencv(stream: IO[bytes]) -> NDArray[Any]:
    """Return the first picture of a file as OpenCV decodes it: colours are BGR or BGRA."""
    import cv2

    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        # From memory: imread cannot open every Unicode path on Windows.
        stream.seek(0)
        array = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        log.setLogLevel(level)
    if array is None:
        raise PictureError("OpenCV cannot decode it")
    return np.asarray(array)
