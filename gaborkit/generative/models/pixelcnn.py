"""PixelCNN with masked convolutions, as in the article, blind spot included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ModelError
from ..space import Space
from .autoregressive import Autoregressive, Conditioning
from .autoregressive_config import ANNEALED, CONDITIONED, WindowConfig
from .masked import CausalConv2d
from .model import Presets
from .sampling_cache import Cache, History, RowConvolution, WindowCache, above_of


@dataclass(frozen=True)
class PixelCNNConfig(WindowConfig):
    """Architecture of a :class:`PixelCNN`, and how it is drawn from; defaults are the article's.

    Attributes
    ----------
    layers : int
        Convolutions after the first.
    channels, size, ...
        See :class:`WindowConfig`.
    """

    layers: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layers < 0:
            raise ModelError(f"layers={self.layers} is too few; give 0 or more")


#: Architecture and training of each preset, for pixels and for Gabor coefficients.
PRESETS: Presets = {
    ("small", "raw"): (
        PixelCNNConfig(channels=32, layers=5, size=5, levels=16, **CONDITIONED),
        {"steps": 3000, "batch_size": 8, "learning_rate": 4e-3, **ANNEALED, "ema": 0.99},
    ),
    ("small", "coefficients"): (
        PixelCNNConfig(channels=32, layers=4, hidden=16, levels=16, **CONDITIONED),
        {"steps": 3000, "batch_size": 4, "learning_rate": 3e-3, **ANNEALED, "ema": 0.99},
    ),
    ("small", "codes"): (
        PixelCNNConfig(channels=64, layers=4, first_size=5, size=3, **CONDITIONED),
        {"steps": 1300, "batch_size": 32, "learning_rate": 3e-3, **ANNEALED, "ema": 0.99},
    ),
    # The article names no number of steps: this is about 25 epochs of MNIST.
    ("article", "raw"): (PixelCNNConfig(), {"steps": 11_700, "batch_size": 128}),
    ("article", "coefficients"): (PixelCNNConfig(levels=32), {"steps": 11_700, "batch_size": 128}),
    ("large", "raw"): (
        PixelCNNConfig(layers=10, **CONDITIONED),
        {"steps": 40_000, "batch_size": 128, **ANNEALED, "ema": 0.999},
    ),
    ("large", "coefficients"): (
        PixelCNNConfig(layers=10, hidden=64, levels=32, **CONDITIONED),
        {"steps": 40_000, "batch_size": 64, **ANNEALED, "ema": 0.999},
    ),
}


class PixelLayer(nn.Module):
    """Causal convolution without bias, batch norm, the class, ReLU."""

    convolution: CausalConv2d
    norm: nn.BatchNorm2d
    embedding: nn.Embedding | None

    def __init__(self, inputs: int, outputs: int, size: int, classes: int, *, first: bool) -> None:
        super().__init__()
        self.convolution = CausalConv2d(
            inputs, outputs, size, "raster", centre=not first, bias=False
        )
        self.norm = nn.BatchNorm2d(outputs)
        self.embedding = nn.Embedding(classes, outputs) if classes else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, std=0.1)

    def shift(self, labels: Tensor | None) -> Tensor | None:
        """What the class adds, (B, outputs)."""
        return None if self.embedding is None or labels is None else self.embedding(labels)

    def forward(
        self, features: Tensor, labels: Tensor | None, position: Tensor | float = 0.0
    ) -> Tensor:
        """Features (B, outputs, H, W), with a bias (B or 1, outputs, H, W) for each location."""
        responses: Tensor = self.norm(self.convolution(features)) + position
        shift = self.shift(labels)
        return functional.relu(responses if shift is None else responses + shift[..., None, None])

    def folded(self, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Gain (outputs, 1, 1) and bias, (outputs,) or (B, 1, outputs), of norm and class."""
        mean = cast(Tensor, self.norm.running_mean)
        variance = cast(Tensor, self.norm.running_var)
        gain = self.norm.weight * (variance + self.norm.eps).rsqrt()
        bias = self.norm.bias - mean * gain
        shift = self.shift(labels)
        return gain[:, None, None], bias if shift is None else (bias + shift)[:, None]


class PixelCNN(Autoregressive):
    """Masked convolutions, each with batch norm and ReLU, then a 1x1 convolution to the logits.

    The article's network, ``PixelCNNConfig()``: a 7x7 convolution with mask A to 64 channels, seven
    7x7 convolutions with mask B, none with a bias, and 256 logits. A conditional model adds an
    embedding of the class before each ReLU.

    Its stacked windows leave a blind spot: with windows of side 2 h + 1, a location sees those n
    rows above no further to the right than n h columns. :class:`GatedPixelCNN` has none.

    Parameters
    ----------
    config : PixelCNNConfig
    space, classes
        As in :class:`Autoregressive`, and what is raised where they do not fit.

    References
    ----------
    van den Oord, Kalchbrenner, Kavukcuoglu (2016), "Pixel recurrent neural networks", section 3.

    Examples
    --------
    >>> config = PixelCNNConfig(channels=8, layers=2, size=3, levels=4)
    >>> model = PixelCNN(config, Space(1, 6, 5, "levels", levels=4))
    >>> digits = model.sample(2, generator=torch.Generator().manual_seed(0))
    >>> digits.shape, model.log_likelihood(digits).shape
    (torch.Size([2, 1, 6, 5]), torch.Size([2]))
    """

    layers: nn.ModuleList

    name: ClassVar[str] = "pixelcnn"
    Config: ClassVar[type] = PixelCNNConfig
    presets: ClassVar[Presets] = PRESETS
    config: PixelCNNConfig

    def __init__(self, config: PixelCNNConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes, trunk=config.channels)
        layers = [(self.inputs, config.first_size)]
        layers += [(config.channels, config.size)] * config.layers
        self.layers = nn.ModuleList(
            PixelLayer(inputs, config.channels, size, self.conditions, first=number == 0)
            for number, (inputs, size) in enumerate(layers)
        )

    @property
    def masked(self) -> list[PixelLayer]:
        """The layers in order."""
        return cast(list[PixelLayer], list(self.layers))

    def activations(self, seen: Tensor, conditioning: Conditioning) -> list[Tensor]:
        """Inputs of the layers, and the output of the last."""
        maps = [seen.contiguous(memory_format=torch.channels_last)]
        first, *others = self.masked
        maps.append(first(maps[0], conditioning.labels, conditioning.added[:, 0]))
        for layer in others:
            maps.append(layer(maps[-1], conditioning.labels))
        return maps

    def cache(self, count: int, labels: Tensor | None) -> Cache:
        """An empty cache for ``count`` images."""
        return _PixelCache(self, count, labels)


class _PixelCache(WindowCache):
    """Of each convolution: the rows above, and the row that is drawn; batch norm is folded in."""

    def __init__(self, model: PixelCNN, count: int, labels: Tensor | None) -> None:
        super().__init__(model, count, labels)
        width = model.space.width
        self.histories, self.convolutions = [], []
        self.kernels: list[Tensor] = []
        self.biases: list[Tensor] = []
        for layer in model.masked:
            convolution, (gain, bias) = layer.convolution, layer.folded(labels)
            reach, inputs = convolution.radius, convolution.weight.shape[1]
            self.histories.append(History(count, inputs, width, reach, reach, gain))
            self.kernels.append(gain[..., None] * convolution.above())
            self.biases.append(bias)
            self.convolutions.append(
                RowConvolution(gain * convolution.left(), reach, 1, count, width)
            )

    def begin_row(self) -> None:
        for history, kernel, bias, convolution in zip(
            self.histories, self.kernels, self.biases, self.convolutions, strict=True
        ):
            above_of(history, kernel, bias, out=convolution.above)
        self.convolutions[0].above += self.position[0]

    def trunk(self, column: int) -> Tensor:
        # Each convolution writes where the next one looks.
        targets = [*(convolution.columns[column] for convolution in self.convolutions[1:]), None]
        first, *others = zip(self.convolutions, targets, strict=True)
        response = self.add_context(first[0].respond(column, out=first[1]), column).relu_()
        for convolution, target in others:
            response = convolution.respond(column, out=target).relu_()
        return response

    def end_row(self) -> None:
        for history, convolution in zip(self.histories, self.convolutions, strict=True):
            history.push(convolution.row.transpose(1, 2))
