"""Convolution by the Fourier transform on NumPy: one forward transform for a bank."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...caches import KEPT_BYTES
from ...kernels.base import Kernel
from ...types import Array, Transfer
from .. import costs
from ..backend import Library, NumpyLibrary, fast_size
from .base import Cost, ResponseEngine, Step, Work
from .batch import Batch
from .half_band import edge_of
from .spectra import closed_tolerance, lines_of, spectra_of
from .threads import available, in_threads

#: Bytes of spectrum up to which kernels are transformed side by side.
THREAD_BYTES = 2**26

#: Bytes of spectra of kernels that are transformed together: small ones cost more time to call.
BLOCK_BYTES = 2**19


class Fourier(ResponseEngine):
    """Every kernel, by its spectrum; steps of one margin share the picture's."""

    name = "fourier"
    backend = "numpy"
    shares_margin = True

    def refusal(self, work: Work) -> str:
        """It does everything."""
        return ""

    def cost(self, work: Work) -> Cost:
        """By the elements that are transformed and multiplied."""
        return cost(work)

    def responses(
        self, batch: Batch, step: Step, kernels: Sequence[Kernel], outs: list[Array] | None
    ) -> list[Array]:
        """By the spectrum of the batch."""
        margin = margin_of(batch, step)

        def transform() -> Array:
            return spectrum(batch.library, batch.padded(margin), padded_size(batch, margin))

        transformed = batch.shared("spectrum", margin, transform)
        options = (batch.double, batch.tolerance, batch.transfer)
        return respond(transformed, margin, batch.shape, kernels, *options, outs or [])


def cost(work: Work) -> Cost:
    """What the work would take on a processor, by NumPy or by torch."""
    high, wide = (fast_size(side + 2 * work.radius) for side in (work.height, work.width))
    count, grown = len(work.kernels), high * wide
    # A spectrum, a product and its transform; of an elongated kernel samples and their sums.
    padded = (work.height + 2 * work.radius) * (work.width + 2 * work.radius)
    nbytes = work.bytes_per_pixel * padded * (1 + 2 * work.images)
    nbytes += 0 if work.separable else 16 * (5 * (2 * work.radius + 1) ** 2 + padded)

    def transforms(rows: float, columns: float) -> float:
        """So many rows, then columns."""
        row, column = rows * wide * math.log2(wide), columns * high * math.log2(high)
        return costs.BUTTERFLY * (row + column)

    parts = blocks(count, work.images * grown * work.bytes_per_pixel, work.threads)
    banded = work.separable and parts == count and not work.double
    # Of a round kernel's spectrum the rows that it answers to.
    answered = [
        min(1.0, 2 * (edge_of(kernel) - kernel.frequency)) if banded else 1.0
        for kernel in work.kernels
    ]
    back = sum(transforms(high * share, work.width) for share in answered)
    # Of real rows half as much.
    forward = transforms(high / 2, wide)
    element = work.images * (forward + back + costs.PRODUCT * count * grown) / work.threads
    call = costs.BLOCK * (1 + parts)
    if work.separable:
        once = costs.SPECTRA * parts + costs.KERNEL * count
        return Cost.of(work, element, call, once, nbytes)
    once = costs.SAMPLE * work.taps
    once += count * (transforms(high / 2, work.radius + 1) + costs.PRODUCT * grown)
    once += costs.SPECTRA * parts
    if count * grown * work.bytes_per_pixel / 2 > KEPT_BYTES:  # made again at every call
        call, once = call + once, 0.0
    return Cost.of(work, element, call, once, nbytes)


def padded_size(batch: Batch, margin: int) -> tuple[int, int]:
    """Size of the transforms of a batch."""
    return transform_size(batch.library, batch.shape, margin)


def margin_of(batch: Batch, step: Step) -> int:
    """Pixels of outside that transforms take in: none where they wrap around by themselves."""
    size = padded_size(batch, 0)
    if batch.boundary == "wrap" and size == batch.shape and 2 * step.radius < min(size):
        return 0
    return step.margin


def transform_size(library: Library, shape: tuple[int, int], margin: int) -> tuple[int, int]:
    """Size of the transforms: circular convolution spoils only the margin."""
    height, width = shape
    return library.fast_size(height + 2 * margin), library.fast_size(width + 2 * margin)


def spectrum(library: Library, padded: Array, size: tuple[int, int]) -> Array:
    """Forward transform of the padded image, complex (B, *size)."""
    return library.fft(library.fft(padded, size[1], -1), size[0], -2)


def respond(
    transformed: Array,
    margin: int,
    shape: tuple[int, int],
    kernels: Sequence[Kernel],
    double: bool,
    tolerance: float,
    transfer: Transfer,
    outs: list[Array],
) -> list[Array]:
    """Multiply the spectrum by each kernel's and transform back, into ``outs`` (B, H, W) each.

    Parameters
    ----------
    transformed : complex array (B, *size)
        From :func:`spectrum`.
    margin, shape : int and (H, W)
        Where the image lies in the padded image.
    """
    height, width = shape
    size = (transformed.shape[-2], transformed.shape[-1])
    # Kernels side by side are faster than threads inside each transform, but hold more memory.
    alone = len(kernels) == 1 or transformed.nbytes > THREAD_BYTES
    library = NumpyLibrary(workers=available() if alone else 1)
    together = -(-len(kernels) // blocks(len(kernels), transformed.nbytes, available()))

    def work(first: int) -> None:
        chosen = tuple(kernels[first : first + together])
        if len(chosen) == 1 and chosen[0].separable:
            columns = _band(library, transformed, chosen[0], double, tolerance, transfer)[None]
        else:
            values = spectra_of(chosen, size, double, tolerance, transfer)
            columns = library.ifft(transformed * values[:, None], -1)
        columns = columns[..., margin : margin + width]
        responses = library.ifft(columns, -2)[..., margin : margin + height, :]
        for out, response in zip(outs[first : first + together], responses, strict=True):
            out[...] = response

    firsts = range(0, len(kernels), together)
    if alone or len(firsts) == 1:
        for first in firsts:
            work(first)
    else:
        in_threads(work, firsts, len(firsts))
    return outs


def blocks(kernels: int, spectrum_bytes: int, threads: int) -> int:
    """Into how many blocks kernels are divided, each transformed together."""
    together = min(BLOCK_BYTES // max(1, spectrum_bytes), -(-kernels // threads))
    return -(-kernels // max(1, together))


def _band(
    library: Library,
    transformed: Array,
    kernel: Kernel,
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> Array:
    """The product with the kernel's spectrum, transformed back along x.

    Only rows of frequencies that the kernel answers to are multiplied and transformed.
    """
    size = (transformed.shape[-2], transformed.shape[-1])
    lines = lines_of(kernel, size, double, closed_tolerance(tolerance, transfer))
    tall, wide, precise, rows = lines.tall, lines.wide, lines.precise, lines.rows
    product = transformed[:, rows]
    product *= library.constant(_outer(tall[:, rows], wide, precise), double)
    columns = np.zeros(transformed.shape, product.dtype)
    columns[:, rows] = library.ifft(product, -1)
    return columns


def _outer(tall: Array, wide: Array, precise: bool) -> Array:
    """Sum of outer products; no matrix product, whose threads get in the way of ours."""
    if not precise:
        tall, wide = tall.astype(np.complex64), wide.astype(np.complex64)
    values = tall[0][:, None] * wide[0]
    for column, row in zip(tall[1:], wide[1:], strict=True):
        values += column[:, None] * row
    return values
