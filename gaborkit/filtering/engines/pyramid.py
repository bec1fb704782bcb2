"""Wide kernels on halved pictures, compiled: the time no longer grows with the kernel.

A wide kernel answers only to low frequencies. The picture is low-passed and halved as often as
they allow; narrow kernels filter what is left; the responses are doubled again by interpolation.
Half-band filters do both: every other of their taps is zero, so half of the doubled samples are the
coarse ones themselves.

References
----------
Crochiere and Rabiner (1983), "Multirate Digital Signal Processing", sections 4.3 and 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...caches import keep
from ...kernels.base import Kernel
from ...kernels.gabor import GaborKernel
from ...kernels.parameters import number
from ...types import Array, Boundary, RealArray
from .. import costs
from ..sinks import Sink
from . import separable
from .base import Cost, Region, Work
from .batch import Batch
from .compiled import DOUBLED, LINES, SLACK, TILE_BYTES, Program, sources
from .compiled_engine import CompiledEngine, cost_of, mixed, shared
from .factorization import Set
from .half_band import EDGE, edge_of, half_band, halvings
from .separable import Tables
from .structures import Doubling, Halving, Job

#: Of the coarse kernels: they are cheap, so that the error comes from the filters alone.
TOLERANCE = 1e-6

#: Positions from the first to the one behind the last.
Span = tuple[int, int]

#: Bytes of coarse responses that are held at a time.
SLAB_BYTES = 2**25


class Pyramid(CompiledEngine):
    """Wide Gabor kernels in single precision, by halved pictures."""

    name = "pyramid"
    whole_kernels = True

    def refusal(self, work: Work) -> str:
        """Others have no use of halved pictures, or too few digits."""
        if refused := super().refusal(work):
            return refused
        wide = not work.double and halvings(work.kernels)
        return "" if wide else not_wide(work)

    def scratch(self, region: Region) -> int:
        """Halved pictures, and coarse responses."""
        return region.itemsize * region.grown + 2 * SLAB_BYTES

    def cost(self, work: Work) -> Cost:
        """By the pixels that are halved and doubled."""
        count = len(work.kernels)
        depth = halvings(work.kernels)
        rows, columns, _, _, sets = work.passes
        sides = (work.height, work.width)
        grown = work.images * math.prod(extent(work.kernels, work.radius, n) for n in sides)
        coarse = grown / 4**depth
        filtered = costs.TAP * (work.radius / 2**depth + 4) * (rows + columns)
        filtered += costs.WRITE * mixed(work)
        doubled = costs.DOUBLE * count * (work.pixels + (grown / 3 if depth > 1 else 0))
        element = coarse * filtered + doubled + costs.HALVE * grown
        element = shared(element, work.pixels * count, work.threads)
        call = costs.BEGIN + costs.STAGE * (2 * depth + sets * (1 + depth))
        # Halved pictures, and rows in between.
        halved = work.bytes_per_pixel * grown // 4
        return cost_of(work, element, call, 2 * work.radius // 2**depth + 1, halved)

    def stages(self, program: Program, batch: Batch, sets: Sequence[Set], sink: Sink) -> None:
        """All sets by the same halved pictures."""
        respond(program, batch.levels, batch.boundary, sets, sink)


def not_wide(work: Work) -> str:
    """Why an engine for wide kernels does not do this."""
    return (
        f"engine='pyramid' filters single precision with wide Gabor kernels, not "
        f"{'float64' if work.double else 'float32'} with {work.kernels[0].label}; choose auto"
    )


def filters(kernels: Sequence[Kernel]) -> list[RealArray]:
    """Taps of the filters between the grids, see :func:`half_band`, from the picture's on."""
    depth = halvings(kernels)
    # Few designs serve all: the edge is rounded up on the coarsest grid that is halved.
    steps = 200 * 2 ** (depth - 1)
    edge = math.ceil(steps * max(map(edge_of, kernels))) / steps
    return [half_band(min(edge * 2**level, EDGE)) for level in range(depth)]


def extent(kernels: Sequence[Kernel], radius: int, side: int) -> int:
    """Pixels along a side of the picture that are halved for these kernels, with the outside.

    Examples
    --------
    >>> kernel = GaborKernel(wavelength=32, sigma=16)
    >>> extent([kernel], kernel.radius(), 512)
    872
    """
    taps = filters(kernels)
    low, high = _read((0, side), taps, -(-radius // 2 ** len(taps)))
    for line in reversed(taps):
        low, high = 2 * low - 2 * len(line), 2 * high + 2 * len(line)
    return high - low


def _read(span: Span, taps: Sequence[RealArray], radius: int) -> Span:
    """Coarse positions that coarse kernels of a radius read for positions of the picture."""
    for line in taps:
        span = _coarser(span, len(line))
    return span[0] - radius, span[1] + radius


def respond(
    program: Program,
    levels: RealArray,
    boundary: Boundary,
    sets: Sequence[tuple[Sequence[Any], Sequence[int]]],
    sink: Sink,
) -> None:
    """Have a program convolve with wide Gabor kernels, all by the same halved pictures.

    Parameters
    ----------
    program : Program
        Of the images.
    levels : float64 array (B,)
        Taken off each image; what kernels with DC answer to it is added again.
    sink : Sink
        Of a part that the compiled code knows, and of the precision of the images.
    sets : sequence of (kernels, places)
        Kernels that are factorized together, and where in the bank they are.
    """
    part = sink.part if sink.part in ("real", "imag") else "complex"
    dtype = program.images.dtype
    wide = [(_Wide.of(tuple(kernels), dtype, part), places) for kernels, places in sets]
    wide.sort(key=lambda one: -one[0].depth)  # the longest way first
    halved = _Halved(program, levels, boundary, [kernels for kernels, _ in wide])
    for kernels, places in wide:
        _Doubled(program, levels, kernels, halved, SLAB_BYTES // len(wide)).write(places, sink)


class _Wide:
    """Kernels on a grid as coarse as they allow.

    Attributes
    ----------
    depth : int
        How often pictures are halved.
    taps : list of arrays
        Of the filter that doubles responses on each grid, from the picture's on.
    tables : Tables
        Of the coarse kernels.
    """

    def __init__(self, kernels: tuple[GaborKernel, ...], dtype: Any, part: str) -> None:
        self.taps = filters(kernels)
        self.depth = len(self.taps)
        coarse, heights = zip(*(_coarse(kernel, self.depth) for kernel in kernels), strict=True)
        self.tables = Tables.of(coarse, TOLERANCE, dtype, heights, part)
        self.nbytes = self.tables.nbytes

    @staticmethod
    @keep
    def of(kernels: tuple[GaborKernel, ...], dtype: Any, part: str) -> _Wide:
        """The last few are kept."""
        return _Wide(kernels, dtype, part)

    def read(self, side: int) -> Span:
        """Coarse positions that the coarse kernels read for a whole side of the picture."""
        return _read((0, side), self.taps, self.tables.radius)


class _Halved:
    """Pictures halved once and more often, each from the one before.

    Attributes
    ----------
    pictures : list of arrays (B, h, w)
    origins : list of (int, int)
        Positions of their first samples.
    stages : list of int
        Places of the stages that make them.
    """

    def __init__(
        self, program: Program, levels: RealArray, boundary: Boundary, wide: Sequence[_Wide]
    ) -> None:
        depth = max(kernels.depth for kernels in wide)
        # Of several designs the longest, which is that of the widest band.
        taps = [max((k.taps[n] for k in wide if k.depth > n), key=len) for n in range(depth)]
        sides = program.images.shape[1:]
        # Positions that each halved picture covers, from the last one up.
        spans: list[list[Span]] = []
        for level in range(depth, 0, -1):
            wanted = [[k.read(side) for side in sides] for k in wide if k.depth == level]
            if spans:
                reach = 2 * len(taps[level])
                wanted.append([(2 * low - reach, 2 * high + reach) for low, high in spans[-1]])
            spans.append(
                [
                    (min(s[0] for s in one), max(s[1] for s in one))
                    for one in zip(*wanted, strict=True)
                ]
            )
        spans.reverse()
        self.pictures: list[RealArray] = []
        self.origins = [tuple(low for low, _ in span) for span in spans]
        self.stages: list[int] = []
        for level in range(depth):
            reach = 2 * len(taps[level])
            lines = [(2 * low - reach, 2 * high + reach) for low, high in spans[level]]
            if level == 0:
                places = [sources(n, *s, boundary) for n, s in zip(sides, lines, strict=True)]
            else:
                origins = self.origins[level - 1]
                places = [np.arange(a - o, b - o) for (a, b), o in zip(lines, origins, strict=True)]
            picture = self.pictures[-1] if level else program.images
            level_off = levels if level == 0 else np.zeros(len(levels))
            after = self.stages[-1] if level else -1
            self._halve(program, picture, places, level_off, taps[level], after)

    def _halve(
        self,
        program: Program,
        images: RealArray,
        places: list[Array],
        levels: RealArray,
        taps: RealArray,
        after: int,
    ) -> None:
        count, height, _ = images.shape
        size = [(len(lines) - 4 * len(taps)) // 2 for lines in places]
        between = program.empty(count * height * size[1] + SLACK)
        out = program.empty(math.prod((count, *size))).reshape(count, *size)
        work = Halving(
            picture=program.picture(images, places[0], places[1], levels),
            taps=program.keep(taps.astype(images.dtype)),
            between=program.keep(between),
            out=program.keep(out),
            rows_out=size[0],
            columns_out=size[1],
            count=len(taps),
        )
        pieces, products = -(-count * height // LINES), out.size * len(taps)
        rows = program.add(work, "halve_rows", pieces, after, products)
        columns = program.add(work, "halve_columns", count * -(-size[0] // LINES), rows)
        self.pictures.append(out)
        self.stages.append(columns)


class _Doubled:
    """Responses of coarse kernels, doubled until they have the picture's size."""

    def __init__(
        self,
        program: Program,
        levels: RealArray,
        kernels: _Wide,
        halved: _Halved,
        slab_bytes: int,
    ) -> None:
        self.program, self.depth, self.taps = program, kernels.depth, kernels.taps
        self.tables, self.slab_bytes = kernels.tables, slab_bytes
        self.picture = halved.pictures[self.depth - 1]
        self.origin = halved.origins[self.depth - 1]
        self.last = halved.stages[self.depth - 1]
        self.biases = self.tables.biases(levels).astype(self.picture.dtype)
        self.buffers: dict[int, RealArray] = {}

    def write(self, places: Sequence[int], sink: Sink) -> None:
        """Hand the responses to the sink, some rows after the others: they share buffers."""
        count, height, width = self.program.images.shape
        step = 2**self.depth
        row_bytes = 8 * count * self.tables.kernels * (width // 2 + 64) // 2
        slab = max(8 * step, self.slab_bytes // row_bytes // step * step)
        for top in range(0, height, slab):
            job = self.program.job(sink, places, skipped=top * width)
            rows = top, min(top + slab, height)
            self._double(0, rows, (0, width), self.biases, job)

    def _responses(self, level: int, rows: Span, columns: Span) -> RealArray:
        """Real and imaginary parts (B, K, 2, h, w) at positions of a halved picture."""
        count, dtype, kernels = len(self.picture), self.picture.dtype, self.tables.kernels
        height, width = (high - low for low, high in (rows, columns))
        shape = (count, kernels, 2, height, width)
        size = math.prod(shape)
        if level not in self.buffers or self.buffers[level].size < size + SLACK:
            self.buffers[level] = self.program.empty(size + SLACK)
        out = self.buffers[level][:size].reshape(shape)
        job = self.program.stored("split", out[:, :, 0].swapaxes(0, 1))
        job.split = height * width
        if level < self.depth:
            self._double(level, rows, columns, np.zeros((count, kernels, 2), dtype), job)
        else:
            radius = self.tables.radius
            lines = [
                np.arange(low - origin - radius, high - origin + radius)
                for (low, high), origin in zip((rows, columns), self.origin, strict=True)
            ]
            nothing, after = np.zeros(count), self.last
            self.last = separable.add(
                self.program, self.tables, self.picture, lines[0], lines[1], nothing, job, after
            )
        return out

    def _double(self, level: int, rows: Span, columns: Span, biases: RealArray, job: Job) -> None:
        """Do a job with the next grid's responses doubled."""
        taps = self.taps[level]
        coarse_rows, coarse_columns = (_coarser(span, len(taps)) for span in (rows, columns))
        coarse = self._responses(level + 1, coarse_rows, coarse_columns)
        count, kernels = coarse.shape[:2]
        height, width = rows[1] - rows[0], columns[1] - columns[0]
        # Kernels that are compared take turns: a piece is one thread's.
        together = kernels if job.indices else 1
        pieces = count * -(-kernels // together)
        pieces *= -(-width * coarse.itemsize // (DOUBLED * TILE_BYTES))
        bands = min(-(-separable.PIECES * self.program.threads // pieces), max(1, height // 64))
        job.band = -(-height // bands)
        work = Doubling(
            job=job,
            coarse=self.program.keep(coarse),
            taps=self.program.keep((2 * taps).astype(coarse.dtype)),
            biases=self.program.keep(biases),
            coarse_height=coarse.shape[3],
            coarse_width=coarse.shape[4],
            first_row=rows[0] // 2 - coarse_rows[0],
            first_column=columns[0] // 2 - coarse_columns[0],
            height=height,
            width=width,
            count=len(taps),
            together=together,
        )
        pieces *= -(-height // job.band)
        products = count * kernels * height * width * len(taps)
        self.last = self.program.add(work, "twice", pieces, self.last, products)


def _coarse(kernel: GaborKernel, depth: int) -> tuple[GaborKernel, float]:
    """The kernel on a grid ``2**depth`` times as coarse, and the factor that keeps its gain."""
    size = number(kernel.scale) / 2**depth
    deviation, gamma = number(kernel.sigma * kernel.scale), number(kernel.gamma)
    coarse = GaborKernel(
        wavelength=number(kernel.wavelength) * size,
        sigma=number(kernel.sigma) * size,
        theta=number(kernel.theta),
        gamma=gamma,
        phase=number(kernel.phase),
        dc_free=kernel.dc_free,
    )
    return coarse, number(kernel.amplitude()) * 2 * math.pi * deviation**2 / gamma


def _coarser(span: Span, count: int) -> Span:
    """Coarse positions, from an even one on, that those of a span from an even one on depend on."""
    low, high = span
    return (low // 2 - count) // 2 * 2, (high - 1) // 2 + count + 1
