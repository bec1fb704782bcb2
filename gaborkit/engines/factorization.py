"""A bank of kernels as real row filters, real column filters, and a mix of their products.

Two-dimensional convolution with an outer product is a row pass and a column pass. Kernels of one
envelope share most of theirs: theta and pi - theta have the same filters up to sign, and the
DC-removal terms of all of them are one Gaussian.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from ..kernel import Kernel
from ..types import ComplexArray, RealArray


@dataclass(frozen=True)
class Factorization:
    """Kernel k is the sum over p of (mix[k, p] + i mix[K + k, p]) outer(column, row) of product p.

    Attributes
    ----------
    rows, columns : float64 arrays (F, 2 radius + 1), (G, 2 radius + 1)
        Distinct real filters.
    products : list of (row, column)
        Index pairs, sorted by row.
    mix : float64 array (2 K, P)
        Real parts first, then imaginary parts.
    cancels : bool
        Whether terms nearly cancel, so that single precision would lose digits.
    """

    rows: RealArray
    columns: RealArray
    products: list[tuple[int, int]]
    mix: RealArray
    cancels: bool

    @classmethod
    @functools.lru_cache(maxsize=64)
    def of(cls, kernels: tuple[Kernel, ...], tolerance: float, accuracy: float) -> Factorization:
        """Factorize kernels of one radius; see :meth:`Kernel.factors` for the arguments.

        The last few results are kept: they are small, and a bank often filters many images.
        """
        row_pool, column_pool = _Pool(), _Pool()
        terms: list[dict[tuple[int, int], complex]] = []
        cancelling = False
        for kernel in kernels:
            weights, columns, rows = kernel.factors(tolerance, accuracy)
            cancelling |= cancels(weights)
            term: dict[tuple[int, int], complex] = {}
            for weight, column, row in zip(weights, columns, rows, strict=True):
                for f, row_factor in row_pool.parts(row):
                    for g, column_factor in column_pool.parts(column):
                        value = weight * row_factor * column_factor
                        term[f, g] = term.get((f, g), 0) + value
            terms.append(term)
        products = sorted(set().union(*terms))
        mix = np.array([[term.get(pair, 0) for pair in products] for term in terms])
        return cls(
            rows=np.stack(row_pool.lines),
            columns=np.stack(column_pool.lines),
            products=products,
            mix=np.concatenate([mix.real, mix.imag]),
            cancels=cancelling,
        )


def cancels(weights: ComplexArray) -> bool:
    """Whether terms of these weights nearly cancel: single precision would lose a digit or more."""
    return bool(abs(weights).sum() > 16 * abs(weights.sum()))


class _Pool:
    """Distinct real filters: each is kept once, up to sign and height."""

    def __init__(self) -> None:
        self.lines: list[RealArray] = []
        self._index: dict[bytes, int] = {}

    def parts(self, line: ComplexArray) -> list[tuple[int, complex]]:
        """The filters that ``line`` is made of: indices and factors, real part and imaginary."""
        found = []
        for part, unit in ((line.real, 1.0), (line.imag, 1j)):
            height = part[np.argmax(abs(part))]
            if abs(height) <= 1e-15 * abs(line).max():
                continue
            scaled = part / height
            # An odd filter's extremes are equal but for rounding: its right half decides.
            if (sign := np.sign(scaled[len(scaled) // 2 + 1 :].sum())) < 0:
                scaled, height = scaled * sign, height * sign
            key = (np.round(scaled, 12) + 0.0).tobytes()
            if key not in self._index:
                self._index[key] = len(self.lines)
                self.lines.append(scaled)
            found.append((self._index[key], complex(height * unit)))
        return found
