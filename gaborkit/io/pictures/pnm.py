"""Decode PBM, PGM and PPM with the values that are stored; Pillow stretches or shortens them.

References
----------
Netpbm, "pbm", "pgm" and "ppm" format descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PictureError

# Blank characters and comments between the words of a header.
_GAP = rb"(?:\s|#[^\n\r]*[\n\r])+"
_END = re.compile(rb"[\0\s]*\Z")


def decode(
    stream: IO[bytes], check_size: Callable[[int], None], number: int | None
) -> NDArray[Any]:
    """Return the picture of a file, or all of several: (H, W[, 3]), (pictures, H, W[, 3]).

    A bitmap is 0 and 255. Other values are as stored, uint8 up to 255 and else uint16: their
    maximum, such as 1023, may be below that of the dtype.
    """
    data = stream.read()
    pictures: list[NDArray[Any]] = []
    at = 0
    while not pictures or not _END.match(data, at):
        values, at = _picture(data, at, check_size)
        pictures.append(values)
    if number is not None and number >= len(pictures):
        raise PictureError(f"has {len(pictures)} pictures; numbers from 0 work")
    if number is not None or len(pictures) == 1:
        return pictures[number or 0]
    if len({(one.shape, one.dtype) for one in pictures}) > 1:
        raise PictureError(
            "holds pictures that are not alike; a number in brackets behind the name, such as [0], "
            "reads one of them"
        )
    return np.stack(pictures)


def _picture(data: bytes, at: int, check_size: Callable[[int], None]) -> tuple[NDArray[Any], int]:
    """One picture and where it ends."""
    kind = data[at + 1 : at + 2]
    words = 2 if kind in b"14" else 3
    pattern = rb"P[1-6]" + words * (_GAP + rb"(\d{1,9})") + rb"\s"
    header = re.compile(pattern).match(data, at)
    if header is None:
        raise PictureError("is damaged: it has no complete header of a PBM, PGM or PPM")
    width, height, *rest = map(int, header.groups())
    largest = rest[0] if rest else 1
    if not 0 < largest < 65536 or not width * height:
        raise PictureError(f"is damaged: {width} x {height} pixels with values up to {largest}")
    check_size(width * height)
    channels = 3 if kind in b"36" else 1
    count, start = width * height * channels, header.end()
    dtype = np.dtype(np.uint8 if largest < 256 else ">u2")
    if kind in b"123":
        # Digits of a plain bitmap may follow one another without a gap.
        text = re.sub(rb"#[^\n\r]*", b"", data[start:])
        tokens = re.findall(rb"[01]|[^01\s]+" if kind == b"1" else rb"\S+", text)[:count]
        digits = rb"[01]" if kind == b"1" else rb"\d+"
        wrong = next((word for word in tokens if not re.fullmatch(digits, word)), None)
        if wrong is not None:
            raise PictureError(
                f"is damaged: {wrong.decode('latin-1')!r:.20} is none of its numbers"
            )
        values, end = np.array([min(int(word), 65536) for word in tokens]), len(data)
    elif kind == b"4":
        row = -(-width // 8)
        bits = np.frombuffer(data[start : start + row * height], np.uint8)
        if bits.size == row * height:
            bits = np.unpackbits(bits.reshape(height, row), axis=1)[:, :width]
        values, end = bits.ravel(), start + row * height
    else:
        end = start + count * dtype.itemsize
        raw = data[start:end]
        values = np.frombuffer(raw[: len(raw) // dtype.itemsize * dtype.itemsize], dtype)
    if values.size < count:
        raise PictureError("is truncated; a complete copy of the file would work")
    if values.max() > largest:
        raise PictureError(f"is damaged: its values are up to {largest}, and one is larger")
    shaped = values.reshape((height, width, 3) if channels == 3 else (height, width))
    if kind in b"14":  # ink is 1
        return (1 - shaped).astype(np.uint8) * np.uint8(255), end
    return shaped.astype(dtype.newbyteorder("=")), end
