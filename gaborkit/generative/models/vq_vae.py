"""VQ-VAE: an autoencoder whose latents are vectors of a codebook, on a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...errors import ModelError
from ..space import Scaling, Space
from .autoencoder import CHUNK, AEConfig, Network, architecture_of
from .codebook import Codebook, perplexity
from .coder import Coder
from .convolutional import GridDecoder, GridEncoder, halved
from .draws import draw
from .likelihoods import LIKELIHOODS, Likelihood, make_likelihood
from .model import Loss, Presets


@dataclass(frozen=True)
class VQVAEConfig(AEConfig):
    """Architecture of a :class:`VQVAE`, and how its codebook is learned.

    Attributes
    ----------
    network : str
        ``conv`` alone. Each halving of ``hidden`` halves the grid of codes.
    hidden, blocks, activation, likelihood, ...
        See :class:`.autoencoder.AEConfig`; ``latent`` is the length of a vector of the codebook.
    codes : int
        K, the number of vectors.
    commitment : float
        Weight of the squared distances between latents and their vectors, which hold latents to
        the vectors that were chosen.
    decay : float
        Of the moving averages that the vectors are.
    restart : float
        A vector that is chosen less often than this share of the mean starts again from a latent
        of the batch; 0 never.
    """

    network: Network = "conv"
    hidden: tuple[int, ...] = (128, 256)
    latent: int = 64
    codes: int = 512
    commitment: float = 0.25
    decay: float = 0.99
    restart: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.network != "conv":
            raise ModelError(
                f"network={self.network!r} leaves no grid of codes; give 'conv', or leave it out"
            )
        if not 2 <= self.codes <= 65536:
            raise ModelError(f"codes={self.codes} is out of range; give 2 to 65,536, such as 128")
        if not (math.isfinite(self.commitment) and self.commitment >= 0):
            raise ModelError(
                f"commitment={self.commitment} is out of range; give 0 or more, such as 0.25"
            )
        for name, example in (("decay", 0.99), ("restart", 0.1)):
            if not 0 <= getattr(self, name) < 1:
                raise ModelError(
                    f"{name}={getattr(self, name)} is out of range; give [0, 1), such as {example}"
                )


_SMALL: dict[str, Any] = {"hidden": (32, 64), "latent": 16, "codes": 128, "blocks": 1}
_QUICK: dict[str, Any] = {
    "steps": 1500,
    "batch_size": 32,
    "learning_rate": 2e-3,
    "schedule": "cosine",
}
# Two convolutions of stride 2 and two residual blocks of 256 channels, as for ImageNet; squared
# errors of data of deviation 1; no vector starts again.
_ARTICLE: dict[str, Any] = {
    "hidden": (256, 256),
    "blocks": 2,
    "likelihood": "gaussian",
    "restart": 0.0,
}
_LONG: dict[str, Any] = {"steps": 250_000, "batch_size": 128, "learning_rate": 2e-4}
_LARGE: dict[str, Any] = {"hidden": (128, 256), "blocks": 2, "codes": 512}
_GPU: dict[str, Any] = {
    "steps": 50_000,
    "batch_size": 256,
    "learning_rate": 1e-3,
    "schedule": "cosine",
    "warmup": 500,
    "precision": "bf16",
}
_GABOR: dict[str, Any] = {"likelihood": "gaussian"}

#: Architecture and training of each preset, for pixels and for Gabor coefficients.
PRESETS: Presets = {
    ("small", "raw"): (VQVAEConfig(**_SMALL), _QUICK),
    ("small", "coefficients"): (VQVAEConfig(**_SMALL, **_GABOR), _QUICK),
    ("article", "raw"): (VQVAEConfig(**_ARTICLE), _LONG),
    ("article", "coefficients"): (VQVAEConfig(**_ARTICLE), _LONG),
    ("large", "raw"): (VQVAEConfig(**_LARGE), _GPU),
    ("large", "coefficients"): (VQVAEConfig(**_LARGE, **_GABOR), _GPU),
}


class VQVAE(Coder):
    """Vector-quantized variational autoencoder: each location of a coarse grid is one of K codes.

    The encoder gives latents z on the grid, each is replaced by the nearest vector e of the
    codebook, and the decoder draws features of those. Gradients pass from e to z as if they were
    one. In nats, with sums over locations and lengths::

        loss = -log p(x | e) + commitment * |z - e|^2

    where the vectors e follow their latents by moving averages: see :class:`.codebook.Codebook`.

    Its own prior takes each location by itself: running frequencies of the codes there, of each
    class where there are classes. Samples of it are what codes give that know nothing of each
    other. A prior that knows is an autoregressive model of the codes, trained afterwards:
    ``Recipe("gated-pixelcnn", codes=RUN)``.

    The authors give sizes for ImageNet and not for MNIST; preset ``article`` has these, with
    residual blocks of two 3 x 3 convolutions and kernels of 3 x 3 where theirs are 4 x 4.

    Parameters
    ----------
    config : VQVAEConfig
    space : Space
    classes : int
        Of the running frequencies. Encoder and decoder know of none.

    References
    ----------
    van den Oord, Vinyals and Kavukcuoglu (2017), "Neural discrete representation learning",
    arXiv 1711.00937, equations 1 to 3, section 4.2 and appendix A.1.

    Examples
    --------
    >>> config = VQVAEConfig(hidden=(8, 8), latent=4, codes=16)
    >>> model = VQVAE(config, Space(1, 28, 28, "unit"))
    >>> generator = torch.Generator().manual_seed(0)
    >>> sorted(model(torch.rand(2, 1, 28, 28), None, generator).figures)
    ['commitment', 'perplexity', 'reconstruction']
    >>> model.codes(torch.rand(2, 1, 28, 28)).shape, model.sample(3, generator=generator).shape
    (torch.Size([2, 1, 7, 7]), torch.Size([3, 1, 28, 28]))
    """

    name: ClassVar[str] = "vq-vae"
    Config: ClassVar[type] = VQVAEConfig
    presets: ClassVar[Presets] = PRESETS
    has_view = True
    config: VQVAEConfig
    encoder: GridEncoder
    decoder: GridDecoder
    codebook: Codebook
    likelihood: Likelihood
    #: Running count of each code at each location, of each class: (G, h, w, K).
    usage: Tensor

    def __init__(self, config: VQVAEConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        self.likelihood = make_likelihood(
            config.likelihood, space.channels, config.variance, config.deviation
        )
        architecture = architecture_of(config, space, self.likelihood)
        self.encoder = GridEncoder(architecture, config.latent)
        self.codebook = Codebook(config.codes, config.latent, config.decay, config.restart)
        self.decoder = GridDecoder(architecture, config.latent)
        _, height, width = self.code_space.shape
        usage = torch.zeros(max(classes, 1), height, width, config.codes)
        self.register_buffer("usage", usage)

    @classmethod
    def scaling(cls, config: VQVAEConfig) -> Scaling:
        """``white`` for a Gaussian, else ``unit``."""
        return LIKELIHOODS[config.likelihood].scaling

    @property
    def code_space(self) -> Space:
        """Shape (1, h, w) and number of the codes."""
        height, width = halved(self.space.height, self.space.width, len(self.config.hidden))[-1]
        return Space(1, height, width, "levels", self.config.codes, ordinal=False)

    def forward(
        self,
        features: Tensor,
        labels: Tensor | None,
        generator: torch.Generator,
        part: str = "model",
    ) -> Loss:
        """Nats, the mean over the batch; in training mode the codebook and the counts follow."""
        labels = self.check_labels(labels, len(features))
        latents = self._latents(features)
        codes = self.codebook.nearest(latents)
        vectors = self.codebook(codes)
        outputs = self.decoder(latents + (vectors - latents).detach())
        reconstruction = -self.likelihood.log_prob(outputs, features).mean()
        commitment = (latents - vectors).square().sum((1, 2, 3)).mean()
        if self.training:
            self.codebook.follow(latents, codes, generator)
            self._count(codes, labels)
        figures = {
            "reconstruction": reconstruction.detach(),
            "commitment": commitment.detach(),
            "perplexity": perplexity(codes, self.config.codes),
        }
        return Loss(reconstruction + self.config.commitment * commitment, figures)

    def codes(self, features: Tensor) -> Tensor:
        """Codes (B, 1, h, w), int64, of features (B, C, H, W)."""
        return self.codebook.nearest(self._latents(features))[:, None]

    def decode(self, codes: Tensor) -> Tensor:
        """Features (B, C, H, W): the likelihood's mean given codes (B, 1, h, w)."""
        return self.likelihood.mean(self.decoder(self.codebook(codes[:, 0])))

    def log_prob(self, features: Tensor, codes: Tensor) -> Tensor:
        """Logarithm of the probability or density (B,) of features given codes, in nats."""
        return self.likelihood.log_prob(self.decoder(self.codebook(codes[:, 0])), features)

    def elbo(
        self, features: Tensor, labels: Tensor | None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Lower bound on log p(x), nats (B,): log p(x, codes) of the codes of the features.

        With the prior of each location by itself. Nothing is drawn.
        """
        labels = self.check_labels(labels, len(features))
        codes = self.codes(features)
        prior = self._prior(labels, len(codes)).log()
        chosen = prior.gather(-1, codes[:, 0, :, :, None])[..., 0]
        return self.log_prob(features, codes) + chosen.sum((1, 2))

    @torch.no_grad()
    def reconstruct(
        self,
        features: Tensor,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Features after the way through their codes. Nothing is drawn: codes are the nearest."""
        self.check_labels(labels, len(features))
        return self.decode(self.codes(features))

    def _draws(
        self, count: int, labels: Tensor | None, generator: torch.Generator | None
    ) -> Iterator[Tensor]:
        step = max(1, CHUNK // self.space.size)
        for start in range(0, count, step):
            some = slice(start, start + step)
            prior = self._prior(None if labels is None else labels[some], min(step, count - start))
            uniform = torch.rand(prior.shape[:-1], generator=generator, device=self.device)
            # Each location by itself, by how often a code was the nearest there.
            codes = draw(prior.log().flatten(0, 2), uniform.flatten()).view(uniform.shape)
            yield self.decode(codes[:, None])

    def _latents(self, features: Tensor) -> Tensor:
        """(B, D, h, w), float32."""
        latents: Tensor = self.encoder(features)
        return latents.float()

    @torch.no_grad()
    def _count(self, codes: Tensor, labels: Tensor | None) -> None:
        """Add the codes (B, h, w) of a batch to the running counts of their classes."""
        groups = torch.zeros_like(codes[:, 0, 0]) if labels is None else labels
        ones = nn.functional.one_hot(codes, self.config.codes).to(self.usage.dtype)
        self.usage.mul_(self.config.decay).index_add_(0, groups, ones)

    def _prior(self, labels: Tensor | None, count: int) -> Tensor:
        """Probabilities (count, h, w, K) of the codes at each location; none is 0."""
        usage = self.usage + 1 / self.config.codes
        frequencies = usage / usage.sum(-1, keepdim=True)
        return frequencies.expand(count, -1, -1, -1) if labels is None else frequencies[labels]
