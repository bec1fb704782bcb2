"""Heads: the distribution of the levels at a location, given the trunk and the channels before.

A trunk has seen the locations before, in raster order. Of a location's channels each one is
conditioned on those before it, so that the product over them is exact.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ModelError
from ..space import Space
from .likelihoods import LEAST_LOG, MOST_LOG, log_mass

if TYPE_CHECKING:
    from .autoregressive_config import AutoregressiveConfig

#: What the levels of a location follow: a probability for each level, or a discretized mixture of
#: logistics.
HeadLikelihood = Literal["categorical", "mixture"]

#: Draws levels (B,) of a channel from its logits (B, levels).
Choose = Callable[[Tensor, int], Tensor]

#: Turns levels into values from -1 to 1.
Values = Callable[[Tensor], Tensor]


class Head(nn.Module, ABC):
    """Distribution of the levels of C channels at each location."""

    @abstractmethod
    def forward(self, trunk: Tensor, values: Tensor) -> Tensor:
        """Logits (C, B, H, W, levels) from the trunk (B, inputs, H, W) and values (B, C, H, W)."""

    def log_prob(self, trunk: Tensor, values: Tensor, levels: Tensor) -> Tensor:
        """Log-probability (B, H, W) of levels (B, C, H, W), whose values these are, in nats."""
        logits: Tensor = at_least_float32(self(trunk, values))
        wanted = levels.movedim(1, 0)  # (C, B, H, W)
        nats = functional.cross_entropy(logits.flatten(0, 3), wanted.flatten(), reduction="none")
        return -nats.view(wanted.shape).sum(0)

    @abstractmethod
    def choose(self, trunk: Tensor, choose: Choose, values: Values) -> Tensor:
        """Levels (B, C) at one location, channel by channel, from the trunk (B, inputs) there."""


def at_least_float32(tensor: Tensor) -> Tensor:
    """Half precision would lose the small differences that make up a likelihood."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


class PixelHead(Head):
    """A probability for each level of the one channel of a location: a 1x1 convolution.

    Parameters
    ----------
    inputs : int
        Channels of the trunk, which has seen the locations before.
    levels : int
    """

    output: nn.Conv2d

    def __init__(self, inputs: int, levels: int) -> None:
        super().__init__()
        self.output: nn.Conv2d = nn.Conv2d(inputs, levels, 1)

    def forward(self, trunk: Tensor, values: Tensor) -> Tensor:
        """Logits (1, B, H, W, levels) from the trunk (B, inputs, H, W)."""
        logits: Tensor = self.output(trunk)
        return logits.movedim(1, -1)[None]

    def choose(self, trunk: Tensor, choose: Choose, values: Values) -> Tensor:
        """Levels (B, 1) at one location, from the trunk (B, inputs) there."""
        weight = self.output.weight[:, :, 0, 0]
        return choose(functional.linear(trunk, weight, self.output.bias), 0)[:, None]


class ChannelHead(Head):
    """A probability for each level of each channel, given the trunk and the channels before it.

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


class Mixture(NamedTuple):
    """Parameters of a mixture of K components at some locations.

    Attributes
    ----------
    log_weights : Tensor (..., K)
        Logarithms of the components' probabilities.
    location, log_scale : Tensor (..., C, K)
        Of the logistic of each channel; of the location what does not depend on other channels.
    coefficients : Tensor (..., C (C - 1) / 2, K)
        Of the values of the channels before: of 0 in 1, of 0 in 2, of 1 in 2, ...
    """

    log_weights: Tensor
    location: Tensor
    log_scale: Tensor
    coefficients: Tensor

    def log_masses(self, channel: int, before: list[Tensor], values: Tensor, step: float) -> Tensor:
        """Log-probability (..., K) of a channel's values (...), whose neighbours lie a step apart.

        ``before`` are the values of the channels before it, each like ``values``.
        """
        first = channel * (channel - 1) // 2
        location = self.location[..., channel, :]
        for number, value in enumerate(before):
            location = location + self.coefficients[..., first + number, :] * value[..., None]
        return log_mass(values[..., None], location, self.log_scale[..., channel, :], step, -1.0)


class MixtureHead(Head):
    """A discretized mixture of logistics, which all channels of a location share.

    With p_kc the mass that the logistic of component k and channel c has around a level::

        p(x) = sum over k of weight_k * product over c of p_kc(x_c | location_kc)
        location_kc = m_kc + sum over b < c of tanh(a_kcb) x_b

    The probability of channel c given those before it follows exactly: what they were moves the
    weights of the components. Levels have an order here, and near ones are alike, so that 256 of
    them are learned from few pictures.

    Parameters
    ----------
    inputs : int
        Channels of the trunk.
    channels, levels : int
    mixtures : int
        K, the number of components.

    References
    ----------
    Salimans, Karpathy, Chen and Kingma (2017), "PixelCNN++: improving the PixelCNN with discretized
    logistic mixture likelihood and other modifications", arXiv 1701.05517, equations 2 and 3.

    Examples
    --------
    >>> head = MixtureHead(8, channels=3, levels=256, mixtures=5)
    >>> trunk, values = torch.randn(2, 8, 4, 4), torch.rand(2, 3, 4, 4) * 2 - 1
    >>> head(trunk, values).exp().sum(-1).allclose(torch.ones(3, 2, 4, 4))
    True
    """

    output: nn.Conv2d

    def __init__(self, inputs: int, channels: int, levels: int, mixtures: int) -> None:
        super().__init__()
        self.channels: int = channels
        self.levels: int = levels
        self.mixtures: int = mixtures
        #: How many of the outputs are weights, locations, scales and coefficients, by K.
        self.split: tuple[int, int, int, int] = (
            1,
            channels,
            channels,
            channels * (channels - 1) // 2,
        )
        self.output: nn.Conv2d = nn.Conv2d(inputs, mixtures * sum(self.split), 1)
        with torch.no_grad():
            # Components start side by side, so that together they cover all levels.
            bias = cast(Tensor, self.output.bias).view(-1, mixtures)
            bias[1 : 1 + channels] = (torch.arange(mixtures) + 0.5) * (2 / mixtures) - 1
            bias[1 + channels : 1 + 2 * channels] = math.log(1 / mixtures)

    @property
    def step(self) -> float:
        """Distance of the values of neighbouring levels."""
        return 2 / (self.levels - 1)

    def mixture(self, outputs: Tensor) -> Mixture:
        """The mixture of outputs (..., K * n)."""
        outputs = at_least_float32(outputs).unflatten(-1, (-1, self.mixtures))
        weights, location, log_scale, coefficients = outputs.split(self.split, -2)
        return Mixture(
            weights[..., 0, :].log_softmax(-1),
            location,
            log_scale.clamp(LEAST_LOG, MOST_LOG),
            coefficients.tanh(),
        )

    def forward(self, trunk: Tensor, values: Tensor) -> Tensor:
        """Log-probabilities (C, B, H, W, levels) of all levels; see :class:`Head`."""
        mixture = self.mixture(self.output(trunk).movedim(1, -1))
        values = values.to(mixture.location.dtype)
        logits: list[Tensor] = []
        before: list[Tensor] = []
        for channel, value in enumerate(values.unbind(1)):
            logits.append(self._logits(mixture, channel, before))
            mixture = self._told(mixture, channel, before, value)
            before.append(value)
        return torch.stack(logits)

    def log_prob(self, trunk: Tensor, values: Tensor, levels: Tensor) -> Tensor:
        """Log-probability (B, H, W) of values (B, C, H, W), in nats."""
        mixture = self.mixture(self.output(trunk).movedim(1, -1))
        channels = list(values.to(mixture.location.dtype).unbind(1))
        total = mixture.log_weights
        for channel, value in enumerate(channels):
            total = total + mixture.log_masses(channel, channels[:channel], value, self.step)
        return total.logsumexp(-1)

    def choose(self, trunk: Tensor, choose: Choose, values: Values) -> Tensor:
        """Levels (B, C) at one location; see :class:`Head`."""
        weight = self.output.weight[:, :, 0, 0]
        mixture = self.mixture(functional.linear(trunk, weight, self.output.bias))
        levels: list[Tensor] = []
        before: list[Tensor] = []
        for channel in range(self.channels):
            levels.append(choose(self._logits(mixture, channel, before), channel))
            value = values(levels[-1])
            mixture = self._told(mixture, channel, before, value)
            before.append(value)
        return torch.stack(levels, 1)

    def _logits(self, mixture: Mixture, channel: int, before: list[Tensor]) -> Tensor:
        """Log-probability (..., levels) of each level of a channel."""
        like = mixture.location
        values = torch.arange(self.levels, dtype=like.dtype, device=like.device) * self.step - 1
        # An axis of levels, before that of components.
        wide = Mixture(
            *(mixture.log_weights, mixture.location[..., None, :, :]),
            *(mixture.log_scale[..., None, :, :], mixture.coefficients[..., None, :, :]),
        )
        masses = wide.log_masses(channel, [value[..., None] for value in before], values, self.step)
        return (mixture.log_weights[..., None, :] + masses).logsumexp(-1)

    def _told(self, mixture: Mixture, channel: int, before: list[Tensor], value: Tensor) -> Mixture:
        """The mixture once the value (...) of a channel is known."""
        masses = mixture.log_masses(channel, before, value, self.step)
        return mixture._replace(log_weights=(mixture.log_weights + masses).log_softmax(-1))


def make_head(trunk: int, space: Space, config: AutoregressiveConfig) -> Head:
    """The head of a model of a space, which sees ``trunk`` channels.

    Raises
    ------
    ModelError
        If levels without an order are to be a mixture, or have several channels.
    """
    if not space.ordinal and (config.likelihood == "mixture" or space.channels > 1):
        raise ModelError(
            f"{space.channels} x {space.levels} levels without an order fit no "
            f"likelihood={config.likelihood!r}, which goes by their order; give "
            "likelihood='categorical' and one channel"
        )
    if config.likelihood == "mixture":
        return MixtureHead(trunk, space.channels, space.levels, config.mixtures)
    if space.channels == 1:
        return PixelHead(trunk, space.levels)
    return ChannelHead(trunk, space.channels, space.levels, config.hidden)
