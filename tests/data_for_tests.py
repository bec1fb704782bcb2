"""What the tests of data sets share: IDX files, folders of pictures, and a check of errors."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gaborkit.errors import DataError
from gaborkit.generative.data.idx import NAMES
from gaborkit.io.images import write_image


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in the IDX format."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def idx_arrays(train: int = 60, test: int = 20, seed: int = 0) -> dict[str, np.ndarray]:
    """Random images and labels, by file name."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for images, labels, count in ((*NAMES[:2], train), (*NAMES[2:], test)):
        arrays[images] = rng.integers(0, 256, (count, 28, 28), np.uint8)
        arrays[labels] = np.arange(count, dtype=np.uint8) % 10
    return arrays


def write_idx(
    folder: Path, arrays: dict[str, np.ndarray], packed: Callable[[str], bool] = lambda name: True
) -> None:
    """Write each array, gzip-compressed where ``packed`` says so."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        content = idx(array)
        if packed(name):
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, 1))
        else:
            (folder / name).write_bytes(content)


def write_pictures(folder: Path, count: int, channels: int = 0, size: int = 12) -> None:
    """Random pictures 00.png, 01.png, ...; each is of one value a channel."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(count)
    for number in range(count):
        value = rng.integers(0, 256, channels or 1, np.uint8)
        shape = (size, size, channels) if channels else (size, size)
        write_image(folder / f"{number:02}.png", np.broadcast_to(value, shape).copy())


def refused(call: Callable[[], object], *parts: str) -> str:
    """Check that ``call`` raises a DataError of one line that has all ``parts``; return it."""
    with pytest.raises(DataError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, message
    return message
