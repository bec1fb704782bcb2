"""DCGAN: a generator and a discriminator of strided convolutions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ...errors import ModelError
from ..space import Space
from ..view import Shape
from .adversarial import LatentAdversarial, condition
from .adversarial_config import LatentConfig, Norm
from .drawn import last_layer
from .model import Presets
from .scoring import Scorer, normalized, packed_space
from .seen import first_layer

#: Convolutions halve the picture while its shorter side stays this long.
SMALLEST = 4


@dataclass(frozen=True)
class DCGANConfig(LatentConfig):
    """Architecture and loss of :class:`DCGAN`.

    Attributes
    ----------
    width : int
        Channels of the discriminator's first layer, doubled whenever the picture is halved; the
        generator mirrors it.
    others
        As in :class:`LatentConfig`. ``auto`` means batch normalisation with the
        non-saturating loss, as in the article.

    Raises
    ------
    ModelError
        If a value is out of range.
    """

    width: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width < 1:
            raise ModelError(f"width={self.width} is no count; give 1 or more")

    @property
    def norm(self) -> Norm:
        """Normalisation of the discriminator, where ``auto`` is resolved."""
        if self.discriminator_norm == "auto" and self.loss == "non-saturating":
            return "batch"
        return super().norm


def halvings(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes from the picture's down to the smallest, halved and rounded down.

    Examples
    --------
    >>> halvings(28, 28), halvings(64, 48)
    ([(28, 28), (14, 14), (7, 7)], [(64, 48), (32, 24), (16, 12), (8, 6)])
    """
    sizes = [(height, width)]
    while min(sizes[-1]) >= 2 * SMALLEST:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def initialize(module: nn.Module) -> None:
    """Weights from a normal distribution of deviation 0.02, as in the article."""
    if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, std=0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class Generator(nn.Module):
    """Noise (B, latent) to features: a linear layer, then transposed convolutions that double."""

    start: tuple[int, int, int]
    project: nn.Linear
    layers: nn.Sequential
    bounded: nn.Module

    def __init__(self, config: DCGANConfig, space: Space, classes: int) -> None:
        super().__init__()
        sizes = halvings(space.height, space.width)[::-1]
        channels = config.width * 2 ** (len(sizes) - 1)
        self.start = (channels, *sizes[0])
        self.classes = classes
        self.project = nn.Linear(
            config.latent + classes, channels * sizes[0][0] * sizes[0][1], bias=False
        )
        layers: list[nn.Module] = [nn.BatchNorm2d(channels), nn.ReLU()]
        for depth, (height, width) in enumerate(sizes[1:], start=2):
            last = depth == len(sizes)
            outputs = space.channels if last else channels // 2
            # An odd side is twice its half and one row more.
            odd = (height % 2, width % 2)
            up = nn.ConvTranspose2d(channels, outputs, 4, 2, 1, output_padding=odd, bias=last)
            view = space.view if last else None
            layers.append(last_layer(up, view, space.shape, gain=config.gain))
            if not last:
                layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
        self.layers = nn.Sequential(*layers)
        self.layers.apply(initialize)
        initialize(self.project)
        self.bounded = nn.Tanh() if config.output == "tanh" else nn.Identity()

    def forward(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Features (B, C, H, W)."""
        start = self.project(condition(noise, labels, self.classes)).unflatten(1, self.start)
        features: Tensor = self.bounded(self.layers(start))
        return features


def halving_layers(config: DCGANConfig, space: Space) -> tuple[nn.Sequential, Shape]:
    """Convolutions of stride 2 of a discriminator, and the shape that they leave."""
    sizes = halvings(space.height, space.width)
    norm = config.norm
    layers: list[nn.Module] = []
    channels = space.channels
    for depth in range(len(sizes) - 1):
        outputs = config.width * 2**depth
        # Not in the first layer, which sees the features: the article's advice.
        batch = norm == "batch" and depth > 0
        layer = nn.Conv2d(channels, outputs, 4, 2, 1, bias=not batch)
        layers.append(first_layer(layer, space.view if depth == 0 else None, space.shape))
        if batch:
            layers.append(nn.BatchNorm2d(outputs, track_running_stats=False))
        layers.append(nn.LeakyReLU(config.slope))
        channels = outputs
    trunk = nn.Sequential(*layers)
    trunk.apply(initialize)
    return normalized(trunk, norm), (channels, *sizes[-1])


class Discriminator(nn.Module):
    """Features to scores (B,), by convolutions of stride 2 and a linear layer."""

    layers: nn.Sequential
    scorer: Scorer

    def __init__(self, config: DCGANConfig, space: Space, classes: int) -> None:
        super().__init__()
        layers, shape = halving_layers(config, space)
        self.layers = layers.append(nn.Flatten())
        self.scorer = Scorer(math.prod(shape), classes, config.norm, config.packing)

    def forward(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """Scores (B,) of features (B, C, H, W)."""
        scores: Tensor = self.scorer(self.layers(features), labels)
        return scores


_BETAS = (0.5, 0.999)
_SMALL = DCGANConfig(latent=64, width=16)
_SMALL_TRAINING = {
    "steps": 3000,
    "sample_every": 300,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "betas": _BETAS,
    "schedule": "linear",
    "ema": 0.99,
}
# Most directions of the space of Gabor coefficients hold no image, and what strays there is found
# out by any other discriminator, even behind noise; a critic with a bounded slope still says where
# to go.
_SMALL_GABOR = DCGANConfig(latent=64, width=16, loss="wgan-gp", output="linear")
_SMALL_GABOR_TRAINING = {
    **_SMALL_TRAINING,
    "steps": 3500,
    "sample_every": 350,
    "batch_size": 32,
    "learning_rate": 2e-3,
    "betas": (0.0, 0.9),
}
# Widths, batch and Adam of the article; it gives no number of steps.
_ARTICLE = DCGANConfig(width=128)
_ARTICLE_TRAINING = {
    "steps": 25_000,
    "sample_every": 2500,
    "batch_size": 128,
    "learning_rate": 2e-4,
    "betas": _BETAS,
}
_LARGE = DCGANConfig(width=128, loss="hinge")
_LARGE_TRAINING = {
    "steps": 100_000,
    "sample_every": 10_000,
    "batch_size": 256,
    "learning_rate": 2e-4,
    "betas": _BETAS,
    "schedule": "linear",
    "ema": 0.999,
}
PRESETS: Presets = {
    ("small", "raw"): (_SMALL, _SMALL_TRAINING),
    ("small", "coefficients"): (_SMALL_GABOR, _SMALL_GABOR_TRAINING),
    ("article", "raw"): (_ARTICLE, _ARTICLE_TRAINING),
    ("article", "coefficients"): (_ARTICLE, _ARTICLE_TRAINING),
    ("large", "raw"): (_LARGE, _LARGE_TRAINING),
    ("large", "coefficients"): (_LARGE, _LARGE_TRAINING),
}


class DCGAN(LatentAdversarial):
    """The convolutional GAN, of images of any size from 8 x 8 on and any number of channels.

    Conditional on classes by a one-hot code beside the noise, and by projection in the
    discriminator.

    Parameters
    ----------
    config : DCGANConfig
    space : Space
        Scaled as ``symmetric``, or with a linear output ``white``.
    classes : int
        0 for none.

    Raises
    ------
    ModelError
        If a side is shorter than 8.

    References
    ----------
    A. Radford, L. Metz and S. Chintala (2016), Unsupervised Representation Learning with Deep
    Convolutional Generative Adversarial Networks.

    Examples
    --------
    >>> import torch
    >>> dcgan = DCGAN(DCGANConfig(latent=4, width=2), Space(3, 17, 30, "symmetric"))
    >>> generator = torch.Generator().manual_seed(0)
    >>> images = dcgan.sample(2, generator=generator)
    >>> images.shape
    torch.Size([2, 3, 17, 30])
    >>> sorted(dcgan(images, None, generator, "generator").figures)
    ['generator loss']
    """

    name = "dcgan"
    Config = DCGANConfig
    presets: ClassVar[Presets] = PRESETS

    def __init__(self, config: DCGANConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        if min(space.height, space.width) < 2 * SMALLEST:
            raise ModelError(
                f"images of {space.height} x {space.width} are too small for strided convolutions; "
                f"give {2 * SMALLEST} x {2 * SMALLEST} or more, or take the model gan"
            )
        self.generator: Generator = Generator(config, space, classes)
        packed = packed_space(space, config.packing)
        self.discriminator: Discriminator = Discriminator(config, packed, classes)
