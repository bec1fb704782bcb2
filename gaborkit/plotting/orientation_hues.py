"""Orientation as hue: one colour a direction, bright where it is sure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..errors import ImageError
from ..kernels.parameters import warn_of_degrees
from ..types import Array, RealArray
from .inputs import as_numpy
from .layout import Sheet, show
from .responses import checked_picture

# Lightness and chroma of full strength in OKLCh. All hues of this chroma lie within sRGB.
_LIGHTNESS, _CHROMA = 0.76, 0.12

# Of the first hue, at theta = 0: red.
_FIRST_HUE = math.radians(25)

# From OKLab to the cube roots of cone answers, and from these, cubed, to linear sRGB.
_CONES = np.array(
    [
        [1, 0.3963377774, 0.2158037573],
        [1, -0.1055613458, -0.0638541728],
        [1, -0.0894841775, -1.2914855480],
    ],
    np.float32,
)
_RED_GREEN_BLUE = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ],
    np.float32,
)

# Pixels of the wheel's side, and pixels along a side of a map that are shown at most.
_WHEEL, _MOST_PIXELS = 301, 1024

# Inches.
_LEFT, _TOP, _GAP, _SIDE = 0.7, 0.4, 0.3, 3.4


def orientation_colours(angle: Array, strength: Array | None = None) -> NDArray[np.uint8]:
    """Colours of orientations: hue is twice the angle, brightness the strength.

    All hues are equally light to the eye (in OKLab), so that brightness tells the strength alone.

    Parameters
    ----------
    angle : real array or tensor (...)
        Radians; theta and theta + pi have one colour.
    strength : real array or tensor (...), optional
        0 (black) to 1 (full colour), such as the confidence; beyond, it is clipped. 1 by default.

    Returns
    -------
    uint8 array (..., 3)
        Red, green, blue.

    Raises
    ------
    ImageError
        If a value is not finite, or the shapes differ.

    References
    ----------
    Ottosson (2020), "A perceptual color space for image processing".

    Examples
    --------
    >>> orientation_colours(np.array([0.0, np.pi, np.pi / 2]), np.array([1.0, 1.0, 0.0])).tolist()
    [[244, 146, 138], [244, 146, 138], [0, 0, 0]]
    """
    angles = as_numpy(angle).astype(np.float32)
    strong = np.ones_like(angles) if strength is None else as_numpy(strength).astype(np.float32)
    if strong.shape != angles.shape:
        raise ImageError(
            f"a strength of shape {strong.shape} does not fit angles of shape {angles.shape}"
        )
    if not (np.isfinite(angles).all() and np.isfinite(strong).all()):
        raise ImageError("angles or strengths hold NaN or infinity; give finite numbers")
    warn_of_degrees("angle", angles)
    strong = strong.clip(0, 1)
    hue = 2 * angles + _FIRST_HUE
    lab = np.stack(
        [_LIGHTNESS * strong, _CHROMA * strong * np.cos(hue), _CHROMA * strong * np.sin(hue)], -1
    )
    cones = lab @ _CONES.T
    linear = (cones * cones * cones @ _RED_GREEN_BLUE.T).clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * encoded), np.uint8)


def orientation_wheel(size: int = _WHEEL) -> NDArray[np.uint8]:
    """Key to :func:`orientation_colours`: a disc whose colour at theta is that of theta.

    Parameters
    ----------
    size : int
        Pixels a side.

    Returns
    -------
    uint8 array (size, size, 4)
        Red, green, blue, alpha; strength rises from the centre to the rim.

    Examples
    --------
    >>> orientation_wheel(5)[2, :, 3].tolist()
    [128, 255, 255, 255, 128]
    """
    line = np.linspace(-1, 1, size)
    radius = np.hypot(line[:, None], line)
    colours = orientation_colours(np.arctan2(line[:, None], line[None, :]), radius.clip(0, 1))
    # A rim a pixel wide, between opaque and transparent.
    alpha = ((1 - radius) * size / 2 + 0.5).clip(0, 1)
    return np.dstack([colours, np.round(255 * alpha).astype(np.uint8)])


def plot_orientation(
    image: Array,
    angle: Array,
    strength: Array | None = None,
    *,
    legend: str = "confidence",
) -> Figure:
    """Picture, its orientations as hues, and the wheel that explains them.

    Of a side of n times 1024 pixels, every n-th pixel is shown.

    Parameters
    ----------
    image : array (H, W) or (H, W, 3 or 4)
        As in :func:`plot_responses`.
    angle : real array (H, W)
        Radians, such as ``local_orientation(image).angle``.
    strength : real array (H, W), optional
        Brightness, 0 to 1.
    legend : str
        What the brightness is.

    Returns
    -------
    matplotlib.figure.Figure
        ``axes[0]`` is the picture, ``axes[1]`` the orientations, ``axes[2]`` the wheel.

    Raises
    ------
    ImageError
        If an array has another shape or type, is not finite, or does not fit the others.

    Examples
    --------
    >>> import gaborkit as gk
    >>> image = np.hypot(*np.mgrid[-32:32, -32:32])
    >>> figure = plot_orientation(image, np.arctan2(*np.mgrid[-32:32, -32:32]))
    >>> len(figure.axes)
    3
    """
    colours = orientation_colours(angle, strength)
    if colours.ndim != 3:
        raise ImageError(f"angles of shape {colours.shape[:-1]} are not (H, W); give one picture's")
    height, width = colours.shape[:2]
    picture: RealArray | NDArray[Any] = checked_picture(image, (height, width))
    step = math.ceil(max(height, width) / _MOST_PIXELS)
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)

    # Panels of one area whatever the picture's shape, if it is not a strip.
    shape = min(4.0, max(0.25, height / width))
    wide, high = _SIDE / math.sqrt(shape), _SIDE * math.sqrt(shape)
    start = _LEFT + 2 * (wide + _GAP)
    sheet = Sheet(start + 1.75, _TOP + max(high, 2.3) + 0.55)
    for k, (title, values) in enumerate((("picture", picture), ("orientation", colours))):
        axes = sheet.axes(left=_LEFT + k * (wide + _GAP), top=_TOP, width=wide, height=high)
        show(axes, values[::step, ::step], extent=extent, cmap="gray")
        axes.set_anchor("N")
        axes.set_title(title, fontsize=9, pad=4)
        axes.tick_params(labelsize=7, labelleft=k == 0)
        axes.set_xlabel("x (px)", fontsize=8)
    sheet.figure.axes[0].set_ylabel("y (px, down)", fontsize=8)
    _draw_wheel(sheet, start + 0.3, _TOP + 0.35, 1.1, None if strength is None else legend)
    return sheet.figure


def _draw_wheel(sheet: Sheet, left: float, top: float, side: float, legend: str | None) -> None:
    axes = sheet.axes(left=left, top=top, width=side, height=side)
    wheel = orientation_wheel()
    if legend is None:  # all of one brightness
        line = np.linspace(-1, 1, _WHEEL)
        wheel[..., :3] = orientation_colours(np.arctan2(line[:, None], line[None, :]))
    show(axes, wheel, extent=(-1, 1, 1, -1))
    axes.set_axis_off()
    for degrees in (0, 45, 90, 135):
        turn = math.radians(degrees)
        for sign in (1, -1):
            axes.text(
                sign * 1.24 * math.cos(turn),
                sign * 1.24 * math.sin(turn),
                f"{degrees}°",
                fontsize=7,
                ha="center",
                va="center",
            )
    sheet.text(left + side / 2, top - 0.3, "theta", fontsize=9, ha="center", va="bottom")
    if legend is not None:
        words = sheet.text(
            left + side / 2, top + side + 0.36, f"brightness: {legend}", fontsize=8, ha="center"
        )
        sheet.fit(words, 1.7)
