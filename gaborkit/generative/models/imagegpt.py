"""ImageGPT: a transformer that reads pixels one after another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ModelError
from ..space import Space
from .autoregressive import Autoregressive, Conditioning
from .autoregressive_config import ANNEALED, CONDITIONED, AutoregressiveConfig
from .dropout import dropout
from .model import Presets
from .sampling_cache import Cache, KeysValues


@dataclass(frozen=True)
class ImageGPTConfig(AutoregressiveConfig):
    """Architecture of an :class:`ImageGPT`, and how it is drawn from; defaults are iGPT-S.

    Attributes
    ----------
    layers, heads : int
        Blocks, and heads of attention in each; ``channels`` is a multiple of the heads.
    dropout : float
        Share of what each block adds that is left out in training.
    channels, levels, ...
        See :class:`AutoregressiveConfig`; positions are learned by default.
    """

    channels: int = 512
    levels: int = 512
    position: bool = True
    layers: int = 24
    heads: int = 8
    dropout: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_least(layers=1, heads=1)
        self._check_share("dropout")
        if self.channels % self.heads:
            raise ModelError(
                f"channels={self.channels} cannot be shared out to heads={self.heads}; give a "
                "multiple"
            )


#: Of Adam, as the article has it.
_ADAM: dict[str, Any] = {"betas": (0.9, 0.95), **ANNEALED}
_SMALL = ImageGPTConfig(channels=64, levels=16, layers=2, heads=2, **CONDITIONED)

#: Architecture and training of each preset, for pixels and for Gabor coefficients.
PRESETS: Presets = {
    ("small", "raw"): (
        replace(_SMALL, channels=46),
        {"steps": 2500, "batch_size": 4, "learning_rate": 3e-3, **_ADAM, "ema": 0.99},
    ),
    ("small", "coefficients"): (
        _SMALL,
        {"steps": 1000, "batch_size": 4, "learning_rate": 2e-3, **_ADAM, "ema": 0.99},
    ),
    ("small", "codes"): (
        replace(_SMALL, dropout=0.1),
        {"steps": 1300, "batch_size": 32, "learning_rate": 3e-3, **_ADAM, "ema": 0.99},
    ),
    # iGPT-S and its training. The article has colour pictures, of a palette of 512 colours; grey
    # ones have their own 256 levels here.
    ("article", "raw"): (
        ImageGPTConfig(levels=256),
        {"steps": 1_000_000, "batch_size": 128, "learning_rate": 3e-3, **_ADAM},
    ),
    ("article", "coefficients"): (
        ImageGPTConfig(levels=32),
        {"steps": 1_000_000, "batch_size": 128, "learning_rate": 3e-3, **_ADAM},
    ),
    ("large", "raw"): (
        ImageGPTConfig(channels=256, levels=256, layers=12, dropout=0.1, **CONDITIONED),
        {"steps": 60_000, "batch_size": 128, "learning_rate": 1e-3, **_ADAM, "ema": 0.999},
    ),
    ("large", "coefficients"): (
        ImageGPTConfig(channels=256, levels=32, layers=12, dropout=0.1, **CONDITIONED),
        {"steps": 60_000, "batch_size": 64, "learning_rate": 1e-3, **_ADAM, "ema": 0.999},
    ),
}


class Block(nn.Module):
    """Attention to all locations before and the location itself, and two linear layers.

    ::

        x = x + attention(norm(x)),    x = x + mlp(norm(x))
    """

    def __init__(self, channels: int, heads: int, share: float) -> None:
        super().__init__()
        self.heads: int = heads
        self.share: float = share
        self.norm_attention: nn.LayerNorm = nn.LayerNorm(channels)
        self.project: nn.Linear = nn.Linear(channels, 3 * channels)
        self.merge: nn.Linear = nn.Linear(channels, channels)
        self.norm_mlp: nn.LayerNorm = nn.LayerNorm(channels)
        self.expand: nn.Linear = nn.Linear(channels, 4 * channels)
        self.contract: nn.Linear = nn.Linear(4 * channels, channels)

    def projected(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, heads, n, d) of features (B, n, D)."""
        parts: Tensor = self.project(self.norm_attention(features))
        queries, keys, values = parts.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return queries, keys, values

    def added(
        self, features: Tensor, attended: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Features (B, n, D) with what was attended to (B, heads, n, d), and the linear layers."""
        merged = self.merge(attended.transpose(1, 2).flatten(2))
        features = features + dropout(merged, self.share, generator)
        hidden = functional.gelu(self.expand(self.norm_mlp(features)))
        return features + dropout(self.contract(hidden), self.share, generator)

    def forward(self, features: Tensor, generator: torch.Generator | None) -> Tensor:
        """Features (B, n, D) after this block."""
        attended = functional.scaled_dot_product_attention(
            *self.projected(features), is_causal=True
        )
        return self.added(features, attended, generator)


def sinusoids(width: int, height: int, columns: int) -> Tensor:
    """Where positions start, (width, height, columns): waves of the row, and of the column.

    Learned from there on, they let attention find neighbours after a few steps.

    References
    ----------
    Vaswani et al. (2017), "Attention is all you need", section 3.5, for each axis.

    Examples
    --------
    >>> sinusoids(8, 3, 4).shape
    torch.Size([8, 3, 4])
    """
    number = torch.arange(width)
    # By fours: sine and cosine of the row, and of the column.
    rate = torch.logspace(0, -2, max(1, -(-width // 4)))[number // 4]
    row = torch.arange(height)[:, None].expand(height, columns)
    column = torch.arange(columns).expand(height, columns)
    along = torch.stack([row, column])[number % 4 // 2]  # (width, height, columns)
    return 0.5 * torch.sin(along * rate[:, None, None] + (number % 2)[:, None, None] * torch.pi / 2)


class ImageGPT(Autoregressive):
    """A decoder-only transformer over the pixels in raster order.

    The levels of a location become one vector, which is learned; levels have no order here. To a
    location the network is given the vector of the one before it (to the first, a start vector),
    the vector of the location itself and that of the class. Colour pictures are of a palette, which
    k-means chooses.

    Of grey pictures the article has none: their levels are the palette.

    Parameters
    ----------
    config : ImageGPTConfig
    space, classes
        As in :class:`Autoregressive`, and what is raised where they do not fit.

    References
    ----------
    Chen, Radford, Child, Wu, Jun, Luan and Sutskever (2020), "Generative pretraining from pixels",
    ICML, section 2.

    Examples
    --------
    >>> config = ImageGPTConfig(channels=8, layers=2, heads=2, levels=4)
    >>> model = ImageGPT(config, Space(1, 6, 5, "levels", levels=4))
    >>> digits = model.sample(2, generator=torch.Generator().manual_seed(0))
    >>> digits.shape, model.log_likelihood(digits).shape
    (torch.Size([2, 1, 6, 5]), torch.Size([2]))
    """

    name: ClassVar[str] = "imagegpt"
    Config: ClassVar[type] = ImageGPTConfig
    presets: ClassVar[Presets] = PRESETS
    embeds = True
    config: ImageGPTConfig
    start: nn.Parameter
    class_embedding: nn.Embedding | None

    def __init__(self, config: ImageGPTConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes, trunk=config.channels)
        width = config.channels
        self.start: nn.Parameter = nn.Parameter(torch.empty(width).normal_(std=0.1))
        self.class_embedding = nn.Embedding(self.conditions, width) if classes else None
        self.blocks: nn.ModuleList = nn.ModuleList(
            Block(width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm: nn.LayerNorm = nn.LayerNorm(width)
        if self.class_embedding is not None:
            nn.init.normal_(self.class_embedding.weight, std=0.1)
        if self.position is not None:
            with torch.no_grad():
                self.position.copy_(sinusoids(width, space.height, space.width))

    @classmethod
    def in_colour(cls, preset: str, features: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """A palette of the pixels' colours; through a frame, all levels of each colour."""
        if features != "raw":
            return super().in_colour(preset, features)
        return {"levels": 256 if preset == "small" else 512}, {"palette": True}

    @property
    def layers(self) -> list[Block]:
        """The blocks in order."""
        return cast(list[Block], list(self.blocks))

    def joined(self, seen: Tensor) -> Tensor:
        """One vector (B, D, ...) of those of the channels (B, C * D, ...)."""
        return seen.unflatten(1, (self.space.channels, -1)).sum(1)

    def class_vector(self, labels: Tensor | None) -> Tensor | float:
        """What the class adds, (B, D)."""
        if self.class_embedding is None or labels is None:
            return 0.0
        vectors: Tensor = self.class_embedding(labels)
        return vectors

    def activations(self, seen: Tensor, conditioning: Conditioning) -> list[Tensor]:
        """What is seen, the inputs of the blocks, and the output of the last, normalised."""
        count, _, *grid = seen.shape
        vectors = self.joined(seen).flatten(2).transpose(1, 2)  # (B, n, D)
        start = self.start.expand(count, 1, -1)
        added = conditioning.added[:, 0].flatten(2).transpose(1, 2)
        features = torch.cat([start, vectors[:, :-1]], 1) + added
        if self.class_embedding is not None:
            features = features + cast(Tensor, self.class_vector(conditioning.labels))[:, None]
        layers = [features]
        for block in self.layers:
            layers.append(block(layers[-1], conditioning.generator))
        layers[-1] = self.norm(layers[-1])
        return [seen, *(layer.transpose(1, 2).unflatten(2, grid) for layer in layers)]

    def cache(self, count: int, labels: Tensor | None) -> Cache:
        """An empty cache for ``count`` images."""
        return _GPTCache(self, count, labels)


class _GPTCache(Cache):
    """Of each block the keys and values of the locations before."""

    model: ImageGPT
    replayable = False

    def __init__(self, model: ImageGPT, count: int, labels: Tensor | None) -> None:
        super().__init__(model, count, labels)
        config, space = model.config, model.space
        width = config.channels // config.heads
        #: Vectors (B, D) of the location before the one that is drawn.
        self.before = model.start.detach().repeat(count, 1)
        self.class_vector = model.class_vector(labels)
        self.stores = [
            KeysValues(count, config.heads, space.height * space.width, width, width, self.before)
            for _ in model.layers
        ]

    def begin_row(self) -> None:
        """Nothing is computed by rows."""

    def trunk(self, column: int) -> Tensor:
        index = self.row * self.model.space.width + column
        vectors = self.before + self.position[0, :, column] + self.class_vector
        features = self.add_context(vectors, column)[:, None]  # (B, 1, D)
        for block, store in zip(self.model.layers, self.stores, strict=True):
            query, key, value = block.projected(features)
            store.put(index, key, value)
            features = block.added(features, store.attend(query, index + 1))
        trunk: Tensor = self.model.norm(features[:, 0])
        return trunk

    def put(self, column: int, seen: Tensor) -> None:
        self.before.copy_(self.model.joined(seen))

    def end_row(self) -> None:
        """Keys and values are remembered at each location."""

    def fill(self, activations: list[Tensor]) -> None:
        self.before.copy_(self.model.joined(activations[0])[:, :, -1, -1])
        for block, store, features in zip(
            self.model.layers, self.stores, activations[1:-1], strict=True
        ):
            _, keys, values = block.projected(features.flatten(2).transpose(1, 2))
            store.take(keys, values)

    @property
    def remembered(self) -> list[Tensor]:
        return [self.before, *(part for s in self.stores for part in (s.keys, s.values))]

    @property
    def workspace(self) -> list[Tensor]:
        return []
