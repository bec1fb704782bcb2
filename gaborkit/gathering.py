"""Sums over kernels of the conjugate transfer function times a channel's transform, compiled.

Channels are transformed along y, then along x only where a kernel sees them: its transfer function
is a product of lines, and of most frequencies its precision sees nothing.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .filtering.engines.lanes import Pointed, block, give_back
from .filtering.engines.structures import Gathering, performers
from .filtering.engines.threads import available, in_threads
from .types import Array, ComplexArray, RealArray

#: Share of a line's largest value from which on sums of a precision see it. Of an image's own
#: coefficients they lose the square of what is left out.
SEEN = {np.dtype(np.complex64): 5e-7, np.dtype(np.complex128): 1e-16}

#: Columns end where lanes do, of which no registers have more.
MOST_LANES = 16

#: Kernels that a thread takes: it works in as much memory as three or four channels.
LEAST = 4


class Lines(NamedTuple):
    """The transfer function ``turn (column(fy) row(fx) - dc gauss(fy) gauss(fx))`` of a kernel.

    Attributes
    ----------
    turn : complex
        Of its phase.
    column, row : arrays (H,), (W,)
    gauss : int
        Which Gaussian; -1 if there is none.
    dc : float
    """

    turn: complex
    column: RealArray
    row: RealArray
    gauss: int
    dc: float


class Gatherer:
    """What the compiled code reads of some kernels, in one precision.

    Parameters
    ----------
    kernels : sequence of Lines
    gaussians : sequence of (column, row)
    dtype : complex64 or complex128
        Of the channels.
    """

    def __init__(
        self, kernels: Sequence[Lines], gaussians: Sequence[tuple[RealArray, RealArray]], dtype: Any
    ) -> None:
        self.dtype, real = np.dtype(dtype), np.dtype(dtype).type(0).real.dtype
        self._functions, self._pointed = performers().in_lanes[real.name], Pointed()
        lines = [(kernel.column, kernel.row) for kernel in kernels] + list(gaussians)
        height, width = self.shape = len(lines[0][0]), len(lines[0][1])
        columns = np.zeros((len(lines), -(-height // MOST_LANES) * MOST_LANES))
        columns[:, :height] = [column for column, _ in lines]
        turns = [kernel.turn.conjugate() for kernel in kernels]
        rows = [row for _, row in lines] * np.array([*turns, *[1] * len(gaussians)])[:, None]
        self._gathering = Gathering(
            down=self._pointed.transform(height, real),
            across=self._pointed.transform(width, real),
            columns=self._pointed.address(columns, real),
            rows=self._pointed.address(rows, dtype),
            intervals=self._pointed.address(self._intervals(kernels, lines), np.int32),
            gauss=self._pointed.address([kernel.gauss for kernel in kernels], np.int32),
            weights=self._pointed.address(
                [-kernel.dc * turn for kernel, turn in zip(kernels, turns, strict=True)], dtype
            ),
            stride=columns.shape[1],
            kernels=len(kernels),
            gaussians=len(gaussians),
        )

    def _intervals(
        self, kernels: Sequence[Lines], lines: Sequence[tuple[RealArray, RealArray]]
    ) -> list[tuple[int, int, int, int]]:
        """Arcs of rows and of columns in which the precision sees a product of lines."""
        peaks = [(_peak(column), _peak(row)) for column, row in lines]
        least = [SEEN[self.dtype] * down * across for down, across in peaks]
        # A Gaussian is seen beside the waves that it is taken off.
        for place in range(len(kernels), len(lines)):
            users = [k for k, kernel in enumerate(kernels) if kernel.gauss == place - len(kernels)]
            least[place] = min(least[k] / abs(kernels[k].dc) for k in users)
        return [
            (*_arc(abs(column) * across >= smallest), *_arc(abs(row) * down >= smallest))
            for (column, row), (down, across), smallest in zip(lines, peaks, least, strict=True)
        ]

    @property
    def nbytes(self) -> int:
        """Of the arrays."""
        return sum(array.nbytes for array in self._pointed.arrays)

    def __call__(self, channels: Sequence[ComplexArray]) -> ComplexArray:
        """The even half of the sum, (H, W // 2 + 1), of a channel (H, W) of each kernel."""
        channels = [np.ascontiguousarray(channel, self.dtype) for channel in channels]
        places = (ctypes.c_void_p * len(channels))(*(one.ctypes.data for one in channels))
        work, (height, width) = ctypes.addressof(self._gathering), self.shape
        pieces = min(available(), max(1, len(channels) // LEAST))
        ends = [len(channels) * piece // pieces for piece in range(pieces + 1)]
        halves = np.empty((pieces, height, width // 2 + 1), self.dtype)

        def gather(piece: int) -> None:
            memory = block(self._functions.gather_memory(work))
            self._functions.gather(
                work,
                places,
                halves[piece].ctypes.data,
                memory.ctypes.data,
                ends[piece],
                ends[piece + 1],
            )
            give_back(memory)

        in_threads(gather, range(pieces), pieces)
        for half in halves[1:]:
            halves[0] += half
        return halves[0]


def _peak(line: RealArray) -> float:
    return float(abs(line).max())


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
    widest = len(gaps) - 1 - int(gaps[::-1].argmax())
    first = int(places[(widest + 1) % len(places)])
    return first, len(seen) - int(gaps[widest]) + 1
