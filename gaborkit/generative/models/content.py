"""How far a picture is from another: pixel by pixel, or by what wavelets say of both."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ...bank import GaborBank
from ...errors import GaborkitError, ModelError
from ...nn import GaborFrame2d, Scattering2d
from ...scattering import Scattering
from ..view import Shape, magnitude

Content = Literal["pixels", "gabor", "scattering"]

#: Scales, directions and shortest wavelength of the frame.
SCALES, ORIENTATIONS, WAVELENGTH = 3, 6, 3.0

#: Octaves and directions of the scattering.
OCTAVES, DIRECTIONS = 2, 6


class ContentLoss(nn.Module):
    """Mean squared difference of images (B, C, H, W) from others, by pixels or by wavelets.

    ``pixels``: of the pixels. ``gabor``: of the magnitudes of a tight Gabor frame, added over
    kernels, which tell where there is how much of what scale and direction, and leave the phases of
    detail free; and of its low-pass and high-pass, without which a chequer of single pixels, which
    no kernel answers to, would cost nothing. ``scattering``: of scattering coefficients of order 0
    to 2 of cells of four pixels, added over paths, which leave free where in its cell detail lies.

    In place of the layers of a classifier of Ledig et al., which nothing here was trained for.

    Parameters
    ----------
    content : str
    shape : (C, H, W)

    Raises
    ------
    ModelError
        If the shape is too small for the wavelets.

    References
    ----------
    C. Ledig et al. (2017), Photo-Realistic Single Image Super-Resolution Using a Generative
    Adversarial Network, eq. 4 (pixels) and 5 (features).
    J. Bruna, P. Sprechmann and Y. LeCun (2016), Super-Resolution with Deep Convolutional
    Sufficient Statistics.

    Examples
    --------
    >>> image = torch.zeros(1, 1, 28, 28)
    >>> for content in ("pixels", "gabor", "scattering"):
    ...     print(float(ContentLoss(content, (1, 28, 28))(image, image)))
    0.0
    0.0
    0.0
    """

    def __init__(self, content: Content, shape: Shape) -> None:
        super().__init__()
        self.content = content
        self.wavelets: nn.Module | None = None
        try:
            if content == "gabor":
                bank = GaborBank.grid(
                    scales=SCALES, orientations=ORIENTATIONS, wavelength=WAVELENGTH
                )
                self.wavelets = GaborFrame2d(bank, shape[1:])
            elif content == "scattering":
                self.wavelets = Scattering2d(Scattering(OCTAVES, DIRECTIONS), shape[1:])
        except GaborkitError as problem:
            raise ModelError(f"content={content!r}: {problem}; choose 'pixels'") from problem

    def forward(self, images: Tensor, others: Tensor) -> Tensor:
        """A mean (), in float32 whatever the precision of the images."""
        with torch.autocast(images.device.type, enabled=False):
            one, other = (self._described(each.float()) for each in (images, others))
            # Added over channels, a mean over pixels and colours.
            distances = [
                (a - b).square().flatten(1, -3).sum(1).mean()
                for a, b in zip(one, other, strict=True)
            ]
            return torch.stack(distances).sum() / images.shape[1]

    def _described(self, images: Tensor) -> list[Tensor]:
        if isinstance(self.wavelets, GaborFrame2d):
            passes = self.wavelets.respond(images, 1, slice(-2, None)).real
            return [magnitude(self.wavelets.respond(images)), passes]
        return [images if self.wavelets is None else self.wavelets(images)]
