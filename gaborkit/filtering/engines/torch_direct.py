"""Direct convolution in torch: one ``conv2d`` for all kernels of a radius."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...caches import keep
from ...kernels.base import Kernel
from ...types import Array
from .. import costs
from ..backend import Library, full_precision, put
from .base import Cost, ResponseEngine, Step, Work
from .batch import Batch
from .direct import nbytes

#: Bytes of real and imaginary parts that are held before they become complex.
BATCH_BYTES = 2**30


class TorchDirect(ResponseEngine):
    """Every tap at every pixel, with gradients to images and learnable kernels."""

    name = "direct"
    backend = "torch"

    def cost(self, work: Work) -> Cost:
        """By the taps at all pixels."""
        element = costs.CONVOLUTION * 2 * work.pixels * work.taps / work.threads
        return Cost.of(work, element, costs.DIRECT, costs.SAMPLE * work.taps, nbytes(work))

    def responses(
        self, batch: Batch, step: Step, kernels: Sequence[Kernel], outs: list[Array] | None
    ) -> list[Array]:
        """Of the padded pictures."""
        padded, library = batch.padded(step.radius), batch.library
        return respond(library, padded, step.radius, kernels, batch.double, batch.tolerance)


def respond(
    library: Library,
    padded: Array,
    margin: int,
    kernels: Sequence[Kernel],
    double: bool,
    tolerance: float,
) -> list[Array]:
    """Correlate with the turned kernels; differentiable by the image and learnable parameters.

    The image has one channel, for which channels-last and channels-first are the same memory.
    """
    torch = sys.modules["torch"]
    height, width = (size - 2 * margin for size in padded.shape[-2:])
    pixels = max(1, len(padded)) * height * width
    together = max(1, BATCH_BYTES // (pixels * 2 * padded.element_size()))
    radii = [kernel.radius(tolerance) for kernel in kernels]
    answers: dict[int, Array] = {}
    for radius in sorted(set(radii)):
        members = [k for k, r in enumerate(radii) if r == radius]
        start, size = margin - radius, 2 * radius
        inner = padded[:, None, start : start + height + size, start : start + width + size]
        for first in range(0, len(members), together):
            chosen = members[first : first + together]
            weight = _weight(library, [kernels[k] for k in chosen], double, tolerance)
            # TF32, on by default in cuDNN, would keep only three digits.
            with full_precision(padded.device), torch.backends.cudnn.flags(allow_tf32=False):
                real, imag = torch.nn.functional.conv2d(inner, weight).chunk(2, dim=1)
            for i, k in enumerate(chosen):
                answers[k] = torch.complex(real[:, i], imag[:, i])
    return [answers[k] for k in range(len(kernels))]


def _weight(library: Library, kernels: list[Kernel], double: bool, tolerance: float) -> Array:
    """Turned real parts, then imaginary parts (2 K, 1, taps, taps)."""
    torch = sys.modules["torch"]
    if not any(kernel.learnable for kernel in kernels):
        return _constant_weight(tuple(kernels), double, tolerance, library.device)
    samples = torch.stack([library.constant(k.sample(tolerance), double) for k in kernels])
    return torch.cat([samples.real, samples.imag])[:, None].flip(-2, -1)


@keep
def _constant_weight(
    kernels: tuple[Kernel, ...], double: bool, tolerance: float, device: Any
) -> Array:
    """Weights are kept: copying them at every call would stall a GPU."""
    samples = np.stack([kernel.sample(tolerance)[::-1, ::-1] for kernel in kernels])
    parts = np.concatenate([samples.real, samples.imag])[:, None]
    return put(parts, device, "float64" if double else "float32")
