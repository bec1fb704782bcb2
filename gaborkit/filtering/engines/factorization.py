"""A bank of kernels as real row filters, real column filters, and a mix of their products.

Two-dimensional convolution with an outer product is a row pass and a column pass. Kernels of one
envelope share most of theirs: theta and pi - theta have the same filters up to sign, and the
DC-removal terms of all of them are one Gaussian. Every filter is even or odd, which halves its
multiplications.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...caches import keep
from ...kernels.base import Kernel
from ...kernels.formula import Parameters, amplitude
from ...kernels.gabor import GaborKernel
from ...types import ComplexArray, RealArray
from .samples import factors_of, fields_of

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.signedinteger[Any]]

#: Kernels that are factorized together, and their indices.
Set = tuple[list[Kernel], list[int]]

#: Share of a kernel's L2 norm that a low-rank factorization may leave out, in single and in double
#: precision.
ACCURACY = (1e-6, 1e-15)

#: Samples from the centre on by which lines are told apart before all are looked at.
PROBES = 6


@dataclass(frozen=True)
class Factorization:
    """Kernel k is the sum over p of (mix[k, p] + i mix[K + k, p]) outer(column, row) of product p.

    Attributes
    ----------
    rows, columns : float64 arrays (F, 2 radius + 1), (G, 2 radius + 1)
        Distinct real filters, each exactly even or odd.
    odd_rows, odd_columns : bool arrays (F,), (G,)
        Which of them are odd.
    products : list of (row, column)
        Index pairs, sorted by row.
    mix : float64 array (2 K, P)
        Real parts first, then imaginary parts.
    cancels : bool
        Whether terms nearly cancel, so that single precision would lose digits.
    """

    rows: RealArray
    columns: RealArray
    odd_rows: BoolArray
    odd_columns: BoolArray
    products: list[tuple[int, int]]
    mix: RealArray
    cancels: bool

    @staticmethod
    @keep
    def of(kernels: tuple[Kernel, ...], tolerance: float, accuracy: float) -> Factorization:
        """Factorize kernels of one radius; see :meth:`Kernel.factors` for the arguments.

        The last few results are kept: they are small, and a bank often filters many images.
        """
        if (p := _of_one_envelope(kernels)) is not None:
            return _closed(kernels, p, tolerance)
        factors = factors_of(kernels, tolerance, accuracy)
        weights, columns, rows = (np.concatenate(part) for part in zip(*factors, strict=True))
        sizes = [len(one) for one, _, _ in factors]
        shares = [abs(one) / (abs(one).max() or 1) for one, _, _ in factors]
        noise = np.minimum(1e-15 / np.concatenate(shares), 0.1)  # a small term's digits are few
        across, down = _distinct(rows, noise), _distinct(columns, noise)
        t, f, g, heights = _products(across, down, len(weights))
        owners = np.repeat(np.arange(len(kernels)), sizes)[t]
        cancelling = any(cancels(one) for one, _, _ in factors)
        lines = (across.lines, down.lines, across.odd, down.odd)
        return _mixed(lines, len(kernels), owners, f, g, weights[t] * heights, cancelling)

    @property
    def nbytes(self) -> int:
        """Of the arrays."""
        return self.rows.nbytes + self.columns.nbytes + self.mix.nbytes

    @property
    def gains(self) -> ComplexArray:
        """Response of each kernel to a constant image of ones, complex128 (K,)."""
        rows, columns = self.rows.sum(1), self.columns.sum(1)
        sums = self.mix @ np.array([rows[f] * columns[g] for f, g in self.products])
        return sums[: len(sums) // 2] + 1j * sums[len(sums) // 2 :]


def _mixed(
    lines: tuple[RealArray, RealArray, BoolArray, BoolArray],
    kernels: int,
    owners: IntArray,
    rows: IntArray,
    columns: IntArray,
    heights: ComplexArray,
    cancelling: bool,
) -> Factorization:
    """Of products (E,), of a kernel, a row and a column filter each, and their heights."""
    count = len(lines[1])
    pairs, inverse = np.unique(rows * count + columns, return_inverse=True)
    mix = np.zeros((kernels, len(pairs)), complex)
    np.add.at(mix, (owners, inverse), heights)
    products = [divmod(pair, count) for pair in pairs.tolist()]
    return Factorization(*lines, products, np.concatenate([mix.real, mix.imag]), cancelling)


def _of_one_envelope(kernels: Sequence[Kernel]) -> Parameters | None:
    """Parameters (K,) of round Gabor kernels that differ in waves and heights alone, else None."""
    if len({(k.norm, k.dc_free) if isinstance(k, GaborKernel) else None for k in kernels}) != 1:
        return None
    if not isinstance(kernels[0], GaborKernel):
        return None
    p = Parameters(*fields_of(kernels))
    return p if (p.gamma == 1).all() and np.ptp(p.sigma * p.scale) == 0 else None


def _closed(kernels: Sequence[Kernel], p: Parameters, tolerance: float) -> Factorization:
    """Of round kernels of one envelope: cosines and sines under it, a few for all of them.

    The envelope itself, which takes off a wave's sum, is the cosine of wave number zero.
    """
    count, dc_free = len(kernels), kernels[0].is_dc_free
    norm = kernels[0].norm  # type: ignore[attr-defined]
    line = np.arange(kernels[0].radius(tolerance) + 1.0)
    gauss = np.exp(-(line**2) / (2 * (p.sigma * p.scale)[0] ** 2))
    turn = 2 * math.pi / (p.wavelength * p.scale)
    across, down = (
        _Waves(turn * toward, gauss, line, dc_free) for toward in (np.cos(p.theta), np.sin(p.theta))
    )
    height = amplitude(np, p, norm, dc_free) * np.exp(1j * p.phase)
    dc = across.sums * down.sums / (2 * gauss.sum() - 1) ** 2
    k = np.arange(count)
    products = [(k, across.even, down.even, height)]
    if dc_free:
        products.append((k, across.zero + 0 * k, down.zero + 0 * k, -dc * height))
    x, y = (np.flatnonzero(side.odd >= 0) for side in (across, down))
    xy = np.flatnonzero((across.odd >= 0) & (down.odd >= 0))
    products += [
        (x, across.odd[x], down.even[x], 1j * (height * across.heights)[x]),
        (y, across.even[y], down.odd[y], 1j * (height * down.heights)[y]),
        (xy, across.odd[xy], down.odd[xy], -(height * across.heights * down.heights)[xy]),
    ]
    owners, rows, columns, heights = (np.concatenate(part) for part in zip(*products, strict=True))
    lines = (across.lines, down.lines, across.parity, down.parity)
    cancelling = bool(dc_free and (1 + abs(dc) > 16 * abs(1 - dc)).any())
    return _mixed(lines, count, owners, rows, columns, heights, cancelling)


class _Waves:
    """Cosines and sines under one envelope, along an axis.

    Attributes
    ----------
    lines, parity : arrays (F, n), (F,)
        Of largest value 1; whether each is odd.
    even, odd : int arrays (K,)
        Each kernel's cosine and sine among them; -1 where there is no sine.
    heights : array (K,)
        Of the sines.
    sums : array (K,)
        Of the cosines.
    zero : int
        The envelope's place.
    """

    def __init__(self, turns: RealArray, gauss: RealArray, line: RealArray, zero: bool) -> None:
        sizes = np.append(abs(turns), [0.0] * zero)
        distinct, first, which = np.unique(sizes.round(13), return_index=True, return_inverse=True)
        angles = np.outer(sizes[first], line)
        waving = distinct > 0
        cosines, sines = gauss * np.cos(angles), gauss * np.sin(angles[waving])
        peaks = np.ones(len(distinct))
        peaks[waving] = abs(sines).max(1)
        sines /= peaks[waving, None]
        right = np.concatenate([cosines, sines])
        self.parity = np.arange(len(right)) >= len(cosines)
        left = np.where(self.parity, -1, 1)[:, None] * right[:, :0:-1]
        self.lines = np.concatenate([left, right], axis=1)
        self.even = which[: len(turns)]
        self.zero = int(which[-1])
        index = np.where(waving, len(cosines) + waving.cumsum() - 1, -1)
        self.odd = index[self.even]
        self.heights = np.sign(turns) * peaks[self.even]
        self.sums = (2 * cosines.sum(1) - cosines[:, 0])[self.even]


def factorized_together(
    kernels: Sequence[Kernel], indices: Sequence[int] | None = None
) -> list[Set]:
    """Kernels, or those at some indices, in the sets that the separable engine factorizes.

    Round kernels share filters, and so do elongated ones at theta and pi - theta.
    """
    together: dict[Hashable, Set] = {}
    for index in range(len(kernels)) if indices is None else indices:
        kernel = kernels[index]
        key: Hashable = "round"
        if not kernel.separable:
            key = kernel.canonical()[0]
            if isinstance(key, tuple):
                theta, *fields = key
                key = (round(min(theta, math.pi - theta), 9), *fields)
        members, places = together.setdefault(key, ([], []))
        members.append(kernel)
        places.append(index)
    return list(together.values())


class Passes(NamedTuple):
    """Row and column passes, terms of all kernels, those to be searched for, squared, and sets."""

    rows: float
    columns: float
    terms: float
    squares: float
    sets: int


def passes_of(kernels: Sequence[Kernel], separable: bool, tolerance: float, double: bool) -> Passes:
    """What the row and column filters of kernels of one radius come to, without finding them.

    A round kernel needs about one row and two column passes beside its neighbours', an elongated
    one as many as its samples have terms.
    """
    count = len(kernels)
    if separable:
        return Passes(count + 2, 2 * count + 3, 3 * count, 0, 1)
    rows = searched = lines = 0.0
    sets = factorized_together(kernels)
    for members, _ in sets:
        terms = members[0].terms(tolerance, ACCURACY[double])
        rows += terms
        lines += len(members) * terms
        searched += terms**2  # mirror images are found together
    return Passes(rows, 2 * rows, lines, searched, len(sets))


def cancels(weights: ComplexArray) -> bool:
    """Whether terms of these weights nearly cancel: single precision would lose a digit or more."""
    return bool(abs(weights).sum() > 16 * abs(weights.sum()))


class _Distinct(NamedTuple):
    """Distinct real filters of definite parity, and which of them terms are made of.

    Attributes
    ----------
    lines : float64 array (F, n)
    odd : bool array (F,)
    terms, filters, heights : arrays (E,)
        Term ``terms[e]`` holds ``heights[e]``, real or imaginary, times ``lines[filters[e]]``;
        sorted by term.
    """

    lines: RealArray
    odd: BoolArray
    terms: IntArray
    filters: IntArray
    heights: ComplexArray


def _distinct(lines: ComplexArray, noise: RealArray) -> _Distinct:
    """The filters that each of ``lines`` (T, n) is made of, once each, up to sign and height.

    They are real and imaginary, even and odd parts, unless below ``noise`` (T,) times the line's
    largest value.
    """
    both = np.stack([lines.real, lines.imag], axis=1)
    turned = both[..., ::-1]
    split = np.stack([both + turned, both - turned], axis=2) / 2  # (T, 2, 2, n)
    right = split[..., split.shape[-1] // 2 :]
    peaks = abs(right).argmax(-1)[..., None]
    heights = np.take_along_axis(right, peaks, -1)[..., 0]
    least = noise * abs(lines).max(1)
    t, part, parity = np.nonzero(abs(heights) > least[:, None, None])
    heights = heights[t, part, parity]
    parts, odd = split[t, part, parity] / heights[:, None], parity == 1
    first = _first_alike(parts, odd, np.maximum(1e-13, 10 * noise[t]))
    chosen, filters = np.unique(first, return_inverse=True)
    return _Distinct(parts[chosen], odd[chosen], t, filters, heights * np.array([1, 1j])[part])


def _first_alike(lines: RealArray, odd: BoolArray, allowed: RealArray) -> IntArray:
    """For each line (L, n), the first that it is alike: they differ by at most its ``allowed``."""
    inner = lines[:, lines.shape[1] // 2 :][:, :PROBES]
    probes = inner @ 0.6 ** np.arange(inner.shape[1]) + 4.0 * odd  # alike only if these are close
    first, rest = np.arange(len(lines)), np.arange(len(lines))
    while len(rest):
        order = rest[np.argsort(probes[rest], kind="stable")]
        near = np.minimum(allowed[order[1:]], allowed[order[:-1]])
        starts = np.append(True, np.diff(probes[order]) > 2.5 * near)
        leaders = np.minimum.reduceat(order, np.flatnonzero(starts))[starts.cumsum() - 1]
        unlike = abs(lines[order] - lines[leaders]).max(1) > allowed[order]
        alike = ~unlike & (odd[order] == odd[leaders])
        first[order[alike]] = leaders[alike]
        rest = np.sort(order[~alike])
    return first


def _products(
    across: _Distinct, down: _Distinct, terms: int
) -> tuple[IntArray, IntArray, IntArray, ComplexArray]:
    """Of each term its pairs of a row and a column filter: term, row, column and height."""
    counts = np.bincount(down.terms, minlength=terms)
    begins = counts.cumsum() - counts
    repeats = counts[across.terms]
    row = np.repeat(np.arange(len(across.terms)), repeats)
    within = np.arange(len(row)) - np.repeat(repeats.cumsum() - repeats, repeats)
    column = begins[across.terms[row]] + within
    heights = across.heights[row] * down.heights[column]
    return across.terms[row], across.filters[row], down.filters[column], heights
