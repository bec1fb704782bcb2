"""Phase congruency: where the Fourier components of a picture are in step, whatever its contrast.

At an edge or a line the responses of all scales have one phase. With R_s their complex responses
of one orientation, A_s = |R_s| and the mean direction in the complex plane m = sum R_s / |sum R_s|,

    PC = W max(0, sum_s (cos d_s - |sin d_s|) A_s - T) / (sum_s A_s + eps)

where d_s is the angle between R_s and m, T is what noise alone would reach, and W falls where few
scales answer. The moments of PC over the orientations tell edges from corners.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import library_of
from ..filtering.labelled import keeps_labels
from ..filtering.parts import part_of
from ..filtering.run import with_leading_channels
from ..kernels.base import TOLERANCE
from ..types import Array, Boundary, Engine, Outside
from .angles import angle_of, half_circle
from .bank_grid import Grid, banks_by_orientation, default_bank, grid_of
from .local import gain_of, peak_of, rounding_of
from .masking import interior_of

Noise = Literal["median", "mode"] | float

# Bins of the histogram whose highest is the mode, as in Kovesi's rayleighmode.
_BINS = 50

# Gains of the scales may differ by this factor: amplitudes of scales are compared.
_EVEN = 1.5


class PhaseCongruency(NamedTuple):
    """Phase congruency of a picture and what its moments say, (..., H, W) each.

    Attributes
    ----------
    edge : array or tensor
        Largest moment of the congruency over orientations: strength of an edge or a line, 0 to 1.
    corner : array or tensor
        Smallest moment: large where the phases are in step in all directions. A straight edge
        has that too where not even noise lies across it, in drawings for example.
    orientation : array or tensor
        Theta across the feature, in [0, pi), from +x (right) towards +y (down).
    feature_type : array or tensor
        Phase at the feature, -pi/2 to pi/2: pi/2 at a bright line, 0 at a step, -pi/2 at a dark
        line.
    congruency : array or tensor (..., O, H, W)
        Of each orientation, thetas of the bank ascending.
    noise : array or tensor (..., O)
        Threshold T of each orientation, in units of the responses.
    """

    edge: Array
    corner: Array
    orientation: Array
    feature_type: Array
    congruency: Array
    noise: Array


@keeps_labels("orientation", channels=True)
def phase_congruency(
    image: Array,
    bank: GaborBank | None = None,
    *,
    noise: Noise = "median",
    deviations: float = 2.0,
    cutoff: float = 0.5,
    sharpness: float = 10.0,
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    tolerance: float = TOLERANCE,
    mask: Any = None,
    outside: Outside = "nearest",
) -> PhaseCongruency:
    """Edges, lines and corners by congruency of phase, by the formulas of Kovesi's ``phasecong3``.

    The kernels are by default those of his ``phasecong2``, whose spread over angle is Gaussian;
    ``GaborBank.preset("kovesi", spread="cosine")`` are those of ``phasecong3``.

    Parameters
    ----------
    image : real array or tensor (..., H, W)
    bank : GaborBank, optional
        Any grid of two scales or more and three orientations or more, whose kernels have peaks of
        one height, as with the norms ``l1`` and ``gain``; the preset ``kovesi`` by default.
    noise : {"median", "mode"} or float
        How the noise is known: from the median, or the mode, of the finest scale's amplitudes,
        which noise makes a Rayleigh distribution; or the threshold T itself, 0 or more.
    deviations : float
        Standard deviations above the mean of what noise reaches at which T lies (Kovesi's k).
    cutoff : float
        Share of the scales, 0 to 1, below which their spread is penalised (his cutOff).
    sharpness : float
        Of that transition (his g).
    boundary, engine, channel_axis, tolerance
        As in :meth:`GaborBank.filter`. Kovesi's own filtering wraps around.
    mask, outside
        As in :meth:`GaborBank.filter`: values outside have no part in those inside, and all maps
        are 0 there.

    Returns
    -------
    PhaseCongruency
        Of the image's library, device and precision. Tensors pass gradients, but not through T.

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If the bank is no such grid, or a parameter is out of range.

    References
    ----------
    Kovesi (1999), "Image features from phase congruency", Videre 1(3), 1-26; Kovesi (2003), "Phase
    congruency detects corners and edges", DICTA, 309-318; and his function ``phasecong3``.

    Examples
    --------
    >>> image = np.zeros((65, 65))
    >>> image[32] = 1  # a bright line from left to right
    >>> found = phase_congruency(image)
    >>> int(found.edge[:, 32].argmax()), round(float(found.edge[32, 32]), 2)
    (32, 0.39)
    >>> round(float(np.rad2deg(found.orientation[32, 32]))), bool(found.feature_type[32, 32] > 1.5)
    (90, True)
    """
    _check_parameters(noise, deviations, cutoff, sharpness)
    bank = default_bank("kovesi") if bank is None else bank
    grid = _checked_grid(bank)
    library = library_of(image)
    planes = with_leading_channels(library, library.promote(image), channel_axis)
    part = interior_of(planes, mask, outside)
    planes = part.box(planes)
    library.check_finite(planes)  # before a peak of NaN makes all of them NaN
    peak = peak_of(planes)
    planes = planes / peak  # so that energies stay within float32
    eps = rounding_of(planes) * len(grid.wavelengths)
    options: Any = {"boundary": boundary, "engine": engine, "tolerance": tolerance}
    maps, thresholds, sums = [], [], []
    for alike in banks_by_orientation(bank):  # few responses are held
        responses = library.stack(list(part.responses(alike, planes, **options)), planes.ndim - 2)
        total = responses.sum(-3)
        amplitude = abs(responses)
        finest = amplitude[..., 0, :, :]
        flat = finest.reshape(*finest.shape[:-2], -1)
        if part.inside is not None:
            flat = library.take(flat, np.flatnonzero(part.inside), flat.ndim - 1)
        level = _threshold(flat, peak, grid, noise, deviations)
        weight = _spread_weight(amplitude, eps, cutoff, sharpness)
        excess = (_in_step(responses, total, eps) - level[..., None, None]).clip(0)
        maps.append(weight * excess / (amplitude.sum(-3) + eps))
        thresholds.append(level * peak[..., 0, 0])
        sums.append(total)
    edge, corner = _moments(maps, grid.thetas)
    across, kind = _orientation_and_type(sums, grid.thetas)
    return PhaseCongruency(
        part.put_back(edge),
        part.put_back(corner),
        part.put_back(across),
        part.put_back(kind),
        part.put_back(library.stack(maps, edge.ndim - 2)),
        library.stack(thresholds, edge.ndim - 2),
    )


def _in_step(responses: Array, total: Array, eps: float) -> Array:
    """Energy that the scales have in one direction of the complex plane, less that across it."""
    direction = total / (abs(total) + eps)
    turned = responses * direction.conj()[..., None, :, :]
    return (turned.real - abs(turned.imag)).sum(-3)


def _threshold(flat: Array, peak: Array, grid: Grid, noise: Noise, deviations: float) -> Array:
    """What noise alone reaches in one orientation, (...), from amplitudes (..., N): Kovesi's T.

    Amplitudes and T are of the picture by its peak, (..., 1, 1).
    """
    if not isinstance(noise, str):
        with np.errstate(over="ignore"):  # nothing reaches an infinite threshold
            return noise / peak[..., 0, 0]
    # Rayleigh's distribution has its mode at tau and its median at tau sqrt(ln 4).
    tau = _median(flat) / math.sqrt(math.log(4)) if noise == "median" else _mode(flat)
    # The noise that a scale lets through falls with its wavelength.
    tau = tau * sum(grid.wavelengths[0] / wavelength for wavelength in grid.wavelengths)
    return tau * (math.sqrt(math.pi / 2) + deviations * math.sqrt((4 - math.pi) / 2))


def _median(flat: Array) -> Array:
    if isinstance(flat, np.ndarray):
        return np.asarray(np.median(flat, -1), flat.dtype)
    ascending, last = flat.detach().sort(-1).values, flat.shape[-1] - 1
    return (ascending[..., last // 2] + ascending[..., last - last // 2]) / 2


def _mode(flat: Array) -> Array:
    """Centre of the highest of the histogram's bins, from 0 to the largest value."""
    numpy = isinstance(flat, np.ndarray)
    rows = flat.reshape(-1, flat.shape[-1])
    rows = rows if numpy else rows.detach().cpu().numpy()
    modes = []
    for row in rows:
        counts, ends = np.histogram(row, _BINS, (0, row.max() or 1))
        modes.append((np.argmax(counts) + 0.5) * ends[1])
    shape = flat.shape[:-1]
    return library_of(flat).constant(
        np.reshape(modes, shape), library_of(flat).double(flat), real=True
    )


def _spread_weight(amplitude: Array, eps: float, cutoff: float, sharpness: float) -> Array:
    """Sigmoid of how evenly the scales answer: 0 where one does, 1 where all do."""
    scales = amplitude.shape[-3]
    most = amplitude.max(-3) if isinstance(amplitude, np.ndarray) else amplitude.amax(-3)
    width = (amplitude.sum(-3) / (most + eps) - 1) / (scales - 1)
    rise = (width - cutoff) * (sharpness / 2)
    return (1 + (np.tanh(rise) if isinstance(rise, np.ndarray) else rise.tanh())) / 2


def _moments(maps: Sequence[Array], thetas: Sequence[float]) -> tuple[Array, Array]:
    """Largest and smallest moment of the congruencies as vectors at their thetas."""
    half = len(thetas) / 2
    xx = sum((pc * math.cos(theta)) ** 2 for pc, theta in zip(maps, thetas, strict=True)) / half
    yy = sum((pc * math.sin(theta)) ** 2 for pc, theta in zip(maps, thetas, strict=True)) / half
    xy = sum(pc**2 * math.sin(2 * theta) for pc, theta in zip(maps, thetas, strict=True)) / half
    apart = abs((xx - yy) + 1j * xy)
    return (xx + yy + apart) / 2, ((xx + yy - apart) / 2).clip(0)


def _orientation_and_type(sums: Sequence[Array], thetas: Sequence[float]) -> tuple[Array, Array]:
    """Theta across the feature, and its phase.

    Kovesi takes the direction of the odd parts alone, which a line has not; the vector sum of
    energies serves lines and edges.
    """
    pairs = list(zip(sums, thetas, strict=True))
    axis = sum(part_of(total, "energy") * cmath.exp(2j * theta) for total, theta in pairs)
    odd = abs(sum(total.imag * cmath.exp(1j * theta) for total, theta in pairs))
    even = sum(total.real for total, _ in pairs)
    return half_circle(angle_of(axis.imag, axis.real) / 2), angle_of(even, odd)


def _checked_grid(bank: GaborBank) -> Grid:
    grid = grid_of(bank)
    scales, orientations = grid.shape
    if scales < 2 or orientations < 3:
        raise FeatureError(
            f"a grid of {scales} scales and {orientations} orientations is too small for phases to "
            "be compared; give 2 scales and 3 orientations, or more"
        )
    gains = [gain_of(bank[row[0]]) for row in grid.places]
    if max(gains) > _EVEN * min(gains):
        raise FeatureError(
            f"kernels whose peaks are {min(gains):.3g} to {max(gains):.3g} high make amplitudes "
            "that cannot be compared between scales; give norm='l1' or 'gain'"
        )
    return grid


def _check_parameters(noise: Noise, deviations: float, cutoff: float, sharpness: float) -> None:
    if noise not in ("median", "mode") and not _is_number(noise):
        raise FeatureError(f"noise={noise!r} is neither median, mode, nor a threshold of 0 or more")
    for name, value in (("deviations", deviations), ("sharpness", sharpness)):
        if not _is_number(value):
            raise FeatureError(f"{name}={value!r} is no number of 0 or more")
    if not (_is_number(cutoff) and cutoff <= 1):
        raise FeatureError(f"cutoff={cutoff!r} is no share of the scales; give 0 to 1, such as 0.5")


def _is_number(value: Any) -> bool:
    """Whether it is a finite number of 0 or more."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number and 0 <= value < math.inf
