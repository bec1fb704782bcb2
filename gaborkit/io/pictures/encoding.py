"""Encode an array in the format asked for, and say what would work if the format cannot hold it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PictureError
from .tiff_tags import tiff_tags

#: Formats that are written, their dtypes and numbers of channels; TIFF holds any real dtype and any
#: third axis, npy and npz anything.
HOLDS: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "PNG": (("bool", "uint8", "uint16"), (1, 2, 3, 4)),
    "JPEG": (("uint8",), (1, 3)),
    "WebP": (("uint8",), (1, 2, 3, 4)),
    "TIFF": ((), ()),
    "npy": ((), ()),
    "npz": ((), ()),
}

_SAVE_OPTIONS: Mapping[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WebP": {"lossless": True, "exact": True},
}


def check_fits(kind: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Raise PictureError if the format cannot hold an array as it is."""
    if dtype.kind not in "buifc":
        raise PictureError(f"{dtype} values are no picture; booleans and numbers work")
    if kind in ("npy", "npz"):
        return
    if dtype.kind == "c" or dtype.itemsize > 8:
        part = ", or the real part, magnitude or phase" if dtype.kind == "c" else " or float64"
        raise PictureError(f"{kind} cannot hold {dtype}; write a .npy or .npz file{part}")
    dtypes, channels = HOLDS[kind]
    if dtypes and dtype.name not in dtypes:
        raise PictureError(
            f"{kind} holds {', '.join(dtypes)}, not {dtype}; "
            "write a .tif or .npy file, or scale the values to uint8 first"
        )
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] in channels)
    fits = fits or (kind == "TIFF" and len(shape) > 2)
    if not fits or 0 in shape:
        third = " | ".join(map(str, channels)) or "C), (K, H, W"
        raise PictureError(
            f"{kind} holds {dtype} of shape (H, W), (H, W, {third}), not {shape}; "
            "write a .npy file, or .tif for pages"
        )


def encode(
    path: Path,
    kind: str,
    array: NDArray[Any],
    metadata: str | None,
    name: str,
    spacing: tuple[float, float] | None = None,
) -> None:
    """Write an array that `check_fits` has passed; only npz takes the metadata in.

    ``name`` is what the file will be called; only TIFF takes the ``spacing`` of pixels in.
    """
    if kind in ("npy", "npz"):
        described: dict[str, Any] = {} if metadata is None else {"metadata": np.array(metadata)}
        # An open file: given a name, NumPy would add its suffix to one in capitals.
        with path.open("wb") as stream:
            if kind == "npy":
                np.save(stream, array, allow_pickle=False)
            else:
                np.savez(stream, responses=array, **described)
        return
    if array.dtype == np.bool_:
        array = array * np.uint8(255)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    channels = array.shape[-1] if array.ndim > 2 and array.shape[-1] <= 4 else 0
    if channels == 1:
        array, channels = array[..., 0], 0
    if kind == "TIFF":
        import tifffile

        tifffile.imwrite(path, array, **tiff_tags(name, array.shape, channels, spacing))
    elif array.dtype == np.uint16 and channels:
        import imagecodecs

        path.write_bytes(imagecodecs.png_encode(array))
    else:
        from PIL import Image

        Image.fromarray(array).save(path, format=kind, **_SAVE_OPTIONS[kind])
