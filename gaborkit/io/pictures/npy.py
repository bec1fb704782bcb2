"""Decode npy and npz, never a pickle."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PictureError


def check_array(shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Raise PictureError unless an array is a picture: numbers, at least 2-D, with pixels."""
    if dtype.hasobject:
        raise PictureError("holds pickled objects, which can run code; an array of numbers works")
    if min(shape, default=0) < 0:
        raise PictureError(f"is damaged: its shape is {tuple(shape)}")
    if dtype.kind not in "buifc" or len(shape) < 2 or 0 in shape:
        raise PictureError(
            f"holds {str(dtype)[:80]} values of shape {tuple(shape)}, not a picture; "
            "(H, W) or (H, W, C) numbers work"
        )


def decode_npy(stream: IO[bytes], check_size: Callable[[int], None]) -> NDArray[Any]:
    """Return the array of an npy file, whose header is judged before memory is allocated."""
    read_header = (
        np.lib.format.read_array_header_1_0
        if np.lib.format.read_magic(stream) == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(stream)
    check_array(shape, dtype)
    check_size(math.prod(shape))
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def decode_npz(stream: IO[bytes], check_size: Callable[[int], None]) -> NDArray[Any]:
    """Return ``responses``, else ``image``, else the only array of an npz file."""
    with zipfile.ZipFile(stream) as archive:
        entries = archive.namelist()
        wanted = [name for name in ("responses.npy", "image.npy") if name in entries]
        if not wanted and len(entries) != 1:
            names = ", ".join(entry.removesuffix(".npy") for entry in entries) or "nothing"
            raise PictureError(f"holds {names}; one array, or one named responses or image, works")
        with archive.open((wanted or entries)[0]) as entry:
            return decode_npy(entry, check_size)
