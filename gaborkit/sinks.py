"""What becomes of responses: stored, summed up, or compared, without holding them all.

Engines hand over a response at a time. The separable engine does the same work itself, a row at a
time, before a response ever leaves the caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np

from .parts import part_of
from .types import Array, Part, RealArray


class Sink(Protocol):
    """Takes complex responses (B, H, W), each once, by the kernel's place in the bank."""

    use: ClassVar[str]
    part: Part

    def take(self, k: int, response: Array) -> None:
        """Use the response of kernel ``k``."""


class Stored:
    """A part of every response, written into an array each.

    Attributes
    ----------
    part : Part
    outs : dict of int to array (B, H, W)
    """

    use: ClassVar[str] = "stored"

    def __init__(self, part: Part, outs: dict[int, Array]) -> None:
        self.part, self.outs = part, outs

    def take(self, k: int, response: Array) -> None:
        """Write the part of it."""
        self.outs[k][...] = part_of(response, self.part)


class Summed:
    """Sums over the picture of a part of every response and of its square.

    Attributes
    ----------
    part : Part
    sums : float64 array (B, K, 2)
    """

    use: ClassVar[str] = "summed"

    def __init__(self, part: Part, images: int, kernels: int) -> None:
        self.part = part
        self.sums: RealArray = np.zeros((images, kernels, 2))

    def take(self, k: int, response: Array) -> None:
        """Add it up."""
        values = part_of(response, self.part).astype(np.float64, copy=False)
        self.sums[:, k, 0] += values.sum((1, 2))
        self.sums[:, k, 1] += (values**2).sum((1, 2))


class Compared:
    """The largest energy within each group of kernels, at every pixel, and whose it is.

    Attributes
    ----------
    groups : sequence of int
        Group of each kernel.
    energy : float array (B, G, H, W)
    index : int16 array (B, G, H, W)
        Place of the kernel in the bank; of equals the first, in whatever order they are taken.
    """

    use: ClassVar[str] = "compared"
    part: Part = "energy"

    def __init__(
        self, groups: Sequence[int], shape: tuple[int, int, int], dtype: np.dtype[np.floating]
    ) -> None:
        images, height, width = shape
        self.groups = groups
        full = (images, max(groups) + 1, height, width)
        # Below any energy, so that the first kernel of a group always wins.
        self.energy: RealArray = np.full(full, -1, dtype)
        self.index = np.zeros(full, np.int16)

    def take(self, k: int, response: Array) -> None:
        """Where its energy is the largest so far, or the first of equals, it takes the place."""
        energy, index = self.energy[:, self.groups[k]], self.index[:, self.groups[k]]
        values = part_of(response, "energy")
        wins = (values > energy) | ((values == energy) & (k < index))
        energy[wins] = values[wins]
        index[wins] = k
