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

import functools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..gabor import GaborKernel
from ..kernel import Kernel
from ..parameters import number
from ..sinks import Sink, Summed
from ..types import Array, Boundary, RealArray
from .compiled import (
    Job,
    Picture,
    address,
    contiguous,
    function,
    job_of,
    picture_of,
    run,
    sources,
    stored,
)
from .separable import Tables, apply
from .threads import available

#: Largest error of a half-band filter's transfer function, in the band and where it aliases to.
RIPPLE = 2e-6

#: Spectral deviations from the wave vector to the band's edge; 1e-5 of the L2 norm lies beyond.
DEVIATIONS = 4.6

#: Edge of the band, in cycles per pixel, up to which a picture is halved.
EDGE = 0.19

#: Of the coarse kernels: they are cheap, so that the error comes from the filters alone.
TOLERANCE = 1e-6

#: Positions from the first to the one behind the last.
Span = tuple[int, int]

#: Numbers that a tile may reach beyond a row.
SLACK = 256

#: Bytes of coarse responses that are held at a time.
SLAB_BYTES = 2**25


def edge_of(kernel: Kernel) -> float:
    """Frequency in cycles per pixel up to which the kernel answers, along either axis.

    Examples
    --------
    >>> round(edge_of(GaborKernel(wavelength=16, sigma=8)), 3)
    0.154
    """
    if not isinstance(kernel, GaborKernel) or kernel.learnable:
        return 0.5
    spread = max(1.0, number(kernel.gamma)) / (2 * math.pi * number(kernel.sigma * kernel.scale))
    return kernel.frequency + DEVIATIONS * spread


def halvings(kernels: Sequence[Kernel]) -> int:
    """How often a picture may be halved for these kernels.

    Examples
    --------
    >>> [halvings([GaborKernel(wavelength=2 * sigma, sigma=sigma)]) for sigma in (4, 8, 16, 32)]
    [0, 1, 2, 3]
    """
    edge, count = max(map(edge_of, kernels)), 0
    while edge * 2**count <= EDGE:
        count += 1
    return count


@functools.lru_cache(maxsize=64)
def half_band(edge: float) -> RealArray:
    """Taps at distances 1, 3, 5, ... of the shortest half-band filter for a band up to ``edge``.

    Its transfer function is 1/2 + 2 sum_j taps[j] cos(2 pi (2 j + 1) f), with an error of at most
    :data:`RIPPLE` up to the edge and, by symmetry, from 1/2 - edge on.

    Examples
    --------
    >>> taps = half_band(0.1)
    >>> len(taps), bool(abs(taps.sum() - 1 / 4) < RIPPLE)
    (6, True)
    """
    frequency = np.linspace(0, edge, 400)
    count = 1
    while True:
        count += 1
        waves = 2 * np.cos(2 * np.pi * np.outer(frequency, 2 * np.arange(count) + 1))
        weights = np.ones(len(frequency))
        for _ in range(12):  # Lawson's algorithm: least squares become least maximum
            taps = np.linalg.lstsq(waves * weights[:, None], weights / 2, rcond=None)[0]
            error = abs(waves @ taps - 0.5)
            if error.max() <= RIPPLE:
                return taps
            weights *= np.sqrt(error / error.max() + 1e-3)
            weights /= weights.max()


def respond(
    images: RealArray,
    levels: RealArray,
    boundary: Boundary,
    kernels: Sequence[Any],
    places: Sequence[int],
    sink: Sink,
) -> None:
    """Convolve with wide Gabor kernels; see :func:`gaborkit.engines.separable.respond`."""
    if not len(images):
        return
    _, height, width = images.shape
    pyramid = _Pyramid(contiguous(images), levels, boundary, tuple(kernels))
    step = 2**pyramid.depth
    row_bytes = 8 * len(images) * len(kernels) * (width // 2 + 64) // 2
    slab = max(8 * step, SLAB_BYTES // row_bytes // step * step)
    for top in range(0, height, slab):
        pyramid.write(top, min(top + slab, height), places, sink)


class _Pyramid:
    """Halved pictures, and the coarse kernels for the last of them."""

    def __init__(
        self,
        images: RealArray,
        levels: RealArray,
        boundary: Boundary,
        kernels: tuple[GaborKernel, ...],
    ) -> None:
        self.depth = halvings(kernels)
        edge = math.ceil(200 * max(map(edge_of, kernels))) / 200  # few designs serve all kernels
        self.taps = [half_band(min(edge * 2**level, EDGE)) for level in range(self.depth)]
        self.size = images.shape[1:]
        self.kernels = len(kernels)
        coarse, heights = zip(*(_coarse(kernel, self.depth) for kernel in kernels), strict=True)
        self.tables = Tables.of(coarse, TOLERANCE, images.dtype, heights)
        self.biases = np.ascontiguousarray(self.tables.biases(levels), images.dtype)
        # Positions that each halved picture covers, from the last one up.
        reach = self.tables.radius
        spans = [[(0, side) for side in self.size]]
        for taps in self.taps:
            spans.append([_coarser(span, len(taps)) for span in spans[-1]])
        spans = [[(low - reach, high + reach) for low, high in spans[-1]]]
        for taps in self.taps[:0:-1]:
            reach = 2 * len(taps)
            spans.append([(2 * low - reach, 2 * high + reach) for low, high in spans[-1]])
        self.origins = [tuple(low for low, _ in span) for span in spans[::-1]]
        picture = images
        for level, (taps, span) in enumerate(zip(self.taps, spans[::-1], strict=True)):
            rows, columns = (
                sources(size, 2 * low - 2 * len(taps), 2 * high + 2 * len(taps), boundary)
                if level == 0
                else np.arange(2 * (high - low) + 4 * len(taps))
                for size, (low, high) in zip(self.size, span, strict=True)
            )
            picture = _halved(picture, rows, columns, levels * (level == 0), taps)
        self.picture = picture

    def write(self, top: int, bottom: int, places: Sequence[int], sink: Sink) -> None:
        """Hand the responses of some rows to the sink; ``top`` is even."""
        job, kept = job_of(sink, places, skipped=top * self.size[1])
        sums = self._double(0, (top, bottom), (0, self.size[1]), self.biases, job)
        del kept
        if isinstance(sink, Summed):
            sink.sums[:, list(places)] += sums

    def _responses(self, level: int, rows: Span, columns: Span) -> RealArray:
        """Real and imaginary parts (B, K, 2, h, w) at positions of a halved picture."""
        count, dtype = len(self.picture), self.picture.dtype
        height, width = (high - low for low, high in (rows, columns))
        # With room for what the compiled code reads, and drops, behind the last row.
        shape = (count, self.kernels, 2, height, width)
        out = np.empty(math.prod(shape) + SLACK, dtype)[:-SLACK].reshape(shape)
        job, kept = stored("split", list(out[:, :, 0].swapaxes(0, 1)))
        job.split = height * width
        if level < self.depth:
            nothing = np.zeros((count, self.kernels, 2), dtype)
            self._double(level, rows, columns, nothing, job)
        else:
            radius = self.tables.radius
            lines = (
                np.arange(low - origin - radius, high - origin + radius)
                for (low, high), origin in zip((rows, columns), self.origins[-1], strict=True)
            )
            apply(self.tables, self.picture, next(lines), next(lines), np.zeros(count), job)
        del kept
        return out

    def _double(
        self, level: int, rows: Span, columns: Span, biases: RealArray, job: Job
    ) -> RealArray:
        """Do a job with the next level's responses doubled; sums as of :func:`apply`."""
        taps = self.taps[level]
        coarse_rows, coarse_columns = (_coarser(span, len(taps)) for span in (rows, columns))
        coarse = self._responses(level + 1, coarse_rows, coarse_columns)
        first = rows[0] // 2 - coarse_rows[0], columns[0] // 2 - coarse_columns[0]
        count, kernels = coarse.shape[:2]
        shape = (count, kernels, rows[1] - rows[0], columns[1] - columns[0])
        tiles = count * -(-shape[3] // 128)
        job.band = -(-shape[2] // max(1, min(shape[2] // 64, -(-4 * available() // tiles))))
        twice = (2 * taps).astype(coarse.dtype)
        call = function("twice", coarse.dtype)
        sums = np.zeros((available(), count, kernels, 2))
        given = (address(coarse), *coarse.shape[3:], *first, address(twice), len(twice))
        run(
            lambda thread, taken: call(
                *given, address(biases), *shape, job, taken, address(sums[thread])
            ),
            tiles * -(-shape[2] // job.band),
            math.prod(shape) * len(taps),
            len(sums),
        )
        return sums.sum(0)


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


def _halved(
    images: RealArray, rows: Array, columns: Array, levels: RealArray, taps: RealArray
) -> RealArray:
    """Every second sample of low-passed images, at both axes; the compiled code's ``halve``."""
    count, height, _ = images.shape
    size = [(len(lines) - 4 * len(taps)) // 2 for lines in (rows, columns)]
    rows, columns = (np.ascontiguousarray(lines, np.int64) for lines in (rows, columns))
    levels = np.ascontiguousarray(levels, np.float64)
    between = np.empty((count, height, size[1]), images.dtype)
    out = np.empty((count, *size), images.dtype)
    picture = picture_of(images, rows, columns, levels)
    given = taps.astype(images.dtype)
    call = function("halve", images.dtype)
    steps = ((0, count * height), (1, count * size[0]))  # along x, along y
    places = (address(between), address(out))
    for phase, pieces in steps:
        run(
            partial(_halve, call, picture, address(given), len(given), size, places, phase),
            pieces,
            out.size * len(taps),
            available(),
        )
    return out


def _halve(
    call: Any,
    picture: Picture,
    taps: int,
    count: int,
    size: list[int],
    places: tuple[int, int],
    phase: int,
    thread: int,
    taken: Any,
) -> int:
    return int(call(picture, taps, count, *size, *places, taken, phase))
