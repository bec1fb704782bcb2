"""Convolutional encoders and decoders: features (B, C, H, W) to a vector, or to a grid of them.

A condition (B, classes), if any, is joined to the input of those of a vector.
"""

from __future__ import annotations

import itertools
import math
from typing import cast

from torch import Tensor, nn

from .drawn import last_layer
from .networks import ACTIVATIONS, Activation, Architecture, Shape, join, raise_condition
from .seen import first_layer


class Residual(nn.Module):
    """Adds to its input what two 3 x 3 convolutions make of it."""

    layers: nn.Sequential

    def __init__(self, channels: int, activation: Activation) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ACTIVATIONS[activation](),
            nn.Conv2d(channels, channels, 3, padding=1),
            ACTIVATIONS[activation](),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Of the same shape."""
        return features + self.layers(features)


def halved(height: int, width: int, times: int) -> list[tuple[int, int]]:
    """Sizes from (height, width) on, each half the one before, rounded up.

    Examples
    --------
    >>> halved(28, 28, 3)
    [(28, 28), (14, 14), (7, 7), (4, 4)]
    """
    sizes = [(height, width)]
    for _ in range(times):
        height, width = (height + 1) // 2, (width + 1) // 2
        sizes.append((height, width))
    return sizes


def downward(architecture: Architecture) -> nn.Sequential:
    """Convolutions of stride 2, one for each number of hidden channels; residual blocks follow."""
    shape, activation = architecture.shape, architecture.activation
    layers: list[nn.Module] = []
    sizes = [shape[0] + architecture.classes, *architecture.hidden]
    for inputs, channels in itertools.pairwise(sizes):
        layers += [nn.Conv2d(inputs, channels, 3, stride=2, padding=1)]
        layers += [Residual(channels, activation) for _ in range(architecture.blocks)]
        layers += [ACTIVATIONS[activation]()]
    first = cast(nn.Conv2d, layers[0])
    raise_condition(first, architecture.classes)
    return nn.Sequential(first_layer(first, architecture.view, shape), *layers[1:])


def upward(architecture: Architecture) -> nn.ModuleList:
    """The mirror of :func:`downward`: transposed convolutions, residual blocks before each.

    Their 4 x 4 kernels at stride 2 cover every place equally often, so no chequerboard shows.
    """
    shape, outputs = architecture.shape, architecture.outputs
    activation = architecture.activation
    channels = [*reversed(architecture.hidden), outputs * shape[0]]
    stages: list[nn.Module] = []
    for before, after in itertools.pairwise(channels):
        residual = [Residual(before, activation) for _ in range(architecture.blocks)]
        up = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)
        view = architecture.view if len(stages) == len(channels) - 2 else None
        layer = last_layer(up, view, shape, outputs, architecture.gain)
        stages.append(nn.Sequential(*residual, ACTIVATIONS[activation](), layer))
    return nn.ModuleList(stages)


def smallest(architecture: Architecture) -> Shape:
    """Channels, height and width of what :func:`downward` gives."""
    hidden, (_, height, width) = architecture.hidden, architecture.shape
    return hidden[-1], *halved(height, width, len(hidden))[-1]


def climb(stages: nn.ModuleList, planes: Tensor, height: int, width: int) -> Tensor:
    """Planes (B, F, h, w) through :func:`upward`'s stages, to (height, width) pixels."""
    sizes = halved(height, width, len(stages))[-2::-1]
    for stage, (rows, columns) in zip(stages, sizes, strict=True):
        planes = stage(planes)[:, :, :rows, :columns]  # an odd size loses one row
    return planes


class ConvolutionalEncoder(nn.Module):
    """Convolutions of stride 2, then a linear layer, to vectors of a ``length``."""

    layers: nn.Sequential
    head: nn.Linear

    def __init__(self, architecture: Architecture, length: int) -> None:
        super().__init__()
        self.layers = downward(architecture)
        self.head = nn.Linear(math.prod(smallest(architecture)), length)

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Vectors (B, length) of features (B, C, H, W)."""
        vectors: Tensor = self.head(self.layers(join(features, condition)).flatten(1))
        return vectors


class ConvolutionalDecoder(nn.Module):
    """The mirror of :class:`ConvolutionalEncoder`: a linear layer, then transposed convolutions."""

    size: tuple[int, int]
    start: Shape
    head: nn.Linear
    stages: nn.ModuleList

    def __init__(self, architecture: Architecture, length: int) -> None:
        super().__init__()
        self.size, self.start = architecture.shape[1:], smallest(architecture)
        self.head = nn.Linear(length + architecture.classes, math.prod(self.start))
        raise_condition(self.head, architecture.classes)
        self.stages = upward(architecture)

    def forward(self, vectors: Tensor, condition: Tensor | None = None) -> Tensor:
        """Features (B, outputs * C, H, W) of vectors (B, length)."""
        planes: Tensor = self.head(join(vectors, condition)).unflatten(1, self.start)
        return climb(self.stages, planes, *self.size)


class GridEncoder(nn.Module):
    """As :class:`ConvolutionalEncoder`, with a vector for each location that is left."""

    layers: nn.Sequential
    head: nn.Conv2d

    def __init__(self, architecture: Architecture, length: int) -> None:
        super().__init__()
        self.layers = downward(architecture)
        self.head = nn.Conv2d(architecture.hidden[-1], length, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Vectors (B, length, h, w) of features (B, C, H, W)."""
        vectors: Tensor = self.head(self.layers(features))
        return vectors


class GridDecoder(nn.Module):
    """The mirror of :class:`GridEncoder`."""

    size: tuple[int, int]
    head: nn.Conv2d
    stages: nn.ModuleList

    def __init__(self, architecture: Architecture, length: int) -> None:
        super().__init__()
        self.size = architecture.shape[1:]
        self.head = nn.Conv2d(length, architecture.hidden[-1], 3, padding=1)
        self.stages = upward(architecture)

    def forward(self, vectors: Tensor) -> Tensor:
        """Features (B, outputs * C, H, W) of vectors (B, length, h, w)."""
        return climb(self.stages, self.head(vectors), *self.size)
