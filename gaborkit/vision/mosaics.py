"""Mosaics of textures with their truth, and how much of it a segmentation finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..errors import FeatureError
from ..io.images import luminance
from ..types import RealArray

Equalise = Literal["histogram", "moments", "none"]
EQUALISE: tuple[str, ...] = get_args(Equalise)


def mosaic(
    textures: Sequence[ArrayLike],
    side: int = 512,
    *,
    equalise: Equalise = "histogram",
    channel_axis: int | None = None,
) -> tuple[RealArray, NDArray[np.uint8]]:
    """A square picture of two to five textures, and the truth.

    Two are side by side, three are a half and two quarters, four are quarters, and a fifth is a
    disc in the middle that touches the other four.

    Parameters
    ----------
    textures : sequence of real arrays (h, w)
        The part of each that is seen is where it lies; smaller ones go on mirrored.
    side : int
        Of the mosaic, in pixels.
    equalise : {"histogram", "moments", "none"}
        ``histogram`` gives every texture all grey levels from 0 to 255 equally often, so that grey
        level, contrast and every other statistic of single pixels tell nothing apart; ``moments``
        the mean 128 and the deviation 48.

    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    picture : float32 array (side, side)
    truth : uint8 array (side, side)
        The place in ``textures`` of each pixel's.

    Raises
    ------
    FeatureError
        If there are not 2 to 5 textures, one is no grey picture, or an option is unknown.

    Examples
    --------
    >>> picture, truth = mosaic([np.eye(64), np.tri(64)], 64)
    >>> truth[0, ::16]
    array([0, 0, 1, 1], dtype=uint8)
    >>> float(picture[:, :32].mean()), float(picture[:, 32:].mean())
    (127.5, 127.5)
    """
    if not 2 <= len(textures) <= 5:
        raise FeatureError(f"{len(textures)} textures make no mosaic; give 2 to 5")
    if equalise not in EQUALISE:
        raise FeatureError(f"equalise={equalise!r} is unknown; choose one of {', '.join(EQUALISE)}")
    truth = layout(len(textures), side)
    picture = np.empty((side, side), np.float32)
    for k, texture in enumerate(textures):
        values = np.asarray(
            texture if channel_axis is None else luminance(np.asarray(texture), channel_axis)
        )
        if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "buif":
            raise FeatureError(
                f"texture {k} of shape {values.shape} and dtype {values.dtype} is no grey picture; "
                "of colours, give channel_axis, such as -1"
            )
        missing = [(0, max(0, side - size)) for size in values.shape]
        seen = np.pad(values, missing, mode="symmetric")[:side, :side][truth == k]
        picture[truth == k] = _equalised(seen.astype(np.float64), equalise)
    return picture, truth


def layout(count: int, side: int) -> NDArray[np.uint8]:
    """Which of ``count`` textures (2 to 5) lies where in a mosaic."""
    y, x = np.indices((side, side))
    right, below = ((coordinate >= side // 2).astype(np.uint8) for coordinate in (x, y))
    if count == 2:
        return right
    if count == 3:
        return right + right * below
    truth = right + 2 * below
    if count == 5:
        middle = (side - 1) / 2
        truth[np.hypot(x - middle, y - middle) < side / 4] = 4
    return truth


def accuracy(labels: ArrayLike, truth: ArrayLike) -> float:
    """Share of pixels that are right, for the best assignment of labels to true ones.

    Each label stands for one true one at most: a texture split in two is half wrong.

    Parameters
    ----------
    labels, truth : arrays of integers of one shape

    Raises
    ------
    FeatureError
        If the shapes differ, or there are no pixels.

    Examples
    --------
    >>> accuracy([5, 5, 5, 3, 4, 4], [0, 0, 1, 1, 1, 1])
    0.6666666666666666
    """
    predicted, right = np.asarray(labels), np.asarray(truth)
    if predicted.shape != right.shape or predicted.size == 0:
        raise FeatureError(f"labels of shape {predicted.shape} do not fit a truth of {right.shape}")
    _, one = np.unique(predicted, return_inverse=True)
    _, other = np.unique(right, return_inverse=True)
    counts = np.zeros((one.max() + 1, other.max() + 1), np.int64)
    np.add.at(counts, (one.ravel(), other.ravel()), 1)
    rows, columns = scipy.optimize.linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / predicted.size)


def _equalised(values: NDArray[Any], how: Equalise) -> NDArray[Any]:
    if how == "none":
        return values
    if how == "moments":
        return 128 + 48 * (values - values.mean()) / (values.std() or 1)
    levels = np.empty(values.size)
    # Equal values come one after the other as they lie: a texture of few levels gets grains.
    levels[np.argsort(values, kind="stable")] = np.linspace(0, 255, values.size)
    return levels
