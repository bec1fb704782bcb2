"""What the decoder of an autoencoder says of features: one distribution a class, by its own name.

Every figure is in nats and summed over the features of an image, never averaged: a term averaged
over features beside a divergence summed over latents would change the weight of the divergence.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ModelError
from ..space import Scaling

LikelihoodName = Literal["bernoulli", "continuous-bernoulli", "gaussian", "discretized-logistic"]
Variance = Literal["fixed", "scalar", "channel"]

#: Least and greatest logarithm of a deviation or scale: a channel that never varies would send it
#: to minus infinity.
LEAST_LOG, MOST_LOG = -7.0, 7.0

LOG_TWO_PI = math.log(2 * math.pi)


class Likelihood(nn.Module, ABC):
    """Distribution of features (C, H, W) whose parameters a decoder gives, independent by feature.

    The decoder gives ``outputs`` numbers a feature, as (..., outputs * C, H, W). Leading axes
    broadcast. All is computed in float32, whatever the decoder's precision.
    """

    name: ClassVar[LikelihoodName]
    scaling: ClassVar[Scaling]
    outputs: ClassVar[int] = 1
    #: How much larger than features its parameters are: about that of the whole range of a pixel.
    gain: ClassVar[float] = 1.0

    @abstractmethod
    def log_prob(self, outputs: Tensor, features: Tensor) -> Tensor:
        """Logarithm of the probability or density, summed over C, H, W: nats (...)."""

    @abstractmethod
    def mean(self, outputs: Tensor) -> Tensor:
        """Mean of the features (..., C, H, W)."""


class Bernoulli(Likelihood):
    """Each feature is 1 with probability sigmoid(output), else 0.

    On binarized features this is a likelihood. On grey values in between it is only the
    cross-entropy: it integrates to less than 1 and bounds no likelihood (Loaiza-Ganem and
    Cunningham, 2019); :class:`ContinuousBernoulli` is the distribution it is taken for.

    Examples
    --------
    >>> outputs, ones = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
    >>> Bernoulli().log_prob(outputs, ones) / math.log(2)
    tensor([-4., -4.])
    """

    name: ClassVar[LikelihoodName] = "bernoulli"
    scaling: ClassVar[Scaling] = "unit"
    gain: ClassVar[float] = 8.0

    def log_prob(self, outputs: Tensor, features: Tensor) -> Tensor:
        """Logarithm of the probability, summed over C, H, W: nats (...)."""
        outputs, features = outputs.float(), features.float()
        # Two sums: broadcast over thousands of draws, they take a third less time than one.
        ones = (features * outputs).sum((-3, -2, -1))
        return ones - functional.softplus(outputs).sum((-3, -2, -1))

    def mean(self, outputs: Tensor) -> Tensor:
        """Mean of the features (..., C, H, W)."""
        return outputs.float().sigmoid()


class ContinuousBernoulli(Likelihood):
    """Density on [0, 1] proportional to probability**x * (1 - probability)**(1 - x).

    With the logit t = ``output`` the density is exp(t x) t / (exp(t) - 1). In logits the
    normaliser is t / tanh(t / 2), which a series continues through t = 0.

    References
    ----------
    Loaiza-Ganem and Cunningham, The continuous Bernoulli: fixing a pervasive error in variational
    autoencoders, 2019, arXiv 1907.06845, eq. 8 to 10.

    Examples
    --------
    >>> outputs, grey = torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.3)
    >>> bool(ContinuousBernoulli().log_prob(outputs, grey).abs() < 1e-6)  # uniform: density 1
    True
    """

    name: ClassVar[LikelihoodName] = "continuous-bernoulli"
    scaling: ClassVar[Scaling] = "unit"
    gain: ClassVar[float] = 8.0

    def log_prob(self, outputs: Tensor, features: Tensor) -> Tensor:
        """Logarithm of the density, summed over C, H, W: nats (...)."""
        outputs, features = outputs.float(), features.float()
        cross_entropy = functional.softplus(outputs) - features * outputs
        return (log_normaliser(outputs) - cross_entropy).sum((-3, -2, -1))

    def mean(self, outputs: Tensor) -> Tensor:
        """Mean of the features (..., C, H, W)."""
        outputs = outputs.float()
        near = outputs.abs() < 0.5
        t = torch.where(near, torch.ones_like(outputs), outputs)
        far = 0.5 / torch.tanh(t / 2) - 1 / t
        squares = torch.where(near, outputs, torch.zeros_like(outputs)) ** 2
        series = outputs * (1 / 12 - squares / 720 + squares**2 / 30240 - squares**3 / 1209600)
        return 0.5 + torch.where(near, series, far)


def log_normaliser(logits: Tensor) -> Tensor:
    """log(t / tanh(t / 2)) of logits t: what the cross-entropy lacks to be a density.

    Examples
    --------
    >>> log_normaliser(torch.tensor([0.0])).exp()
    tensor([2.])
    """
    halves = logits.abs() / 2
    near = halves < 0.25
    # Both branches are kept finite, else the gradient of the one not taken would be NaN.
    far = torch.where(near, torch.ones_like(halves), halves)
    squares = torch.where(near, halves, torch.zeros_like(halves)) ** 2
    # Of log(h / tanh(h)) around 0.
    series = squares * (1 / 3 - squares * (7 / 90 - squares * (62 / 2835 - squares * 127 / 18900)))
    return math.log(2) + torch.where(near, series, (far / torch.tanh(far)).log())


class Gaussian(Likelihood):
    """Normal distribution around the output.

    Parameters
    ----------
    channels : int
        C.
    variance : str
        ``fixed``; or learned, as one number (``scalar``) or one for each ``channel``.
    deviation : float
        Standard deviation; of a learned one, where it starts.

    Notes
    -----
    The features of a redundant frame are not free of each other, so on them this is a density of
    features and not of images, and counts each pixel as often as the frame is redundant.

    References
    ----------
    Rybkin, Daniilidis and Levine, Simple and effective VAE training with calibrated decoders,
    2021, on the learned variance.

    Examples
    --------
    >>> outputs = torch.zeros(1, 1, 1, 1)
    >>> Gaussian(1).log_prob(outputs, outputs)
    tensor([-0.9189])
    """

    log_deviation: nn.Parameter

    name: ClassVar[LikelihoodName] = "gaussian"
    scaling: ClassVar[Scaling] = "white"

    def __init__(self, channels: int, variance: Variance = "fixed", deviation: float = 1.0) -> None:
        super().__init__()
        count = channels if variance == "channel" else 1
        start = torch.full((count,), math.log(deviation))
        if variance == "fixed":
            self.register_buffer("log_deviation", start, persistent=False)
        else:
            self.log_deviation = nn.Parameter(start)

    def log_prob(self, outputs: Tensor, features: Tensor) -> Tensor:
        """Logarithm of the density, summed over C, H, W: nats (...)."""
        outputs, features = outputs.float(), features.float()
        errors = (features - outputs).square().sum((-2, -1))  # (..., C)
        log_deviation = self.log_deviation.clamp(LEAST_LOG, MOST_LOG)  # (C or 1,)
        normaliser = outputs.shape[-1] * outputs.shape[-2] * (2 * log_deviation + LOG_TWO_PI)
        return -0.5 * (errors * (-2 * log_deviation).exp() + normaliser).sum(-1)

    def mean(self, outputs: Tensor) -> Tensor:
        """Mean of the features (..., C, H, W)."""
        return outputs.float()


def log_mass(
    values: Tensor, location: Tensor, log_scale: Tensor, step: float, low: float
) -> Tensor:
    """Log-probability of a logistic variable within half a step of values.

    The values lie a step apart, from ``low`` to 1; the outer two take what lies beyond them.

    Parameters
    ----------
    values, location, log_scale : Tensor
        Broadcast to each other.
    step, low : float

    Returns
    -------
    Tensor
        Nats; finite and exact to rounding at every magnitude.

    References
    ----------
    Salimans, Karpathy, Chen and Kingma, PixelCNN++, 2017, eq. 2.

    Examples
    --------
    >>> values = torch.linspace(0, 1, 256)
    >>> far = log_mass(values, torch.tensor(40.0), torch.tensor(-7.0), 1 / 255, 0.0)
    >>> bool(far.isfinite().all()), round(float(far.exp().sum()), 5)
    (True, 1.0)
    """
    precision, half = (-log_scale).exp(), step / 2
    upper = (values - location + half) * precision
    lower = (values - location - half) * precision
    first, last = values < low + half, values > 1 - half
    # log(sigmoid(u) - sigmoid(l)) = log sigmoid(u) + log sigmoid(-l) + log(1 - exp(l - u)),
    # exact at every magnitude; an outer value keeps one term.
    inner = torch.log(-torch.expm1(-step * precision))
    zero = torch.zeros((), dtype=upper.dtype, device=upper.device)
    return (
        torch.where(last, zero, functional.logsigmoid(upper))
        + torch.where(first, zero, functional.logsigmoid(-lower))
        + torch.where(first | last, zero, inner)
    )


class DiscretizedLogistic(Likelihood):
    """Logistic distribution, cut into the 256 values k / 255 of an 8-bit pixel.

    The outer two values take what lies beyond them. The decoder gives location and logarithm of
    the scale of each feature, in that order.

    References
    ----------
    Salimans, Karpathy, Chen and Kingma, PixelCNN++, 2017, eq. 2, with one component.

    Examples
    --------
    >>> outputs = torch.tensor([0.0, -20.0]).view(1, 2, 1, 1)  # all mass at the value 0
    >>> bool(DiscretizedLogistic().log_prob(outputs, torch.zeros(1, 1, 1, 1)) > -0.2)
    True
    """

    name: ClassVar[LikelihoodName] = "discretized-logistic"
    scaling: ClassVar[Scaling] = "unit"
    outputs = 2
    levels: ClassVar[int] = 256

    def log_prob(self, outputs: Tensor, features: Tensor) -> Tensor:
        """Logarithm of the probability, summed over C, H, W: nats (...)."""
        outputs, features = outputs.float(), features.float()
        location, log_scale = outputs.chunk(2, -3)
        log_scale = log_scale.clamp(LEAST_LOG, MOST_LOG)
        terms = log_mass(features, location, log_scale, 1 / (self.levels - 1), 0.0)
        return terms.sum((-3, -2, -1))

    def mean(self, outputs: Tensor) -> Tensor:
        """Mean of the features (..., C, H, W)."""
        # Integral over [0, 1] of the probability of lying above, of which the sum over the
        # values is the midpoint rule.
        location, log_scale = outputs.float().chunk(2, -3)
        scale = log_scale.clamp(LEAST_LOG, MOST_LOG).exp()
        above = functional.softplus(location / scale) - functional.softplus((location - 1) / scale)
        return (scale * above).clamp(0, 1)


#: By name.
LIKELIHOODS: dict[str, type[Likelihood]] = {
    kind.name: kind for kind in (Bernoulli, ContinuousBernoulli, Gaussian, DiscretizedLogistic)
}


def make_likelihood(
    name: str, channels: int, variance: Variance = "fixed", deviation: float = 1.0
) -> Likelihood:
    """Likelihood of that name; variance and deviation are the Gaussian's.

    Raises
    ------
    ModelError
        If the name is unknown.

    Examples
    --------
    >>> make_likelihood("bernoulli", channels=1).scaling
    'unit'
    """
    if name not in LIKELIHOODS:
        raise ModelError(f"likelihood={name!r} is unknown; choose {', '.join(LIKELIHOODS)}")
    kind = LIKELIHOODS[name]
    return kind(channels, variance, deviation) if kind is Gaussian else kind()
