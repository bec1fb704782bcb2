"""The cascade itself: wavelet, modulus, wavelet, modulus, and the low-pass of each modulus.

It is written once; NumPy and torch each say how they multiply, transform and average.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from ...arrays import put
from ...engines.threads import available, in_threads
from ...types import Array, RealArray
from .filters import Filters, Wavelets

#: Pixels of padded pictures that one thread takes at a time.
CHUNK = 2**17

Path = tuple[int, ...]


class Engine(Protocol):
    """How one library does the four steps."""

    def spectra(self, values: Array) -> Array:
        """Transform of real values (..., H, W), complex and whole."""

    def moduli(self, spectra: Array, wavelets: Wavelets) -> Array:
        """Moduli (..., L, h, w) of the values' responses, on the wavelets' own grid."""

    def average(self, values: Array, step: int) -> Array:
        """Low-pass (..., h, w) of values at every ``step``-th pixel."""


def branch(
    engine: Engine, spectra: Array, first: Wavelets, following: list[Wavelets]
) -> Iterator[tuple[Path, Array]]:
    """Coefficients (B, h, w) whose paths begin with some wavelets.

    Parameters
    ----------
    engine : Engine
    spectra : complex array (B, H', W')
        Of the padded pictures.
    first : Wavelets
        L of one scale.
    following : list of Wavelets
        Of the lower scales, applied to the moduli of the first; none for order 1.
    """
    moduli = engine.moduli(spectra, first)  # (B, L, H1, W1)
    averages = engine.average(moduli, first.step)
    for i, n1 in enumerate(first.members):
        yield (n1,), averages[:, i]
    if not following:
        return
    spectra = engine.spectra(moduli)
    for second in following:
        averages = engine.average(engine.moduli(spectra, second), second.step)
        for i, n1 in enumerate(first.members):
            for k, n2 in enumerate(second.members):
                yield (n1, n2), averages[:, i, k]


# ---- NumPy ----


class NumpyEngine:
    """SciPy's transforms, one thread."""

    def __init__(self, filters: Filters) -> None:
        self.averages = filters.averages

    def spectra(self, values: Array) -> Array:
        import scipy.fft

        return scipy.fft.fft2(values)  # of real values, at the cost of half

    def moduli(self, spectra: Array, wavelets: Wavelets) -> Array:
        import scipy.fft

        leading = spectra.shape[:-2]
        # As pairs of reals: half the multiplications of complex by complex.
        real = spectra.real.dtype
        pairs = spectra.view(real)
        product = np.empty((*leading, len(wavelets.members), *wavelets.shape), spectra.dtype)
        folded = product.view(real)
        room = np.empty((*leading, wavelets.shape[0], 2 * wavelets.shape[1]), real)
        for k, tiles in enumerate(wavelets.tiles):
            total = folded[..., k, :, :]
            for place, tile in enumerate(tiles):
                columns = slice(2 * tile.columns.start, 2 * tile.columns.stop)
                part = pairs[..., tile.rows, columns]
                if place == 0:
                    np.multiply(part, tile.pairs, out=total)
                else:
                    total += np.multiply(part, tile.pairs, out=room)
        return abs(scipy.fft.ifft2(product, overwrite_x=True))

    def average(self, values: Array, step: int) -> Array:
        down, across = self.averages[step]
        return down @ (values @ across.T)


def scatter_numpy(filters: Filters, padded: RealArray, places: dict[Path, int], order: int) -> Array:
    """Coefficients (B, C, h, w) of padded pictures (B, H', W')."""
    engine = NumpyEngine(filters)
    shape = tuple(len(matrix) for matrix in filters.averages[1])
    out = np.empty((len(padded), len(places), *shape), padded.dtype)
    together = max(1, CHUNK // math.prod(padded.shape[1:]))
    chunks = [slice(start, start + together) for start in range(0, len(padded), together)]
    singles = [
        (replace(wavelets, members=(n1,), tiles=(tiles,)), place)
        for place, wavelets in filters.wavelets[1].items()
        for n1, tiles in zip(wavelets.members, wavelets.tiles, strict=True)
    ] if order else []

    def scatter(chunk: slice, spectra: Array, first: list[Any]) -> None:
        for wavelets, place in first:
            following = filters.following(place) if order > 1 else []
            for path, found in branch(engine, spectra, wavelets, following):
                out[chunk, places[path]] = found

    def begin(chunk: slice) -> Array:
        out[chunk, places[()]] = engine.average(padded[chunk], 1)
        return engine.spectra(padded[chunk])

    if len(chunks) >= 2 * available():
        in_threads(lambda chunk: scatter(chunk, begin(chunk), singles), chunks, len(chunks))
        return out
    for chunk in chunks:
        spectra = begin(chunk)
        in_threads(
            lambda single: scatter(chunk, spectra, [single]), singles, len(singles)  # noqa: B023
        )
    return out


# ---- torch ----


class TorchEngine:
    """Torch's transforms on the pictures' device, with gradients."""

    def __init__(self, filters: Filters, device: Any, double: bool) -> None:
        self.torch = sys.modules["torch"]
        self.averages, self.tiles = _on_device(filters, device, double)

    def spectra(self, values: Array) -> Array:
        return self.torch.fft.fft2(values)

    def moduli(self, spectra: Array, wavelets: Wavelets) -> Array:
        total = 0
        for rows, columns, values in self.tiles[id(wavelets)]:
            total = total + spectra[..., None, rows, columns] * values
        return self.torch.fft.ifft2(total).abs()

    def average(self, values: Array, step: int) -> Array:
        down, across = self.averages[step]
        return down @ (values @ across.T)


@functools.lru_cache(maxsize=8)
def _on_device(filters: Filters, device: Any, double: bool) -> tuple[Any, Any]:
    """Filters as tensors: a tile of all wavelets of a scale in one."""
    kind = "float64" if double else "float32"
    averages = {
        step: tuple(put(matrix, device, kind) for matrix in pair)
        for step, pair in filters.averages.items()
    }
    tiles = {}
    for of_step in filters.wavelets.values():
        for wavelets in of_step.values():
            stacked: dict[tuple[int, int], RealArray] = {}
            count = len(wavelets.members)
            for k, own in enumerate(wavelets.tiles):
                for tile in own:
                    corner = tile.rows.start, tile.columns.start
                    if corner not in stacked:
                        stacked[corner] = np.zeros((count, *wavelets.shape))
                    stacked[corner][k] = tile.values
            height, width = wavelets.shape
            tiles[id(wavelets)] = [
                (slice(y, y + height), slice(x, x + width), put(values, device, kind))
                for (y, x), values in stacked.items()
            ]
    return averages, tiles


def scatter_torch(filters: Filters, padded: Array, places: dict[Path, int], order: int) -> Array:
    """Coefficients (B, C, h, w) of padded pictures (B, H', W')."""
    torch = sys.modules["torch"]
    engine = TorchEngine(filters, padded.device, padded.dtype == torch.float64)
    found = {(): engine.average(padded, 1)}
    spectra = engine.spectra(padded)
    for place, wavelets in filters.wavelets[1].items() if order else ():
        following = filters.following(place) if order > 1 else []
        found.update(branch(engine, spectra, wavelets, following))
    return torch.stack([found[path] for path in places], 1)
