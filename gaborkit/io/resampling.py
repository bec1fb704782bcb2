"""Pictures and volumes on another grid with the same centre."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..errors import ImageError

#: Voxels that a grid has at most.
LARGEST = 2**31


def resample(
    values: NDArray[Any],
    spacing: Sequence[float],
    new: Sequence[float],
    *,
    order: int = 3,
) -> NDArray[Any]:
    """Values on a grid of another spacing whose centre is that of the old one.

    Parameters
    ----------
    values : real array (H, W) or (Z, Y, X)
    spacing, new : a float for each axis
        Distances between pixels before and after, in one unit.
    order : {0, 1, 2, 3, 4, 5}
        Of the spline; 1 is linear, 3 cubic, 0 the nearest.

    Returns
    -------
    array
        Float (of order 0 the dtype of the values): a spline may lie outside their range. An axis of
        n pixels has ``ceil(n * spacing / new)`` afterwards; what lies outside is the nearest.

    Raises
    ------
    ImageError
        If the distances are not positive numbers, one for each axis, the result has more than
        2**31 values, or there are NaN or infinite values among those that a spline goes through.

    References
    ----------
    Zwanenburg et al. (2016), "Image biomarker standardisation initiative", arXiv 1612.07003,
    section 2.4: aligned by the grids' centres.

    Examples
    --------
    >>> resample(np.arange(4.0)[None], (1, 1), (1, 2), order=1)
    array([[0.5, 2.5]])
    """
    values = np.asarray(values)
    steps, wanted = (np.asarray(x, dtype=float) for x in (spacing, new))
    for name, distances in (("spacing", steps), ("new", wanted)):
        fits = distances.shape == (values.ndim,)
        if not fits or not (np.isfinite(distances) & (distances > 0)).all():
            raise ImageError(
                f"{name}={distances.tolist()} is not a distance above 0 for each axis of an array "
                f"of shape {values.shape}"
            )
    if order not in range(6):
        raise ImageError(f"order={order!r} is no order of a spline; 0 to 5 work")
    # A grid that is as long but for rounding has no pixel more.
    shape = tuple(
        max(1, math.ceil(count - 1e-9)) for count in np.array(values.shape) * steps / wanted
    )
    if math.prod(shape) > LARGEST:
        raise ImageError(
            f"a grid of {' x '.join(map(str, shape))} values is too large; choose a coarser one"
        )
    ratio = wanted / steps
    first = ((np.array(values.shape) - 1) - ratio * (np.array(shape) - 1)) / 2
    if np.allclose(ratio, 1, rtol=1e-12) and shape == values.shape:
        return values.copy() if order == 0 else values.astype(np.result_type(values, np.float32))
    if order == 0:
        for axis, count in enumerate(shape):
            nearest = np.floor(first[axis] + ratio[axis] * np.arange(count) + 0.5).astype(int)
            values = values.take(nearest.clip(0, values.shape[axis] - 1), axis)
        return values
    wrong = values.size - np.count_nonzero(np.isfinite(values))
    if wrong:
        raise ImageError(
            f"{wrong} of {values.size} values are NaN or infinite, which a spline spreads; "
            "numpy.nan_to_num replaces them"
        )
    source = values.astype(np.result_type(values, np.float32))
    with warnings.catch_warnings():
        # SciPy before 1.14 tells of what changed in its version 0.18.
        warnings.filterwarnings("ignore", "The behavior of affine_transform", UserWarning)
        moved = scipy.ndimage.affine_transform(
            source, ratio, first, shape, order=order, mode="nearest"
        )
    return np.asarray(moved)
