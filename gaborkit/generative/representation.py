"""What a model sees of an image: its pixels, or its Gabor coefficients, and the way back.

A representation is fitted to training images, saved with the model, and turns images in [0, 1] into
features scaled as the model asks: see :class:`~gaborkit.generative.space.Space`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, get_args

import torch
from torch import Tensor

from ..bank import GaborBank
from ..errors import GaborkitError, RepresentationError
from ..frame import GaborFrame
from .space import Scaling, Space

#: Version of the description that :meth:`Representation.to_dict` writes.
VERSION = 1

Binarize = Literal["dynamic", "threshold"]
Parts = Literal["complex", "magnitude"]

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

    name: ClassVar[str]

    def __init__(self, image_shape: tuple[int, int, int], scaling: Scaling, levels: int) -> None:
        if len(image_shape) != 3 or not all(isinstance(n, int) and n > 0 for n in image_shape):
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
    def labels(self) -> tuple[str, ...]:
        """Name of each channel."""

    @abstractmethod
    def _analyze(self, images: Tensor) -> Tensor:
        """Coefficients (B, C, H, W) of float images."""

    @abstractmethod
    def _synthesize(self, coefficients: Tensor) -> Tensor:
        """Images of coefficients."""

    @abstractmethod
    def _options(self) -> dict[str, Any]:
        """Arguments of the constructor beside shape and scaling, for JSON."""

    # ---- figures ----

    @property
    def channels(self) -> int:
        """C, the number of channels of the features."""
        return len(self.labels)

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

    # ---- fitting, encoding, decoding ----

    def fit(self, images: Tensor) -> Self:
        """Choose gain and offset of each channel for these images; returns itself."""
        if not len(images):
            raise RepresentationError("there are no images to fit the representation to")
        total = torch.zeros(self.channels, dtype=torch.float64)
        squares = torch.zeros_like(total)
        low, high = torch.full_like(total, math.inf), torch.full_like(total, -math.inf)
        count = 0
        for chunk in images.split(CHUNK):
            # (C, B * H * W)
            values = self._analyze(self._checked_images(chunk)).movedim(1, 0).flatten(1).double()
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
            offset = -mean * gain
        else:
            low, high = self._range(low, high)
            gain, offset = 1 / (high - low), -low / (high - low)
            if self._scaling == "symmetric":
                gain, offset = 2 * gain, 2 * offset - 1
        self.gain, self.offset, self.fitted = gain.float(), offset.float(), True
        return self

    def _range(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Range of each channel that is mapped to [0, 1]."""
        return low, torch.where(high > low, high, low + 1)

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
        values = self._analyze(self._checked_images(images))
        features = values * self._broadcast(self.gain, values) + self._broadcast(
            self.offset, values
        )
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
        offset, gain = self._broadcast(self.offset, values), self._broadcast(self.gain, values)
        return self._synthesize((values - offset) / gain).clamp(0, 1)

    def psnr(self, images: Tensor, generator: torch.Generator | None = None) -> float:
        """Of the round trip, in decibels: 10 log10(1 / mean squared error); at most 200.

        Examples
        --------
        >>> images = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
        >>> Raw((1, 28, 28), "levels", levels=256).fit(images).psnr(images)
        200.0
        """
        error, count = 0.0, 0
        for chunk in images.split(CHUNK):
            wanted = self._checked_images(chunk)
            found = self.decode(self.encode(chunk, generator))
            error += float((found - wanted).double().square().sum())
            count += wanted.numel()
        return 200.0 if error <= 1e-14 * count else -10 * math.log10(error / count)

    # ---- checks ----

    def _checked_images(self, images: Tensor) -> Tensor:
        if tuple(images.shape[1:]) != self.image_shape:
            raise RepresentationError(
                f"images of shape {tuple(images.shape)} do not fit this representation of "
                f"(B, {', '.join(map(str, self.image_shape))})"
            )
        if images.dtype == torch.uint8:
            return images.float() / 255
        if not images.dtype.is_floating_point:
            raise RepresentationError(
                f"images of dtype {images.dtype} are neither uint8 nor floats in [0, 1]"
            )
        return images.float()

    def _check_fitted(self) -> None:
        if not self.fitted:
            raise RepresentationError("this representation is not fitted; call fit(images) first")

    @staticmethod
    def _broadcast(values: Tensor, like: Tensor) -> Tensor:
        return values.to(like.device)[:, None, None]

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
        (Salakhutdinov and Murray, 2008); ``threshold`` cuts at 1/2.

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
    ) -> None:
        if binarize not in (None, *get_args(Binarize)):
            raise RepresentationError(
                f"binarize={binarize!r} is unknown; choose {', '.join(get_args(Binarize))}, or None"
            )
        self.binarize = binarize
        super().__init__(image_shape, scaling, levels)

    @property
    def labels(self) -> tuple[str, ...]:
        """Grey, or red, green and blue, or numbered colours."""
        colours = self.image_shape[0]
        names = {1: ("grey",), 3: ("red", "green", "blue")}
        return names.get(colours, tuple(f"colour {k}" for k in range(colours)))

    @property
    def stochastic(self) -> bool:
        """Whether each encoding binarizes anew."""
        return self.binarize == "dynamic"

    def encode(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """As :meth:`Representation.encode`; ``binarize="dynamic"`` draws with the generator."""
        if self.binarize is not None:
            values = self._checked_images(images)
            if self.binarize == "dynamic":
                noise = torch.rand(values.shape, generator=generator, device=values.device)
                images = (noise < values).float()
            else:
                images = (values >= 0.5).float()
        return super().encode(images)

    def _analyze(self, images: Tensor) -> Tensor:
        return images

    def _synthesize(self, coefficients: Tensor) -> Tensor:
        return coefficients

    def _range(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        # Of the pixel format, not of the data: 8-bit values map to themselves.
        return torch.zeros_like(low), torch.ones_like(high)

    def _options(self) -> dict[str, Any]:
        return {"binarize": self.binarize}


class Gabor(Representation):
    """Coefficients of a tight Gabor frame: real and imaginary parts, low-pass and high-pass.

    By default 2 scales of 4 orientations: 18 channels for each colour.

    The frame is tight, so the way back, which is its adjoint, amplifies no error of the model;
    coefficients that no image has are projected onto those that some image has.

    Parameters
    ----------
    image_shape : (colours, h, w)
        Each colour is analysed by itself.
    scaling, levels
        As in :class:`Raw`.
    scales, orientations : int
        Of the bank; fewer give fewer bands.
    wavelength : float
        Of the finest scale, in pixels.
    parts : str
        ``complex`` keeps real and imaginary parts and is inverted exactly. ``magnitude`` keeps
        magnitudes and the low-pass, and is inverted approximately, by ``iterations`` alternating
        projections for the lost phase (Griffin and Lim, 1984).
    iterations : int
        Only with ``magnitude``.
    bank : GaborBank, optional
        Instead of scales, orientations and wavelength.

    Raises
    ------
    RepresentationError
        If a parameter is out of range or the bank makes no frame.

    Examples
    --------
    >>> images = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
    >>> gabor = Gabor((1, 28, 28), "white").fit(images)
    >>> gabor.encode(images).shape
    torch.Size([4, 18, 28, 28])
    >>> gabor.psnr(images) > 100
    True
    """

    name = "gabor"

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        scaling: Scaling = "white",
        levels: int = 0,
        *,
        scales: int = 2,
        orientations: int = 4,
        wavelength: float = 4.0,
        parts: Parts = "complex",
        iterations: int = 64,
        bank: GaborBank | None = None,
    ) -> None:
        if parts not in get_args(Parts):
            raise RepresentationError(
                f"parts={parts!r} is unknown; choose {', '.join(get_args(Parts))}"
            )
        if not isinstance(iterations, int) or iterations < 1:
            raise RepresentationError(f"iterations={iterations!r} is not a count; give 1 or more")
        self.parts, self.iterations = parts, iterations
        try:
            self.bank = bank or GaborBank.grid(
                scales=scales, orientations=orientations, wavelength=wavelength
            )
            self.frame = GaborFrame(self.bank, (image_shape[1], image_shape[2]), tight=True)
        except GaborkitError as problem:
            raise RepresentationError(f"Gabor features: {problem}") from problem
        super().__init__(image_shape, scaling, levels)

    @property
    def labels(self) -> tuple[str, ...]:
        """Kernel and part of each channel, then the low-pass and the high-pass if there."""
        kernels = self.frame.labels[: len(self.bank)]
        rest = self.frame.labels[len(self.bank) :]
        if self.parts == "magnitude":
            one = tuple(f"{label}, magnitude" for label in kernels)
        else:
            one = tuple(f"{label}, {part}" for label in kernels for part in ("real", "imag"))
        colours = self.image_shape[0]
        if colours == 1:
            return (*one, *rest)
        return tuple(f"colour {k}: {label}" for k in range(colours) for label in (*one, *rest))

    def _analyze(self, images: Tensor) -> Tensor:
        coefficients = self.frame.analyze(images)  # (B, colours, K, h, w)
        return self._split(coefficients).flatten(1, 2)

    def _split(self, coefficients: Tensor) -> Tensor:
        """Real channels (..., C, h, w) of complex coefficients (..., K, h, w)."""
        kernels = len(self.bank)
        bands, rest = coefficients[..., :kernels, :, :], coefficients[..., kernels:, :, :].real
        if self.parts == "magnitude":
            return torch.cat([bands.abs(), rest], -3)
        # Real and imaginary part of a kernel side by side.
        pairs = torch.view_as_real(bands).movedim(-1, -3).flatten(-4, -3)
        return torch.cat([pairs, rest], -3)

    def _synthesize(self, coefficients: Tensor) -> Tensor:
        # (B, colours * C, h, w) to (B, colours, C, h, w)
        values = coefficients.unflatten(1, (self.image_shape[0], -1))
        kernels = len(self.bank)
        if self.parts == "magnitude":
            bands, rest = values[:, :, :kernels], values[:, :, kernels:]
            return self._retrieve(bands.clamp(min=0), torch.complex(rest, torch.zeros_like(rest)))
        pairs, rest = values[:, :, : 2 * kernels], values[:, :, 2 * kernels :]
        bands = torch.complex(pairs[:, :, 0::2], pairs[:, :, 1::2])
        rest = torch.complex(rest, torch.zeros_like(rest))
        return self.frame.synthesize(torch.cat([bands, rest], 2))

    def _retrieve(self, magnitudes: Tensor, rest: Tensor) -> Tensor:
        """Image whose magnitudes are near, from the low-pass and phases found by projection."""
        kernels = len(self.bank)
        start = torch.cat([torch.zeros_like(magnitudes) + 0j, rest], 2)
        image = self.frame.synthesize(start).clamp(0, 1)
        for _ in range(self.iterations):
            bands = self.frame.analyze(image)[:, :, :kernels]
            phases = bands / bands.abs().clamp(min=1e-12)
            # Pixels are in [0, 1]: projecting onto that too speeds the search and steadies it.
            image = self.frame.synthesize(torch.cat([magnitudes * phases, rest], 2)).clamp(0, 1)
        return image

    def _options(self) -> dict[str, Any]:
        return {
            "parts": self.parts,
            "iterations": self.iterations,
            "bank": self.bank.to_dict(),
        }


#: Families by the name in their description.
REPRESENTATIONS: dict[str, type[Representation]] = {"raw": Raw, "gabor": Gabor}


def representation_from_dict(data: object) -> Representation:
    """Fitted representation from what :meth:`Representation.to_dict` gave.

    Raises
    ------
    RepresentationError
        If the description is damaged, or of a version that this gaborkit does not know.
    """
    try:
        if not isinstance(data, Mapping):
            raise TypeError("it is not an object")
        fields = dict(data)
        if fields.pop("version") != VERSION:
            raise RepresentationError(
                f"this representation is of version {data['version']!r}, and this gaborkit reads "
                f"version {VERSION}; install the gaborkit that wrote it"
            )
        name = fields.pop("name")
        gain, offset = (torch.tensor(fields.pop(key), dtype=torch.float32) for key in _AFFINE)
        fields["image_shape"] = tuple(fields["image_shape"])
        if "bank" in fields:
            fields["bank"] = GaborBank.from_dict(fields["bank"])
        representation = REPRESENTATIONS[name](**fields)
    except (KeyError, TypeError, ValueError) as problem:
        if isinstance(problem, RepresentationError):
            raise
        raise RepresentationError(f"the description is damaged: {problem}") from problem
    for values in (gain, offset):
        if tuple(values.shape) != (representation.channels,) or not values.isfinite().all():
            raise RepresentationError(
                f"the description is damaged: {values.numel()} gains or offsets for "
                f"{representation.channels} channels, or not finite"
            )
    representation.gain, representation.offset = gain, offset
    representation.fitted = True
    return representation


_AFFINE = ("gain", "offset")
