"""Exponential moving average of weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ..models.model import Model


class Average:
    """A copy of a model whose weights follow it slowly; buffers are taken over as they are.

    At step t the decay is min(decay, (1 + t) / (10 + t)), so that the first weights, which are
    random, are soon forgotten.

    Parameters
    ----------
    model : Model
        On its device already.
    decay : float
        In (0, 1).

    References
    ----------
    Polyak and Juditsky (1992), "Acceleration of stochastic approximation by averaging".
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._pairs: dict[str, tuple[list[Tensor], list[Tensor]]] = {
            name: (list(part.parameters()), list(model.parts[name].parameters()))
            for name, part in self.model.parts.items()
        }
        # By place, not by tensor: wrapping a model for several processes may put others there.
        self._buffers = list(zip(_places(self.model), _places(model), strict=True))

    @torch.no_grad()
    def update(self, part: str, step: int) -> None:
        """Follow the weights of the part that a step has changed."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine, theirs = self._pairs[part]
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for (own, name), (other, _) in self._buffers:
            own[name].copy_(other[name])


def _places(model: nn.Module) -> list[tuple[dict[str, Any], str]]:
    """Where each buffer of a model hangs."""
    return [
        (module._buffers, name)
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
