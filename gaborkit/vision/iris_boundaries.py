"""The boundaries of an iris: circles of pupil and iris, arcs of lids, by Daugman's operator.

A boundary is where the mean along a curve changes most as the curve grows::

    max over (r, x0, y0) of | G(r) * d/dr of the mean of I along the circle of r around (x0, y0) |

Both circles are searched for together on a small picture, about one centre, and then each by itself
where it is. Lids cover the iris above and below, so its circle is judged by its sides alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..errors import FeatureError
from ..features.codes import PhaseCode
from ..features.iris import iris_code, unwrap_iris
from ..features.plane import plane_of
from ..filtering.backend import NumpyLibrary
from ..filtering.normalizing import ordinary
from ..types import Array, RealArray
from .sparse_resampling import resized, sampled

Circle = tuple[float, float, float]

#: Centres whose circles are sampled at a time: few, so that all of it stays in the cache.
CHUNK = 16

#: Shorter side of the picture that is searched first, in pixels.
SMALL = 80

#: Radius of an iris in shorter sides of the picture, and of its pupil in its own.
IRIS_RADII, PUPIL_RADII = (0.12, 0.55), (0.15, 0.75)

#: Angles of the sides of an iris, from the horizontal, that lids leave free.
SIDES = math.radians(35)

#: Least step at the boundary of an iris, in deviations of the picture.
LEAST_STEP = 0.25

#: A lid's step is at least this share of the iris's.
LID_STEP = 0.4

#: What is brighter or darker than the iris by so many of its deviations is no iris.
UNLIKE = 3.5


class IrisBoundaries(NamedTuple):
    """Where an iris is seen.

    Attributes
    ----------
    pupil, iris : (y, x, radius)
        Circles, in pixels.
    upper, lower : (y, bow), optional
        The lids' arcs ``y + bow ((x - iris x) / iris radius)^2``; None if it covers nothing.
    mask : bool array (H, W)
        The iris without lids, reflections and lashes.
    """

    pupil: Circle
    iris: Circle
    upper: tuple[float, float] | None
    lower: tuple[float, float] | None
    mask: NDArray[np.bool_]


def find_iris(image: Array, *, channel_axis: int | None = None) -> IrisBoundaries:
    """Find the circles of pupil and iris, and the lids, in the picture of one eye.

    Parameters
    ----------
    image : real array (H, W)
        Of any contrast. The pupil is darker than the iris, and that darker than the white. The
        iris's radius is 0.12 to 0.55 of the shorter side, and it may reach out of the picture.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    IrisBoundaries

    Raises
    ------
    ImageError
        If the picture is not (H, W), or holds NaN or infinity.
    FeatureError
        If it is smaller than 40 pixels, or nothing in it is like an iris.

    References
    ----------
    Daugman (1993), "High confidence visual recognition of persons by a test of statistical
    independence", IEEE TPAMI 15(11), equation 1; Daugman (2004), "How iris recognition works",
    equation 3, and section 2 for the arcs of lids.

    Examples
    --------
    >>> from gaborkit.vision import synthetic_eye
    >>> eye = synthetic_eye(0)
    >>> boundaries = find_iris(eye.image)
    >>> bool(np.abs(np.subtract(boundaries.iris, eye.iris)).max() < 3)
    True
    """
    library = NumpyLibrary()
    values = library.promote(plane_of(image, channel_axis))
    library.check_finite(values)
    if min(values.shape) < 40:
        height, width = values.shape
        raise FeatureError(f"{height} x {width} pixels show no iris; 40 or more a side do")
    values = ordinary(values)
    spread = float(values.std())
    if not spread > 1e-6 * float(np.abs(values).max()):
        raise FeatureError("the picture is constant: there is no iris in it")
    plane = np.asarray((values - values.mean()) / spread, np.float32)
    # Small bright reflections in the pupil would be its boundary.
    scale = max(1.0, min(plane.shape) / SMALL)
    height, width = plane.shape
    small = resized(plane, (round(height / scale), round(width / scale)), "area")
    calm = scipy.ndimage.grey_opening(small, 5, mode="nearest")
    pupil, iris, step = _both(calm)
    if step < LEAST_STEP:
        raise FeatureError(
            f"no circle is like an iris: its strongest step is {step:.2f} deviations of the "
            f"picture, of {LEAST_STEP} at least; give a picture of one eye from near"
        )
    opened = scipy.ndimage.grey_opening(plane, 2 * round(1.5 * scale) + 1, mode="nearest")
    pupil, iris = (
        ((y + 0.5) * scale - 0.5, (x + 0.5) * scale - 0.5, r * scale) for y, x, r in (pupil, iris)
    )
    for reach in (scale, 0.5):
        iris = _refined(plane, iris, reach, SIDES)
        pupil = _refined(opened, pupil, reach, math.pi / 2, inside=iris)
    upper, lower = (_lid(plane, pupil, iris, sign, step) for sign in (-1, 1))
    return IrisBoundaries(pupil, iris, upper, lower, _seen(plane, pupil, iris, upper, lower))


def eye_code(
    image: Array,
    boundaries: IrisBoundaries | None = None,
    *,
    channel_axis: int | None = None,
) -> PhaseCode:
    """Code the iris of an eye: its boundaries, rubber sheet and phases.

    Parameters
    ----------
    image : real array (H, W)
    boundaries : IrisBoundaries, optional
        Those of :func:`find_iris` by default.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    PhaseCode
        Compare two by :func:`gaborkit.features.hamming_distance`.

    Raises
    ------
    ImageError, FeatureError
        As :func:`find_iris`.

    Examples
    --------
    >>> from gaborkit.features import hamming_distance
    >>> from gaborkit.vision import synthetic_eye
    >>> one, same, other = (eye_code(synthetic_eye(*k).image) for k in ((1, 0), (1, 1), (2, 0)))
    >>> near, far = (hamming_distance(one, code, shifts=8).distance for code in (same, other))
    >>> near < 0.35 < far
    True
    """
    plane = plane_of(image, channel_axis)
    limits = find_iris(plane) if boundaries is None else boundaries
    ring = unwrap_iris(plane.astype(float), limits.pupil, limits.iris, mask=limits.mask)
    return iris_code(ring)


def _means(plane: RealArray, centres: RealArray, radii: RealArray, sides: float) -> RealArray:
    """Means (N, R) along circles, of their sides within an angle from the horizontal.

    Where a circle leaves the picture, the rest counts; nan where nothing is left.
    """
    count = 48
    half = (np.arange(count // 2) + 0.5) / (count // 2) * 2 * sides - sides
    turn = np.concatenate([half, half + math.pi]).astype(np.float32)
    means = np.empty((len(centres), len(radii)), np.float32)
    for start in range(0, len(centres), CHUNK):
        y, x = (c[:, None, None].astype(np.float32) for c in centres[start : start + CHUNK].T)
        rows = y + radii[:, None].astype(np.float32) * np.sin(turn)
        columns = x + radii[:, None].astype(np.float32) * np.cos(turn)
        values = _replicated(plane, rows, columns)
        inside = (rows > -0.5) & (rows < plane.shape[0] - 0.5)
        inside &= (columns > -0.5) & (columns < plane.shape[1] - 0.5)
        total = inside.sum(-1)
        mean = np.where(inside, values, 0).sum(-1) / np.maximum(total, 1)
        means[start : start + CHUNK] = np.where(total >= count / 2, mean, np.nan)
    return means


def _replicated(plane: RealArray, rows: RealArray, columns: RealArray) -> RealArray:
    """Values between the pixels, and outside that of the nearest pixel."""
    height, width = plane.shape
    return sampled(plane, rows.clip(0, height - 1), columns.clip(0, width - 1))


def _steps(means: RealArray) -> RealArray:
    """Derivative by the radius, blurred along it; brighter outside is positive, and unknown 0."""
    change = means[:, 2:] - means[:, :-2]
    blurred = change.copy()
    blurred[:, 1:-1] = (change[:, :-2] + 2 * change[:, 1:-1] + change[:, 2:]) / 4
    steps = np.zeros_like(means)
    steps[:, 1:-1] = np.nan_to_num(blurred)
    return steps


def _both(plane: RealArray) -> tuple[Circle, Circle, float]:
    """Circles of pupil and iris with one centre, and the step of the iris, on a small picture."""
    height, width = plane.shape
    side = min(height, width)
    low, high = (share * side for share in IRIS_RADII)
    radii = np.arange(max(2.0, PUPIL_RADII[0] * low - 1), high + 2)
    grid = np.mgrid[0.2 * height : 0.8 * height : 2, 0.2 * width : 0.8 * width : 2]
    centres = grid.reshape(2, -1).T
    whole = _steps(_means(plane, centres, radii, math.pi / 2))
    sides = _steps(_means(plane, centres, radii, SIDES))
    best, chosen = -math.inf, (0, 0, 0)
    for outer, radius in enumerate(radii):
        if not low <= radius <= high:
            continue
        inner = (radii >= PUPIL_RADII[0] * radius) & (radii <= PUPIL_RADII[1] * radius)
        if not inner.any():
            continue
        own = np.where(inner, whole, -np.inf)
        at = own.argmax(1)
        # The weaker of both decides, so that one strong circle is not taken for both.
        score = np.minimum(own[np.arange(len(at)), at], 1.5 * sides[:, outer])
        score = score + 0.25 * sides[:, outer]
        k = int(score.argmax())
        if score[k] > best:
            best, chosen = float(score[k]), (k, int(at[k]), outer)
    k, inner_at, outer_at = chosen
    y, x = centres[k].tolist()
    step = float(min(whole[k, inner_at], sides[k, outer_at]))
    return (y, x, float(radii[inner_at])), (y, x, float(radii[outer_at])), step


def _refined(
    plane: RealArray, circle: Circle, reach: float, sides: float, inside: Circle | None = None
) -> Circle:
    """The circle with the strongest step among those near one."""
    y, x, radius = circle
    moves = np.arange(-4, 5) * (reach / 2)
    centres = np.stack(np.meshgrid(y + moves, x + moves, indexing="ij"), -1).reshape(-1, 2)
    radii = np.arange(max(2.0, radius - 4 * reach - 1), radius + 4 * reach + 2)
    if inside is not None:
        radii = radii[radii < 0.95 * inside[2]]
    if len(radii) < 3:
        return circle
    steps = _steps(_means(plane, centres, radii, sides))
    k, r = np.unravel_index(int(steps.argmax()), steps.shape)
    return float(centres[k, 0]), float(centres[k, 1]), float(radii[r])


def _lid(
    plane: RealArray, pupil: Circle, iris: Circle, sign: int, step: float
) -> tuple[float, float] | None:
    """The arc of the upper (-1) or lower (1) lid, if it covers some of the iris."""
    y, x, radius = iris
    across = np.linspace(-0.8, 0.8, 49)
    heights = y + sign * np.arange(0.15 * radius, 1.05 * radius, 1.0)
    best, arc = 0.0, None
    for bow in -sign * np.linspace(0, 0.5, 6) * radius:
        rows = heights[:, None] + bow * across**2
        columns = np.broadcast_to(x + across * radius, rows.shape)
        values = _replicated(plane, rows.astype(np.float32), columns.astype(np.float32))
        # Only of what lies on the iris: its own boundary is no lid.
        counts = np.hypot(rows - y, columns - x) < 0.93 * radius
        counts &= np.hypot(rows - pupil[0], columns - pupil[1]) > 1.1 * pupil[2]
        total = counts[1:-1].sum(1)
        both = counts[2:] & counts[:-2]
        change = np.where(both, values[2:] - values[:-2], 0).sum(1) / np.maximum(both.sum(1), 1)
        change = np.where((total >= 8) & (both.sum(1) >= 8), change, 0)
        k = int(change.argmax())
        if change[k] > best:
            best, arc = float(change[k]), (float(heights[k + 1]), float(bow))
    return arc if best > LID_STEP * step else None


def _seen(
    plane: RealArray,
    pupil: Circle,
    iris: Circle,
    upper: tuple[float, float] | None,
    lower: tuple[float, float] | None,
) -> NDArray[np.bool_]:
    """Pixels of the iris that show it."""
    y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
    seen = (np.hypot(y - iris[0], x - iris[1]) < iris[2]) & (
        np.hypot(y - pupil[0], x - pupil[1]) > pupil[2]
    )
    for lid, sign in ((upper, -1), (lower, 1)):
        if lid is not None:
            arc = lid[0] + lid[1] * ((x - iris[1]) / iris[2]) ** 2
            seen &= sign * (y - arc) < 0
    if not seen.any():
        return seen
    own = plane[seen]
    middle = np.median(own)
    spread = 1.4826 * np.median(np.abs(own - middle)) or 1.0
    unlike = seen & (np.abs(plane - middle) > UNLIKE * spread)
    return np.asarray(seen & ~scipy.ndimage.binary_dilation(unlike))


def draw_iris(
    image: Array, boundaries: IrisBoundaries, *, channel_axis: int | None = None
) -> NDArray[np.uint8]:
    """A picture with the circles of pupil (red) and iris (blue), the lids, and what is not seen.

    Parameters
    ----------
    image : real array (H, W)
    boundaries : IrisBoundaries
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    uint8 array (H, W, 3)
        Pixels of the ring that do not count are tinted.

    Raises
    ------
    ImageError
        If the picture is not (H, W).

    Examples
    --------
    >>> from gaborkit.vision import synthetic_eye
    >>> eye = synthetic_eye(0)
    >>> draw_iris(eye.image, find_iris(eye.image)).shape
    (240, 320, 3)
    """
    values = plane_of(image, channel_axis).astype(float)
    grey = np.rint(255 * (values - values.min()) / ((values.max() - values.min()) or 1))
    drawn = np.dstack([grey.astype(np.uint8)] * 3)
    y, x = np.mgrid[: values.shape[0], : values.shape[1]]
    ring = np.hypot(y - boundaries.iris[0], x - boundaries.iris[1]) < boundaries.iris[2]
    ring &= np.hypot(y - boundaries.pupil[0], x - boundaries.pupil[1]) > boundaries.pupil[2]
    hidden = ring & ~boundaries.mask
    drawn[hidden] = drawn[hidden] // 2 + np.array([90, 60, 0], np.uint8)
    for (row, column, radius), colour in (
        (boundaries.iris, (0, 90, 220)),
        (boundaries.pupil, (213, 40, 0)),
    ):
        _draw(drawn, np.hypot(y - row, x - column) - radius, colour)
    row, column, radius = boundaries.iris
    across = (x - column) / radius
    for lid in (boundaries.upper, boundaries.lower):
        if lid is not None:
            away = (y - lid[0] - lid[1] * across**2) / np.hypot(1, 2 * lid[1] * across / radius)
            _draw(drawn, np.where(np.abs(across) <= 1, away, np.inf), (0, 160, 90))
    return drawn


def _draw(picture: NDArray[np.uint8], distance: RealArray, colour: tuple[int, int, int]) -> None:
    """Draw a smooth line where the distance to it, in pixels, is below 1."""
    near = np.abs(distance) < 1
    share = 1 - np.abs(distance[near])[:, None]
    picture[near] = np.rint(picture[near] * (1 - share) + np.array(colour) * share)
