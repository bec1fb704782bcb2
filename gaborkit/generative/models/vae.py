"""Autoencoders: the variational one (VAE), and the plain one (AE)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from ...errors import ModelError
from ..space import Space
from .autoencoder import (
    AE_PRESETS,
    CHUNK,
    VAE_PRESETS,
    VAE_REPRESENTATIONS,
    Autoencoder,
)
from .autoencoder import AEConfig as AEConfig
from .autoencoder import VAEConfig as VAEConfig
from .model import Loss, PresetRepresentations, Presets


class VAE(Autoencoder):
    """Variational autoencoder: log p(x) is bounded from below, and latents have a normal prior.

    Parameters
    ----------
    config : VAEConfig
    space : Space
    classes : int
        One-hot, joined to the inputs of encoder and decoder. With ``config.class_prior`` each has a
        normal prior of its own, whose mean and variances are learned.

    References
    ----------
    Kingma and Welling, Auto-encoding variational Bayes, 2014, eq. 10.
    Sohn, Lee and Yan, Learning structured output representation using deep conditional generative
    models, 2015, eq. 4: the prior of each class.

    Examples
    --------
    >>> model = VAE(VAEConfig(latent=2), Space(1, 28, 28, "unit"))
    >>> generator = torch.Generator().manual_seed(0)
    >>> model(torch.rand(8, 1, 28, 28), None, generator).total.shape
    torch.Size([])
    >>> model.sample(3, generator=generator).shape
    torch.Size([3, 1, 28, 28])
    """

    name = "vae"
    Config = VAEConfig
    presets: ClassVar[Presets] = VAE_PRESETS
    preset_representations: ClassVar[PresetRepresentations] = VAE_REPRESENTATIONS
    encoder_outputs = 2
    config: VAEConfig
    #: Mean and logarithm of the variance of the prior, (2, classes, latent); None: standard normal.
    prior: nn.Parameter | None

    def __init__(self, config: VAEConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        self.prior = None
        if config.class_prior and classes:
            self.prior = nn.Parameter(torch.zeros(2, classes, config.latent))

    def forward(
        self,
        features: Tensor,
        labels: Tensor | None,
        generator: torch.Generator,
        part: str = "model",
    ) -> Loss:
        """Negative bound, the divergence weighed by ``beta``: nats, the mean over the batch."""
        reconstruction, divergence = self._terms(features, labels, generator)
        reconstruction, divergence = reconstruction.mean(), divergence.mean()
        total = self.config.beta * divergence - reconstruction
        return Loss(total, {"reconstruction": -reconstruction.detach(), "kl": divergence.detach()})

    def encode(self, features: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance of the latents given features, both (B, latent)."""
        condition = self._condition(self.check_labels(labels, len(features)))
        mean, log_variance = self.encoder(features, condition).float().chunk(2, 1)
        return mean, log_variance

    def from_normal(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """Draws from the prior, of each label's class if it has its own."""
        mean, log_variance = self._prior(labels)
        return mean + (log_variance / 2).exp() * noise

    def latent_spread(self, label: int | None = None) -> tuple[Tensor, Tensor]:
        """Of the prior, which without a learned one has 0 and 1."""
        if self.prior is None or label is None:
            zeros = torch.zeros(self.config.latent, device=self.device)
            return zeros, zeros + 1
        mean, log_variance = self.prior.detach()[:, label]
        return mean, (log_variance / 2).exp()

    def elbo(self, features: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """Lower bound on log p(x) with one draw, nats (B,); the divergence in closed form."""
        labels = self.check_labels(labels, len(features))
        reconstruction, divergence = self._terms(features, labels, generator)
        return reconstruction - divergence

    @torch.no_grad()
    def iwae(
        self,
        features: Tensor,
        labels: Tensor | None,
        samples: int,
        generator: torch.Generator,
        chunk: int | None = None,
    ) -> Tensor:
        """Importance-weighted bound on log p(x), tighter the more samples.

        The encoder runs once; weights are summed as they come, so memory does not grow with
        ``samples``.

        Parameters
        ----------
        features : tensor (B, C, H, W)
        labels : tensor (B,), optional
        samples : int
            Importance samples an image.
        generator : torch.Generator
        chunk : int, optional
            Latent vectors decoded at once; by default as many as make some megabytes.

        Returns
        -------
        tensor (B,)
            Nats.

        Raises
        ------
        ModelError
            If ``samples`` or ``chunk`` is less than 1.

        References
        ----------
        Burda, Grosse and Salakhutdinov, Importance weighted autoencoders, 2016, eq. 8.
        """
        chunk = max(1, CHUNK // self.space.size) if chunk is None else chunk
        if samples < 1 or chunk < 1:
            raise ModelError(f"samples={samples}, chunk={chunk}: give 1 or more")
        labels = self.check_labels(labels, len(features))
        bounds = []
        for start in range(0, len(features), chunk):
            part = slice(start, start + chunk)
            some = None if labels is None else labels[part]
            bounds.append(self._iwae(features[part], some, samples, generator, chunk))
        return torch.cat(bounds) if bounds else features.new_zeros(0)

    def _iwae(
        self,
        features: Tensor,
        labels: Tensor | None,
        samples: int,
        generator: torch.Generator,
        chunk: int,
    ) -> Tensor:
        count, condition = len(features), self._condition(labels)
        prior_mean, prior_log_variance = (moment[:, None] for moment in self._prior(labels))
        mean, log_variance = self.encoder(features, condition).float().chunk(2, 1)  # (B, latent)
        mean, deviation = mean[:, None], (log_variance / 2).exp()[:, None]
        total = torch.full((count,), -math.inf, device=mean.device)
        step = max(1, chunk // count)
        for start in range(0, samples, step):
            shape = (count, min(step, samples - start), mean.shape[-1])
            noise = torch.randn(shape, generator=generator, device=mean.device)
            latents = mean + deviation * noise  # (B, K, latent)
            repeated = None
            if condition is not None:
                repeated = condition.repeat_interleave(shape[1], 0)
            outputs = self.decoder(latents.flatten(0, 1), repeated).unflatten(0, shape[:2])
            # log p(x | z) + log p(z) - log q(z | x); 2 pi cancels, and log q needs the noise only.
            weights = self.likelihood.log_prob(outputs, features[:, None])
            distances = (latents - prior_mean).square() * (-prior_log_variance).exp()
            weights = weights + 0.5 * (noise.square() - distances - prior_log_variance).sum(-1)
            total = torch.logaddexp(total, weights.logsumexp(1))
        return total + 0.5 * log_variance.sum(1) - math.log(samples)

    def _prior(self, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance, (B or 1, latent), of the latents of labels (B,)."""
        if self.prior is None or labels is None:
            zeros = torch.zeros(1, self.config.latent, device=self.device)
            return zeros, zeros
        mean, log_variance = self.prior[:, labels]
        return mean, log_variance

    def _terms(
        self, features: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Log-likelihood at one draw, and divergence: nats (B,) each, sums over dimensions."""
        condition = self._condition(labels)
        mean, log_variance = self.encoder(features, condition).float().chunk(2, 1)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        latents = mean + (log_variance / 2).exp() * noise
        outputs = self.decoder(latents, condition)
        prior_mean, prior_log_variance = self._prior(labels)
        # The divergence of two normal distributions is the same in units of the second.
        mean = (mean - prior_mean) * (-prior_log_variance / 2).exp()
        divergence = kl_divergence(mean, log_variance - prior_log_variance)
        return self.likelihood.log_prob(outputs, features), divergence


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of a normal distribution from the standard one: nats (B,), the sum over (B, latent).

    -1/2 sum(1 + logvar - mu^2 - exp(logvar)); Kingma and Welling, 2014, appendix B.

    Examples
    --------
    >>> kl_divergence(torch.tensor([[1.0, 1.0]]), torch.zeros(1, 2))
    tensor([1.])
    """
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(-1)


class AE(Autoencoder):
    """Autoencoder: the VAE without the noise and the divergence.

    It has no prior, so nothing says where its latents lie. To draw samples all the same, running
    mean and covariance of the latents of the training batches are kept (in the weights file), of
    each class by itself where there are classes, and :meth:`sample` decodes draws from the Gaussian
    with these: a Gaussian fitted afterwards, not a prior. There is no bound on the likelihood
    either.

    Parameters
    ----------
    config : AEConfig
    space : Space
    classes : int
        One-hot, joined to the inputs of encoder and decoder.

    Examples
    --------
    >>> model = AE(AEConfig(latent=2), Space(1, 28, 28, "unit"))
    >>> generator = torch.Generator().manual_seed(0)
    >>> loss = model(torch.rand(8, 1, 28, 28), None, generator)
    >>> model.sample(3, generator=generator).shape
    torch.Size([3, 1, 28, 28])
    """

    name = "ae"
    Config = AEConfig
    presets: ClassVar[Presets] = AE_PRESETS
    encoder_outputs = 1

    #: Batches that the running statistics look back on, once there were so many.
    memory: ClassVar[int] = 100

    latent_batches: Tensor
    latent_mean: Tensor
    latent_covariance: Tensor

    def __init__(self, config: AEConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        each, latent = (classes,) if classes else (), config.latent
        self.register_buffer("latent_batches", torch.zeros(each))
        self.register_buffer("latent_mean", torch.zeros(*each, latent))
        self.register_buffer("latent_covariance", torch.eye(latent).repeat(*each, 1, 1))

    def forward(
        self,
        features: Tensor,
        labels: Tensor | None,
        generator: torch.Generator,
        part: str = "model",
    ) -> Loss:
        """Negative log-likelihood of features given their latents: nats, mean over the batch."""
        condition = self._condition(labels)
        latents = self.encoder(features, condition).float()
        if self.training:
            self._watch(latents.detach(), labels)
        loss = -self.likelihood.log_prob(self.decoder(latents, condition), features).mean()
        return Loss(loss, {"reconstruction": loss.detach()})

    @torch.no_grad()
    def _watch(self, latents: Tensor, labels: Tensor | None) -> None:
        """Mix a batch (B, latent) into mean and covariance, as the moments of a mixture.

        Classes (G of them, or all images as one) that the batch lacks stay as they are.
        """
        if labels is None:
            labels = torch.zeros(len(latents), dtype=torch.int64, device=latents.device)
        batches, means = self.latent_batches.view(-1), self.latent_mean.view(-1, latents.shape[1])
        covariances = self.latent_covariance.view(-1, *self.latent_covariance.shape[-2:])
        counts = torch.zeros_like(batches).index_add_(0, labels, torch.ones_like(latents[:, 0]))
        batches += counts > 0
        weight = (1 / batches.clamp(min=1)).clamp(min=1 / self.memory)
        weight = (weight * (counts > 0))[:, None]  # (G, 1)
        share = 1 / counts.clamp(min=1)[:, None]
        mean = torch.zeros_like(means).index_add_(0, labels, latents) * share  # (G, latent)
        centred = latents - mean[labels]
        # Products by element: a matrix product would be of half precision under autocast.
        products = centred[:, :, None] * centred[:, None]
        within = torch.zeros_like(covariances).index_add_(0, labels, products) * share[..., None]
        shift = mean - means
        between = (weight * (1 - weight) * shift)[:, :, None] * shift[:, None]
        covariances.lerp_(within, weight[..., None]).add_(between)
        means.add_(weight * shift)

    def encode(self, features: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Latents (B, latent), and minus infinity: their variance is 0."""
        condition = self._condition(self.check_labels(labels, len(features)))
        latents = self.encoder(features, condition).float()
        return latents, torch.full_like(latents, -math.inf)

    def from_normal(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """Draws from the Gaussian fitted to the latents of training, of each label's class."""
        values, vectors = torch.linalg.eigh(self.latent_covariance)
        roots = vectors * values.clamp(min=0).sqrt()[..., None, :]  # covariance = root root^T
        if labels is None:
            return self.latent_mean + noise @ roots.T
        return self.latent_mean[labels] + (roots[labels] @ noise[..., None])[..., 0]

    def latent_spread(self, label: int | None = None) -> tuple[Tensor, Tensor]:
        """Of the Gaussian fitted to the latents of the class, if there are classes."""
        which = ... if label is None else label
        variance = self.latent_covariance[which].diagonal().clamp(min=0)
        return self.latent_mean[which], variance.sqrt()
