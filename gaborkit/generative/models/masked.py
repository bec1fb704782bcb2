"""Convolutions that see no more than what comes before.

Locations are ordered as they are read, row by row. A convolution here holds no weight for a
location that it must not see, so there is no mask to apply and none to forget.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Where a convolution looks: ``raster``, all that comes before in a square window; ``above``, the
#: rows above; ``left``, the same row.
Reach = Literal["raster", "above", "left"]


class CausalConv2d(nn.Module):
    """Convolution over locations that come before, of a window of odd ``size``.

    With radius = size // 2, the weights are ordered as the window is read::

        raster              above               left
        x x x x x           x x x x x           . . . . .
        x x x x x           x x x x x           . . . . .
        x x c . .           c c c c c           x x c . .

    ``c`` exists where ``centre`` is true (mask B of van den Oord et al.), and not where it is false
    (mask A). The row of ``above`` at the height of ``c`` is for the features of a vertical stack,
    which themselves depend only on rows above.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    size : int
        Odd side of the whole window, at least 3.
    reach : str
        ``raster``, ``above`` or ``left``.
    centre : bool
        Whether location (for ``above``: row) of the output is seen too.
    dilation : int
        Distance of neighbours in the window.
    bias : bool

    References
    ----------
    van den Oord, Kalchbrenner, Kavukcuoglu (2016), "Pixel recurrent neural networks", section 3.4.

    Examples
    --------
    >>> layer = CausalConv2d(1, 4, 7, "raster", centre=False)
    >>> layer.weight.shape, layer(torch.zeros(2, 1, 28, 28)).shape
    (torch.Size([4, 1, 24]), torch.Size([2, 4, 28, 28]))
    """

    size: int
    radius: int
    dilation: int
    centre: bool
    window: tuple[int, int]
    weight: nn.Parameter
    bias: nn.Parameter | None
    padding: list[int]

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        reach: Reach,
        *,
        centre: bool,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        radius = size // 2
        self.size, self.radius, self.dilation = size, radius, dilation
        self.reach, self.centre = reach, centre
        if reach == "raster":
            self.window, taps = (radius + 1, size), radius * size + radius + centre
        else:
            self.window = (radius + centre, size) if reach == "above" else (1, radius + centre)
            taps = math.prod(self.window)
        bound = 1 / math.sqrt(inputs * taps)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, taps).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound)) if bias else None
        # Without its own centre a window ends one location earlier: that much is cut off.
        shift = 0 if centre else -1
        pads = {
            "raster": (radius, radius, radius, 0),
            "above": (radius, radius, radius, shift),
            "left": (radius, shift, 0, 0),
        }
        self.padding = [dilation * pad for pad in pads[reach]]

    def kernel(self) -> Tensor:
        """Weights as a kernel (outputs, inputs, rows, columns)."""
        missing = math.prod(self.window) - self.weight.shape[-1]
        return functional.pad(self.weight, (0, missing)).unflatten(2, self.window)

    def above(self) -> Tensor:
        """Kernel (outputs, inputs, radius, size) of the rows above, for a reach of ``raster``."""
        return self.weight[..., : self.radius * self.size].unflatten(2, (self.radius, self.size))

    def left(self) -> Tensor:
        """Weights (outputs, inputs, radius or radius + 1) in the row itself, unless ``above``."""
        return self.weight[..., self.weight.shape[-1] - self.radius - self.centre :]

    def forward(self, features: Tensor) -> Tensor:
        """Responses (B, outputs, H, W) to features (B, inputs, H, W)."""
        padded = functional.pad(features, self.padding)
        return functional.conv2d(padded, self.kernel(), self.bias, dilation=self.dilation)
