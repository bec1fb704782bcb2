"""Phase codes: two bits a response, compared by the share of bits in which they differ.

The bits are the signs of the real and the imaginary part: the quadrant of the phase. Contrast and
illumination leave them as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import promoted
from ..filtering.regions import Region, cut_out
from ..types import Boundary, ComplexArray, RealArray
from ..whole_numbers import is_whole
from .bank_grid import default_bank
from .plane import plane_of

Bits = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PhaseCode:
    """Bits of a picture and which of them count, packed by columns.

    Attributes
    ----------
    bits, mask : uint8 array (columns, bytes)
        Eight bits a byte, as by :func:`numpy.packbits`; a bit of the mask is 1 where the code's
        counts. Padding does not count.
    """

    bits: Bits
    mask: Bits

    def __len__(self) -> int:
        """Count the bits that count."""
        return int(np.bitwise_count(self.mask).sum())

    @property
    def nbytes(self) -> int:
        """Bytes of the bits, without the mask."""
        return self.bits.nbytes


class Comparison(NamedTuple):
    """Outcome of comparing two codes.

    Attributes
    ----------
    distance : float
        Share of differing bits among those that count in both, 0 to 1; 1/2 for independent codes.
    shift : int
        Columns by which the second code was moved to the right.
    bits : int
        How many were compared.
    """

    distance: float
    shift: int
    bits: int


def phase_code(
    image: ArrayLike,
    bank: GaborBank | None = None,
    *,
    mask: ArrayLike | None = None,
    step: tuple[int, int] = (8, 8),
    weak: float = 0.1,
    boundary: Boundary = "reflect",
    channel_axis: int | None = None,
) -> PhaseCode:
    """Code a picture by the quadrants of its phases.

    Parameters
    ----------
    image : real array (H, W)
    bank : GaborBank, optional
        K kernels, ``GaborBank.grid()`` by default.
    mask : bool array (H, W), optional
        True where the picture is seen; values elsewhere have no part in the code.
    step : (rows, columns)
        Pixels from one coded place to the next.
    weak : float
        Share of each channel's bits with the smallest magnitudes that do not count, 0 to 1: their
        phases are the first to change.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    PhaseCode
        2 K bits a place; pictures of one size have codes that can be compared.

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If the mask, the step or ``weak`` does not fit.

    References
    ----------
    Daugman (1993), "High confidence visual recognition of persons by a test of statistical
    independence", IEEE TPAMI 15(11), 1148-1161.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((64, 64))
    >>> code = phase_code(image, GaborBank.grid(2, 4))
    >>> code.bits.shape, len(code)  # 8 columns of 8 places, 16 bits each, a tenth of them weak
    ((8, 16), 912)
    """
    values, seen = checked_mask(image, mask, channel_axis)
    bank = default_bank() if bank is None else bank
    values = filled(values, seen)
    return coded(bank.filter(values, boundary=boundary), seen, step, weak)


def hamming_distance(first: PhaseCode, second: PhaseCode, *, shifts: int = 0) -> Comparison:
    """Share of differing bits, the least of some shifts.

    Parameters
    ----------
    first, second : PhaseCode
        Of one size.
    shifts : int
        Columns by which the second code is moved round, at most, to each side: a turned eye.

    Returns
    -------
    Comparison
        A distance of 1 and a shift of 0 where no bit counts in both; of equal shifts the nearest.

    Raises
    ------
    FeatureError
        If the codes are of different sizes, or ``shifts`` is no whole number of 0 or more.

    References
    ----------
    Daugman (2004), equation 8.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((64, 512))
    >>> code, turned = (phase_code(np.roll(image, k, 1), boundary="wrap") for k in (0, -16))
    >>> hamming_distance(code, turned, shifts=4)[:2]
    (0.0, 2)
    """
    if first.bits.shape != second.bits.shape:
        raise FeatureError(
            f"codes of shapes {first.bits.shape} and {second.bits.shape} cannot be compared; make "
            "both of pictures of one size, with one bank and step"
        )
    if not is_whole(shifts, 0):
        raise FeatureError(f"shifts={shifts!r} is no number of columns; give 0 or more")
    best = Comparison(1.0, 0, 0)
    for shift in sorted(range(-shifts, shifts + 1), key=abs):
        both = first.mask & np.roll(second.mask, shift, 0)
        count = int(np.bitwise_count(both).sum())
        differing = (first.bits ^ np.roll(second.bits, shift, 0)) & both
        if not count:
            continue
        distance = int(np.bitwise_count(differing).sum()) / count
        if distance < best.distance or best.bits == 0:
            best = Comparison(distance, shift, count)
    return best


def normalized_distance(comparison: Comparison, *, typical: int = 911) -> float:
    """Distance as if as many bits had been compared as usually: few bits agree easily by chance.

    Parameters
    ----------
    comparison : Comparison
        Of :func:`hamming_distance`.
    typical : int
        Bits that are usually compared; Daugman's 911 are of codes of 2,048 bits.

    Returns
    -------
    float
        ``1/2 - (1/2 - d) sqrt(bits / typical)``.

    Raises
    ------
    FeatureError
        If ``typical`` is no whole number above 0.

    References
    ----------
    Daugman (2007), "New methods in iris recognition", IEEE Transactions on Systems, Man, and
    Cybernetics B 37(5), 1167-1175, equation 12.

    Examples
    --------
    >>> normalized_distance(Comparison(0.3, 0, 911)), normalized_distance(Comparison(0.3, 0, 228))
    (0.3, 0.39...)
    """
    if not is_whole(typical, 1):
        raise FeatureError(f"typical={typical!r} is no number of bits; give 911 for example")
    return 0.5 - (0.5 - comparison.distance) * math.sqrt(comparison.bits / typical)


def decidability(same: ArrayLike, different: ArrayLike) -> float:
    """How far two distributions of distances lie apart: Daugman's d'.

    Parameters
    ----------
    same, different : arrays of floats
        Distances of codes of one eye, and of different ones; at least two of each.

    Returns
    -------
    float
        ``|m1 - m2| / sqrt((s1^2 + s2^2) / 2)``; infinite if neither varies and they differ.

    Raises
    ------
    FeatureError
        If there are less than two distances of a kind, or one is not finite.

    References
    ----------
    Daugman (2004), equation 11.

    Examples
    --------
    >>> decidability([0.1, 0.12], [0.45, 0.47])
    35.0...
    """
    groups = [np.asarray(values, float).ravel() for values in (same, different)]
    for values in groups:
        if len(values) < 2 or not np.isfinite(values).all():
            raise FeatureError(
                f"{len(values)} distances vary in no way; give two finite ones or more"
            )
    apart = abs(groups[0].mean() - groups[1].mean())
    spread = math.sqrt((groups[0].var() + groups[1].var()) / 2)
    if spread == 0:
        return math.inf if apart else 0.0
    return float(apart / spread)


def coded(
    responses: ComplexArray, seen: NDArray[np.bool_], step: tuple[int, int], weak: float
) -> PhaseCode:
    """Code of responses (K, H, W); the other parameters are those of :func:`phase_code`."""
    down, across = checked_sides("step", step)
    if not (isinstance(weak, (int, float, np.number)) and 0 <= weak < 1):
        raise FeatureError(f"weak={weak!r} is no share of the bits; give 0 or more, below 1")
    # Places in the middle of their cells, (K, rows, columns).
    places = (slice(down // 2, None, down), slice(across // 2, None, across))
    chosen, visible = responses[(..., *places)], seen[places]
    if chosen.size == 0:
        raise FeatureError(
            f"a step of {down} x {across} leaves no place in a picture of {seen.shape[0]} x "
            f"{seen.shape[1]} pixels; give a smaller one"
        )
    magnitude = np.abs(chosen)
    counts = np.broadcast_to(visible, magnitude.shape) & (magnitude > 0)
    if weak and visible.any():
        limits = np.quantile(magnitude[:, visible], weak, axis=1)
        counts = counts & (magnitude >= limits[:, None, None])
    signs = np.stack([chosen.real >= 0, chosen.imag >= 0])
    return PhaseCode(_packed(signs), _packed(np.stack([counts, counts])))


def _packed(bits: NDArray[np.bool_]) -> Bits:
    """Bits (2, K, rows, columns) as (columns, bytes)."""
    columns = np.moveaxis(bits, -1, 0)
    return np.packbits(columns.reshape(len(columns), -1), axis=1)


def checked_mask(
    image: Any, mask: Any, channel_axis: int | None = None
) -> tuple[RealArray, NDArray[np.bool_]]:
    """One picture and where it is seen; raises ImageError and FeatureError."""
    values = plane_of(image, channel_axis)
    promoted(values.dtype)  # raises for what is no real number
    seen = np.ones(values.shape, bool) if mask is None else np.asarray(mask)
    if seen.shape != values.shape or seen.dtype != bool:
        raise FeatureError(
            f"a mask of shape {seen.shape} ({seen.dtype}) does not fit a picture of shape "
            f"{values.shape}; give booleans, True where it is seen"
        )
    return values, seen


def filled(values: RealArray, seen: NDArray[np.bool_]) -> RealArray:
    """A picture (H, W) in which what is not seen is the nearest pixel that is."""
    if not seen.any():
        return np.zeros_like(values)
    whole = slice(None)
    return np.asarray(cut_out(values, Region(1, whole, whole, seen)))


def checked_sides(name: str, sides: Any) -> tuple[int, int]:
    """Two whole numbers above 0, or FeatureError."""
    lengths = tuple(sides) if np.ndim(sides) == 1 else ()
    if len(lengths) != 2 or not all(is_whole(n, 1) for n in lengths):
        raise FeatureError(f"{name}={sides!r} is no pair of whole numbers (rows, columns) above 0")
    return int(lengths[0]), int(lengths[1])
