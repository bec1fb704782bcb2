"""Images and labels as users have them in memory, as bytes and codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ...errors import DataError


def as_pixels(images: ArrayLike | Tensor, channel_axis: int | None) -> Tensor:
    """uint8 (N, colours, h, w) of images as ``Dataset.from_arrays`` takes them.

    Raises
    ------
    DataError
        If shapes or values do not fit.
    """
    if channel_axis is None:
        first = images[0] if isinstance(images, (list, tuple)) and images else images
        channel_axis = 1 if isinstance(first, Tensor) else -1
    values = _as_numpy(images, "images")
    if values.ndim == 3:
        values = values[:, None]
    elif values.ndim == 4:
        if not isinstance(channel_axis, int) or channel_axis not in (-3, -2, -1, 1, 2, 3):
            raise DataError(f"channel_axis={channel_axis} is no axis of one image; give 1, 2 or 3")
        values = np.moveaxis(values, channel_axis, 1)
    if values.ndim != 4 or values.shape[1] not in (1, 3) or values.size == 0:
        raise DataError(
            f"images of shape {np.shape(images)} are neither (N, h, w) nor have 1 or 3 colours "
            "along channel_axis; give it, such as channel_axis=-1 or 1"
        )
    return torch.from_numpy(np.ascontiguousarray(_as_bytes(values)))


def as_classes(
    labels: ArrayLike | Tensor | None, class_names: Sequence[str] | None, count: int
) -> tuple[Tensor | None, tuple[str, ...]]:
    """Codes (N,) from 0 on, and names, of labels as ``Dataset.from_arrays`` takes them.

    Raises
    ------
    DataError
        If they do not fit ``count`` images, or names do not fit them.
    """
    if labels is None:
        if class_names is not None:
            raise DataError("class_names are given without labels; give both, or neither")
        return None, ()
    values = _as_numpy(labels, "labels")
    if values.dtype == object:  # as pandas has strings
        values = np.array(values.tolist())
    if values.shape != (count,) or values.dtype.kind not in "iuUb":
        raise DataError(
            f"labels of shape {values.shape} and {values.dtype} do not fit {count} images; "
            f"({count},) integers or strings work"
        )
    if isinstance(class_names, (str, Mapping)):
        raise DataError(
            f"class_names={class_names!r:.60} is no list; give one name for each class, in the "
            "order of the labels' values"
        )
    known, codes = np.unique(values, return_inverse=True)
    names = tuple(map(str, known if class_names is None else class_names))
    if len(names) != len(known):
        raise DataError(
            f"{len(names)} class_names for {len(known)} classes "
            f"({', '.join(map(str, known[:5]))}{', ...' if len(known) > 5 else ''}); one each works"
        )
    return torch.from_numpy(codes.astype(np.int64)), names


def as_conditions(conditions: ArrayLike | Tensor) -> Tensor:
    """float32 (N, D) of vectors of floats, as ``Dataset.from_arrays`` and ``sample`` take them.

    Raises
    ------
    DataError
        If they are no vectors of finite numbers.
    """
    values = _as_numpy(conditions, "conditions")
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        raise DataError(
            f"conditions of shape {values.shape} and {values.dtype} are no vectors; floats of "
            "shape (N, D) work"
        )
    with np.errstate(over="ignore"):  # what is too large for float32 is not finite
        vectors = values.astype(np.float32)
    if not np.isfinite(vectors).all():
        raise DataError("conditions hold NaN or infinity; give vectors of finite floats")
    return torch.from_numpy(vectors)


def _as_numpy(values: ArrayLike | Tensor, what: str) -> NDArray[Any]:
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    try:
        return np.array(values)
    except ValueError:
        assert isinstance(values, Sequence)
        shapes: list[tuple[int, ...]] = list(dict.fromkeys(tuple(np.shape(v)) for v in values))
        raise DataError(
            f"{what} have the shapes {', '.join(map(str, shapes[:3]))}"
            f"{', ...' if len(shapes) > 3 else ''}; all must have one shape: crop or resize them, "
            "or give a folder of pictures, which are fitted"
        ) from None


def _as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values of a known range as uint8."""
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.uint16:
        return np.rint(values / np.float32(257)).astype(np.uint8)
    held = f"{values.dtype}"
    if values.dtype.kind in "biuf":
        low, high = values.min(), values.max()
        if values.dtype.kind in "bf" and low >= 0 and high <= 1:
            return np.rint(values * np.float32(255)).astype(np.uint8)
        finite = np.isfinite(low) and np.isfinite(high)
        held += f" from {low} to {high}" if finite else " with NaN or infinity"
    raise DataError(
        f"images hold {held}; uint8, uint16, bool and floats from 0 to 1 work: convert or scale "
        "them first"
    )
