"""Edges and lines from quadrature pairs: where they are, which way they run, and of which kind.

The real part of a response is even and answers lines, the imaginary part is odd and answers
edges. Their energy has its crest at an edge and at a line alike, and the phase there tells which it
is (Morrone and Owens, 1987; Perona and Malik, 1990). With the responses R_so of scale s and
orientation o, of direction u_o, and S_o = sum_s R_so::

    strength = sqrt(sum_so |R_so|^2)
    even = sum_o Re S_o,    odd = |sum_o Im S_o u_o|
    phase = atan2(even, odd):  pi/2 a bright line, 0 an edge, -pi/2 a dark line

Energies are summed, not responses: |sum_s R_so| has further crests beside a line, where the scales
are in step again.
"""

from __future__ import annotations

import cmath
import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.angles import angle_of, half_circle
from ..features.bank_grid import Grid, banks_by_orientation, default_bank, grid_of
from ..features.checks import check_choice
from ..features.congruency import Noise, phase_congruency
from ..features.local import peak_of
from ..features.masking import Interior, interior_of
from ..features.plane import plane_of
from ..filtering.backend import NumpyLibrary, library_of
from ..filtering.engines.pixelwise import Quadrature
from ..filtering.engines.structures import available_here
from ..filtering.labelled import keeps_labels
from ..filtering.parts import part_of
from ..kernels.base import TOLERANCE
from ..kernels.parameters import warn_of_degrees
from ..types import Array, Boundary, Engine, Outside, RealArray

Measure = Literal["energy", "congruency"]

#: Kinds of feature by the number that stands for each in :attr:`Edges.kind`.
KINDS: dict[str, int] = {"edge": 1, "bright line": 2, "dark line": 3}

# Thresholds of hysteresis.
_LIMITS = {"energy": (0.1, 0.2), "congruency": (0.2, 0.4)}

# Banks by default.
_BANKS: dict[str, Callable[[], GaborBank]] = {
    "energy": functools.partial(default_bank, scales=2),
    "congruency": functools.partial(default_bank, "kovesi"),
}


# Bytes of responses that are held at a time.
_HELD = 2**26


class Crests(NamedTuple):
    """Where a map of strengths is largest along a direction, (H, W) each.

    Attributes
    ----------
    thin : bool array
        True on the crests, a pixel wide.
    offset : float array
        Of the crest from the pixel's centre along the direction, -1/2 to 1/2 pixel, by a parabola;
        0 elsewhere.
    """

    thin: NDArray[np.bool_]
    offset: RealArray


class Edges(NamedTuple):
    """Edges and lines of a picture, (H, W) each.

    Attributes
    ----------
    thin : bool array
        True on edges and lines, a pixel wide.
    kind : uint8 array
        Where ``thin``: 1 an edge, 2 a bright line, 3 a dark line; 0 elsewhere.
    strength : float array
        Root of the energy of all responses, or the phase congruency; everywhere.
    angle : float array
        Theta across the feature, in [0, pi), from +x (right) towards +y (down).
    direction : float array
        Theta towards the brighter side, in (-pi, pi]: ``angle``, or opposite to it.
    phase : float array
        -pi/2 at a dark line, 0 at an edge, pi/2 at a bright line.
    offset : float array
        Of the feature from the pixel's centre along ``angle``, in pixels, where ``thin``.
    """

    thin: NDArray[np.bool_]
    kind: NDArray[np.uint8]
    strength: RealArray
    angle: RealArray
    direction: RealArray
    phase: RealArray
    offset: RealArray

    def points(self) -> RealArray:
        """(y, x) of each thin pixel, with its part of a pixel, (N, 2)."""
        y, x = np.nonzero(np.asarray(self.thin))
        angle, offset = np.asarray(self.angle)[y, x], np.asarray(self.offset)[y, x]
        return np.stack([y + offset * np.sin(angle), x + offset * np.cos(angle)], axis=1)


@keeps_labels()
def find_edges(
    image: Array,
    bank: GaborBank | None = None,
    *,
    measure: Measure = "energy",
    low: float | None = None,
    high: float | None = None,
    noise: Noise | None = None,
    deviations: float | None = None,
    cutoff: float | None = None,
    sharpness: float | None = None,
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    tolerance: float = TOLERANCE,
    mask: Any = None,
    outside: Outside = "nearest",
) -> Edges:
    """Find edges and lines, thin and by their kind.

    Parameters
    ----------
    image : real array (H, W)
    bank : GaborBank, optional
        A grid of scales and at least three orientations; by default ``GaborBank.grid(scales=2)``
        for energy, of 4 and 8 pixels, and that of :func:`phase_congruency` for congruency, of 3 to
        28 pixels. Lines are what is narrower than half of the longest wavelength; wider bars have
        two edges.
    measure : {"energy", "congruency"}
        Strength by local energy, which grows with contrast, or by :func:`phase_congruency` of the
        same bank, which does not, and allows for noise.
    low, high : float, optional
        Thresholds of hysteresis: pixels of ``high`` or more, and those of ``low`` or more that hang
        together with them. Shares of the largest strength by energy, 0.1 and 0.2 by default; or
        congruencies, 0.2 and 0.4.
    noise, deviations, cutoff, sharpness : optional
        Of :func:`phase_congruency`; for that measure only.
    boundary, engine, tolerance
        As in :meth:`GaborBank.filter`.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.
    mask, outside
        As in :meth:`GaborBank.filter`: values outside have no part in those inside, and all maps
        are 0 there.

    Returns
    -------
    Edges

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`; and if the image is not (H, W).
    FeatureError
        If the bank is no such grid, a threshold is out of range, or an
        option of congruency is given for energy.

    References
    ----------
    Morrone and Owens (1987), "Feature detection from local energy", Pattern Recognition Letters 6,
    303-313; Perona and Malik (1990), "Detecting and localizing edges composed of steps, peaks and
    roofs", ICCV, 52-57; Canny (1986), "A computational approach to edge detection", IEEE TPAMI
    8(6), 679-698, for thinning and hysteresis.

    Examples
    --------
    >>> image = np.zeros((40, 40))
    >>> image[:, 20:] = 1  # brightness rises between columns 19 and 20
    >>> found = find_edges(image)
    >>> np.unique(found.points()[:, 1].round(2)), np.unique(found.kind[found.thin])
    (array([19.5]), array([1], dtype=uint8))
    """
    check_choice("measure", measure, Measure)
    if library_of(image).name == "torch":
        raise FeatureError("edges are found in arrays; give tensor.numpy(force=True)")
    image = plane_of(image, channel_axis)
    low, high = (
        limit if asked is None else asked
        for asked, limit in zip((low, high), _LIMITS[measure], strict=True)
    )
    for name, value in (("low", low), ("high", high)):
        if not (isinstance(value, (int, float, np.number)) and 0 < value <= 1):
            raise FeatureError(f"{name}={value!r} is no threshold; give a number from 0 to 1")
    if low > high:
        raise FeatureError(f"low={low!r} is above high={high!r}; give the smaller one as low")
    options: dict[str, Any] = {
        name: value
        for name, value in (
            ("noise", noise),
            ("deviations", deviations),
            ("cutoff", cutoff),
            ("sharpness", sharpness),
        )
        if value is not None
    }
    if options and measure != "congruency":
        raise FeatureError(
            f"{', '.join(options)}: of the measure congruency, not of {measure}; give "
            "measure='congruency', or leave it out"
        )
    if bank is None:
        bank = _BANKS[measure]()
    grid = grid_of(bank)
    if grid.shape[1] < 3:
        raise FeatureError(f"{grid.shape[1]} orientations tell no angle; give 3 or more, such as 8")
    image = NumpyLibrary().promote(image)
    part = interior_of(image, mask, outside)
    image = part.box(image)
    NumpyLibrary().check_finite(image)
    peak = float(peak_of(image)[0, 0])
    filtering: dict[str, Any] = {"boundary": boundary, "engine": engine, "tolerance": tolerance}
    # Of the image by its peak, so that energies stay within float32.
    axis_x, axis_y, odd_x, odd_y, even, energy = _sums(bank, grid, part, image / peak, **filtering)
    angle = half_circle(angle_of(axis_y, axis_x) / 2)
    across = odd_x * np.cos(angle) + odd_y * np.sin(angle)
    phase = angle_of(even, abs(across))
    if measure == "energy":
        strength = np.sqrt(energy)
        scale = float((strength if part.inside is None else strength[part.inside]).max())
        # What rounding makes of a constant picture is no feature.
        if scale <= 1e-5:
            scale = math.inf
    else:
        options |= {"mask": part.inside, "outside": outside}
        congruency = phase_congruency(image, bank, **filtering, **options)
        strength, scale, peak = congruency.edge, 1.0, 1.0
    strength = part.refilled(strength)  # the mask's border is no crest
    thin, offset = _with_hysteresis(strength / scale, angle, low, high, part.inside)
    kind = np.zeros(thin.shape, np.uint8)
    kind[thin] = 1 + (phase[thin] > math.pi / 4) + 2 * (phase[thin] < -math.pi / 4)
    direction = angle - angle.dtype.type(math.pi) * (across < 0)
    maps = thin, kind, strength * peak, angle, direction, phase, offset * thin
    return Edges(*(part.put_back(values) for values in maps))


def _sums(
    bank: GaborBank, grid: Grid, part: Interior, image: RealArray, **options: Any
) -> tuple[RealArray, ...]:
    """Over scales and orientations, of what the module's formulas need, (H, W) each.

    |S_o|^2 times cosine and sine of 2 theta_o, -Im S_o times those of theta_o, Re S_o, |R_so|^2.
    """
    # All together: they share work.
    every = GaborBank(kernel for alike in banks_by_orientation(bank) for kernel in alike)
    responses = part.responses(every, image, **options)
    scales = len(grid.wavelengths)
    if available_here():
        quadrature = Quadrature(image.shape, image.dtype)
        together = max(1, _HELD // (2 * image.nbytes * scales))
        for first in range(0, len(grid.thetas), together):
            thetas = grid.thetas[first : first + together]
            quadrature.add(thetas, list(itertools.islice(responses, scales * len(thetas))))
        return tuple(quadrature.sums)
    sums = np.zeros((6, *image.shape), image.dtype)
    for theta in grid.thetas:
        some = list(itertools.islice(responses, scales))
        total = sum(some[1:], some[0])
        power = part_of(total, "energy")
        # Brightness that rises along theta has a negative imaginary part.
        axis, odd = power * cmath.exp(2j * theta), -total.imag * cmath.exp(1j * theta)
        energy = sum(part_of(response, "energy") for response in some)
        sums += np.stack([axis.real, axis.imag, odd.real, odd.imag, total.real, energy])
    return tuple(sums)


def crests(strength: RealArray, angle: RealArray) -> Crests:
    """Suppress what is not the largest along a direction.

    Parameters
    ----------
    strength, angle : float arrays (H, W)
        What to compare, and theta of the direction in radians. Neighbours a pixel away on both
        sides are interpolated linearly.

    Returns
    -------
    Crests

    Raises
    ------
    FeatureError
        If the arrays differ in shape.

    Examples
    --------
    >>> ridge = np.exp(-((np.arange(9.0) - 4.2) ** 2) / 8) * np.ones((5, 1))
    >>> found = crests(ridge, np.zeros((5, 9)))
    >>> int(found.thin[2].argmax()), round(float(found.offset[2, 4]), 2)
    (4, 0.19)
    """
    if np.ndim(strength) != 2 or np.shape(strength) != np.shape(angle):
        raise FeatureError(
            f"strengths of shape {np.shape(strength)} and angles of {np.shape(angle)} are not one "
            "(H, W)"
        )
    warn_of_degrees("angle", angle)
    return _crests(strength, angle, np.ones(strength.shape, bool))


def _crests(strength: RealArray, angle: RealArray, among: NDArray[np.bool_]) -> Crests:
    """As :func:`crests`, of some pixels; what is True takes time."""
    padded = np.pad(strength, 1, mode="edge")
    width, flat = padded.shape[1], padded.ravel()
    places = np.flatnonzero(among)  # of places in one axis NumPy reads twice as fast
    here, theta = strength.ravel()[places], angle.ravel()[places]
    dy, dx = np.sin(theta), np.cos(theta)
    down, right = width * (1 - 2 * (dy < 0)), 1 - 2 * (dx < 0)
    dy, dx = abs(dy), abs(dx)
    centre = places + 2 * (places // strength.shape[1]) + width + 1

    def interpolated(sign: int) -> RealArray:
        """Strengths a pixel away on one side, between four."""
        below, beside = centre + sign * down, sign * right
        near = here + dx * (flat[centre + beside] - here)
        far = flat[below]
        far = far + dx * (flat[below + beside] - far)
        between: RealArray = near + dy * (far - near)
        return between

    ahead, behind = interpolated(1), interpolated(-1)
    crest = np.flatnonzero((here >= ahead) & (here > behind))
    here, ahead, behind = here[crest], ahead[crest], behind[crest]
    bend = behind - 2 * here + ahead
    apart = np.where(bend < 0, (behind - ahead) / np.where(bend < 0, 2 * bend, 1), 0)
    thin = np.zeros(strength.shape, bool)
    offset: RealArray = np.zeros(strength.shape, strength.dtype)
    thin.ravel()[places[crest]] = True
    offset.ravel()[places[crest]] = apart.clip(-0.5, 0.5)
    return Crests(thin, offset)


def _with_hysteresis(
    strength: RealArray,
    angle: RealArray,
    low: float,
    high: float,
    inside: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.bool_], RealArray]:
    """Crests of ``low`` or more that hang together with one of ``high`` or more."""
    among = strength > low if inside is None else inside & (strength > low)
    thin, offset = _crests(strength, angle, among)
    pieces, count = scipy.ndimage.label(thin)
    held = np.zeros(count + 1, bool)
    held[pieces[thin & (strength > high)]] = True
    return held[pieces], offset
