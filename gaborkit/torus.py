"""Transfer functions of a bank's kernels on the torus: products of lines, or whole planes.

A round kernel is a wave under a Gaussian less some of the Gaussian, and so is its transform::

    H(fy, fx) = turn (column(fy) row(fx) - dc gauss(fy) gauss(fx))

with real lines, as the kernel without its phase is the conjugate of its mirror image.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .filtering.engines.threads import available
from .kernels.base import Kernel
from .kernels.gabor import GaborKernel
from .kernels.parameters import number
from .types import ComplexArray, RealArray

#: Bytes of planes that are kept; larger ones are computed at each use.
CACHE_BYTES = 2**28

#: Share of a row's largest value from which on sums in single precision see it. Of an image's own
#: coefficients they lose the square of what is left out.
SEEN = 1e-6

# Numbers between the rows of what is transformed by columns: those of rows a power of two apart
# would take one another's place in the processor's memory.
_APART = 8

# Columns between two runs that are fewer are worked on too.
_GAP = 16


class _Lines(NamedTuple):
    """Of a round kernel: the column (H,) and the row (W,) of its wave; which Gaussian, and dc."""

    turn: complex
    column: RealArray
    row: RealArray
    gauss: int
    dc: float


class Torus:
    """Transfer functions of kernels on a torus.

    Parameters
    ----------
    kernels : sequence of K kernels
    shape : (H, W)
        Kernels that are larger are wrapped around it.
    tolerance : float
        As in :meth:`Kernel.sample`.
    """

    kernels: Sequence[Kernel]
    shape: tuple[int, int]
    tolerance: float

    def __init__(self, kernels: Sequence[Kernel], shape: tuple[int, int], tolerance: float) -> None:
        self.kernels, self.shape, self.tolerance = kernels, shape, tolerance
        self._lines: dict[int, _Lines] = {}
        self._gauss: list[tuple[RealArray, RealArray]] = []
        self._kept_bands: dict[Any, tuple[dict[int, _Bands], list[_Bands]]] = {}
        places: dict[Any, int] = {}
        for k, kernel in enumerate(kernels):
            if not (isinstance(kernel, GaborKernel) and kernel.separable):
                continue
            turn = cmath.exp(1j * number(kernel.phase))
            heights, *lines = kernel.factors(tolerance)
            columns, rows = (
                np.fft.fft(_folded(part, kernel.radius(tolerance), size), axis=-1).real
                for part, size in zip(lines, shape, strict=True)
            )
            height, *dc = (heights / turn).real
            of = kernel.radius(tolerance), number(kernel.sigma) * number(kernel.scale)
            if dc and of not in places:
                places[of] = len(self._gauss)
                self._gauss.append((columns[1], rows[1]))
            self._lines[k] = _Lines(
                turn, columns[0], height * rows[0], places.get(of, -1), -dc[0] if dc else 0.0
            )
        others = [k for k in range(len(kernels)) if k not in self._lines]
        self._planes: dict[int, ComplexArray] = {}
        if 16 * len(others) * math.prod(shape) <= CACHE_BYTES:
            self._planes = {k: wrapped_transfer(kernels[k], shape, tolerance) for k in others}

    @property
    def nbytes(self) -> int:
        """Of what is kept."""
        lines = 8 * sum(self.shape) * (len(self._lines) + len(self._gauss))
        return lines + sum(plane.nbytes for plane in self._planes.values())

    def planes(self) -> Iterator[ComplexArray]:
        """Transfer functions, complex128 (H, W) each, in the order of ``numpy.fft``."""
        for k in range(len(self.kernels)):
            if k in self._lines:
                columns, rows = self._terms(self._lines[k])
                yield self._lines[k].turn * (columns.T @ rows)
            else:
                yield self._plane(k)

    def power(self) -> RealArray:
        """Sum of the squared magnitudes, float64 (H, W)."""
        total, product = np.zeros(self.shape), np.empty(self.shape)
        for k in range(len(self.kernels)):
            if k in self._lines:
                columns, rows = self._terms(self._lines[k])
                np.matmul(columns.T, rows, out=product)
                total += np.multiply(product, product, out=product)
            else:
                plane = self._plane(k)
                total += plane.real**2 + plane.imag**2
        return total

    def gather(self, coefficients: ComplexArray) -> ComplexArray:
        """Sum over kernels of the conjugate transfer function times the channel's transform.

        Parameters
        ----------
        coefficients : complex array (..., K, H, W)

        Returns
        -------
        complex array (..., H, W)
            Of the coefficients' precision.
        """
        pictures = coefficients.reshape(-1, *coefficients.shape[-3:])
        totals = np.zeros((len(pictures), *self.shape), coefficients.dtype)
        for channels, total in zip(pictures, totals, strict=True):
            self._gather_one(channels, total)
        return totals.reshape(*coefficients.shape[:-3], *self.shape)

    def _gather_one(self, channels: ComplexArray, total: ComplexArray) -> None:
        """As :meth:`gather`, of one picture (K, H, W), added to a total (H, W)."""
        import scipy.fft

        dtype, (height, width) = total.dtype, self.shape
        waves, means = self._bands(dtype)
        scratch = _apart(height, width, dtype)  # new memory takes as long as a transform
        sums = [_apart(height, bands.width, dtype) for bands in means]
        for k, channel in enumerate(channels):
            if k not in self._lines:
                transform = scipy.fft.fft2(channel, workers=available())
                total += self._plane(k).conj().astype(dtype) * transform
                continue
            lines = self._lines[k]
            spectrum = scipy.fft.fft(channel, axis=-1, workers=available())
            for part, run in waves[k].runs:
                np.multiply(spectrum[:, run], waves[k].row[run], out=scratch[:, part])
            waves[k].add(scratch, total)
            weight = dtype.type(-lines.dc * lines.turn.conjugate())
            for part, run in means[lines.gauss].runs if lines.dc else ():
                sums[lines.gauss][:, part] += spectrum[:, run] * weight
        for bands, summed in zip(means, sums, strict=True):
            for part, run in bands.runs:
                summed[:, part] *= bands.row[run]
            bands.add(summed, total)

    def _bands(self, dtype: np.dtype[Any]) -> tuple[dict[int, _Bands], list[_Bands]]:
        """Of the kernels' waves, and of the Gaussians, as their precision sees them."""
        if dtype not in self._kept_bands:
            share = SEEN if dtype == np.complex64 else 0.0
            waves, largest = {}, [math.inf] * len(self._gauss)
            for k, (turn, column, row, gauss, dc) in self._lines.items():
                peak = abs(row).max()
                waves[k] = _Bands(column, turn.conjugate() * row, share * peak, dtype)
                if dc:
                    largest[gauss] = min(largest[gauss], peak / abs(dc))
            means = [
                _Bands(*lines, share * peak, dtype)
                for lines, peak in zip(self._gauss, largest, strict=True)
            ]
            self._kept_bands[dtype] = waves, means
        return self._kept_bands[dtype]

    def _terms(self, lines: _Lines) -> tuple[RealArray, RealArray]:
        """Columns (J, H) and rows (J, W) whose products' sum is a transfer function, not turned."""
        if not lines.dc:
            return lines.column[None], lines.row[None]
        column, row = self._gauss[lines.gauss]
        return np.stack([lines.column, column]), np.stack([lines.row, -lines.dc * row])

    def _plane(self, k: int) -> ComplexArray:
        if k in self._planes:
            return self._planes[k]
        return wrapped_transfer(self.kernels[k], self.shape, self.tolerance)


class _Bands:
    """A product of lines (H,) and (W,), and the runs of columns where its precision sees it.

    Attributes
    ----------
    runs : list of (slice, slice)
        Where each lies among the columns that are seen, and among all.
    width : int
        Columns that are seen.
    column, row : arrays (H, 1), (W,)
    """

    def __init__(self, column: Any, row: Any, least: float, dtype: np.dtype[Any]) -> None:
        self.column, self.row = column.astype(dtype)[:, None], row.astype(dtype)
        self.runs: list[tuple[slice, slice]] = []
        self.width = 0
        for run in _runs(abs(row) >= least):
            first, self.width = self.width, self.width + run.stop - run.start
            self.runs.append((slice(first, self.width), run))

    def add(self, rows: Any, total: Any) -> None:
        """Add to a total (H, W) the product's share, of rows' transforms (H, width or more)."""
        import scipy.fft

        if not self.width:
            return
        seen = rows[:, : self.width]
        seen = scipy.fft.fft(seen, axis=0, workers=available(), overwrite_x=True)
        np.multiply(seen, self.column, out=seen)
        for part, run in self.runs:
            total[:, run] += seen[:, part]


def wrapped_transfer(kernel: Kernel, shape: tuple[int, int], tolerance: float) -> ComplexArray:
    """Transform of the sampled kernel on the torus of ``shape``, complex128 (H, W).

    A kernel larger than the torus is wrapped around it.
    """
    radius = kernel.radius(tolerance)
    wrapped = _folded(_folded(kernel.sample(tolerance), radius, shape[1]).T, radius, shape[0]).T
    transform: ComplexArray = np.fft.fft2(wrapped)
    return transform


def _apart(height: int, width: int, dtype: np.dtype[Any]) -> Any:
    """Zeros (height, width) whose rows are no power of two apart."""
    return np.zeros((height, width + _APART), dtype)[:, :width]


def _runs(flags: NDArray[np.bool_]) -> list[slice]:
    """The runs of flags that are set, joined over short gaps."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    gaps = edges[1:-1].reshape(-1, 2)
    wide = gaps[gaps[:, 1] - gaps[:, 0] > _GAP]
    ends = np.concatenate([edges[:1], wide.ravel(), edges[-1:]])
    return [slice(*pair) for pair in ends.reshape(-1, 2).tolist()]


def _folded(array: ComplexArray, radius: int, size: int) -> ComplexArray:
    """Last axis, from -radius to radius, summed onto a circle of ``size``."""
    folded = np.zeros((size, array.shape[0]), complex)
    np.add.at(folded, np.arange(-radius, radius + 1) % size, array.T)
    return folded.T
