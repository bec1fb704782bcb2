"""How the networks of a model see pixels, and draw them: as they are, or through a Gabor frame.

The domain of a model is pixels either way. An encoder, a discriminator or the context of a PixelCNN
may look at them through the analysis; a decoder or a generator may draw through the synthesis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..bank import GaborBank
from ..nn import GaborFrame2d


@dataclass(frozen=True)
class View:
    """A tight Gabor frame between pixels and the networks of a model.

    Attributes
    ----------
    bank : GaborBank
    mean, deviation : tuple of float
        Of each channel of the training images: C colours by K channels of the frame. What a network
        sees is whitened by them, and what it draws is of that size.
    analysis, synthesis : bool
        Whether networks that take pixels see them so, and networks that give pixels draw them so.
    learnable : bool
        Whether the networks learn the kernels.
    """

    bank: GaborBank
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    analysis: bool = True
    synthesis: bool = True
    learnable: bool = False


Shape = tuple[int, int, int]


class AsItIs(nn.Identity):
    """What a network takes or gives, with its shape (C, H, W)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape


class Seen(nn.Module):
    """Pixels (B, C, H, W) as a network sees them: the frame's channels, whitened.

    ``coarse`` keeps of each band every second or fourth pixel or so, a vector for each image: what
    a network of fully connected layers sees.
    """

    mean: Tensor
    gain: Tensor

    def __init__(self, view: View, shape: Shape, coarse: bool = False) -> None:
        super().__init__()
        self.frame = GaborFrame2d(view.bank, shape[1:], learnable=view.learnable)
        channels = shape[0] * len(self.frame)
        self.steps = _steps(view.bank) * shape[0] if coarse else None
        self.shape = (channels, *shape[1:])
        mean, deviation = view.mean or (0.0,) * channels, view.deviation or (1.0,) * channels
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        gain = 1 / torch.tensor(deviation)[:, None, None]
        self.register_buffer("gain", gain, persistent=False)
        if self.steps is not None:
            sizes = (math.prod(-(-n // step) for n in shape[1:]) for step in self.steps)
            self.shape = (sum(sizes), 1, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Channels (B, C * K, H, W), or vectors (B, n, 1, 1)."""
        channels: Tensor = (self.frame.analyze(pixels) - self.mean) * self.gain
        if self.steps is None:
            return channels
        bands = [
            band[:, ::step, ::step].flatten(1)
            for band, step in zip(channels.unbind(1), self.steps, strict=True)
        ]
        return torch.cat(bands, 1)[..., None, None]


class Drawn(nn.Module):
    """Pixels (B, outputs * C, H, W) of the channels that a network gives, through the synthesis."""

    deviation: Tensor

    def __init__(self, view: View, shape: Shape, outputs: int = 1) -> None:
        super().__init__()
        self.frame = GaborFrame2d(view.bank, shape[1:], learnable=view.learnable)
        channels = outputs * shape[0] * len(self.frame)
        self.shape = (channels, *shape[1:])
        deviation = torch.tensor(view.deviation or (1.0,) * channels).repeat(outputs)
        self.register_buffer("deviation", deviation[:, None, None], persistent=False)

    def forward(self, channels: Tensor) -> Tensor:
        """Pixels of channels (B, outputs * C * K, H, W)."""
        return self.frame.synthesize(channels * self.deviation)


def seen(view: View | None, shape: Shape, coarse: bool = False) -> Seen | AsItIs:
    """How a network sees pixels of a shape (C, H, W)."""
    return Seen(view, shape, coarse) if view is not None and view.analysis else AsItIs(shape)


def drawn(view: View | None, shape: Shape, outputs: int = 1) -> Drawn | AsItIs:
    """How a network draws pixels of a shape (C, H, W), for each of which it gives ``outputs``."""
    if view is not None and view.synthesis:
        return Drawn(view, shape, outputs)
    return AsItIs((outputs * shape[0], *shape[1:]))


def _steps(bank: GaborBank) -> tuple[int, ...]:
    """Of each channel the distance of the pixels that a coarse view keeps, at most half a wave."""
    steps = [2 ** max(0, math.floor(math.log2(0.5 / kernel.frequency))) for kernel in bank]
    return (*(step for step in steps for _ in range(2)), max(steps), 1)
