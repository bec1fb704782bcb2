"""Transfer functions of a bank's kernels on the torus: of round ones by lines, or whole planes."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .filtering.engines.structures import available_here
from .filtering.engines.threads import available
from .gathering import LEAST_SIDE, Gatherer, RoundTransfer
from .kernels.base import Kernel
from .kernels.gabor import GaborKernel
from .kernels.parameters import number
from .types import ComplexArray, RealArray

#: Bytes of planes that are kept; larger ones are computed at each use.
CACHE_BYTES = 2**28


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
        self._round: dict[int, RoundTransfer] = {}
        self._gaussians: list[tuple[RealArray, RealArray]] = []
        self._gatherers: dict[Any, Gatherer] = {}
        gaussian_of: dict[Any, int] = {}
        for k, kernel in enumerate(kernels):
            if not (isinstance(kernel, GaborKernel) and kernel.separable):
                continue
            phase_factor = cmath.exp(1j * number(kernel.phase))
            heights, *profiles = kernel.factors(tolerance)
            columns, rows = (
                np.fft.fft(_folded(part, kernel.radius(tolerance), size), axis=-1).real
                for part, size in zip(profiles, shape, strict=True)
            )
            height, dc = (*(heights / phase_factor).real, 0.0)[:2]
            gaussian = -1
            if dc:
                key = kernel.radius(tolerance), number(kernel.sigma) * number(kernel.scale)
                gaussian = gaussian_of.setdefault(key, len(self._gaussians))
                if gaussian == len(self._gaussians):
                    self._gaussians.append((columns[1], rows[1]))
            self._round[k] = RoundTransfer(
                phase_factor, columns[0], height * rows[0], gaussian, -float(dc)
            )
        others = [k for k in range(len(kernels)) if k not in self._round]
        self._planes: dict[int, ComplexArray] = {}
        if 16 * len(others) * math.prod(shape) <= CACHE_BYTES:
            self._planes = {k: wrapped_transfer(kernels[k], shape, tolerance) for k in others}

    def __getstate__(self) -> dict[str, Any]:
        """Without what compiled code reads, which is of this process."""
        return self.__dict__ | {"_gatherers": {}}

    @property
    def nbytes(self) -> int:
        """Of what is kept."""
        lines = 8 * sum(self.shape) * (len(self._round) + len(self._gaussians))
        # Copied: another thread may add one meanwhile.
        kept: list[Any] = [*self._planes.values(), *tuple(self._gatherers.values())]
        return lines + sum(one.nbytes for one in kept)

    def planes(self) -> Iterator[ComplexArray]:
        """Transfer functions, complex128 (H, W) each, in the order of ``numpy.fft``."""
        yield from map(self._plane, range(len(self.kernels)))

    def power(self) -> RealArray:
        """Sum of the squared magnitudes, float64 (H, W)."""
        total, product = np.zeros(self.shape), np.empty(self.shape)
        for k in range(len(self.kernels)):
            if k in self._round:
                columns, rows = self._terms(self._round[k])
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
        complex array (..., H, W // 2 + 1)
            The sum's Hermitian part, columns 0 to W // 2: ``rfft2`` of the real part of its inverse
            transform; of the coefficients' precision.
        """
        height, width = self.shape
        pictures = coefficients.reshape(-1, *coefficients.shape[-3:])
        dtype = coefficients.dtype.newbyteorder("=")
        halves = np.empty((len(pictures), height, width // 2 + 1), dtype)
        for channels, half in zip(pictures, halves, strict=True):
            self._gather_one(channels, half)
        return halves.reshape(*coefficients.shape[:-3], *halves.shape[1:])

    def _gather_one(self, channels: ComplexArray, half: ComplexArray) -> None:
        """As :meth:`gather`, of one picture (K, H, W)."""
        by_compiled_code = available_here() and min(self.shape) >= LEAST_SIDE
        dtype, compiled = half.dtype, self._round if by_compiled_code else {}
        if compiled:
            if dtype not in self._gatherers:
                round_ones = list(self._round.values())
                self._gatherers[dtype] = Gatherer(round_ones, self._gaussians, dtype)
            half[...] = self._gatherers[dtype]([channels[k] for k in compiled])
        else:
            half[...] = 0
        others = [k for k in range(len(self.kernels)) if k not in compiled]
        if others:
            half += _hermitian_half(self._gather_planes(channels, others, dtype))

    def _gather_planes(self, channels: ComplexArray, of: list[int], dtype: Any) -> ComplexArray:
        """The whole sum (H, W) over some kernels, by SciPy."""
        import scipy.fft

        total = np.zeros(self.shape, dtype)
        for k in of:
            spectrum = scipy.fft.fft2(channels[k], workers=available())
            total += self._plane(k).conj().astype(dtype) * spectrum
        return total

    def _terms(self, transfer: RoundTransfer) -> tuple[RealArray, RealArray]:
        """Columns (J, H) and rows (J, W) whose products' sum is it, but for the phase factor."""
        if transfer.gaussian < 0:
            return transfer.column[None], transfer.row[None]
        column, row = self._gaussians[transfer.gaussian]
        columns, rows = (transfer.column, column), (transfer.row, -transfer.dc * row)
        return np.stack(columns), np.stack(rows)

    def _plane(self, k: int) -> ComplexArray:
        if k in self._round:
            columns, rows = self._terms(self._round[k])
            return self._round[k].phase_factor * (columns.T @ rows)
        if k in self._planes:
            return self._planes[k]
        return wrapped_transfer(self.kernels[k], self.shape, self.tolerance)


def _hermitian_half(spectrum: ComplexArray) -> ComplexArray:
    height, width = spectrum.shape
    half = width // 2 + 1
    mirrored = spectrum[-np.arange(height)[:, None], -np.arange(half)]
    result: ComplexArray = (spectrum[:, :half] + mirrored.conj()) / 2
    return result


def wrapped_transfer(kernel: Kernel, shape: tuple[int, int], tolerance: float) -> ComplexArray:
    """Transform of the sampled kernel on the torus of ``shape``, complex128 (H, W).

    A kernel larger than the torus is wrapped around it.
    """
    radius = kernel.radius(tolerance)
    wrapped = _folded(_folded(kernel.sample(tolerance), radius, shape[1]).T, radius, shape[0]).T
    transform: ComplexArray = np.fft.fft2(wrapped)
    return transform


def _folded(array: ComplexArray, radius: int, size: int) -> ComplexArray:
    """Last axis, from -radius to radius, summed onto a circle of ``size``."""
    folded = np.zeros((size, array.shape[0]), complex)
    np.add.at(folded, np.arange(-radius, radius + 1) % size, array.T)
    return folded.T
