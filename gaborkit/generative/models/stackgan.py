"""StackGAN: a coarse picture of a condition, and a second stage that refines it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ModelError
from ..space import Space
from ..view import Shape, View
from . import dcgan
from .adversarial import LatentAdversarial, Stage
from .adversarial_config import LatentConfig, Norm
from .augmentation import Augmentation, Embedding
from .convolutional import halved
from .drawn import last_layer
from .model import Presets
from .networks import join, raise_condition
from .scoring import normalized, packed_space

#: How often the second stage halves the coarse picture, at most, before it refines it.
DEEPEST = 2


@dataclass(frozen=True)
class StackGANConfig(LatentConfig):
    """Architecture and loss of :class:`StackGAN`.

    Attributes
    ----------
    condition_length : int
        Length of the vectors that it is conditioned on; 0 for classes.
    augmented : int
        Length of what is drawn around a condition: see :class:`Augmentation`.
    augmentation_weight : float
        Of the divergence of that draw from a standard normal distribution, in the loss of
        generators.
    compressed : int
        Length to which discriminators compress a condition.
    width : int
        Channels that the generators draw of, doubled whenever the picture is halved.
    blocks : int
        Residual blocks of the second stage.
    discriminator_width : int
        Channels of the discriminators' first layer; see :class:`~.dcgan.DCGANConfig`.
    others
        As in :class:`~.adversarial_config.LatentConfig`. ``auto`` means batch normalisation with
        the non-saturating loss.

    Raises
    ------
    ModelError
        If a value is out of range.
    """

    condition_length: int = 0
    augmented: int = 128
    augmentation_weight: float = 1.0
    compressed: int = 128
    width: int = 64
    blocks: int = 4
    discriminator_width: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output != "tanh":
            raise ModelError(
                f"output={self.output!r}: the second stage takes pixels in [-1, 1]; leave it at "
                "'tanh'"
            )
        if self.condition_length < 0:
            raise ModelError(
                f"condition_length={self.condition_length} is no length; give that of your "
                "vectors, or 0 for classes"
            )
        for name in ("augmented", "compressed", "width", "blocks", "discriminator_width"):
            if getattr(self, name) < 1:
                raise ModelError(f"{name}={getattr(self, name)} is no count; give 1 or more")
        if not (math.isfinite(self.augmentation_weight) and self.augmentation_weight >= 0):
            raise ModelError(
                f"augmentation_weight={self.augmentation_weight} is no weight; give 0 or more, "
                "such as 1"
            )

    @property
    def norm(self) -> Norm:
        """Normalisation of the discriminators, where ``auto`` is resolved."""
        return self.trunk.norm

    @property
    def trunk(self) -> dcgan.DCGANConfig:
        """Of the convolutions of the discriminators."""
        return dcgan.DCGANConfig(
            loss=self.loss,
            packing=self.packing,
            discriminator_norm=self.discriminator_norm,
            slope=self.slope,
            width=self.discriminator_width,
        )


def _enlarging(inputs: int, outputs: int, size: tuple[int, int]) -> list[nn.Module]:
    """Layers that repeat pixels, and convolve."""
    return [
        nn.Upsample(size),
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]


def _drawing(config: StackGANConfig, shape: Shape, view: View | None) -> list[nn.Module]:
    """The last layer of a generator."""
    last = nn.ConvTranspose2d(config.width, shape[0], 3, padding=1)
    return [last_layer(last, view, shape, gain=config.gain), nn.Tanh()]


class CoarseGenerator(nn.Module):
    """Noise (B, latent), and a condition, to a coarse picture."""

    def __init__(self, config: StackGANConfig, shape: Shape, classes: int) -> None:
        super().__init__()
        sizes = dcgan.halvings(*shape[1:])[::-1]
        channels = config.width * 2 ** (len(sizes) - 1)
        self.start: tuple[int, int, int] = (channels, *sizes[0])
        self.augmentation: Augmentation = Augmentation(
            classes, config.condition_length, config.augmented
        )
        self.project: nn.Linear = nn.Linear(
            config.latent + config.augmented, math.prod(self.start), bias=False
        )
        layers: list[nn.Module] = [nn.BatchNorm2d(channels), nn.ReLU()]
        for size in sizes[1:]:
            layers += _enlarging(channels, channels // 2, size)
            channels //= 2
        self.layers: nn.Sequential = nn.Sequential(*layers, *_drawing(config, shape, None))
        self.layers.apply(dcgan.initialize)
        dcgan.initialize(self.project)

    def forward(self, noise: Tensor, around: Tensor, labels: Tensor) -> Tensor:
        """Pictures (B, C, h, w) in [-1, 1]; ``around`` is the noise of the augmentation."""
        start = self.project(join(noise, self.augmentation(labels, around)))
        pictures: Tensor = self.layers(start.unflatten(1, self.start))
        return pictures


class Residual(nn.Module):
    """Adds to its input what two 3 x 3 convolutions with batch normalisation make of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers: nn.Sequential = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, planes: Tensor) -> Tensor:
        """Of the same shape."""
        return functional.relu(planes + self.layers(planes))


class Refiner(nn.Module):
    """A coarse picture, and a condition, to the picture: down, joined, refined, and up."""

    def __init__(
        self, config: StackGANConfig, coarse: Shape, shape: Shape, view: View | None, classes: int
    ) -> None:
        super().__init__()
        sizes = dcgan.halvings(*coarse[1:])[: DEEPEST + 1]
        channels = config.width
        down: list[nn.Module] = [nn.Conv2d(coarse[0], channels, 3, padding=1), nn.ReLU()]
        for _ in sizes[1:]:
            down += [
                nn.Conv2d(channels, 2 * channels, 4, 2, 1, bias=False),
                nn.BatchNorm2d(2 * channels),
                nn.ReLU(),
            ]
            channels *= 2
        self.augmentation: Augmentation = Augmentation(
            classes, config.condition_length, config.augmented
        )
        self.down: nn.Sequential = nn.Sequential(*down)
        up: list[nn.Module] = [
            nn.Conv2d(channels + config.augmented, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            *(Residual(channels) for _ in range(config.blocks)),
        ]
        for size in (*sizes[-2::-1], shape[1:]):
            outputs = max(channels // 2, config.width)
            up += _enlarging(channels, outputs, size)
            channels = outputs
        self.up: nn.Sequential = nn.Sequential(*up, *_drawing(config, shape, view))
        self.down.apply(dcgan.initialize)
        self.up.apply(dcgan.initialize)

    def forward(self, coarse: Tensor, around: Tensor, labels: Tensor) -> Tensor:
        """Pictures (B, C, H, W) in [-1, 1]; ``around`` is the noise of the augmentation."""
        pictures: Tensor = self.up(join(self.down(coarse), self.augmentation(labels, around)))
        return pictures


class Discriminator(nn.Module):
    """Pictures and their conditions to scores (B,): joined where pictures are smallest."""

    slope: float
    layers: nn.Sequential

    def __init__(self, config: StackGANConfig, space: Space, classes: int) -> None:
        super().__init__()
        self.slope = config.slope
        self.layers, shape = dcgan.halving_layers(config.trunk, space)
        self.embedding: Embedding = Embedding(classes, config.condition_length, config.compressed)
        raise_condition(self.embedding, classes)
        batch = config.norm == "batch"
        # Pictures so small that nothing halves them come here as they are.
        channels = max(shape[0], config.discriminator_width)
        joint: list[nn.Module] = [
            nn.Conv2d(shape[0] + config.packing * config.compressed, channels, 1, bias=not batch)
        ]
        if batch:
            joint.append(nn.BatchNorm2d(channels, track_running_stats=False))
        size = channels * math.prod(shape[1:])
        joint += [nn.LeakyReLU(config.slope), nn.Flatten(), nn.Linear(size, 1)]
        self.joint: nn.Sequential = nn.Sequential(*joint)
        normalized(self.joint, config.norm)

    def forward(self, pictures: Tensor, labels: Tensor) -> Tensor:
        """Scores of pictures (B, packing * C, H, W), with the conditions of B * packing."""
        told = functional.leaky_relu(self.embedding(labels), self.slope).view(len(pictures), -1)
        scores: Tensor = self.joint(join(self.layers(pictures), told))
        return scores.squeeze(1)


_SMALL = StackGANConfig(
    latent=64, augmented=32, compressed=32, width=8, blocks=1, discriminator_width=16
)
_SMALL_TRAINING = {
    "steps": 5000,
    "sample_every": 500,
    "batch_size": 64,
    "learning_rate": 1e-3,
    "betas": (0.5, 0.999),
    "schedule": "linear",
    "ema": 0.99,
}
# Steps through the frame take longer.
_SMALL_GABOR_TRAINING = {**_SMALL_TRAINING, "steps": 4000}
# The article has no MNIST, but birds, flowers and scenes of 64 x 64 and 256 x 256 pixels: widths
# are those that leave as many channels at the same depth, and stage I draws pictures of half the
# size. Batch and Adam are the article's. It halves the learning rate every 100 of 600 epochs, and
# trains stage II when stage I is done; here they take turns.
_ARTICLE = StackGANConfig()
_ARTICLE_TRAINING = {
    "steps": 300_000,
    "sample_every": 30_000,
    "batch_size": 64,
    "learning_rate": 2e-4,
    "betas": (0.5, 0.999),
    "schedule": "linear",
}
_LARGE = StackGANConfig(width=128, discriminator_width=128, loss="hinge")
_LARGE_TRAINING = {**_ARTICLE_TRAINING, "batch_size": 256, "ema": 0.999}


class StackGAN(LatentAdversarial):
    """Draws a coarse picture of a condition, and then from it and the condition the picture.

    Conditions are classes, or vectors such as embeddings of texts. Each stage draws around the
    condition (:class:`Augmentation`), and its discriminator is shown real pictures with the
    conditions of others, too, to tell them from those with their own.

    Through a Gabor frame, of the size of the picture, the second stage sees and draws.

    Parameters
    ----------
    config : StackGANConfig
    space : Space
        Scaled as ``symmetric``.
    classes : int
        0 where the configuration has a ``condition_length``.

    Raises
    ------
    ModelError
        If a side is shorter than 8, or there is nothing to be conditioned on, or twice.

    References
    ----------
    H. Zhang, T. Xu, H. Li, S. Zhang, X. Wang, X. Huang and D. Metaxas (2017), StackGAN: Text to
    Photo-realistic Image Synthesis with Stacked Generative Adversarial Networks, eq. 1-6.

    Examples
    --------
    >>> config = StackGANConfig(latent=4, augmented=3, compressed=3, width=2, blocks=1)
    >>> stackgan = StackGAN(config, Space(1, 28, 28, "symmetric"), classes=10)
    >>> list(stackgan.parts)
    ['generator 14x14', 'discriminator 14x14', 'generator 28x28', 'discriminator 28x28']
    >>> stackgan.sample(2, torch.tensor([3, 7]), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 1, 28, 28])
    """

    name = "stackgan"
    Config = StackGANConfig
    presets: ClassVar[Presets] = {
        ("small", "raw"): (_SMALL, _SMALL_TRAINING),
        ("small", "gabor"): (_SMALL, _SMALL_GABOR_TRAINING),
        ("article", "raw"): (_ARTICLE, _ARTICLE_TRAINING),
        ("large", "raw"): (_LARGE, _LARGE_TRAINING),
    }
    matching_aware = True
    always_conditional = True

    def __init__(self, config: StackGANConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        coarse: Shape = (space.channels, *halved(space.height, space.width, 1)[1])
        if min(space.height, space.width) < 2 * dcgan.SMALLEST:
            raise ModelError(
                f"images of {space.height} x {space.width} are too small for two stages; give "
                f"{2 * dcgan.SMALLEST} x {2 * dcgan.SMALLEST} or more, or take the model gan"
            )
        small = packed_space(Space(*coarse, space.scaling), config.packing)
        large = packed_space(space, config.packing)
        self.generators: nn.ModuleList = nn.ModuleList(
            [
                CoarseGenerator(config, coarse, classes),
                Refiner(config, coarse, space.shape, space.view, classes),
            ]
        )
        self.discriminators: nn.ModuleList = nn.ModuleList(
            [Discriminator(config, small, classes), Discriminator(config, large, classes)]
        )
        self._sizes = [coarse[1:], space.shape[1:]]
        self._names = [f"{height}x{width}" for height, width in self._sizes]

    @property
    def stages(self) -> dict[str, Stage]:
        """By the size of their pictures, from coarse to fine."""
        pairs = zip(self._names, self.generators, self.discriminators, strict=True)
        return {name: Stage(generator, discriminator) for name, generator, discriminator in pairs}

    def noise(self, count: int, generator: torch.Generator | None) -> list[Tensor]:
        """A vector for the first stage, and what both draw of around the condition."""
        lengths = (self.config.latent, self.config.augmented, self.config.augmented)
        return [torch.randn(count, n, generator=generator, device=self.device) for n in lengths]

    def drawn(
        self, stage: str, features: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """A coarse picture; or one refined, of a coarse one whose stage is not trained by it."""
        noise, *around = self.noise(len(features), generator)
        if stage == self._names[0]:
            coarse: Tensor = self.generators[0](noise, around[0], labels)
            return coarse
        with torch.no_grad():
            coarse = self.generators[0](noise, around[0], labels)
        pictures: Tensor = self.generators[1](coarse, around[1], labels)
        return pictures

    def target(self, stage: str, features: Tensor) -> Tensor:
        """The picture in the size of the stage."""
        if stage == self._names[1]:
            return features
        return functional.interpolate(
            features, self._sizes[0], mode="bilinear", antialias=True, align_corners=False
        )

    def beside(
        self, stage: str, images: Tensor, features: Tensor, labels: Tensor | None
    ) -> Mapping[str, Tensor]:
        """The divergence of what is drawn around conditions, with its weight."""
        augmentation = self.stages[stage].generator.augmentation
        assert isinstance(augmentation, Augmentation)
        assert labels is not None
        weight = self.config.augmentation_weight
        return {"augmentation loss": weight * augmentation.divergence(labels)}

    def composed(self, noise: list[Tensor], labels: Tensor | None) -> Tensor:
        """Pictures, through both stages."""
        coarse = self.generators[0](noise[0], noise[1], labels)
        pictures: Tensor = self.generators[1](coarse, noise[2], labels)
        return pictures
