"""Synthetic textures for tests and mosaics, each of mean 0 and deviation 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import scipy

from ..types import RealArray

Shape = tuple[int, int]


def spots(shape: Shape, seed: int = 0, *, spacing: float = 14.0) -> RealArray:
    """Blobs without a direction, about ``spacing`` pixels apart."""
    noise = _noise(shape, seed, lambda fy, fx: _ring(fy, fx, 1 / spacing))
    return standard(np.tanh(3 * (standard(noise) - 0.4)))


def waves(
    shape: Shape, seed: int = 0, *, wavelength: float = 12.0, theta: float = math.pi / 3
) -> RealArray:
    """Ripples whose wave vectors lie around ``theta``, in radians."""

    def gain(fy: RealArray, fx: RealArray) -> RealArray:
        apart = np.angle(np.exp(2j * (np.arctan2(fy, fx) - theta))) / 2
        return _ring(fy, fx, 1 / wavelength) * np.exp(-((apart / 0.25) ** 2))

    return standard(_noise(shape, seed, gain))


def sand(shape: Shape, seed: int = 0) -> RealArray:
    """Grains: noise whose spectrum falls as 1 / frequency."""
    return standard(_noise(shape, seed, lambda fy, fx: 1 / (0.05 + np.hypot(fy, fx))))


def cells(shape: Shape, seed: int = 0, *, spacing: float = 22.0) -> RealArray:
    """Rough cells with dark walls, around points ``spacing`` pixels apart."""
    rng = np.random.default_rng(seed)
    grid = np.meshgrid(*(np.arange(-spacing, size + spacing, spacing) for size in shape))
    points = np.stack(grid, -1).reshape(-1, 2)
    points += rng.uniform(-0.45, 0.45, points.shape) * spacing
    pixels = np.indices(shape).reshape(2, -1).T
    nearest, _ = scipy.spatial.KDTree(points).query(pixels, 2)
    walls = np.minimum((nearest[:, 1] - nearest[:, 0]) / 6, 1).reshape(shape)
    return standard(walls + 0.15 * rng.standard_normal(shape))


def weave(
    shape: Shape, seed: int = 0, *, period: float = 10.0, jitter: float = 1.0, noise: float = 0.15
) -> RealArray:
    """Twill: every thread passes over two others and under two.

    Parameters
    ----------
    shape : (int, int)
    seed : int
    period : float
        Width of a thread, in pixels; without jitter, threads begin at multiples of it.
    jitter : float
        Deviation of threads from their places, in pixels.
    noise : float
        Deviation of the noise; the brightest thread has 1.
    """
    rng = np.random.default_rng(seed)
    y, x = (
        coordinate + jitter * standard(_noise(shape, rng, lambda fy, fx: _blur(fy, fx, 0.01)))
        for coordinate in np.indices(shape).astype(float)
    )
    across, along = np.floor(x / period), np.floor(y / period)
    warp, weft = (np.sqrt(1 - (2 * (z / period % 1) - 1) ** 2) for z in (x, y))
    over = (across + along) % 4 < 2
    threads = np.where(over, warp * (0.6 + 0.4 * weft), 0.8 * weft * (0.6 + 0.4 * warp))
    return standard(threads + noise * rng.standard_normal(shape))


#: The textures by name.
TEXTURES: Mapping[str, Callable[..., RealArray]] = {
    "spots": spots,
    "waves": waves,
    "sand": sand,
    "cells": cells,
    "weave": weave,
}


def standard(values: RealArray) -> RealArray:
    """Values of mean 0 and deviation 1."""
    return (values - values.mean()) / values.std()


def _noise(
    shape: Shape,
    seed: int | np.random.Generator,
    gain: Callable[[RealArray, RealArray], RealArray],
) -> RealArray:
    """White noise through a filter, given by its transfer function in cycles per pixel."""
    white = np.random.default_rng(seed).standard_normal(shape)
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    return np.fft.irfft2(np.fft.rfft2(white) * gain(fy, fx), shape)


def _ring(fy: RealArray, fx: RealArray, frequency: float) -> RealArray:
    return np.exp(-(((np.hypot(fy, fx) - frequency) / (0.25 * frequency)) ** 2))


def _blur(fy: RealArray, fx: RealArray, cutoff: float) -> RealArray:
    return np.exp(-((np.hypot(fy, fx) / cutoff) ** 2))
