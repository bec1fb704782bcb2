"""The local frequency of ridges: the spacing of peaks across them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ...errors import FeatureError
from ...kernels.parameters import warn_of_degrees
from ...types import Array, RealArray
from ...whole_numbers import is_whole
from ..sparse_resampling import blurred, sampled
from .picture import (
    block_grid,
    check_field,
    check_wavelengths,
    grey,
    to_pixels,
)

#: Deviation, in blocks, of the Gaussian that fills and smooths the frequencies of blocks.
SMOOTHING = 1.5

#: And of the one that smooths their quality.
QUALITY_SMOOTHING = 0.7

#: Deviation of the Gaussian over profiles, as a share of the shortest wavelength.
RIPPLE = 0.25


class RidgeFrequency(NamedTuple):
    """Frequency of ridges, and how much their profile is like a sine.

    Attributes
    ----------
    frequency : float array (H, W)
        Cycles per pixel; 0 all over if no block has ridges.
    quality : float array (H, W)
        Share of the profile's variance that the sine of that frequency explains, from 0 to 1,
        averaged over some blocks.
    """

    frequency: RealArray
    quality: RealArray


def ridge_frequency(
    image: Array,
    theta: Array,
    *,
    block: int = 16,
    window: tuple[int, int] = (32, 16),
    wavelengths: tuple[float, float] = (3.0, 25.0),
) -> RidgeFrequency:
    """Frequency of ridges around each pixel, from the profile across them.

    In the middle of each block lies a window that is turned with the ridges. Its means along the
    ridges are the profile, which the article calls x-signature; the mean spacing of its peaks, and
    of its troughs, is the wavelength. Blocks of no regular spacing, or one out of the limits, get
    the frequency of those around them, and the field is smoothed, by normalized convolution.

    Parameters
    ----------
    image : real array (H, W)
        Reflected at its borders.
    theta : array (H, W) or float
        Direction across the ridges, as of :func:`ridge_orientation`, in radians.
    block : int
        Side of a block in pixels.
    window : (int, int)
        Length across the ridges and width along them, in pixels. Two peaks must fit.
    wavelengths : (float, float)
        Limits, in pixels. Those of the article are for 500 dots an inch.

    Returns
    -------
    RidgeFrequency

    Raises
    ------
    ImageError
        As :func:`normalize`.
    FeatureError
        If a parameter is out of range, or ``theta`` does not fit the picture.

    References
    ----------
    Hong, Wan and Jain (1998), IEEE TPAMI 20(8), the step "Ridge Frequency Image".
    Knutsson and Westin (1993), "Normalized and differential convolution", CVPR, 515-523.

    Examples
    --------
    >>> y, x = np.mgrid[:96, :96]
    >>> ridges = np.cos(2 * np.pi / 9 * (x * np.cos(0.5) + y * np.sin(0.5)))
    >>> found = ridge_frequency(ridges, 0.5)
    >>> round(1 / float(found.frequency[48, 48]), 1)
    9.0
    """
    _check(block, window, wavelengths)
    image = grey(image)
    theta = check_field("theta", theta, image.shape)
    warn_of_degrees("theta", theta)
    grid = block_grid(image.shape, block)
    profiles = _profiles(image, theta, grid, window)
    frequency = _spacing_frequency(profiles, wavelengths)
    filled = _filled(frequency.reshape(grid), _explained(profiles, frequency).reshape(grid))
    # Judged by the frequency around it, a block of one broken ridge is still one of ridges.
    quality = blurred(_explained(profiles, filled.ravel()).reshape(grid), QUALITY_SMOOTHING)
    return RidgeFrequency(
        *(to_pixels(part, image.shape).astype(image.dtype) for part in (filled, quality))
    )


def _check(block: int, window: tuple[int, int], wavelengths: tuple[float, float]) -> None:
    sizes = (block, *window)
    if len(sizes) != 3 or not all(is_whole(n, 1) for n in sizes):
        raise FeatureError(
            f"block={block!r}, window={window!r}: these are no sizes in pixels; give block=16, "
            "window=(32, 16) for example"
        )
    shortest, _ = check_wavelengths(wavelengths)
    if window[0] <= 2 * shortest:
        raise FeatureError(
            f"a window {window[0]} pixels long does not hold two ridges {shortest:g} pixels apart; "
            "give a longer window, or a smaller limit"
        )


def _profiles(
    image: RealArray, theta: RealArray, grid: tuple[int, int], window: tuple[int, int]
) -> RealArray:
    """Means along the ridges of the turned window in the middle of each block, (blocks, length)."""
    length, width = window
    across = np.arange(length, dtype=np.float32) - np.float32((length - 1) / 2)
    along = (np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2))[:, None]
    middle_x = (np.arange(grid[1]) + 0.5) * image.shape[1] / grid[1] - 0.5
    middle_y = (np.arange(grid[0]) + 0.5) * image.shape[0] / grid[0] - 0.5
    turned = theta[np.ix_(*(np.rint(part).astype(int) for part in (middle_y, middle_x)))]
    # Windows reach beyond the border by half their diagonal at most.
    margin = math.ceil(math.hypot(length, width) / 2) + 1
    plane = np.pad(np.asarray(image, np.float32), margin, "symmetric")
    profiles = np.empty((*grid, length))
    left = middle_x.astype(np.float32)[:, None, None]
    for row, angles in enumerate(turned.astype(np.float32)):  # so that memory stays small
        cos, sin = (part(angles)[:, None, None] for part in (np.cos, np.sin))
        x = left + across * cos - along * sin
        y = np.float32(middle_y[row]) + across * sin + along * cos
        profiles[row] = sampled(plane, y + margin, x + margin).mean(1)
    return profiles.reshape(-1, length)


def _spacing_frequency(profiles: RealArray, wavelengths: tuple[float, float]) -> RealArray:
    """One over the mean spacing of peaks and of troughs; 0 if it is out of the limits."""
    level = profiles - profiles.mean(1, keepdims=True)
    # Ripple that is shorter than any ridge would count as more peaks.
    smooth = scipy.ndimage.gaussian_filter1d(level, RIPPLE * wavelengths[0], axis=1, mode="nearest")
    span, gaps = (sum(parts) for parts in zip(_spacings(smooth), _spacings(-smooth), strict=True))
    wavelength = np.divide(span, gaps, out=np.zeros(len(profiles)), where=gaps > 0)
    inside = (wavelength >= wavelengths[0]) & (wavelength <= wavelengths[1])
    return np.divide(1, wavelength, out=np.zeros(len(profiles)), where=inside)


def _spacings(profiles: RealArray) -> tuple[RealArray, NDArray[np.intp]]:
    """Distance from the first peak above the mean to the last, and how many gaps lie between."""
    before, top, after = profiles[:, :-2], profiles[:, 1:-1], profiles[:, 2:]
    peak = (top > before) & (top >= after) & (top > 0)
    bend = before - 2 * top + after
    # The vertex of the parabola through three samples.
    offset = np.divide(before - after, 2 * bend, out=np.zeros_like(top), where=peak)
    position = np.arange(top.shape[1]) + offset
    first = np.where(peak, position, np.inf).min(1)
    last = np.where(peak, position, -np.inf).max(1)
    gaps = np.maximum(peak.sum(1) - 1, 0)
    return np.where(gaps > 0, last - np.where(gaps > 0, first, 0), 0), gaps


def _explained(profiles: RealArray, frequency: RealArray) -> RealArray:
    """Share of each profile's variance that a sine of its frequency explains, by least squares."""
    length = profiles.shape[1]
    position = np.arange(length) - (length - 1) / 2
    angle = 2 * np.pi * frequency[:, None] * position
    level = profiles - profiles.mean(1, keepdims=True)
    even = np.cos(angle)
    even -= even.mean(1, keepdims=True)
    odd = np.sin(angle)  # symmetric places: no mean, and nothing in common with the even one
    explained = np.zeros(len(profiles))
    for part in (even, odd):
        square = (part**2).sum(1)
        product = (level * part).sum(1)
        explained += np.divide(
            product**2, square, out=np.zeros_like(explained), where=square > 1e-9
        )
    total = (level**2).sum(1)
    rounding = np.finfo(np.float32).eps * (profiles**2).sum(1)
    known = (frequency > 0) & (total > rounding)
    return np.divide(explained, total, out=np.zeros_like(explained), where=known).clip(0, 1)


def _filled(frequency: RealArray, quality: RealArray) -> RealArray:
    """Frequencies of blocks, each as good as its profile, smoothed and spread to those without."""
    known = quality > 0
    if not known.any():
        return np.zeros_like(frequency)
    mean = float(np.average(frequency, weights=quality))
    weight = blurred(quality, SMOOTHING)
    # Far from every block that has ridges, what is left is the mean of all.
    few = 1e-6
    return (blurred(frequency * quality, SMOOTHING) + few * mean) / (weight + few)
