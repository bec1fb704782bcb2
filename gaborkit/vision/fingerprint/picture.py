"""A fingerprint as the steps take it: one grey plane, large enough, and normalised."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ...errors import FeatureError, ImageError
from ...filtering.backend import NumpyLibrary
from ...filtering.normalizing import ordinary
from ...types import Array, RealArray
from ...whole_numbers import is_whole
from ..sparse_resampling import resized


def normalize(image: Array, *, mean: float = 0.0, variance: float = 1.0) -> RealArray:
    """Shift and stretch a picture to a mean and a variance.

    Parameters
    ----------
    image : real array (H, W)
    mean, variance : float
        Wanted; the article takes 100 and 100. Neither changes what later steps find.

    Returns
    -------
    float array (H, W)
        float64 for float64 and wide integers, else float32. A constant picture becomes ``mean``.

    Raises
    ------
    ImageError
        If the picture is not one real plane, or holds NaN or infinity.
    FeatureError
        If the variance is not above 0.

    References
    ----------
    Hong, Wan and Jain (1998), "Fingerprint image enhancement: algorithm and performance
    evaluation", IEEE TPAMI 20(8), 777-789, the step "Normalization".

    Examples
    --------
    >>> normalize(np.array([[0, 2], [4, 6]]), mean=100, variance=20)
    array([[ 94.,  98.],
           [102., 106.]])
    """
    if not variance > 0:
        raise FeatureError(
            f"variance={variance!r} is no contrast; give a number above 0, such as 1"
        )
    image = grey(image)
    centred = image - image.mean(dtype=np.float64).astype(image.dtype)
    deviation = float(np.sqrt(np.mean(centred**2, dtype=np.float64)))
    # What rounding leaves of a constant is not to be stretched.
    if deviation <= 8 * np.finfo(image.dtype).eps * float(np.abs(image).max()):
        return np.full_like(image, mean)
    return centred * (variance**0.5 / deviation) + image.dtype.type(mean)


def grey(image: Array) -> RealArray:
    """The picture as floats (H, W) of ordinary size; raises ImageError."""
    library = NumpyLibrary()
    image = library.promote(image)
    if image.ndim != 2 or 0 in image.shape:
        raise ImageError(
            f"an array of shape {image.shape} is not a grey picture (H, W); give one print at a "
            "time, and gaborkit.luminance(image) of a colour picture"
        )
    library.check_finite(image)
    return ordinary(image)


def check_field(name: str, field: Any, shape: tuple[int, ...]) -> RealArray:
    """A field of one number for each pixel; raises FeatureError."""
    values = np.asarray(field)
    values = values.astype(np.result_type(values.dtype, np.float32), copy=False)
    try:
        values = np.broadcast_to(values, shape)
    except ValueError:
        raise FeatureError(
            f"{name} of shape {values.shape} does not fit a picture of {shape[0]} x {shape[1]} "
            "pixels; give one number, or one for each pixel"
        ) from None
    if not np.isfinite(values).all():
        wrong = np.count_nonzero(~np.isfinite(values))
        raise FeatureError(f"{wrong} values of {name} are NaN or infinite; mask those pixels")
    return values


def check_block(block: int) -> None:
    """A side of blocks; raises FeatureError."""
    if not is_whole(block, 1):
        raise FeatureError(f"block={block!r} is no size in pixels; give a whole number from 1 on")


def check_wavelengths(wavelengths: tuple[float, float]) -> tuple[float, float]:
    """The shortest and the longest distance of ridges; raises FeatureError."""
    shortest, longest = wavelengths if len(wavelengths) == 2 else (0, 0)
    if not 2 <= shortest < longest < math.inf:
        raise FeatureError(
            f"wavelengths={wavelengths!r} are no limits in pixels; give the shortest, from 2 on, "
            "and the longest, such as (3, 25)"
        )
    return shortest, longest


def block_grid(shape: tuple[int, ...], block: int) -> tuple[int, int]:
    """Rows and columns of blocks of about ``block`` pixels that cover a picture."""
    height, width = shape
    return -(-height // block), -(-width // block)


def to_blocks(values: RealArray, grid: tuple[int, int]) -> RealArray:
    """Mean over each block."""
    return resized(values, grid, "area")


def to_pixels(blocks: RealArray, shape: tuple[int, ...]) -> RealArray:
    """A value for each pixel, linear between the centres of blocks."""
    return resized(blocks, shape, "linear")


def half_angle(x: RealArray, y: RealArray) -> RealArray:
    """Directions, 0 <= theta < pi, of vectors of the doubled angle."""
    theta: RealArray = np.arctan2(y, x) / 2
    theta[theta < 0] += theta.dtype.type(np.pi)
    # A tiny negative angle rounds to pi itself.
    theta[theta >= theta.dtype.type(np.pi)] = 0
    return theta


def thinned(binary: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Lines one pixel wide in the middle of ridges."""
    from skimage.morphology import skeletonize  # slow to import, and of few prints

    return np.asarray(skeletonize(binary))


def pieces(region: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Number of the piece that each pixel is of, corners joining, and their areas; 0: of none."""
    labels, count = scipy.ndimage.label(region, np.ones((3, 3)))
    return labels, np.bincount(labels.ravel(), minlength=count + 1)
