"""Transfer functions of a bank's kernels on the torus: products of lines, or whole planes.

A round kernel is a wave under a Gaussian less some of the Gaussian, and so is its transform::

    H(fy, fx) = turn (column(fy) row(fx) - dc gauss(fy) gauss(fx))

with real lines, as the kernel without its phase is the conjugate of its mirror image.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .filtering.engines.structures import available_here
from .filtering.engines.threads import available
from .gathering import Gatherer, Lines
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
        self._lines: dict[int, Lines] = {}
        self._gauss: list[tuple[RealArray, RealArray]] = []
        self._gatherers: dict[Any, Gatherer] = {}
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
            self._lines[k] = Lines(
                turn, columns[0], height * rows[0], places[of] if dc else -1, -dc[0] if dc else 0.0
            )
        others = [k for k in range(len(kernels)) if k not in self._lines]
        self._planes: dict[int, ComplexArray] = {}
        if 16 * len(others) * math.prod(shape) <= CACHE_BYTES:
            self._planes = {k: wrapped_transfer(kernels[k], shape, tolerance) for k in others}

    @property
    def nbytes(self) -> int:
        """Of what is kept."""
        lines = 8 * sum(self.shape) * (len(self._lines) + len(self._gauss))
        planes = sum(plane.nbytes for plane in self._planes.values())
        return lines + planes + sum(one.nbytes for one in self._gatherers.values())

    def planes(self) -> Iterator[ComplexArray]:
        """Transfer functions, complex128 (H, W) each, in the order of ``numpy.fft``."""
        yield from map(self._plane, range(len(self.kernels)))

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
        complex array (..., H, W // 2 + 1)
            Half of its even part, which is the transform of the real part of what it is the
            transform of; of the coefficients' precision.
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
        import scipy.fft

        dtype, compiled = half.dtype, self._lines if available_here() else {}
        half[...] = 0
        if compiled:
            if dtype not in self._gatherers:
                self._gatherers[dtype] = Gatherer(list(self._lines.values()), self._gauss, dtype)
            half += self._gatherers[dtype]([channels[k] for k in compiled])
        others = [k for k in range(len(self.kernels)) if k not in compiled]
        if not others:
            return
        total = np.zeros(self.shape, dtype)
        for k in others:
            transform = scipy.fft.fft2(channels[k], workers=available())
            total += self._plane(k).conj().astype(dtype) * transform
        rows, columns = half.shape
        mirrored = total[-np.arange(rows)[:, None], -np.arange(columns)]
        half += (total[:, :columns] + mirrored.conj()) / 2

    def _terms(self, lines: Lines) -> tuple[RealArray, RealArray]:
        """Columns (J, H) and rows (J, W) whose products' sum is a transfer function, not turned."""
        if not lines.dc:
            return lines.column[None], lines.row[None]
        column, row = self._gauss[lines.gauss]
        return np.stack([lines.column, column]), np.stack([lines.row, -lines.dc * row])

    def _plane(self, k: int) -> ComplexArray:
        if k in self._lines:
            columns, rows = self._terms(self._lines[k])
            return self._lines[k].turn * (columns.T @ rows)
        if k in self._planes:
            return self._planes[k]
        return wrapped_transfer(self.kernels[k], self.shape, self.tolerance)


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
