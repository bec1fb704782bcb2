"""Convolution by the Fourier transform, for NumPy and torch: one forward transform for a bank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import Library, NumpyLibrary
from ..kernel import Kernel
from ..types import Array, Transfer
from .factorization import cancels
from .threads import in_threads

#: Bytes of spectrum up to which kernels are transformed side by side.
THREAD_BYTES = 2**26


def transform_size(library: Library, shape: tuple[int, int], margin: int) -> tuple[int, int]:
    """Size of the transforms: circular convolution spoils only the margin."""
    height, width = shape
    return library.fast_size(height + 2 * margin), library.fast_size(width + 2 * margin)


def spectrum(library: Library, padded: Array, size: tuple[int, int]) -> Array:
    """Forward transform of the padded image, complex (B, *size)."""
    return library.fft(library.fft(padded, size[1], -1), size[0], -2)


def kernel_spectrum(
    library: Library,
    kernel: Kernel,
    size: tuple[int, int],
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> Array:
    """Transform of the kernel, its origin at the first sample, complex (*size)."""
    if transfer == "analytic":
        fy, fx = np.fft.fftfreq(size[0])[:, None], np.fft.fftfreq(size[1])[None, :]
        return library.constant(kernel.transfer(fy, fx, sampled=True), double)
    radius = kernel.radius(tolerance)
    if kernel.separable and not kernel.learnable:
        # Two outer products of one-dimensional transforms, centred so that they cost no shift.
        weights, columns, rows = kernel.factors(tolerance)
        tall = _centred(weights[:, None] * columns, radius, size[0])
        wide = _centred(rows, radius, size[1])
        # Products that nearly cancel are added in double precision.
        precise = double or cancels(weights)
        values = tall.T @ wide if precise else tall.T.astype("F") @ wide.astype("F")
        return library.constant(values, double)
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
        values = kernel_spectrum(library, kernel, size, double, tolerance, transfer)
        columns = library.ifft(transformed * values, -1)[..., margin : margin + width]
        return library.ifft(columns, -2)[..., margin : margin + height, :]

    if outs is None:
        return [response(library, kernel) for kernel in kernels]
    # Kernels side by side are faster than threads inside each transform, but hold more memory.
    together = len(kernels) > 1 and transformed.nbytes <= THREAD_BYTES

    def work(k: int) -> None:
        outs[k][...] = response(NumpyLibrary(workers=1) if together else library, kernels[k])

    if together:
        in_threads(work, range(len(kernels)))
    else:
        for k in range(len(kernels)):
            work(k)
    return outs


def _shift(radius: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """Transform of a shift by ``radius`` samples to the left."""
    # Whole turns are taken off before the exponential, which rounds large angles.
    turns = (np.arange(size) * radius % size) / size
    return np.exp(2j * np.pi * turns)


def _centred(lines: Array, radius: int, size: int) -> Array:
    """Transforms (T, size) of centred lines (T, 2 radius + 1)."""
    return np.fft.fft(lines, size, axis=-1) * _shift(radius, size)
