"""Row passes, column passes and a mix, compiled: a picture is read once, a response written once.

The work is done by ``passes.h``; here its tables are laid out and its pieces cut.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernel import Kernel
from ..sinks import Sink, Stored, Summed
from ..types import Array, Boundary, RealArray
from .compiled import (
    TILE_BYTES,
    Bank,
    Job,
    address,
    contiguous,
    function,
    job_of,
    picture_of,
    run,
    sources,
)
from .factorization import Factorization
from .threads import available

#: Share of a kernel's L2 norm that a low-rank factorization may leave out.
ACCURACY = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-15}

#: Pieces of a picture for each thread, so that none waits long for the last one.
PIECES = 4


def respond(
    images: RealArray,
    levels: RealArray,
    boundary: Boundary,
    kernels: Sequence[Kernel],
    places: Sequence[int],
    tolerance: float,
    sink: Sink,
) -> None:
    """Convolve with kernels of one radius by their common factorization.

    Parameters
    ----------
    images : float array (B, H, W)
    levels : array (B,)
        Taken off each image; what kernels with DC answer to it is added again.
    kernels, places : sequences of Kernel and int
        And where in the bank they are.
    sink : Sink
        Of a part that the compiled code knows, and of the precision of the images.
    """
    if not len(images):
        return
    tables = Tables.of(tuple(kernels), tolerance, images.dtype)
    if tables.factorization.cancels and images.dtype == np.float32:
        wide = np.empty((len(kernels), *images.shape), np.complex128)
        stored = Stored("complex", dict(enumerate(wide)))
        double = images.astype(np.float64)
        respond(double, levels, boundary, kernels, range(len(kernels)), tolerance, stored)
        for k, response in zip(places, wide, strict=True):
            sink.take(k, response.astype(np.complex64))
        return
    _, height, width = images.shape
    radius = tables.radius
    rows, columns = (sources(n, -radius, n + radius, boundary) for n in (height, width))
    job, kept = job_of(sink, places)
    sums = apply(tables, images, rows, columns, levels, job)
    del kept
    if isinstance(sink, Summed):
        sink.sums[:, list(places)] += sums


def apply(
    tables: Tables, images: RealArray, rows: Array, columns: Array, levels: RealArray, job: Job
) -> RealArray:
    """Do a job: responses of size (len(rows) - 2 radius, len(columns) - 2 radius).

    Parameters
    ----------
    rows, columns : int64 arrays
        Source of each padded row and column; -1 is a zero.

    Returns
    -------
    float64 array (B, K, 2)
        Sums of a job that sums up.
    """
    images = contiguous(images)
    height, width = (len(lines) - 2 * tables.radius for lines in (rows, columns))
    tile = TILE_BYTES // images.itemsize
    columns = np.concatenate([columns, np.zeros(tile, np.int64)])
    biases = np.ascontiguousarray(tables.biases(levels), images.dtype)
    levels = np.ascontiguousarray(levels, np.float64)
    picture = picture_of(images, rows, columns, levels)
    picture.height, picture.width = height, width
    tiles = len(images) * -(-width // tile)
    # Bands repeat the row passes above and below them.
    bands = min(-(-PIECES * available() // tiles), max(1, height // (2 * tables.radius + 16)))
    job.band = -(-height // bands)
    bank = tables.bank(biases)
    call = function("filter", images.dtype)
    sums = np.zeros((available(), len(images), tables.kernels, 2))
    run(
        lambda thread, taken: call(bank, picture, job, taken, address(sums[thread])),
        tiles * bands,
        height * width * len(images) * sum(tables.passes) * tables.radius,
        len(sums),
    )
    return sums.sum(0)


class Tables:
    """A factorization, laid out as the compiled code reads it.

    Parameters
    ----------
    heights : tuple of float
        Factors of the responses.
    """

    def __init__(
        self, kernels: tuple[Kernel, ...], tolerance: float, dtype: Any, heights: tuple[float, ...]
    ) -> None:
        self.factorization = parts = Factorization.of(kernels, tolerance, ACCURACY[dtype])
        self.radius = parts.rows.shape[1] // 2
        self.kernels = len(kernels)
        free = np.array([kernel.is_dc_free for kernel in kernels])
        self.gains = np.where(free, 0, parts.gains) * (heights or 1)
        taps: list[RealArray] = []
        row_groups, row_order = _groups(parts.rows, parts.odd_rows, 0, 0, taps)
        column_groups: list[tuple[int, ...]] = []
        order: list[int] = []
        for source, row in enumerate(row_order):
            members = [p for p, (f, _) in enumerate(parts.products) if f == row]
            filters = [parts.products[p][1] for p in members]
            lines, odd = parts.columns[filters], parts.odd_columns[filters]
            groups, within = _groups(lines, odd, source, len(order), taps)
            column_groups += groups
            order += [members[i] for i in within]
        # Real and imaginary part of each kernel in turn, without the zeros.
        mix = parts.mix[np.arange(2 * self.kernels).reshape(2, -1).T.ravel()][:, order]
        if heights:
            mix = mix * np.repeat(heights, 2)[:, None]
        used = abs(mix) > 1e-16 * abs(mix).max()
        self.groups = np.array(row_groups + column_groups, np.int32)
        self.row_groups, self.column_groups = len(row_groups), len(column_groups)
        self.taps = np.concatenate(taps).astype(dtype)
        self.starts = np.concatenate([[0], used.sum(1).cumsum()]).astype(np.int32)
        self.terms = used.nonzero()[1].astype(np.int32)
        self.weights = mix[used].astype(dtype)

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def of(
        kernels: tuple[Kernel, ...], tolerance: float, dtype: Any, heights: tuple[float, ...] = ()
    ) -> Tables:
        """The tables of a bank; the last few are kept."""
        return Tables(kernels, tolerance, dtype, heights)

    @property
    def passes(self) -> tuple[int, int]:
        """Row passes and column passes."""
        return len(self.factorization.rows), len(self.factorization.products)

    def biases(self, levels: RealArray) -> RealArray:
        """Real and imaginary part of what each kernel answers to the level, (B, K, 2)."""
        answers = np.multiply.outer(levels, self.gains)
        return np.stack([answers.real, answers.imag], axis=2)

    def bank(self, biases: RealArray) -> Bank:
        """The structure, for (B, K, 2) values that are added to the responses."""
        return Bank(
            radius=self.radius,
            row_filters=len(self.factorization.rows),
            products=len(self.factorization.products),
            kernels=self.kernels,
            row_groups=self.row_groups,
            column_groups=self.column_groups,
            groups=address(self.groups),
            taps=address(self.taps),
            starts=address(self.starts),
            terms=address(self.terms),
            weights=address(self.weights),
            biases=address(biases),
        )


def _groups(
    lines: RealArray, odd: Array, source: int, first: int, taps: list[RealArray]
) -> tuple[list[tuple[int, ...]], list[int]]:
    """Groups of at most two even and two odd filters, and the order that this puts them in.

    Their taps (radius + 1, filter) are appended to ``taps``.
    """
    groups: list[tuple[int, ...]] = []
    order: list[int] = []
    evens, odds = (np.flatnonzero(which).tolist() for which in (~odd, odd))
    while evens or odds:
        members = evens[:2] + odds[:2]
        place = sum(map(len, taps))
        groups.append((source, first + len(order), len(evens[:2]), len(odds[:2]), place))
        taps.append(lines[members, lines.shape[1] // 2 :].T.ravel())
        order += members
        evens, odds = evens[2:], odds[2:]
    return groups, order
