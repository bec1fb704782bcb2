"""Images of one size and colour: crop, stretch or pad, then an antialiased resize."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from ...io.images import luminance

Fit = Literal["crop", "stretch", "pad"]

# Images resized at once, which bounds the memory.
_CHUNK = 4096


def fitted(images: Tensor, size: int | tuple[int, int], fit: Fit) -> Tensor:
    """Resize images to squares or other rectangles, by bicubic interpolation with antialiasing.

    Parameters
    ----------
    images : Tensor (N, colours, h, w)
        uint8, or floats from 0 to 255.
    size : int or (int, int)
        Pixels a side of the result, or its height and width.
    fit : str
        ``crop`` takes the largest part of these proportions in the centre, ``stretch`` changes the
        proportions, ``pad`` keeps them and adds black (0) on both sides.

    Returns
    -------
    uint8 Tensor (N, colours, h, w)
        The images themselves where they have that size.

    Examples
    --------
    >>> wide = torch.full((1, 1, 4, 8), 200, dtype=torch.uint8)
    >>> fitted(wide, 4, "crop")[0, 0, 0].tolist(), fitted(wide, 4, "pad")[0, 0, :, 0].tolist()
    ([200, 200, 200, 200], [0, 200, 200, 0])
    """
    height, width = images.shape[-2:]
    wanted = target = (size, size) if isinstance(size, int) else size
    # Pixels that become one, along the axis that fills the result.
    ratios = Fraction(height, wanted[0]), Fraction(width, wanted[1])
    if fit == "crop":
        rows, columns = (max(1, round(side * min(ratios))) for side in wanted)
        top, left = (height - rows) // 2, (width - columns) // 2
        images = images[..., top : top + rows, left : left + columns]
    elif fit == "pad":
        rows, columns = (max(1, round(side / max(ratios))) for side in (height, width))
        target = (rows, columns)
    if images.shape[-2:] != target or images.dtype != torch.uint8:
        chunks = []
        for chunk in images.split(_CHUNK):
            # In double precision, and with ties shifted, so that every processor rounds alike: a
            # digest of the images tells whether they are those that a model was trained with.
            resized = chunk.double()
            if images.shape[-2:] != target:
                resized = functional.interpolate(
                    resized, size=target, mode="bicubic", antialias=True
                )
            # Bicubic interpolation overshoots at edges.
            chunks.append((resized + 1e-6).round().clamp(0, 255).to(torch.uint8))
        images = torch.cat(chunks)
    down, across = wanted[0] - target[0], wanted[1] - target[1]
    return functional.pad(images, (across // 2, across - across // 2, down // 2, down - down // 2))


def coloured(images: Tensor, colour: bool) -> Tensor:
    """Images (N, 1 or 3, h, w) with 3 colours, or with their luminance alone."""
    if colour:
        return images.expand(-1, 3, -1, -1)
    if images.shape[1] == 1:
        return images
    return luminance(images, channel_axis=1)[:, None].round().to(torch.uint8)
