"""Many images in one picture: grids, strips, animations. All of it in uint8, for files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ImageError, PictureError
from ..io.files import StrPath, atomic_write

Pixels = NDArray[np.uint8]

#: Grey value between images.
SEPARATOR = 128
#: Grey value of the words before a row.
INK = 255

# Pixels along a side of a picture: more would take gigabytes.
_MOST_PIXELS = 30_000


def image_grid(
    images: Tensor,
    columns: int | None = None,
    gap: int = 2,
    zoom: int = 1,
    words: Sequence[str] | None = None,
) -> Pixels:
    """Lay images out in rows, from left to right, then down.

    Parameters
    ----------
    images : float tensor (N, c, h, w)
        In [0, 1], c = 1 or 3; what lies outside is clipped.
    columns : int, optional
        Images in a row; by default the grid is about square.
    gap : int
        Pixels between images, and around them.
    zoom : int
        Side of the square that a pixel of an image becomes: nearest neighbour, so that pixels are
        seen as they are.
    words : sequence of str, optional
        One for each row, written at its left.

    Returns
    -------
    uint8 array (H, W) or (H, W, 3)
        H = rows * (h * zoom + gap) + gap, and W likewise, wider by the words. Places without an
        image have the colour of the gap.

    Raises
    ------
    ImageError
        If the images are no such tensor, a number is out of range, or words and rows differ in
        number.

    Examples
    --------
    >>> import torch
    >>> image_grid(torch.rand(6, 1, 28, 28), columns=3).shape
    (62, 92)
    """
    pixels = to_pixels(images)  # (N, h, w[, 3])
    count = len(pixels)
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    if columns < 1 or gap < 0 or zoom < 1:
        raise ImageError(
            f"columns={columns}, gap={gap}, zoom={zoom}: columns and zoom are 1 or more, gap is 0 "
            "or more"
        )
    rows = math.ceil(count / columns)
    if words is not None and len(words) != rows:
        raise ImageError(f"{len(words)} words for {rows} rows; give one for each row")
    height, width = pixels.shape[1] * zoom + gap, pixels.shape[2] * zoom + gap
    if max(rows * height, columns * width) > _MOST_PIXELS:
        raise ImageError(
            f"{rows} rows and {columns} columns make {columns * width} x {rows * height} pixels, "
            f"more than {_MOST_PIXELS} a side; give fewer images or a smaller zoom"
        )
    shape = (rows * height + gap, columns * width + gap, *pixels.shape[3:])
    sheet = np.full(shape, SEPARATOR, np.uint8)
    for k, image in enumerate(pixels.repeat(zoom, 1).repeat(zoom, 2)):
        top, left = gap + k // columns * height, gap + k % columns * width
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    if words is None:
        return sheet
    tops = [gap + row * height for row in range(rows)]
    return np.concatenate([_margin(sheet, words, tops, height - gap), sheet], 1)


def strip(images: Tensor, gap: int = 2, zoom: int = 1) -> Pixels:
    """One row of images: :func:`image_grid` with as many columns as images.

    Examples
    --------
    >>> import torch
    >>> strip(torch.rand(5, 3, 8, 8), gap=1).shape
    (10, 46, 3)
    """
    return image_grid(images, columns=max(len(images), 1), gap=gap, zoom=zoom)


def write_gif(
    path: StrPath,
    frames: Tensor | Sequence[Pixels],
    *,
    seconds: float = 0.1,
    zoom: int = 1,
    loop: bool = True,
    bounce: bool = False,
) -> None:
    """Write an animated GIF, whole or not at all.

    Parameters
    ----------
    path : path
        Ends in ``.gif``; its folder must exist.
    frames : float tensor (N, c, h, w) in [0, 1], or sequence of uint8 arrays (H, W) or (H, W, 3)
        Images, or grids of images, all of one shape. Colour is reduced to 256 colours.
    seconds : float
        Time a frame stands; GIF counts in hundredths.
    zoom : int
        As in :func:`image_grid`.
    loop : bool
        Start again at the end, for ever.
    bounce : bool
        Play forth and back.

    Raises
    ------
    ImageError
        If the frames are no images, or not of one shape.
    PictureError
        If the suffix is another one, ``seconds`` is out of range, or the file cannot be written.

    Examples
    --------
    >>> import tempfile, torch
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_gif(Path(folder) / "noise.gif", torch.rand(4, 1, 28, 28))
    ...     (Path(folder) / "noise.gif").read_bytes()[:6]
    b'GIF89a'
    """
    from PIL import Image

    if not str(path).lower().endswith(".gif"):
        raise PictureError(f"{path}: an animation is a GIF; give a name that ends in .gif")
    if not 0.01 <= seconds <= 600:
        raise PictureError(f"seconds={seconds!r} is out of range; give 0.01 to 600")
    if zoom < 1:
        raise ImageError(f"zoom={zoom} is out of range; give 1 or more")
    pixels = to_pixels(frames) if isinstance(frames, Tensor) else _stacked(frames)
    pictures = [Image.fromarray(frame) for frame in pixels.repeat(zoom, 1).repeat(zoom, 2)]
    if bounce:
        pictures += pictures[-2:0:-1]
    options: dict[str, Any] = {"loop": 0} if loop else {}
    with atomic_write(path) as temporary:
        pictures[0].save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=10 * round(100 * seconds),
            **options,
        )


def to_pixels(images: Tensor) -> Pixels:
    """Bytes (N, h, w) or (N, h, w, 3) of float images (N, c, h, w) in [0, 1], clipped.

    Raises
    ------
    ImageError
        If it is no such tensor, holds NaN, or no image.

    Examples
    --------
    >>> import torch
    >>> to_pixels(torch.tensor([[[[0.0, 0.5, 2.0]]]])).tolist()
    [[[0, 128, 255]]]
    """
    if not isinstance(images, Tensor):
        raise ImageError(f"{type(images).__name__} is no tensor; give floats (N, c, h, w)")
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not images.is_floating_point():
        raise ImageError(
            f"a tensor {tuple(images.shape)} of {images.dtype} holds no images; give floats "
            "(N, 1, h, w) or (N, 3, h, w) in [0, 1]"
        )
    if 0 in images.shape:
        raise ImageError(f"a tensor {tuple(images.shape)} is empty; give at least one image")
    if images.isnan().any():
        raise ImageError("the images hold NaN; give values in [0, 1]")
    values = (images.detach().float().clamp(0, 1) * 255).round().cpu().numpy().astype(np.uint8)
    return values[:, 0] if values.shape[1] == 1 else np.moveaxis(values, 1, -1)


def _stacked(frames: Sequence[Pixels]) -> Pixels:
    """Frames (N, H, W) or (N, H, W, 3) from a sequence of arrays."""
    shapes = {np.shape(frame) for frame in frames}
    if len(shapes) != 1 or any(frame.dtype != np.uint8 for frame in frames):
        raise ImageError(
            f"frames of shapes {sorted(shapes)} make no animation; give one or more uint8 arrays "
            "of one shape"
        )
    stack = np.stack(frames)
    if stack.ndim not in (3, 4) or stack.shape[3:] not in ((), (3,)):
        raise ImageError(f"a frame of shape {stack.shape[1:]} is not (H, W) or (H, W, 3)")
    return stack


def _margin(sheet: Pixels, words: Sequence[str], tops: Sequence[int], height: int) -> Pixels:
    """What is put at the left of a sheet: a word in the middle of each row's height."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(min(max(0.6 * height, 8), 24))
    boxes = [font.getbbox(word) for word in words]
    width = math.ceil(max(box[2] for box in boxes)) + 8
    canvas = Image.new("L", (width, len(sheet)), SEPARATOR)
    draw = ImageDraw.Draw(canvas)
    for word, top in zip(words, tops, strict=True):
        draw.text((width - 4, top + height / 2), word, fill=INK, font=font, anchor="rm")
    margin = np.asarray(canvas)
    return margin if sheet.ndim == 2 else np.repeat(margin[..., None], 3, 2)
