"""The chain of directories of a TIFF, judged before a library follows it.

A file of n bytes is walked in O(n) steps: directories that lead back, lie over one another or
point to the same values again and again, which would keep a reader busy for hours, are damage.
"""

from __future__ import annotations

import os
from typing import IO, Any

import numpy as np

from ...errors import PictureError

# Bytes of a value of each type of a tag, by its number.
_BYTES = np.array([0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8])

# Tags that say where pixels are and what they mean: without them a reader would take defaults.
_NEEDED = (*range(254, 260), 262, 266, 273, 274, 277, 278, 279, 284, 292, *range(317, 326), 338)
_NEEDED = (*_NEEDED, 339, 347, 530, 32997, 32998)

#: Values of tags may be as many times as long as the file: some writers share them between pages.
_SHARED = 16


def count_directories(stream: IO[bytes]) -> int:
    """Number of directories, one a page, of a TIFF or BigTIFF.

    Raises
    ------
    PictureError
        If the chain is broken, has a loop, or is longer than the file can hold.
    """
    stored = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    head = stream.read(16)
    if head[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        raise PictureError("cannot be read as TIFF: it begins with other bytes")
    order = "<" if head[:1] == b"I" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    pointer = np.dtype(f"{order}u{8 if big else 4}")
    number = np.dtype(f"{order}u{8 if big else 2}")
    fields: list[Any] = [
        ("tag", f"{order}u2"), ("type", f"{order}u2"), ("count", pointer), ("value", pointer)
    ]  # fmt: skip
    entry = np.dtype(fields)

    def read(dtype: np.dtype[Any], count: int = 1) -> np.ndarray:
        data = stream.read(count * dtype.itemsize)
        if len(data) < count * dtype.itemsize:
            raise PictureError("is truncated; a complete copy of the file would work")
        return np.frombuffer(data, dtype)

    stream.seek(8 if big else 4)
    offset = int(read(pointer)[0])
    seen: dict[int, int] = {}
    directories = values = 0
    while offset:
        if offset in seen:
            raise PictureError(
                f"is damaged: after page {len(seen) - 1} its chain of pages leads back to page "
                f"{seen[offset]}; a sound copy of the file would work"
            )
        seen[offset] = len(seen)
        stream.seek(offset)
        count = min(int(read(number)[0]), stored)
        tags = read(entry, count)
        offset = int(read(pointer)[0])
        widths = _BYTES[np.where(tags["type"] < len(_BYTES), tags["type"], 0)]
        size = widths * tags["count"].astype(float)
        outside = (size > pointer.itemsize) & (tags["value"] + size > stored)
        if np.isin(tags["tag"][outside], _NEEDED).any():
            raise PictureError("is truncated; a complete copy of the file would work")
        values += int(size[size <= stored].sum())  # what is longer than the file is never read
        directories += number.itemsize + count * entry.itemsize + pointer.itemsize
        if directories > stored or values > _SHARED * stored + 2**20:
            raise PictureError(
                "is damaged: its pages lie over one another; a sound copy of the file would work"
            )
    return len(seen)
