"""Decode PNG, JPEG and WebP by Pillow, and 16-bit colour PNG by OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

from numpy.typing import NDArray

from ..errors import PictureError
from .pixels import expanded, from_opencv, oriented


def decode(stream: IO[bytes], check_size: Callable[[int], None]) -> NDArray[Any]:
    """Return the first frame of a PNG, JPEG or WebP file, turned upright."""
    from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    head = stream.read(32)
    stream.seek(0)
    # The classes rather than Image.open, whose own limit is global and only warns at first.
    opener: type[ImageFile.ImageFile] = JpegImagePlugin.JpegImageFile
    if head.startswith(b"\x89PNG"):
        opener = PngImagePlugin.PngImageFile
    elif head.startswith(b"RIFF"):
        opener = WebPImagePlugin.WebPImageFile
        # Opening allocates the canvas.
        check_size(_webp_pixels(head))
    try:
        opened = opener(stream)
    except Image.DecompressionBombError as cause:
        # Since Pillow 13, its WebP class alone has that limit too.
        raise PictureError(
            "is a WebP above Pillow's own limit; PIL.Image.MAX_IMAGE_PIXELS = None would work"
        ) from cause
    with opened as picture:
        check_size(picture.width * picture.height)
        picture.load()
        orientation = picture.getexif().get(0x0112, 1)
        array = expanded(picture)
    bits, colour_type = head[24:26]
    if opener is PngImagePlugin.PngImageFile and bits == 16 and colour_type != 0:
        # Pillow has just proved that the file is whole, which OpenCV would not. OpenCV gives BGR
        # or BGRA also for grey with alpha, and where a colour is transparent.
        array = from_opencv(stream)[..., {2: [2, 1, 0], 4: [0, 3], 6: [2, 1, 0, 3]}[colour_type]]
    return oriented(array, orientation, rows=0, columns=1)


def _webp_pixels(head: bytes) -> int:
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif head[12:16] == b"VP8L":
        packed = int.from_bytes(head[21:25], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return width * height
