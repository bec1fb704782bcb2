"""Scattering of NumPy arrays: SciPy's transforms, one thread a core."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...engines.threads import available, in_threads
from ...types import Array, ComplexArray, RealArray
from .averaging import averaged
from .cascade import Path, branch
from .filters import Filters, Wavelets

#: Pixels of padded pictures that one thread takes at a time.
CHUNK = 2**16


class NumpyEngine:
    """The steps of the cascade in one thread."""

    def __init__(self, filters: Filters) -> None:
        self.filters = filters

    def spectra(self, values: RealArray) -> ComplexArray:
        """See :class:`Engine`."""
        import scipy.fft

        return scipy.fft.fft2(values)  # of real values: half the work

    def moduli(self, spectra: ComplexArray, wavelets: Wavelets) -> RealArray:
        """See :class:`Engine`."""
        import scipy.fft

        (height, width), leading = wavelets.shape, spectra.shape[:-2]
        times = spectra.shape[-1] // width
        tiles = spectra.reshape(-1, times, height, times, width).swapaxes(2, 3)
        # As pairs of reals: half the multiplications of complex by complex.
        real = spectra.real.dtype
        pairs = np.ascontiguousarray(tiles).view(real).reshape(-1, times, times, 2 * height * width)
        product = np.empty((len(pairs), len(wavelets.members), height, width), spectra.dtype)
        folded = product.view(real).reshape(len(pairs), -1, pairs.shape[-1])
        room = np.empty((len(pairs), pairs.shape[-1]), real)
        for k, own in enumerate(wavelets.tiles):
            total = folded[:, k]
            for place, tile in enumerate(own):
                np.multiply(
                    pairs[:, tile.row, tile.column], tile.pairs, out=room if place else total
                )
                if place:
                    total += room
        found = abs(scipy.fft.ifft2(product, overwrite_x=True))
        return found.reshape(*leading, *found.shape[1:])

    def average(self, values: RealArray, step: int) -> RealArray:
        """See :class:`Engine`."""
        down, across = self.filters.blocks[step]
        found = averaged(values.reshape(-1, *values.shape[-2:]), down, across)
        return found.reshape(*values.shape[:-2], *found.shape[1:])


def scatter(filters: Filters, padded: RealArray, places: dict[Path, int]) -> RealArray:
    """Coefficients (B, C, h, w) of padded pictures (B, H', W')."""
    engine = NumpyEngine(filters)
    shape = (len(matrix) for matrix in filters.averages[1])
    out = np.empty((len(padded), len(places), *shape), padded.dtype)
    together = max(1, CHUNK // math.prod(padded.shape[1:]))
    chunks = [slice(start, start + together) for start in range(0, len(padded), together)]
    # Wavelets one by one, for the caches' sake; those of the most work come first.
    firsts = [
        (place, replace(wavelets, members=(member,), tiles=(tiles,)))
        for place, wavelets in filters.wavelets[1].items()
        for member, tiles in zip(wavelets.members, wavelets.tiles, strict=True)
    ]

    def begin(chunk: slice) -> ComplexArray:
        out[chunk, places[()]] = engine.average(padded[chunk], 1)
        return engine.spectra(padded[chunk])

    def go_on(chunk: slice, spectra: ComplexArray, first: Sequence[tuple[int, Wavelets]]) -> None:
        for place, wavelets in first:
            for path, found in branch(engine, spectra, wavelets, filters.following(place)):
                out[chunk, places[path]] = found

    if len(chunks) >= 2 * available():
        in_threads(lambda chunk: go_on(chunk, begin(chunk), firsts), chunks, len(chunks))
        return out
    for chunk in chunks:
        spectra = begin(chunk)

        def work(
            first: tuple[int, Wavelets], chunk: slice = chunk, spectra: Array = spectra
        ) -> None:
            go_on(chunk, spectra, [first])

        in_threads(work, firsts, len(firsts))
    return out
