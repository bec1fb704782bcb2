"""Convolution by the Fourier transform, for NumPy and torch: one forward transform for a bank."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Library, NumpyLibrary, put, torch_transform
from ..kernels.base import Kernel
from ..types import Array, ComplexArray, Transfer
from .factorization import cancels
from .keeping import keep
from .sampling import factors_of, samples_of
from .threads import available, in_threads

#: Bytes of spectrum up to which kernels are transformed side by side.
THREAD_BYTES = 2**26

#: Bytes of spectra of kernels that are transformed together: small ones cost more time to call.
BLOCK_BYTES = 2**19

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
    """Transform of the kernel on torch, its origin at the first sample, complex (*size)."""
    if kernel.separable and not kernel.learnable:
        tolerance = _closed_tolerance(tolerance, transfer)
        tall, wide = _device_lines(kernel, size, double, tolerance, library.device)
        values = tall[0][:, None] * wide[0]
        for column, row in zip(tall[1:], wide[1:], strict=True):
            values.addcmul_(column[:, None], row)
        return values.to(_complex(double))
    if transfer == "analytic":
        return library.constant(_closed_form(kernel, size), double)
    radius = kernel.radius(tolerance)
    sample = library.constant(kernel.sample(tolerance), double)
    values = library.fft(library.fft(sample, size[1], -1), size[0], -2)
    shift = _shift(radius, size[0])[:, None] * _shift(radius, size[1])
    return values * library.constant(shift, double)


def _closed_form(kernel: Kernel, size: tuple[int, int]) -> ComplexArray:
    fy, fx = np.fft.fftfreq(size[0])[:, None], np.fft.fftfreq(size[1])[None, :]
    return kernel.transfer(fy, fx, sampled=True)


@keep
def _spectra(
    kernels: tuple[Kernel, ...],
    size: tuple[int, int],
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> Array:
    """Transforms of kernels (K, *size), their origins at the first sample, not to be changed.

    They are real of kernels that are their own mirror images, conjugated.
    """
    if all(kernel.separable for kernel in kernels):
        values = _sums(kernels, size, double, tolerance, transfer)
    elif transfer == "analytic":
        values = np.stack([_closed_form(kernel, size) for kernel in kernels])
    else:
        values = _transforms(np.stack(samples_of(kernels, tolerance)), size, double)
    rounding = 1e-13 if double else 1e-6
    if np.isrealobj(values) or abs(values.imag).max() <= rounding * abs(values.real).max():
        return np.ascontiguousarray(values.real, np.float64 if double else np.float32)
    return values.astype(np.complex128 if double else np.complex64, copy=False)


def _sums(
    kernels: Sequence[Kernel],
    size: tuple[int, int],
    double: bool,
    tolerance: float,
    transfer: Transfer,
) -> ComplexArray:
    """Transforms of round kernels (K, *size): sums of outer products."""
    factors = factors_of(kernels, _closed_tolerance(tolerance, transfer))
    tall = _centred([weights[:, None] * columns for weights, columns, _ in factors], size[0])
    wide = _centred([rows for _, _, rows in factors], size[1])
    if not double and not any(cancels(weights) for weights, _, _ in factors):
        tall, wide = tall.astype(np.complex64), wide.astype(np.complex64)
    counts = np.array([len(weights) for weights, _, _ in factors])
    first = counts.cumsum() - counts
    values = tall[first][:, :, None] * wide[first][:, None]
    for term in range(1, counts.max()):
        chosen = np.flatnonzero(counts > term)
        line = first[chosen] + term
        values[chosen] += tall[line][:, :, None] * wide[line][:, None]
    return values


def _transforms(samples: ComplexArray, size: tuple[int, int], double: bool) -> Array:
    """Transforms of sampled kernels, their origins at the first sample, complex or real."""
    library, radius = NumpyLibrary(workers=1), samples.shape[-1] // 2
    # The right half says all of a kernel that is its own mirror image, conjugated.
    distance = abs(samples - samples[:, ::-1, ::-1].conj()).max()
    mirrored = distance <= 1e-15 * abs(samples).max((1, 2)).min()
    columns = np.zeros((len(samples), size[0], radius + 1 if mirrored else size[1]), complex)
    turned = np.roll(samples, -radius, axis=(1, 2))
    # Of a single sample nothing lies before the origin, and -0 would be all.
    ends = (slice(radius + 1), slice(-radius, None))[: 1 + (radius > 0)]
    for part in ends:
        for across in ends[:1] if mirrored else ends:
            columns[:, part, across] = turned[:, part, across]
    columns = library.fft(library.constant(columns, double), size[0], 1)
    return library.hfft(columns, size[1], 2) if mirrored else library.fft(columns, size[1], 2)


def _closed_tolerance(tolerance: float, transfer: Transfer) -> float:
    """Supports of negligible tails have the transform in closed form."""
    return min(tolerance, 1e-12) if transfer == "analytic" else tolerance


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
        outs = list(np.empty((len(kernels), len(transformed), *shape), transformed.dtype))
    # Kernels side by side are faster than threads inside each transform, but hold more memory.
    alone = len(kernels) == 1 or transformed.nbytes > THREAD_BYTES
    library = library if alone else NumpyLibrary(workers=1)
    together = -(-len(kernels) // blocks(len(kernels), transformed.nbytes, available()))

    def work(first: int) -> None:
        chosen = tuple(kernels[first : first + together])
        if len(chosen) == 1 and chosen[0].separable:
            columns = _band(library, transformed, chosen[0], double, tolerance, transfer)[None]
        else:
            values = _spectra(chosen, size, double, tolerance, transfer)
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
    lines = _lines(kernel, size, double, _closed_tolerance(tolerance, transfer))
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


@dataclass(frozen=True)
class _Lines:
    """Transforms (T, size) of columns and rows whose outer products add up to a kernel's.

    And whether they nearly cancel, so that they are to be added in double precision; and the rows
    of the kernel's spectrum that hold its energy, but for a share of :data:`LEFT_OUT`.
    """

    tall: ComplexArray
    wide: ComplexArray
    precise: bool
    rows: Array

    @property
    def nbytes(self) -> int:
        """Of the arrays."""
        return self.tall.nbytes + self.wide.nbytes + self.rows.nbytes


@keep
def _lines(kernel: Kernel, size: tuple[int, int], double: bool, tolerance: float) -> _Lines:
    ((weights, columns, rows),) = factors_of([kernel], tolerance)
    tall, wide = _centred([weights[:, None] * columns], size[0]), _centred([rows], size[1])
    # Of the largest number 1: squares of tiny ones would be nothing.
    high, long = (lines / (abs(lines).max() or 1) for lines in (tall, wide))
    energy = np.einsum("iy,ij,jy->y", high, long @ long.conj().T, high.conj()).real
    order = np.argsort(energy)
    left_out = energy[order].cumsum() <= LEFT_OUT[double] ** 2 * energy.sum()
    return _Lines(tall, wide, double or cancels(weights), np.sort(order[~left_out]))


@functools.lru_cache(maxsize=256)
def _device_lines(
    kernel: Kernel, size: tuple[int, int], double: bool, tolerance: float, device: Any
) -> tuple[Array, Array]:
    """The lines on a device, kept: copying them at every call would stall a GPU."""
    lines = _lines(kernel, size, double, tolerance)
    kind = "complex128" if lines.precise else "complex64"
    return put(lines.tall, device, kind), put(lines.wide, device, kind)


def _shift(radius: int, size: int) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """Transform of a shift by ``radius`` samples to the left."""
    # Whole turns are taken off before the exponential, which rounds large angles.
    turns = (np.arange(size) * radius % size) / size
    return np.exp(2j * np.pi * turns)


def _centred(parts: Sequence[ComplexArray], size: int) -> ComplexArray:
    """Transforms (T, size) of all centred lines (., 2 radius + 1); longer ones wrap around."""
    placed = np.zeros((sum(map(len, parts)), size), complex)
    first = 0
    for lines in parts:
        rows, radius = placed[first : first + len(lines)], lines.shape[1] // 2
        if 2 * radius < size:
            rows[:, : radius + 1] = lines[:, radius:]
            rows[:, size - radius :] = lines[:, :radius]
        else:
            np.add.at(rows.T, np.arange(-radius, radius + 1) % size, lines.T)
        first += len(lines)
    return np.fft.fft(placed)
