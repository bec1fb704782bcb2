"""What autoencoders share: configuration, encoder, decoder, presets."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from ...errors import ModelError
from ..space import Scaling, Space
from .convolutional import ConvolutionalDecoder, ConvolutionalEncoder
from .latent_variable import LatentVariableModel
from .likelihoods import LIKELIHOODS, Likelihood, LikelihoodName, Variance, make_likelihood
from .model import Presets
from .networks import (
    ACTIVATIONS,
    Activation,
    Architecture,
    PerceptronDecoder,
    PerceptronEncoder,
    one_hot,
)

Network = Literal["mlp", "conv"]

#: Features decoded at once where many are: 4 MB of float32, which a cache holds.
CHUNK = 2**20


@dataclass(frozen=True)
class AEConfig:
    """Architecture and likelihood of an autoencoder.

    Attributes
    ----------
    network : str
        ``mlp``: fully connected; ``conv``: convolutions of stride 2.
    hidden : tuple of int
        Of an ``mlp`` the sizes of the hidden layers, from the features on; of a ``conv`` the
        channels after each halving. The decoder mirrors the encoder.
    blocks : int
        Residual blocks after each halving; only ``conv``.
    latent : int
        Length of the latent vector.
    activation : str
        ``relu``, ``tanh``, ``leaky-relu``, ``silu`` or ``gelu``.
    likelihood : str
        ``bernoulli``, ``continuous-bernoulli``, ``gaussian`` or ``discretized-logistic``: see
        :mod:`~gaborkit.generative.models.likelihoods`. It decides how features are scaled.
    variance : str
        Of the Gaussian: ``fixed``, or learned, one (``scalar``) or one for each ``channel``.
    deviation : float
        Standard deviation of the Gaussian; of a learned one, where it starts.
    """

    network: Network = "mlp"
    hidden: tuple[int, ...] = (400,)
    blocks: int = 0
    latent: int = 20
    activation: Activation = "relu"
    likelihood: LikelihoodName = "bernoulli"
    variance: Variance = "fixed"
    deviation: float = 1.0

    def __post_init__(self) -> None:
        choices = {
            "network": get_args(Network),
            "activation": tuple(ACTIVATIONS),
            "likelihood": tuple(LIKELIHOODS),
            "variance": get_args(Variance),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ModelError(
                    f"{name}={getattr(self, name)!r} is unknown; choose {', '.join(known)}"
                )
        if self.latent < 1 or any(size < 1 for size in self.hidden):
            raise ModelError(
                f"hidden={self.hidden}, latent={self.latent}: a layer has 1 or more units"
            )
        if self.network == "conv" and not self.hidden:
            raise ModelError("hidden=() leaves network='conv' no layer; give channels such as 32")
        if self.blocks < 0 or (self.blocks and self.network != "conv"):
            raise ModelError(
                f"blocks={self.blocks} does not fit network={self.network!r}; give 0, or 1 and "
                "more with 'conv'"
            )
        if not (math.isfinite(self.deviation) and self.deviation > 0):
            raise ModelError(f"deviation={self.deviation} is not positive; give one such as 1.0")
        if self.likelihood != "gaussian" and (self.variance, self.deviation) != ("fixed", 1.0):
            raise ModelError(
                f"variance={self.variance!r}, deviation={self.deviation} belong to "
                f"likelihood='gaussian', not {self.likelihood!r}; leave them out"
            )


@dataclass(frozen=True)
class VAEConfig(AEConfig):
    """:class:`AEConfig` and the weight of the divergence.

    Attributes
    ----------
    beta : float
        Weight of the divergence in the loss (Higgins et al., 2017); 1 is the bound itself. Both
        terms are sums over dimensions. ``beta`` for a Gaussian of deviation s is the same as 1 for
        one of deviation s * sqrt(beta), but for the scale of the loss.
    class_prior : bool
        Whether a conditional model learns mean and deviations of the prior of each class (Sohn, Lee
        and Yan, 2015); else the prior is standard normal for all. Latents tell of the class even
        where the decoder is told it, and draws of one prior for all are then not of the class that
        they are decoded with.
    """

    beta: float = 1.0
    class_prior: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.beta) and self.beta >= 0):
            raise ModelError(f"beta={self.beta} is out of range; give 0 or more, such as 1.0")


def architecture_of(
    config: AEConfig, space: Space, likelihood: Likelihood, classes: int = 0
) -> Architecture:
    """Encoder and decoder of features of this space, which see ``classes`` if there are any."""
    return Architecture(
        space.shape,
        config.hidden,
        config.activation,
        blocks=config.blocks,
        classes=classes,
        view=space.view,
        outputs=likelihood.outputs,
        gain=likelihood.gain,
    )


class Autoencoder(LatentVariableModel):
    """What VAE and AE share: encoder, decoder, likelihood."""

    likelihood: Likelihood

    #: Numbers that the encoder gives for each latent dimension.
    encoder_outputs: ClassVar[int]
    has_view = True

    def __init__(self, config: Any, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        self.likelihood = make_likelihood(
            config.likelihood, space.channels, config.variance, config.deviation
        )
        architecture = architecture_of(config, space, self.likelihood, classes)
        codes = self.encoder_outputs * config.latent
        self.encoder: nn.Module
        self.decoder: nn.Module
        if config.network == "mlp":
            self.encoder = PerceptronEncoder(architecture, codes)
            self.decoder = PerceptronDecoder(architecture, config.latent)
        else:
            self.encoder = ConvolutionalEncoder(architecture, codes)
            self.decoder = ConvolutionalDecoder(architecture, config.latent)

    @classmethod
    def scaling(cls, config: AEConfig) -> Scaling:
        """``white`` for a Gaussian, else ``unit``."""
        return LIKELIHOODS[config.likelihood].scaling

    @abstractmethod
    def from_normal(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents (B, latent) to decode into samples of labels (B,), of standard normal noise."""

    @abstractmethod
    def latent_spread(self, label: int | None = None) -> tuple[Tensor, Tensor]:
        """Mean and deviation (latent,) of the latents that are decoded into samples of a class."""

    @abstractmethod
    def encode(self, features: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latents, both (B, latent)."""

    def decode(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Features (B, C, H, W): the likelihood's mean given latents (B, latent)."""
        condition = self._condition(self.check_labels(labels, len(latents)))
        return self.likelihood.mean(self.decoder(latents, condition))

    @torch.no_grad()
    def reconstruct(
        self,
        features: Tensor,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Features after the way through the latent space.

        Through the mean of the latents, or through a draw of them where a generator is given.
        """
        mean, log_variance = self.encode(features, labels)
        if generator is not None:
            noise = torch.randn(mean.shape, generator=generator, device=mean.device)
            mean = mean + (log_variance / 2).exp() * noise
        return self.decode(mean, labels)

    def _draws(
        self, count: int, labels: Tensor | None, generator: torch.Generator | None
    ) -> Iterator[Tensor]:
        noise = torch.randn(count, self.config.latent, generator=generator, device=self.device)
        latents = self.from_normal(noise, labels)
        step = max(1, CHUNK // self.space.size)
        for start in range(0, count, step):
            some = slice(start, start + step)
            yield self.decode(latents[some], None if labels is None else labels[some])

    def _condition(self, labels: Tensor | None) -> Tensor | None:
        """One-hot code (B, classes) of labels, on the model's device."""
        if not self.classes:
            return None
        if labels is None:
            raise ModelError(f"this {self.name} is conditional: give a label with each image")
        return one_hot(labels, self.classes)


_ARTICLE: dict[str, Any] = {"hidden": (400,), "latent": 20, "activation": "relu"}
_CONV: dict[str, Any] = {"network": "conv", "latent": 20, "activation": "relu"}
_ADAM: dict[str, Any] = {"learning_rate": 1e-3, "batch_size": 128}
_GPU: dict[str, Any] = {
    "steps": 50_000,
    "learning_rate": 1e-3,
    "batch_size": 256,
    "schedule": "cosine",
    "warmup": 500,
    "precision": "bf16",
}

# A Gaussian of deviation 1 on whitened Gabor features weighs each pixel by the redundancy of the
# frame, and fine scales, which whitening amplifies, as much as coarse ones; the loss would be all
# reconstruction, and draws from the prior would lie where no image was encoded. The weight of the
# divergence makes up for it: this one leaves about as many nats of latent as a Bernoulli on pixels.
_GABOR: dict[str, Any] = {"likelihood": "gaussian"}
_BETA = 48.0
#: Of the VAEs that are not an article's.
_PRIOR: dict[str, Any] = {"class_prior": True}

_VAE: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("small", "raw"): ({**_ARTICLE, **_PRIOR}, {**_ADAM, "steps": 4000, "schedule": "cosine"}),
    ("small", "coefficients"): (
        {**_CONV, **_GABOR, **_PRIOR, "hidden": (32, 64), "beta": _BETA},
        {"steps": 2500, "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine"},
    ),
    # Through the frame an image has many channels, which convolutions take in cheaply.
    ("small", "gabor"): (
        {**_CONV, **_PRIOR, "hidden": (32, 64)},
        {"steps": 2500, "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine"},
    ),
    # 784-400-20-400-784.
    ("article", "raw"): (_ARTICLE, {**_ADAM, "steps": 10_000}),
    ("article", "coefficients"): (
        {**_ARTICLE, **_GABOR, "beta": _BETA},
        {**_ADAM, "steps": 10_000},
    ),
    ("large", "raw"): (
        {**_CONV, **_PRIOR, "hidden": (64, 128, 256), "blocks": 2, "latent": 32},
        _GPU,
    ),
    ("large", "coefficients"): (
        {
            **_CONV,
            **_GABOR,
            **_PRIOR,
            "hidden": (128, 256, 256),
            "blocks": 2,
            "latent": 32,
            "beta": _BETA,
        },
        _GPU,
    ),
    # Burda et al. (2016), one stochastic layer.
    ("mlp-200-200-50", "raw"): (
        {"hidden": (200, 200), "latent": 50, "activation": "tanh"},
        {"steps": 550_000, "batch_size": 100, "learning_rate": 1e-3, "schedule": "cosine"},
    ),
}
VAE_PRESETS: Presets = {
    key: (VAEConfig(**fields), training) for key, (fields, training) in _VAE.items()
}

#: The published figure is of pixels that are binarized anew each time.
VAE_REPRESENTATIONS = {("mlp-200-200-50", "raw"): {"binarize": "dynamic"}}

# Without the divergence; a network made for a bound tells nothing of an autoencoder.
AE_PRESETS: Presets = {
    key: (
        AEConfig(**{name: v for name, v in fields.items() if name not in ("beta", *_PRIOR)}),
        training,
    )
    for key, (fields, training) in _VAE.items()
    if key[0] in ("small", "article", "large")
}
