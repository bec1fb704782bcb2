"""What all generative adversarial networks share: turns, losses, classes, sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from ...errors import ModelError
from ..progress import Progress
from ..space import Scaling, Space
from .gan_losses import GAN_LOSSES, GANLoss, GANLossName, gradient_penalty
from .model import Loss, Model
from .networks import join, one_hot

Norm = Literal["none", "batch", "spectral"]
Output = Literal["tanh", "linear"]
M = TypeVar("M", bound=nn.Module)

#: Images made at once by :meth:`Adversarial.sample`, which bounds the memory.
CHUNK = 512


@dataclass(frozen=True)
class AdversarialConfig:
    """What the configurations of all adversarial networks hold.

    Attributes
    ----------
    latent : int
        Length of the noise vector, drawn from a standard normal distribution.
    loss : str
        ``non-saturating`` (Goodfellow et al., 2014), ``hinge`` (Lim and Ye, 2017) or ``wgan-gp``
        (Gulrajani et al., 2017, whose own settings are 5 discriminator steps, a learning rate of
        1e-4 and betas of 0 and 0.9).
    discriminator_norm : str
        ``none``, ``batch``, ``spectral`` (Miyato et al., 2018), or ``auto``: what goes with the
        loss, which for hinge is spectral.
    discriminator_steps : int
        Of the discriminator, before each step of the generator: the k of Goodfellow et al. (2014).
    penalty : float
        Weight of the gradient penalty of ``wgan-gp``.
    slope : float
        Of the leaky ReLUs, below 0.
    instance_noise : float
        Deviation of normal noise that is added to all that the discriminator sees, real and
        generated, so that neither lies on a surface that the other misses (Arjovsky and Bottou,
        2017). Redundant features need it: most directions of their space hold no image.
    output : str
        Of the generator: ``tanh`` for features in [-1, 1], ``linear`` for whitened ones, which have
        no bounds.

    Raises
    ------
    ModelError
        If a value is out of range, or ``wgan-gp`` is to go with batch normalisation.
    """

    latent: int = 100
    loss: GANLossName = "non-saturating"
    discriminator_norm: Literal["auto", "none", "batch", "spectral"] = "auto"
    discriminator_steps: int = 1
    penalty: float = 10.0
    slope: float = 0.2
    instance_noise: float = 0.0
    output: Output = "tanh"

    def __post_init__(self) -> None:
        for name, choices in (
            ("loss", GAN_LOSSES),
            ("discriminator_norm", ("auto", *get_args(Norm))),
            ("output", get_args(Output)),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise ModelError(f"{name}={value!r} is unknown; choose {', '.join(choices)}")
        for name in ("latent", "discriminator_steps"):
            if getattr(self, name) < 1:
                raise ModelError(f"{name}={getattr(self, name)} is no count; give 1 or more")
        if not 0 <= self.slope < 1:
            raise ModelError(f"slope={self.slope} is out of range; give [0, 1), such as 0.2")
        if not (math.isfinite(self.penalty) and self.penalty > 0):
            raise ModelError(f"penalty={self.penalty} is not positive; give one such as 10")
        if not (math.isfinite(self.instance_noise) and self.instance_noise >= 0):
            raise ModelError(
                f"instance_noise={self.instance_noise} is no deviation; give 0 or more, such as 1"
            )
        if self.loss == "wgan-gp" and self.norm == "batch":
            raise ModelError(
                "discriminator_norm='batch' does not go with loss='wgan-gp', which needs the slope "
                "of each image by itself; choose 'none' or 'auto'"
            )

    @property
    def gain(self) -> float:
        """How much larger than pixels coefficients are drawn: a tanh makes them smaller."""
        return 4.0 if self.output == "tanh" else 1.0

    @property
    def norm(self) -> Norm:
        """Normalisation of the discriminator, where ``auto`` is resolved."""
        if self.discriminator_norm != "auto":
            return self.discriminator_norm
        return "spectral" if self.loss == "hinge" else "none"


def normalized(layer: M, norm: Norm) -> M:
    """The layer, or all in it, with the largest singular value kept at 1, if the norm is spectral.

    References
    ----------
    T. Miyato et al. (2018), Spectral Normalization for Generative Adversarial Networks.
    """
    if norm == "spectral":
        for module in list(layer.modules()):
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                spectral_norm(module)
    return layer


class Scorer(nn.Module):
    """Last layer of a discriminator: a linear score, and for classes the projection.

    To the score of a class is added the product of the hidden vector with a vector of the class.

    References
    ----------
    T. Miyato and M. Koyama (2018), cGANs with Projection Discriminator, eq. 5.
    """

    score: nn.Linear
    projection: nn.Linear | None

    def __init__(self, inputs: int, classes: int, norm: Norm) -> None:
        super().__init__()
        self.score = normalized(nn.Linear(inputs, 1), norm)
        projection = nn.Linear(inputs, classes, bias=False) if classes else None
        self.projection = None if projection is None else normalized(projection, norm)

    def forward(self, hidden: Tensor, labels: Tensor | None) -> Tensor:
        """Scores (B,) of hidden vectors (B, D)."""
        scores: Tensor = self.score(hidden)  # (B, 1)
        if self.projection is not None and labels is not None:
            scores = scores + self.projection(hidden).gather(1, labels[:, None])  # (B, 1)
        return scores.squeeze(1)


def condition(noise: Tensor, labels: Tensor | None, classes: int) -> Tensor:
    """What a generator starts from (B, latent + classes): the noise, and the class's one-hot code.

    The code has no parameters and the length of a single noise value. An embedding that learns
    would outgrow the noise, and the generator then draws one image a class.

    References
    ----------
    M. Mirza and S. Osindero (2014), Conditional Generative Adversarial Nets, section 4.1.
    """
    return join(noise, None if labels is None else one_hot(labels, classes))


class Adversarial(Model):
    """A generator and a discriminator that learn in turns.

    The generator has batch normalisation. While it learns, that takes the statistics of the batch;
    samples are drawn with the running statistics, so that an image does not depend on those made
    beside it. With several processes each takes the statistics of its own share of the batch, and
    the running ones are those of the first process.

    A discriminator with batch normalisation sees real and generated features one after the other,
    each with statistics of their own, and keeps no running ones; any other sees both at once.

    In the generator's turn the discriminator works with detached weights: gradients pass through it
    and none is computed for it.

    ``generator`` and ``discriminator`` are the two modules; a subclass makes them.
    """

    loss: GANLoss

    has_view = True
    config: Any
    generator: nn.Module
    discriminator: nn.Module

    def __init__(self, config: AdversarialConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        self.loss = GAN_LOSSES[config.loss]

    @classmethod
    def scaling(cls, config: AdversarialConfig) -> Scaling:
        """[-1, 1] behind a tanh, whitened otherwise."""
        return "symmetric" if config.output == "tanh" else "white"

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The generator and the discriminator."""
        return {"generator": self.generator, "discriminator": self.discriminator}

    def turn(self, step: int) -> str:
        """The discriminator ``discriminator_steps`` times, then the generator once."""
        steps = self.config.discriminator_steps
        return "generator" if step % (steps + 1) == steps else "discriminator"

    @property
    def has_validation_loss(self) -> bool:
        """False: the loss says how the two networks stand to each other."""
        return False

    @property
    def compilable(self) -> str | None:
        """Why ``torch.compile`` cannot take this model; None if it can."""
        if not self.loss.penalized:
            return None
        return (
            f"loss={self.config.loss!r} is differentiated twice, which torch.compile cannot do; "
            "train without it, or choose another loss"
        )

    def forward(
        self, features: Tensor, labels: Tensor | None, generator: torch.Generator, part: str
    ) -> Loss:
        """Loss of ``part`` for a batch (B, C, H, W), with noise from the generator.

        Generated features have the labels of the batch.

        Raises
        ------
        ModelError
            If the part is unknown, labels are missing, or the batch holds a single image.
        """
        if part not in ("generator", "discriminator"):
            raise ModelError(f"part={part!r} is unknown; choose generator or discriminator")
        if self.classes and labels is None:
            raise ModelError(
                f"this {self.name} is conditional and learns from labelled images only"
            )
        if len(features) < 2:
            raise ModelError(
                "a batch of 1 image has no statistics for batch normalisation; give 2 or more"
            )
        labels = labels if self.classes else None
        noise = self._noise(len(features), generator)
        if part == "generator":
            return self._generator_loss(noise, labels, generator)
        with torch.no_grad():
            fakes = self.generator(noise, labels).to(features.dtype)
        features, fakes = self._blurred(features, generator), self._blurred(fakes, generator)
        return self._discriminator_loss(features, fakes, labels, generator)

    def _blurred(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Features with the instance noise, if there is any."""
        deviation = self.config.instance_noise
        if not deviation:
            return features
        noise = torch.randn(
            features.shape, generator=generator, device=features.device, dtype=features.dtype
        )
        return features + deviation * noise

    def _noise(self, count: int, generator: torch.Generator | None) -> Tensor:
        return torch.randn(count, self.config.latent, generator=generator, device=self.device)

    def _generator_loss(
        self, noise: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Loss:
        fakes = self._blurred(self.generator(noise, labels), generator)
        weights = {key: value.detach() for key, value in self.discriminator.named_parameters()}
        scores = functional_call(self.discriminator, weights, (fakes, labels)).float()  # (B,)
        total = self.loss.generator(scores)
        return Loss(total, {"generator loss": total.detach()})

    def _discriminator_loss(
        self, real: Tensor, fakes: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Loss:
        figures: dict[str, Tensor] = {}
        if self.config.norm == "batch":
            real_scores = self.discriminator(real, labels).float()  # (B,)
            fake_scores = self.discriminator(fakes, labels).float()  # (B,)
        else:
            both = None if labels is None else torch.cat([labels, labels])
            scores = self.discriminator(torch.cat([real, fakes]), both).float()  # (2 B,)
            real_scores, fake_scores = scores.chunk(2)
        total = self.loss.discriminator(real_scores, fake_scores)
        if self.loss.penalized:
            penalty = gradient_penalty(
                lambda features: self.discriminator(features, labels), real, fakes, generator
            )
            figures["gradient penalty"] = penalty.detach()
            total = total + self.config.penalty * penalty
        shown = self.loss.shown
        return Loss(
            total,
            {
                "discriminator loss": total.detach(),
                "D(real)": shown(real_scores.detach()).mean(),
                "D(fake)": shown(fake_scores.detach()).mean(),
                **figures,
            },
        )

    @torch.no_grad()
    def sample(
        self,
        count: int,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Draw features (count, C, H, W), float32, with running statistics.

        Without a generator the noise is that of torch's own.

        Raises
        ------
        ModelError
            If labels do not fit; see :meth:`check_labels`.
        """
        labels = self.check_labels(labels, count)
        noise = self._noise(count, generator)
        was_training = self.generator.training
        self.generator.eval()
        try:
            chunks: list[Tensor] = []
            for start in range(0, count, CHUNK):
                some = slice(start, start + CHUNK)
                of = None if labels is None else labels[some]
                chunks.append(self.generator(noise[some], of).float())
                if progress is not None:
                    progress(min(start + CHUNK, count), count)
        finally:
            self.generator.train(was_training)
        return torch.cat([noise.new_zeros(0, *self.space.shape), *chunks])
