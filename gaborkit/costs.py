"""What an engine would cost on the CPU: the planner's model of times.

Each engine's time is a sum of counts of its work times the constants below.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .engines import pyramid
from .engines.compiled import TILE_BYTES, WORTH
from .engines.factorization import factorized_together
from .engines.separable import ACCURACY
from .kernels.base import TOLERANCE, Kernel

# Nanoseconds for a unit of each engine's work in one thread, fitted to timings of
# benchmarks/planner.py. Double precision takes twice as long by element.
MULTIPLY = 0.019  # one multiplication and addition in a matrix product
UNFOLD = 1.2  # one element copied while unfolding windows
TAP = 0.022  # one pair of taps of a row or column pass, at one pixel
WRITE = 2.3  # one response mixed and written, at one pixel
HALVE = 0.28  # one pixel of a picture halved
DOUBLE = 1.2  # one response doubled and written, at one pixel
BUTTERFLY = 0.4  # one element of a complex transform, per bit of its size
CONVOLUTION = 0.05  # one multiplication and addition in torch's conv2d
SAMPLE = 30.0  # one tap of a kernel sampled
COLUMN = 0.036  # as TAP, of a column pass
SPARSE = 0.28  # as much longer takes a column pass that shares its row pass with one other only
LINE = 0.11e6  # one term of a kernel laid out and compared with others'
FACTOR = 2.2  # the search for terms, per tap of a side and square of their number
KERNEL = 0.29e6  # one kernel's transform prepared, beside its samples
START = 0.092e6  # one kernel taken up by the direct or the Fourier engine
BEGIN = 0.58e6  # the compiled code called

#: Calls of one bank that a plan is made for: what the first one prepares is shared among them.
CALLS = 4


class Passes(NamedTuple):
    """Row and column passes, terms of all kernels, and those to be searched for, squared."""

    rows: float
    columns: float
    terms: float
    squares: float


@dataclass(frozen=True)
class Work:
    """Kernels of one radius on images of one shape.

    Attributes
    ----------
    images, height, width : int
    kernels : sequence of Kernel
        Without those whose responses others give.
    radius : int
    separable : bool
        Whether the kernels are round.
    double : bool
        Precision.
    threads : int
    tolerance : float
        As in :meth:`Kernel.sample`.
    """

    images: int
    height: int
    width: int
    kernels: Sequence[Kernel]
    radius: int
    separable: bool
    double: bool
    threads: int
    tolerance: float = TOLERANCE

    @property
    def pixels(self) -> int:
        """Of all images."""
        return self.images * self.height * self.width

    @property
    def taps(self) -> int:
        """Of all kernels."""
        return len(self.kernels) * (2 * self.radius + 1) ** 2

    @functools.cached_property
    def passes(self) -> Passes:
        """What the separable engine's row and column filters come to, but for their computation.

        A round kernel needs about one row and two column passes beside its neighbours', an
        elongated one as many as its samples have terms.
        """
        count = len(self.kernels)
        if self.separable:
            return Passes(count + 2, 2 * count + 3, 3 * count, 0)
        accuracy = ACCURACY[np.dtype(np.float64 if self.double else np.float32)]
        rows = searched = lines = 0.0
        for together in factorized_together(self.kernels):
            terms = together[0][1].terms(self.tolerance, accuracy)
            rows += terms
            lines += len(together) * terms
            searched += len(together) * terms**2
        return Passes(rows, 2 * rows, lines, searched)


def milliseconds(backend: str, engine: str, work: Work) -> float:
    """Modelled time of an engine, run by ``numpy`` or ``torch``: the mean of :data:`CALLS` calls.

    One choice serves first and later calls, whatever was filtered before: a choice that changed
    after the first call would change the last digits of equal calls.
    """
    first, later = modelled(backend, engine, work)
    return later + (first - later) / CALLS


def modelled(backend: str, engine: str, work: Work) -> tuple[float, float]:
    """Milliseconds of a first call, which prepares what is kept of kernels, and of a later one."""
    models = {
        "direct": _convolution if backend == "torch" else _direct,
        "separable": _separable,
        "pyramid": _pyramid,
        "fourier": _fourier,
    }
    element, call, once = models[engine](work)
    later = element * (2 if work.double else 1) + call
    return (later + once) / 1e6, later / 1e6


def bytes_needed(engine: str, work: Work) -> int:
    """Memory that an engine takes beside pictures and responses, about."""
    number, taps = 16 if work.double else 8, 2 * work.radius + 1
    if engine == "fourier":
        grown = (work.height + 2 * work.radius) * (work.width + 2 * work.radius)
        # A spectrum, a product and its transform; of an elongated kernel samples and their sums.
        sampled = 0 if work.separable else 16 * (5 * taps**2 + grown)
        return number * grown * (1 + 2 * work.images) + sampled
    if engine == "direct":  # windows come a block at a time
        return (16 * 4 + number) * work.taps
    return math.ceil(64 * taps * work.passes.rows)


def search(kernel: Kernel, work: Work) -> float:
    """Multiplications, about, by which the factors of an elongated kernel are found."""
    if kernel.separable:
        return 0.0
    accuracy = ACCURACY[np.dtype(np.float64 if work.double else np.float32)]
    return (2 * work.radius + 1) * kernel.terms(work.tolerance, accuracy) ** 2


# Each: time that doubles with precision, of every call besides, and of the first one besides.


def _convolution(work: Work) -> tuple[float, float, float]:
    element = CONVOLUTION * 2 * work.pixels * work.taps / work.threads
    return element, START, SAMPLE * work.taps


def _direct(work: Work) -> tuple[float, float, float]:
    size = (2 * work.radius + 1) ** 2
    unfolded = (UNFOLD + MULTIPLY / work.threads * 2 * len(work.kernels)) * work.pixels * size
    return unfolded, START * (1 + len(work.kernels)) + SAMPLE * work.taps, 0.0


def _separable(work: Work) -> tuple[float, float, float]:
    rows, columns, _, _ = work.passes
    wide = -(-work.width // (tile := TILE_BYTES // (8 if work.double else 4))) * tile
    pixels = work.images * work.height * wide
    grown = pixels + 2 * work.images * work.radius * wide  # rows above and below
    column = COLUMN * (1 if work.separable else SPARSE)
    filtered = (work.radius + 1) * (TAP * rows * grown + column * columns * pixels)
    written = WRITE * len(work.kernels) * work.pixels
    once = _factorized(work, 2 * work.radius + 1)
    return _shared(filtered + written, filtered / TAP, work.threads), BEGIN, once


def _pyramid(work: Work) -> tuple[float, float, float]:
    count = len(work.kernels)
    depth = pyramid.halvings(work.kernels)
    rows, columns, _, _ = work.passes
    reach = 2 * work.radius + 60  # of the coarse kernels and of the filters, about
    grown = work.images * (work.height + reach) * (work.width + reach)
    coarse = grown / 4**depth
    filtered = coarse * (TAP * (work.radius / 2**depth + 4) * (rows + columns) + WRITE * count)
    doubled = DOUBLE * count * (work.pixels + (grown / 3 if depth > 1 else 0))
    element = _shared(filtered + doubled + HALVE * grown, work.pixels * count, work.threads)
    return element, BEGIN * (1 + depth), _factorized(work, 2 * work.radius // 2**depth + 1)


def _factorized(work: Work, taps: int) -> float:
    """Time to factorize kernels of so many taps a side."""
    return LINE * work.passes.terms + FACTOR * taps * work.passes.squares


def _fourier(work: Work) -> tuple[float, float, float]:
    grown = (work.height + 2 * work.radius) * (work.width + 2 * work.radius)
    transforms = work.images * (1 + sum(_answered(kernel, work) for kernel in work.kernels))
    transform = BUTTERFLY * grown * math.log2(grown)
    once = KERNEL * len(work.kernels)
    if not work.separable:
        once += SAMPLE * work.taps + transform * (2 if work.double else 1) * len(work.kernels)
    return transform * transforms / work.threads, START * (len(work.kernels) + 1), once


def _answered(kernel: Kernel, work: Work) -> float:
    """Share of a kernel's transform that is done: rows that it answers to, then all columns."""
    if work.double or not work.separable:
        return 1.0
    return (1 + min(1.0, 2 * (pyramid.edge_of(kernel) - kernel.frequency))) / 2


def _shared(element: float, work: float, threads: int) -> float:
    """Time of work that as many threads share as it is worth."""
    return element / min(threads, 1 + work // WORTH)
