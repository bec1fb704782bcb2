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
from ...filtering.regions import is_inside
from ...kernels.gabor import GaborKernel
from ...kernels.parameters import warn_of_degrees
from ...types import Array, RealArray
from .picture import check_field, grey


def tuned_filter(
    image: Array,
    theta: Array,
    frequency: Array,
    *,
    mask: Array | None = None,
    sigma: float = 4.0,
    tolerance: float = 0.03,
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
        Relative L2 error of the kernels that interpolation makes, in the root mean square.

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
    >>> bool(abs(found - ridges)[20:-20, 20:-20].max() < 0.05)
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

    cut: float
    box: tuple[slice, slice]
    starts: NDArray[np.intp]
    angular: RealArray
    radial: RealArray
    used: list[int]

    bank: GaborBank | None

    def __init__(
        self,
        theta: Array,
        frequency: Array,
        shape: tuple[int, ...],
        *,
        mask: Array | None = None,
        sigma: float = 4.0,
        tolerance: float = 0.03,
    ) -> None:
        if len(shape) != 2:
            raise FeatureError(f"a field of shape {shape} is not that of a grey picture (H, W)")
        if not 0 < sigma < math.inf:
            raise FeatureError(f"sigma={sigma!r} is no deviation in pixels; give one above 0")
        if not 0 < tolerance < 1:
            raise FeatureError(f"tolerance={tolerance!r} is not between 0 and 1; try 0.03")
        self.shape = shape
        theta = check_field("theta", theta, shape)
        warn_of_degrees("theta", theta)
        frequency = check_field("frequency", frequency, shape)
        if frequency.min() < 0 or frequency.max() > 0.5:
            wrong = frequency.min() if frequency.min() < 0 else frequency.max()
            raise FeatureError(
                f"a frequency of {wrong:g} cycles per pixel is not between 0 and 1/2"
            )
        wanted = frequency > 0
        if mask is not None:
            wanted &= check_field("mask", is_inside(mask), shape) > 0
        self.cut = tolerance / 20
        self.bank = None
        # Nothing further away than a kernel reaches is looked at.
        self.box = _box(wanted, GaborKernel(sigma=float(sigma)).radius(self.cut))
        self.places: NDArray[np.intp] = np.flatnonzero(wanted[self.box])
        if self.places.size:
            theta, frequency = (
                field[self.box].ravel()[self.places] for field in (theta, frequency)
            )
            self._sample(theta, frequency, float(sigma), tolerance)

    def _sample(
        self, theta: RealArray, frequency: RealArray, sigma: float, tolerance: float
    ) -> None:
        """Choose the kernels, sort the pixels by orientation, and find their weights."""
        nodes, count = _grid(float(frequency.min()), float(frequency.max()), sigma, tolerance)
        position = theta * (count / np.pi)
        below = np.floor(position)
        step = (below % count).astype(np.uint16)
        order = np.argsort(step, kind="stable")
        self.places = self.places[order]
        self.starts = np.searchsorted(step[order], np.arange(count + 1))
        self.angular = _cubic_weights((position - below)[order])
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
        result: RealArray = np.zeros_like(image)
        if self.bank is None:
            return result
        image = image[self.box]
        filtered = np.zeros(self.places.size, image.dtype)
        count, levels = len(self.starts) - 1, len(self.radial)
        responses = self.bank.responses(image, part="real", tolerance=self.cut)
        for k, response in enumerate(responses):
            i, level = self.used[k // levels], k % levels
            flat = response.ravel()
            for tap, weights in zip(_TAPS, self.angular, strict=True):
                step = (i - tap) % count
                part = slice(self.starts[step], self.starts[step + 1])
                filtered[part] += (
                    weights[part] * self.radial[level, part] * flat.take(self.places[part])
                )
        # An even kernel hears half of a real grating: the other half is its conjugate's.
        result[self.box].flat[self.places] = 2 * filtered
        return result


def _box(wanted: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """The rows and columns with all pixels that are wanted, and a margin."""
    starts = []
    for axis in (1, 0):
        lines = np.flatnonzero(wanted.any(axis))
        first, last = (lines[0], lines[-1]) if lines.size else (0, -1)
        starts.append(slice(max(0, first - margin), last + 1 + margin))
    return starts[0], starts[1]


#: Orientations between which a pixel interpolates, counted from the one before it.
_TAPS = (-1, 0, 1, 2)


def _cubic_weights(t: RealArray) -> RealArray:
    """Lagrange's weights of the samples at -1, 0, 1 and 2 for places 0 <= t < 1, (4, P)."""
    a, c, d = t + 1, t - 1, t - 2
    return np.stack([-t * c * d / 6, a * c * d / 2, -a * t * d / 2, a * t * c / 6]).astype(
        np.float32
    )


def _lagrange_weights(x: RealArray, nodes: RealArray) -> NDArray[np.float32]:
    """Weights of Chebyshev nodes in the polynomial through them, (M, P), in barycentric form."""
    nodes_at = np.pi * (np.arange(len(nodes)) + 0.5) / len(nodes)
    distance = x - nodes[:, None]
    distance[distance == 0] = np.finfo(float).tiny  # then all the weight lies there
    weights = (np.sin(nodes_at) * np.cos(np.pi * np.arange(len(nodes))))[:, None] / distance
    return (weights / weights.sum(0)).astype(np.float32)


def _grid(low: float, high: float, sigma: float, tolerance: float) -> tuple[RealArray, int]:
    """Frequencies, and the number of orientations, of the smallest grid that is close enough.

    Relative to a Gabor kernel, its n-th derivative along the wave vector or across it has the size
    of the root of the 2n-th moment of its squared envelope, D(n). Through M Chebyshev nodes in a
    range of angular frequencies of 2 r, the error of a polynomial is at most r^M D(M) / (2^(M - 1)
    M!), and its root mean square smaller by the root of two. Orientations that are d radians of the
    carrier's phase apart, at one deviation from the centre, give cubics an error of 0.0169 d^4 D(4)
    in the root mean square.
    """
    middle, half = (low + high) / 2, (high - low) / 2
    reach = np.pi * half * sigma  # r / 2
    choices = []
    for levels in range(1, _MOST_LEVELS + 1):
        radial = math.sqrt(2) * reach**levels / math.factorial(levels) * _derivative(levels)
        if radial < tolerance:
            gap = (math.sqrt(tolerance**2 - radial**2) / (0.0169 * _derivative(4))) ** 0.25
            turns = max(_FEWEST_ORIENTATIONS, math.ceil(2 * np.pi**2 * high * sigma / gap))
            choices.append((levels * turns, levels, turns))
        if radial < tolerance / 4:
            break  # more levels leave cubics hardly more to be wrong
    if not choices:
        raise FeatureError(
            f"frequencies from {low:.3g} to {high:.3g} with sigma={sigma:g} need too many kernels; "
            "mask the pixels of extreme frequency, or lower sigma"
        )
    _, levels, turns = min(choices)
    return middle + half * np.cos(np.pi * (np.arange(levels) + 0.5) / levels), turns


def _derivative(order: int) -> float:
    """Size of the derivative by the wave vector, in deviations, of a kernel of size 1."""
    return math.sqrt(math.prod(range(1, 2 * order, 2)) / 2**order)


_MOST_LEVELS = 64
_FEWEST_ORIENTATIONS = 6
