"""Tell a picture's format from its first bytes and decode it, without noise and within a limit."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import PictureError
from . import npy, png_jpeg_webp, tiff

Decoder = Callable[[IO[bytes], Callable[[int], None]], NDArray[Any]]

# Decoding happens under a lock, because the filters of warnings and the levels of loggers are
# global: two threads that restore them in turn would leave them silenced for ever.
_QUIET = threading.RLock()


def decode(stream: IO[bytes], max_pixels: int) -> NDArray[Any]:
    """Return what an open picture file holds: contiguous, writable, in the machine's byte order.

    Raises
    ------
    PictureError
        If it is no picture, declares too many pixels or is found to be damaged. On other damaged
        files the decoders raise almost anything: struct.error, KeyError, ...
    """
    stored = stream.seek(0, os.SEEK_END)
    stream.seek(0)

    def check_size(pixels: int) -> None:
        if pixels > max(max_pixels, stored):
            raise PictureError(
                f"declares {pixels} pixels in {stored} bytes; if that is right, "
                f"pass max_pixels={pixels} to read_image (now {max_pixels})"
            )

    decoder = _decoder(stream.read(12))
    stream.seek(0)
    with _quiet():
        array = decoder(stream, check_size)
    if array.dtype.kind not in "buifc" or array.ndim < 2 or array.size == 0:
        raise PictureError(
            f"holds {array.dtype} values of shape {array.shape}, not a picture; "
            "(H, W) or (H, W, C) numbers work"
        )
    return np.require(array, dtype=array.dtype.newbyteorder("="), requirements=["C", "W"])


def _decoder(head: bytes) -> Decoder:
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or head[8:] == b"WEBP":
        return png_jpeg_webp.decode
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return tiff.decode
    if head.startswith(b"\x93NUMPY"):
        return npy.decode_npy
    if head.startswith(b"PK"):
        return npy.decode_npz
    raise PictureError("is not a picture that gaborkit reads; PNG, JPEG, WebP, TIFF, npy, npz work")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the decoders' warnings and log lines about odd files to themselves."""
    loggers = [logging.getLogger(name) for name in ("PIL", "tifffile")]
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
