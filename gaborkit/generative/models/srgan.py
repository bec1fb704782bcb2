"""SRGAN: pictures of a longer side, with detail that a discriminator takes for real."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

import torch
from torch import Tensor, nn

from ...errors import ModelError
from ..pixels import enlarged, shrunk
from ..progress import Progress
from ..space import Scaling, Space
from .adversarial import Adversarial
from .adversarial_config import AdversarialConfig, Norm
from .content import Content, ContentLoss
from .dcgan import SMALLEST, halvings
from .model import Presets, evaluating
from .networks import join, one_hot
from .scoring import Scorer, normalized, packed_space
from .seen import first_layer

#: Pixels a side of what is enlarged at once, which bounds the memory.
TILE = 256


@dataclass(frozen=True)
class SRGANConfig(AdversarialConfig):
    """Architecture and loss of :class:`SRGAN`.

    Attributes
    ----------
    factor : int
        How many times longer the sides become: 2 or 4.
    width, blocks : int
        Channels of the generator, and its residual blocks.
    bicubic : bool
        Whether the generator adds to a bicubic enlargement; the article's does not.
    discriminator_width, dense : int
        Channels of the discriminator's first layer, doubled whenever the picture is halved, and
        width of its last hidden layer.
    content : str
        ``gabor``, ``scattering`` or ``pixels``: see :class:`.content.ContentLoss`.
    adversarial : float
        Weight of the adversarial loss beside the content; 0, with ``pixels``, is the article's
        SRResNet.
    others
        As in :class:`AdversarialConfig`. ``auto`` means batch normalisation with the
        non-saturating loss, as in the article.

    Raises
    ------
    ModelError
        If a value is out of range.
    """

    factor: int = 2
    width: int = 64
    blocks: int = 16
    bicubic: bool = True
    discriminator_width: int = 64
    dense: int = 1024
    content: Content = "gabor"
    adversarial: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factor not in (2, 4):
            raise ModelError(f"factor={self.factor} is not 2 or 4; give one of them")
        if self.content not in get_args(Content):
            raise ModelError(
                f"content={self.content!r} is unknown; choose {', '.join(get_args(Content))}"
            )
        for name in ("width", "blocks", "discriminator_width", "dense"):
            if getattr(self, name) < 1:
                raise ModelError(f"{name}={getattr(self, name)} is no count; give 1 or more")
        if not 0 <= self.adversarial < float("inf"):  # nor NaN
            raise ModelError(
                f"adversarial={self.adversarial} is no weight; give 0 or more, such as 0.001"
            )

    @property
    def norm(self) -> Norm:
        """Normalisation of the discriminator, where ``auto`` is resolved."""
        if self.discriminator_norm == "auto" and self.loss == "non-saturating":
            return "batch"
        return super().norm


class Block(nn.Module):
    """Adds to its input what two 3 x 3 convolutions with batch normalisation make of it."""

    layers: nn.Sequential

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.PReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, planes: Tensor) -> Tensor:
        """Of the same shape."""
        return planes + self.layers(planes)


def sub_pixel(width: int) -> list[nn.Module]:
    """Layers that make sides twice as long; they start by repeating pixels, without a chequer.

    References
    ----------
    A. Aitken et al. (2017), Checkerboard Artifact Free Sub-Pixel Convolution, section 3.2.
    """
    convolution = nn.Conv2d(width, 4 * width, 3, padding=1)
    for parameter in convolution.parameters():
        parameter.data.copy_(parameter.data[::4].repeat_interleave(4, 0))
    return [convolution, nn.PixelShuffle(2), nn.PReLU()]


class Generator(nn.Module):
    """Small pictures (B, C, h, w) of any size to large ones (B, C, factor * h, factor * w).

    References
    ----------
    W. Shi et al. (2016), Real-Time Single Image and Video Super-Resolution Using an Efficient
    Sub-Pixel Convolutional Neural Network (the last layers).
    """

    def __init__(self, config: SRGANConfig, space: Space, classes: int) -> None:
        super().__init__()
        self.factor: int = config.factor
        self.bicubic: bool = config.bicubic
        self.classes: int = classes
        width = config.width
        self.first: nn.Sequential = nn.Sequential(
            nn.Conv2d(space.channels + classes, width, 9, padding=4), nn.PReLU()
        )
        self.trunk: nn.Sequential = nn.Sequential(
            *(Block(width) for _ in range(config.blocks)),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        layers = [layer for _ in range(config.factor // 2) for layer in sub_pixel(width)]
        last = nn.Conv2d(width, space.channels, 9, padding=4)
        if config.bicubic:  # what it starts from is the enlargement
            for weight in last.parameters():
                nn.init.zeros_(weight)
        self.last: nn.Sequential = nn.Sequential(*layers, last)
        #: Pixels around a small picture on which an enlarged pixel depends.
        self.reach: int = 4 + 2 * config.blocks + 1 + config.factor // 2 + 4

    def forward(self, small: Tensor, labels: Tensor | None) -> Tensor:
        """Pictures, not bounded."""
        told = join(small, None if labels is None else one_hot(labels, self.classes))
        planes = self.first(told)
        large: Tensor = self.last(planes + self.trunk(planes))
        return large + enlarged(small, self.factor) if self.bicubic else large


class Discriminator(nn.Module):
    """Pictures to scores (B,): two convolutions for each halving, a hidden layer, a score."""

    layers: nn.Sequential
    scorer: Scorer

    def __init__(self, config: SRGANConfig, space: Space, classes: int) -> None:
        super().__init__()
        norm = config.norm

        def after(channels: int) -> list[nn.Module]:
            batch = [nn.BatchNorm2d(channels, track_running_stats=False)] if norm == "batch" else []
            return [*batch, nn.LeakyReLU(config.slope)]

        sizes = halvings(space.height, space.width)
        width = config.discriminator_width
        first = first_layer(nn.Conv2d(space.channels, width, 3, padding=1), space.view, space.shape)
        layers: list[nn.Module] = [first, nn.LeakyReLU(config.slope)]
        for depth, (_, smaller) in enumerate(itertools.pairwise(sizes)):
            # A side that is odd is halved downwards.
            down = nn.Conv2d(width, width, 3, stride=2, padding=1, bias=norm != "batch")
            layers += [down, nn.AdaptiveAvgPool2d(smaller), *after(width)]
            if depth < len(sizes) - 2:
                layers += [nn.Conv2d(width, 2 * width, 3, padding=1, bias=norm != "batch")]
                layers += after(2 * width)
                width *= 2
        inputs = width * sizes[-1][0] * sizes[-1][1]
        layers += [nn.Flatten(), nn.Linear(inputs, config.dense), nn.LeakyReLU(config.slope)]
        self.layers = normalized(nn.Sequential(*layers), norm)
        self.scorer = Scorer(config.dense, classes, norm, config.packing)

    def forward(self, pictures: Tensor, labels: Tensor | None) -> Tensor:
        """Scores (B,) of pictures (B, C, H, W)."""
        scores: Tensor = self.scorer(self.layers(pictures), labels)
        return scores


_SMALL = SRGANConfig(width=24, blocks=4, discriminator_width=16, dense=64)
_SMALL_TRAINING = {
    "steps": 1600,
    "sample_every": 400,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "betas": (0.9, 0.999),
    "schedule": "linear",
    "ema": 0.99,
}
# Widths, batch and Adam of the article, which trains on 96 x 96 crops of ImageNet by 4, 10^5 steps
# of each network at 1e-4 and as many at 1e-5, from the weights of an SRResNet. No VGG is here for
# its content loss.
_ARTICLE = SRGANConfig(factor=4, bicubic=False, content="scattering")
_ARTICLE_TRAINING = {
    "steps": 400_000,
    "sample_every": 20_000,
    "batch_size": 16,
    "learning_rate": 1e-4,
    "betas": (0.9, 0.999),
}
_LARGE = SRGANConfig()
_LARGE_TRAINING = {**_ARTICLE_TRAINING, "steps": 200_000, "schedule": "linear", "ema": 0.999}


class SRGAN(Adversarial):
    """Super-resolution: from a picture to one of sides 2 or 4 times as long.

    Learns from the pictures of a data set and from those made smaller (bicubic, antialiased); the
    generator is made of convolutions, and enlarges pictures of any size. It draws nothing from
    noise. Through a Gabor frame the discriminator sees; the generator, which has no size, does not
    draw through one.

    Parameters
    ----------
    config : SRGANConfig
    space : Space
        Scaled as ``unit``.
    classes : int
        0 for none.

    Raises
    ------
    ModelError
        If a side is no multiple of the factor or shorter than 8, or the view is to be drawn by.

    References
    ----------
    C. Ledig et al. (2017), Photo-Realistic Single Image Super-Resolution Using a Generative
    Adversarial Network, figure 4.

    Examples
    --------
    >>> config = SRGANConfig(width=4, blocks=1, discriminator_width=2, dense=4)
    >>> srgan = SRGAN(config, Space(1, 28, 28, "unit"))
    >>> srgan.upscale(torch.rand(2, 1, 9, 30)).shape
    torch.Size([2, 1, 18, 60])
    """

    name = "srgan"
    Config = SRGANConfig
    presets: ClassVar[Presets] = {
        ("small", "raw"): (_SMALL, _SMALL_TRAINING),
        ("article", "raw"): (_ARTICLE, _ARTICLE_TRAINING),
        ("large", "raw"): (_LARGE, _LARGE_TRAINING),
    }
    takes_pictures = True
    loss_fields: ClassVar[tuple[str, ...]] = (
        "content",
        "adversarial",
        "loss",
        "penalty",
        "instance_noise",
    )

    def __init__(self, config: SRGANConfig, space: Space, classes: int = 0) -> None:
        super().__init__(config, space, classes)
        height, width = space.height, space.width
        if height % config.factor or width % config.factor or min(height, width) < 2 * SMALLEST:
            raise ModelError(
                f"pictures of {height} x {width} are not made {config.factor} times smaller; give "
                f"sides of {2 * SMALLEST} pixels or more that are multiples of {config.factor}"
            )
        if space.view is not None and space.view.synthesis:
            raise ModelError(
                "srgan enlarges pictures of any size, which no one frame draws; leave out synthesis"
            )
        self.generator: Generator = Generator(config, space, classes)
        packed = packed_space(space, config.packing)
        self.discriminator: Discriminator = Discriminator(config, packed, classes)
        self.content: ContentLoss = ContentLoss(config.content, space.shape)

    @classmethod
    def scaling(cls, config: Any) -> Scaling:
        """Pixels in [0, 1]."""
        return "unit"

    @property
    def has_validation_loss(self) -> bool:
        """Whether there is no adversary: then the content says how well it does."""
        return not self.config.adversarial

    @property
    def adversarial_weight(self) -> float:
        """As configured."""
        weight: float = self.config.adversarial
        return weight

    def turn(self, step: int) -> str:
        """As of every adversarial model; the generator alone where it has no adversary."""
        return super().turn(step) if self.config.adversarial else "generator"

    def drawn(
        self, stage: str, features: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> Tensor:
        """Enlargements of the pictures made smaller."""
        result: Tensor = self.generator(shrunk(features, self.config.factor), labels)
        return result

    def beside(
        self, stage: str, images: Tensor, features: Tensor, labels: Tensor | None
    ) -> Mapping[str, Tensor]:
        """The content."""
        return {"content loss": self.content(images, features)}

    def sample(
        self,
        count: int,
        labels: Tensor | None = None,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Tensor:
        """Raise ModelError: it makes pictures of pictures, by :meth:`upscale`."""
        raise ModelError(f"{self.name} draws nothing from noise: it upscales pictures that it gets")

    @torch.no_grad()
    def upscale(
        self, pictures: Tensor, labels: Tensor | None = None, progress: Progress | None = None
    ) -> Tensor:
        """Enlarge pictures (B, C, h, w) of any size, floats in [0, 1]; in tiles if they are large.

        Raises
        ------
        ModelError
            If their colours are not the model's, or labels do not fit.
        """
        if pictures.ndim != 4 or pictures.shape[1] != self.space.channels or not pictures.numel():
            raise ModelError(
                f"pictures of shape {tuple(pictures.shape)} do not fit this {self.name} of "
                f"(B, {self.space.channels}, h, w)"
            )
        labels = self.check_labels(labels, len(pictures))
        factor, height, width = self.config.factor, *pictures.shape[2:]
        large = pictures.new_empty(*pictures.shape[:2], factor * height, factor * width)
        tiles = [(r, c) for r in _tiles(height) for c in _tiles(width)]
        with evaluating(self.generator):
            for number, (rows, columns) in enumerate(tiles):
                # With all around it that it depends on: tiles fit without a seam.
                around = [_around(span, self.generator.reach) for span in (rows, columns)]
                drawn = self.generator(pictures[:, :, around[0], around[1]], labels)
                inside = [
                    slice(factor * (span.start - wide.start), factor * (span.stop - wide.start))
                    for span, wide in zip((rows, columns), around, strict=True)
                ]
                target = [slice(factor * s.start, factor * s.stop) for s in (rows, columns)]
                large[:, :, target[0], target[1]] = drawn[:, :, inside[0], inside[1]].clamp(0, 1)
                if progress is not None:
                    progress(number + 1, len(tiles))
        return large


def _tiles(side: int) -> Iterator[slice]:
    """A side cut into parts."""
    return (slice(start, min(start + TILE, side)) for start in range(0, side, TILE))


def _around(span: slice, reach: int) -> slice:
    """A part with what lies around it; what would be beyond the end is cut off when it is taken."""
    return slice(max(0, span.start - reach), span.stop + reach)
