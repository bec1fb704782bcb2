"""Palmprints: the competitive code, the orientation of the darkest line at each place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.codes import checked_mask, checked_sides, filled
from ..features.local import rounding_of
from ..kernels.gabor import GaborKernel
from ..types import RealArray
from ..whole_numbers import is_whole
from .polylines import draw_polyline
from .sparse_resampling import blurred, resized

#: Orientations of the code; angles between two are at most half as many steps.
ORIENTATIONS = 6


@dataclass(frozen=True, eq=False)
class CompetitiveCode:
    """Orientations of a palm's lines.

    Attributes
    ----------
    index : uint8 array (rows, columns)
        0 to 5: across the line, in steps of 30 degrees from +x (right) towards +y (down).
    mask : bool array (rows, columns)
        Places that count.
    """

    index: NDArray[np.uint8]
    mask: NDArray[np.bool_]


class PalmComparison(NamedTuple):
    """Outcome of comparing two codes.

    Attributes
    ----------
    distance : float
        Mean angle between the orientations, 0 to 1, where 1 are 90 degrees.
    shift : (int, int)
        Rows and columns by which the second code was moved, down and right.
    places : int
        How many were compared.
    """

    distance: float
    shift: tuple[int, int]
    places: int


def palm_bank(wavelength: float = 12.6, bandwidth: float = 1.5) -> GaborBank:
    """Six orientations of the kernel of the article, that of Lee (1996).

    Parameters
    ----------
    wavelength : float
        In pixels, on palms of 128 x 128: lines are half as wide.
    bandwidth : float
        Half-amplitude bandwidth, in octaves.

    Raises
    ------
    FeatureError
        If one of them is not above 0.
    """
    if not (0 < wavelength < math.inf and 0 < bandwidth < math.inf):
        raise FeatureError(
            f"wavelength={wavelength!r}, bandwidth={bandwidth!r}: give pixels and octaves above 0"
        )
    # Lee's kappa, the standard deviation in radians of the carrier; twice as long as wide.
    kappa = math.sqrt(2 * math.log(2)) * (2**bandwidth + 1) / (2**bandwidth - 1)
    sigma = kappa * wavelength / (2 * math.pi)
    return GaborBank(
        GaborKernel(wavelength=wavelength, theta=k * math.pi / ORIENTATIONS, sigma=sigma, gamma=0.5)
        for k in range(ORIENTATIONS)
    )


def competitive_code(
    image: ArrayLike,
    bank: GaborBank | None = None,
    *,
    mask: ArrayLike | None = None,
    step: tuple[int, int] = (4, 4),
    channel_axis: int | None = None,
) -> CompetitiveCode:
    """Code a palm by the orientation that wins at each place: whose real response is the least.

    Lines of a palm are dark, so the kernel along a line answers it by the most negative real part.

    Parameters
    ----------
    image : real array (H, W)
        The middle of a palm, cut out and turned as all others; 128 x 128 pixels in the article.
    bank : GaborBank, optional
        Six kernels that differ by 30 degrees; :func:`palm_bank` by default.
    mask : bool array (H, W), optional
        True where the palm is seen; values elsewhere have no part in the code.
    step : (rows, columns)
        Pixels from one coded place to the next; in the article, 32 x 32 places.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    CompetitiveCode

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If the mask, the step or the bank does not fit, or the picture is smaller than a wavelength.

    References
    ----------
    Kong and Zhang (2004), "Competitive coding scheme for palmprint verification", ICPR, 520-523.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64] - 32
    >>> across = x * np.cos(np.pi / 3) + y * np.sin(np.pi / 3)
    >>> code = competitive_code(-np.exp(-(across**2) / 8), step=(1, 1))
    >>> int(code.index[32, 32])  # 60 degrees
    2
    """
    values, seen = checked_mask(image, mask, channel_axis)
    values = filled(values, seen)
    down, right = checked_sides("step", step)
    chosen = palm_bank() if bank is None else bank
    if len(chosen) != ORIENTATIONS:
        raise FeatureError(
            f"a bank of {len(chosen)} kernels has not the code's six orientations; "
            "palm_bank() makes one"
        )
    places = (slice(down // 2, None, down), slice(right // 2, None, right))
    # Copies, so that the responses need not stay.
    real = np.stack([r[places].copy() for r in chosen.responses(values, part="real")])
    if real.size == 0:
        raise FeatureError(
            f"a step of {down} x {right} leaves no place in a picture of {values.shape[0]} x "
            f"{values.shape[1]} pixels; give a smaller one"
        )
    period = max(1 / kernel.frequency for kernel in chosen)
    if min(values.shape) < period:
        raise FeatureError(
            f"a picture of {values.shape[0]} x {values.shape[1]} pixels is smaller than the "
            f"kernels' wavelength of {period:.3g}, and shows no lines of a palm; give a larger one"
        )
    # Where no orientation wins there is nothing to be compared.
    low, high = float(values.min()), float(values.max())
    least = max(1e-6 * (high - low), rounding_of(real) * max(-low, high))
    varies = np.ptp(real, axis=0) > least
    return CompetitiveCode(real.argmin(0).astype(np.uint8), seen[places] & varies)


def angular_distance(
    first: CompetitiveCode, second: CompetitiveCode, *, shifts: tuple[int, int] = (2, 2)
) -> PalmComparison:
    """Mean angle between the orientations of two codes, the least of some shifts.

    Parameters
    ----------
    first, second : CompetitiveCode
        Of one size.
    shifts : (rows, columns)
        By which the second code is moved at most, to each side: palms are cut out roughly.

    Returns
    -------
    PalmComparison
        The distance of codes that have nothing to do with each other is about 1/2; 1 if no place
        counts in both. Of equal distances the shortest shift.

    Raises
    ------
    FeatureError
        If the codes are of different sizes, or shifts are no whole numbers from 0 on that leave
        something to compare.

    References
    ----------
    Kong and Zhang (2004), equation 5.

    Examples
    --------
    >>> palm = np.random.default_rng(0).random((128, 128))
    >>> code = competitive_code(palm)
    >>> moved = competitive_code(np.roll(palm, (4, -8), (0, 1)))
    >>> angular_distance(code, moved).shift
    (-1, 2)
    """
    if first.index.shape != second.index.shape:
        raise FeatureError(
            f"codes of {first.index.shape} and {second.index.shape} places cannot be compared; "
            "make both of pictures of one size, with one step"
        )
    if len(shifts) != 2 or not all(
        is_whole(n, 0) and n < size for n, size in zip(shifts, first.index.shape, strict=True)
    ):
        raise FeatureError(
            f"shifts={shifts!r} are no two whole numbers from 0 on, below the codes' "
            "rows and columns"
        )
    best = PalmComparison(1.0, (0, 0), 0)
    moves = [
        (down, right)
        for down in range(-shifts[0], shifts[0] + 1)
        for right in range(-shifts[1], shifts[1] + 1)
    ]
    for down, right in sorted(moves, key=lambda move: (abs(move[0]) + abs(move[1]), move)):
        one, other = (
            tuple(
                slice(max(0, sign * move), min(size, size + sign * move))
                for move, size in zip((down, right), first.index.shape, strict=True)
            )
            for sign in (1, -1)
        )
        both = first.mask[one] & second.mask[other]
        count = int(both.sum())
        if not count:
            continue
        apart = np.abs(first.index[one].astype(int) - second.index[other])
        apart = np.minimum(apart, ORIENTATIONS - apart)[both]
        distance = float(apart.mean()) / (ORIENTATIONS // 2)
        if best.places == 0 or distance < best.distance:
            best = PalmComparison(distance, (down, right), count)
    return best


def synthetic_palm(
    person: int, seed: int = 0, *, size: int = 128, noise: float = 0.04
) -> RealArray:
    """Photograph a palm that never was: its lines are the person's, the rest varies.

    Three principal lines and some forty wrinkles, dark on a smooth ground; place, turn, light and
    noise are drawn from the seed.

    Parameters
    ----------
    person, seed : int
        From 0 on.
    size : int
        Side in pixels, from 32 on.
    noise : float
        Deviation; the lines are up to 0.3 darker than the ground.

    Returns
    -------
    float32 array (size, size)
        From 0 to 1.

    Raises
    ------
    FeatureError
        If a parameter is out of range.

    Examples
    --------
    >>> synthetic_palm(0, size=64).shape
    (64, 64)
    """
    for name, value, least in (("person", person, 0), ("seed", seed, 0), ("size", size, 32)):
        if not is_whole(value, least):
            raise FeatureError(
                f"{name}={value!r} is out of range; give a whole number from {least}"
            )
    if not 0 <= noise < math.inf:
        raise FeatureError(f"noise={noise!r} is no deviation; give 0 or more")
    here = np.random.default_rng((person, seed, 1))
    turn, (down, right) = math.radians(here.uniform(-2, 2)), here.uniform(-0.03, 0.03, 2)
    lines = blurred(palm_lines(person, size, turn, (down, right)), 0.8)
    slope = here.uniform(-0.2, 0.2, 2)
    y, x = np.mgrid[:size, :size] / size - 0.5
    image = 0.62 + slope[0] * y + slope[1] * x - lines + here.normal(0, noise, lines.shape)
    return image.clip(0, 1).astype(np.float32)


def palm_lines(
    person: int, size: int, turn: float = 0.0, moved: tuple[float, float] = (0.0, 0.0)
) -> RealArray:
    """How much darker the lines of a person's palm are than the ground (size, size).

    Turned by an angle in radians around the middle, then moved by shares of the side.
    """
    own = np.random.default_rng((person, 0))
    down, right = moved
    fine = 4 * size
    lines = np.zeros((fine, fine), np.float32)
    curves = [(own.uniform(0.15, 0.35), k, 0.3, 0.025) for k in range(3)]
    curves += [(own.uniform(-0.4, 0.4), 3, own.uniform(0.04, 0.16), 0.009) for _ in range(40)]
    for bow, kind, depth, width in curves:
        middle = np.array([0.35 + 0.17 * kind, 0.5]) if kind < 3 else own.uniform(0, 1, 2)
        length = 0.9 if kind < 3 else own.uniform(0.1, 0.5)
        angle = own.normal(0.35 * (kind - 1), 0.1) if kind < 3 else own.uniform(0, math.pi)
        along = np.linspace(-0.5, 0.5, 30) * length
        bent = bow * (along**2 - length**2 / 8) / max(length, 0.2) + 0.01 * own.normal()
        y = middle[0] + along * math.sin(angle) + bent * math.cos(angle) - 0.5
        x = middle[1] + along * math.cos(angle) - bent * math.sin(angle) - 0.5
        y, x = (
            y * math.cos(turn) + x * math.sin(turn) + 0.5 + down,
            x * math.cos(turn) - y * math.sin(turn) + 0.5 + right,
        )
        line = np.zeros_like(lines)
        draw_polyline(line, np.stack([y, x], 1) * fine, width * fine, depth)
        lines = np.maximum(lines, line)
    return resized(lines, (size, size), "area")
