"""Layers of PixelSNAIL: gated residual blocks, and causal attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from .dropout import dropout
from .masked import CausalConv2d


class GatedResidual(nn.Module):
    """Two causal convolutions and a gate, added to the features, with the class between them.

    ::

        a, b = W_2 elu(W_1 elu(x) + V h),    x = x + a * sigmoid(b)

    References
    ----------
    Chen et al. (2018), figure 3a; Salimans et al. (2017), section 2.3.
    """

    embedding: nn.Embedding | None

    def __init__(self, channels: int, size: int, share: float, classes: int) -> None:
        super().__init__()
        self.share = share
        self.first: CausalConv2d = CausalConv2d(channels, channels, size, "raster", centre=True)
        self.second: CausalConv2d = CausalConv2d(
            channels, 2 * channels, size, "raster", centre=True
        )
        self.embedding = nn.Embedding(classes, channels) if classes else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, std=0.1)
        with torch.no_grad():
            self.second.weight.mul_(0.1)  # near the identity, as it starts

    def shift(self, labels: Tensor | None) -> Tensor | float:
        """What the class adds, (B, channels)."""
        return 0.0 if self.embedding is None or labels is None else self.embedding(labels)

    def forward(
        self, features: Tensor, labels: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What each convolution sees, and the features after the block, (B, channels, H, W)."""
        outer = functional.elu(features)
        inner = self.first(outer)
        shift = self.shift(labels)
        if isinstance(shift, Tensor):
            inner = inner + shift[..., None, None]
        inner = dropout(functional.elu(inner), self.share, generator)
        return outer, inner, gated(features, self.second(inner))


def gated(features: Tensor, gates: Tensor) -> Tensor:
    """Features (B, F, ...) with the first half of the gates (B, 2 F, ...) times the second."""
    new, gate = gates.chunk(2, 1)
    return features + new * torch.sigmoid(gate)


class CausalAttention(nn.Module):
    """What each location finds at all locations before it, gated and added to its features.

    Keys and values are of the features, of what is seen and of the location (two background
    channels); queries of the features and the location. What is seen of a location itself must not
    be found there, so that keys and values are moved by one location: the first finds nothing.

    Parameters
    ----------
    inputs, channels : int
        Of what is seen, and of the features.
    heads : int
    widths : (int, int)
        Of a head's keys, and of its values.

    References
    ----------
    Chen et al. (2018), section 2.2 and figure 3b.
    """

    def __init__(self, inputs: int, channels: int, heads: int, widths: tuple[int, int]) -> None:
        super().__init__()
        self.heads: int = heads
        self.widths: tuple[int, int] = widths
        self.queries: nn.Linear = nn.Linear(channels + 2, heads * widths[0])
        self.keys: nn.Linear = nn.Linear(inputs + channels + 2, heads * sum(widths))
        self.merge: nn.Linear = nn.Linear(heads * widths[1], 2 * channels)

    def asked(self, features: Tensor, background: Tensor) -> Tensor:
        """Queries (B, heads, n, key width) of features (B, n, F) and background (B or 1, n, 2)."""
        background = background.expand(len(features), -1, -1)
        queries: Tensor = self.queries(torch.cat([features, background], -1))
        return queries.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def offered(self, seen: Tensor, features: Tensor, background: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, heads, n, width) of locations, not moved yet."""
        background = background.expand(len(features), -1, -1)
        parts: Tensor = self.keys(torch.cat([seen, features, background], -1))
        parts = parts.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        keys, values = parts.split(self.widths, -1)
        return keys, values

    def merged(self, features: Tensor, values: Tensor) -> Tensor:
        """Features (B, F, n) with what was found (B, heads, n, value width)."""
        gates: Tensor = self.merge(functional.elu(values.transpose(1, 2).flatten(2)))
        return gated(features, gates.transpose(1, 2))

    def forward(self, seen: Tensor, features: Tensor, background: Tensor) -> Tensor:
        """Features (B, F, n) after attention; seen (B, inputs, n), background (1, n, 2)."""
        by_location = features.transpose(1, 2)
        keys, values = self.offered(seen.transpose(1, 2), by_location, background)
        # Heads whose keys and values differ in width have no fast way but through equal ones.
        wide = max(self.widths)
        more_keys, more_values = (wide - width for width in self.widths)
        attended = functional.scaled_dot_product_attention(
            functional.pad(self.asked(by_location, background), (0, more_keys)),
            functional.pad(keys, (0, more_keys, 1, -1)),
            functional.pad(values, (0, more_values, 1, -1)),
            is_causal=True,
            scale=1 / math.sqrt(self.widths[0]),
        )
        return self.merged(features, attended[..., : self.widths[1]])
