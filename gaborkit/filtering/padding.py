"""What lies outside the image: SciPy's five modes, for every array library.

For a row ``a b c d``, with the outside to the left and right of it::

    reflect    d c b a | a b c d | d c b a
    mirror     . d c b | a b c d | c b a .
    nearest    a a a a | a b c d | d d d d
    constant   0 0 0 0 | a b c d | 0 0 0 0
    wrap       a b c d | a b c d | a b c d
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import FilterError
from ..types import BOUNDARIES, Array, Boundary
from .backend import Library


def source_index(size: int, margin: int, boundary: Boundary) -> NDArray[np.intp]:
    """Index into an axis of ``size`` for each position from -margin to size + margin - 1.

    Any margin is allowed: the pattern repeats for images smaller than the kernel.

    Examples
    --------
    >>> source_index(4, 3, "mirror")
    array([3, 2, 1, 0, 1, 2, 3, 2, 1, 0])
    """
    position = np.arange(-margin, size + margin)
    match boundary:
        case "wrap":
            return position % size
        case "nearest":
            return position.clip(0, size - 1)
        case "reflect":
            folded = position % (2 * size)
            return np.minimum(folded, 2 * size - 1 - folded)
        case "mirror":
            period = max(1, 2 * size - 2)
            folded = position % period
            return np.minimum(folded, period - folded)
        case _:
            raise FilterError(f"boundary {boundary!r} takes no index")


def check_boundary(boundary: str) -> None:
    """Raise FilterError for an unknown mode."""
    if boundary not in BOUNDARIES:
        raise FilterError(
            f"boundary={boundary!r} is unknown; choose one of {', '.join(BOUNDARIES)}"
        )


def pad(library: Library, image: Array, margin: int, boundary: Boundary) -> Array:
    """``image`` (..., H, W) with ``margin`` pixels of the outside on all sides."""
    if margin == 0:
        return image
    if boundary == "constant":
        return library.pad_zeros(image, margin)
    height, width = (int(size) for size in image.shape[-2:])  # while torch traces, they are tensors
    # Rows last: taking whole rows is the cheaper of the two on a grown array.
    image = library.take(image, source_index(width, margin, boundary), image.ndim - 1)
    return library.take(image, source_index(height, margin, boundary), image.ndim - 2)
