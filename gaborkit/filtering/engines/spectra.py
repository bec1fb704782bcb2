"""Transforms of kernels for the Fourier engines, kept from one picture to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...caches import keep
from ...kernels.base import Kernel
from ...types import Array, ComplexArray, Transfer
from ..backend import NumpyLibrary
from .factorization import cancels
from .samples import factors_of, samples_of

#: Share of a kernel's L2 norm that may lie in rows of its spectrum that are left out: in single
#: and in double precision. Most of it are the ripples of a truncated kernel.
LEFT_OUT = (5e-6, 1e-12)


def closed_form(kernel: Kernel, size: tuple[int, int]) -> ComplexArray:
    """The transfer function at the frequencies of a transform (*size)."""
    fy, fx = np.fft.fftfreq(size[0])[:, None], np.fft.fftfreq(size[1])[None, :]
    return kernel.transfer(fy, fx, sampled=True)


@keep
def spectra_of(
    kernels: tuple[Kernel, ...],
    size: tuple[int, int],
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> Array:
    """Transforms of kernels (K, *size), their origins at the first sample, not to be changed.

    They are real of kernels that are their own mirror images, conjugated.
    """
    if all(kernel.separable for kernel in kernels):
        values = _sums(kernels, size, double, tolerance, transfer)
    elif transfer == "analytic":
        values = np.stack([closed_form(kernel, size) for kernel in kernels])
    else:
        values = _transforms(np.stack(samples_of(kernels, tolerance)), size, double)
    rounding = 1e-13 if double else 1e-6
    if np.isrealobj(values) or abs(values.imag).max() <= rounding * abs(values.real).max():
        return np.ascontiguousarray(values.real, np.float64 if double else np.float32)
    return values.astype(np.complex128 if double else np.complex64, copy=False)


def _sums(
    kernels: Sequence[Kernel],
    size: tuple[int, int],
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> ComplexArray:
    """Transforms of round kernels (K, *size): sums of outer products."""
    factors = factors_of(kernels, closed_tolerance(tolerance, transfer))
    tall = _centred([weights[:, None] * columns for weights, columns, _ in factors], size[0])
    wide = _centred([rows for _, _, rows in factors], size[1])
    if not double and not any(cancels(weights) for weights, _, _ in factors):
        tall, wide = tall.astype(np.complex64), wide.astype(np.complex64)
    counts = np.array([len(weights) for weights, _, _ in factors])
    first = counts.cumsum() - counts
    values = tall[first][:, :, None] * wide[first][:, None]
    for term in range(1, counts.max()):
        chosen = np.flatnonzero(counts > term)
        line = first[chosen] + term
        values[chosen] += tall[line][:, :, None] * wide[line][:, None]
    return values


def _transforms(samples: ComplexArray, size: tuple[int, int], double: bool) -> Array:
    """Transforms of sampled kernels, their origins at the first sample, complex or real."""
    library, radius = NumpyLibrary(workers=1), samples.shape[-1] // 2
    # The right half says all of a kernel that is its own mirror image, conjugated.
    distance = abs(samples - samples[:, ::-1, ::-1].conj()).max()
    mirrored = distance <= 1e-15 * abs(samples).max((1, 2)).min()
    columns = np.zeros((len(samples), size[0], radius + 1 if mirrored else size[1]), complex)
    turned = np.roll(samples, -radius, axis=(1, 2))
    # Of a single sample nothing lies before the origin, and -0 would be all.
    ends = (slice(radius + 1), slice(-radius, None))[: 1 + (radius > 0)]
    for part in ends:
        for across in ends[:1] if mirrored else ends:
            columns[:, part, across] = turned[:, part, across]
    columns = library.fft(library.constant(columns, double), size[0], 1)
    return library.hfft(columns, size[1], 2) if mirrored else library.fft(columns, size[1], 2)


def closed_tolerance(tolerance: float, transfer: Transfer) -> float:
    """Supports of negligible tails have the transform in closed form."""
    return min(tolerance, 1e-12) if transfer == "analytic" else tolerance


@dataclass(frozen=True)
class Lines:
    """Transforms (T, size) of columns and rows whose outer products add up to a kernel's.

    And whether they nearly cancel, so that they are to be added in double precision; and the rows
    of the kernel's spectrum that hold its energy, but for a share of :data:`LEFT_OUT`.
    """

    tall: ComplexArray
    wide: ComplexArray
    precise: bool
    rows: Array

    @property
    def nbytes(self) -> int:
        """Of the arrays."""
        return self.tall.nbytes + self.wide.nbytes + self.rows.nbytes


@keep
def lines_of(kernel: Kernel, size: tuple[int, int], double: bool, tolerance: float) -> Lines:
    """Of a round kernel."""
    ((weights, columns, rows),) = factors_of([kernel], tolerance)
    tall, wide = _centred([weights[:, None] * columns], size[0]), _centred([rows], size[1])
    # Of the largest number 1: squares of tiny ones would be nothing.
    high, long = (lines / (abs(lines).max() or 1) for lines in (tall, wide))
    energy = np.einsum("iy,ij,jy->y", high, long @ long.conj().T, high.conj()).real
    order = np.argsort(energy)
    left_out = energy[order].cumsum() <= LEFT_OUT[double] ** 2 * energy.sum()
    return Lines(tall, wide, double or cancels(weights), np.sort(order[~left_out]))


def shift_of(radius: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """Transform of a shift by ``radius`` samples to the left."""
    # Whole turns are taken off before the exponential, which rounds large angles.
    turns = (np.arange(size) * radius % size) / size
    return np.exp(2j * np.pi * turns)


def _centred(parts: Sequence[ComplexArray], size: int) -> ComplexArray:
    """Transforms (T, size) of all centred lines (., 2 radius + 1); longer ones wrap around."""
    placed = np.zeros((sum(map(len, parts)), size), complex)
    first = 0
    for lines in parts:
        rows, radius = placed[first : first + len(lines)], lines.shape[1] // 2
        if 2 * radius < size:
            rows[:, : radius + 1] = lines[:, radius:]
            rows[:, size - radius :] = lines[:, :radius]
        else:
            np.add.at(rows.T, np.arange(-radius, radius + 1) % size, lines.T)
        first += len(lines)
    return np.fft.fft(placed)
