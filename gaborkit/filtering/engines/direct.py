"""Direct convolution: every tap of every kernel, as one matrix product."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ...kernels.base import Kernel
from ...types import Array
from .. import costs
from .base import Cost, Region, ResponseEngine, Step, Work
from .batch import Batch
from .sampling import samples_of

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
        padded = batch.padded(step.radius)
        return respond(padded, step.radius, kernels, batch.tolerance, outs or [])


def nbytes(work: Work) -> int:
    """Of taps as they are made; windows come a block at a time."""
    return (16 * 4 + work.bytes_per_pixel) * work.taps


def respond(
    padded: Array, margin: int, kernels: Sequence[Kernel], tolerance: float, outs: list[Array]
) -> list[Array]:
    """Unfold windows of the image, a block of rows at a time, and multiply by all kernels.

    Kernels of one radius share the unfolded windows.
    """
    height, width = (size - 2 * margin for size in padded.shape[1:])
    samples = samples_of(kernels, tolerance)
    for size in sorted({len(sample) for sample in samples}):
        members = [k for k, sample in enumerate(samples) if len(sample) == size]
        # Convolution meets the kernel turned by half a circle.
        flipped = np.stack([samples[k][::-1, ::-1].ravel() for k in members])
        taps = np.concatenate([flipped.real, flipped.imag]).T.astype(padded.dtype)
        start = margin - size // 2
        inner = padded[:, start : start + height + size - 1, start : start + width + size - 1]
        windows = sliding_window_view(inner, (size, size), axis=(1, 2))
        rows = max(1, BLOCK_BYTES // (width * size * size * padded.itemsize))
        for b in range(len(padded)):
            for y in range(0, height, rows):
                block = windows[b, y : y + rows]
                product = block.reshape(-1, size * size) @ taps
                parts = product.T.reshape(2, len(members), *block.shape[:2])
                for i, k in enumerate(members):
                    outs[k].real[b, y : y + rows] = parts[0, i]
                    outs[k].imag[b, y : y + rows] = parts[1, i]
    return outs
