"""Stereo disparity and optical flow from differences of phase, coarse to fine.

Where a picture is displaced by e, the phase of each kernel's response changes by its gradient times
e, and so each kernel that answers says one equation ``grad phi . e = phi_1 - phi_2``. Their
least squares in a window are the displacement; at the next, shorter wavelength the second picture
is warped by it, so that no phase has to be unwrapped.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.plane import plane_of
from ..filtering.backend import NumpyLibrary
from ..filtering.labelled import keeps_labels
from ..filtering.normalizing import ordinary
from ..kernels.gabor import GaborKernel
from ..types import Array, ComplexArray, RealArray
from .sparse_resampling import blurred

#: Shortest wavelength in pixels, and deviation of the kernels in wavelengths.
FINEST, SIGMA = 6.0, 0.5

#: Orientations of flow, and those of disparity around the rows.
AROUND = tuple(k * math.pi / 6 for k in range(6))
ALONG_ROWS = (-math.pi / 6, 0.0, math.pi / 6)

#: A phase whose gradient is further from the kernel's own, in 1 / sigma, is not stable.
STABLE = 1.25

#: Share of the largest amplitude below which a phase is noise.
QUIET = 0.02

#: Rounds at each wavelength.
ROUNDS = 2


class Displacement(NamedTuple):
    """Where each point of the first picture lies in the second one.

    Attributes
    ----------
    x, y : float array (H, W)
        Pixels to the right and down: the point (y, x) lies at (y + y', x + x').
    confidence : float array (H, W)
        0 to 1: how much the kernels' equations agree.
    """

    x: RealArray
    y: RealArray
    confidence: RealArray


@keeps_labels()
def optical_flow(
    first: Array,
    second: Array,
    *,
    largest: float = 16.0,
    window: float = 6.0,
    channel_axis: int | None = None,
) -> Displacement:
    """Displacement between two pictures of a scene, at each pixel.

    Parameters
    ----------
    first, second : real array (H, W)
        Of one shape. Contrast may differ, phases do not see it.
    largest : float
        Largest displacement in pixels, which chooses the longest wavelength.
    window : float
        Standard deviation of the window of least squares, in pixels.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    Displacement

    Raises
    ------
    ImageError
        If a picture is not (H, W), or holds NaN or infinity.
    FeatureError
        If the shapes differ, the pictures are smaller than 16 pixels, or a number is out of range.

    References
    ----------
    Fleet and Jepson (1990), "Computation of component image velocity from local phase information",
    IJCV 5(1), 77-104, whose constraints these are; section 3 for the limits of stable phases.

    Examples
    --------
    >>> from gaborkit.vision.synthetic import sand
    >>> picture = sand((80, 80))
    >>> flow = optical_flow(picture[4:68, 4:68], picture[7:71, 2:66], largest=8)
    >>> float(np.median(flow.x).round(1)), float(np.median(flow.y).round(1))
    (2.0, -3.0)
    """
    return _displacement(first, second, largest, window, channel_axis, rows_only=False)


@keeps_labels()
def stereo_disparity(
    left: Array,
    right: Array,
    *,
    largest: float = 32.0,
    window: float = 6.0,
    channel_axis: int | None = None,
) -> Displacement:
    """Disparity of a rectified pair: displacement along rows, ``y`` is 0.

    Parameters
    ----------
    left, right : real array (H, W)
        Of one shape.
    largest, window, channel_axis
        As of :func:`optical_flow`.

    Returns
    -------
    Displacement
        ``x`` is negative where things of the left picture lie further left in the right one, as
        near ones do: Kovesi's and OpenCV's disparity is ``-x``.

    Raises
    ------
    ImageError, FeatureError
        As :func:`optical_flow`.

    References
    ----------
    Fleet, Jepson and Jenkin (1991), "Phase-based disparity measurement", CVGIP: Image Understanding
    53(2), 198-210.

    Examples
    --------
    >>> from gaborkit.vision.synthetic import sand
    >>> picture = sand((64, 120))
    >>> pair = stereo_disparity(picture[:, 10:74], picture[:, 17:81], largest=16)
    >>> float(np.median(pair.x).round(1))
    -7.0
    """
    return _displacement(left, right, largest, window, channel_axis, rows_only=True)


def _displacement(
    first: Array,
    second: Array,
    largest: float,
    window: float,
    channel_axis: int | None,
    *,
    rows_only: bool,
) -> Displacement:
    one, other = (_standardized(plane_of(image, channel_axis)) for image in (first, second))
    if one.shape != other.shape:
        raise FeatureError(f"pictures of {one.shape} and {other.shape} pixels differ in size")
    if min(one.shape) < 16:
        raise FeatureError(f"{one.shape[0]} x {one.shape[1]} pixels are too few; 16 a side work")
    for name, value in (("largest", largest), ("window", window)):
        if isinstance(value, bool) or not 0 < value < math.inf:
            raise FeatureError(f"{name}={value!r} is no number of pixels above 0")
    window = min(window, float(max(one.shape)))
    spline = scipy.ndimage.spline_filter(other, output=np.float32, mode="reflect")
    x, y = np.zeros((2, *one.shape), np.float32)
    confidence = np.zeros(one.shape, np.float32)
    rows, columns = np.mgrid[: one.shape[0], : one.shape[1]].astype(np.float32)
    # Half of the longest wavelength is the largest displacement that a phase tells.
    octaves = max(0, math.ceil(math.log2(2 * largest / FINEST)))
    longest = min(octaves, max(0, int(math.log2(min(one.shape) / FINEST))))
    for octave in range(longest, -1, -1):
        wavelength = FINEST * 2**octave
        thetas = ALONG_ROWS if rows_only else AROUND
        bank = GaborBank(
            GaborKernel(wavelength=wavelength, theta=theta, sigma=SIGMA * wavelength)
            for theta in thetas
        )
        fixed = bank.filter(one)
        for _ in range(ROUNDS):
            warped = scipy.ndimage.map_coordinates(
                spline, [rows + y, columns + x], mode="reflect", prefilter=False
            )
            moved = bank.filter(warped)
            step_x, step_y, confidence = _step(
                fixed, moved, wavelength, max(window, wavelength / 2), rows_only
            )
            limit = wavelength / 2
            x += step_x.clip(-limit, limit)
            y += step_y.clip(-limit, limit)
        bound = np.float32(1.25 * largest)
        x, y = x.clip(-bound, bound), y.clip(-bound, bound)
    return Displacement(x, y, confidence)


def _step(
    fixed: ComplexArray, moved: ComplexArray, wavelength: float, window: float, rows_only: bool
) -> tuple[RealArray, RealArray, RealArray]:
    """Least squares of the kernels' equations in a window, and how much they agree."""

    def pooled(values: RealArray) -> RealArray:
        return blurred(np.asarray(values, np.float32), window)

    product = fixed * moved.conj()
    change = np.angle(product)
    gradient_x, gradient_y = (_phase_gradient(fixed, axis) for axis in (-1, -2))
    weight = np.sqrt(np.abs(product))
    weight[weight < QUIET * weight.max()] = 0
    tuned = 2 * math.pi / wavelength
    for k, theta in enumerate(ALONG_ROWS if rows_only else AROUND):
        apart = np.hypot(
            gradient_x[k] - tuned * math.cos(theta), gradient_y[k] - tuned * math.sin(theta)
        )
        weight[k][apart > STABLE / (SIGMA * wavelength)] = 0
    xx = pooled((weight * gradient_x**2).sum(0))
    bx = pooled((weight * gradient_x * change).sum(0))
    eps = 1e-3 * float(xx.max()) + 1e-20
    if rows_only:
        x = bx / (xx + eps)
        y = np.zeros_like(x)
    else:
        yy = pooled((weight * gradient_y**2).sum(0)) + eps
        xy = pooled((weight * gradient_x * gradient_y).sum(0))
        by = pooled((weight * gradient_y * change).sum(0))
        xx = xx + eps
        determinant = xx * yy - xy**2
        x = (yy * bx - xy * by) / determinant
        y = (xx * by - xy * bx) / determinant
    rest = np.exp(1j * (change - gradient_x * x - gradient_y * y))
    agreeing = np.hypot(*(pooled((weight * part).sum(0)) for part in (rest.real, rest.imag)))
    total = pooled(weight.sum(0))
    confidence = agreeing / (total + 1e-3 * float(total.max()) + 1e-20)
    return x, y, confidence.astype(np.float32)


def _phase_gradient(responses: ComplexArray, axis: int) -> RealArray:
    """Radians per pixel along an axis, from both neighbours at once."""
    ahead = np.diff(responses, axis=axis, append=responses.take([-1], axis)) + responses
    turn = ahead * responses.conj()
    before = np.roll(turn, 1, axis)
    return np.angle(turn + before)


def _standardized(plane: Array) -> RealArray:
    library = NumpyLibrary()
    values = library.promote(plane)
    library.check_finite(values)
    values = ordinary(values)
    spread = float(values.std())
    return np.asarray((values - values.mean()) / (spread or 1), np.float32)
