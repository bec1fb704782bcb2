"""Tell a picture's format from its first bytes and decode it, without noise and within a limit."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PictureError
from . import medical, npy, pnm, raster, tiff

Decoder = Callable[[IO[bytes], Callable[[int], None], int | None], NDArray[Any]]

# Decoding happens under a lock, because the filters of warnings and the levels of loggers are
# global: two threads that restore them in turn would leave them silenced for ever.
_QUIET = threading.RLock()


def decode(stream: IO[bytes], max_pixels: int, number: int | None = None) -> NDArray[Any]:
    """Return what an open picture file holds: contiguous, writable, in the machine's byte order.

    Parameters
    ----------
    stream : binary file
    max_pixels : int
    number : int, optional
        Of the one page or frame that is wanted, from 0.

    Raises
    ------
    PictureError
        If it is no picture, declares too many pixels or is found to be damaged. On other damaged
        files the decoders raise almost anything: struct.error, KeyError, ...
    """
    stored = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    check_size = within(max_pixels, stored)
    decoder = _decoder(stream.read(352))
    stream.seek(0)
    with quiet():
        array = decoder(stream, check_size, number)
    npy.check_array(array.shape, array.dtype)
    return np.require(array, dtype=array.dtype.newbyteorder("="), requirements=["C", "W"])


def within(max_pixels: int, stored: int) -> Callable[[int], None]:
    """What refuses more pixels than are allowed, and than so many bytes hold."""

    def check_size(pixels: int) -> None:
        if pixels > max(max_pixels, stored):
            raise PictureError(
                f"declares {pixels} pixels in {stored} bytes; if that is right, "
                f"max_pixels={pixels} works, or --max-pixels {pixels} of a command "
                f"(now {max_pixels})"
            )

    return check_size


def _decoder(head: bytes) -> Decoder:
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return tiff.decode
    if head.startswith(b"\x93NUMPY"):
        return functools.partial(_alone, npy.decode_npy)
    if head.startswith(b"PK"):
        return functools.partial(_alone, npy.decode_npz)
    if re.match(rb"P[1-6][\s#]", head):
        return pnm.decode
    for kind, pattern in _HEADS.items():
        if re.match(pattern, head, re.DOTALL):
            return functools.partial(raster.decode, kind)
    if medical.is_dicom(head):
        return medical.decode_dicom
    if medical.is_nifti(head):
        return medical.decode_nifti
    raise PictureError(
        f"is not a picture that gaborkit reads; {', '.join(_HEADS)}, PNM, TIFF, NIfTI, DICOM, npy, "
        "npz work"
    )


# How files of a format begin.
_HEADS = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "WebP": rb"RIFF....WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM",
    "JPEG 2000": rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    "AVIF": rb"....ftyp(avi[fs]|m(if|sf)1.*avi[fs])",
}


def _alone(
    decoder: Callable[[IO[bytes], Callable[[int], None]], NDArray[Any]],
    stream: IO[bytes],
    check_size: Callable[[int], None],
    number: int | None,
) -> NDArray[Any]:
    """What a file holds that has no pages."""
    if number is not None:
        raise PictureError("has no pages; give its name without the number in brackets")
    return decoder(stream, check_size)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the decoders' warnings and log lines about odd files to themselves."""
    loggers = [logging.getLogger(name) for name in ("PIL", "tifffile", "nibabel.global", "pydicom")]
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        levels = [logger.level for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.CRITICAL + 1)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
