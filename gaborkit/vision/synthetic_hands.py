"""Open hands that never were, whose lines are a person's and whose place is known."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..errors import FeatureError
from ..types import RealArray
from ..whole_numbers import is_whole
from .palmprint import palm_lines
from .sparse_resampling import blurred

#: Fingers from the index to the little one: base (y, x) in palm widths, direction in degrees from
#: upwards to the right, length, and half the width at the base.
_FINGERS = (
    (0.10, -0.36, -17.0, 0.80, 0.112),
    (0.03, -0.115, -4.0, 0.90, 0.117),
    (0.06, 0.13, 8.0, 0.83, 0.110),
    (0.17, 0.355, 22.0, 0.64, 0.094),
)

#: How far edges of shapes run into each other, in palm widths.
_WEB = 0.05


class SyntheticHand(NamedTuple):
    """A picture of a hand and the truth about it.

    Attributes
    ----------
    image : float32 array (H, W)
        From 0 to 1, a light hand on a dark ground.
    mask : bool array (H, W)
        Where the hand is.
    frame : float array (2, 3)
        From a place (y, x, 1) of the hand, in palm widths with the fingers' roots near y = 0 and
        fingers upwards, to row and column.
    """

    image: RealArray
    mask: NDArray[np.bool_]
    frame: RealArray


def synthetic_hand(
    person: int,
    seed: int = 0,
    *,
    shape: tuple[int, int] = (480, 480),
    turn: float | None = None,
    scale: float | None = None,
    noise: float = 0.02,
) -> SyntheticHand:
    """Photograph the inside of an open right hand, fingers apart, the wrist cut by the border.

    Lengths of fingers and lines of the palm are the person's; how far fingers are spread, place,
    turn, size, light and noise are drawn from the seed.

    Parameters
    ----------
    person, seed : int
        From 0 on.
    shape : (int, int)
        Height and width in pixels, 120 or more.
    turn : float, optional
        Of the hand in degrees, clockwise; within 20 to either side by default.
    scale : float, optional
        Of the hand: at 1 a palm is 0.3 of the shorter side wide; 0.85 to 1.1 by default.
    noise : float
        Deviation.

    Returns
    -------
    SyntheticHand

    Raises
    ------
    FeatureError
        If a parameter is out of range.

    Examples
    --------
    >>> hand = synthetic_hand(0, shape=(200, 200))
    >>> hand.image.shape, bool(hand.image[hand.mask].mean() > hand.image[~hand.mask].mean())
    ((200, 200), True)
    """
    for name, value in (("person", person), ("seed", seed)):
        if not is_whole(value, 0):
            raise FeatureError(f"{name}={value!r} is out of range; give a whole number from 0")
    if len(shape) != 2 or min(shape) < 120:
        raise FeatureError(f"shape={shape!r} is no place for a hand; give (480, 480) for example")
    own, here = np.random.default_rng((person, 2)), np.random.default_rng((person, seed, 3))
    angle = math.radians(here.uniform(-20, 20) if turn is None else turn)
    size = here.uniform(0.85, 1.1) if scale is None else scale
    if not (math.isfinite(angle) and 0.2 <= size <= 4 and 0 <= noise < math.inf):
        raise FeatureError(
            f"turn={turn!r}, scale={scale!r}, noise={noise!r}: give degrees, 0.2 to 4, and a "
            "deviation of 0 or more"
        )
    width = 0.3 * min(shape) * size
    cosine, sine = math.cos(angle), math.sin(angle)
    # Columns: downwards along the hand, and across it, in rows and columns of the picture.
    axes = width * np.array([[cosine, sine], [-sine, cosine]])
    centre = np.array(shape) / 2 + here.uniform(-0.02, 0.02, 2) * min(shape)
    frame = np.column_stack([axes, centre - axes @ np.array([0.12, -0.05])])
    rows, columns = np.indices(shape)
    y, x = np.tensordot(
        np.linalg.inv(axes), np.stack([rows - frame[0, 2], columns - frame[1, 2]]), 1
    )
    fingers = [
        (top, left, math.radians(lean + here.normal(0, 1.5)), length * factor, half)
        for (top, left, lean, length, half), factor in zip(
            _FINGERS, 1 + own.normal(0, 0.04, len(_FINGERS)), strict=True
        )
    ]
    apart = _outline(y, x, fingers)
    light = _skin(y, x, apart, fingers, person, width)
    slope = here.uniform(-0.08, 0.08, 2)
    light = light * (1 + slope[0] * y + slope[1] * x)
    ground = 0.10 + 0.02 * here.uniform(-1, 1)
    # An edge a pixel wide, whatever the scale.
    cover = (0.5 - apart * width).clip(0, 1)
    image = ground + cover * (light - ground) + here.normal(0, noise, shape)
    return SyntheticHand(image.clip(0, 1).astype(np.float32), apart < 0, frame)


def _outline(
    y: RealArray, x: RealArray, fingers: list[tuple[float, float, float, float, float]]
) -> RealArray:
    """Signed distance from the edge of the hand, negative inside, in palm widths."""
    # The ball of the thumb, the heel of the hand, the middle, and the knuckles.
    apart = _capsule(y, x, (0.42, -0.20), (0.74, -0.20), 0.28, 0.27)
    for part in (
        _capsule(y, x, (0.36, 0.20), (0.76, 0.19), 0.27, 0.25),
        _capsule(y, x, (0.26, -0.33), (0.30, 0.30), 0.145, 0.15),
        _capsule(y, x, (0.22, -0.10), (0.22, 0.12), 0.15, 0.15),
        _capsule(y, x, (0.90, 0.0), (3.5, 0.03), 0.30, 0.33),
        _capsule(y, x, (0.68, -0.30), (0.36, -0.62), 0.17, 0.125),
        _capsule(y, x, (0.36, -0.62), (0.08, -0.76), 0.125, 0.095),
    ):
        apart = _joined(apart, part, 2 * _WEB)
    for top, left, lean, length, half in fingers:
        tip = top - length * math.cos(lean), left + length * math.sin(lean)
        root = top + 0.2 * math.cos(lean), left - 0.2 * math.sin(lean)
        apart = _joined(apart, _capsule(y, x, root, tip, half, 0.8 * half), _WEB)
    return apart


def _skin(
    y: RealArray,
    x: RealArray,
    apart: RealArray,
    fingers: list[tuple[float, float, float, float, float]],
    person: int,
    width: float,
) -> RealArray:
    """Brightness of the skin: rounded towards the edges, with the palm's and the joints' lines."""
    light = 0.45 + 0.2 * (1 - np.exp(apart.clip(max=0) / 0.07))
    side = 512
    # As wide as a pixel of the picture, so that lines do not alias.
    lines = blurred(palm_lines(person, side), 0.5 * side / (0.9 * width))
    place = np.stack([(y - 0.06) / 0.9, (x + 0.46) / 0.9]) * side - 0.5
    drawn = scipy.ndimage.map_coordinates(lines, place, order=1, mode="constant")
    # Lines of the palm end before its edge.
    light = light - drawn * (-apart / 0.06).clip(0, 1)
    for top, left, lean, length, half in fingers:
        down = (top - y) * math.cos(lean) + (x - left) * math.sin(lean)
        across = (x - left) * math.cos(lean) + (y - top) * math.sin(lean)
        on = np.exp(-((across / half) ** 6))
        for share, depth in ((0.02, 0.10), (0.40, 0.12), (0.45, 0.06), (0.71, 0.10)):
            bent = down - share * length - 0.25 * across**2 / half
            light = light - depth * on * np.exp(-((bent / 0.011) ** 2))
    return light


def _capsule(
    y: RealArray,
    x: RealArray,
    start: tuple[float, float],
    end: tuple[float, float],
    first: float,
    last: float,
) -> RealArray:
    """Distance from a round bar between two places, whose half width changes along it."""
    down, right = end[0] - start[0], end[1] - start[1]
    along = ((y - start[0]) * down + (x - start[1]) * right) / (down**2 + right**2)
    along = along.clip(0, 1)
    return np.hypot(y - start[0] - along * down, x - start[1] - along * right) - (
        first + along * (last - first)
    )


def _joined(one: RealArray, other: RealArray, width: float) -> RealArray:
    """Distance from the union of two shapes, rounded where they meet."""
    blend = (width - np.abs(one - other)).clip(0) / width
    return np.minimum(one, other) - blend**2 * width / 4
