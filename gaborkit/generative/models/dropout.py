"""Dropout whose draws are those of a step of training."""

from __future__ import annotations

import torch
from torch import Tensor


def dropout(features: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Features of which a share is set to 0, and the others made larger by as much.

    Drawn by the generator, and so the same when a run goes on from a checkpoint; without one,
    nothing is left out.

    References
    ----------
    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting".

    Examples
    --------
    >>> ones = torch.ones(10_000)
    >>> left = dropout(ones, 0.25, torch.Generator().manual_seed(0))
    >>> left.unique(), bool((left.mean() - 1).abs() < 0.02), dropout(ones, 0.25, None) is ones
    (tensor([0.0000, 1.3333]), True, True)
    """
    if generator is None or not share:
        return features
    chances = torch.rand(features.shape, generator=generator, device=features.device)
    return features * (chances >= share) / (1 - share)
