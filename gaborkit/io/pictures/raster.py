"""Decode PNG, JPEG, WebP, GIF, BMP, JPEG 2000 and AVIF.

Pillow reads them, because it refuses truncated files; where it would reduce more than 8 bits to 8,
imagecodecs decodes what Pillow has found to be whole.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PictureError
from .expansion import expanded, oriented

#: Scans of a JPEG beyond which a tiny file would keep a decoder busy for hours; encoders make 10.
MAX_SCANS = 200

_CLASSES = {
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "JPEG 2000": ("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
}
# What Pillow calls those of them that a build of it may lack.
_FEATURES = {"WebP": "webp", "JPEG 2000": "jpg_2000", "AVIF": "avif"}


def decode(
    kind: str, stream: IO[bytes], check_size: Callable[[int], None], number: int | None
) -> NDArray[Any]:
    """Return all frames, or that of a number, turned upright: (H, W[, C]), (frames, H, W[, C]).

    Raises
    ------
    PictureError
        If this Pillow lacks the format, the file is damaged, or there is no such frame.
    """
    data = stream.read()
    stream.seek(0)
    _check(kind, data, check_size)
    with _opened(kind, stream) as picture:
        check_size(picture.width * picture.height)
        count = int(getattr(picture, "n_frames", 1))
        if number is not None and number >= count:
            raise PictureError(f"has {count} frames; their numbers are 0 to {count - 1}")
        numbers = range(count) if number is None else range(number, number + 1)
        check_size(picture.width * picture.height * len(numbers))
        deep = _deep(kind, data)
        frames = []
        for frame in numbers:
            if count > 1:
                picture.seek(frame)
            picture.load()
            frames.append(expanded(picture) if deep is None else deep(frame))
        orientation = picture.getexif().get(0x0112, 1)
    if orientation != 1:
        frames = [oriented(frame, orientation, rows=0, columns=1) for frame in frames]
    return frames[0] if len(frames) == 1 else np.stack(_alike(frames))


def _opened(kind: str, stream: IO[bytes]) -> Any:
    from PIL import Image, features

    feature = _FEATURES.get(kind)
    # Their modules ask for an answer at once, where an older Pillow does not know the word.
    with contextlib.suppress(ValueError):
        if feature is not None and not features.check(feature):
            feature = ""
    module, name = _CLASSES[kind]
    try:
        if feature == "":
            raise ImportError
        # The class rather than Image.open, whose own limit is global and only warns at first.
        return getattr(importlib.import_module(f"PIL.{module}"), name)(stream)
    except ImportError as cause:
        raise PictureError(
            f"is a picture in {kind}, which the installed Pillow cannot read; "
            "pip install --upgrade pillow brings one that can"
        ) from cause
    except Image.DecompressionBombError as cause:
        # Since Pillow 13, its WebP class alone has that limit too.
        raise PictureError(
            f"is a {kind} above Pillow's own limit; PIL.Image.MAX_IMAGE_PIXELS = None would work"
        ) from cause


def _check(kind: str, data: bytes, check_size: Callable[[int], None]) -> None:
    """Raise PictureError for what Pillow would not see, or only after hours."""
    match kind:
        case "WebP":  # opening it allocates the canvas
            check_size(_webp_pixels(data))
        case "JPEG" if data.count(b"\xff\xda") > MAX_SCANS:
            raise PictureError(
                f"is a JPEG of {data.count(bytes((0xFF, 0xDA)))} scans; up to {MAX_SCANS} work"
            )
        case "GIF" if not _gif_is_whole(data):
            raise PictureError("is truncated; a complete copy of the file would work")
        case "BMP" if len(data) < int.from_bytes(data[2:6], "little") and data[30:31] in b"\1\2":
            raise PictureError("is truncated; a complete copy of the file would work")
        case "JPEG 2000" if not _codestream_is_whole(data):
            raise PictureError("is truncated; a complete copy of the file would work")
        case "JPEG 2000":
            sizes = np.frombuffer(data, ">u4", 4, _siz(data) + 6).astype(int)
            check_size(max(0, sizes[0] - sizes[2]) * max(0, sizes[1] - sizes[3]))


def _codecs() -> Any:
    """imagecodecs, which most pictures do without."""
    return importlib.import_module("imagecodecs")


def _deep(kind: str, data: bytes) -> Callable[[int], NDArray[Any]] | None:
    """What decodes a frame of more than 8 bits that Pillow would reduce."""
    if kind == "PNG" and data[24] == 16 and data[25] != 0:
        channels = {2: 3, 4: 2, 6: 4}[data[25]]  # a transparent colour is none of them

        def png(frame: int) -> NDArray[Any]:
            if frame:
                raise PictureError(
                    "is an animation of 16 bits, of which only the first frame is read"
                )
            return _codecs().png_decode(data)[..., :channels]

        return png
    if kind == "JPEG 2000" and data[_siz(data) + 40] > 7:
        return lambda _: _codecs().jpeg2k_decode(data)
    at = data.find(b"av1C")
    if kind == "AVIF" and at >= 0 and data[at + 6] & 0x40:
        return lambda frame: _codecs().avif_decode(data, index=frame)
    return None


def _alike(frames: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Frames of equal channels: in colour if one is, with alpha if one has it."""
    counts = {frame.shape[2] if frame.ndim == 3 else 1 for frame in frames}
    if len(counts) == 1:
        return frames
    alpha = bool(counts & {2, 4})
    alike = []
    for frame in frames:
        pixels = frame.reshape(*frame.shape[:2], -1)
        colours = pixels[..., : 3 if pixels.shape[2] > 2 else 1]
        colours = np.broadcast_to(colours, (*pixels.shape[:2], 3))
        opaque = np.full((*pixels.shape[:2], 1), 255, frame.dtype)
        opacity = pixels[..., -1:] if pixels.shape[2] in (2, 4) else opaque
        alike.append(np.concatenate([colours, opacity], -1) if alpha else colours)
    return alike


def _siz(data: bytes) -> int:
    """Where a JPEG 2000 says its size and the bits of its components."""
    at = data.find(b"\xff\x4f\xff\x51")
    if at < 0 or len(data) < at + 64:
        raise PictureError("is truncated; a complete copy of the file would work")
    return at + 2


def _codestream_is_whole(data: bytes) -> bool:
    """Whether a JPEG 2000 has all its tiles: decoders fill in what is missing."""
    at = _siz(data)
    while at + 12 <= len(data):
        marker = data[at : at + 2]
        if marker == b"\xff\x90":  # of a tile, with its length; 0 is up to the end
            length = int.from_bytes(data[at + 6 : at + 10], "big")
            if not length:
                return b"\xff\xd9" in data[at:]
        else:
            length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        at += max(length, 2)
        if marker == b"\xff\x90" and data[at : at + 2] == b"\xff\xd9":
            return True
    return False


def _gif_is_whole(data: bytes) -> bool:
    """Whether blocks follow each other up to the last: Pillow ends where the file ends."""
    if len(data) < 13:
        return False
    at = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while at < len(data):
        match data[at]:
            case 0x3B:
                return True
            case 0x2C if at + 10 < len(data):  # a frame, its palette, the size of its codes
                packed = data[at + 9]
                at += 11 + (3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0)
            case 0x21:
                at += 2
            case _:
                return False
        while at < len(data) and data[at]:
            at += 1 + data[at]
        at += 1
    return False


def _webp_pixels(head: bytes) -> int:
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif head[12:16] == b"VP8L":
        packed = int.from_bytes(head[21:25], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return width * height
