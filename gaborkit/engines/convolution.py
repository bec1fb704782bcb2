"""Direct convolution in torch: one ``conv2d`` for all kernels of a radius."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ..arrays import Library
from ..kernel import Kernel
from ..types import Array


def respond(
    library: Library,
    padded: Array,
    margin: int,
    kernels: Sequence[Kernel],
    double: bool,
    tolerance: float,
) -> list[Array]:
    """Correlate with the turned kernels; differentiable by the image and learnable parameters."""
    torch = sys.modules["torch"]
    height, width = (size - 2 * margin for size in padded.shape[-2:])
    radii = [kernel.radius(tolerance) for kernel in kernels]
    answers: dict[int, Array] = {}
    for radius in sorted(set(radii)):
        members = [k for k, r in enumerate(radii) if r == radius]
        samples = torch.stack(
            [library.constant(kernels[k].sample(tolerance), double) for k in members]
        )
        weight = torch.cat([samples.real, samples.imag])[:, None].flip(-2, -1)
        start, size = margin - radius, 2 * radius
        inner = padded[:, start : start + height + size, start : start + width + size]
        # TF32, on by default in cuDNN, would keep only three digits.
        with torch.backends.cudnn.flags(allow_tf32=False):
            parts = torch.nn.functional.conv2d(inner[:, None], weight)
        real, imag = parts.chunk(2, dim=1)
        answers.update(zip(members, torch.complex(real, imag).unbind(1), strict=True))
    return [answers[k] for k in range(len(kernels))]
