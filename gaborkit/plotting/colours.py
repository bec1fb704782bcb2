"""Colour maps and scales that the plots share, readable without telling red from green."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from ..types import RealArray

#: Signed values, white at zero.
SIGNED = "RdBu_r"
#: Values from zero up.
SEQUENTIAL = "viridis"
#: Angles: the same colour at -180 and 180 degrees.
CYCLIC = "twilight"

#: What a phase fades to where there is no magnitude: the lightness between the map's extremes.
_GREY = 0.62

#: Relative magnitude from which on a phase is shown in its pure colour.
PURE = 0.2


def signed_norm(limit: float) -> Any:
    """Scale from ``-limit`` to ``limit``, so that zero has the middle colour of its map."""
    limit = limit if limit > 0 else 1.0
    return Normalize(-limit, limit)


def magnitude_norm(limit: float) -> Any:
    """Scale from 0 to ``limit``."""
    return Normalize(0, limit if limit > 0 else 1.0)


def phase_colours(phase: RealArray, strength: RealArray) -> NDArray[np.uint8]:
    """Colours of angles, fading to grey as the strength falls to zero.

    Parameters
    ----------
    phase : array of floats
        Radians.
    strength : array of floats
        Magnitude relative to the largest; the colour is pure from a fifth on.

    Returns
    -------
    uint8 array (..., 4)
        Red, green, blue, alpha.

    Examples
    --------
    >>> import numpy as np
    >>> phase_colours(np.array([-np.pi, np.pi]), np.array([1.0, 1.0])).tolist()
    [[226, 217, 226, 255], [226, 217, 226, 255]]
    """
    turns = np.mod(np.asarray(phase) / (2 * np.pi) + 0.5, 1.0)
    colours = np.array(matplotlib.colormaps[CYCLIC](turns))
    colours[..., :3] = _GREY + np.clip(np.asarray(strength) / PURE, 0, 1)[..., None] * (
        colours[..., :3] - _GREY
    )
    return np.asarray(np.round(255 * colours), np.uint8)


def phase_key() -> Any:
    """What a colour bar needs to explain :func:`phase_colours`, in degrees."""
    return ScalarMappable(Normalize(-180, 180), CYCLIC)


#: Where a scale of phases is labelled, in degrees.
PHASE_TICKS = (-180, -90, 0, 90, 180)
