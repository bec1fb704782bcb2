"""kymatio's scattering transform as its documentation defines it, slowly, one filter at a time.

An independent reference: filters are sampled in space, wrapped, and transformed; every product is
made on the full grid.
"""

from __future__ import annotations

import math

import numpy as np


def gaussian(shape, sigma, theta, xi, slant):
    """Envelope times exp(i xi u), summed over five periods along each axis; the row comes first."""
    total = np.zeros(shape, complex)
    for ey in range(-2, 3):
        for ex in range(-2, 3):
            y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
            y, x = y + ey * shape[0], x + ex * shape[1]
            along = y * math.cos(theta) + x * math.sin(theta)
            across = x * math.cos(theta) - y * math.sin(theta)
            envelope = np.exp(-(along**2 + slant**2 * across**2) / (2 * sigma**2))
            total += envelope * np.exp(1j * xi * along)
    return total / (2 * 3.1415 * sigma**2 / slant)


def wavelet(shape, j, place, angles):
    sigma, xi, slant = 0.8 * 2**j, 0.75 * math.pi / 2**j, 4 / angles
    theta = (int(angles - angles / 2 - 1) - place) * math.pi / angles
    wave = gaussian(shape, sigma, theta, xi, slant)
    plain = gaussian(shape, sigma, theta, 0, slant)
    return np.fft.fft2(wave - wave.sum() / plain.sum() * plain).real


def cropped(spectrum, octaves):
    """The frequencies that every ``2**octaves``-th pixel has."""
    for axis in (0, 1):
        size = spectrum.shape[axis]
        half = size >> (octaves + 1)
        keep = np.r_[0:half, size - half : size]
        spectrum = np.take(spectrum, keep, axis)
    return spectrum


def folded(spectrum, times):
    height, width = spectrum.shape[0] // times, spectrum.shape[1] // times
    return spectrum.reshape(times, height, times, width).mean((0, 2))


def kymatio_scattering(image, octaves, angles=8, order=2):
    """Coefficients (C, h, w) of one picture."""
    unit = 2**octaves
    padded_shape = [((size + unit) // unit + 1) * unit for size in image.shape]
    margins = [
        ((padded - size) // 2, (padded - size + 1) // 2)
        for padded, size in zip(padded_shape, image.shape, strict=True)
    ]
    transformed = np.fft.fft2(np.pad(image, margins, mode="reflect"))
    shape = transformed.shape
    psi = [(j, wavelet(shape, j, place, angles)) for j in range(octaves) for place in range(angles)]
    phi = np.fft.fft2(gaussian(shape, 0.8 * 2 ** (octaves - 1), 0, 0, 1)).real

    def average(spectrum, octave):
        low = folded(spectrum * cropped(phi, octave), 2 ** (octaves - octave))
        return np.fft.ifft2(low).real[1:-1, 1:-1]

    zeroth, first, second = [average(transformed, 0)], [], []
    for j1, psi1 in psi if order else ():
        modulus = np.fft.fft2(abs(np.fft.ifft2(folded(transformed * psi1, 2**j1))))
        first.append(average(modulus, j1))
        for j2, psi2 in psi if order > 1 else ():
            if j2 > j1:
                product = folded(modulus * cropped(psi2, j1), 2 ** (j2 - j1))
                again = np.fft.fft2(abs(np.fft.ifft2(product)))
                second.append(average(again, j2))
    return np.array(zeroth + first + second)


def import_kymatio():
    """kymatio's NumPy front end, which imports a name that SciPy has removed, for spheres."""
    import scipy.special

    if not hasattr(scipy.special, "sph_harm"):
        scipy.special.sph_harm = None
    from kymatio.scattering2d.frontend.numpy_frontend import ScatteringNumPy2D

    return ScatteringNumPy2D
