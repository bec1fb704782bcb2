"""Scattering of torch tensors, on their own device, with gradients."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from ..caches import lru_cache
from ..filtering.backend import full_precision, put, torch_transform
from ..types import Array
from .cascade import Indices, branch
from .filters import Filters, Wavelets


class TorchSteps:
    """The steps of the cascade; all wavelets of a scale at once."""

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors
        self.torch: Any = sys.modules["torch"]

    def spectra(self, values: Array) -> Array:
        """See :class:`CascadeSteps`."""
        return torch_transform(self.torch.fft.fft2, values)

    def moduli(self, spectra: Array, wavelets: Wavelets) -> Array:
        """See :class:`CascadeSteps`."""
        height, width = wavelets.values.shape[-2:]
        values = self.tensors.wavelets[wavelets.key][..., None]
        # Real factors of real and imaginary parts: half the work, and what ONNX has operators for.
        pairs = self.torch.view_as_real(spectra)
        total: Any = 0
        for t, (row, column) in enumerate(wavelets.tiles):
            rows = slice(row * height, (row + 1) * height)
            columns = slice(column * width, (column + 1) * width)
            total = total + pairs[..., None, rows, columns, :] * values[:, t]
        return torch_transform(self.torch.fft.ifft2, self.torch.view_as_complex(total)).abs()

    def average(self, values: Array, step: int) -> Array:
        """See :class:`CascadeSteps`."""
        down, across = self.tensors.averages[step]
        return down @ (values @ across.mT)


class Tensors(NamedTuple):
    """The numbers of filters as tensors: matrices by step, wavelets by key."""

    averages: dict[int, tuple[Array, Array]]
    wavelets: dict[tuple[int, int], Array]


@lru_cache(maxsize=8)
def on_device(filters: Filters, device: Any) -> Tensors:
    """Filters on a device, kept: copying them at every call would stall a GPU."""
    kind = str(filters.averages[1][0].dtype)
    averages = {
        step: (put(down, device, kind), put(across, device, kind))
        for step, (down, across) in filters.averages.items()
    }
    every = (wavelets for of_step in filters.wavelets.values() for wavelets in of_step.values())
    return Tensors(averages, {w.key: put(w.values, device, kind) for w in every})


def scatter(
    filters: Filters, padded: Array, places: dict[Indices, int], tensors: Tensors | None = None
) -> Array:
    """Coefficients (B, C, h, w) of padded pictures (B, H', W')."""
    steps = TorchSteps(tensors or on_device(filters, padded.device))
    with full_precision(padded.device):
        averages: dict[Indices, Array] = {(): steps.average(padded, 1)}
        spectra = steps.spectra(padded)
        for scale, wavelets in filters.wavelets[1].items():
            averages.update(branch(steps, spectra, wavelets, filters.following(scale)))
    return sys.modules["torch"].stack([averages[path] for path in places], 1)
