"""Trees of vessels on a lit fundus that never was, whose vessels are known."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError
from ..types import RealArray
from ..whole_numbers import is_whole
from .polylines import draw_polyline
from .sparse_resampling import blurred, resized

#: Finer pixels a side, in which vessels are drawn.
_FINE = 4

#: Radius below which vessels are not drawn, in radii of the trunk.
_THINNEST = 0.16


class SyntheticVessels(NamedTuple):
    """A picture of vessels and the truth about it.

    Attributes
    ----------
    image : float32 array (H, W)
        From 0 to 1; vessels are dark, outside the field of view it is nearly black.
    vessels : bool array (H, W)
    field : bool array (H, W)
        The field of view.
    """

    image: RealArray
    vessels: NDArray[np.bool_]
    field: NDArray[np.bool_]


def synthetic_vessels(
    shape: tuple[int, int] = (400, 400),
    *,
    width: float = 7.0,
    noise: float = 0.03,
    lesions: int = 12,
    seed: int | np.random.Generator = 0,
) -> SyntheticVessels:
    """Grow trees of vessels from a disc and light them as a fundus camera does.

    Branches share the blood of their stem as Murray's law says, the cubes of their radii add up;
    they bend by a random walk. Contrast falls with the width; wide vessels have a bright reflex in
    the middle. The light falls off to the border; a bright disc, dark and bright blobs (lesions)
    and noise are what a detector may take for vessels.

    Parameters
    ----------
    shape : (int, int)
        Height and width in pixels, 64 or more.
    width : float
        Of the widest vessel, in pixels, from 2 on.
    noise : float
        Deviation; the widest vessels are 0.2 darker than the ground.
    lesions : int
        Dark and bright blobs.
    seed : int or numpy.random.Generator

    Returns
    -------
    SyntheticVessels

    Raises
    ------
    FeatureError
        If a parameter is out of range.

    References
    ----------
    Murray (1926), "The physiological principle of minimum work", PNAS 12(3), 207-214.

    Examples
    --------
    >>> fundus = synthetic_vessels((128, 128), width=4, seed=1)
    >>> fundus.image.dtype, bool(fundus.vessels[~fundus.field].any())
    (dtype('float32'), False)
    """
    if len(shape) != 2 or min(shape) < 64:
        raise FeatureError(f"shape={shape!r} holds no tree; give a height and width of 64 or more")
    if not 2 <= width <= min(shape) / 10:
        raise FeatureError(
            f"width={width!r} is no width of vessels in {shape[0]} x {shape[1]} pixels; give 2 to "
            f"{min(shape) / 10:g}"
        )
    if not 0 <= noise < math.inf:
        raise FeatureError(f"noise={noise!r} is no deviation; give 0 or more")
    if not is_whole(lesions, 0):
        raise FeatureError(f"lesions={lesions!r} is no number of blobs; give 0 or more")
    rng = np.random.default_rng(seed)
    height, across = shape
    y, x = np.mgrid[:height, :across].astype(np.float32)
    radius = 0.47 * min(shape)
    away = np.hypot(y - height / 2, x - across / 2) / radius
    field = away < 1
    side = 0.55 * radius * rng.choice([-1, 1])
    disc = (height / 2 + rng.normal(0, 0.05) * radius, across / 2 + side)
    tubes = _tubes(rng, disc, radius, width / 2)
    cover, dark = (
        resized(plane, (height, across), "area") for plane in _drawn(tubes, shape, width / 2)
    )
    ground = 0.65 - 0.2 * away**2 + 0.04 * _cloud(rng, shape, 0.1 * radius)
    ground += 0.25 * np.exp(
        -((((y - disc[0]) ** 2 + (x - disc[1]) ** 2) / (0.13 * radius) ** 2) ** 2)
    )
    for _ in range(lesions):
        turn, far = rng.uniform(0, 2 * math.pi), 0.9 * math.sqrt(rng.uniform())
        size = width * rng.uniform(0.4, 1.5)
        row, column = (
            n / 2 + far * radius * part(turn)
            for n, part in zip(shape, (math.sin, math.cos), strict=True)
        )
        blob = np.exp(-((((y - row) ** 2 + (x - column) ** 2) / size**2) ** 2))
        ground += rng.choice([-0.15, 0.2]) * blob
    image = blurred(ground - dark, max(0.5, width / 12))
    image = np.where(field, image, 0.02) + rng.normal(0, noise, shape)
    return SyntheticVessels(image.clip(0, 1).astype(np.float32), (cover >= 0.5) & field, field)


#: Points (N, 2) of a vessel's middle, and its radius.
_Tube = tuple[RealArray, float]


def _tubes(
    rng: np.random.Generator, disc: tuple[float, float], reach: float, trunk: float
) -> list[_Tube]:
    """Vessels of four trunks that leave a disc, up and down, and bow towards the other side."""
    toward = 0.0 if disc[1] < 2 * reach / 0.94 / 2 else math.pi
    growing = [
        (np.array(disc), toward + side * rng.uniform(0.9, 1.7), trunk * rng.uniform(0.75, 1.0))
        for side in (-1, -1, 1, 1)
    ]
    tubes = []
    while growing:
        point, heading, radius = growing.pop()
        length = radius * rng.uniform(9, 22) + 2
        points, bend = [point], rng.normal(0, 0.15)
        for _ in range(max(2, round(length / 2))):
            bend = 0.9 * bend + rng.normal(0, 0.05)
            heading += 0.3 * bend + 0.02 * math.sin(toward - heading)
            point = point + 2 * np.array([math.sin(heading), math.cos(heading)])
            points.append(point)
        tubes.append((np.array(points), radius))
        if np.hypot(*(point - disc)) > 2.2 * reach:
            continue
        share = rng.uniform(0.5, 0.95)  # of the blood in the larger branch
        turn = rng.choice([-1, 1])
        for part, angle in ((share, 0.25 * turn), (1 - share, -0.9 * turn)):
            thinner = radius * part ** (1 / 3)
            if thinner > _THINNEST * trunk and thinner > 0.4:
                growing.append((point, heading + angle * rng.uniform(0.6, 1.2), 0.97 * thinner))
    return tubes


def _drawn(
    tubes: list[_Tube], shape: tuple[int, int], trunk: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where vessels are, 0 or 1, and how dark they make it, in fine pixels."""
    size = (shape[0] * _FINE, shape[1] * _FINE)
    cover, dark = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for points, radius in sorted(tubes, key=lambda tube: tube[1]):
        line = (points + 0.5) * _FINE - 0.5  # of the centres of fine pixels
        depth = 0.2 * min(1.0, radius / trunk) ** 0.6
        for plane, thickness, value in (
            (cover, 2 * radius, 1.0),
            (dark, 2 * radius, depth),
            (dark, 0.5 * radius if radius > 0.6 * trunk else 0, 0.7 * depth),
        ):
            if thickness:
                draw_polyline(plane, line, thickness * _FINE, value)
    return cover, dark


def _cloud(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> RealArray:
    """Smooth noise of unit variance."""
    cloud = blurred(rng.standard_normal(shape).astype(np.float32), sigma)
    return cloud / cloud.std()
