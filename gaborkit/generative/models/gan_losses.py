"""Losses of generative adversarial networks, by name; scores are logits, without a sigmoid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

GANLossName = Literal["non-saturating", "hinge", "wgan-gp"]


@dataclass(frozen=True)
class GANLoss:
    """What the two networks minimise.

    Attributes
    ----------
    discriminator : callable
        Of the scores of real and of generated features, each (B,); gives ().
    generator : callable
        Of the scores of generated features (B,); gives ().
    shown : callable
        What of the scores is worth logging, element by element.
    penalized : bool
        Whether :func:`gradient_penalty` belongs to the discriminator's loss.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor], Tensor]
    shown: Callable[[Tensor], Tensor]
    penalized: bool = False


def non_saturating_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-E log D(x) - E log(1 - D(G(z))), where D is the sigmoid of the score.

    Written with softplus, which is the same function and does not overflow. Its value is log 4
    where D is 1/2 throughout, and log 4 - 2 JSD(real, generated) for the best discriminator.

    References
    ----------
    I. Goodfellow et al. (2014), Generative Adversarial Nets, eq. 1.

    Examples
    --------
    >>> float(non_saturating_discriminator(torch.zeros(2), torch.zeros(2)).exp())
    4.0
    """
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def non_saturating_generator(fake: Tensor) -> Tensor:
    """-E log D(G(z)): its slope stays where the discriminator is sure.

    References
    ----------
    I. Goodfellow et al. (2014), Generative Adversarial Nets, section 3.
    """
    return functional.softplus(-fake).mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))).

    References
    ----------
    J. H. Lim and J. C. Ye (2017), Geometric GAN.
    """
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def critic_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """E D(G(z)) - E D(x): minus a bound on the Wasserstein distance, for a 1-Lipschitz D.

    References
    ----------
    M. Arjovsky, S. Chintala and L. Bottou (2017), Wasserstein GAN, eq. 2.
    """
    return fake.mean() - real.mean()


def critic_generator(fake: Tensor) -> Tensor:
    """-E D(G(z)), of the hinge and the Wasserstein loss."""
    return -fake.mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, generator: torch.Generator
) -> Tensor:
    """E (|gradient of D at x| - 1)^2, where x lies on the line from a real to a generated image.

    The slope is that of each image by itself, so the critic must not mix the images of a batch, as
    batch normalisation does. Computed in float32 under autocast too.

    Parameters
    ----------
    critic : callable
        Features (B, ...) to scores (B,).
    real, fake : Tensor (B, ...)
    generator : torch.Generator
        Draws the place on each line, uniformly.

    Returns
    -------
    Tensor ()
        Can be differentiated by the weights of the critic.

    References
    ----------
    I. Gulrajani et al. (2017), Improved Training of Wasserstein GANs, eq. 3.

    Examples
    --------
    A linear critic of slope 3 has a penalty of 4 everywhere:

    >>> real, fake = torch.randn(5, 2), torch.randn(5, 2)
    >>> float(gradient_penalty(lambda x: 3 * x[:, 0], real, fake, torch.Generator()))
    4.0
    """
    sides = (real.shape[0], *[1] * (real.ndim - 1))
    share = torch.rand(sides, generator=generator, device=real.device)
    with torch.enable_grad(), torch.autocast(real.device.type, enabled=False):
        between = torch.lerp(fake.detach().float(), real.detach().float(), share).requires_grad_()
        score = critic(between).sum()
        (slope,) = torch.autograd.grad(score, between, create_graph=True)  # (B, ...)
        return (torch.linalg.vector_norm(slope.flatten(1), dim=1) - 1).square().mean()


def _itself(scores: Tensor) -> Tensor:
    return scores


#: The losses by name.
GAN_LOSSES: Mapping[GANLossName, GANLoss] = {
    "non-saturating": GANLoss(
        non_saturating_discriminator, non_saturating_generator, torch.sigmoid
    ),
    "hinge": GANLoss(hinge_discriminator, critic_generator, _itself),
    "wgan-gp": GANLoss(critic_discriminator, critic_generator, _itself, penalized=True),
}
