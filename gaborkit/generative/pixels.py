"""Images as floats, whatever they are stored as."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


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


def to_floats(images: Tensor) -> Tensor:
    """Images as float32 in [0, 1]: uint8 is divided by 255, floats stay.

    Examples
    --------
    >>> to_floats(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()
