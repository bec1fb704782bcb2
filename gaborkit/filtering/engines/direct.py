"""Direct convolution: every tap of every kernel, as one matrix product."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...kernels.base import Kernel
from ...types import Array
from .. import costs
from .base import Cost, Region, ResponseEngine, Step, Work
from .batch import Batch
from .samples import samples_of

#: Bytes of unfolded image that are held at a time.
BLOCK_BYTES = 2**24


class Direct(ResponseEngine):
    """Every tap at every pixel: small kernels on small pictures."""

    name = "direct"
    backend = "numpy"

    def cost(self, work: Work) -> Cost:
        """By the taps at all pixels."""
        size, kernels = (2 * work.radius + 1) ** 2, len(work.kernels)
        products = costs.MULTIPLY / work.threads * 2 * kernels
        element = (costs.UNFOLD + products) * work.pixels * size
        element += costs.PRODUCT * kernels * work.pixels
        return Cost.of(work, element, costs.DIRECT + costs.SAMPLE * work.taps, 0.0, nbytes(work))

    def scratch(self, region: Region) -> int:
        """The unfolded blocks besides."""
        return super().scratch(region) + 2 * BLOCK_BYTES * (region.threads + 1)

    def responses(
        self, batch: Batch, step: Step, kernels: Sequence[Kernel], outs: list[Array] | None
    ) -> list[Array]:
        """Of windows of the padded pictures."""
        return respond(batch.padded(step.radius), kernels, batch.tolerance, outs or [])


def nbytes(work: Work) -> int:
    """Of taps as they are made, and of a block of windows."""
    return (16 * 4 + work.bytes_per_pixel) * work.taps + BLOCK_BYTES


def respond(
    padded: Array, kernels: Sequence[Kernel], tolerance: float, outs: list[Array]
) -> list[Array]:
    """Unfold windows of the image, a block at a time, and multiply by all kernels, of one radius.

    The image has a margin of that radius.
    """
    # Convolution meets the kernel turned by half a circle.
    flipped = np.stack([sample[::-1, ::-1] for sample in samples_of(kernels, tolerance)])
    count, size, _ = flipped.shape
    taps = np.concatenate([flipped.real, flipped.imag]).reshape(-1, size * size).T
    taps = taps.astype(padded.dtype)
    windows = sliding_window_view(padded, (size, size), axis=(1, 2))
    images, height, width = windows.shape[:3]
    most = max(1, BLOCK_BYTES // (size * size * padded.itemsize))
    rows, columns = max(1, most // width), min(width, most)
    blocks = itertools.product(range(images), range(0, height, rows), range(0, width, columns))
    for b, y, x in blocks:
        block = windows[b, y : y + rows, x : x + columns]
        product = block.reshape(-1, size * size) @ taps
        parts = product.T.reshape(2, count, *block.shape[:2])
        for out, real, imag in zip(outs, *parts, strict=True):
            out.real[b, y : y + rows, x : x + columns] = real
            out.imag[b, y : y + rows, x : x + columns] = imag
    return outs
