"""What all generative adversarial networks share: turns, losses, classes, sampling."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...errors import ModelError
from ...io.tables import counted
from ..progress import Progress
from ..space import Scaling, Space
from .adversarial_config import AdversarialConfig
from .gan_losses import GAN_LOSSES, GANLoss, gradient_penalty
from .model import Loss, Model
from .networks import join, one_hot
from .scoring import pack

#: Images made at once by :meth:`Adversarial.sample`, which bounds the memory.
CHUNK = 512


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

    def check_batch(self, count: int) -> None:
        """Refuse a batch that has no statistics, or does not make whole packs."""
        packing = self.config.packing
        if count < 2 * packing:
            images = counted(count, "image")
            raise ModelError(
                f"a batch of {images} has no statistics for batch normalisation"
                f"{f' with packing={packing}' if packing > 1 else ''}; give {2 * packing} or more"
            )
        if count % packing:
            raise ModelError(
                f"a batch of {count} images makes no whole packs with packing={packing}; give "
                f"{count - count % packing} or {count - count % packing + packing}"
            )

    def forward(
        self, features: Tensor, labels: Tensor | None, generator: torch.Generator, part: str
    ) -> Loss:
        """Loss of ``part`` for a batch (B, C, H, W), with noise from the generator.

        Generated features have the labels of the batch.

        Raises
        ------
        ModelError
            If the part is unknown, labels are missing, or the batch does not fit; see
            :meth:`check_batch`.
        """
        if part not in ("generator", "discriminator"):
            raise ModelError(f"part={part!r} is unknown; choose generator or discriminator")
        if self.classes and labels is None:
            raise ModelError(
                f"this {self.name} is conditional and learns from labelled images only"
            )
        self.check_batch(len(features))
        labels = labels if self.classes else None
        noise = self._noise(len(features), generator)
        if part == "generator":
            return self._generator_loss(noise, labels, generator)
        with torch.no_grad():
            fakes = self.generator(noise, labels).to(features.dtype)
        real, fakes = (self._judged(images, generator) for images in (features, fakes))
        return self._discriminator_loss(real, fakes, labels, generator)

    def _judged(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """What the discriminator sees of features: with instance noise, if there is any; packed."""
        if deviation := self.config.instance_noise:
            noise = torch.randn(
                features.shape, generator=generator, device=features.device, dtype=features.dtype
            )
            features = features + deviation * noise
        return pack(features, self.config.packing)

    def _noise(self, count: int, generator: torch.Generator | None) -> Tensor:
        return torch.randn(count, self.config.latent, generator=generator, device=self.device)

    def _generator_loss(
        self, noise: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Loss:
        fakes = self._judged(self.generator(noise, labels), generator)
        weights = {key: value.detach() for key, value in self.discriminator.named_parameters()}
        scores = functional_call(
            self.discriminator, weights, (fakes, labels)
        ).float()  # (B / packing,)
        total = self.loss.generator(scores)
        return Loss(total, {"generator loss": total.detach()})

    def _discriminator_loss(
        self, real: Tensor, fakes: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Loss:
        figures: dict[str, Tensor] = {}
        if self.config.norm == "batch":
            real_scores = self.discriminator(real, labels).float()  # (B / packing,)
            fake_scores = self.discriminator(fakes, labels).float()  # (B / packing,)
        else:
            both = None if labels is None else torch.cat([labels, labels])
            scores = self.discriminator(torch.cat([real, fakes]), both).float()  # (2 B / packing,)
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
