"""LAPGAN: a GAN for a coarse picture, and a conditional one for each band of a pyramid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, get_args

import torch
from torch import Tensor, nn

from ...errors import ModelError
from ..space import Space
from ..view import Shape, View
from . import dcgan, gan
from .adversarial import LatentAdversarial, Stage
from .adversarial_config import LatentConfig, Norm
from .drawn import last_layer
from .image_pyramid import Pyramid, PyramidName
from .model import Presets
from .networks import join, one_hot
from .scoring import packed_space


@dataclass(frozen=True)
class LAPGANConfig(LatentConfig):
    """Architecture and loss of :class:`LAPGAN`.

    Attributes
    ----------
    pyramid : str
        ``laplacian``, as published, or ``gabor``, whose bands are those of a tight Gabor frame.
    bands : int
        How often pictures are halved.
    coarse_width : int
        Channels of the coarsest stage, which is a DCGAN (see :class:`~.dcgan.DCGANConfig`) whose
        discriminator sees pictures enlarged; 0 for fully connected layers, as published.
    coarse_turns : int
        How many turns the coarsest stage has for each of the others: the shape of a picture is its
        work, and it learns for longer than bands do.
    generator_hidden, discriminator_hidden : tuple of int
        Widths of those layers.
    below_noise : float
        Deviation of normal noise that is added to what lies below a band while a generator learns
        to draw upon it: what it learns of real pictures then holds for drawn ones, which differ a
        little. Samples are drawn without.
    width, layers : int
        Channels of the generators of bands, and their convolutions before the last.
    discriminator_width : int
        Channels of the first layer of the discriminators of bands; see
        :class:`~.dcgan.DCGANConfig`.
    others
        As in :class:`~.adversarial_config.LatentConfig`. ``auto`` means batch normalisation with
        the non-saturating loss for the discriminators of bands.

    Raises
    ------
    ModelError
        If a value is out of range.
    """

    pyramid: PyramidName = "laplacian"
    bands: int = 2
    coarse_width: int = 0
    coarse_turns: int = 1
    generator_hidden: tuple[int, ...] = (1200, 1200)
    discriminator_hidden: tuple[int, ...] = (600, 600)
    below_noise: float = 0.0
    width: int = 64
    layers: int = 2
    discriminator_width: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pyramid not in get_args(PyramidName):
            raise ModelError(
                f"pyramid={self.pyramid!r} is unknown; choose {', '.join(get_args(PyramidName))}"
            )
        if self.output != "tanh":
            raise ModelError(
                f"output={self.output!r}: a pyramid is of pixels in [-1, 1]; leave it at 'tanh'"
            )
        for name in ("bands", "coarse_turns", "width", "layers", "discriminator_width"):
            if getattr(self, name) < 1:
                raise ModelError(f"{name}={getattr(self, name)} is no count; give 1 or more")
        if self.coarse_width < 0:
            raise ModelError(
                f"coarse_width={self.coarse_width} is no count; give 1 or more, or 0 for fully "
                "connected layers"
            )
        if not (math.isfinite(self.below_noise) and self.below_noise >= 0):
            raise ModelError(
                f"below_noise={self.below_noise} is no deviation; give 0 or more, such as 0.1"
            )
        self.dense  # noqa: B018  # whose widths are checked

    @property
    def norm(self) -> Norm:
        """Normalisation of the discriminators of bands, where ``auto`` is resolved."""
        return self.fine.norm

    @property
    def dense(self) -> gan.GANConfig:
        """Of the coarsest stage, of fully connected layers."""
        plain: Norm = "spectral" if self.norm == "spectral" else "none"
        return gan.GANConfig(
            latent=self.latent,
            loss=self.loss,
            packing=self.packing,
            discriminator_norm=plain,
            slope=self.slope,
            generator_hidden=self.generator_hidden,
            discriminator_hidden=self.discriminator_hidden,
        )

    @property
    def fine(self) -> dcgan.DCGANConfig:
        """Of the discriminators of bands."""
        return self._convolutional(self.discriminator_width)

    @property
    def coarse(self) -> dcgan.DCGANConfig:
        """Of the coarsest stage, of convolutions."""
        return self._convolutional(self.coarse_width)

    def _convolutional(self, width: int) -> dcgan.DCGANConfig:
        return dcgan.DCGANConfig(
            latent=self.latent,
            loss=self.loss,
            packing=self.packing,
            discriminator_norm=self.discriminator_norm,
            slope=self.slope,
            width=width,
        )


class BandGenerator(nn.Module):
    """What lies below a band (B, C, h, w), and a plane of noise, to the band."""

    layers: nn.Sequential

    def __init__(self, config: LAPGANConfig, shape: Shape, view: View | None, classes: int) -> None:
        super().__init__()
        self.classes = classes
        layers: list[nn.Module] = []
        channels = shape[0] + 1 + classes
        for depth in range(config.layers):
            layers.append(nn.Conv2d(channels, config.width, 3, padding=1, bias=depth == 0))
            if depth > 0:
                layers.append(nn.BatchNorm2d(config.width))
            layers.append(nn.ReLU())
            channels = config.width
        last = nn.ConvTranspose2d(channels, shape[0], 3, padding=1)
        layers.append(last_layer(last, view, shape, gain=config.gain))
        self.layers = nn.Sequential(*layers)

    def forward(self, below: Tensor, noise: Tensor, labels: Tensor | None) -> Tensor:
        """The band (B, C, h, w), without bounds, of noise (B, 1, h, w)."""
        told = join(
            torch.cat([below, noise], 1), None if labels is None else one_hot(labels, self.classes)
        )
        band: Tensor = self.layers(told)
        return band


_SMALL = LAPGANConfig(
    latent=64,
    bands=1,
    coarse_width=24,
    coarse_turns=4,
    below_noise=0.1,
    width=16,
    discriminator_width=16,
)
_SMALL_TRAINING = {
    "steps": 9000,
    "sample_every": 1800,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "betas": (0.5, 0.999),
    "schedule": "linear",
    "ema": 0.99,
}
# The article has no MNIST: the widths are those of its 8 x 8 stage and of its convolutions on
# CIFAR-10. It trains by SGD with momentum, each stage by itself, and gives no number of steps; here
# it is Adam, and the stages, none of which sees what another draws, take turns.
_ARTICLE = LAPGANConfig(width=128, discriminator_width=128)
_ARTICLE_TRAINING = {
    "steps": 150_000,
    "sample_every": 15_000,
    "batch_size": 128,
    "learning_rate": 2e-4,
    "betas": (0.5, 0.999),
}
_LARGE = LAPGANConfig(width=128, layers=4, discriminator_width=128, loss="hinge")
_LARGE_TRAINING = {**_ARTICLE_TRAINING, "batch_size": 256, "schedule": "linear", "ema": 0.999}


class LAPGAN(LatentAdversarial):
    """Draws a coarse picture, and then from coarse to fine the band that makes it one size larger.

    Each stage is a generator and a discriminator that learn from real pictures alone: a band's
    generator is given what lies below the band in a real picture. Its discriminator sees the band
    added to that. Samples are drawn through all stages.

    Through a Gabor frame, of the size of the picture, the finest stage sees and draws; with
    ``pyramid="gabor"`` the bands of all stages are those of a frame.

    Parameters
    ----------
    config : LAPGANConfig
    space : Space
        Scaled as ``symmetric``.
    classes : int
        0 for none.

    Raises
    ------
    ModelError
        If pictures are too small for the bands.

    References
    ----------
    E. Denton, S. Chintala, A. Szlam and R. Fergus (2015), Deep Generative Image Models using a
    Laplacian Pyramid of Adversarial Networks, section 3.

    Examples
    --------
    >>> config = LAPGANConfig(generator_hidden=(8,), discriminator_hidden=(8,), width=4, bands=1)
    >>> lapgan = LAPGAN(config, Space(1, 16, 16, "symmetric"))
    >>> list(lapgan.parts)
    ['generator 8x8', 'discriminator 8x8', 'generator 16x16', 'discriminator 16x16']
    >>> lapgan.sample(2, generator=torch.Generator().manual_seed(0)).shape
    torch.Size([2, 1, 16, 16])
    """

    name = "lapgan"
    Config = LAPGANConfig
    presets: ClassVar[Presets] = {
        ("small", "raw"): (_SMALL, _SMALL_TRAINING),
        ("small", "gabor"): (_SMALL, _SMALL_TRAINING),
        ("article", "raw"): (_ARTICLE, _ARTICLE_TRAINING),
        ("large", "raw"): (_LARGE, _LARGE_TRAINING),
    }

    def __init__(self, config: LAPGANConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        self.pyramid: Pyramid = Pyramid(config.pyramid, space.shape, config.bands)
        coarsest, *finer = self.pyramid.shapes
        if config.coarse_width and min(coarsest[1:]) < 2 * dcgan.SMALLEST:
            raise ModelError(
                f"bands={config.bands} leave a coarsest picture of {coarsest[1]} x {coarsest[2]}, "
                f"too small for the convolutions of coarse_width={config.coarse_width}; give fewer "
                "bands, larger pictures, or coarse_width=0"
            )
        if min(finer[0][1:]) < 2 * dcgan.SMALLEST:
            raise ModelError(
                f"bands={config.bands} make a stage of {finer[0][1]} x {finer[0][2]}, too small "
                "for strided convolutions; give fewer bands or larger pictures"
            )
        generators: list[nn.Module] = []
        discriminators: list[nn.Module] = []
        for shape in self.pyramid.shapes:
            # The view is measured on pictures of the full size.
            view = space.view if shape == space.shape else None
            stage = Space(*shape, space.scaling, view=view)
            packed = packed_space(stage, config.packing)
            if shape != coarsest:
                generators.append(BandGenerator(config, shape, view, classes))
                discriminators.append(dcgan.Discriminator(config.fine, packed, classes))
            elif config.coarse_width:
                generators.append(dcgan.Generator(config.coarse, stage, classes))
                # Of larger pictures it has more convolutions.
                larger = packed_space(Space(*finer[0], space.scaling), config.packing)
                discriminators.append(dcgan.Discriminator(config.coarse, larger, classes))
            else:
                generators.append(gan.Generator(config.dense, stage, classes))
                discriminators.append(gan.Discriminator(config.dense, packed, classes))
        self.generators: nn.ModuleList = nn.ModuleList(generators)
        self.discriminators: nn.ModuleList = nn.ModuleList(discriminators)
        self._names = [f"{height}x{width}" for _, height, width in self.pyramid.shapes]

    @property
    def stages(self) -> dict[str, Stage]:
        """By the size of their pictures, from coarse to fine."""
        pairs = zip(self._names, self.generators, self.discriminators, strict=True)
        return {name: Stage(generator, discriminator) for name, generator, discriminator in pairs}

    def noise(self, count: int, generator: torch.Generator | None) -> list[Tensor]:
        """A vector for the coarsest stage, and a plane for each other."""
        return [self._noise(number, count, generator) for number in range(len(self._names))]

    def _noise(
        self, number: int, count: int, generator: torch.Generator | None, planes: int = 1
    ) -> Tensor:
        _, height, width = self.pyramid.shapes[number]
        shape = (planes, height, width) if number else (self.config.latent,)
        return torch.randn(count, *shape, generator=generator, device=self.device)

    def drawn(
        self, stage: str, features: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """A coarse picture, or a band upon what lies below it in real pictures."""
        number = self._names.index(stage)
        noise = self._noise(number, len(features), generator, 1 + self.space.channels)
        inputs = [noise]
        if number:
            below = self._below(number, features)
            inputs = [below + self.config.below_noise * noise[:, 1:], noise[:, :1]]
        result: Tensor = self.generators[number](*inputs, labels)
        return result

    @property
    def turns(self) -> list[str]:
        """The coarsest stage several times, then each other once."""
        coarsest, *others = self.stages
        return [coarsest] * self.config.coarse_turns + others

    def target(self, stage: str, features: Tensor) -> Tensor:
        """The picture in the size of the coarsest stage, or the band of it."""
        number = self._names.index(stage)
        coarse, _, bands = self.pyramid.split(features)
        return bands[number - 1] if number else coarse

    def shown(self, stage: str, images: Tensor, features: Tensor) -> Tensor:
        """The picture of that size: a band with what lies below it; the coarsest, enlarged.

        Clamped, as samples are: a band, which has no bounds, need not meet black exactly then.
        """
        number = self._names.index(stage)
        if number:
            return (images + self._below(number, features)).clamp(-1, 1)
        return self.pyramid.up(0, images) if self.config.coarse_width else images

    def _below(self, number: int, features: Tensor) -> Tensor:
        return self.pyramid.split(features)[1][number - 1]

    def composed(self, noise: list[Tensor], labels: Tensor | None) -> Tensor:
        """Pictures, through all stages."""
        images: Tensor = self.generators[0](noise[0], labels)
        for number in range(1, len(self._names)):
            below = self.pyramid.up(number - 1, images)
            images = (below + self.generators[number](below, noise[number], labels)).clamp(-1, 1)
        return images
