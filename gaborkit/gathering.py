"""Sums of channels by the transfer functions of round kernels, by compiled code.

Channels are transformed along y, then along x only where a kernel sees their rows: of most
frequencies a precision sees nothing.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .filtering.engines import scratch
from .filtering.engines.lanes import Pointed, transform
from .filtering.engines.structures import Gathering, performers
from .filtering.engines.threads import available, in_threads
from .types import Array, ComplexArray, RealArray

#: Share of a transfer function's largest value from which on sums of a precision see it. Of an
#: image's own coefficients they lose the square of what is left out.
SEEN = {np.dtype(np.complex64): 5e-7, np.dtype(np.complex128): 1e-16}

#: Columns are padded to a multiple of SPAN_SIZE of transforms.h, which is 8 or 16.
SPAN_SIZE = 16

#: Rows and columns from which on compiled code is the faster: of fewer most lanes are empty.
LEAST_SIDE = 4

#: Kernels that a thread takes at least. It works in as much memory as two channels and, for all
#: Gaussians of its kernels together, the rows in which these are seen.
KERNELS_PER_THREAD = 4


class RoundTransfer(NamedTuple):
    """Transfer function of a round Gabor kernel on a torus.

    Such a kernel is a wave under a Gaussian less some of the Gaussian, and so is its transform::

        H(fy, fx) = phase_factor (column(fy) row(fx) - dc gauss(fy) gauss(fx))

    with real columns and rows, as the kernel without its phase is the conjugate of its mirror
    image.

    Attributes
    ----------
    phase_factor : complex
        ``exp(i phase)`` of the kernel.
    column, row : float64 arrays (H,), (W,)
        Of the wave, in the order of ``numpy.fft``.
    gaussian : int
        Which of the bank's Gaussians; -1 if none is taken off.
    dc : float
        How much of it.
    """

    phase_factor: complex
    column: RealArray
    row: RealArray
    gaussian: int
    dc: float


class Gatherer:
    """What compiled code reads of some kernels, in one precision.

    Parameters
    ----------
    kernels : sequence of K RoundTransfer
    gaussians : sequence of (column, row)
    dtype : complex64 or complex128
        Of the channels.
    """

    def __init__(
        self,
        kernels: Sequence[RoundTransfer],
        gaussians: Sequence[tuple[RealArray, RealArray]],
        dtype: Any,
    ) -> None:
        self.dtype, real = np.dtype(dtype), np.dtype(dtype).type(0).real.dtype
        self._functions, self._pointed = performers().in_lanes[real.name], Pointed()
        products = [(kernel.column, kernel.row) for kernel in kernels] + list(gaussians)
        height, width = self.shape = len(products[0][0]), len(products[0][1])
        columns = np.zeros((len(products), -(-height // SPAN_SIZE) * SPAN_SIZE))
        columns[:, :height] = [column for column, _ in products]
        rows = np.array([row for _, row in products], complex)
        # Conjugate transfer functions, and so conjugate factors.
        factors = np.array([kernel.phase_factor.conjugate() for kernel in kernels])
        rows[: len(kernels)] *= factors[:, None]
        gauss = [kernel.gaussian for kernel in kernels]
        weights = -factors * [kernel.dc for kernel in kernels]
        self._gathering = Gathering(
            down=transform(height, real, self._pointed),
            across=transform(width, real, self._pointed),
            columns=self._pointed.array(columns, real),
            rows=self._pointed.array(rows, dtype),
            arcs=self._pointed.array(self._arcs(kernels, products), np.int32),
            gauss=self._pointed.array(gauss, np.int32),
            weights=self._pointed.array(weights, dtype),
            stride=columns.shape[1],
            kernel_count=len(kernels),
            gaussian_count=len(gaussians),
        )

    def _arcs(
        self, kernels: Sequence[RoundTransfer], products: Sequence[tuple[RealArray, RealArray]]
    ) -> list[tuple[int, int, int, int]]:
        """Arcs of rows and of columns in which the precision sees a product of both."""
        peaks = [(_peak(column), _peak(row)) for column, row in products]
        thresholds = [SEEN[self.dtype] * down * across for down, across in peaks]
        # A Gaussian is seen beside the waves that it is taken off.
        for place in range(len(kernels), len(products)):
            users = [k for k, one in enumerate(kernels) if one.gaussian == place - len(kernels)]
            thresholds[place] = min(thresholds[k] / abs(kernels[k].dc) for k in users)
        return [
            (*_arc(abs(column) * across >= threshold), *_arc(abs(row) * down >= threshold))
            for (column, row), (down, across), threshold in zip(
                products, peaks, thresholds, strict=True
            )
        ]

    @property
    def nbytes(self) -> int:
        """Of what compiled code reads."""
        return self._pointed.nbytes

    def __call__(self, channels: Sequence[ComplexArray]) -> ComplexArray:
        """The sum over kernels of the conjugate transfer function times the channel's transform.

        Parameters
        ----------
        channels : K arrays (H, W)

        Returns
        -------
        array (H, W // 2 + 1)
            Its Hermitian part, columns 0 to W // 2.
        """
        channels = [np.ascontiguousarray(channel, self.dtype) for channel in channels]
        addresses = (ctypes.c_void_p * len(channels))(*(one.ctypes.data for one in channels))
        gathering, (height, width) = ctypes.addressof(self._gathering), self.shape
        pieces = min(available(), max(1, len(channels) // KERNELS_PER_THREAD))
        ends = [len(channels) * piece // pieces for piece in range(pieces + 1)]
        halves = np.empty((pieces, height, width // 2 + 1), self.dtype)

        def gather(piece: int) -> None:
            kernels = ends[piece], ends[piece + 1]
            memory = scratch.take(self._functions.gather_memory(gathering, *kernels))
            self._functions.gather(
                gathering, addresses, halves[piece].ctypes.data, memory.ctypes.data, *kernels
            )
            scratch.give_back(memory)

        in_threads(gather, range(pieces), pieces)
        for half in halves[1:]:
            halves[0] += half
        return halves[0]


def _peak(profile: RealArray) -> float:
    return float(abs(profile).max())


def _arc(seen: Array) -> tuple[int, int]:
    """First place and length of the shortest arc of a circle that holds all that is seen.

    Examples
    --------
    >>> _arc(np.array([True, True, False, False, False, True]))
    (5, 3)
    """
    places = np.flatnonzero(seen)
    if not len(places):
        return 0, 0
    gaps = np.diff(places, append=places[0] + len(seen))
    widest = int(gaps.argmax())
    first = int(places[(widest + 1) % len(places)])
    return first, len(seen) - int(gaps[widest]) + 1
