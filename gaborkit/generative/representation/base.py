"""What every representation is: features of images, scaled as a model asks, and the way back."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self, get_args

import torch
from torch import Tensor

from ...errors import RepresentationError
from ...whole_numbers import is_whole
from ..pixels import to_floats
from ..randomness import generator_of
from ..space import Scaling, Space

#: Version of the description that :meth:`Representation.to_dict` writes.
VERSION = 3

#: Images encoded at once while fitting, which bounds the memory.
CHUNK = 512


class Representation(ABC):
    """Images (B, colours, h, w) to features (B, C, H, W), and back.

    Parameters
    ----------
    image_shape : (colours, h, w)
    scaling : str
        ``unit``, ``symmetric``, ``white`` or ``levels``.
    levels : int
        Quantisation levels, 2 to 65,536; only with ``levels``.
    """

    image_shape: tuple[int, int, int]
    gain: Tensor
    offset: Tensor
    fitted: bool
    name: ClassVar[str]

    def __init__(self, image_shape: tuple[int, int, int], scaling: Scaling, levels: int) -> None:
        if len(image_shape) != 3 or not all(is_whole(n, 1) for n in image_shape):
            raise RepresentationError(f"image_shape={image_shape!r} is not (colours, h, w)")
        if scaling not in get_args(Scaling):
            raise RepresentationError(
                f"scaling={scaling!r} is unknown; choose {', '.join(get_args(Scaling))}"
            )
        if (scaling == "levels") != (levels != 0) or not (levels == 0 or 2 <= levels <= 65536):
            raise RepresentationError(
                f"levels={levels} does not fit scaling={scaling!r}: 2 to 65,536 with 'levels', "
                "0 with any other"
            )
        self.image_shape, self._scaling, self._levels = image_shape, scaling, levels
        # Per channel: features are gain * coefficients + offset.
        self.gain = torch.ones(self.channels)
        self.offset = torch.zeros(self.channels)
        self.fitted = False

    # ---- what a subclass says ----

    @property
    @abstractmethod
    def channel_names(self) -> tuple[str, ...]:
        """Name of each channel."""

    @abstractmethod
    def _analyze(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        """Coefficients (B, C, H, W) of images in [0, 1]; level k of L is k / (L - 1)."""

    @abstractmethod
    def _synthesize(self, coefficients: Tensor) -> Tensor:
        """Images of coefficients."""

    @abstractmethod
    def _options(self) -> dict[str, Any]:
        """Arguments of the constructor beside shape and scaling, for JSON."""

    # ---- size ----

    @property
    def channels(self) -> int:
        """C, the number of channels of the features."""
        return len(self.channel_names)

    @property
    def space(self) -> Space:
        """Shape and scaling of the features."""
        _, height, width = self.image_shape
        return Space(self.channels, height, width, self._scaling, self._levels)

    @property
    def redundancy(self) -> float:
        """Features for each pixel value."""
        return self.channels / self.image_shape[0]

    @property
    def stochastic(self) -> bool:
        """Whether encoding draws random numbers, anew each time."""
        return False

    def rows_of(self, rows: int) -> int:
        """How many rows of features the first rows of an image fill."""
        return rows * self.space.height // self.image_shape[1]

    # ---- fitting, encoding, decoding ----

    def fit(self, images: Tensor) -> Self:
        """Choose gain and offset of each channel for these images; returns itself.

        The statistics are those of what :meth:`encode` sees. Where that is drawn anew each time,
        the draws of the fit are always the same.
        """
        if not len(images):
            raise RepresentationError("there are no images to fit the representation to")
        total = torch.zeros(self.channels, dtype=torch.float64)
        squares = torch.zeros_like(total)
        low, high = torch.full_like(total, math.inf), torch.full_like(total, -math.inf)
        count = 0
        generator = generator_of(images.device, "fit") if self.stochastic else None
        for chunk in images.split(CHUNK):
            # (C, B * H * W)
            pixels = to_floats(chunk, RepresentationError, self.image_shape)
            values = self._analyze(pixels, generator).movedim(1, 0).flatten(1).double()
            total += values.sum(1).cpu()
            squares += values.square().sum(1).cpu()
            low = torch.minimum(low, values.amin(1).cpu())
            high = torch.maximum(high, values.amax(1).cpu())
            count += values.shape[1]
        if self._scaling == "white":
            mean = total / count
            deviation = (squares / count - mean**2).clamp(min=0).sqrt()
            # A channel that never varies stays 0.
            gain = torch.where(deviation > 1e-6, 1 / deviation, torch.ones_like(deviation))
            return self._scaled_by(gain, -mean * gain)
        return self._scaled_from(low, torch.where(high > low, high, low + 1))

    def _scaled_from(self, low: Tensor, high: Tensor) -> Self:
        """Take these ends of each channel's range to 0 and 1, or -1 and 1; returns itself."""
        gain, offset = 1 / (high - low), -low / (high - low)
        if self._scaling == "symmetric":
            gain, offset = 2 * gain, 2 * offset - 1
        return self._scaled_by(gain, offset)

    def _scaled_by(self, gain: Tensor, offset: Tensor) -> Self:
        self.gain, self.offset, self.fitted = gain.float(), offset.float(), True
        return self

    def encode(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Features of images.

        Parameters
        ----------
        images : uint8 or float tensor (B, colours, h, w)
            uint8, or floats in [0, 1].
        generator : torch.Generator, optional
            For a representation that is ``stochastic``.

        Returns
        -------
        tensor (B, C, H, W)
            float32, or int64 where scaled as levels.

        Raises
        ------
        RepresentationError
            If the shape or dtype does not fit, or :meth:`fit` was not called.
        """
        self._check_fitted()
        pixels = to_floats(images, RepresentationError, self.image_shape)
        values = self._analyze(pixels, generator)
        gain, offset = self._scales(values.device)
        features = values * gain + offset
        if self._scaling != "levels":
            return features
        return (features * (self._levels - 1)).round().clamp(0, self._levels - 1).long()

    def decode(self, features: Tensor) -> Tensor:
        """Images (B, colours, h, w), float32 in [0, 1], of features (B, C, H, W).

        Raises
        ------
        RepresentationError
            If the shape does not fit, or :meth:`fit` was not called.
        """
        self._check_fitted()
        if tuple(features.shape[1:]) != self.space.shape:
            raise RepresentationError(
                f"features of shape {tuple(features.shape)} do not fit this representation, which "
                f"has (B, {', '.join(map(str, self.space.shape))})"
            )
        values = features.float()
        if self._scaling == "levels":
            values = values / (self._levels - 1)
        gain, offset = self._scales(values.device)
        return self._synthesize((values - offset) / gain).clamp(0, 1)

    def psnr(self, images: Tensor, generator: torch.Generator | None = None) -> float:
        """Of the round trip, in decibels: 10 log10(1 / mean squared error); at most 200.

        Examples
        --------
        >>> from gaborkit.generative import Raw
        >>> images = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
        >>> Raw((1, 28, 28), "levels", levels=256).fit(images).psnr(images)
        200.0
        """
        error, count = 0.0, 0
        for chunk in images.split(CHUNK):
            restored, wanted = self.decode(self.encode(chunk, generator)), to_floats(chunk)
            error += float((restored - wanted).double().square().sum())
            count += wanted.numel()
        return 200.0 if error <= 1e-14 * count else -10 * math.log10(error / count)

    def _check_fitted(self) -> None:
        if not self.fitted:
            raise RepresentationError("this representation is not fitted; call fit(images) first")

    def _scales(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Gain and offset (C, 1, 1)."""
        return self.gain.to(device)[:, None, None], self.offset.to(device)[:, None, None]

    # ---- on disk ----

    def to_dict(self) -> dict[str, Any]:
        """Description that :func:`representation_from_dict` reads; floats are exact."""
        self._check_fitted()
        return {
            "version": VERSION,
            "name": self.name,
            "image_shape": list(self.image_shape),
            "scaling": self._scaling,
            "levels": self._levels,
            "gain": self.gain.tolist(),
            "offset": self.offset.tolist(),
            **self._options(),
        }
