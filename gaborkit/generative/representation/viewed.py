"""Pixels that networks see, and draw, through a Gabor frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor

from ...bank import GaborBank
from ...errors import GaborkitError, RepresentationError
from ...nn import GaborFrame2d
from ..space import Scaling, Space
from ..view import View, magnitude
from .base import CHUNK
from .raw import Binarize, Raw

#: Images that the size of the frame's channels is taken from.
MEASURED = 4 * CHUNK


class Gabor(Raw):
    """Pixels, as :class:`Raw`; the networks of the model look at them through a Gabor frame.

    Likelihoods and samples are of pixels, and compare with those of :class:`Raw`.

    Parameters
    ----------
    image_shape, scaling, levels, binarize
        As in :class:`Raw`.
    scales, orientations : int
        Of the bank.
    wavelength : float
        Of the finest scale, in pixels.
    bank : GaborBank, optional
        Instead of scales, orientations and wavelength.
    analysis : bool
        Whether encoders and discriminators see the frame's channels; the context of PixelCNNs is
        widened by causal responses.
    synthesis : bool
        Whether decoders and generators draw the frame's channels, of which pixels are made.
    learnable : bool
        Whether the kernels are learned, from those of the bank on.
    mean, deviation : sequence of float
        Of each channel; :meth:`fit` measures them.

    Raises
    ------
    RepresentationError
        If a parameter is out of range or the bank makes no frame.

    Examples
    --------
    >>> images = torch.randint(0, 256, (4, 1, 28, 28), dtype=torch.uint8)
    >>> gabor = Gabor((1, 28, 28), "symmetric").fit(images)
    >>> gabor.encode(images).shape, len(gabor.space.view.bank)
    (torch.Size([4, 1, 28, 28]), 8)
    """

    view: View

    name = "gabor"

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        scaling: Scaling = "unit",
        levels: int = 0,
        binarize: Binarize | None = None,
        *,
        scales: int = 2,
        orientations: int = 4,
        wavelength: float = 4.0,
        bank: GaborBank | None = None,
        analysis: bool = True,
        synthesis: bool = False,
        learnable: bool = False,
        mean: tuple[float, ...] = (),
        deviation: tuple[float, ...] = (),
    ) -> None:
        super().__init__(image_shape, scaling, levels, binarize)
        for name, value in (
            ("analysis", analysis),
            ("synthesis", synthesis),
            ("learnable", learnable),
        ):
            if not isinstance(value, bool):
                raise RepresentationError(f"{name}={value!r} is neither True nor False")
        if not (analysis or synthesis):
            raise RepresentationError(
                "analysis=False, synthesis=False leave the frame nothing to do; use raw features"
            )
        if scaling == "levels" and (learnable or synthesis):
            raise RepresentationError(
                "a PixelCNN neither draws through a frame nor learns its kernels; leave out "
                "synthesis and learnable"
            )
        try:
            bank = bank or GaborBank.grid(
                scales=scales, orientations=orientations, wavelength=wavelength
            )
            self.view = View(bank, tuple(mean), tuple(deviation), analysis, synthesis, learnable)
            self._frame = GaborFrame2d(bank, self.image_shape[1:])
            self._channels = self.image_shape[0] * (len(self._frame) + len(bank))
        except GaborkitError as problem:
            raise RepresentationError(f"Gabor features: {problem}") from problem
        if mean or deviation:
            values = torch.tensor([*mean, *deviation])
            counts = (len(mean), len(deviation))
            whole = counts == (self._channels,) * 2 and bool(values.isfinite().all())
            if not whole or min(deviation) <= 0:
                raise RepresentationError(
                    f"{len(mean)} means and {len(deviation)} deviations do not fit the "
                    f"{self._channels} channels and magnitudes of the frame, or are out of range"
                )

    @property
    def space(self) -> Space:
        """Shape and scaling of the pixels, and the view of them."""
        colours, height, width = self.image_shape
        return Space(colours, height, width, self._scaling, self._levels, self.view)

    def fit(self, images: Tensor) -> Self:
        """Measure the frame's channels on these images; returns itself."""
        super().fit(images)
        if self._scaling == "levels":  # a PixelCNN sees causal responses, not the frame's channels
            return self
        frame = self._frame.to(images.device)
        some = images[:: max(1, len(images) // MEASURED)][:MEASURED]
        totals: list[Tensor] = []
        generator = torch.Generator(images.device).manual_seed(0) if self.stochastic else None
        for chunk in some.split(CHUNK):
            pixels = self.encode(chunk, generator)
            channels = frame.analyze(pixels).unflatten(1, (len(pixels[0]), -1))
            channels = torch.cat([channels, magnitude(frame.respond(pixels))], 2)
            channels = channels.flatten(1, 2).double()
            totals.append(torch.stack([channels, channels**2]).mean((1, 3, 4)) * len(chunk))
        mean, square = (torch.stack(totals).sum(0) / len(some)).cpu()
        deviation = (square - mean**2).clamp(min=0).sqrt()
        # A channel that never varies stays as it is.
        deviation = torch.where(
            deviation > 1e-4 * deviation.max(), deviation, torch.ones_like(mean)
        )
        self.view = replace(
            self.view, mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist())
        )
        return self

    def _options(self) -> dict[str, Any]:
        view = self.view
        return {
            **super()._options(),
            "bank": view.bank.to_dict(),
            "analysis": view.analysis,
            "synthesis": view.synthesis,
            "learnable": view.learnable,
            "mean": list(view.mean),
            "deviation": list(view.deviation),
        }
