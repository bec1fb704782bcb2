"""A bank of kernels as real row filters, real column filters, and a mix of their products.

Two-dimensional convolution with an outer product is a row pass and a column pass. Kernels of one
envelope share most of theirs: theta and pi - theta have the same filters up to sign, and the
DC-removal terms of all of them are one Gaussian. Every filter is even or odd, which halves its
multiplications.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..kernels.base import Kernel
from ..types import ComplexArray, RealArray
from .keeping import keep

#: Samples by which lines are told apart before all are looked at.
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
    odd_rows: np.ndarray[tuple[int], np.dtype[np.bool_]]
    odd_columns: np.ndarray[tuple[int], np.dtype[np.bool_]]
    products: list[tuple[int, int]]
    mix: RealArray
    cancels: bool

    @staticmethod
    @keep
    def of(kernels: tuple[Kernel, ...], tolerance: float, accuracy: float) -> Factorization:
        """Factorize kernels of one radius; see :meth:`Kernel.factors` for the arguments.

        The last few results are kept: they are small, and a bank often filters many images.
        """
        row_pool, column_pool = _Pool(), _Pool()
        terms: list[dict[tuple[int, int], complex]] = []
        cancelling = False
        for kernel in kernels:
            weights, columns, rows = kernel.factors(tolerance, accuracy)
            cancelling |= cancels(weights)
            shares = abs(weights) / abs(weights).max()
            noise = np.minimum(1e-15 / shares, 0.1)  # a small term's digits are few
            term: dict[tuple[int, int], complex] = {}
            for weight, across, down in zip(
                weights.tolist(),
                row_pool.parts(rows, noise),
                column_pool.parts(columns, noise),
                strict=True,
            ):
                for (f, row_factor), (g, column_factor) in itertools.product(across, down):
                    value = weight * row_factor * column_factor
                    term[f, g] = term.get((f, g), 0) + value
            terms.append(term)
        products = sorted(set().union(*terms))
        mix = np.array([[term.get(pair, 0) for pair in products] for term in terms])
        return Factorization(
            rows=np.stack(row_pool.lines),
            columns=np.stack(column_pool.lines),
            odd_rows=np.array(row_pool.odd),
            odd_columns=np.array(column_pool.odd),
            products=products,
            mix=np.concatenate([mix.real, mix.imag]),
            cancels=cancelling,
        )

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


def factorized_together(kernels: Sequence[Kernel]) -> list[list[tuple[int, Kernel]]]:
    """Kernels with their places, in the sets that the separable engine factorizes.

    Round kernels share filters, and so do elongated ones at theta and pi - theta.
    """
    together: dict[Hashable, list[tuple[int, Kernel]]] = {}
    for place, kernel in enumerate(kernels):
        key: Hashable = "round"
        if not kernel.separable:
            key = kernel.canonical()[0]
            if isinstance(key, tuple):
                theta, *fields = key
                key = (round(min(theta, math.pi - theta), 9), *fields)
        together.setdefault(key, []).append((place, kernel))
    return list(together.values())


def cancels(weights: ComplexArray) -> bool:
    """Whether terms of these weights nearly cancel: single precision would lose a digit or more."""
    return bool(abs(weights).sum() > 16 * abs(weights.sum()))


class _Pool:
    """Distinct real filters of definite parity: each is kept once, up to sign and height."""

    def __init__(self) -> None:
        self.lines: list[RealArray] = []
        self.odd: list[bool] = []
        self._near = np.zeros((0, PROBES))  # each line's samples from the centre on

    def parts(self, lines: ComplexArray, noise: RealArray) -> list[list[tuple[int, complex]]]:
        """The filters that each of ``lines`` is made of: indices and factors.

        Their real and imaginary, even and odd parts, unless below ``noise`` (T,) times their
        largest value.
        """
        both = np.stack([lines.real, lines.imag], axis=1)
        turned = both[..., ::-1]
        split = np.stack([both + turned, both - turned], axis=2) / 2  # (T, 2, 2, n)
        right = split[..., split.shape[-1] // 2 :]
        peaks = abs(right).argmax(-1)[..., None]
        heights = np.take_along_axis(right, peaks, -1)[..., 0]
        least = noise * abs(lines).max(1)
        chosen = np.argwhere(abs(heights) > least[:, None, None])
        t, part, parity = chosen.T
        heights = heights[t, part, parity]
        places = self._places(
            split[t, part, parity] / heights[:, None],
            parity.tolist(),
            np.maximum(1e-13, 10 * noise[t]),
        )
        found: list[list[tuple[int, complex]]] = [[] for _ in lines]
        factors = (heights * np.where(part, 1j, 1)).tolist()
        for line, place, factor in zip(t.tolist(), places, factors, strict=True):
            found[line].append((place, factor))
        return found

    def _places(self, lines: RealArray, odd: list[int], allowed: RealArray) -> list[int]:
        """Where lines are in the pool, after those that are not there yet are put into it."""
        inner = lines[:, lines.shape[1] // 2 :][:, :PROBES]
        near = np.zeros((len(lines), PROBES))
        near[:, : inner.shape[1]] = inner
        before = len(self.lines)
        self._near = np.concatenate([self._near, near])
        # Most lines differ there already.
        alike = (abs(near[:, None] - self._near) <= allowed[:, None, None]).all(2)
        candidates: list[list[int]] = [[] for _ in lines]
        for i, other in np.argwhere(np.tril(alike, before - 1)).tolist():
            candidates[i].append(other)
        places: list[int] = []
        added: list[int] = []
        for i, line in enumerate(lines):
            for other in candidates[i]:
                place = other if other < before else places[other - before]
                if odd[i] == self.odd[place] and abs(line - self.lines[place]).max() <= allowed[i]:
                    break
            else:
                place = len(self.lines)
                self.lines.append(line)
                self.odd.append(bool(odd[i]))
                added.append(before + i)
            places.append(place)
        self._near = self._near[[*range(before), *added]]
        return places
