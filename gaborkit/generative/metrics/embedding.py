"""Gabor scattering as the features that sets of pictures are compared by: nothing is trained."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ...caches import lru_cache
from ...errors import ModelError
from ...features import Scattering
from ..pixels import to_floats

#: Pixels a side.
SMALLEST = 4

#: Directions of the wavelets.
ORIENTATIONS = 4

#: Modulus at which the logarithm bends, of pixels in [0, 1]: weaker ones count by their size,
#: stronger ones by their ratio, so that neither contrast nor noise too faint to see is all.
BEND = 0.1

#: Weight of brightness and colour beside the moduli: a change of one counts as much as the same
#: change of a modulus of 0.23.
BRIGHTNESS = 3.0

#: Rec. 709: Y, and what (B - Y) and (R - Y) are divided by to lie in [-1/2, 1/2].
LUMINANCE, CHROMA = (0.2126, 0.7152, 0.0722), (1.8556, 1.5748)

#: Pixels transformed at once.
CHUNK = 2**22


def scattering_embedding(images: Tensor) -> Tensor:
    """Features of pictures by which Fréchet distance, precision and recall are taken.

    Scattering of order 0 to 2 (:class:`~gaborkit.features.Scattering`, four directions, two to
    four octaves by the size of the picture, wavelengths up to a third of its side or 21 pixels),
    averaged: orders 0 and 1 over each quarter of the picture, order 2 over all of it. Moduli S
    become log(1 + S / 0.1). So the features tell texture, sharpness, brightness and, coarsely,
    where things lie, and are few: a covariance needs more pictures than features.

    Of a coloured picture the luminance is taken so, and of each of the two chroma planes (Rec. 709)
    the mean of each quarter and the moduli of order 1 of the whole.

    Parameters
    ----------
    images : uint8 or float tensor (N, 1 or 3, h, w)
        Floats in [0, 1]; sides of 4 pixels or more.

    Returns
    -------
    float64 tensor (N, F)
        F is 100 for grey pictures of 23 to 45 pixels a side and 132 for coloured ones; it goes by
        the shape alone, so that all data sets of one shape are measured alike.

    Raises
    ------
    ModelError
        If the shape is another, or a picture holds NaN or infinity.

    References
    ----------
    Bruna and Mallat (2013), "Invariant scattering convolution networks", IEEE TPAMI 35(8),
    1872-1886.

    Examples
    --------
    >>> scattering_embedding(torch.zeros(5, 3, 32, 32)).shape
    torch.Size([5, 132])
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3) or min(images.shape[2:]) < SMALLEST:
        raise ModelError(
            f"images of shape {tuple(images.shape)} have no scattering features; (N, 1 or 3, h, w) "
            f"with sides of {SMALLEST} pixels or more have"
        )
    size = max(1, CHUNK // images[0].numel()) if len(images) else 1
    rows = [_embedded(to_floats(chunk.detach()).cpu()) for chunk in images.split(size)]
    return torch.cat(rows)


def _embedded(images: Tensor) -> Tensor:
    if not images.isfinite().all():
        raise ModelError("images hold NaN or infinity; draw them from a model whose weights do not")
    if images.shape[1] == 1:
        return _plane(images[:, 0])
    red, green, blue = images.unbind(1)
    luminance = LUMINANCE[0] * red + LUMINANCE[1] * green + LUMINANCE[2] * blue
    chroma = ((blue - luminance) / CHROMA[0], (red - luminance) / CHROMA[1])
    return torch.cat([_plane(luminance), *(_plane(plane, colour=True) for plane in chroma)], 1)


def _plane(plane: Tensor, colour: bool = False) -> Tensor:
    """Features (N, F) of one plane (N, h, w)."""
    scattering = _scattering(min(plane.shape[1:]), 1 if colour else 2)
    order = np.array([path.order for path in scattering.paths])
    coefficients = torch.from_numpy(scattering.transform(plane.contiguous().numpy())).double()
    brightness = BRIGHTNESS * coefficients[:, order == 0].flatten(1)  # (N, 4)
    moduli = (coefficients.clamp(min=0) / BEND).log1p()  # (N, C, 2, 2)
    first, second = moduli[:, order == 1], moduli[:, order == 2]
    if colour:
        return torch.cat([brightness, first.mean((2, 3))], 1)
    return torch.cat([brightness, first.flatten(1), second.mean((2, 3))], 1)


@lru_cache(maxsize=8)
def _scattering(side: int, highest: int) -> Scattering:
    octaves = min(max(round(math.log2(side / 4)), 1), 4)
    return Scattering(octaves, ORIENTATIONS, highest, cells=2)
