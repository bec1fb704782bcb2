"""Small pictures of textures that the tests know the truth of."""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def stripes(shape, wavelength, theta, noise=0.2, seed=0):
    """A noisy grating of deviation about 1."""
    y, x = np.indices(shape)
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * (x * np.cos(theta) + y * np.sin(theta)) / wavelength)
    return (np.sqrt(2) * wave + noise * rng.standard_normal(shape)).astype(np.float32)


def blotches(shape, sigma=1.0, seed=0):
    """Noise without a direction."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), sigma)
    return (noise / noise.std()).astype(np.float32)


def patchwork(side=128):
    """Four quarters, and which of them a pixel belongs to."""
    shape = (side, side)
    textures = [
        stripes(shape, 8, 0),
        stripes(shape, 8, np.pi / 2),
        stripes(shape, 4, np.pi / 4),
        blotches(shape),
    ]
    y, x = np.indices(shape)
    truth = (x >= side // 2) + 2 * (y >= side // 2)
    return np.choose(truth, textures), truth
