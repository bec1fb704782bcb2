"""Scattering of NumPy arrays: by compiled code, or by SciPy's transforms where there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..filtering.engines.structures import available_here
from ..filtering.engines.threads import available, in_threads
from ..types import Array, ComplexArray, RealArray
from . import in_lanes
from .averaging import averaged
from .cascade import Indices, branch
from .filters import Filters, Wavelets

#: Pixels of padded pictures that one thread takes at a time.
CHUNK = 2**16

#: Pixels of a padded picture from which on it is done step by step: threads share these, and
#: between them Ctrl-C is heard. Below, waiting for each other takes longer than the work.
LARGE = 2**14


class NumpySteps:
    """The steps of the cascade in one thread."""

    def __init__(self, filters: Filters) -> None:
        self.filters = filters

    def spectra(self, values: RealArray) -> ComplexArray:
        """See :class:`CascadeSteps`."""
        import scipy.fft

        return scipy.fft.fft2(values)  # of real values: half the work

    def moduli(self, spectra: ComplexArray, wavelets: Wavelets) -> RealArray:
        """See :class:`CascadeSteps`."""
        import scipy.fft

        leading, (count, _, height, width) = spectra.shape[:-2], wavelets.values.shape
        planes = spectra.reshape(-1, *spectra.shape[-2:])
        tiles = np.empty((len(planes), len(wavelets.tiles), height, width), spectra.dtype)
        for t, (row, column) in enumerate(wavelets.tiles):
            rows = slice(row * height, (row + 1) * height)
            tiles[:, t] = planes[:, rows, column * width : (column + 1) * width]
        product = np.empty((len(planes), count, height, width), spectra.dtype)
        # As pairs of reals: half the multiplications of complex by complex.
        left, total = (
            array.view(spectra.real.dtype).reshape(*array.shape[:2], -1)
            for array in (tiles, product)
        )
        if len(wavelets.tiles) == 1:
            np.multiply(left, wavelets.pairs[:, 0], out=total)
        else:
            np.einsum("btp,ltp->blp", left, wavelets.pairs, out=total)
        moduli = abs(scipy.fft.ifft2(product, overwrite_x=True))
        return moduli.reshape(*leading, *moduli.shape[1:])

    def average(self, values: RealArray, step: int) -> RealArray:
        """See :class:`CascadeSteps`."""
        down, across = self.filters.blocks[step]
        averages = averaged(values.reshape(-1, *values.shape[-2:]), down, across)
        return averages.reshape(*values.shape[:-2], *averages.shape[1:])


def scatter(filters: Filters, padded: RealArray, places: dict[Indices, int]) -> RealArray:
    """Coefficients (B, C, h, w) of padded pictures (B, H', W')."""
    # Squares neither overflow nor vanish; a power of two rounds nothing.
    limit = -np.finfo(padded.dtype).minexp
    exponents = np.clip(np.frexp(abs(padded).max((1, 2)))[1], -limit, limit)
    powers = np.ldexp(padded.dtype.type(1), exponents)[:, None, None]
    padded = padded * (1 / powers)
    shape = (len(matrix) for matrix in filters.averages[1])
    out = np.empty((len(padded), len(places), *shape), padded.dtype)
    compiled = filters.order > 0 and available_here()
    (_scatter_compiled if compiled else _scatter_by_numpy)(filters, padded, places, out)
    out *= powers[:, None]
    return out


def _scatter_compiled(
    filters: Filters, padded: RealArray, places: dict[Indices, int], out: RealArray
) -> None:
    steps, threads, pixels = NumpySteps(filters), available(), math.prod(padded.shape[1:])
    together = max(1, min(CHUNK // pixels, -(-len(padded) // threads)))
    chunks = [slice(start, start + together) for start in range(0, len(padded), together)]

    is_large = pixels >= LARGE
    sharing = threads if is_large and len(chunks) < 2 * threads else 1

    def work(chunk: slice) -> None:
        out[chunk, places[()]] = steps.average(padded[chunk], 1)
        spectra = steps.spectra(padded[chunk])
        if not is_large:
            in_lanes.scatter(filters, spectra, out[chunk])
            return
        for spectrum, coefficients in zip(spectra, out[chunk], strict=True):
            in_lanes.scatter_by_steps(filters, spectrum, coefficients, sharing)

    if sharing > 1:  # one at a time: threads of in_threads start no others
        for chunk in chunks:
            work(chunk)
    else:
        in_threads(work, chunks, threads)


def _scatter_by_numpy(
    filters: Filters, padded: RealArray, places: dict[Indices, int], out: RealArray
) -> None:
    steps, together = NumpySteps(filters), max(1, CHUNK // math.prod(padded.shape[1:]))
    chunks = [slice(start, start + together) for start in range(0, len(padded), together)]
    # Wavelets one by one, for the caches' sake; those of the most work come first.
    firsts = filters.firsts

    def begin(chunk: slice) -> ComplexArray:
        out[chunk, places[()]] = steps.average(padded[chunk], 1)
        return steps.spectra(padded[chunk])

    def go_on(chunk: slice, spectra: ComplexArray, first: Sequence[tuple[int, Wavelets]]) -> None:
        for scale, wavelets in first:
            for path, value in branch(steps, spectra, wavelets, filters.following(scale)):
                out[chunk, places[path]] = value

    if len(chunks) >= 2 * available():
        in_threads(lambda chunk: go_on(chunk, begin(chunk), firsts), chunks, len(chunks))
        return
    for chunk in chunks:
        spectra = begin(chunk)

        def work(
            first: tuple[int, Wavelets], chunk: slice = chunk, spectra: Array = spectra
        ) -> None:
            go_on(chunk, spectra, [first])

        in_threads(work, firsts, len(firsts))
