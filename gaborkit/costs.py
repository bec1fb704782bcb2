"""What an engine would cost on the CPU: the planner's model of times.

Each engine's time is a sum of counts of its work times the constants below.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .engines import pyramid
from .engines.compiled import WORTH
from .kernel import Kernel

# Nanoseconds for a unit of each engine's work in one thread, fitted to timings of
# benchmarks/planner.py. Double precision takes twice as long by element.
MULTIPLY = 0.035  # one multiplication and addition in a matrix product
UNFOLD = 0.64  # one element copied while unfolding windows
TAP = 0.017  # one pair of taps of a row or column pass, at one pixel
WRITE = 0.61  # one response mixed and written, at one pixel
HALVE = 0.76  # one pixel of a picture halved
DOUBLE = 0.55  # one response doubled and written, at one pixel
BUTTERFLY = 0.32  # one element of a complex transform, per bit of its size
CONVOLUTION = 0.05  # one multiplication and addition in torch's conv2d
SAMPLE = 50.0  # one tap of a kernel sampled, and transformed or factorized
START = 0.03e6  # the Fourier engine started, and one kernel transformed
BEGIN = 0.07e6  # the compiled code called


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
    """

    images: int
    height: int
    width: int
    kernels: Sequence[Kernel]
    radius: int
    separable: bool
    double: bool
    threads: int

    @property
    def pixels(self) -> int:
        """Of all images."""
        return self.images * self.height * self.width

    @property
    def taps(self) -> int:
        """Of all kernels."""
        return len(self.kernels) * (2 * self.radius + 1) ** 2


def milliseconds(backend: str, engine: str, work: Work) -> float:
    """Modelled time of an engine, run by ``numpy`` or ``torch``."""
    if (backend, engine) == ("torch", "direct"):
        element, once = _convolution(work)
    else:
        modelled = {
            "direct": _direct,
            "separable": _separable,
            "pyramid": _pyramid,
            "fourier": _fourier,
        }
        element, once = modelled[engine](work)
    return (element * (2 if work.double else 1) + once) / 1e6


def _convolution(work: Work) -> tuple[float, float]:
    once = START + SAMPLE * work.taps
    return CONVOLUTION * 2 * work.pixels * work.taps / work.threads, once


def _direct(work: Work) -> tuple[float, float]:
    size = (2 * work.radius + 1) ** 2
    unfolded = (UNFOLD + MULTIPLY / work.threads * 2 * len(work.kernels)) * work.pixels * size
    return unfolded, START + SAMPLE / 50 * work.taps


def _separable(work: Work) -> tuple[float, float]:
    passes, found = _passes(len(work.kernels), work.separable)
    rows, columns = passes
    grown = work.pixels + 2 * work.images * work.radius * work.width  # rows above and below
    filtered = TAP * (work.radius + 1) * (rows * grown + columns * work.pixels)
    written = WRITE * len(work.kernels) * work.pixels
    once = BEGIN + found * SAMPLE * work.taps
    return _shared(filtered + written, filtered / TAP, work.threads), once


def _pyramid(work: Work) -> tuple[float, float]:
    count = len(work.kernels)
    depth = pyramid.halvings(work.kernels)
    rows, columns = _passes(count, work.separable)[0]
    reach = 2 * work.radius + 60  # of the coarse kernels and of the filters, about
    grown = work.images * (work.height + reach) * (work.width + reach)
    coarse = grown / 4**depth
    filtered = coarse * (TAP * (work.radius / 2**depth + 4) * (rows + columns) + WRITE * count)
    doubled = DOUBLE * count * (work.pixels + (grown / 3 if depth > 1 else 0))
    once = BEGIN * (1 + depth) + (not work.separable) * SAMPLE * work.taps / 4**depth
    return _shared(filtered + doubled + HALVE * grown, work.pixels * count, work.threads), once


def _fourier(work: Work) -> tuple[float, float]:
    grown = (work.height + 2 * work.radius) * (work.width + 2 * work.radius)
    transforms = work.images * (1 + sum(_answered(kernel, work) for kernel in work.kernels))
    element = BUTTERFLY * grown * math.log2(grown) * transforms / work.threads
    once = START * (len(work.kernels) + 1) + (not work.separable) * SAMPLE * work.taps
    return element, once


def _answered(kernel: Kernel, work: Work) -> float:
    """Share of a kernel's transform that is done: rows that it answers to, then all columns."""
    if work.double or not work.separable:
        return 1.0
    return (1 + min(1.0, 2 * (pyramid.edge_of(kernel) - kernel.frequency))) / 2


def _passes(kernels: int, separable: bool) -> tuple[tuple[int, int], bool]:
    """Row and column passes, and whether their filters have to be searched for.

    A round kernel needs about one row and two column passes beside its neighbours'; an elongated
    one about eight and twenty.
    """
    if separable:
        return (kernels + 2, 2 * kernels + 3), False
    return (8 * kernels, 20 * kernels), True


def _shared(element: float, work: float, threads: int) -> float:
    """Time of work that as many threads share as it is worth."""
    return element / min(threads, 1 + work // WORTH)
