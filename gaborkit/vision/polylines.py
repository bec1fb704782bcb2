"""Lines of a width drawn into planes."""

from __future__ import annotations

import itertools

import numpy as np

from ..types import RealArray


def draw_polyline(plane: RealArray, points: RealArray, width: float, value: float) -> None:
    """Set the pixels within half a width of a line to a value, in place.

    Parameters
    ----------
    plane : float array (H, W)
    points : float array (N, 2)
        Rows and columns in pixels, whose centres are whole numbers; they may lie outside.
    width : float
        In pixels; a pixel at least.
    value : float

    Examples
    --------
    >>> plane = np.zeros((5, 6))
    >>> draw_polyline(plane, np.array([[2.0, 1], [2, 4]]), 1, 7)
    >>> plane[2].tolist(), float(plane.sum())
    ([0.0, 7.0, 7.0, 7.0, 7.0, 0.0], 28.0)
    """
    half = max(width, 1.0) / 2
    for start, end in itertools.pairwise(points):
        low = np.maximum(np.floor(np.minimum(start, end) - half), 0).astype(int)
        high = np.minimum(np.ceil(np.maximum(start, end) + half) + 1, plane.shape).astype(int)
        if (low >= high).any():
            continue
        down, right = end - start
        y = np.arange(low[0], high[0])[:, None] - start[0]
        x = np.arange(low[1], high[1]) - start[1]
        along = ((y * down + x * right) / (down**2 + right**2 or 1)).clip(0, 1)
        apart = (y - along * down) ** 2 + (x - along * right) ** 2
        plane[low[0] : high[0], low[1] : high[1]][apart <= half**2] = value
