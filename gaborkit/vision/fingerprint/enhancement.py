"""From the picture of a fingerprint to its ridges: all steps in one."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import FeatureError, ImageError
from ...features.plane import plane_of
from ...types import Array, RealArray
from ..sparse_resampling import resized
from .frequency import ridge_frequency
from .mask import ridge_mask
from .picture import (
    check_block,
    check_wavelengths,
    half_angle,
    normalize,
    thinned,
    to_blocks,
    to_pixels,
)
from .ridge_orientation import ridge_bank, ridge_orientation
from .ridges import ridge_spacing
from .tuned_filter import tuned_filter

#: The distance of ridges in pixels at 500 dots an inch, for which the article's lengths are made.
STANDARD = 9.0


class FingerprintEnhancement(NamedTuple):
    """What is found in the picture of a fingerprint.

    Attributes
    ----------
    enhanced : float array (H, W)
        The picture, normalised and filtered; 0 outside the mask. Ridges are negative if they are
        dark.
    binary : bool array (H, W)
        Ridges.
    mask : bool array (H, W)
        Where there are ridges that can be told.
    orientation : float array (H, W)
        Direction *across* the ridges, from +x (right) towards +y (down), in radians, 0 <= theta
        < pi. Ridges run along theta + pi/2, which is what the article calls orientation.
    frequency : float array (H, W)
        Cycles per pixel.
    quality : float array (H, W)
        How much ridges are like a sine, 0 to 1; see :func:`ridge_frequency`.
    """

    enhanced: RealArray
    binary: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    orientation: RealArray
    frequency: RealArray
    quality: RealArray


def enhance_fingerprint(
    image: Array,
    *,
    ridges: Literal["dark", "light"] = "dark",
    orientation: Literal["gradient", "gabor"] = "gradient",
    spacing: float | None = None,
    block: int | None = None,
    wavelengths: tuple[float, float] | None = None,
    sigma: float | None = None,
    regularity: float = 0.3,
    tolerance: float = 0.03,
    channel_axis: int | None = None,
) -> FingerprintEnhancement:
    """Enhance the ridges of a fingerprint with Gabor kernels tuned to them at each pixel.

    Parameters
    ----------
    image : real array (H, W)
        Of any scale. It is reflected at its borders.
    ridges : {"dark", "light"}
        What of the picture is a ridge; ink is dark.
    orientation : {"gradient", "gabor"}
        See :func:`ridge_orientation`.
    spacing : float, optional
        Usual distance of ridges, in pixels; 9 at 500 dots an inch. By default that of
        :func:`ridge_spacing`. The lengths below, and those of the steps, are the article's at 9
        pixels and grow with it.
    block : int, optional
        Side in pixels of what has one frequency, and is judged together. The window for it is
        twice as long. 16 at a spacing of 9.
    wavelengths : (float, float), optional
        Limits of the distance of ridges, in pixels. (3, 25) at a spacing of 9.
    sigma : float, optional
        Standard deviation of the kernels, in pixels. 4 at a spacing of 9.
    regularity : float
        Least share of a profile's variance that a sine must explain; 0 keeps all of the print.
    tolerance : float
        See :func:`tuned_filter`.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    FingerprintEnhancement

    Raises
    ------
    ImageError
        If the picture is not one real plane, holds NaN or infinity, or is smaller than a window.
    FeatureError
        If a parameter is out of range.

    References
    ----------
    Hong, Wan and Jain (1998), "Fingerprint image enhancement: algorithm and performance
    evaluation", IEEE TPAMI 20(8), 777-789.

    Examples
    --------
    >>> from gaborkit.vision.fingerprint import synthetic_fingerprint
    >>> print_ = synthetic_fingerprint((160, 160), kind="arch", seed=0)
    >>> found = enhance_fingerprint(print_.image)
    >>> bool((found.binary == print_.ridges)[found.mask].mean() > 0.9)
    True
    """
    if ridges not in ("dark", "light"):
        raise FeatureError(f"ridges={ridges!r} is unknown; choose dark or light")
    if block is not None:
        check_block(block)
    image = normalize(plane_of(image, channel_axis))
    spacing = _spacing(image, spacing, wavelengths)
    scale = spacing / STANDARD
    side = max(1, round(16 * scale)) if block is None else block
    if min(image.shape) < 2 * side:
        height, width = image.shape
        raise ImageError(
            f"a picture of {height} x {width} pixels is smaller than a window of {2 * side} "
            "pixels across its ridges; give a larger picture, or a smaller block"
        )
    limits = (3 * scale, 25 * scale) if wavelengths is None else wavelengths
    theta, frequency, quality, mask = _fields(image, orientation, scale, side, limits, regularity)
    enhanced = tuned_filter(
        image,
        theta,
        frequency,
        mask=mask,
        sigma=4 * scale if sigma is None else sigma,
        tolerance=tolerance,
    )
    binary = mask & (enhanced < 0 if ridges == "dark" else enhanced > 0)
    return FingerprintEnhancement(enhanced, binary, mask, theta, frequency, quality)


def _spacing(
    image: RealArray, spacing: float | None, wavelengths: tuple[float, float] | None
) -> float:
    """The distance of ridges that is asked for or found, within limits."""
    low, high = (0.0, math.inf) if wavelengths is None else check_wavelengths(wavelengths)
    if spacing is None:
        return ridge_spacing(image, wavelengths=wavelengths) or min(max(STANDARD, low), high)
    if not 2 <= spacing < math.inf:
        raise FeatureError(f"spacing={spacing!r} is no distance of ridges; give pixels, from 2 on")
    if not low <= spacing <= high:
        raise FeatureError(
            f"spacing={spacing!r} is not within wavelengths={wavelengths!r}; leave one of them out"
        )
    return spacing


def _fields(
    image: RealArray,
    method: Literal["gradient", "gabor"],
    scale: float,
    block: int,
    wavelengths: tuple[float, float],
    regularity: float,
) -> tuple[RealArray, RealArray, RealArray, NDArray[np.bool_]]:
    """Orientation, frequency, quality and mask, found where ridges lie 6.4 to 12.7 pixels apart.

    Nearer ridges are too few samples for gradients and peaks, and those that lie farther apart
    only take longer, so the picture is enlarged or reduced by a power of two.
    """
    step = 2.0 ** round(math.log2(scale))
    scale, side = scale / step, max(1, round(block / step))
    level = image if step == 1 else _resized(image, step)
    theta = ridge_orientation(
        level,
        method=method,
        window=6 * scale,
        smoothing=8 * scale,
        sigma=scale,
        bank=ridge_bank(STANDARD * scale) if method == "gabor" else None,
    ).theta
    low, high = (limit / step for limit in wavelengths)
    frequency, quality = ridge_frequency(
        level,
        theta,
        block=side,
        window=(2 * side, side),
        wavelengths=(max(2.0, 2.0 / step, low), high),
    )
    mask = ridge_mask(level, quality=quality, block=side, regularity=regularity)
    if step == 1:
        return theta, frequency, quality, mask
    size = image.shape
    x, y, frequency, quality, share = (
        to_pixels(field, size) if step > 1 else to_blocks(field, (size[0], size[1]))
        for field in (
            np.cos(2 * theta),
            np.sin(2 * theta),
            frequency / step,
            quality,
            mask.astype("f4"),
        )
    )
    return half_angle(x, y), frequency, quality, share >= 0.5


def _resized(image: RealArray, step: float) -> RealArray:
    """The picture with ``step`` times fewer pixels a side."""
    shape = tuple(max(1, round(n / step)) for n in image.shape)
    return resized(image, shape, "area" if step > 1 else "cubic")


def thin_ridges(binary: Array) -> NDArray[np.bool_]:
    """Lines one pixel wide in the middle of ridges, by :func:`skimage.morphology.skeletonize`.

    Parameters
    ----------
    binary : bool array (H, W)

    Returns
    -------
    bool array (H, W)

    Raises
    ------
    ImageError
        If it is not one plane of booleans.

    Examples
    --------
    >>> ridge = np.zeros((7, 20), bool)
    >>> ridge[2:5] = True
    >>> int(thin_ridges(ridge).sum(0).max())
    1
    """
    binary = np.asarray(binary)
    if binary.ndim != 2 or binary.dtype != np.bool_:
        raise ImageError(
            f"ridges of shape {binary.shape} and dtype {binary.dtype} are not one plane of "
            "booleans; give the binary picture of enhance_fingerprint"
        )
    return thinned(binary)
