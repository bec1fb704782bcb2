"""The local orientation of ridges, from gradients or from a Gabor bank."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np

from ...bank import GaborBank
from ...errors import FeatureError
from ...kernels.parameters import number
from ...types import Array, RealArray
from ..sparse_resampling import blurred, correlated
from .picture import block_grid, half_angle, normalize, to_blocks, to_pixels


class RidgeOrientation(NamedTuple):
    """Orientation of ridges, and how sure it is.

    Attributes
    ----------
    theta : float array (H, W)
        Direction of the wave vector, *across* the ridges, from +x (right) towards +y (down), in
        radians, 0 <= theta < pi. The article's orientation runs along the ridges: it is
        theta + pi/2, modulo pi.
    coherence : float array (H, W)
        From 0, where no direction prevails, to 1, where there is only one.
    """

    theta: RealArray
    coherence: RealArray


def ridge_orientation(
    image: Array,
    *,
    method: Literal["gradient", "gabor"] = "gradient",
    window: float = 6.0,
    smoothing: float = 8.0,
    sigma: float = 1.0,
    bank: GaborBank | None = None,
) -> RidgeOrientation:
    """Orientation of ridges at each pixel, by least squares.

    The squared gradient, as a vector of the doubled angle, is averaged over a window. Its angle is
    twice the direction that fits the gradients around best. Then the field of unit vectors of the
    doubled angle is smoothed, as orientation changes slowly but for singular points.

    Parameters
    ----------
    image : real array (H, W)
        Reflected at its borders.
    method : {"gradient", "gabor"}
        ``gabor`` takes, in place of the squared gradient, the sum over a bank of the energy of
        each response times the unit vector of the kernel's doubled theta: it hears the wavelengths
        of ridges only.
    window : float
        Standard deviation in pixels of the Gaussian window. That of the article's block of 16
        pixels is 16 / sqrt(12) = 4.6.
    smoothing : float
        Standard deviation in pixels of the Gaussian that smooths the field; 0 leaves it out.
    sigma : float
        Standard deviation in pixels of the Gaussian whose derivatives are the gradient.
    bank : GaborBank, optional
        Of the method ``gabor``. The default has wavelengths of 6 and 10 pixels and 12 orientations;
        with 8 of one octave, angles are wrong by up to half a degree.

    Returns
    -------
    RidgeOrientation
        Where nothing has a direction, as in a constant picture, both are 0.

    Raises
    ------
    ImageError
        As :func:`normalize`.
    FeatureError
        If the method is unknown, or a deviation is out of range.

    References
    ----------
    Hong, Wan and Jain (1998), IEEE TPAMI 20(8), the step "Orientation Image".
    Kass and Witkin (1987), "Analyzing oriented patterns", CVGIP 37(3), 362-385.

    Examples
    --------
    >>> y, x = np.mgrid[:96, :96]
    >>> ridges = np.cos(2 * np.pi / 9 * (x * np.cos(0.5) + y * np.sin(0.5)))
    >>> round(float(ridge_orientation(ridges).theta[48, 48]), 4)
    0.5
    """
    if method not in ("gradient", "gabor"):
        raise FeatureError(f"method={method!r} is unknown; choose gradient or gabor")
    if bank is not None and method != "gabor":
        raise FeatureError("a bank is for method='gabor'; leave it out, or give that method")
    for name, value in (("window", window), ("smoothing", smoothing), ("sigma", sigma)):
        if not 0 <= value < math.inf or (name != "smoothing" and value == 0):
            least = "from 0 on" if name == "smoothing" else "above 0"
            raise FeatureError(f"{name}={value!r} is no deviation in pixels; give one {least}")
    image = normalize(image)
    squares = (
        _squared_gradient(image, sigma)
        if method == "gradient"
        else _bank_energies(image, ridge_bank() if bank is None else bank)
    )
    # Windows this wide see no difference on a grid half as fine.
    grid = block_grid(image.shape, 2)
    x, y, strength = (blurred(to_blocks(part, grid), window / 2) for part in squares)
    length = np.hypot(x, y)
    known = length > np.finfo(image.dtype).eps * float(strength.max())
    safe = np.where(known, length, 1)
    coherence = to_pixels(np.where(known, length / np.maximum(strength, safe), 0), image.shape)
    x, y = (
        to_pixels(blurred(np.where(known, part / safe, 0), smoothing / 2), image.shape)
        for part in (x, y)
    )
    return RidgeOrientation(half_angle(x, y), coherence)


def _squared_gradient(image: RealArray, sigma: float) -> tuple[RealArray, RealArray, RealArray]:
    """Square of the gradient, read as a complex number: real and imaginary part, and magnitude."""
    radius = int(np.ceil(6 * sigma))
    offset = np.arange(-radius, radius + 1)
    smooth = np.exp(-(offset**2) / (2 * sigma**2))
    smooth /= smooth.sum()
    # These correlate: towards larger coordinates the weights are positive.
    slope = smooth * offset / sigma**2
    x, y = correlated(image, smooth, slope), correlated(image, slope, smooth)
    return x**2 - y**2, 2 * x * y, x**2 + y**2


def _bank_energies(image: RealArray, bank: GaborBank) -> tuple[RealArray, RealArray, RealArray]:
    """Energies of a bank as vectors of the doubled angle, added up, and their sum."""
    x, y, strength = np.zeros((3, *image.shape), image.dtype)
    for kernel, energy in zip(bank, bank.responses(image, part="energy"), strict=True):
        x += energy * image.dtype.type(math.cos(2 * number(kernel.theta)))
        y += energy * image.dtype.type(math.sin(2 * number(kernel.theta)))
        strength += energy
    return x, y, strength


def ridge_bank(spacing: float = 9.0) -> GaborBank:
    """Wavelengths on both sides of the distance of ridges, and 12 orientations."""
    return GaborBank.grid(2, 12, wavelength=2 / 3 * spacing, a=10 / 6)
