"""Tuned Gabor filtering: at each pixel the kernel of its own orientation and frequency.

The article's kernel has one round envelope for all pixels, so the response at a pixel is a smooth
function of the wave vector alone. A small bank samples that function on a polar grid, as far as
the picture needs it, and each pixel interpolates: over four orientations by a cubic, over
frequencies by one polynomial through Chebyshev nodes.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import NDArray

from ...bank import GaborBank
from ...errors import FeatureError, SamplingWarning
from ...gabor import GaborKernel
from ...types import Array, RealArray
from .picture import check_field, grey


def tuned_filter(
    image: Array,
    theta: Array,
    frequency: Array,
    *,
    mask: Array | None = None,
    sigma: float = 4.0,
    tolerance: float = 0.02,
) -> RealArray:
    """Filter each pixel with the even Gabor kernel of its own orientation and frequency.

    Parameters
    ----------
    image : real array (H, W)
        Reflected at its borders.
    theta : array (H, W) or float
        Direction across the ridges, in radians.
    frequency : array (H, W) or float
        Cycles per pixel, at most 1/2. Where it is 0, so is the result.
    mask : bool array (H, W), optional
        Pixels to be filtered; the others are 0.
    sigma : float
        Standard deviation of the round envelope, in pixels; 4 in the article, for 500 dots an inch.
    tolerance : float
        Bound, roughly, of the L2 error of an interpolated kernel, relative to the kernel.

    Returns
    -------
    float array (H, W)
        Of the picture's precision. Ridges of the pixel's frequency keep their amplitude, and a
        constant becomes 0, which the article's kernel does not see to.

    Raises
    ------
    ImageError
        As :func:`normalize`.
    FeatureError
        If a field does not fit the picture, or a parameter is out of range.

    References
    ----------
    Hong, Wan and Jain (1998), IEEE TPAMI 20(8), the step "Filtering".
    Freeman and Adelson (1991), "The design and use of steerable filters", IEEE TPAMI 13(9).

    Examples
    --------
    >>> y, x = np.mgrid[:80, :80]
    >>> ridges = np.cos(2 * np.pi / 9 * (x * np.cos(0.5) + y * np.sin(0.5)))
    >>> found = tuned_filter(ridges, 0.5, 1 / 9)
    >>> bool(abs(found - ridges)[20:-20, 20:-20].max() < 0.02)
    True
    """
    return TunedFilter(
        theta, frequency, np.shape(image), mask=mask, sigma=sigma, tolerance=tolerance
    )(image)


class TunedFilter:
    """The filter of :func:`tuned_filter` for one field, to be used on several pictures.

    Parameters
    ----------
    theta, frequency : array (H, W) or float
    shape : (H, W)
    mask, sigma, tolerance
        See :func:`tuned_filter`.

    Attributes
    ----------
    bank : GaborBank or None
        The kernels between which pixels interpolate; None if there is nothing to be filtered.
    """

    bank: GaborBank | None

    def __init__(
        self,
        theta: Array,
        frequency: Array,
        shape: tuple[int, ...],
        *,
        mask: Array | None = None,
        sigma: float = 4.0,
        tolerance: float = 0.02,
    ) -> None:
        if len(shape) != 2:
            raise FeatureError(f"a field of shape {shape} is not that of a grey picture (H, W)")
        if not 0 < sigma < math.inf:
            raise FeatureError(f"sigma={sigma!r} is no deviation in pixels; give one above 0")
        if not 0 < tolerance < 1:
            raise FeatureError(f"tolerance={tolerance!r} is not between 0 and 1; try 0.02")
        self.shape = shape
        theta = check_field("theta", theta, shape).ravel()
        frequency = check_field("frequency", frequency, shape).ravel()
        if frequency.min() < 0 or frequency.max() > 0.5:
            wrong = frequency.min() if frequency.min() < 0 else frequency.max()
            raise FeatureError(
                f"a frequency of {wrong:g} cycles per pixel is not between 0 and 1/2"
            )
        wanted = frequency > 0
        if mask is not None:
            wanted &= check_field("mask", mask, shape).ravel() != 0
        places = np.flatnonzero(wanted)
        self.bank = None
        self.places: NDArray[np.intp] = places
        if places.size:
            self._sample(theta[places], frequency[places], float(sigma), tolerance)

    def _sample(
        self, theta: RealArray, frequency: RealArray, sigma: float, tolerance: float
    ) -> None:
        """Choose the kernels, sort the pixels by orientation, and find their weights."""
        nodes = _chebyshev_nodes(float(frequency.min()), float(frequency.max()), sigma, tolerance)
        count = _orientations(float(nodes.max()), sigma, tolerance)
        place = theta / np.pi % 1 * count
        step = np.minimum(place.astype(np.int64), count - 1)
        order = np.argsort(step.astype(np.uint16), kind="stable")
        self.places = self.places[order]
        self.starts = np.searchsorted(step[order], np.arange(count + 1))
        self.angular = _cubic_weights((place - step)[order])
        self.radial = _lagrange_weights(frequency[order], nodes)
        # Orientation i serves the steps from i - 2 to i + 1, of which some may be empty.
        filled = np.diff(self.starts) > 0
        self.used = [i for i in range(count) if filled[[(i - tap) % count for tap in _TAPS]].any()]
        with warnings.catch_warnings():
            # Few periods in the envelope make a broad kernel, and here that is asked for.
            warnings.simplefilter("ignore", SamplingWarning)
            self.bank = GaborBank(
                GaborKernel(wavelength=1 / f, theta=i * np.pi / count, sigma=sigma, norm="gain")
                for i in self.used
                for f in nodes.tolist()
            )

    def __call__(self, image: Array) -> RealArray:
        """Filter a picture (H, W)."""
        image = grey(image)
        if image.shape != self.shape:
            raise FeatureError(
                f"a picture of shape {image.shape} does not fit fields of shape {self.shape}"
            )
        result: RealArray = np.zeros(image.size, image.dtype)
        if self.bank is None:
            return result.reshape(image.shape)
        found = np.zeros(self.places.size, image.dtype)
        count, levels = len(self.starts) - 1, len(self.radial)
        for k, response in enumerate(self.bank.responses(image, part="real")):
            i, level = self.used[k // levels], k % levels
            flat = response.ravel()
            for tap, weights in zip(_TAPS, self.angular, strict=True):
                step = (i - tap) % count
                part = slice(self.starts[step], self.starts[step + 1])
                found[part] += (
                    weights[part] * self.radial[level, part] * flat.take(self.places[part])
                )
        # An even kernel hears half of a real grating: the other half is its conjugate's.
        result[self.places] = 2 * found
        return result.reshape(image.shape)


#: Orientations between which a pixel interpolates, counted from the one before it.
_TAPS = (-1, 0, 1, 2)


def _cubic_weights(t: RealArray) -> RealArray:
    """Lagrange's weights of the samples at -1, 0, 1 and 2 for places 0 <= t < 1, (4, P)."""
    a, c, d = t + 1, t - 1, t - 2
    return np.stack([-t * c * d / 6, a * c * d / 2, -a * t * d / 2, a * t * c / 6]).astype(
        np.float32
    )


def _lagrange_weights(x: RealArray, nodes: RealArray) -> RealArray:
    """Weights of each node in the polynomial through all of them, (M, P)."""
    weights = np.ones((len(nodes), len(x)), np.float32)
    for j, node in enumerate(nodes):
        for other in np.delete(nodes, j):
            weights[j] *= (x - other) / (node - other)
    return weights


def _chebyshev_nodes(low: float, high: float, sigma: float, tolerance: float) -> RealArray:
    """Frequencies through which a polynomial is as close as half the tolerance.

    The error of M nodes is at most r^M D / (2^(M - 1) M!), r half of the range of angular frequency
    and D the size of the M-th derivative: of a Gabor kernel, relative to itself, the root of the
    2M-th moment of its squared envelope.
    """
    middle, half = (low + high) / 2, (high - low) / 2
    reach = 2 * np.pi * half * sigma
    for count in range(1, _MOST_NODES + 1):
        derivative = math.sqrt(math.prod(range(1, 2 * count, 2)) / 2**count)
        error = reach**count * derivative / (2 ** (count - 1) * math.factorial(count))
        if error <= tolerance / 2:
            break
    return middle + half * np.cos(np.pi * (np.arange(count) + 0.5) / count)


def _orientations(frequency: float, sigma: float, tolerance: float) -> int:
    """Orientations whose cubics are as close as half the tolerance.

    In the middle of a gap of d radians of phase, at one deviation from the centre, the error of the
    cubic is 9/384 d^4 times the root of the eighth moment of the squared envelope, 105 / 16.
    """
    gap = (tolerance / 2 / (9 / 384 * math.sqrt(105 / 16))) ** 0.25
    return max(_FEWEST_ORIENTATIONS, math.ceil(2 * np.pi**2 * frequency * sigma / gap))


_MOST_NODES = 12
_FEWEST_ORIENTATIONS = 6
