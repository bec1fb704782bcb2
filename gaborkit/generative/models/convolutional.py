"""Convolutional encoders and decoders: features (B, C, H, W) to a vector, or to a grid of them.

A condition (B, classes), if any, is joined to the input of those of a vector.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from ..view import View
from .drawn import last_layer
from .networks import ACTIVATIONS, Activation, Shape, join, raise_condition
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


def downward(
    shape: Shape,
    hidden: Sequence[int],
    activation: Activation,
    classes: int = 0,
    blocks: int = 0,
    view: View | None = None,
) -> nn.Sequential:
    """Convolutions of stride 2, one for each number of channels in ``hidden``.

    ``blocks`` residual blocks follow each; the other parameters are those of
    :class:`PerceptronEncoder`.
    """
    layers: list[nn.Module] = []
    for inputs, channels in itertools.pairwise([shape[0] + classes, *hidden]):
        layers += [nn.Conv2d(inputs, channels, 3, stride=2, padding=1)]
        layers += [Residual(channels, activation) for _ in range(blocks)]
        layers += [ACTIVATIONS[activation]()]
    first = cast(nn.Conv2d, layers[0])
    raise_condition(first, classes)
    return nn.Sequential(first_layer(first, view, shape), *layers[1:])


def upward(
    hidden: Sequence[int],
    shape: Shape,
    activation: Activation,
    blocks: int = 0,
    view: View | None = None,
    outputs: int = 1,
    gain: float = 1.0,
) -> nn.ModuleList:
    """The mirror of :func:`downward`: transposed convolutions, after ``blocks`` residual blocks.

    Their 4 x 4 kernels at stride 2 cover every place equally often, so no chequerboard shows.
    """
    stages: list[nn.Module] = []
    for channels, after in itertools.pairwise([*reversed(hidden), outputs * shape[0]]):
        residual = [Residual(channels, activation) for _ in range(blocks)]
        up = nn.ConvTranspose2d(channels, after, 4, stride=2, padding=1)
        last = len(stages) == len(hidden) - 1
        layer = last_layer(up, view if last else None, shape, outputs, gain)
        stages.append(nn.Sequential(*residual, ACTIVATIONS[activation](), layer))
    return nn.ModuleList(stages)


def climb(stages: nn.ModuleList, planes: Tensor, height: int, width: int) -> Tensor:
    """Planes (B, F, h, w) through :func:`upward`'s stages, to (height, width) pixels."""
    sizes = halved(height, width, len(stages))[-2::-1]
    for stage, (rows, columns) in zip(stages, sizes, strict=True):
        planes = stage(planes)[:, :, :rows, :columns]  # an odd size loses one row
    return planes


class ConvolutionalEncoder(nn.Module):
    """Convolutions of stride 2, one for each number of channels in ``hidden``, then a linear layer.

    ``blocks`` residual blocks follow each convolution; the other parameters are those of
    :class:`PerceptronEncoder`.
    """

    layers: nn.Sequential
    head: nn.Linear

    def __init__(
        self,
        shape: Shape,
        hidden: Sequence[int],
        outputs: int,
        activation: Activation,
        classes: int = 0,
        blocks: int = 0,
        view: View | None = None,
    ) -> None:
        super().__init__()
        self.layers = downward(shape, hidden, activation, classes, blocks, view)
        height, width = halved(*shape[1:], len(hidden))[-1]
        self.head = nn.Linear(hidden[-1] * height * width, outputs)

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Vectors (B, outputs) of features (B, C, H, W)."""
        vectors: Tensor = self.head(self.layers(join(features, condition)).flatten(1))
        return vectors


class ConvolutionalDecoder(nn.Module):
    """The mirror of :class:`ConvolutionalEncoder`: a linear layer, then transposed convolutions."""

    size: tuple[int, int]
    start: tuple[int, int, int]
    head: nn.Linear
    stages: nn.ModuleList

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        shape: Shape,
        activation: Activation,
        classes: int = 0,
        blocks: int = 0,
        view: View | None = None,
        outputs: int = 1,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.size = shape[1:]
        height, width = halved(*self.size, len(hidden))[-1]
        self.start = (hidden[-1], height, width)
        self.head = nn.Linear(inputs + classes, hidden[-1] * height * width)
        raise_condition(self.head, classes)
        self.stages = upward(hidden, shape, activation, blocks, view, outputs, gain)

    def forward(self, vectors: Tensor, condition: Tensor | None = None) -> Tensor:
        """Features (B, C, H, W) of vectors (B, inputs)."""
        planes: Tensor = self.head(join(vectors, condition)).unflatten(1, self.start)
        return climb(self.stages, planes, *self.size)


class GridEncoder(nn.Module):
    """As :class:`ConvolutionalEncoder`, with a vector for each location that is left."""

    layers: nn.Sequential
    head: nn.Conv2d

    def __init__(
        self,
        shape: Shape,
        hidden: Sequence[int],
        outputs: int,
        activation: Activation,
        blocks: int = 0,
        view: View | None = None,
    ) -> None:
        super().__init__()
        self.layers = downward(shape, hidden, activation, 0, blocks, view)
        self.head = nn.Conv2d(hidden[-1], outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Vectors (B, outputs, h, w) of features (B, C, H, W)."""
        vectors: Tensor = self.head(self.layers(features))
        return vectors


class GridDecoder(nn.Module):
    """The mirror of :class:`GridEncoder`."""

    size: tuple[int, int]
    head: nn.Conv2d
    stages: nn.ModuleList

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        shape: Shape,
        activation: Activation,
        blocks: int = 0,
        view: View | None = None,
        outputs: int = 1,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.size = shape[1:]
        self.head = nn.Conv2d(inputs, hidden[-1], 3, padding=1)
        self.stages = upward(hidden, shape, activation, blocks, view, outputs, gain)

    def forward(self, vectors: Tensor) -> Tensor:
        """Features (B, C, H, W) of vectors (B, inputs, h, w)."""
        return climb(self.stages, self.head(vectors), *self.size)
