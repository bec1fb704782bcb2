"""How objects show themselves in a notebook: words, and a small picture within the page."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .types import RealArray

Pixels = NDArray[np.uint8]

#: Bytes of a picture as text at most: a notebook of many objects stays a small file.
LARGEST = 50_000

#: Pixels between pictures of a sheet, and their grey.
_GAP, _PAPER = 2, 255

_BLUE, _RED = np.array([33.0, 102, 172]), np.array([178.0, 24, 43])


def signed_colours(values: RealArray) -> Pixels:
    """Colours (H, W, 3) of numbers: blue below zero, white, red above, up to the largest magnitude.

    Examples
    --------
    >>> signed_colours(np.array([[-2.0, 0.0, 2.0]])).tolist()
    [[[33, 102, 172], [255, 255, 255], [178, 24, 43]]]
    """
    share = np.asarray(values, float)[..., None]
    share = share / (float(np.abs(share).max()) or 1.0)
    end = np.where(share < 0, _BLUE, _RED)
    return np.asarray(np.rint(255 + np.abs(share) * (end - 255)), np.uint8)


def sheet(pictures: Sequence[Pixels], columns: int) -> Pixels:
    """Pictures (h, w[, 3]) side by side, in cells of the largest one, as colours (H, W, 3)."""
    high = max(picture.shape[0] for picture in pictures)
    wide = max(picture.shape[1] for picture in pictures)
    rows = math.ceil(len(pictures) / columns)
    paper = np.full((rows * (high + _GAP), columns * (wide + _GAP), 3), _PAPER, np.uint8)
    for k, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        top = k // columns * (high + _GAP) + (high - height) // 2
        left = k % columns * (wide + _GAP) + (wide - width) // 2
        colours = picture if picture.ndim == 3 else picture[..., None]
        paper[top : top + height, left : left + width] = colours
    return paper


def page(words: str, pixels: Pixels | None = None, alt: str = "", zoom: int = 1) -> str:
    """HTML of words that keep their lines, below a picture that is part of it.

    A picture of more than 50 kB is shown in every n-th pixel.
    """
    text = f"<pre>{html.escape(words)}</pre>"
    if pixels is None:
        return text
    content = _png(pixels)
    while len(content) > LARGEST:
        pixels = pixels[::2, ::2]
        content, zoom = _png(pixels), 2 * zoom
    style = f"width:{pixels.shape[1] * zoom}px;max-width:100%;image-rendering:pixelated"
    source = f"data:image/png;base64,{content}"
    return f'<img src="{source}" alt="{html.escape(alt)}" style="{style}">{text}'


def _png(pixels: Pixels) -> str:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def as_numpy(values: Any) -> NDArray[Any]:
    """An array of an array or of a tensor, which may take part in a gradient."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
