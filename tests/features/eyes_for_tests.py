"""Synthetic eyes: an iris of seeded noise between two circles, turned, lit, noisy, half covered."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

PUPIL, IRIS = (101.0, 118.5, 30.0), (100.0, 120.0, 85.0)


def eye(person, *, degrees=0.0, noise=0.0, seed=0, gain=1.0, cover=0.0):
    """Picture (200, 240) and where its iris is seen; theta grows by ``degrees``."""
    texture = np.random.default_rng(person).normal(size=(48, 384))
    texture = gaussian_filter(texture, (1.5, 2.5), mode=("nearest", "wrap"))
    texture /= texture.std()
    y, x = np.mgrid[:200, :240].astype(float)
    # The share of the way from circle to circle, by a few steps of Newton's method in share alone.
    angle = np.arctan2(y - IRIS[0], x - IRIS[1])
    share = np.full(y.shape, 0.5)
    for _ in range(30):
        centre = [(1 - share) * p + share * q for p, q in zip(PUPIL, IRIS, strict=True)]
        angle = np.arctan2(y - centre[0], x - centre[1])
        share = share + (np.hypot(y - centre[0], x - centre[1]) - centre[2]) / (IRIS[2] - PUPIL[2])
    columns = (np.rad2deg(angle) - degrees) / 360 * 384 % 384
    iris = map_coordinates(texture, [share * 48 - 0.5, columns], order=1, mode="grid-wrap")
    picture = np.where(share < 0, 10.0, np.where(share > 1, 200.0, 100 + 30 * iris))
    rng = np.random.default_rng((person, seed))
    picture = gain * picture + rng.normal(0, 1, picture.shape) * noise
    seen = y >= IRIS[0] - IRIS[2] + cover * 2 * IRIS[2]  # a lid from above
    return np.where(seen, picture, 150.0), seen
