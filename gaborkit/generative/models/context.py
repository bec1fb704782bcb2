"""The context of a PixelCNN, widened by causal Gabor responses."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ...kernels.base import Kernel
from ..view import Shape, View
from .masked import CausalConv2d

#: Share of a kernel's envelope that is cut off.
CUT = 0.05


class CausalContext(nn.Module):
    """Gabor responses to the values before each location, in raster order.

    Of each kernel what lies in the rows above, and left in the row itself, is kept, and made
    DC-free again on that: from the samples is subtracted their sum, spread over them like their
    magnitudes. Its norm is then made 1. To real and imaginary part the magnitude is added as a
    channel of its own. Beyond the edges lies the lowest value.

    Parameters
    ----------
    view : View
    shape : (C, H, W)
        Each channel is analysed by itself.
    """

    convolutions: nn.ModuleList
    channels: int

    def __init__(self, view: View, shape: Shape) -> None:
        super().__init__()
        kernels = [_cut(kernel, max(1, max(shape[1:]) - 1)) for kernel in view.bank]
        radii = sorted({(taps.shape[-1] - 1) // 2 for taps in kernels})
        #: For each radius a convolution (2 for each kernel, by C) over locations before.
        self.convolutions = nn.ModuleList(
            _convolution([k for k in kernels if k.shape[-1] == 2 * radius + 1], radius, shape[0])
            for radius in radii
        )
        self.channels = 3 * shape[0] * len(kernels)

    def forward(self, values: Tensor) -> Tensor:
        """Channels (B, 3 * C * K, H, W) of values (B, C, H, W) in [-1, 1]."""
        lifted = self.lifted(values)
        return self.completed(torch.cat([layer(lifted) for layer in self.layers], 1), 1)

    @property
    def layers(self) -> list[CausalConv2d]:
        """The convolutions, of one radius each."""
        return cast(list[CausalConv2d], list(self.convolutions))

    @staticmethod
    def lifted(values: Tensor) -> Tensor:
        """Values with the lowest at 0, as what lies beyond the edges."""
        return values + 1

    @staticmethod
    def completed(responses: Tensor, axis: int) -> Tensor:
        """Responses, real and imaginary parts in turn, and their magnitudes."""
        pairs = responses.unflatten(axis, (-1, 2))
        # The root has no slope at 0.
        magnitudes = (pairs.square().sum(axis + 1) + 1e-6).sqrt()
        return torch.cat([responses, magnitudes], axis)


def _cut(kernel: Kernel, most: int) -> np.ndarray:
    """Samples (radius + 1, 2 radius + 1) of a kernel, 0 from the centre on."""
    samples = kernel.sample(CUT)
    radius = min(len(samples) // 2, most)
    middle = len(samples) // 2
    # The window is correlated with, so that a kernel is turned by half a turn.
    turned = samples[::-1, ::-1]
    causal = turned[middle - radius : middle + 1, middle - radius : middle + radius + 1].copy()
    causal[-1, radius:] = 0
    share = abs(causal) / abs(causal).sum()
    for _ in range(2):  # the second time what rounding left the first time
        causal -= share * causal.sum()
    return np.asarray(causal / np.linalg.norm(causal))


def _convolution(kernels: list[np.ndarray], radius: int, channels: int) -> CausalConv2d:
    """Convolution of fixed weights: real and imaginary parts of kernels, for each channel."""
    taps = torch.from_numpy(np.stack([part for k in kernels for part in (k.real, k.imag)]))
    count = radius * (2 * radius + 1) + radius
    weight = torch.zeros(channels, len(taps), channels, count)
    for channel in range(channels):
        weight[channel, :, channel] = taps.flatten(1)[:, :count]
    outputs = channels * len(taps)
    layer = CausalConv2d(channels, outputs, 2 * radius + 1, "raster", centre=False, bias=False)
    layer.weight = nn.Parameter(weight.flatten(0, 1), requires_grad=False)
    return layer
