"""Planes blurred, enlarged and reduced: along each axis by a sparse matrix, with SciPy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..types import RealArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

#: Slope of the cubic at a distance of 1. Keys' -0.5 is of third order; OpenCV's, taken here, is
#: sharper and keeps the contrast of ridges that lie 3 or 4 pixels apart.
SLOPE = -0.75


def correlated(
    image: RealArray, rows: ArrayLike, columns: ArrayLike, *, step: int = 1
) -> RealArray:
    """Correlate a plane with weights along its columns and along its rows.

    Parameters
    ----------
    image : float array (H, W)
        Reflected at its borders, as often as the weights need.
    rows, columns : array (2 n + 1,)
        Weights of neighbours in rows above to below, and in columns from the left to the right.
    step : int
        Every so many pixels are kept, from the first on.

    Returns
    -------
    float array (ceil(H / step), ceil(W / step))
        Of the dtype of the picture.

    Examples
    --------
    >>> correlated(np.array([[0.0, 0, 4, 0]]), [1], [0.25, 0.5, 0.25])
    array([[0., 1., 2., 1.]])
    """
    return _applied(
        image,
        *(
            _banded(n, np.asarray(weights, np.float64), step, image.dtype)
            for n, weights in zip(image.shape, (rows, columns), strict=True)
        ),
    )


def blurred(image: RealArray, sigma: float) -> RealArray:
    """Gaussian blur of a plane, which is reflected at its borders.

    Parameters
    ----------
    image : float array (H, W)
    sigma : float
        Standard deviation in pixels; the Gaussian ends at 4 of them. 0 changes nothing.

    Examples
    --------
    >>> float(blurred(np.eye(5), 1.0).sum().round(9))
    5.0
    """
    if sigma == 0:
        return image
    radius = int(np.ceil(4 * sigma))
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    return correlated(image, weights, weights)


def resized(
    image: RealArray, shape: tuple[int, ...], method: Literal["area", "linear", "cubic"]
) -> RealArray:
    """Give a plane another number of pixels over the same area.

    Parameters
    ----------
    image : float array (H, W)
    shape : (int, int)
        Rows and columns wanted.
    method : {"area", "linear", "cubic"}
        ``area`` takes the mean of what each new pixel covers, and is for fewer pixels; ``linear``
        and ``cubic`` go through the values at the centres of pixels, and are for more of them.
        Beyond the outermost centres lies their value.

    Returns
    -------
    float array, of that shape and of the dtype of the picture

    References
    ----------
    Keys (1981), "Cubic convolution interpolation for digital image processing", IEEE TASSP 29(6),
    1153-1160, eq. 4, with a slope of -0.75.

    Examples
    --------
    >>> resized(np.array([[0.0, 3, 6]]), (1, 2), "area")
    array([[1., 5.]])
    >>> resized(np.array([[0.0, 4]]), (1, 4), "linear")
    array([[0., 1., 3., 4.]])
    """
    return _applied(
        image,
        *(
            _covering(n, m, image.dtype)
            if method == "area"
            else _interpolating(n, m, _tent if method == "linear" else _keys, image.dtype)
            for n, m in zip(image.shape, shape, strict=True)
        ),
    )


def sampled(image: RealArray, y: RealArray, x: RealArray) -> RealArray:
    """Values of a plane between its pixels, linear along both axes.

    Parameters
    ----------
    image : float array (H, W)
        At least two pixels a side.
    y, x : float arrays of one shape
        Row and column of each point, from 0 to H - 1 and W - 1; the caller sees to that.

    Examples
    --------
    >>> sampled(np.array([[0.0, 2], [4, 6]]), np.array([0.5]), np.array([0.25]))
    array([2.5])
    """
    width = image.shape[1]
    top, left = y.astype(np.intp), x.astype(np.intp)
    y, x = y - top.astype(y.dtype), x - left.astype(x.dtype)
    flat, index = image.ravel(), top * width + left

    def along_row(first: int) -> RealArray:
        start, change = (flat[first + k :].take(index, mode="clip") for k in (0, 1))
        change -= start
        change *= x
        start += change
        return start

    upper, change = along_row(0), along_row(width)
    change -= upper
    change *= y
    upper += change
    return upper


def _applied(image: RealArray, rows: csr_array, columns: csr_array) -> RealArray:
    """The product rows @ image @ columns.T, in C order."""
    return np.ascontiguousarray((columns @ (rows @ image).T).T)


def _matrix(
    index: NDArray[np.intp], weights: RealArray, n: int, dtype: np.dtype[Any]
) -> scipy.sparse.csr_array:
    """Rows of as many weights each, for the elements of an axis that ``index`` names."""
    m, taps = index.shape
    values = np.broadcast_to(weights, index.shape).astype(dtype).ravel()
    return scipy.sparse.csr_array(
        (values, index.ravel(), np.arange(0, m * taps + 1, taps)), shape=(m, n)
    )


def _banded(n: int, weights: RealArray, step: int, dtype: np.dtype[Any]) -> csr_array:
    radius = len(weights) // 2
    offsets = np.arange(-radius, radius + 1)
    if len(offsets) > 2 * n:  # reflected again and again, an axis repeats itself
        weights = np.bincount(offsets % (2 * n), weights, 2 * n).astype(np.float64)
        offsets = np.arange(2 * n)
    index = (np.arange(0, n, step)[:, None] + offsets) % (2 * n)
    return _matrix(np.minimum(index, 2 * n - 1 - index), weights, n, dtype)


def _covering(n: int, m: int, dtype: np.dtype[Any]) -> csr_array:
    """Means over m equal parts of an axis."""
    edges = np.arange(m + 1) * (n / m)
    first, last = edges[:-1, None], edges[1:, None]
    index = np.floor(first).astype(np.intp) + np.arange(int(np.ceil(n / m)) + 1)
    overlap = np.minimum(index + 1, last) - np.maximum(index, first)
    return _matrix(np.minimum(index, n - 1), np.maximum(overlap, 0) * (m / n), n, dtype)


def _interpolating(
    n: int, m: int, kernel: Callable[[RealArray], RealArray], dtype: np.dtype[Any]
) -> csr_array:
    """Values at the centres of m equal parts of an axis, between those of its elements."""
    position = ((np.arange(m) + 0.5) * (n / m) - 0.5)[:, None]
    index = np.floor(position).astype(np.intp) + np.arange(-1, 3)
    return _matrix(index.clip(0, n - 1), kernel(np.abs(position - index)), n, dtype)


def _tent(distance: RealArray) -> RealArray:
    return np.maximum(1 - distance, 0)


def _keys(distance: RealArray) -> RealArray:
    """The cubic through four samples, at distances of up to 2."""
    a = SLOPE
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance < 1, near, far)
