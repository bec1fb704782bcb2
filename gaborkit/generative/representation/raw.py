"""Pixels as features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Self, get_args

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ...errors import RepresentationError
from ..pixels import to_floats
from ..space import Scaling, Space
from .base import CHUNK, Representation
from .palette import Palette

Binarize = Literal["dynamic", "static", "threshold"]


class Raw(Representation):
    """Pixels themselves.

    Parameters
    ----------
    image_shape : (colours, h, w)
    scaling : str
        See :class:`~gaborkit.generative.space.Space`.
    levels : int
        With ``scaling="levels"``; 256 keeps 8-bit images as they are.
    binarize : str, optional
        ``dynamic`` draws each pixel as 1 with its intensity as the probability, anew each time
        (Salakhutdinov and Murray, 2008); ``static`` draws so once for all, the same of the same
        image (as the fixed binarization of Larochelle and Murray, 2011, but other draws);
        ``threshold`` cuts at 1/2.
    palette : bool
        Whether pixels become codes of as many colours as there are levels, which :meth:`fit`
        chooses by k-means.
    colours : list of colours, optional
        Of the palette, once it is fitted.

    Examples
    --------
    >>> images = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
    >>> raw = Raw((1, 28, 28), "symmetric").fit(images)
    >>> features = raw.encode(images)
    >>> float(features.min()), float(features.max())
    (-1.0, 1.0)
    """

    name = "raw"

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        scaling: Scaling = "unit",
        levels: int = 0,
        binarize: Binarize | None = None,
        *,
        palette: bool = False,
        colours: ArrayLike | None = None,
    ) -> None:
        if binarize not in (None, *get_args(Binarize)):
            raise RepresentationError(
                f"binarize={binarize!r} is unknown; choose {', '.join(get_args(Binarize))}, or None"
            )
        if not isinstance(palette, bool):
            raise RepresentationError(f"palette={palette!r} is neither True nor False")
        if palette and (binarize is not None or scaling != "levels"):
            raise RepresentationError(
                f"palette=True has the levels of pixels, and not scaling={scaling!r} or "
                f"binarize={binarize!r}; leave one of them out"
            )
        self.binarize: Binarize | None = binarize
        self.has_palette: bool = palette
        self.palette: Palette | None = None
        if colours is not None:
            self.palette = Palette(colours)
            if tuple(self.palette.colours.shape) != (levels, image_shape[0]) or not palette:
                raise RepresentationError(
                    f"{len(self.palette.colours)} colours are no palette of {levels} levels"
                )
        super().__init__(image_shape, scaling, levels)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Grey, or red, green and blue, or numbered colours."""
        if self.has_palette:
            return ("colour of the palette",)
        colours = self.image_shape[0]
        names = {1: ("grey",), 3: ("red", "green", "blue")}
        return names.get(colours, tuple(f"colour {k}" for k in range(colours)))

    @property
    def stochastic(self) -> bool:
        """Whether each encoding binarizes anew."""
        return self.binarize == "dynamic"

    @property
    def space(self) -> Space:
        """Shape and scaling of the pixels; the codes of a palette have no order."""
        return replace(super().space, ordinal=not self.has_palette)

    def fit(self, images: Tensor) -> Self:
        """As every representation; the palette is chosen for these images.

        Pixels have the range of their format, not of the data: 8-bit values map to themselves.
        """
        if self._scaling == "white" or not len(images):  # none are refused there
            return super().fit(images)
        some = images[:: max(1, len(images) // CHUNK)]
        pixels = to_floats(some, RepresentationError, self.image_shape)
        if self.has_palette:
            self.palette = Palette.fit(pixels, self._levels)
        return self._scaled_from(torch.zeros(self.channels), torch.ones(self.channels))

    def _analyze(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        if self.palette is not None:
            return self.palette.codes(images) / (self._levels - 1)
        match self.binarize:
            case None:
                return images
            case "threshold":
                return (images >= 0.5).float()
            case "static":
                return (noise_of(images) < images).float()
            case "dynamic":
                noise = torch.rand(images.shape, generator=generator, device=images.device)
                return (noise < images).float()

    def _synthesize(self, coefficients: Tensor) -> Tensor:
        if self.palette is None:
            return coefficients
        return self.palette.pixels((coefficients * (self._levels - 1)).round())

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"binarize": self.binarize}
        if self.palette is not None:
            options |= {"palette": True, "colours": self.palette.colours.tolist()}
        return options


def noise_of(images: Tensor) -> Tensor:
    """Uniform numbers in [0, 1), float32 (B, ...), that are a function of each image alone.

    Of floats in [0, 1], as 8 bits say them. Whole numbers are mixed as SplitMix64 does, so that
    devices and batches make no difference.

    References
    ----------
    Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators".

    Examples
    --------
    >>> image = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    >>> noise = noise_of(torch.cat([image, 1 - image, image]))
    >>> noise[0].equal(noise[2]), noise[0].equal(noise[1])
    (True, False)
    """
    pixels = (images.double() * 255).round().long().flatten(1)  # (B, n)
    index = torch.arange(1, pixels.shape[1] + 1, device=pixels.device)
    key = _mixed(_mixed(index) * (pixels + 1)).sum(1, keepdim=True)  # one number an image
    bits = _mixed(key + _mixed(index)) & (2**24 - 1)
    return (bits.float() / 2**24).view_as(images)


def _mixed(numbers: Tensor) -> Tensor:
    """SplitMix64's finaliser of int64 numbers, which wrap around."""
    for shift, factor in ((30, -4658895280553007687), (27, -7723592293110705685)):
        numbers = (numbers ^ _shifted(numbers, shift)) * factor
    return numbers ^ _shifted(numbers, 31)


def _shifted(numbers: Tensor, places: int) -> Tensor:
    """Bits moved to the right, with zeros behind them."""
    return (numbers >> places) & (2 ** (64 - places) - 1)
