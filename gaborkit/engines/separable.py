"""Row passes, column passes and a mix, each as dense matrix products (NumPy).

A one-dimensional convolution of a block of samples is a product with a banded (Toeplitz) matrix.
With blocks of 32 samples that wastes some multiplications and gains the speed of BLAS, which makes
it several times faster than loops over taps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..kernel import Kernel
from ..types import Array, RealArray
from .factorization import Factorization
from .threads import available, in_threads

#: Samples that one product of the Toeplitz matrix convolves.
BLOCK = 32

#: Bytes of row passes that are held at a time.
SLAB_BYTES = 2**26

#: Share of a kernel's L2 norm that a low-rank factorization may leave out.
ACCURACY = {np.dtype(np.float32): 1e-8, np.dtype(np.float64): 1e-15}


def respond(
    padded: Array, margin: int, kernels: Sequence[Kernel], tolerance: float, outs: list[Array]
) -> list[Array]:
    """Convolve with kernels of one radius by their common factorization."""
    factorization = Factorization.of(tuple(kernels), tolerance, ACCURACY[padded.dtype])
    height, width = (size - 2 * margin for size in padded.shape[1:])
    taps = factorization.rows.shape[1]
    start = margin - taps // 2
    inner = padded[:, start : start + height + taps - 1, start : start + width + taps - 1]
    dtype = np.dtype(np.float64) if factorization.cancels else padded.dtype
    passes = _Passes(factorization, width, dtype)
    # A slab for each thread, unless the row passes of one would take too much memory.
    share = -(-height // (available() * BLOCK)) * BLOCK
    slab = min(share, max(BLOCK, SLAB_BYTES // (passes.row_bytes * BLOCK) * BLOCK))

    def work(piece: tuple[int, int]) -> None:
        b, top = piece
        bottom = min(top + slab, height)
        rows = passes.row_passes(inner[b, top : bottom + taps - 1])
        for y in range(top, bottom, BLOCK):
            end = min(y + BLOCK, bottom)
            parts = passes.column_passes(rows[:, y - top : end - top + taps - 1])
            for k, out in enumerate(outs):
                out.real[b, y:end] = parts[k]
                out.imag[b, y:end] = parts[len(outs) + k]

    in_threads(work, [(b, top) for b in range(len(inner)) for top in range(0, height, slab)])
    return outs


class _Passes:
    """The Toeplitz matrices of one factorization, for images of one width."""

    def __init__(self, factorization: Factorization, width: int, dtype: np.dtype[np.floating]):
        self.width, self.dtype = width, dtype
        self.mix = factorization.mix.astype(dtype)
        self.filters, self.taps = factorization.rows.shape
        self.blocks = -(-width // BLOCK)
        self.row_bytes = self.filters * self.blocks * BLOCK * dtype.itemsize
        # (BLOCK + taps - 1, F * BLOCK): a window of a row times this is a block of each pass.
        self.row_matrix = _toeplitz(factorization.rows, dtype).reshape(-1, self.span).T.copy()
        # For each row filter the column filters that meet it, (G_f, BLOCK, BLOCK + taps - 1).
        self.column_matrices = [
            _toeplitz(
                factorization.columns[[g for f, g in factorization.products if f == row]], dtype
            )
            for row in range(self.filters)
        ]

    @property
    def span(self) -> int:
        """Input samples that a block of outputs depends on."""
        return BLOCK + self.taps - 1

    def row_passes(self, image: RealArray) -> RealArray:
        """All row filters over rows (n, width + taps - 1): (F, n, width)."""
        n = len(image)
        wide = np.zeros((n, self.blocks * BLOCK + self.taps - 1), self.dtype)
        wide[:, : image.shape[1]] = image
        step = wide.itemsize
        windows = as_strided(
            wide,
            (self.blocks, n, self.span),
            (BLOCK * step, wide.strides[0], step),
            writeable=False,
        )
        blocks = (windows @ self.row_matrix).reshape(self.blocks, n, self.filters, BLOCK)
        return blocks.transpose(2, 1, 0, 3).reshape(self.filters, n, -1)[:, :, : self.width]

    def column_passes(self, rows: RealArray) -> RealArray:
        """All products of a band of rows (F, n + taps - 1, width), mixed: (2 K, n, width)."""
        span = rows.shape[1]
        n = span - self.taps + 1
        products = np.empty((self.mix.shape[1], n * self.width), self.dtype)
        first = 0
        for row, matrix in zip(rows, self.column_matrices, strict=True):
            band = matrix[:, :n, :span].reshape(-1, span)
            block = products[first : first + len(matrix)].reshape(-1, self.width)
            np.matmul(band, row, out=block)
            first += len(matrix)
        return (self.mix @ products).reshape(-1, n, self.width)


def _toeplitz(filters: RealArray, dtype: np.dtype[np.floating]) -> RealArray:
    """Convolution of a block as matrices (F, BLOCK, BLOCK + taps - 1)."""
    count, taps = filters.shape
    matrix = np.zeros((count, BLOCK, BLOCK + taps - 1), dtype)
    for i in range(BLOCK):
        # Convolution meets the filter reversed.
        matrix[:, i, i : i + taps] = filters[:, ::-1]
    return matrix
