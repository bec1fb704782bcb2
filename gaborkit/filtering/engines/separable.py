"""Row passes, column passes and a mix, compiled: a picture is read once, a response written once.

The work is done by ``passes.h``; here its tables are laid out and its pieces cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...caches import keep
from ...kernels.base import Kernel
from ...types import Array, RealArray
from .. import costs
from ..sinks import Sink, Values
from .base import Cost, Work
from .batch import Batch
from .compiled import TILE_BYTES, Program, sources
from .compiled_engine import CompiledEngine, cost_of, mixed, shared
from .factorization import ACCURACY, Factorization, Set, factorized_together
from .structures import Bank, Filtering, Job

#: Pieces of a picture for each thread, so that none waits long for the last one.
PIECES = 4


class Separable(CompiledEngine):
    """Row passes and column passes, which the kernels of a set share."""

    name = "separable"

    def cost(self, work: Work) -> Cost:
        """By the passes and the products that are mixed."""
        rows, columns, _, _, sets = work.passes
        wide = -(-work.width // (tile := TILE_BYTES // (8 if work.double else 4))) * tile
        pixels = work.images * work.height * wide
        grown = pixels + 2 * work.images * work.radius * wide  # rows above and below
        column = costs.COLUMN * (1 if work.separable else costs.SPARSE)
        filtered = (work.radius + 1) * (costs.TAP * rows * grown + column * columns * pixels)
        written = costs.WRITE * mixed(work) * work.pixels
        element = shared(filtered + written, filtered / costs.TAP, work.threads)
        return cost_of(work, element, costs.BEGIN + costs.STAGE * sets, 2 * work.radius + 1)

    def details(self, kernels: Sequence[Kernel], tolerance: float, double: bool) -> str:
        """How many passes."""
        return passes_text(kernels, tolerance, double)

    def stages(self, program: Program, batch: Batch, sets: Sequence[Set], sink: Sink) -> None:
        """A stage each set, those whose terms nearly cancel in double precision."""
        images, levels = program.images, batch.levels
        part = sink.part if sink.part in ("real", "imag") else "complex"
        for kernels, places in sets:
            tables = Tables.of(tuple(kernels), batch.tolerance, images.dtype, (), part)
            if tables.factorization.cancels and images.dtype == np.float32:
                self._in_double(program, batch, (kernels, places), sink)
                continue
            ends = -tables.radius, tables.radius
            rows, columns = (
                sources(n, ends[0], n + ends[1], batch.boundary) for n in images.shape[1:]
            )
            add(program, tables, images, rows, columns, levels, program.job(sink, places))

    def _in_double(self, program: Program, batch: Batch, one: Set, sink: Sink) -> None:
        """Hand a sink the responses of one set, found in double precision."""
        kernels, places = one
        wide = np.empty((len(kernels), *program.images.shape), np.complex128)
        values = Values("complex", dict(enumerate(wide)))
        double = Program(program.images.astype(np.float64))
        self.stages(double, batch, [(kernels, list(range(len(kernels))))], values)
        double.run()
        for k, response in zip(places, wide, strict=True):
            sink.take(k, response.astype(np.complex64))


def passes_text(kernels: Sequence[Kernel], tolerance: float, double: bool) -> str:
    """How many row and column passes kernels of one radius take, in words."""
    rows = columns = 0
    for members, _ in factorized_together(kernels):
        dtype = np.dtype(np.float64 if double else np.float32)
        passes = Tables.of(tuple(members), tolerance, dtype, (), "complex").passes
        rows, columns = rows + passes[0], columns + passes[1]
    return f", {rows} row and {columns} column passes"


def add(
    program: Program,
    tables: Tables,
    images: RealArray,
    rows: Array,
    columns: Array,
    levels: RealArray,
    job: Job,
    after: int = -1,
) -> int:
    """A stage for responses of size (len(rows) - 2 radius, len(columns) - 2 radius).

    Parameters
    ----------
    rows, columns : int64 arrays
        Source of each padded row and column; -1 is a zero.
    levels : float64 array (B,)
        Taken off each image; what kernels with DC answer to it is added again.
    """
    height, width = (len(lines) - 2 * tables.radius for lines in (rows, columns))
    tile = TILE_BYTES // images.itemsize
    columns = np.concatenate([columns, np.zeros(tile, np.int64)])
    picture = program.picture(images, rows, columns, levels)
    picture.height, picture.width = height, width
    tiles = len(images) * -(-width // tile)
    # Bands repeat the row passes above and below them.
    bands = min(-(-PIECES * program.threads // tiles), max(1, height // (2 * tables.radius + 16)))
    job.band = -(-height // bands)
    program.references.append(tables)
    bank = tables.bank(program.keep(tables.biases(levels).astype(images.dtype)))
    pieces = tiles * -(-height // job.band)
    products = height * width * len(images) * sum(tables.passes) * tables.radius
    return program.add(Filtering(bank, picture, job), "filter", pieces, after, products)


class Tables:
    """A factorization, laid out as the compiled code reads it.

    Parameters
    ----------
    heights : tuple of float
        Factors of the responses.
    part : {"complex", "real", "imag"}
        What is wanted of the responses: the rest is left out.
    """

    factorization: Factorization
    radius: int
    kernels: int
    gains: RealArray
    groups: NDArray[np.int32]
    row_groups: int
    column_groups: int
    passes: tuple[int, int]
    taps: RealArray
    starts: NDArray[np.int32]
    terms: NDArray[np.int32]
    weights: RealArray
    nbytes: int

    def __init__(
        self,
        kernels: tuple[Kernel, ...],
        tolerance: float,
        dtype: Any,
        heights: tuple[float, ...],
        part: str,
    ) -> None:
        self.factorization = parts = Factorization.of(
            kernels, tolerance, ACCURACY[dtype == np.float64]
        )
        self.radius = parts.rows.shape[1] // 2
        self.kernels = len(kernels)
        free = np.array([kernel.is_dc_free for kernel in kernels])
        self.gains = np.where(free, 0, parts.gains) * (heights or 1)
        # Real and imaginary part of each kernel in turn.
        mix = parts.mix[np.arange(2 * self.kernels).reshape(2, -1).T.ravel()]
        if heights:
            mix = mix * np.repeat(heights, 2)[:, None]
        # Of both parts of a kernel, whatever the others' size.
        largest = abs(mix).reshape(self.kernels, -1).max(1).repeat(2)
        used = abs(mix) > 1e-16 * largest[:, None]
        if part != "complex" and used[part == "imag" :: 2].any():
            used[part == "real" :: 2] = False
        taps: list[RealArray] = []
        products: dict[int, list[int]] = {}  # of each row
        for p in np.flatnonzero(used.any(0)).tolist():
            products.setdefault(parts.products[p][0], []).append(p)
        needed = sorted(products)
        row_groups, row_order = _groups(parts.rows[needed], parts.odd_rows[needed], 0, 0, taps)
        column_groups: list[tuple[int, ...]] = []
        order: list[int] = []
        for source, row in enumerate(row_order):
            members = products[needed[row]]
            filters = [parts.products[p][1] for p in members]
            lines, odd = parts.columns[filters], parts.odd_columns[filters]
            groups, within = _groups(lines, odd, source, len(order), taps)
            column_groups += groups
            order += [members[i] for i in within]
        mix, used = mix[:, order], used[:, order]
        self.groups = np.array(row_groups + column_groups, np.int32)
        self.row_groups, self.column_groups = len(row_groups), len(column_groups)
        #: Row passes and column passes.
        self.passes = len(needed), len(order)
        self.taps = np.concatenate(taps).astype(dtype)
        self.starts = np.concatenate([[0], used.sum(1).cumsum()]).astype(np.int32)
        self.terms = used.nonzero()[1].astype(np.int32)
        self.weights = mix[used].astype(dtype)
        arrays = (self.groups, self.taps, self.starts, self.terms, self.weights)
        #: With the factorization's.
        self.nbytes = parts.nbytes + sum(array.nbytes for array in arrays)
        self._addresses = [int(array.ctypes.data) for array in arrays]

    @staticmethod
    @keep
    def of(
        kernels: tuple[Kernel, ...],
        tolerance: float,
        dtype: Any,
        heights: tuple[float, ...],
        part: str,
    ) -> Tables:
        """The tables of a bank; the last few are kept."""
        return Tables(kernels, tolerance, dtype, heights, part)

    def biases(self, levels: RealArray) -> RealArray:
        """Real and imaginary part of what each kernel answers to the level, (B, K, 2)."""
        answers = np.multiply.outer(levels, self.gains)
        return np.stack([answers.real, answers.imag], axis=2)

    def bank(self, biases: int) -> Bank:
        """The structure, for (B, K, 2) values at an address that are added to the responses."""
        sizes = (self.radius, *self.passes, self.row_groups, self.column_groups)
        return Bank(*sizes, *self._addresses, biases)


def _groups(
    lines: RealArray, odd: Array, source: int, first: int, taps: list[RealArray]
) -> tuple[list[tuple[int, ...]], list[int]]:
    """Groups of at most two even and two odd filters, and the order that this puts them in.

    Their taps (radius + 1, filter) are appended to ``taps``.
    """
    groups: list[tuple[int, ...]] = []
    order: list[int] = []
    offset = sum(map(len, taps))
    right = lines[:, lines.shape[1] // 2 :]
    parities = odd.tolist()
    evens, odds = ([i for i, one in enumerate(parities) if one == which] for which in (False, True))
    while evens or odds:
        members = evens[:2] + odds[:2]
        groups.append((source, first + len(order), len(evens[:2]), len(odds[:2]), offset))
        taps.append(right[members].T.ravel())
        offset += len(taps[-1])
        order += members
        evens, odds = evens[2:], odds[2:]
    return groups, order
