"""The Gabor kernel's transfer function in closed form, for an envelope of unit mass and no phase.

A Gaussian at the wave vector minus C times a Gaussian at zero. On the pixel grid every Gaussian
repeats with period 1 (Poisson's summation), and C is the ratio at zero of the two repeated ones.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..types import Array, RealArray


def gabor_transfer(
    fy: RealArray,
    fx: RealArray,
    *,
    wavelength: float,
    theta: float,
    sigma: float,
    gamma: float,
    scale: float,
    dc_free: bool,
    sampled: bool,
) -> RealArray:
    """Real transfer function at frequencies in cycles per pixel, on the grid if ``sampled``."""
    fy, fx = np.asarray(fy, float), np.asarray(fx, float)
    cos, sin, spread = math.cos(theta), math.sin(theta), sigma * scale
    centre_y, centre_x = sin / (wavelength * scale), cos / (wavelength * scale)

    def gauss(fy: RealArray, fx: RealArray) -> RealArray:
        along, across = fx * cos + fy * sin, (fy * cos - fx * sin) / gamma
        return np.exp(-2 * (math.pi * spread) ** 2 * (along**2 + across**2))

    if not sampled:
        dc = math.exp(-2 * (math.pi * sigma / wavelength) ** 2) if dc_free else 0.0
        return gauss(fy - centre_y, fx - centre_x) - dc * gauss(fy, fx)

    # 8.5 deviations leave out less than rounding.
    reach = math.ceil(0.5 + 8.5 * max(1.0, gamma) / (2 * math.pi * spread))

    def periodic(fy: RealArray, fx: RealArray) -> RealArray:
        fy, fx = fy - np.round(fy), fx - np.round(fx)
        total = np.zeros(np.broadcast_shapes(fy.shape, fx.shape))
        for m in range(-reach, reach + 1):
            for n in range(-reach, reach + 1):
                # The nearest point of this alias's cell: exp(-37) is below rounding.
                along = max(0.0, abs(n * cos + m * sin) - 0.75)
                across = max(0.0, abs(m * cos - n * sin) - 0.75) / gamma
                if 2 * (math.pi * spread) ** 2 * (along**2 + across**2) < 37:
                    total += gauss(fy + m, fx + n)
        return total

    plain = periodic(fy - centre_y, fx - centre_x)
    if not dc_free:
        return plain
    zero = np.zeros(())
    dc = float(periodic(zero - centre_y, zero - centre_x) / periodic(zero, zero))
    return plain - dc * periodic(fy, fx)


def transfer_peak(roundness: Array, xp: Any = math) -> Array:
    """Where exp(-(u - k)^2 / 2) - exp(-(u^2 + k^2) / 2) is largest, for k = ``roundness``.

    The derivative vanishes where u (1 - exp(-u k)) = k; Newton's steps from above converge, to
    rounding in four. ``xp`` is NumPy or torch where ``roundness`` is an array or a tensor.
    """
    u = roundness + 1 / (1 + roundness)
    for _ in range(6):
        decay = xp.exp(-u * roundness)
        slope = 1 - decay + u * roundness * decay
        u = u - (-u * xp.expm1(-u * roundness) - roundness) / slope
    return u
