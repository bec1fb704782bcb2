"""The one plane that functions of grey pictures look at: the picture itself, or of its colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..filtering.backend import as_array
from ..io.images import luminance


def plane_of(
    image: Any,
    channel_axis: int | None,
    reduce: Callable[[Any, int], Any] = luminance,
) -> NDArray[Any]:
    """A picture as an array (H, W), of colours what ``reduce`` makes of them.

    The dtype stays as it is where there is no ``channel_axis``.

    Raises
    ------
    ImageError
        If the picture is not (H, W), has no pixels, or has no such axis of 1 to 4 channels.

    Examples
    --------
    >>> plane_of(np.ones((2, 3, 3)), -1).shape
    (2, 3)
    >>> plane_of(np.ones((8, 9, 3)), None)
    Traceback (most recent call last):
    gaborkit.errors.ImageError: a picture of shape (8, 9, 3) is not (H, W); give channel_axis=-1 \
if these are colours, or one picture at a time
    """
    plane = as_array(image if channel_axis is None else reduce(image, channel_axis))
    if plane.ndim == 2 and plane.size:
        return plane
    if not plane.size:
        raise ImageError(f"a picture of shape {np.shape(image)} has no pixels")
    shape = plane.shape if channel_axis is None else np.shape(image)
    axes = [axis for axis in (-1, 0) if len(shape) == 3 and shape[axis] <= 4]
    colours = f"channel_axis={axes[0]} if these are colours, or " if axes else ""
    raise ImageError(
        f"a picture of shape {shape} is not (H, W); give {colours}one picture at a time"
    )
