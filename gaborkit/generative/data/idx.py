"""Read files in the IDX format of MNIST, and find the four that make a data set."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError
from ...io.tables import counted
from .dataset import Split

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""The four files, each of them gzip-compressed (``.gz``) or not."""

# Of uncompressed content. The largest of the files that are read here holds 47 million.
_MOST_BYTES = 1 << 31


def find(name: str, folders: list[Path]) -> Path | None:
    """Return the file ``name`` or ``name.gz`` in the first of the folders that has it."""
    places = (folder / f"{name}{suffix}" for folder in folders for suffix in ("", ".gz"))
    return next((path for path in places if path.is_file()), None)


def read_idx(path: Path, dimensions: int) -> Tensor:
    """Read an IDX file of bytes, gzip-compressed or not: the content decides, not the suffix.

    Parameters
    ----------
    path : Path
    dimensions : int
        How many the file must have: 3 for images, 1 for labels.

    Returns
    -------
    uint8 Tensor

    Raises
    ------
    DataError
        If the file cannot be read, is no such file, is truncated, or is longer than it says.

    References
    ----------
    Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits: file formats.
    """
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            # Two zeros, the type (8: bytes), the number of dimensions; then each, big-endian.
            magic = stream.read(4)
            if magic != bytes([0, 0, 8, dimensions]):
                raise DataError(
                    f"{path}: starts with {magic.hex(' ') or 'nothing'}, not with "
                    f"00 00 08 {dimensions:02x}; an IDX file of bytes with "
                    f"{counted(dimensions, 'dimension')} works"
                )
            header = stream.read(4 * dimensions)
            if len(header) < 4 * dimensions:
                raise EOFError
            shape = tuple(map(int, np.frombuffer(header, ">u4")))
            size = math.prod(shape)
            if not 0 < size <= _MOST_BYTES:
                raise DataError(f"{path}: declares {size} bytes; 1 to {_MOST_BYTES} are read")
            content = stream.read(size + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as cause:
        raise DataError(f"{path}: damaged or truncated; a complete copy works") from cause
    except OSError as cause:
        raise DataError(f"{path}: cannot be read ({cause.strerror or cause})") from cause
    if len(content) != size:
        many = "more" if len(content) > size else f"{len(content)}"
        raise DataError(f"{path}: declares {size} bytes but holds {many}; a complete copy works")
    return torch.from_numpy(np.frombuffer(content, np.uint8).reshape(shape).copy())


def read_split(images_path: Path, labels_path: Path, classes: int) -> Split:
    """Read a file of images and the file of their labels.

    Raises
    ------
    DataError
        See `read_idx`; also if the two files do not fit each other or the number of classes.
    """
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_path}: has {len(labels)} labels for the {len(images)} images of "
            f"{images_path.name}; a pair of one data set works"
        )
    if int(labels.max()) >= classes:
        raise DataError(
            f"{labels_path}: has the label {int(labels.max())}; 0 to {classes - 1} are known"
        )
    return Split(images[:, None], labels.long())
