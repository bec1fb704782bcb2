"""PixelSNAIL: causal convolutions, and attention to all locations before."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..space import Space
from .autoregressive import Autoregressive, Conditioning
from .autoregressive_config import ANNEALED, CONDITIONED, WindowConfig
from .masked import CausalConv2d
from .model import Presets
from .sampling_cache import Cache, History, KeysValues, RowConvolution, WindowCache, above_of
from .snail_layers import CausalAttention, GatedResidual, gated


@dataclass(frozen=True)
class PixelSNAILConfig(WindowConfig):
    """Architecture of a :class:`PixelSNAIL`, and how it is drawn from; defaults are the article's.

    Attributes
    ----------
    blocks, residuals : int
        Blocks, and residual blocks in each before its attention.
    heads, key_width, value_width : int
        Of each attention: heads, and channels of the keys and values of each head.
    dropout : float
        Share of the features within each residual block that is left out in training.
    channels, size, ...
        See :class:`WindowConfig`.
    """

    channels: int = 256
    size: int = 3
    blocks: int = 12
    residuals: int = 4
    heads: int = 1
    key_width: int = 16
    value_width: int = 128
    dropout: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_least(blocks=1, residuals=1, heads=1, key_width=1, value_width=1)
        self._check_share("dropout")


_SMALL = PixelSNAILConfig(
    channels=24,
    first_size=5,
    levels=16,
    blocks=2,
    residuals=1,
    heads=2,
    key_width=8,
    value_width=12,
    dropout=0.05,
    **CONDITIONED,
)
_LARGE = PixelSNAILConfig(
    channels=96, blocks=4, residuals=3, heads=4, value_width=24, dropout=0.2, **CONDITIONED
)

#: Architecture and training of each preset, for pixels and for Gabor coefficients.
PRESETS: Presets = {
    ("small", "raw"): (
        replace(_SMALL, channels=40),
        {"steps": 2600, "batch_size": 4, "learning_rate": 4e-3, **ANNEALED, "ema": 0.99},
    ),
    ("small", "coefficients"): (
        _SMALL,
        {"steps": 1800, "batch_size": 4, "learning_rate": 3e-3, **ANNEALED, "ema": 0.99},
    ),
    ("small", "codes"): (
        replace(_SMALL, channels=48),
        {"steps": 1300, "batch_size": 32, "learning_rate": 3e-3, **ANNEALED, "ema": 0.99},
    ),
    # As for CIFAR-10. The article has a mixture for the likelihood, and no MNIST.
    ("article", "raw"): (
        PixelSNAILConfig(likelihood="mixture"),
        {"steps": 200_000, "batch_size": 32, "ema": 0.9995},
    ),
    ("article", "coefficients"): (
        PixelSNAILConfig(levels=32),
        {"steps": 200_000, "batch_size": 32, "ema": 0.9995},
    ),
    ("article", "codes"): (
        PixelSNAILConfig(),  # codes have no order, and no mixture
        {"steps": 200_000, "batch_size": 32, "ema": 0.9995},
    ),
    ("large", "raw"): (
        _LARGE,
        {"steps": 60_000, "batch_size": 64, **ANNEALED, "ema": 0.9995},
    ),
    ("large", "coefficients"): (
        PixelSNAILConfig(
            channels=96,
            levels=32,
            hidden=64,
            blocks=4,
            residuals=3,
            heads=4,
            value_width=24,
            dropout=0.2,
            **CONDITIONED,
        ),
        {"steps": 60_000, "batch_size": 32, **ANNEALED, "ema": 0.9995},
    ),
}


class PixelSNAIL(Autoregressive):
    """Gated residual blocks of causal convolutions, each few followed by attention.

    Convolutions see near locations well, attention all of those before, so that there is no blind
    spot. The convolutions here see a square window, where the article's see the rows above and the
    row to the left by one of two stacks.

    Parameters
    ----------
    config : PixelSNAILConfig
    space, classes
        As in :class:`Autoregressive`, and what is raised where they do not fit.

    References
    ----------
    Chen, Mishra, Rohaninejad and Abbeel (2018), "PixelSNAIL: an improved autoregressive generative
    model", ICML, arXiv 1712.09763.

    Examples
    --------
    >>> config = PixelSNAILConfig(channels=8, blocks=1, residuals=1, value_width=4, levels=4)
    >>> model = PixelSNAIL(config, Space(1, 6, 5, "levels", levels=4))
    >>> digits = model.sample(2, generator=torch.Generator().manual_seed(0))
    >>> digits.shape, model.log_likelihood(digits).shape
    (torch.Size([2, 1, 6, 5]), torch.Size([2]))
    """

    name: ClassVar[str] = "pixelsnail"
    Config: ClassVar[type] = PixelSNAILConfig
    presets: ClassVar[Presets] = PRESETS
    config: PixelSNAILConfig
    background: Tensor

    def __init__(self, config: PixelSNAILConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes, trunk=config.channels)
        width = config.channels
        self.first: CausalConv2d = CausalConv2d(
            self.inputs, width, config.first_size, "raster", centre=False
        )
        self.residuals: nn.ModuleList = nn.ModuleList(
            GatedResidual(width, config.size, config.dropout, self.conditions)
            for _ in range(config.blocks * config.residuals)
        )
        self.attentions: nn.ModuleList = nn.ModuleList(
            CausalAttention(
                self.inputs, width, config.heads, (config.key_width, config.value_width)
            )
            for _ in range(config.blocks)
        )
        rows = torch.linspace(-1, 1, space.height)[:, None].expand(-1, space.width)
        columns = torch.linspace(-1, 1, space.width).expand(space.height, -1)
        #: Row and column (1, H * W, 2) of each location.
        self.register_buffer(
            "background", torch.stack([rows, columns], -1).reshape(1, -1, 2), persistent=False
        )

    @property
    def blocks(self) -> list[tuple[list[GatedResidual], CausalAttention]]:
        """Residual blocks and attention of each block."""
        count = self.config.residuals
        residuals = cast(list[GatedResidual], list(self.residuals))
        attentions = cast(list[CausalAttention], list(self.attentions))
        return [
            (residuals[number * count : (number + 1) * count], attention)
            for number, attention in enumerate(attentions)
        ]

    def activations(self, seen: Tensor, conditioning: Conditioning) -> list[Tensor]:
        """What each convolution sees, with what each attention is given behind its block's."""
        added, labels, generator = conditioning
        grid = seen.shape[2:]
        background = self.background[:, : math.prod(grid)]
        maps = [seen.contiguous(memory_format=torch.channels_last)]
        features = self.first(maps[0]) + added[:, 0]
        for residuals, attention in self.blocks:
            for residual in residuals:
                outer, inner, features = residual(features, labels, generator)
                maps += [outer, inner]
            maps.append(features)
            mixed = attention(seen.flatten(2), features.flatten(2), background)
            features = mixed.unflatten(2, grid)
        return [*maps, functional.elu(features)]

    def cache(self, count: int, labels: Tensor | None) -> Cache:
        """An empty cache for ``count`` images."""
        return _SnailCache(self, count, labels)


class _SnailCache(WindowCache):
    """Of each convolution the rows above and the drawn row; of each attention keys and values."""

    model: PixelSNAIL
    replayable = False

    def __init__(self, model: PixelSNAIL, count: int, labels: Tensor | None) -> None:
        super().__init__(model, count, labels)
        space, like = model.space, model.first.weight
        layers = [model.first]
        for residuals, _ in model.blocks:
            layers += [layer for one in residuals for layer in (one.first, one.second)]
        self.layers = layers
        self.histories = [
            History(count, n.weight.shape[1], space.width, n.radius, n.radius, like) for n in layers
        ]
        self.convolutions = [
            RowConvolution(n.left(), n.radius, 1, count, space.width) for n in layers
        ]
        #: Of each convolution, its bias and what the class adds, (outputs,) or (B, 1, outputs).
        self.biases = [cast(Tensor, layer.bias) for layer in layers]
        residuals = [one for group, _ in model.blocks for one in group]
        for number, residual in enumerate(residuals):
            shift = residual.shift(labels)
            if isinstance(shift, Tensor):
                self.biases[1 + 2 * number] = (self.biases[1 + 2 * number] + shift)[:, None]
        locations = space.height * space.width
        config = model.config
        #: The first location finds keys and values of 0.
        self.stores = [
            KeysValues(
                count, config.heads, locations + 1, config.key_width, config.value_width, like
            )
            for _ in model.blocks
        ]
        #: Of each attention, what it was given (B, F) at the location that is drawn.
        self.features = [like.new_zeros(count, config.channels) for _ in model.blocks]

    def begin_row(self) -> None:
        for history, layer, bias, convolution in zip(
            self.histories, self.layers, self.biases, self.convolutions, strict=True
        ):
            above_of(history, layer.above(), bias, out=convolution.above)
        self.convolutions[0].above += self.position[0]

    def trunk(self, column: int) -> Tensor:
        index = self.row * self.model.space.width + column
        background = self.model.background[:, index : index + 1]
        first, *others = self.convolutions
        layers = iter(others)
        features = self.add_context(first.respond(column), column)
        for (residuals, attention), store, row in zip(
            self.model.blocks, self.stores, self.features, strict=True
        ):
            for _ in residuals:
                outer, inner = next(layers), next(layers)
                outer.columns[column].copy_(functional.elu(features))
                inner.columns[column].copy_(functional.elu(outer.respond(column)))
                features = gated(features, inner.respond(column))
            row.copy_(features)
            query = attention.asked(features[:, None], background)
            values = store.attend(query, index + 1)
            features = attention.merged(features[:, :, None], values)[:, :, 0]
        return functional.elu(features)

    def put(self, column: int, seen: Tensor) -> None:
        super().put(column, seen)
        index = self.row * self.model.space.width + column
        background = self.model.background[:, index : index + 1]
        for (_, attention), store, features in zip(
            self.model.blocks, self.stores, self.features, strict=True
        ):
            store.put(index + 1, *attention.offered(seen[:, None], features[:, None], background))

    def end_row(self) -> None:
        for history, convolution in zip(self.histories, self.convolutions, strict=True):
            history.push(convolution.row.transpose(1, 2))

    def fill(self, activations: list[Tensor]) -> None:
        seen, maps = activations[0], iter(activations[1:])
        windows = [seen]
        by_location = seen.flatten(2).transpose(1, 2)
        for (residuals, attention), store in zip(self.model.blocks, self.stores, strict=True):
            windows += [next(maps) for _ in range(2 * len(residuals))]
            features = next(maps).flatten(2).transpose(1, 2)
            background = self.model.background[:, : features.shape[1]]
            keys, values = attention.offered(by_location, features, background)
            store.take(functional.pad(keys, (0, 0, 1, 0)), functional.pad(values, (0, 0, 1, 0)))
        super().fill(windows)

    @property
    def remembered(self) -> list[Tensor]:
        stores = [part for store in self.stores for part in (store.keys, store.values)]
        return super().remembered + stores

    @property
    def workspace(self) -> list[Tensor]:
        return super().workspace + self.features
