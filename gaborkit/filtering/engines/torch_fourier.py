"""Convolution by the Fourier transform in torch, with gradients: one transform for a bank."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from ...caches import lru_cache
from ...kernels.base import Kernel
from ...types import Array, Transfer
from ..backend import Library, put, torch_transform
from . import fourier
from .base import Cost, ResponseEngine, Step, Work
from .batch import Batch
from .spectra import closed_form, closed_tolerance, lines_of, shift_of

#: Bytes of products and their transforms that a batch of kernels may take on a GPU.
BATCH_BYTES = 2**30


class TorchFourier(ResponseEngine):
    """Every kernel, by its spectrum; gradients reach images and, but for ``analytic``, kernels."""

    name = "fourier"
    backend = "torch"
    shares_margin = True

    def refusal(self, work: Work) -> str:
        """It does everything."""
        return ""

    def cost(self, work: Work) -> Cost:
        """As on NumPy."""
        return fourier.cost(work)

    def responses(
        self, batch: Batch, step: Step, kernels: Sequence[Kernel], outs: list[Array] | None
    ) -> list[Array]:
        """By the spectrum of the batch."""
        margin = fourier.margin_of(batch, step)

        def transform() -> Array:
            return spectrum(batch.padded(margin), fourier.padded_size(batch, margin))

        transformed = batch.shared("spectrum", margin, transform)
        options = (batch.double, batch.tolerance, batch.transfer)
        return respond(batch.library, transformed, margin, batch.shape, kernels, *options)


def spectrum(padded: Array, size: tuple[int, int]) -> Array:
    """Forward transform of the padded image, complex (B, *size); real input takes half the work."""
    return torch_transform(sys.modules["torch"].fft.fft2, padded, size)


def respond(
    library: Library,
    transformed: Array,
    margin: int,
    shape: tuple[int, int],
    kernels: Sequence[Kernel],
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> list[Array]:
    """Multiply the spectrum by each kernel's and transform back.

    Parameters
    ----------
    transformed : complex tensor (B, *size)
        From :func:`spectrum`.
    margin, shape : int and (H, W)
        Where the image lies in the padded image.
    """
    height, width = shape
    size = (transformed.shape[-2], transformed.shape[-1])
    responses: list[Array] = []
    for first, together in batches(transformed, len(kernels)):
        chosen = kernels[first : first + together]
        spectra = library.stack(
            [kernel_spectrum(library, k, size, double, tolerance, transfer) for k in chosen], 0
        )
        product = transformed[:, None] * spectra
        back = library.ifft(library.ifft(product, -1)[..., margin : margin + width], -2)
        responses += back[..., margin : margin + height, :].unbind(1)
    return responses


def kernel_spectrum(
    library: Library,
    kernel: Kernel,
    size: tuple[int, int],
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> Array:
    """Transform of the kernel on torch, its origin at the first sample, complex (*size)."""
    if kernel.separable and not kernel.learnable:
        tolerance = closed_tolerance(tolerance, transfer)
        tall, wide = _device_lines(kernel, size, double, tolerance, library.device)
        values = tall[0][:, None] * wide[0]
        for column, row in zip(tall[1:], wide[1:], strict=True):
            values.addcmul_(column[:, None], row)
        return values.to(_complex(double))
    if transfer == "analytic":
        return library.constant(closed_form(kernel, size), double)
    radius = kernel.radius(tolerance)
    sample = library.constant(kernel.sample(tolerance), double)
    values = library.fft(library.fft(sample, size[1], -1), size[0], -2)
    shift = shift_of(radius, size[0])[:, None] * shift_of(radius, size[1])
    return values * library.constant(shift, double)


def batches(transformed: Array, kernels: int) -> list[tuple[int, int]]:
    """First kernel and number of kernels of each batch: many on a GPU, one at a time in memory."""
    together = 1
    if transformed.device.type != "cpu":
        # The product, its transform along one axis, along both, and the transform's own use.
        spectrum_bytes = max(1, transformed.numel()) * transformed.element_size()
        together = max(1, BATCH_BYTES // (4 * spectrum_bytes))
    return [(first, min(together, kernels - first)) for first in range(0, kernels, together)]


def _complex(double: bool) -> Any:
    torch = sys.modules["torch"]
    return torch.complex128 if double else torch.complex64


@lru_cache(maxsize=256)
def _device_lines(
    kernel: Kernel, size: tuple[int, int], double: bool, tolerance: float, device: Any
) -> tuple[Array, Array]:
    """The lines on a device, kept: copying them at every call would stall a GPU."""
    lines = lines_of(kernel, size, double, tolerance)
    kind = "complex128" if lines.precise else "complex64"
    return put(lines.tall, device, kind), put(lines.wide, device, kind)
