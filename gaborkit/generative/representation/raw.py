"""Pixels as features."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from torch import Tensor

from ...errors import RepresentationError
from ..space import Scaling
from .base import Representation

Binarize = Literal["dynamic", "threshold"]


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
    def channel_names(self) -> tuple[str, ...]:
        """Grey, or red, green and blue, or numbered colours."""
        colours = self.image_shape[0]
        names = {1: ("grey",), 3: ("red", "green", "blue")}
        return names.get(colours, tuple(f"colour {k}" for k in range(colours)))

    @property
    def stochastic(self) -> bool:
        """Whether each encoding binarizes anew."""
        return self.binarize == "dynamic"

    def _seen(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        values = self._checked_images(images)
        if self.binarize is None:
            return values
        if self.binarize == "threshold":
            return (values >= 0.5).float()
        noise = torch.rand(values.shape, generator=generator, device=values.device)
        return (noise < values).float()

    def _analyze(self, images: Tensor) -> Tensor:
        return images

    def _synthesize(self, coefficients: Tensor) -> Tensor:
        return coefficients

    def _range(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        # Of the pixel format, not of the data: 8-bit values map to themselves.
        return torch.zeros_like(low), torch.ones_like(high)

    def _options(self) -> dict[str, Any]:
        return {"binarize": self.binarize}
