"""Codes of an iris: the ring between two circles as a rectangle, and its phases as bits.

A turned eye is a shifted code (Daugman, 1993, 2004). Finding the circles is not done here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.padding import source_index
from ..kernels.gabor import GaborKernel
from ..types import RealArray
from .codes import PhaseCode, checked_mask, checked_sides, coded

# Of an unwrapped iris, in pixels.
_IRIS_SHAPE = (64, 512)


class UnwrappedIris(NamedTuple):
    """Ring between two circles as a rectangle, (rows, columns) each.

    Attributes
    ----------
    image : float array
        Rows run from the pupil outwards, columns around it, from +x towards +y (down).
    mask : bool array
        True where the iris is seen.
    """

    image: RealArray
    mask: NDArray[np.bool_]


def unwrap_iris(
    image: ArrayLike,
    pupil: Sequence[float],
    iris: Sequence[float],
    *,
    mask: ArrayLike | None = None,
    shape: tuple[int, int] = _IRIS_SHAPE,
    channel_axis: int | None = None,
) -> UnwrappedIris:
    """Unwrap the ring between pupil and iris: Daugman's rubber sheet.

    The point at angle t and share r of the way from circle to circle is
    ``(1 - r) p(t) + r q(t)``, with p(t) and q(t) the points of the two circles at that angle;
    r is taken at the middle of each row. Circles need not have one centre.

    Parameters
    ----------
    image : array (H, W)
    pupil, iris : (y, x, radius)
        In pixels, the pupil inside the iris.
    mask : bool array (H, W), optional
        True where the iris is seen: not under lids, lashes and reflections.
    shape : (rows, columns)
        Of the rectangle.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    UnwrappedIris
        Interpolated linearly; what lies outside the picture does not count as seen.

    Raises
    ------
    ImageError
        If the picture is not (H, W).
    FeatureError
        If the circles are none, the pupil is not inside the iris, or an array does not fit.

    References
    ----------
    Daugman (2004), "How iris recognition works", IEEE Transactions on Circuits and Systems for
    Video Technology 14(1), 21-30, equations 4 and 5.

    Examples
    --------
    >>> y, x = np.mgrid[:100, :100]
    >>> rings = np.hypot(y - 50, x - 50)
    >>> unwrap_iris(rings, (50, 50, 10), (50, 50, 40), shape=(3, 4)).image.round(1)[:, 0]
    array([15., 25., 35.])
    """
    values, seen = checked_mask(image, mask, channel_axis)
    inner, outer = _circle("pupil", pupil), _circle("iris", iris)
    if math.hypot(*(inner[:2] - outer[:2])) + inner[2] >= outer[2]:
        raise FeatureError(f"the pupil {tuple(pupil)} does not lie inside the iris {tuple(iris)}")
    rows, columns = checked_sides("shape", shape)
    turn = np.arange(columns) * (2 * math.pi / columns)
    share = (np.arange(rows)[:, None] + 0.5) / rows
    places = [
        (1 - share) * (inner[axis] + inner[2] * wave) + share * (outer[axis] + outer[2] * wave)
        for axis, wave in ((0, np.sin(turn)), (1, np.cos(turn)))
    ]
    unwrapped = scipy.ndimage.map_coordinates(values.astype(float), places, order=1, mode="nearest")
    # Between a seen and an unseen pixel the value is of both: it does not count.
    whole = scipy.ndimage.map_coordinates(seen.astype(float), places, order=1, mode="constant")
    return UnwrappedIris(unwrapped, whole > 1 - 1e-9)


def iris_bank() -> GaborBank:
    """Bank of :func:`iris_code`: two octaves of kernels along the circle, on 64 x 512 pixels."""
    return GaborBank(GaborKernel.from_bandwidth(wavelength=w, bandwidth=1.0) for w in (16.0, 32.0))


def iris_code(
    unwrapped: UnwrappedIris,
    bank: GaborBank | None = None,
    *,
    step: tuple[int, int] = (8, 4),
    weak: float = 0.1,
) -> PhaseCode:
    """Code an unwrapped iris, whose columns go round and whose rows do not.

    Parameters
    ----------
    unwrapped : UnwrappedIris
        What :func:`unwrap_iris` gives.
    bank : GaborBank, optional
        :func:`iris_bank` by default: kernels of 16 and 32 pixels along the circle.
    step, weak
        As in :func:`phase_code`. By default 8 x 128 places of 4 bits: 512 bytes, and a shift by
        one column is a turn by 2.8 degrees.

    Returns
    -------
    PhaseCode

    Raises
    ------
    FeatureError
        As :func:`phase_code`.

    Examples
    --------
    >>> ring = np.random.default_rng(0).random((64, 512))
    >>> iris_code(UnwrappedIris(ring, np.ones((64, 512), bool))).nbytes
    512
    """
    values, seen = checked_mask(*unwrapped)
    bank = iris_bank() if bank is None else bank
    margin = min(len(values), max(kernel.radius() for kernel in bank))
    # Rows are reflected, beyond which the picture may go round too.
    padded = values[source_index(len(values), margin, "reflect")]
    responses = bank.filter(padded, boundary="wrap")[:, margin : margin + len(values)]
    return coded(responses, seen, step, weak)


def _circle(name: str, circle: Any) -> RealArray:
    parameters = np.asarray(circle, float) if np.size(circle) == 3 else np.empty(0)
    if parameters.shape != (3,) or not np.isfinite(parameters).all() or parameters[2] <= 0:
        raise FeatureError(f"{name}={circle!r} is no circle; give (y, x, radius) in pixels")
    return parameters
