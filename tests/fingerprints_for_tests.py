"""What the tests of fingerprints share: gratings, and the tuned filter a pixel at a time."""

from __future__ import annotations

import functools

import numpy as np

import gaborkit as gk
from gaborkit.filtering.padding import source_index
from gaborkit.vision.fingerprint import SyntheticFingerprint, synthetic_fingerprint


def grating(shape, wavelength, theta, phase=0.4, dtype=np.float64):
    y, x = np.mgrid[: shape[0], : shape[1]]
    across = x * np.cos(theta) + y * np.sin(theta)
    return np.cos(2 * np.pi / wavelength * across + phase).astype(dtype)


def apart(one, other):
    """Angle between undirected directions, in degrees."""
    return np.degrees(np.abs((one - other + np.pi / 2) % np.pi - np.pi / 2))


def tuned_pixel_by_pixel(image, theta, frequency, sigma):
    """A kernel for each pixel, sampled at its own wave vector, and one sum of products each."""
    radius = gk.GaborKernel(sigma=sigma).radius()
    height, width = image.shape
    padded = image[np.ix_(*(source_index(n, radius, "reflect") for n in image.shape))]
    found = np.zeros(image.shape)
    for i in range(height):
        for j in range(width):
            kernel = gk.GaborKernel(
                wavelength=1 / frequency[i, j], theta=theta[i, j], sigma=sigma, norm="gain"
            )
            around = padded[i : i + 2 * radius + 1, j : j + 2 * radius + 1]
            found[i, j] = 2 * np.sum(kernel.sample().real[::-1, ::-1] * around)
    return found


@functools.cache
def small_print(kind="loop", seed=0) -> SyntheticFingerprint:
    return synthetic_fingerprint((192, 160), kind=kind, seed=seed)
