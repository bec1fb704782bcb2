"""A bank of kernels as a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..bank import GaborBank
from ..errors import FilterError, LayerError
from ..filtering.backend import TorchLibrary, followed, full_precision, traced
from ..filtering.padding import check_boundary, pad
from ..kernels.base import TOLERANCE
from ..types import PARTS, Boundary, Part
from .channels import check_input, check_part, real_part_channels
from .content_cache import ContentCache
from .kernels import GaborKernels


class GaborBank2d(nn.Module):
    """Filters every channel with every kernel of a bank: (N, C, H, W) to (N, C * K, H, W).

    Channel ``c * K + k`` is what :meth:`GaborBank.filter` finds with kernel k in input channel c,
    by the same engines.

    Parameters
    ----------
    bank : GaborBank
        K kernels of any family.
    part : {"magnitude", "complex", "real", "imag", "energy", "phase"}
        What to return of complex responses. ``complex`` gives 2 C K channels, real and imaginary
        part side by side.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
        What lies outside the image, in SciPy's words.
    learnable : bool
        Whether the kernels' parameters learn, within ranges: see :class:`GaborKernels`. Their
        support grows and shrinks with them.
    tolerance : float
        As for :meth:`GaborBank.filter`.

    Raises
    ------
    LayerError
        If an option is unknown, the input is not (N, C, H, W) or (C, H, W), or ``learnable`` and
        the kernels are not all Gabor kernels of one norm.

    Notes
    -----
    Half precision is filtered in single precision and rounded at the end, and ``torch.autocast``
    changes nothing. Under ``torch.export``, ``torch.compile`` and ``torch.jit.trace``, on the meta
    device and where ``torch.func.vmap`` takes other parameters for each picture, the layer is one
    convolution, of dense kernels in the window of the widest; height and width are then fixed.

    A learnable layer on a GPU waits for it at each call, as the engines are chosen by the kernels'
    size; ``GaborBank2d(layer.bank())`` has learned, and does not wait.

    Examples
    --------
    >>> layer = GaborBank2d(GaborBank.grid(scales=2, orientations=4))
    >>> layer(torch.rand(5, 3, 32, 32)).shape
    torch.Size([5, 24, 32, 32])
    """

    learnable: bool
    margin: int
    kernels: GaborKernels
    dense: Tensor

    def __init__(
        self,
        bank: GaborBank,
        part: Part = "magnitude",
        boundary: Boundary = "reflect",
        learnable: bool = False,
        *,
        tolerance: float = TOLERANCE,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_part(part, PARTS)
        try:
            check_boundary(boundary)
        except FilterError as error:
            raise LayerError(str(error)) from None
        self.part, self.boundary, self.learnable = part, boundary, learnable
        self.tolerance = tolerance
        self.margin = max(kernel.radius(tolerance) for kernel in bank)
        self._fixed = bank
        self._cache: ContentCache[GaborBank] = ContentCache()
        if learnable:
            size = 2 * self.margin + 1
            self.kernels = GaborKernels(bank, (size, size), device=device, dtype=dtype)
        else:
            self._fill(torch.device(device or torch.get_default_device()), dtype == torch.float64)

    def _fill(self, device: torch.device, double: bool) -> None:
        """Make the buffer, in single or double precision whatever the layer was cast to."""
        size = 2 * self.margin + 1
        dense = np.zeros((len(self._fixed), 2, size, size), np.float64 if double else np.float32)
        for k, kernel in enumerate(self._fixed):
            samples = kernel.sample(self.tolerance)
            inside = slice(self.margin - len(samples) // 2, self.margin + len(samples) // 2 + 1)
            dense[k, :, inside, inside] = samples.real, samples.imag
        self.register_buffer("dense", torch.from_numpy(dense).to(device), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if not self.learnable:
            self._fill(self.dense.device, self.dense.dtype == torch.float64)
        return self

    def bank(self) -> GaborBank:
        """The kernels as they are now: to plot, or to save as JSON."""
        if not self.learnable:
            return self._fixed
        return self._cache.get(self.kernels.tensors(), self.kernels.bank)

    def forward(self, image: Tensor) -> Tensor:
        """Responses of (N, C, H, W) or (C, H, W), those to a channel side by side."""
        check_input(image)
        if traced() or (self.learnable and not self.kernels.readable()):
            answer = self._convolve(image)
        else:
            learns = self.learnable and any(map(followed, self.kernels.tensors()))
            bank = self.kernels.learning_bank() if learns else self.bank()
            answer = bank.filter(
                image, part=self.part, boundary=self.boundary, tolerance=self.tolerance
            )
            if self.part == "complex":
                pairs = torch.view_as_real(answer).movedim(-1, -3)
                answer = real_part_channels(pairs, self.part)
        channels = answer.flatten(-4, -3)  # (..., C, K, H, W)
        return channels.to(image.dtype) if image.is_floating_point() else channels

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"{len(self._fixed)} kernels, part={self.part!r}, boundary={self.boundary!r}"

    def _convolve(self, image: Tensor) -> Tensor:
        """The same by operations of torch alone, which compilers can follow."""
        kernels = self.kernels.sample() if self.learnable else self.dense
        planes = image.reshape(-1, 1, *image.shape[-2:]).to(kernels.dtype)
        padded = pad(TorchLibrary(image), planes, self.margin, self.boundary)
        with full_precision(image.device):
            pairs = functional.conv2d(padded, kernels.flatten(0, 1)[:, None].flip(-2, -1))
        pairs = pairs.reshape(*image.shape[:-2], len(kernels), 2, *image.shape[-2:])
        return real_part_channels(pairs, self.part)
