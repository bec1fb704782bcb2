"""Gabor coefficients as the domain of a model: its samples are responses."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from ...bank import GaborBank
from ...errors import GaborkitError, RepresentationError
from ...frame import GaborFrame
from ...whole_numbers import is_whole
from ..space import Scaling
from .base import Representation

Parts = Literal["complex", "magnitude"]


class Coefficients(Representation):
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
    >>> coefficients = Coefficients((1, 28, 28), "white").fit(images)
    >>> coefficients.encode(images).shape
    torch.Size([4, 18, 28, 28])
    >>> coefficients.psnr(images) > 100
    True
    """

    iterations: int
    bank: GaborBank
    frame: GaborFrame

    name = "coefficients"

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
        if not is_whole(iterations, 1):
            raise RepresentationError(f"iterations={iterations!r} is not a count; give 1 or more")
        self.parts, self.iterations = parts, iterations
        try:
            self.bank = bank or GaborBank.grid(
                scales=scales, orientations=orientations, wavelength=wavelength
            )
            self.frame = GaborFrame(self.bank, (image_shape[1], image_shape[2]), tight=True)
        except GaborkitError as problem:
            raise RepresentationError(f"Gabor coefficients: {problem}") from problem
        super().__init__(image_shape, scaling, levels)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Kernel and part of each channel, then the low-pass and the high-pass if there."""
        kernels = self.frame.labels[: len(self.bank)]
        rest = self.frame.labels[len(self.bank) :]
        if self.parts == "magnitude":
            one = tuple(f"{name}, magnitude" for name in kernels)
        else:
            one = tuple(f"{name}, {part}" for name in kernels for part in ("real", "imag"))
        colours = self.image_shape[0]
        if colours == 1:
            return (*one, *rest)
        return tuple(f"colour {k}: {name}" for k in range(colours) for name in (*one, *rest))

    def _analyze(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
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
