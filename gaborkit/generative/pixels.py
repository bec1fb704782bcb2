"""Images as floats, whatever they are stored as, and of another size."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from ..errors import GaborkitError


def as_tensor(images: ArrayLike | Tensor) -> Tensor:
    """A tensor of images that may be an array or a list of arrays.

    Examples
    --------
    >>> as_tensor(np.zeros((2, 1, 8, 8))).shape
    torch.Size([2, 1, 8, 8])
    """
    if isinstance(images, Tensor):
        return images
    return torch.from_numpy(np.array(images))


def to_floats(
    images: Tensor,
    error: type[GaborkitError] | None = None,
    shape: tuple[int, int, int] | None = None,
) -> Tensor:
    """Images as float32 in [0, 1]: uint8 is divided by 255, floats stay.

    Raises
    ------
    error
        If there is one, and they are neither uint8 nor floats in [0, 1], or not of a ``shape``,
        (colours, h, w), that is asked for.

    Examples
    --------
    >>> to_floats(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """
    if error is not None and shape not in (None, tuple(images.shape[1:])):
        raise error(
            f"images of shape {tuple(images.shape)} do not fit this representation of "
            f"(B, {', '.join(map(str, shape))})"
        )
    if images.dtype == torch.uint8:
        return images.float() / 255
    if error is not None and not images.dtype.is_floating_point:
        raise error(f"images of dtype {images.dtype} are neither uint8 nor floats in [0, 1]")
    if error is not None and images.numel():
        low, high = (float(value) for value in images.aminmax())
        if not (low >= 0 and high <= 1):  # nor of NaN
            raise error(
                f"images hold floats from {low:g} to {high:g}; floats in [0, 1] or uint8 work: "
                "scale them first"
            )
    return images.float()


def shrunk(images: Tensor, factor: int) -> Tensor:
    """Float images (B, C, h, w) of a side ``factor`` times shorter: bicubic, with antialiasing.

    Examples
    --------
    >>> shrunk(torch.ones(1, 1, 28, 28), 2).shape
    torch.Size([1, 1, 14, 14])
    """
    size = tuple(side // factor for side in images.shape[-2:])
    return functional.interpolate(images, size=size, mode="bicubic", antialias=True).clamp(0, 1)


def enlarged(images: Tensor, factor: int) -> Tensor:
    """Float images (B, C, h, w) of a side ``factor`` times longer: bicubic.

    Examples
    --------
    >>> enlarged(torch.ones(1, 1, 7, 5), 2).shape
    torch.Size([1, 1, 14, 10])
    """
    return functional.interpolate(images, scale_factor=factor, mode="bicubic").clamp(0, 1)
