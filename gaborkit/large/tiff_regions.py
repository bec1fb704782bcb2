"""TIFF by regions, from a file that is opened when it is needed."""

from __future__ import annotations

import functools
from pathlib import Path

from ..errors import PictureError
from ..io.pictures.decoding import quiet
from ..io.pictures.tiff import TiffPicture, open_picture
from .uncompressed import Uncompressed


def open_tiff(path: Path, cache: int, number: int | None = None) -> Uncompressed | TiffPicture:
    """The picture that :func:`gaborkit.read_image` reads, by regions.

    Parameters
    ----------
    path : Path
    cache : int
        Bytes of decoded strips and tiles to keep.
    number : int, optional
        Of one of its pages.

    Raises
    ------
    PictureError
        If the file is damaged, or holds no picture.
    """
    try:
        with path.open("rb") as stream, quiet():
            picture = open_picture(
                stream, functools.partial(_read, path), cache=cache, number=number
            )
            if picture.run is not None:
                offset, dtype = picture.run
                return Uncompressed(path, offset, picture.shape, dtype)
            picture[tuple(slice(0, 1) for _ in picture.shape)]  # shows what cannot be decoded
            picture.label = f"{path}: "
            return picture
    except PictureError as problem:
        raise PictureError(f"{path}: {problem}") from problem
    except OSError as cause:
        raise PictureError(f"{path}: cannot be read ({cause.strerror or cause})") from cause
    except Exception as cause:  # tifffile raises almost anything on damaged files
        reason = " ".join(str(cause).split()) or type(cause).__name__
        raise PictureError(f"{path}: cannot be read as TIFF ({reason})") from cause


def _read(path: Path, offset: int, count: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(offset)
        return stream.read(count)
