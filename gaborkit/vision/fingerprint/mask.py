"""Where there is a print whose ridges can be told."""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from ...errors import FeatureError
from ...types import Array, RealArray
from ..sparse_resampling import blurred
from .picture import block_grid, check_block, check_field, normalize, pieces, to_blocks


def ridge_mask(
    image: Array,
    *,
    quality: Array | None = None,
    block: int = 16,
    contrast: float = 0.3,
    regularity: float = 0.3,
) -> NDArray[np.bool_]:
    """Tell the print from its background, and from what of it cannot be recovered.

    Parameters
    ----------
    image : real array (H, W)
        Reflected at its borders.
    quality : array (H, W), optional
        As of :func:`ridge_frequency`: how much the profile across the ridges is like a sine.
    block : int
        Pixels to one side that are judged together; holes and islands of fewer than four blocks
        are filled and dropped. Larger holes too are filled if most of them has the contrast and
        half the regularity, as cores and deltas have.
    contrast : float
        Least local deviation, relative to that of the whole picture.
    regularity : float
        Least quality.

    Returns
    -------
    bool array (H, W)
        All false for a constant picture.

    Raises
    ------
    ImageError
        As :func:`normalize`.
    FeatureError
        If a parameter is out of range, or ``quality`` does not fit the picture.

    Notes
    -----
    The article tells recoverable blocks by the amplitude, frequency and variance of their profiles
    and the nearest of labelled examples. Here, the variance that a sine explains does without
    examples.

    References
    ----------
    Hong, Wan and Jain (1998), IEEE TPAMI 20(8), the step "Region Mask".

    Examples
    --------
    >>> picture = np.zeros((96, 96))
    >>> picture[16:80, 16:80] = np.cos(np.arange(64) * 2 * np.pi / 9)
    >>> mask = ridge_mask(picture)
    >>> bool(mask[48, 48]), bool(mask[2, 2])
    (True, False)
    """
    check_block(block)
    for name, value in (("contrast", contrast), ("regularity", regularity)):
        if not 0 <= value < math.inf:
            raise FeatureError(f"{name}={value!r} is no least value; give a number from 0 on")
    image = normalize(image)
    grid = block_grid(image.shape, 2)  # outlines need not be finer
    inked = _local_deviation(image, grid, block / 6) > contrast
    regular = inked.astype(np.float32)
    if quality is not None:
        regular *= to_blocks(check_field("quality", quality, image.shape), grid)
    ridged = inked & (regular >= regularity)
    opened = _opened(ridged, block // 8)
    whole = _without_holes(_without_islands(opened, block**2), block**2, regular > regularity / 2)
    height, width = image.shape
    return whole.repeat(2, 0)[:height].repeat(2, 1)[:, :width]


def _local_deviation(image: RealArray, grid: tuple[int, int], sigma: float) -> RealArray:
    """Standard deviation around each point of a grid."""
    mean, square = (blurred(to_blocks(part, grid), sigma) for part in (image, image**2))
    return np.sqrt(np.maximum(square - mean**2, 0))


def _opened(region: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """What discs cover that lie in the region; it goes on beyond the borders."""
    step = np.arange(-radius, radius + 1)
    disc = np.hypot(step, step[:, None]) < radius + 0.5
    return scipy.ndimage.binary_dilation(
        scipy.ndimage.binary_erosion(region, disc, border_value=1), disc
    )


def _without_islands(region: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """The pieces of at least so many pixels."""
    labels, area = pieces(region)
    large = area >= least
    large[0] = False
    return large[labels]


def _without_holes(
    region: NDArray[np.bool_], least: int, likely: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The region with what of the rest has few pixels, or is enclosed and for the most part likely.

    Around a core or a delta ridges turn within a window, and no profile there is much like a sine.
    """
    labels, area = pieces(~region)
    enclosed = np.ones(len(area), bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        enclosed[edge] = False
    inside = np.bincount(labels[likely], minlength=len(area)) > area / 2
    filled = (area < least) | (enclosed & inside)
    filled[0] = True
    return filled[labels]
