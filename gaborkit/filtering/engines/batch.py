"""Pictures on their way through engines, with what the engines share of them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...kernels.base import Kernel
from ...types import Array, Boundary, Part, Transfer
from ..backend import Library
from ..normalizing import UNCHANGED, Normalization
from ..padding import pad
from ..parts import empty, part_dtype
from .compiled import Program

#: Bytes of responses that are held at a time.
CHUNK_BYTES = 2**28


class Batch:
    """Pictures (B, H, W) of one shape, scaled to ordinary size, and how they are filtered.

    Parameters
    ----------
    library : Library
    image : array or tensor (B, H, W)
        Of a GPU of any dtype of :data:`gaborkit.filtering.gpu.fused.DTYPES`, else of the
        precision of the responses.
    level : array or tensor (B, 1, 1)
        Mean of each picture, roughly, in the precision of the responses; zeros where zeros lie
        outside: they would no longer be small.
    kernels : sequence of Kernel
        Of the whole bank, which steps index.
    boundary, tolerance, transfer
        As in :class:`~gaborkit.filtering.options.FilterOptions`.
    normalization : Normalization
        How the pictures were scaled.
    """

    library: Library
    image: Array
    level: Array
    kernels: Sequence[Kernel]
    tolerance: float
    double: bool

    def __init__(
        self,
        library: Library,
        image: Array,
        level: Array,
        kernels: Sequence[Kernel],
        boundary: Boundary,
        tolerance: float,
        transfer: Transfer = "sampled",
        normalization: Normalization = UNCHANGED,
    ) -> None:
        self.library, self.image, self.level, self.kernels = library, image, level, kernels
        self.boundary, self.tolerance, self.transfer = boundary, tolerance, transfer
        self.normalization = normalization
        self.double = library.double(level)
        self._shared: dict[str, tuple[Any, Array]] = {}
        self._program: Program | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Of one picture, (H, W)."""
        return self.image.shape[1], self.image.shape[2]

    @property
    def together(self) -> int:
        """Complex responses that are held at a time."""
        size = math.prod(self.image.shape) * (16 if self.double else 8)
        return max(1, CHUNK_BYTES // max(1, size))

    def shared(self, kind: str, key: Any, make: Callable[[], Array]) -> Array:
        """What several steps need of the pictures; only the last of a kind is held.

        Steps come in order, and a spectrum is large.
        """
        if kind not in self._shared or self._shared[kind][0] != key:
            self._shared.pop(kind, None)
            self._shared[kind] = key, make()
        return self._shared[kind][1]

    def outside(self, margin: int) -> Array:
        """The pictures as they are, with their outside."""
        return pad(self.library, self.image, margin, self.boundary)

    def padded(self, margin: int) -> Array:
        """The pictures with their outside, less their mean.

        The mean would only cancel in the sums of a DC-free kernel, at the cost of digits; for
        other kernels :meth:`with_level` adds its answer again.
        """
        padded = self.outside(margin)
        if self.library.name == "numpy":
            if not margin:
                return padded - self.level
            padded -= self.level  # a copy
            return padded
        return padded.to(self.level.dtype) - self.level

    def with_level(self, response: Array, kernel: Kernel, tolerance: float | None = None) -> Array:
        """A response (B, H, W) with what the kernel answers to the mean; arrays in place."""
        if self.transfer == "analytic":
            gain: Any = complex(kernel.transfer(0.0, 0.0, sampled=True))  # type: ignore[arg-type]
        else:
            gain = kernel.sample(self.tolerance if tolerance is None else tolerance).sum()
        if isinstance(response, np.ndarray):
            response += (self.level * gain).astype(response.dtype)
            return response
        return response + (self.level * self.library.constant(gain, self.double))

    @property
    def program(self) -> Program:
        """What the compiled engines put their stages into."""
        if self._program is None:
            self._program = Program(self.image)
        return self._program

    @property
    def levels(self) -> Array:
        """Of arrays, the means as the compiled code takes them, float64 (B,)."""
        return self.level.ravel().astype(np.float64)

    def finish(self) -> None:
        """Run the compiled program, if there is one."""
        program, self._program = self._program, None
        if program is not None:
            program.run()

    def arrays(self, count: int, part: Part = "complex") -> list[Array]:
        """New arrays (B, H, W) for a part of responses each."""
        return list(empty((count, *self.image.shape), part_dtype(part, self.double)))

    def tensor(self, count: int, part: Part = "complex") -> Array:
        """A new tensor (B, count, H, W) for a part of responses."""
        torch = sys.modules["torch"]
        dtype = getattr(torch, part_dtype(part, self.double).name)
        shape = (self.image.shape[0], count, *self.image.shape[1:])
        return torch.empty(shape, dtype=dtype, device=self.image.device)
