"""GAN: a generator and a discriminator of fully connected layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor, nn

from ...errors import ModelError
from ..space import Space
from .adversarial import LatentAdversarial, condition
from .adversarial_config import LatentConfig
from .drawn import last_layer
from .model import PresetRepresentations, Presets
from .scoring import Scorer, normalized, packed_space
from .seen import first_layer


@dataclass(frozen=True)
class GANConfig(LatentConfig):
    """Architecture and loss of :class:`GAN`; by default the article's, but for its 20 steps.

    Attributes
    ----------
    generator_hidden, discriminator_hidden : tuple of int
        Widths of the hidden layers, from the input on.
    others
        As in :class:`LatentConfig`.

    Raises
    ------
    ModelError
        If a value is out of range.
    """

    generator_hidden: tuple[int, ...] = (128, 256, 512, 1024)
    discriminator_hidden: tuple[int, ...] = (512, 256)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("generator_hidden", "discriminator_hidden"):
            widths = getattr(self, name)
            if not widths or min(widths) < 1:
                raise ModelError(f"{name}={widths} are no widths; give one or more, each positive")


class Generator(nn.Module):
    """Noise (B, latent) to features; batch normalisation from the second layer on."""

    shape: tuple[int, int, int]
    layers: nn.Sequential
    bounded: nn.Module

    def __init__(self, config: GANConfig, space: Space, classes: int) -> None:
        super().__init__()
        self.shape = space.shape
        self.classes = classes
        layers: list[nn.Module] = []
        inputs = config.latent + classes
        for depth, width in enumerate(config.generator_hidden):
            # Batch normalisation subtracts what a bias would add.
            layers.append(nn.Linear(inputs, width, bias=depth == 0))
            if depth > 0:
                layers.append(nn.BatchNorm1d(width))
            layers.append(nn.LeakyReLU(config.slope))
            inputs = width
        last = nn.Linear(inputs, space.size)
        layers.append(last_layer(last, space.view, space.shape, gain=config.gain))
        self.layers = nn.Sequential(*layers)
        self.bounded = nn.Tanh() if config.output == "tanh" else nn.Identity()

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Features (B, C, H, W)."""
        values: Tensor = self.layers(condition(noise, labels, self.classes))
        features: Tensor = self.bounded(values.view(-1, *self.shape))
        return features


class Discriminator(nn.Module):
    """Features of each pack to scores (B,): logits, whose sigmoid is the article's output."""

    layers: nn.Sequential
    scorer: Scorer

    def __init__(self, config: GANConfig, space: Space, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        inputs = space.size
        for depth, width in enumerate(config.discriminator_hidden):
            layer = nn.Linear(inputs, width)
            view = space.view if depth == 0 else None
            layers.append(normalized(first_layer(layer, view, space.shape), config.norm))
            if config.norm == "batch" and depth > 0:
                layers.append(nn.BatchNorm1d(width, track_running_stats=False))
            layers.append(nn.LeakyReLU(config.slope))
            inputs = width
        self.layers = nn.Sequential(*layers)
        self.scorer = Scorer(inputs, classes, config.norm, config.packing)

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Scores (B,) of features (B, C, H, W)."""
        scores: Tensor = self.scorer(self.layers(features), labels)
        return scores


_ARTICLE = GANConfig(discriminator_steps=20)
# The article names no number of steps: this is 50 times through MNIST.
_ARTICLE_TRAINING = {
    "steps": 46_900,
    "sample_every": 4690,
    "batch_size": 64,
    "learning_rate": 2e-4,
    "betas": (0.5, 0.999),
}
_SMALL = GANConfig(latent=64, generator_hidden=(128, 256, 512), discriminator_hidden=(256, 128))
# Gabor coefficients are redundant: most directions of their space hold no image, and how far a
# generated feature strays there tells it at once, unless noise on both covers that. Narrow layers
# beside the features keep them cheap.
_SMALL_GABOR = GANConfig(
    latent=64,
    generator_hidden=(128, 256, 128),
    discriminator_hidden=(128, 128),
    output="linear",
    instance_noise=1.5,
)
_SMALL_TRAINING = {
    "steps": 8000,
    "sample_every": 800,
    "batch_size": 64,
    "learning_rate": 2e-3,
    "betas": (0.5, 0.999),
    "schedule": "linear",
    "ema": 0.999,
}
_LARGE = GANConfig(
    generator_hidden=(256, 512, 1024, 2048), discriminator_hidden=(1024, 512, 256), loss="hinge"
)
_LARGE_TRAINING = {
    "steps": 100_000,
    "sample_every": 10_000,
    "batch_size": 256,
    "learning_rate": 2e-4,
    "betas": (0.5, 0.999),
    "schedule": "linear",
    "ema": 0.999,
}
# Through the frame a discriminator is ahead of its generator from the start, which then learns next
# to nothing by the other losses; a critic of bounded slope teaches it from any distance.
PRESETS: Presets = {
    ("small", "raw"): (_SMALL, _SMALL_TRAINING),
    ("small", "gabor"): (
        replace(_SMALL, loss="wgan-gp"),
        {**_SMALL_TRAINING, "steps": 6000, "sample_every": 600},
    ),
    ("small", "coefficients"): (
        _SMALL_GABOR,
        {**_SMALL_TRAINING, "batch_size": 32, "learning_rate": 4e-3},
    ),
    ("article", "raw"): (_ARTICLE, _ARTICLE_TRAINING),
    ("article", "gabor"): (_ARTICLE, _ARTICLE_TRAINING),
    ("article", "coefficients"): (_ARTICLE, _ARTICLE_TRAINING),
    ("large", "raw"): (_LARGE, _LARGE_TRAINING),
    ("large", "gabor"): (replace(_LARGE, loss="wgan-gp"), _LARGE_TRAINING),
    ("large", "coefficients"): (_LARGE, _LARGE_TRAINING),
}

# By the article's own loss magnitudes would be too much for the generator; drawn by waves, its
# pictures have no specks.
REPRESENTATIONS = {("article", "gabor"): {"analysis": False, "synthesis": True}}


class GAN(LatentAdversarial):
    """The GAN of fully connected layers, of images of any size and number of channels.

    Conditional on classes by a one-hot code beside the noise, and by projection in the
    discriminator.

    Parameters
    ----------
    config : GANConfig
    space : Space
        Scaled as ``symmetric``, or with a linear output ``white``.
    classes : int
        0 for none.

    References
    ----------
    I. Goodfellow et al. (2014), Generative Adversarial Nets.

    Examples
    --------
    >>> import torch
    >>> config = GANConfig(latent=4, generator_hidden=(8, 8), discriminator_hidden=(8,))
    >>> gan = GAN(config, Space(1, 6, 6, "symmetric"), classes=3)
    >>> generator = torch.Generator().manual_seed(0)
    >>> images, labels = torch.zeros(5, 1, 6, 6), torch.tensor([0, 1, 2, 0, 1])
    >>> loss = gan(images, labels, generator, gan.turn(0))
    >>> sorted(loss.figures)
    ['D(fake)', 'D(real)', 'discriminator loss']
    >>> gan.sample(2, labels=torch.tensor([0, 2]), generator=generator).shape
    torch.Size([2, 1, 6, 6])
    """

    name = "gan"
    Config = GANConfig
    presets: ClassVar[Presets] = PRESETS
    preset_representations: ClassVar[PresetRepresentations] = REPRESENTATIONS

    def __init__(self, config: GANConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        self.generator: Generator = Generator(config, space, classes)
        packed = packed_space(space, config.packing)
        self.discriminator: Discriminator = Discriminator(config, packed, classes)
