"""What the configurations of all adversarial networks hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import ModelError
from .gan_losses import GAN_LOSSES, GANLossName

Norm = Literal["none", "batch", "spectral"]
Output = Literal["tanh", "linear"]


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig:
    """What the configurations of all adversarial networks hold.

    Attributes
    ----------
    loss : str
        ``non-saturating`` (Goodfellow et al., 2014), ``hinge`` (Lim and Ye, 2017) or ``wgan-gp``
        (Gulrajani et al., 2017, whose own settings are 5 discriminator steps, a learning rate of
        1e-4 and betas of 0 and 0.9).
    packing : int
        How many images the discriminator judges together, joined along their channels, so that a
        generator which draws few modes is found out by their likeness (Lin et al., 2018).
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

    Raises
    ------
    ModelError
        If a value is out of range, or ``wgan-gp`` is to go with batch normalisation.
    """

    loss: GANLossName = "non-saturating"
    packing: int = 1
    discriminator_norm: Literal["auto", "none", "batch", "spectral"] = "auto"
    discriminator_steps: int = 1
    penalty: float = 10.0
    slope: float = 0.2
    instance_noise: float = 0.0

    def __post_init__(self) -> None:
        for name, choices in (
            ("loss", GAN_LOSSES),
            ("discriminator_norm", ("auto", *get_args(Norm))),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise ModelError(f"{name}={value!r} is unknown; choose {', '.join(choices)}")
        for name in ("discriminator_steps", "packing"):
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
    def norm(self) -> Norm:
        """Normalisation of the discriminator, where ``auto`` is resolved."""
        if self.discriminator_norm != "auto":
            return self.discriminator_norm
        return "spectral" if self.loss == "hinge" else "none"


@dataclass(frozen=True)
class LatentConfig(AdversarialConfig):
    """What those hold that draw images from noise.

    Attributes
    ----------
    latent : int
        Length of the noise vector, drawn from a standard normal distribution.
    output : str
        Of the generator: ``tanh`` for features in [-1, 1], ``linear`` for whitened ones, which have
        no bounds.
    others
        As in :class:`AdversarialConfig`.

    Raises
    ------
    ModelError
        If a value is out of range.
    """

    latent: int = 100
    output: Output = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output not in get_args(Output):
            raise ModelError(
                f"output={self.output!r} is unknown; choose {', '.join(get_args(Output))}"
            )
        if self.latent < 1:
            raise ModelError(f"latent={self.latent} is no count; give 1 or more")

    @property
    def gain(self) -> float:
        """How much larger than pixels coefficients are drawn: a tanh makes them smaller."""
        return 4.0 if self.output == "tanh" else 1.0
