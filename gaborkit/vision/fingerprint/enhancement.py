"""From the picture of a fingerprint to its ridges: all steps in one."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import FeatureError, ImageError
from ...types import Array, RealArray
from .filtering import tuned_filter
from .frequency import ridge_frequency
from .mask import ridge_mask
from .orientation import ridge_orientation
from .picture import grey, normalize


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
    """

    enhanced: RealArray
    binary: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    orientation: RealArray
    frequency: RealArray


def enhance_fingerprint(
    image: Array,
    *,
    ridges: Literal["dark", "light"] = "dark",
    orientation: Literal["gradient", "gabor"] = "gradient",
    block: int = 16,
    wavelengths: tuple[float, float] = (3.0, 25.0),
    sigma: float = 4.0,
    regularity: float = 0.3,
    tolerance: float = 0.03,
) -> FingerprintEnhancement:
    """Enhance the ridges of a fingerprint with Gabor kernels tuned to them at each pixel.

    Parameters
    ----------
    image : real array (H, W)
        At about 500 dots an inch, for which the lengths below are made: there, ridges lie about 9
        pixels apart. It is reflected at its borders.
    ridges : {"dark", "light"}
        What of the picture is a ridge; ink is dark.
    orientation : {"gradient", "gabor"}
        See :func:`ridge_orientation`.
    block : int
        Side in pixels of what has one frequency, and is judged together. The window for it is
        twice as long.
    wavelengths : (float, float)
        Limits of the distance of ridges, in pixels.
    sigma : float
        Standard deviation of the kernels, in pixels.
    regularity : float
        Least share of a profile's variance that a sine must explain; 0 keeps all of the print.
    tolerance : float
        See :func:`tuned_filter`.

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
    image = grey(image)
    window = (2 * block, block)
    if min(image.shape) < window[0]:
        height, width = image.shape
        raise ImageError(
            f"a picture of {height} x {width} pixels is smaller than a window of {window[0]} "
            "pixels across its ridges; give a larger picture, or a smaller block"
        )
    image = normalize(image)
    theta = ridge_orientation(image, method=orientation).theta
    frequency, quality = ridge_frequency(
        image, theta, block=block, window=window, wavelengths=wavelengths
    )
    mask = ridge_mask(image, quality=quality, block=block, regularity=regularity)
    enhanced = tuned_filter(image, theta, frequency, mask=mask, sigma=sigma, tolerance=tolerance)
    binary = mask & (enhanced < 0 if ridges == "dark" else enhanced > 0)
    return FingerprintEnhancement(enhanced, binary, mask, theta, frequency)


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
    from skimage.morphology import skeletonize

    binary = np.asarray(binary)
    if binary.ndim != 2 or binary.dtype != np.bool_:
        raise ImageError(
            f"ridges of shape {binary.shape} and dtype {binary.dtype} are not one plane of "
            "booleans; give the binary picture of enhance_fingerprint"
        )
    return skeletonize(binary)
