"""Gated PixelCNN: a vertical and a horizontal stack, which together see all that comes before."""

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
from .sampling_cache import Cache, History, RowConvolution, WindowCache


@dataclass(frozen=True)
class GatedPixelCNNConfig(WindowConfig):
    """Architecture of a :class:`GatedPixelCNN`, and how it is drawn from.

    Attributes
    ----------
    dilations : tuple of int
        Distance of neighbours in the window of each gated layer; as many layers as numbers.
    channels, size, ...
        See :class:`WindowConfig`; ``channels`` of each stack.
    """

    size: int = 5
    dilations: tuple[int, ...] = (1, 1, 1, 1, 1, 1, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.dilations or min(self.dilations) < 1:
            raise ModelError(
                f"dilations={self.dilations} are not one for each layer; give some of 1 or more"
            )


#: Architecture and training of each preset, for pixels and for Gabor coefficients.
PRESETS: Presets = {
    ("small", "raw"): (
        GatedPixelCNNConfig(channels=24, dilations=(1, 2, 4, 2), size=3, levels=16, **CONDITIONED),
        {"steps": 2500, "batch_size": 8, "learning_rate": 3e-3, **ANNEALED, "ema": 0.99},
    ),
    ("small", "coefficients"): (
        GatedPixelCNNConfig(
            channels=24, dilations=(1, 2, 4), size=3, hidden=16, levels=16, **CONDITIONED
        ),
        {"steps": 2500, "batch_size": 4, "learning_rate": 3e-3, **ANNEALED, "ema": 0.99},
    ),
    ("small", "codes"): (
        GatedPixelCNNConfig(
            channels=48, dilations=(1, 1, 1, 1), first_size=5, size=3, **CONDITIONED
        ),
        {"steps": 1300, "batch_size": 32, "learning_rate": 3e-3, **ANNEALED, "ema": 0.99},
    ),
    # The article gives sizes for larger pictures only: these are those of the plain network here.
    ("article", "raw"): (GatedPixelCNNConfig(), {"steps": 11_700, "batch_size": 128}),
    ("article", "coefficients"): (
        GatedPixelCNNConfig(levels=32),
        {"steps": 11_700, "batch_size": 128},
    ),
    ("large", "raw"): (
        GatedPixelCNNConfig(channels=80, dilations=(1, 2, 1, 4, 1, 2, 1), size=3, **CONDITIONED),
        {"steps": 60_000, "batch_size": 128, **ANNEALED, "ema": 0.9995},
    ),
    ("large", "coefficients"): (
        GatedPixelCNNConfig(
            channels=80,
            dilations=(1, 2, 1, 4, 1, 2, 1),
            size=3,
            hidden=64,
            levels=32,
            **CONDITIONED,
        ),
        {"steps": 60_000, "batch_size": 64, **ANNEALED, "ema": 0.9995},
    ),
}


def gate(features: Tensor) -> Tensor:
    """tanh(first half of the channels) * sigmoid(second half)."""
    first, second = features.chunk(2, 1)
    return torch.tanh(first) * torch.sigmoid(second)


class GatedLayer(nn.Module):
    """One gated layer of both stacks, residual on the horizontal one.

    With W the convolutions and h the class::

        v' = gate(W_v v + V_v h)
        h' = h + W_r gate(W_h h + W_vh W_v v + V_h h)

    References
    ----------
    van den Oord et al. (2016), "Conditional image generation with PixelCNN decoders", figure 2.
    """

    vertical: CausalConv2d
    horizontal: CausalConv2d
    link: nn.Conv2d
    residual: nn.Conv2d
    embedding: nn.Embedding | None

    def __init__(self, channels: int, size: int, dilation: int, classes: int) -> None:
        super().__init__()
        self.vertical = CausalConv2d(
            channels, 2 * channels, size, "above", centre=True, dilation=dilation
        )
        self.horizontal = CausalConv2d(
            channels, 2 * channels, size, "left", centre=True, dilation=dilation, bias=False
        )
        self.link = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.residual = nn.Conv2d(channels, channels, 1, bias=False)
        # (classes, 4 * channels): for both gates of both stacks.
        self.embedding = nn.Embedding(classes, 4 * channels) if classes else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, std=0.1)

    def shifts(self, labels: Tensor | None) -> tuple[Tensor | float, Tensor | float]:
        """What the class adds before the gates of each stack, (B, 2 * channels, 1, 1)."""
        if self.embedding is None or labels is None:
            return 0.0, 0.0
        vertical, horizontal = self.embedding(labels)[..., None, None].chunk(2, 1)
        return vertical, horizontal

    def forward(
        self, vertical: Tensor, horizontal: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Both stacks (B, channels, H, W) after this layer."""
        for_vertical, for_horizontal = self.shifts(labels)
        above = self.vertical(vertical)
        gates = self.horizontal(horizontal) + self.link(above) + for_horizontal
        return gate(above + for_vertical), horizontal + self.residual(gate(gates))


class GatedPixelCNN(Autoregressive):
    """Gated PixelCNN, which has no blind spot.

    The vertical stack sees the rows above, the horizontal one the row itself and, through the
    vertical one, the rows above. The head reads the horizontal stack after a ReLU.

    Parameters
    ----------
    config : GatedPixelCNNConfig
    space, classes
        As in :class:`Autoregressive`, and what is raised where they do not fit.

    References
    ----------
    van den Oord et al. (2016), "Conditional image generation with PixelCNN decoders",
    arXiv 1606.05328, equation 2 and figure 2.

    Examples
    --------
    >>> config = GatedPixelCNNConfig(channels=8, dilations=(1, 2), size=3, levels=4)
    >>> model = GatedPixelCNN(config, Space(3, 6, 5, "levels", levels=4), classes=10)
    >>> model.sample(2, torch.tensor([3, 7]), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 6, 5])
    """

    above: CausalConv2d
    left: CausalConv2d
    layers: nn.ModuleList

    name: ClassVar[str] = "gated-pixelcnn"
    Config: ClassVar[type] = GatedPixelCNNConfig
    presets: ClassVar[Presets] = PRESETS
    config: GatedPixelCNNConfig

    def __init__(self, config: GatedPixelCNNConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes, trunk=config.channels, stacks=2)
        inputs, width, size = self.inputs, config.channels, config.first_size
        self.above = CausalConv2d(inputs, width, size, "above", centre=False)
        self.left = CausalConv2d(inputs, width, size, "left", centre=False)
        self.layers = nn.ModuleList(
            GatedLayer(width, config.size, dilation, self.conditions)
            for dilation in config.dilations
        )

    @property
    def gated(self) -> list[GatedLayer]:
        """The gated layers in order."""
        return cast(list[GatedLayer], list(self.layers))

    def activations(self, seen: Tensor, conditioning: Conditioning) -> list[Tensor]:
        """What is seen, the vertical stack before each layer, and the output of the horizontal."""
        maps = [seen.contiguous(memory_format=torch.channels_last)]
        above, left = conditioning.added.unbind(1)
        vertical, horizontal = self.above(maps[0]) + above, self.left(maps[0]) + left
        for layer in self.gated:
            maps.append(vertical)
            vertical, horizontal = layer(vertical, horizontal, conditioning.labels)
        return [*maps, functional.relu(horizontal)]

    def cache(self, count: int, labels: Tensor | None) -> Cache:
        """An empty cache for ``count`` images."""
        return _GatedCache(self, count, labels)


class _GatedCache(WindowCache):
    """Rows above of the values and of the vertical stack, the drawn row of the horizontal one."""

    model: GatedPixelCNN

    def __init__(self, model: GatedPixelCNN, count: int, labels: Tensor | None) -> None:
        super().__init__(model, count, labels)
        layers, width, like = model.gated, model.space.width, model.above.weight
        reach = model.above.radius
        self.histories = [History(count, like.shape[1], width, reach, reach, like)]
        for layer in layers:
            reach = layer.vertical.radius * layer.vertical.dilation
            channels = layer.vertical.weight.shape[1]
            self.histories.append(History(count, channels, width, reach + 1, reach, like))
        self.convolutions = [
            RowConvolution(left.weight, left.radius, left.dilation, count, width)
            for left in [model.left, *(layer.horizontal for layer in layers)]
        ]
        self.shifts = [layer.shifts(labels) for layer in layers]
        self.residuals = [layer.residual.weight[:, :, 0, 0].t() for layer in layers]

    def begin_row(self) -> None:
        above, left = self.model.above, self.model.left
        vertical = functional.conv2d(self.histories[0].values, above.kernel(), above.bias)
        vertical = vertical + self.position[0].transpose(1, 2)[:, :, None]  # (B, F, 1, W)
        self.convolutions[0].above.copy_(self.position[1] + cast(Tensor, left.bias))
        for layer, history, convolution, (for_vertical, for_horizontal) in zip(
            self.model.gated, self.histories[1:], self.convolutions[1:], self.shifts, strict=True
        ):
            history.push(vertical[:, :, 0])
            convolve = layer.vertical
            vertical = functional.conv2d(
                history.values, convolve.kernel(), convolve.bias, dilation=convolve.dilation
            )
            linked = layer.link(vertical) + for_horizontal
            convolution.above.copy_(linked[:, :, 0].transpose(1, 2))
            vertical = gate(vertical + for_vertical)

    def trunk(self, column: int) -> Tensor:
        first, *gated = self.convolutions
        horizontal = self.add_context(first.respond(column), column)
        for convolution, weight in zip(gated, self.residuals, strict=True):
            convolution.columns[column].copy_(horizontal)
            horizontal = torch.addmm(horizontal, gate(convolution.respond(column)), weight)
        return functional.relu(horizontal)

    def end_row(self) -> None:
        self.histories[0].push(self.convolutions[0].row.transpose(1, 2))
