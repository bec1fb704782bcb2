"""Layers that see no more than what comes before: causal convolutions, and heads over channels.

Locations are ordered as they are read, row by row; at a location, channels are ordered by number.
A convolution here holds no weight for a location that it must not see, so there is no mask to apply
and none to forget.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Where a convolution looks: ``raster``, all that comes before in a square window; ``above``, the
#: rows above; ``left``, the same row.
Reach = Literal["raster", "above", "left"]

#: Draws levels (B,) of a channel from its logits (B, levels).
Choose = Callable[[Tensor, int], Tensor]

#: Turns levels into the values that the network sees.
Values = Callable[[Tensor], Tensor]


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


class PixelHead(nn.Module):
    """Logits of the one channel of a location: a 1x1 convolution.

    Parameters
    ----------
    inputs : int
        Channels of the trunk, which has seen the locations before.
    levels : int
    """

    output: nn.Conv2d

    def __init__(self, inputs: int, levels: int) -> None:
        super().__init__()
        self.output = nn.Conv2d(inputs, levels, 1)

    def forward(self, trunk: Tensor, values: Tensor) -> Tensor:
        """Logits (1, B, H, W, levels) from the trunk (B, inputs, H, W)."""
        logits: Tensor = self.output(trunk)
        return logits.movedim(1, -1)[None]

    def choose(self, trunk: Tensor, choose: Choose, values: Values) -> Tensor:
        """Levels (B, 1) at one location, from the trunk (B, inputs) there."""
        weight = self.output.weight[:, :, 0, 0]
        return choose(functional.linear(trunk, weight, self.output.bias), 0)[:, None]


class ChannelHead(nn.Module):
    """Logits of each channel of a location, given the trunk and the channels before it.

    One hidden layer with ``hidden`` units for each channel. The units of channel c see the trunk
    and the values of the channels before c, and only the logits of channel c see them: a masked
    autoencoder (MADE) at each location::

        a_c = relu(W_c trunk + sum over b < c of U_cb values_b),    logits_c = V_c a_c

    Parameters
    ----------
    inputs : int
        Channels of the trunk.
    channels, levels : int
    hidden : int
        Units for each channel.

    References
    ----------
    Germain, Gregor, Murray, Larochelle (2015), "MADE: masked autoencoder for distribution
    estimation", section 4.
    """

    trunk: nn.Parameter
    seen: nn.Parameter
    unit_bias: nn.Parameter
    output: nn.Parameter
    output_bias: nn.Parameter

    def __init__(self, inputs: int, channels: int, levels: int, hidden: int) -> None:
        super().__init__()

        def parameter(fan: int, *shape: int) -> nn.Parameter:
            bound = 1 / math.sqrt(fan)
            return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))

        self.trunk = parameter(inputs, channels, inputs, hidden)  # W
        self.seen = parameter(channels, hidden, channels, channels)  # U: unit, c, b
        self.unit_bias = parameter(inputs, channels, 1, hidden)
        self.output = parameter(hidden, channels, hidden, levels)  # V
        self.output_bias = parameter(hidden, channels, 1, levels)

    def weight(self) -> Tensor:
        """W and U together, (channels, inputs + channels, hidden); of U what is before c."""
        before = self.seen.tril(-1).permute(1, 2, 0)  # (c, b, unit)
        return torch.cat([self.trunk, before], 1)

    def forward(self, trunk: Tensor, values: Tensor) -> Tensor:
        """Logits (C, B, H, W, levels) from the trunk (B, inputs, H, W) and values (B, C, H, W)."""
        inputs = torch.cat([trunk.movedim(1, -1), values.movedim(1, -1)], -1)
        shape = inputs.shape[:3]
        locations = inputs.flatten(0, 2).expand(len(self.output), -1, -1)  # (C, B * H * W, both)
        units = functional.relu(torch.baddbmm(self.unit_bias, locations, self.weight()))
        return torch.baddbmm(self.output_bias, units, self.output).unflatten(1, shape)

    def choose(self, trunk: Tensor, choose: Choose, values: Values) -> Tensor:
        """Levels (B, C) at one location, channel by channel, from the trunk (B, inputs) there."""
        channels = len(self.output)
        # Values not yet drawn meet weights that are 0.
        inputs = functional.pad(trunk, (0, channels))
        weight = self.weight()
        levels: list[Tensor] = []
        for channel in range(channels):
            units = torch.addmm(self.unit_bias[channel], inputs, weight[channel]).relu_()
            logits = torch.addmm(self.output_bias[channel], units, self.output[channel])
            levels.append(choose(logits, channel))
            inputs[:, trunk.shape[1] + channel] = values(levels[-1])
        return torch.stack(levels, 1)


Head = PixelHead | ChannelHead


def make_head(inputs: int, channels: int, levels: int, hidden: int) -> Head:
    """The head for features of that many channels."""
    if channels == 1:
        return PixelHead(inputs, levels)
    return ChannelHead(inputs, channels, levels, hidden)
