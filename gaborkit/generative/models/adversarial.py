"""What all generative adversarial networks share: turns, losses, classes, sampling."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...errors import ModelError
from ...io.tables import counted
from ..space import Scaling, Space
from .adversarial_config import AdversarialConfig
from .gan_losses import GAN_LOSSES, GANLoss, gradient_penalty
from .latent_variable import LatentVariableModel
from .model import Loss, Model
from .networks import join, one_hot
from .scoring import pack

#: Images made at once by :meth:`LatentAdversarial.sample`, which bounds the memory.
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


def _of(name: str, stage: str) -> str:
    """Name of a figure of a stage: ``"loss"`` goes last."""
    if not stage:
        return name
    first, space, last = name.rpartition(" ")
    return f"{first} {stage} {last}" if space and last == "loss" else f"{name} {stage}"


class Stage(NamedTuple):
    """One pair of networks that learn in turns.

    Attributes
    ----------
    generator : module
    discriminator : module
        Of what :meth:`Adversarial.shown` gives, and labels: scores (B / packing,).
    """

    generator: nn.Module
    discriminator: nn.Module


class Adversarial(Model):
    """Stages of a generator and a discriminator each, which learn in turns.

    Most models have one stage, whose networks are ``generator`` and ``discriminator``. One of
    several has them in :attr:`stages`, and says in :meth:`drawn`, :meth:`target` and :meth:`shown`
    what each draws, from what, what real images are to it, and what its discriminator sees.

    A generator has batch normalisation. While it learns, that takes the statistics of the batch;
    samples are drawn with the running statistics, so that an image does not depend on those made
    beside it. With several processes each takes the statistics of its own share of the batch, and
    the running ones are those of the first process.

    A discriminator with batch normalisation sees real and generated features one after the other,
    each with statistics of their own, and keeps no running ones; any other sees both at once.

    In the generator's turn the discriminator works with detached weights: gradients pass through it
    and none is computed for it.
    """

    loss: GANLoss

    has_view = True
    #: Whether discriminators are to tell real images with conditions of others from those with
    #: their own, as from generated ones.
    matching_aware: ClassVar[bool] = False
    config: Any
    generator: nn.Module
    discriminator: nn.Module

    def __init__(self, config: AdversarialConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        self.loss = GAN_LOSSES[config.loss]

    @classmethod
    def scaling(cls, config: Any) -> Scaling:
        """[-1, 1] behind a tanh, whitened otherwise."""
        return "symmetric" if config.output == "tanh" else "white"

    # ---- what a model of several stages says otherwise ----

    @property
    def stages(self) -> dict[str, Stage]:
        """The pairs by name, in the order in which samples pass them."""
        return {"": Stage(self.generator, self.discriminator)}

    @abstractmethod
    def drawn(
        self, stage: str, features: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """What the generator of a stage makes, with noise, beside a batch of real features."""

    def target(self, stage: str, features: Tensor) -> Tensor:
        """What real features are to a stage: of the shape of what its generator makes."""
        return features

    def shown(self, stage: str, images: Tensor, features: Tensor) -> Tensor:
        """What the discriminator of a stage sees of images, real or drawn beside real features."""
        return images

    def beside(
        self, stage: str, images: Tensor, features: Tensor, labels: Tensor | None
    ) -> Mapping[str, Tensor]:
        """Losses of a generator beside the adversarial one, by name: none."""
        return {}

    @property
    def adversarial_weight(self) -> float:
        """Of the adversarial loss beside those."""
        return 1.0

    # ---- turns ----

    @property
    def parts(self) -> dict[str, nn.Module]:
        """Generator and discriminator of each stage."""
        return {
            f"{role} {name}".rstrip(): module
            for name, stage in self.stages.items()
            for role, module in stage._asdict().items()
        }

    @property
    def turns(self) -> list[str]:
        """Names of the stages in the order of their turns, each as often as it has one."""
        return list(self.stages)

    def turn(self, step: int) -> str:
        """Stages in turn: the discriminator ``discriminator_steps`` times, the generator once."""
        number, within = divmod(step, self.config.discriminator_steps + 1)
        role = "generator" if within == self.config.discriminator_steps else "discriminator"
        return f"{role} {self.turns[number % len(self.turns)]}".rstrip()

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
        if part not in self.parts:
            raise ModelError(f"part={part!r} is unknown; choose {' or '.join(self.parts)}")
        if self.conditional and labels is None:
            raise ModelError(
                f"this {self.name} is conditional and learns from labelled images only"
            )
        self.check_batch(len(features))
        labels = labels if self.conditional else None
        role, _, name = part.partition(" ")
        if role == "generator":
            return self._generator_loss(name, features, labels, generator)
        return self._discriminator_loss(name, features, labels, generator)

    def _judged(
        self, stage: str, images: Tensor, features: Tensor, generator: torch.Generator
    ) -> Tensor:
        """As :meth:`shown`, with instance noise, if there is any, and packed."""
        images = self.shown(stage, images, features)
        if deviation := self.config.instance_noise:
            noise = torch.randn(
                images.shape, generator=generator, device=images.device, dtype=images.dtype
            )
            images = images + deviation * noise
        return pack(images, self.config.packing)

    def _generator_loss(
        self, stage: str, features: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Loss:
        fakes = self.drawn(stage, features, labels, generator)
        terms = dict(self.beside(stage, fakes, features, labels))
        total = fakes.new_zeros(()) + sum(terms.values())
        if self.adversarial_weight:
            discriminator = self.stages[stage].discriminator
            weights = {key: value.detach() for key, value in discriminator.named_parameters()}
            judged = self._judged(stage, fakes, features, generator)
            scores = functional_call(discriminator, weights, (judged, labels)).float()
            adversarial = self.loss.generator(scores)  # of scores (B / packing,)
            if terms:
                terms["adversarial loss"] = adversarial
            total = total + self.adversarial_weight * adversarial
        figures = {"generator loss": total, **terms}
        return Loss(total, {_of(key, stage): value.detach() for key, value in figures.items()})

    def _discriminator_loss(
        self, stage: str, features: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Loss:
        with torch.no_grad():
            fakes = self.drawn(stage, features, labels, generator).to(features.dtype)
        real, fakes = (
            self._judged(stage, images, features, generator)
            for images in (self.target(stage, features), fakes)
        )
        discriminator = self.stages[stage].discriminator
        figures: dict[str, Tensor] = {}
        pairs = [(real, labels), (fakes, labels)]
        if self.matching_aware:
            assert labels is not None
            pairs.append((real, labels.roll(1, 0)))
        scores = self._scores(discriminator, pairs)
        real_scores, fake_scores = scores[:2]  # (B / packing,)
        total = self.loss.discriminator(real_scores, fake_scores)
        if self.matching_aware:
            assert labels is not None
            # Half of the loss of what is to be refused; a condition that is the same is none.
            differ = labels.ne(labels.roll(1, 0)).view(len(fake_scores), -1).any(1)
            mismatched = torch.where(differ, scores[2], fake_scores)
            total = (total + self.loss.discriminator(real_scores, mismatched)) / 2
            figures["D(mismatched)"] = self.loss.shown(mismatched.detach()).mean()
        if self.loss.penalized:
            penalty = gradient_penalty(
                lambda images: discriminator(images, labels), real, fakes, generator
            )
            figures["gradient penalty"] = penalty.detach()
            total = total + self.config.penalty * penalty
        shown = self.loss.shown
        figures |= {
            "discriminator loss": total.detach(),
            "D(real)": shown(real_scores.detach()).mean(),
            "D(fake)": shown(fake_scores.detach()).mean(),
        }
        return Loss(total, {_of(key, stage): value for key, value in figures.items()})

    def _scores(
        self, discriminator: nn.Module, pairs: list[tuple[Tensor, Tensor | None]]
    ) -> list[Tensor]:
        """Scores (B / packing,) of each of several batches of images with their labels."""
        if self.config.norm == "batch":
            return [discriminator(images, labels).float() for images, labels in pairs]
        told = [labels for _, labels in pairs if labels is not None]
        images = torch.cat([images for images, _ in pairs])
        scores = discriminator(images, torch.cat(told) if told else None).float()
        return list(scores.chunk(len(pairs)))


class LatentAdversarial(Adversarial, LatentVariableModel):
    """An adversarial model that draws images from noise.

    One of several stages says in :meth:`noise` and :meth:`composed` how samples pass them all.
    """

    def drawn(
        self, stage: str, features: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """What the generator makes of noise beside a batch of real features."""
        return self.composed(self.noise(len(features), generator), labels)

    def noise(self, count: int, generator: torch.Generator | None) -> list[Tensor]:
        """What samples are made of, by stage."""
        shape = (count, self.config.latent)
        return [torch.randn(shape, generator=generator, device=self.device)]

    def composed(self, noise: list[Tensor], labels: Tensor | None) -> Tensor:
        """Features (B, C, H, W) of noise, through all stages."""
        features: Tensor = self.generator(*noise, labels)
        return features

    def _draws(
        self, count: int, labels: Tensor | None, generator: torch.Generator | None
    ) -> Iterator[Tensor]:
        noise = self.noise(count, generator)
        for start in range(0, count, CHUNK):
            some = slice(start, start + CHUNK)
            of = None if labels is None else labels[some]
            yield self.composed([values[some] for values in noise], of)
