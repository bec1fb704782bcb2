"""Fully connected encoders and decoders: features (B, C, H, W) to a vector, and back.

A condition (B, classes), if any, is joined to the input of either.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from ..view import View
from .drawn import last_layer
from .seen import first_layer

Activation = Literal["relu", "tanh", "leaky-relu", "silu", "gelu"]
Shape = tuple[int, int, int]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "leaky-relu": nn.LeakyReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
}


def perceptron(sizes: Sequence[int], activation: Activation) -> nn.Sequential:
    """Linear layers between sizes, with an activation between layers but none at the end.

    Examples
    --------
    >>> perceptron([784, 400, 20], "relu")
    Sequential(
      (0): Linear(in_features=784, out_features=400, bias=True)
      (1): ReLU()
      (2): Linear(in_features=400, out_features=20, bias=True)
    )
    """
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Code (B, classes), float32, of labels (B,): 1 at the label and 0 elsewhere.

    Examples
    --------
    >>> one_hot(torch.tensor([2, 0]), 3)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    return (labels[:, None] == torch.arange(classes, device=labels.device)).float()


def join(values: Tensor, condition: Tensor | None) -> Tensor:
    """Vectors (B, n + classes), or planes (B, n + classes, H, W), of values and a condition."""
    if condition is None:
        return values
    if values.ndim == 4:
        condition = condition[:, :, None, None].expand(-1, -1, *values.shape[2:])
    return torch.cat([values, condition.to(values.dtype)], 1)


@torch.no_grad()
def raise_condition(layer: nn.Linear | nn.Conv2d, classes: int) -> None:
    """Start the weights that meet a one-hot code as if there were no other inputs.

    Those of a layer of many inputs start small, since many values add up; of the code only one is
    not 0. Drowned at the start, it is never listened to: the latents come to tell of the class.

    Examples
    --------
    >>> layer = nn.Linear(790, 400)
    >>> raise_condition(layer, classes=10)
    >>> bool(layer.weight[:, :-10].abs().max() < 0.04 < 0.9 < layer.weight[:, -10:].abs().max())
    True
    """
    if classes:
        layer.weight[:, -classes:] *= math.sqrt(layer.weight.shape[1])


@dataclass(frozen=True)
class Architecture:
    """What an encoder and the decoder that mirrors it have in common.

    Attributes
    ----------
    shape : (C, H, W)
        Of the features.
    hidden : sequence of int
        Sizes of the hidden layers, or channels after each halving, from the features on.
    activation : str
    blocks : int
        Residual blocks after each halving.
    classes : int
        Length of the condition.
    view : View, optional
        What the first layer of the encoder sees through and the last of the decoder draws by.
    outputs : int
        Numbers that the decoder gives for each feature.
    gain : float
        What the frame of the view draws is multiplied by it.
    """

    shape: Shape
    hidden: Sequence[int]
    activation: Activation
    blocks: int = 0
    classes: int = 0
    view: View | None = None
    outputs: int = 1
    gain: float = 1.0


class PerceptronEncoder(nn.Module):
    """Fully connected layers on the flattened features, to vectors of a ``length``."""

    layers: nn.Sequential

    def __init__(self, architecture: Architecture, length: int) -> None:
        super().__init__()
        shape, classes = architecture.shape, architecture.classes
        sizes = [math.prod(shape) + classes, *architecture.hidden, length]
        self.layers = perceptron(sizes, architecture.activation)
        first = cast(nn.Linear, self.layers[0])
        raise_condition(first, classes)
        self.layers[0] = first_layer(first, architecture.view, shape)

    def forward(self, features: Tensor, condition: Tensor | None = None) -> Tensor:
        """Vectors (B, length) of features (B, C, H, W)."""
        vectors: Tensor = self.layers(join(features.flatten(1), condition))
        return vectors


class PerceptronDecoder(nn.Module):
    """The mirror of :class:`PerceptronEncoder`."""

    shape: Shape
    layers: nn.Sequential

    def __init__(self, architecture: Architecture, length: int) -> None:
        super().__init__()
        shape, outputs, classes = architecture.shape, architecture.outputs, architecture.classes
        self.shape = (outputs * shape[0], *shape[1:])
        sizes = [length + classes, *reversed(architecture.hidden), math.prod(self.shape)]
        self.layers = perceptron(sizes, architecture.activation)
        raise_condition(cast(nn.Linear, self.layers[0]), classes)
        last = cast(nn.Linear, self.layers[-1])
        self.layers[-1] = last_layer(last, architecture.view, shape, outputs, architecture.gain)

    def forward(self, vectors: Tensor, condition: Tensor | None = None) -> Tensor:
        """Features (B, outputs * C, H, W) of vectors (B, length)."""
        features: Tensor = self.layers(join(vectors, condition))
        return features.view(-1, *self.shape)
