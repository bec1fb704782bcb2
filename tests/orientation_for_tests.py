"""Gratings, edges and angles, for tests of orientation, edges and jets."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr


def grating(theta, wavelength=9.0, size=96, phase=0.4):
    y, x = np.mgrid[:size, :size]
    return np.cos(2 * np.pi / wavelength * (x * np.cos(theta) + y * np.sin(theta)) + phase)


def distance_across(theta, size=96, centre=None):
    """Signed distance in pixels from a line through the centre with normal theta."""
    y, x = np.mgrid[:size, :size] - ((size - 1) / 2 if centre is None else centre)
    return x * np.cos(theta) + y * np.sin(theta)


def step(theta, size=96, blur=0.5, offset=0.0):
    """Brightness that rises from 0 to 1 along theta."""
    return ndtr((distance_across(theta, size) - offset) / blur)


def line(theta, size=96, width=0.7, offset=0.0):
    return np.exp(-((distance_across(theta, size) - offset) ** 2) / (2 * width**2))


def angular_error(angle, theta):
    """Degrees between two orientations."""
    return np.rad2deg(np.abs((angle - theta + np.pi / 2) % np.pi - np.pi / 2))


def noisy(image, decibels, seed=0):
    """White noise added to a grating of amplitude 1, whose power is 1/2."""
    deviation = np.sqrt(0.5 / 10 ** (decibels / 10))
    return image + np.random.default_rng(seed).normal(0, deviation, image.shape)
