"""What becomes of responses: their values, their moments, or the strongest of them.

Engines hand over a response at a time, so that nobody has to hold them all. Some do a sink's work
themselves: the compiled ones a row at a time, before a response ever leaves the caches.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import Array, Part, RealArray
from .backend import library_of
from .normalizing import Normalization
from .parts import part_of


class Sink(Protocol):
    """Takes complex responses (B, H, W), each once, by the kernel's index in the bank."""

    part: Part

    def take(self, k: int, response: Array) -> None:
        """Use the response of kernel ``k``."""


@dataclass
class Values:
    """A part of every response, written into an array each.

    Attributes
    ----------
    part : Part
    outs : dict of int to array (B, H, W)
    """

    part: Part
    outs: dict[int, Array]

    def take(self, k: int, response: Array) -> None:
        """Write the part of it."""
        self.outs[k][...] = part_of(response, self.part)


class Moments:
    """Sums over the picture of a part of every response and of its square.

    Attributes
    ----------
    part : Part
    sums : float64 array (B, K, 2)
    """

    def __init__(self, part: Part, images: int, kernels: int) -> None:
        self.part = part
        self.sums: RealArray = np.zeros((images, kernels, 2))

    def take(self, k: int, response: Array) -> None:
        """Add it up."""
        values = part_of(response, self.part).astype(np.float64, copy=False)
        self.sums[:, k, 0] += values.sum((1, 2))
        self.sums[:, k, 1] += (values**2).sum((1, 2))

    def result(self, pixels: int) -> tuple[RealArray, RealArray]:
        """Means and deviations (B, K)."""
        mean, square = np.moveaxis(self.sums / pixels, 2, 0)
        return mean, np.sqrt(np.maximum(square - mean**2, 0))


class ArgMax:
    """The largest energy within each group of kernels, at every pixel, and whose it is.

    Attributes
    ----------
    groups : sequence of int
        Group of each kernel.
    energy : float array (B, G, H, W)
    index : int16 array (B, G, H, W)
        Of the kernel in the bank; of equals the first, in whatever order they are taken.
    """

    part: Part = "energy"

    def __init__(
        self, groups: Sequence[int], shape: tuple[int, int, int], dtype: np.dtype[np.floating]
    ) -> None:
        images, height, width = shape
        self.groups = groups
        full = (images, max(groups) + 1, height, width)
        # Below any energy, so that the first kernel of a group always wins.
        self.energy: RealArray = np.full(full, -1, dtype)
        self.index: NDArray[np.int16] = np.zeros(full, np.int16)

    def take(self, k: int, response: Array) -> None:
        """Where its energy is the largest so far, or the first of equals, it takes the place."""
        energy, index = self.energy[:, self.groups[k]], self.index[:, self.groups[k]]
        values = part_of(response, "energy")
        wins = (values > energy) | ((values == energy) & (k < index))
        energy[wins] = values[wins]
        index[wins] = k

    def result(self) -> tuple[RealArray, Array]:
        """Largest magnitudes and indices (B, G, H, W); the energies are overwritten."""
        return np.sqrt(self.energy, out=self.energy), self.index


class TensorValues:
    """A part of every response, as tensors that torch follows, or in one that an engine fills.

    They have the pictures' own size: the normalization is undone.

    Attributes
    ----------
    out : tensor (B, K, H, W), optional
        What engines that write in place fill, a channel for each kernel of ``channels``.
    """

    normalization: Normalization
    out: Array | None
    channels: dict[int, int]

    def __init__(
        self,
        part: Part,
        indices: Sequence[int],
        normalization: Normalization,
        out: Array | None = None,
    ) -> None:
        self.part, self.normalization, self.out = part, normalization, out
        self.channels = {k: channel for channel, k in enumerate(indices)}
        self._values: dict[int, Array] = {}

    def take(self, k: int, response: Array) -> None:
        """Hold the part of it."""
        values = self.normalization.restored(part_of(response, self.part), self.part)
        if self.out is None:
            self._values[k] = values
        else:
            self.out[:, self.channels[k]] = values

    def each(self) -> list[Array]:
        """Parts (B, H, W), in the order of the indices."""
        if self.out is not None:
            return list(self.out.unbind(1))
        return [self._values[k] for k in self.channels]

    def result(self) -> Array:
        """Parts (B, K, H, W)."""
        return sys.modules["torch"].stack(self.each(), 1) if self.out is None else self.out


class TensorMoments:
    """Mean and deviation over the picture of a part of every response."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._moments: dict[int, tuple[Array, Array]] = {}

    def take(self, k: int, response: Array) -> None:
        """Take its mean and deviation; torch warns of those of no picture."""
        values = part_of(response, self.part)
        mean = values.mean((1, 2))
        deviation = values.std((1, 2), correction=0) if len(values) else values.mean((1, 2))
        self._moments[k] = mean, deviation

    def result(self, pixels: int) -> tuple[Array, Array]:
        """Means and deviations (B, K)."""
        torch = sys.modules["torch"]
        means, deviations = zip(*(self._moments[k] for k in sorted(self._moments)), strict=True)
        return torch.stack(means, 1), torch.stack(deviations, 1)


class TensorArgMax:
    """The largest magnitude within each group of kernels, at every pixel, and whose it is."""

    part: Part = "magnitude"

    def __init__(self, groups: Sequence[int]) -> None:
        self.groups = groups
        self._largest: dict[int, tuple[Array, Array]] = {}

    def take(self, k: int, response: Array) -> None:
        """Where its magnitude is the largest so far, or the first of equals, it takes the place."""
        group, values = self.groups[k], abs(response)
        if group not in self._largest:
            self._largest[group] = values, 0 * values.long() + k
            return
        largest, index = self._largest[group]
        wins = (values > largest) | ((values == largest) & (index > k))
        self._largest[group] = values.where(wins, largest), index.masked_fill(wins, k)

    def result(self) -> tuple[Array, Array]:
        """Largest magnitudes and indices (B, G, H, W)."""
        torch = sys.modules["torch"]
        magnitudes, indices = zip(
            *(self._largest[group] for group in sorted(self._largest)), strict=True
        )
        return torch.stack(magnitudes, 1), torch.stack(indices, 1)


class RegionMoments:
    """Mean and deviation over the pixels of a region, of a part of every response.

    Attributes
    ----------
    part : Part
    inside : bool array (H, W)
    """

    def __init__(self, part: Part, inside: NDArray[np.bool_]) -> None:
        self.part: Part = part
        self.inside: NDArray[np.bool_] = inside
        self._moments: dict[int, tuple[Array, Array]] = {}

    def take(self, k: int, response: Array) -> None:
        """Take its mean and deviation, in double precision where it is an array."""
        self._moments[k] = region_moments(part_of(response, self.part), self.inside)

    def result(self) -> tuple[Array, Array]:
        """Means and deviations (B, K)."""
        means, deviations = zip(*(self._moments[k] for k in sorted(self._moments)), strict=True)
        library = library_of(means[0])
        return library.stack(list(means), 1), library.stack(list(deviations), 1)


def region_moments(values: Array, inside: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Mean and deviation (...) of values (..., H, W) over the pixels of a region."""
    rows, columns = np.nonzero(inside)
    if isinstance(values, np.ndarray):
        chosen = values[..., rows, columns].astype(np.float64, copy=False)
        return chosen.mean(-1), chosen.std(-1)
    torch = sys.modules["torch"]
    places = (torch.from_numpy(x).to(values.device) for x in (rows, columns))
    chosen = values[(..., *places)]
    return chosen.mean(-1), chosen.std(-1, correction=0)
