"""From logits to a level: temperature, guidance, and the inverse of the distribution function."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: What a draw makes of the logits (B, levels) of the network.
Adjust = Callable[[Tensor], Tensor]


def adjusted(logits: Tensor, temperature: float = 1.0, guidance: float = 1.0) -> Tensor:
    """Logits (B, levels) to draw from.

    With guidance, the first half of the images has classes, and the second, which is the same
    images, has none: both get the same logits.

    Examples
    --------
    >>> adjusted(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), guidance=3.0)
    tensor([[3., 0.],
            [3., 0.]])
    """
    if guidance != 1:
        told, untold = logits.chunk(2)
        logits = torch.lerp(untold, told, guidance).repeat(2, 1)
    return logits if temperature == 1 else logits / temperature


def draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """Levels (B,) of distributions (B, levels), by the inverse of the distribution function.

    A level whose probability is 0 is never drawn.

    Examples
    --------
    >>> draw(torch.tensor([0.2, 0.3, 0.5]).log().expand(3, 3), torch.tensor([0.1, 0.4, 0.9]))
    tensor([0, 1, 2])
    """
    # Not divided by its last value, to which rounding may add or from which it may take.
    function = logits.softmax(-1).cumsum(-1)
    levels = torch.searchsorted(function, uniform[:, None] * function[:, -1:], right=True)
    return levels[:, 0].clamp_(max=logits.shape[-1] - 1)
