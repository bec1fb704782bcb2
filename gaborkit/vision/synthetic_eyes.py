"""Eyes that never were, whose pupil, iris and lids are known."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..errors import FeatureError
from ..types import RealArray
from ..whole_numbers import is_whole

#: Rows and columns of an iris's texture.
_TEXTURE = (48, 384)


class SyntheticEye(NamedTuple):
    """A picture of an eye and the truth about it.

    Attributes
    ----------
    image : float32 array (H, W)
        From 0 to 1.
    pupil, iris : (y, x, radius)
        Circles, in pixels.
    mask : bool array (H, W)
        Where the iris is seen.
    """

    image: RealArray
    pupil: tuple[float, float, float]
    iris: tuple[float, float, float]
    mask: NDArray[np.bool_]


def synthetic_eye(
    person: int,
    seed: int = 0,
    *,
    shape: tuple[int, int] = (240, 320),
    turn: float = 6.0,
    noise: float = 0.03,
    lid: float = 0.25,
) -> SyntheticEye:
    """Photograph an iris: its texture is the person's, the rest varies from picture to picture.

    The eye's place and size, its turn, the width of the pupil, the light, the lids, two
    reflections in the pupil and the noise are drawn from the seed.

    Parameters
    ----------
    person : int
        Of the texture, from 0 on.
    seed : int
        Of the photograph, from 0 on.
    shape : (int, int)
        Height and width in pixels, 80 or more.
    turn : float
        Largest turn of the eye to either side, in degrees.
    noise : float
        Deviation.
    lid : float
        Share of the iris's height that the upper lid covers at most; the lower half of that.

    Returns
    -------
    SyntheticEye

    Raises
    ------
    FeatureError
        If a parameter is out of range.

    Examples
    --------
    >>> eye = synthetic_eye(1, 2, shape=(120, 160))
    >>> eye.image.shape, eye.pupil[2] < eye.iris[2]
    ((120, 160), True)
    """
    for name, value in (("person", person), ("seed", seed)):
        if not is_whole(value, 0):
            raise FeatureError(f"{name}={value!r} is no number of an eye; give 0 or more")
    if len(shape) != 2 or min(shape) < 80:
        raise FeatureError(f"shape={shape!r} holds no eye; give a height and width of 80 or more")
    for name, size, most in (("turn", turn, 180.0), ("noise", noise, math.inf), ("lid", lid, 0.5)):
        if not 0 <= size <= most or size == math.inf:
            raise FeatureError(f"{name}={size!r} is out of range; give 0 to {most:g}")
    rng = np.random.default_rng((person, seed, 1))
    height, width = shape
    unit = min(height, 0.75 * width)
    iris = (
        height / 2 + rng.uniform(-0.05, 0.05) * unit,
        width / 2 + rng.uniform(-0.08, 0.08) * unit,
        unit * rng.uniform(0.29, 0.36),
    )
    pupil = (
        iris[0] + 0.03 * iris[2] * rng.normal(),
        iris[1] + 0.03 * iris[2] * rng.normal(),
        iris[2] * rng.uniform(0.28, 0.5),
    )
    y, x = np.mgrid[:height, :width].astype(float)
    texture, share = _iris(person, pupil, iris, rng.uniform(-turn, turn), (y, x))
    image = np.where(share > 1, 0.8 - 0.1 * (abs(x - iris[1]) / width), 0.42 + 0.09 * texture)
    image = np.where(share < 0, 0.06, image)
    open_ = np.ones(shape, bool)
    for sign, most in ((-1, lid), (1, lid / 2)):
        edge = iris[0] + sign * iris[2] * (1 - 2 * rng.uniform(0, most))
        bow = sign * -0.35 * ((x - iris[1]) / iris[2]) ** 2 * iris[2] * rng.uniform(0.5, 1)
        open_ &= sign * (y - edge - bow) < 0
    image = np.where(open_, image, 0.66 + 0.05 * rng.uniform())
    for _ in range(2):  # lamps
        row, column = (c + pupil[2] * rng.uniform(-0.45, 0.45) for c in pupil[:2])
        image = np.maximum(
            image, 0.95 * np.exp(-(((y - row) ** 2 + (x - column) ** 2) / (0.06 * unit / 2) ** 2))
        )
    image = _blurred(image, 0.7) * rng.uniform(0.75, 1.05) + rng.normal(0, noise, shape)
    mask = (share > 0) & (share < 1) & open_
    return SyntheticEye(image.clip(0, 1).astype(np.float32), pupil, iris, mask)


def _iris(
    person: int,
    pupil: tuple[float, float, float],
    iris: tuple[float, float, float],
    turn: float,
    points: tuple[RealArray, RealArray],
) -> tuple[RealArray, RealArray]:
    """A person's texture at points, and the share of the way from circle to circle there."""
    texture = np.random.default_rng((person, 0)).normal(size=_TEXTURE)
    texture = scipy.ndimage.gaussian_filter(texture, (1.5, 2.5), mode=("nearest", "wrap"))
    y, x = points
    angle = np.zeros(y.shape)
    share = np.full(y.shape, 0.5)
    for _ in range(20):  # the circles' middle between them depends on the share
        centre = [(1 - share) * p + share * q for p, q in zip(pupil, iris, strict=True)]
        angle = np.arctan2(y - centre[0], x - centre[1])
        share = share + (np.hypot(y - centre[0], x - centre[1]) - centre[2]) / (iris[2] - pupil[2])
    columns = (np.rad2deg(angle) - turn) / 360 * _TEXTURE[1] % _TEXTURE[1]
    rows = share * _TEXTURE[0] - 0.5
    values = scipy.ndimage.map_coordinates(
        texture / texture.std(), [rows, columns], order=1, mode="grid-wrap"
    )
    return values, share


def _blurred(image: RealArray, sigma: float) -> RealArray:
    return np.asarray(scipy.ndimage.gaussian_filter(image, sigma))
