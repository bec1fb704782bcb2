"""Gabor stimuli of vision science: in degrees of visual angle, still or drifting."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from ..errors import FeatureError
from ..features.checks import check_choice
from ..types import RealArray

StimulusWindow = Literal["gaussian", "raised-cosine", "none"]


def pixels_per_degree(distance: float, width: float, pixels: int) -> float:
    """Pixels in a degree of visual angle in the middle of a screen.

    Parameters
    ----------
    distance, width : float
        From the eye to the screen, and of the screen, in one unit.
    pixels : int
        In a row of the screen.

    Raises
    ------
    FeatureError
        If one of them is not above 0.

    Examples
    --------
    >>> round(pixels_per_degree(57.3, 48, 1920), 1)
    40.0
    """
    if not all(0 < value < math.inf for value in (distance, width, pixels)):
        raise FeatureError(
            f"distance={distance!r}, width={width!r}, pixels={pixels!r}: give numbers above 0"
        )
    return 2 * distance * math.tan(math.radians(0.5)) * pixels / width


def gabor_stimulus(
    size: float = 4.0,
    *,
    pixels: float = 40.0,
    frequency: float = 2.0,
    theta: float = 0.0,
    phase: float = 0.0,
    contrast: float = 1.0,
    window: StimulusWindow = "gaussian",
    sigma: float | None = None,
    drift: float = 0.0,
    duration: float | None = None,
    rate: float = 60.0,
    mean: float = 0.5,
) -> RealArray:
    """Draw a grating in a window.

    It is ``mean (1 + contrast window cos(2 pi (f x' - drift t) + phase))``.

    Parameters
    ----------
    size : float
        Side of the picture in degrees of visual angle.
    pixels : float
        In a degree; see :func:`pixels_per_degree`.
    frequency : float
        Cycles per degree.
    theta : float
        Of the wave vector, across the bars, from +x (right) towards +y (down), in radians.
    phase : float
        In the middle, in radians: 0 is a bright bar.
    contrast : float
        Michelson's, of the grating before the window, 0 to 1.
    window : {"gaussian", "raised-cosine", "none"}
        The raised cosine is 1 in the middle half of the radius and falls to 0 at the border of the
        picture.
    sigma : float, optional
        Standard deviation of the Gaussian in degrees; a sixth of the size by default.
    drift : float
        Cycles per second, towards theta.
    duration : float, optional
        Seconds; one picture by default.
    rate : float
        Pictures per second.
    mean : float
        Luminance of the ground, 0 to 1. With a mean above 1/2, a contrast of 1 exceeds 1.

    Returns
    -------
    float32 array (H, W), or (T, H, W) with a duration

    Raises
    ------
    FeatureError
        If a number is out of range, or the grating is too fine, in space or time, to be shown.

    References
    ----------
    Michelson (1927), "Studies in Optics", for contrast. Watson, Barlow and Robson (1983), "What
    does the eye see best?", Nature 302, 419-422, for drifting Gabor stimuli.

    Examples
    --------
    >>> still = gabor_stimulus(2, frequency=3)
    >>> still.shape, float(still[40, 40].round(2))
    ((80, 80), 1.0)
    >>> gabor_stimulus(1, drift=4, duration=0.5).shape
    (30, 40, 40)
    """
    check_choice("window", window, StimulusWindow)
    _check_ranges(
        size=(size, 0, math.inf),
        pixels=(pixels, 0, math.inf),
        contrast=(contrast, 0, 1),
        mean=(mean, 0, 1),
        rate=(rate, 0, math.inf),
    )
    for name, value in (("theta", theta), ("phase", phase), ("drift", drift)):
        if not math.isfinite(value):
            raise FeatureError(f"{name}={value!r} is not finite")
    side = round(size * pixels)
    if side < 2:
        raise FeatureError(f"{size:g} degrees of {pixels:g} pixels are no picture; give more")
    if not 0 <= frequency <= pixels / 2:
        raise FeatureError(
            f"frequency={frequency!r} cycles per degree cannot be shown with {pixels:g} pixels per "
            f"degree; give 0 to {pixels / 2:g}"
        )
    if abs(drift) > rate / 2:
        raise FeatureError(
            f"drift={drift!r} cycles per second cannot be shown at {rate:g} pictures per second; "
            f"give at most {rate / 2:g}"
        )
    if sigma is not None and not 1e-150 < sigma < 1e150:
        raise FeatureError(f"sigma={sigma!r} is no deviation; give degrees above 0")
    if sigma is not None and window != "gaussian":
        raise FeatureError(f"sigma={sigma!r} is of the Gaussian window, not of {window!r}")
    if duration is not None and not (math.isfinite(duration * rate) and round(duration * rate) > 0):
        raise FeatureError(f"duration={duration!r} seconds hold no picture at {rate:g} per second")
    # Pixel side // 2 lies in the middle, so that the phase there is a pixel's.
    y, x = (np.mgrid[:side, :side] - side // 2) / pixels
    across = x * math.cos(theta) + y * math.sin(theta)
    radius = np.hypot(x, y)
    if window == "gaussian":
        shape = np.exp(-(radius**2) / (2 * (size / 6 if sigma is None else sigma) ** 2))
    elif window == "raised-cosine":
        ramp = ((radius - size / 4) / (size / 4)).clip(0, 1)
        shape = (1 + np.cos(np.pi * ramp)) / 2
    else:
        shape = np.ones_like(radius)
    frames = 1 if duration is None else round(duration * rate)
    times = np.arange(frames)[:, None, None] / rate
    wave = np.cos(2 * np.pi * (frequency * across - drift * times) + phase)
    movie = (mean * (1 + contrast * shape * wave)).astype(np.float32)
    return movie[0] if duration is None else movie


def _check_ranges(**ranges: tuple[float, float, float]) -> None:
    for name, (value, low, high) in ranges.items():
        real = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not (real and low <= value <= high) or (value in (0, math.inf) and high == math.inf):
            raise FeatureError(
                f"{name}={value!r} is out of range; give "
                + ("a number above 0" if high == math.inf else f"{low:g} to {high:g}")
            )


WINDOWS: tuple[str, ...] = get_args(StimulusWindow)
