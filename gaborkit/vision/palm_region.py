"""The region of a palm that prints are compared in, found in the picture of an open hand.

Pixels of the hand are told from the ground by Otsu's threshold. Circles around the largest disc
inside the hand cross its fingers: the four narrow pieces that lie closest together are the index to
the little finger, and between them lie three valleys. The line that touches the bottoms of the two
outer ones, with all of both on its far side, and the middle between them are a frame that turns and
grows with the hand; the region is a square in that.

References
----------
Zhang, Kong, You and Wong (2003), "Online palmprint identification", IEEE TPAMI 25(9), 1041-1050,
section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..errors import FeatureError
from ..features.plane import plane_of
from ..filtering.backend import NumpyLibrary
from ..filtering.normalizing import ordinary
from ..types import RealArray
from ..whole_numbers import is_whole
from .sparse_resampling import blurred, resized, sampled

#: Longer side in pixels at which valleys are looked for.
_SIDE = 512

#: Side of the square, and how far it begins below the valleys, in distances of the outer two.
_SQUARE, _BELOW = 1.3, 0.2

#: Radii of the circles that cross fingers, and the widest finger, in radii of the largest disc.
_CIRCLES, _WIDEST = np.linspace(1.25, 2.4, 24), 0.8

#: Angle that the middles of the four fingers span at most, in degrees.
_SPAN = 130

#: Share of the square that must show the hand.
_SHOWN = 0.97


@dataclass(frozen=True, eq=False)
class PalmRegion:
    """The middle of a palm, turned so that fingers point upwards.

    Attributes
    ----------
    image : float array (size, size)
        Values of the picture.
    corners : float array (4, 2)
        Row and column, in the picture, of the corners: upper left, upper right, lower right, lower
        left.
    valleys : float array (2, 2)
        Row and column of the bottoms of the outer valleys, the left one first.
    """

    image: RealArray
    corners: RealArray
    valleys: RealArray


def palm_region(
    image: ArrayLike, *, size: int = 128, channel_axis: int | None = None
) -> PalmRegion:
    """Cut the middle of a palm out of a picture of an open hand.

    Parameters
    ----------
    image : real array (H, W)
        The inside of a hand, fingers apart, on a ground that is all darker or all lighter; turned
        anyhow.
    size : int
        Side of the result in pixels, from 16 on.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    PalmRegion

    Raises
    ------
    ImageError
        As :meth:`GaborBank.filter`.
    FeatureError
        If no hand is found, its palm is not wholly in the picture, or ``size`` is no size.

    References
    ----------
    Zhang, Kong, You and Wong (2003), "Online palmprint identification", IEEE TPAMI 25(9),
    1041-1050, section 3.

    Examples
    --------
    >>> from gaborkit.vision import synthetic_hand
    >>> region = palm_region(synthetic_hand(0, turn=120).image)
    >>> region.image.shape
    (128, 128)
    """
    if not is_whole(size, 16):
        raise FeatureError(f"size={size!r} is no side in pixels; give a whole number from 16")
    library = NumpyLibrary()
    values = library.promote(plane_of(image, channel_axis))
    library.check_finite(values)
    shrunk = min(1.0, _SIDE / max(values.shape))
    small = values
    if shrunk < 1:
        small = resized(values, tuple(max(1, round(n * shrunk)) for n in values.shape), "area")
    hand = _silhouette(ordinary(small))
    valleys = _outer_valleys(hand)
    grown = np.array(values.shape) / small.shape
    valleys = (valleys + 0.5) * grown - 0.5
    corners = _square(valleys)
    inside = _places(corners, 32) / grown[:, None, None]
    shown = scipy.ndimage.map_coordinates(hand.astype(float), inside, order=1, mode="constant")
    if shown.mean() < _SHOWN:
        raise _no_hand(
            f"the square below its fingers is no palm, or only {100 * shown.mean():.0f} % of it "
            "are in the picture"
        )
    # Twice the rate of the result is left, so that lines do not alias.
    rate = float(np.hypot(*(corners[1] - corners[0]))) / size
    smooth = blurred(values, 0.5 * rate) if rate > 1 else values
    rows, columns = (
        axis.clip(0, length - 1).astype(values.dtype)
        for axis, length in zip(_places(corners, size), values.shape, strict=True)
    )
    return PalmRegion(sampled(smooth, rows, columns), corners, valleys)


def _no_hand(reason: str) -> FeatureError:
    return FeatureError(
        f"no hand is found: {reason}; give a picture of an open hand, fingers apart, on a ground "
        "that is darker or lighter than all of it"
    )


def _silhouette(image: RealArray) -> NDArray[np.bool_]:
    """The largest piece without holes of what differs from the ground along the border."""
    from skimage.filters import threshold_otsu

    smooth = blurred(image, 1.0)
    if float(np.ptp(smooth)) <= 1e-6 * float(np.abs(smooth).max()):
        raise _no_hand("all pixels are alike")
    light = smooth > threshold_otsu(smooth)
    border = np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]])
    hand = ~light if border.mean() > 0.5 else light
    pieces, _ = scipy.ndimage.label(hand)
    largest = int(np.bincount(pieces.ravel())[1:].argmax()) + 1
    filled: NDArray[np.bool_] = scipy.ndimage.binary_fill_holes(pieces == largest)
    return filled


def _outer_valleys(hand: NDArray[np.bool_]) -> RealArray:
    """Row and column (2, 2) of the bottoms of the valleys beside the index and the little finger.

    Of those two, the one that is on the left when fingers point upwards comes first.
    """
    # The border of the picture, which cuts the wrist, is no edge of the palm.
    depth = scipy.ndimage.distance_transform_edt(hand)
    centre = np.array(np.unravel_index(depth.argmax(), depth.shape), float)
    radius = float(depth.max())
    fingers = _fingers(hand, centre, radius)
    if fingers is None:
        raise _no_hand("nothing like four fingers side by side is seen")
    sides, reach = fingers
    places = np.moveaxis(np.indices(hand.shape), 0, -1) - centre
    pieces, _ = scipy.ndimage.label(~hand & (np.hypot(*np.moveaxis(places, -1, 0)) <= reach))
    gaps = []
    for left, right in ((0, 1), (2, 3)):
        between = (sides[left, 1] + sides[right, 0]) / 2
        at = centre + (reach - 1.5) * np.array([math.sin(between), math.cos(between)])
        piece = pieces[tuple(np.rint(at).astype(int).clip(0, np.array(hand.shape) - 1))]
        if not piece:
            raise _no_hand("fingers are not apart")
        gaps.append(places[pieces == piece])
    # From the roots of the fingers to the palm, at first from their middle to the centre.
    middle = sum(gap[np.hypot(*gap.T).argmin()] for gap in gaps) / 2
    down = -middle / np.hypot(*middle)
    for _ in range(10):
        bottoms = [
            gap[np.isclose(gap @ down, (gap @ down).max(), atol=0.5)].mean(0) for gap in gaps
        ]
        across = bottoms[1] - bottoms[0]
        normal = np.array([across[1], -across[0]]) / np.hypot(*across)
        if np.allclose(normal, down, atol=1e-6):
            break
        down = normal
    return np.stack(bottoms) + centre


def _fingers(
    hand: NDArray[np.bool_], centre: RealArray, radius: float
) -> tuple[RealArray, float] | None:
    """First and last direction (4, 2) of four fingers, and the radius of a circle across them."""
    steps = 720
    angles = 2 * math.pi * np.arange(steps) / steps
    directions = np.stack([np.sin(angles), np.cos(angles)])
    best: tuple[float, RealArray, float] | None = None
    for reach in radius * _CIRCLES:
        places = centre[:, None] + reach * directions
        on = scipy.ndimage.map_coordinates(hand.astype(float), places, order=1, cval=0.0) > 0.5
        if on.all() or not on.any():
            continue
        start = int(np.flatnonzero(~on)[0])
        changes = np.diff(np.roll(on, -start).astype(np.int8), append=0)
        runs = np.flatnonzero(changes).reshape(-1, 2) + 0.5  # from ground to hand and back
        wide = 2 * reach * np.sin(math.pi * (runs[:, 1] - runs[:, 0]) / steps)
        narrow = runs[(wide > 0.1 * radius) & (wide < _WIDEST * radius)] + start
        if len(narrow) < 4:
            continue
        around = np.concatenate([narrow, narrow[:3] + steps]) * 2 * math.pi / steps
        spans = (around[3:] - around[:-3]).mean(1)
        first = int(spans.argmin())
        if spans[first] <= math.radians(_SPAN) and (best is None or spans[first] < best[0]):
            best = float(spans[first]), around[first : first + 4], float(reach)
    return None if best is None else best[1:]


def _square(valleys: RealArray) -> RealArray:
    """Corners (4, 2) of the region below two valleys, the left one first."""
    across = valleys[1] - valleys[0]
    down = np.array([across[1], -across[0]])
    top = valleys.mean(0) + _BELOW * down
    right, below = _SQUARE / 2 * across, _SQUARE * down
    return np.stack([top - right, top + right, top + right + below, top - right + below])


def _places(corners: RealArray, size: int) -> RealArray:
    """Rows and columns (2, size, size) of the centres of a square's pixels."""
    share = (np.arange(size) + 0.5) / size
    right, down = corners[1] - corners[0], corners[3] - corners[0]
    return (
        corners[0][:, None, None]
        + down[:, None, None] * share[:, None]
        + right[:, None, None] * share
    )
