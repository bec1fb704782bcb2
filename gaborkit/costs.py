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

from .arrays import fast_size
from .engines import fourier, pyramid
from .engines.compiled import TILE_BYTES, WORTH
from .engines.factorization import factorized_together
from .engines.keeping import KEPT_BYTES
from .engines.separable import ACCURACY
from .kernels.base import TOLERANCE, Kernel

# Nanoseconds for a unit of each engine's work in one thread, fitted to timings of
# benchmarks/planner.py. Double precision takes twice as long by element.
MULTIPLY = 0.036  # one multiplication and addition in a matrix product
UNFOLD = 0.9  # one element copied while unfolding windows
TAP = 0.035  # one pair of taps of a row or column pass, at one pixel
WRITE = 0.19  # one product mixed into a response, at one pixel
HALVE = 1.2  # one pixel of a picture halved
DOUBLE = 1.2  # one response doubled and written, at one pixel
BUTTERFLY = 0.49  # one element of a complex transform, per bit of its size
PRODUCT = 0.2  # one element of a spectrum multiplied by a kernel's, of a kernel's kept
CONVOLUTION = 0.06  # one multiplication and addition in torch's conv2d
SAMPLE = 59.0  # one tap of a kernel sampled
COLUMN = 0.027  # as TAP, of a column pass
SPARSE = 1.3  # as much longer takes a column pass that shares its row pass with one other only
LINE = 0.011e6  # one term of a kernel laid out and compared with others'
SET = 1.7e6  # elongated kernels that are factorized together, beside their terms
WAVES = 0.66e6  # round kernels factorized, beside their terms
FACTOR = 1.3  # the search for terms, per tap of a side and square of their number
KERNEL = 0.02e6  # one round kernel transformed
SPECTRA = 0.48e6  # a block of transforms of kernels made
BLOCK = 0.2e6  # some kernels taken up by the Fourier engine
DIRECT = 0.55e6  # the direct engine called
BEGIN = 0.44e6  # the compiled code called
STAGE = 0.052e6  # one of its stages

#: Calls of one bank that a plan is made for: what the first one prepares is shared among them.
CALLS = 4


class Passes(NamedTuple):
    """Row and column passes, terms of all kernels, those to be searched for, squared, and sets."""

    rows: float
    columns: float
    terms: float
    squares: float
    sets: int


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
            return Passes(count + 2, 2 * count + 3, 3 * count, 0, 1)
        accuracy = ACCURACY[np.dtype(np.float64 if self.double else np.float32)]
        rows = searched = lines = 0.0
        sets = factorized_together(self.kernels)
        for together in sets:
            terms = together[0][1].terms(self.tolerance, accuracy)
            rows += terms
            lines += len(together) * terms
            searched += terms**2  # mirror images are found together
        return Passes(rows, 2 * rows, lines, searched, len(sets))


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
    return element, DIRECT, SAMPLE * work.taps


def _direct(work: Work) -> tuple[float, float, float]:
    size, kernels = (2 * work.radius + 1) ** 2, len(work.kernels)
    unfolded = (UNFOLD + MULTIPLY / work.threads * 2 * kernels) * work.pixels * size
    return unfolded + PRODUCT * kernels * work.pixels, DIRECT + SAMPLE * work.taps, 0.0


def _separable(work: Work) -> tuple[float, float, float]:
    rows, columns, _, _, sets = work.passes
    wide = -(-work.width // (tile := TILE_BYTES // (8 if work.double else 4))) * tile
    pixels = work.images * work.height * wide
    grown = pixels + 2 * work.images * work.radius * wide  # rows above and below
    column = COLUMN * (1 if work.separable else SPARSE)
    filtered = (work.radius + 1) * (TAP * rows * grown + column * columns * pixels)
    written = WRITE * _mixed(work) * work.pixels
    element = _shared(filtered + written, filtered / TAP, work.threads)
    return element, BEGIN + STAGE * sets, _factorized(work, 2 * work.radius + 1)


def _pyramid(work: Work) -> tuple[float, float, float]:
    count = len(work.kernels)
    depth = pyramid.halvings(work.kernels)
    rows, columns, _, _, sets = work.passes
    reach = 2 * work.radius + 60  # of the coarse kernels and of the filters, about
    grown = work.images * (work.height + reach) * (work.width + reach)
    coarse = grown / 4**depth
    filtered = TAP * (work.radius / 2**depth + 4) * (rows + columns) + WRITE * _mixed(work)
    doubled = DOUBLE * count * (work.pixels + (grown / 3 if depth > 1 else 0))
    element = _shared(
        coarse * filtered + doubled + HALVE * grown, work.pixels * count, work.threads
    )
    call = BEGIN + STAGE * (2 * depth + sets * (1 + depth))
    return element, call, _factorized(work, 2 * work.radius // 2**depth + 1)


def _mixed(work: Work) -> float:
    """Products that responses are mixed from; to store one takes as long as two."""
    products = work.passes.terms * (5 / 3 if work.separable else 2)
    return products + 2 * len(work.kernels)


def _factorized(work: Work, taps: int) -> float:
    """Time to factorize kernels of so many taps a side."""
    _, _, terms, squares, sets = work.passes
    alike = WAVES if work.separable else SET * sets
    return alike + LINE * terms + FACTOR * taps * squares


def _fourier(work: Work) -> tuple[float, float, float]:
    high, wide = (fast_size(side + 2 * work.radius) for side in (work.height, work.width))
    count, grown, bytes_ = len(work.kernels), high * wide, 16 if work.double else 8

    def transforms(rows: float, columns: float) -> float:
        """So many rows, then columns."""
        return BUTTERFLY * (rows * wide * math.log2(wide) + columns * high * math.log2(high))

    blocks = fourier.blocks(count, work.images * grown * bytes_, work.threads)
    banded = work.separable and blocks == count and not work.double
    back = sum(
        transforms(high * (_answered(kernel) if banded else 1.0), work.width)
        for kernel in work.kernels
    )
    # Of real rows half as much.
    element = work.images * (transforms(high / 2, wide) + back + PRODUCT * count * grown)
    if work.separable:
        return element / work.threads, BLOCK * (1 + blocks), SPECTRA * blocks + KERNEL * count
    once = SAMPLE * work.taps
    once += count * (transforms(high / 2, work.radius + 1) + PRODUCT * grown)
    once += SPECTRA * blocks
    if count * grown * bytes_ / 2 > KEPT_BYTES:  # made again at every call
        return element / work.threads, BLOCK * (1 + blocks) + once, 0.0
    return element / work.threads, BLOCK * (1 + blocks), once


def _answered(kernel: Kernel) -> float:
    """Share of the rows of its spectrum that a kernel answers to."""
    return min(1.0, 2 * (pyramid.edge_of(kernel) - kernel.frequency))


def _shared(element: float, work: float, threads: int) -> float:
    """Time of work that as many threads share as it is worth."""
    return element / min(threads, 1 + work // WORTH)
