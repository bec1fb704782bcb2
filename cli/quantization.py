"""Responses as the values that a picture file holds, and how to get back from these."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaborkit.types import RealArray

_LIMITS = {"phase": (-math.pi, math.pi)}


def quantize(
    values: RealArray, part: str, bits: int = 8, limits: tuple[float, float] | None = None
) -> tuple[NDArray[Any], dict[str, float]]:
    """Whole numbers for a picture, and the mapping by which value = offset + gain * stored.

    Real and imaginary parts have zero at 128 (32768 in 16 bits) and the largest magnitude at the
    end of the range. Magnitudes and energies run from 0 to the largest, phases from -pi to pi.

    Parameters
    ----------
    values : array of floats
        One part of the responses.
    part : {"real", "imag", "magnitude", "energy", "phase"}
        Which one.
    bits : {8, 16}
        Of the picture.
    limits : (float, float), optional
        Values at the two ends instead; what lies outside is clipped.

    Returns
    -------
    stored : uint8 or uint16 array
    mapping : dict
        ``offset``, ``gain`` and the number of ``clipped`` values.

    Examples
    --------
    >>> stored, mapping = quantize(np.array([-0.5, 0.0, 1.0]), "real")
    >>> stored.tolist(), mapping["offset"] + mapping["gain"] * 255
    ([64, 128, 255], 1.0)
    """
    top, zero = 2**bits - 1, 2 ** (bits - 1)
    if limits is None and part in ("real", "imag"):
        gain = float(np.abs(values).max()) / (top - zero) or 1.0
        low = -zero * gain
    else:
        low, high = limits or _LIMITS.get(part, (0.0, float(values.max())))
        gain = (high - low) / top or 1.0
    levels = np.rint((np.asarray(values, np.float64) - low) / gain)
    clipped = int(np.count_nonzero((levels < 0) | (levels > top)))
    stored = levels.clip(0, top).astype(np.uint8 if bits == 8 else np.uint16)
    return stored, {"offset": low, "gain": gain, "clipped": clipped}
