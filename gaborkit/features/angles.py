"""Angles of vectors and of lines."""

from __future__ import annotations

import math

import numpy as np

from ..filtering.backend import library_of
from ..filtering.engines.pixelwise import angles
from ..filtering.engines.structures import available_here
from ..types import Array


def angle_of(y: Array, x: Array) -> Array:
    """Angle of finite vectors, in [-pi, pi], as ``arctan2``; of nothing 0.

    Within 3e-7 of that in single precision, by compiled code where there is any.

    Parameters
    ----------
    y, x : arrays or tensors of one shape and dtype

    Examples
    --------
    >>> angle_of(np.float32([0, 1, -2]), np.float32([0, 1, 0])).round(4)
    array([ 0.    ,  0.7854, -1.5708], dtype=float32)
    """
    if library_of(y).name == "torch":
        nothing = (y == 0) & (x == 0)  # before torch 2.9 it has no slope there but NaN
        result: Array = y.masked_fill(nothing, 0).arctan2(x.masked_fill(nothing, 1))
        return result
    single = y.dtype == x.dtype == np.float32
    return angles(y, x) if single and available_here() else np.arctan2(y, x)


def half_circle(angle: Array) -> Array:
    """The angle of the same line in [0, pi)."""
    turns = angle / math.pi
    # By floor, as a remainder takes ten times as long in single precision; it may leave a rounding
    # below 0, or pi of one below 0.
    folded = angle - math.pi * (np.floor(turns) if isinstance(turns, np.ndarray) else turns.floor())
    return folded.clip(0) * (folded < math.pi)
