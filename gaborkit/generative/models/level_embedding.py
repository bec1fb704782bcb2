"""Levels that have no order, as vectors that are learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LevelEmbedding(nn.Module):
    """A vector for each level of each channel.

    Parameters
    ----------
    channels, levels : int
    width : int
        E, numbers a vector.

    Examples
    --------
    >>> embed = LevelEmbedding(2, levels=5, width=3)
    >>> embed(torch.zeros(4, 2, 6, 7, dtype=torch.int64)).shape
    torch.Size([4, 6, 6, 7])
    """

    weight: nn.Parameter

    def __init__(self, channels: int, levels: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, levels, width).normal_(std=0.3))

    def forward(self, levels: Tensor) -> Tensor:
        """Vectors (B, C * E, ...) of levels (B, C, ...), int64."""
        vectors = [
            weight[level] for weight, level in zip(self.weight, levels.unbind(1), strict=True)
        ]
        return torch.cat([vector.movedim(-1, 1) for vector in vectors], 1)
