"""Convolution by the Fourier transform, for NumPy and torch: one forward transform for a bank."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import Library, NumpyLibrary, put, torch_transform
from ..kernels.base import Kernel
from ..types import Array, ComplexArray, Transfer
from .factorization import cancels
from .spectra import kept
from .threads import in_threads

#: Bytes of spectrum up to which kernels are transformed side by side.
THREAD_BYTES = 2**26

#: Share of a kernel's L2 norm that may lie in rows of its spectrum that are left out: in single
#: and in double precision. Most of it are the ripples of a truncated kernel.
LEFT_OUT = (5e-6, 1e-12)

#: Bytes of products and their transforms that a batch of kernels may take on a GPU.
BATCH_BYTES = 2**30


def transform_size(library: Library, shape: tuple[int, int], margin: int) -> tuple[int, int]:
    """Size of the transforms: circular convolution spoils only the margin."""
    height, width = shape
    return library.fast_size(height + 2 * margin), library.fast_size(width + 2 * margin)


def spectrum(library: Library, padded: Array, size: tuple[int, int]) -> Array:
    """Forward transform of the padded image, complex (B, *size)."""
    if library.name == "torch":
        # Real input takes half the work.
        return torch_transform(sys.modules["torch"].fft.fft2, padded, size)
    return library.fft(library.fft(padded, size[1], -1), size[0], -2)


def kernel_spectrum(
    library: Library,
    kernel: Kernel,
    size: tuple[int, int],
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> Array:
    """Transform of the kernel, its origin at the first sample, real or complex (*size)."""
    if library.name == "numpy" and not kernel.learnable:
        key = (kernel, size, double, tolerance, transfer)
        return kept(
            key, lambda: _kernel_spectrum(library, kernel, size, double, tolerance, transfer)
        )
    return _kernel_spectrum(library, kernel, size, double, tolerance, transfer)


def _kernel_spectrum(
    library: Library,
    kernel: Kernel,
    size: tuple[int, int],
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> Array:
    if kernel.separable and not kernel.learnable:
        # Supports of negligible tails have the transform in closed form.
        tolerance = min(tolerance, 1e-12) if transfer == "analytic" else tolerance
        if library.name == "torch":
            tall, wide = _device_lines(kernel, size, double, tolerance, library.device)
            values = tall[0][:, None] * wide[0]
            for column, row in zip(tall[1:], wide[1:], strict=True):
                values.addcmul_(column[:, None], row)
            return values.to(_complex(double))
        tall, wide, precise, _ = _lines(kernel, size, double, tolerance)
        return library.constant(_outer(tall, wide, precise), double)
    if transfer == "analytic":
        fy, fx = np.fft.fftfreq(size[0])[:, None], np.fft.fftfreq(size[1])[None, :]
        return library.constant(kernel.transfer(fy, fx, sampled=True), double)
    radius = kernel.radius(tolerance)
    sample = library.constant(kernel.sample(tolerance), double)
    values = library.fft(library.fft(sample, size[1], -1), size[0], -2)
    shift = _shift(radius, size[0])[:, None] * _shift(radius, size[1])
    return values * library.constant(shift, double)


def respond(
    library: Library,
    transformed: Array,
    margin: int,
    shape: tuple[int, int],
    kernels: Sequence[Kernel],
    double: bool,
    tolerance: float,
    transfer: Transfer,
    outs: list[Array] | None,
) -> list[Array]:
    """Multiply the spectrum by each kernel's and transform back.

    Parameters
    ----------
    transformed : complex array (B, *size)
        From :func:`spectrum`.
    margin, shape : int and (H, W)
        Where the image lies in the padded image.
    """
    height, width = shape
    size = (transformed.shape[-2], transformed.shape[-1])

    def response(library: Library, kernel: Kernel) -> Array:
        if library.name == "numpy" and kernel.separable:
            columns = _band(library, transformed, kernel, double, tolerance, transfer)
        else:
            values = kernel_spectrum(library, kernel, size, double, tolerance, transfer)
            columns = library.ifft(transformed * values, -1)
        columns = columns[..., margin : margin + width]
        return library.ifft(columns, -2)[..., margin : margin + height, :]

    if library.name == "torch":
        found: list[Array] = []
        for first, together in batches(transformed, len(kernels)):
            chosen = kernels[first : first + together]
            spectra = library.stack(
                [kernel_spectrum(library, k, size, double, tolerance, transfer) for k in chosen], 0
            )
            product = transformed[:, None] * spectra
            back = library.ifft(library.ifft(product, -1)[..., margin : margin + width], -2)
            found += back[..., margin : margin + height, :].unbind(1)
            if outs is not None:
                for k in range(first, len(found)):
                    outs[k][...] = found[k]
                    found[k] = outs[k]
        return found
    if outs is None:
        return [response(library, kernel) for kernel in kernels]
    # Kernels side by side are faster than threads inside each transform, but hold more memory.
    together = len(kernels) > 1 and transformed.nbytes <= THREAD_BYTES

    def work(k: int) -> None:
        outs[k][...] = response(NumpyLibrary(workers=1) if together else library, kernels[k])

    if together:
        in_threads(work, range(len(kernels)), len(kernels))
    else:
        for k in range(len(kernels)):
            work(k)
    return outs


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
    tolerance = min(tolerance, 1e-12) if transfer == "analytic" else tolerance
    tall, wide, precise, rows = _lines(kernel, size, double, tolerance)
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


@functools.lru_cache(maxsize=256)
def _lines(
    kernel: Kernel, size: tuple[int, int], double: bool, tolerance: float
) -> tuple[Array, Array, bool, Array]:
    """Transforms (T, size) of columns and rows whose outer products add up to the kernel's.

    And whether they nearly cancel, so that they are to be added in double precision; and the rows
    of the kernel's spectrum that hold its energy, but for a share of :data:`LEFT_OUT`.
    """
    weights, columns, rows = kernel.factors(tolerance)
    tall, wide = _centred(weights[:, None] * columns, size[0]), _centred(rows, size[1])
    # Of the largest number 1: squares of tiny ones would be nothing.
    high, long = (lines / (abs(lines).max() or 1) for lines in (tall, wide))
    energy = np.einsum("iy,ij,jy->y", high, long @ long.conj().T, high.conj()).real
    order = np.argsort(energy)
    left_out = energy[order].cumsum() <= LEFT_OUT[double] ** 2 * energy.sum()
    return tall, wide, double or cancels(weights), np.sort(order[~left_out])


@functools.lru_cache(maxsize=256)
def _device_lines(
    kernel: Kernel, size: tuple[int, int], double: bool, tolerance: float, device: Any
) -> tuple[Array, Array]:
    """The lines on a device, kept: copying them at every call would stall a GPU."""
    tall, wide, precise, _ = _lines(kernel, size, double, tolerance)
    kind = "complex128" if precise else "complex64"
    return put(tall, device, kind), put(wide, device, kind)


def _shift(radius: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """Transform of a shift by ``radius`` samples to the left."""
    # Whole turns are taken off before the exponential, which rounds large angles.
    turns = (np.arange(size) * radius % size) / size
    return np.exp(2j * np.pi * turns)


def _centred(lines: ComplexArray, size: int) -> ComplexArray:
    """Transforms (T, size) of centred lines (T, 2 radius + 1), which wrap around if longer."""
    radius = lines.shape[1] // 2
    turns = -(-lines.shape[1] // size)
    wrapped = np.zeros((len(lines), turns * size), complex)
    wrapped[:, : lines.shape[1]] = lines
    wrapped = wrapped.reshape(len(lines), turns, size).sum(1)
    return np.fft.fft(np.roll(wrapped, -radius, 1))
