"""Other libraries' ways to filter with a bank, at their best.

Kernels and their spectra are made before the time measured, where the library lets them be made
apart. Kernels have radius 3 sigma and, as these libraries have none, no DC-removal term.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..types import RealArray
from .contestants import Contestant, Problem, Result, Run


def _skimage(problem: Problem) -> Run:
    from skimage.filters import gabor

    def run() -> Any:
        result = Result(problem)
        for k, kernel in enumerate(problem.plain):
            sigma = problem.sigmas[k // problem.orientations]
            real, imag = gabor(
                problem.image,
                kernel.frequency,
                kernel.theta,
                sigma_x=sigma,
                sigma_y=sigma,
                n_stds=3,
                mode="reflect",
            )
            result.put(k, real + 1j * imag)
        return result.array

    return run


def _skimage_seconds(problem: Problem) -> float:
    # SciPy's direct convolution takes about 0.75 ns for a multiplication.
    taps = sum((2 * problem.radius(scale) + 1) ** 2 for scale in range(problem.scales))
    return 0.75e-9 * 2 * problem.orientations * taps * problem.image.size


def _filter2d(problem: Problem) -> Run:
    import cv2

    # filter2D correlates: kernels are turned by half a circle.
    parts = [
        (np.ascontiguousarray(turned.real), np.ascontiguousarray(turned.imag))
        for scale in range(problem.scales)
        for turned in problem.kernels(scale)[:, ::-1, ::-1].astype(np.complex64)
    ]

    def correlate(kernel: RealArray) -> Any:
        return cv2.filter2D(problem.image, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT)

    def run() -> Any:
        result = Result(problem)
        for k, (real, imag) in enumerate(parts):
            result.put_parts(k, correlate(real), correlate(imag))
        return result.array

    return run


def _separable_filter2d(problem: Problem) -> Run:
    import cv2

    thetas = [kernel.theta for kernel in problem.bank[: problem.orientations]]

    def convolve(column: RealArray, row: RealArray) -> Any:
        turned = row[::-1], column[::-1]  # sepFilter2D correlates
        return cv2.sepFilter2D(problem.image, cv2.CV_32F, *turned, borderType=cv2.BORDER_REFLECT)

    def one_scale(scale: int, result: Result) -> None:
        first, sigma = scale * len(thetas), problem.sigmas[scale]
        line = np.arange(-problem.radius(scale), problem.radius(scale) + 1.0)
        gauss = np.exp(-(line**2) / (2 * sigma**2)) / math.sqrt(2 * math.pi) / sigma
        turn = 2 * math.pi / problem.wavelength / 2**scale * line
        for k in range(len(thetas) // 2 + 1):
            row = gauss * np.exp(1j * turn * math.cos(thetas[k]))
            column = gauss * np.exp(1j * turn * math.sin(thetas[k]))
            real, imag = convolve(column.real, row.real), convolve(column.real, row.imag)
            if k == 0:  # no sine along y
                result.put_parts(first, real, imag)
                continue
            sine = convolve(column.imag, row.real)
            if 2 * k == len(thetas):  # no sine along x
                result.put_parts(first + k, real, sine)
                continue
            sines = convolve(column.imag, row.imag)
            result.put_parts(first + k, real - sines, imag + sine)
            # pi - theta: the sine along x changes its sign.
            result.put_parts(first + len(thetas) - k, real + sines, sine - imag)

    def run() -> Any:
        result = Result(problem)
        for scale in range(problem.scales):
            one_scale(scale, result)
        return result.array

    return run


def _shared_fft(problem: Problem) -> Run:
    import scipy.fft

    height, width = problem.image.shape
    # A scale has its own margin: the transforms of narrow kernels stay small.
    prepared = []
    for scale in range(problem.scales):
        margin = problem.radius(scale)
        size = [scipy.fft.next_fast_len(side + 2 * margin) for side in (height, width)]
        kernels = problem.kernels(scale).astype(np.complex64)
        prepared.append((margin, size, scipy.fft.fft2(kernels, size, workers=-1)))

    def run() -> Any:
        result = Result(problem)
        for scale, (margin, size, spectra) in enumerate(prepared):
            padded = np.pad(problem.image, margin, "symmetric")
            transformed = scipy.fft.fft2(padded, size, workers=-1)
            inside = [slice(2 * margin, 2 * margin + side) for side in (height, width)]
            for k, spectrum in enumerate(spectra, scale * problem.orientations):
                response = scipy.fft.ifft2(transformed * spectrum, workers=-1, overwrite_x=True)
                result.put(k, response[*inside])
        return result.array

    return run


def _diplib(problem: Problem) -> Run:
    import diplib

    def run() -> Any:
        result = Result(problem)
        for k, kernel in enumerate(problem.plain):
            sigma = problem.sigmas[k // problem.orientations]
            response = diplib.Gabor2D(
                problem.image, [sigma, sigma], kernel.frequency, kernel.theta, ["mirror"]
            )
            result.put(k, np.asarray(response))
        return result.array

    return run


def _kymatio(problem: Problem) -> Run:
    from kymatio.numpy import Scattering2D

    scattering = Scattering2D(
        problem.scales, problem.image.shape, problem.orientations, max_order=1
    )
    return lambda: scattering(problem.image)[1:].mean((1, 2))


PEERS = (
    Contestant("cv2.sepFilter2D, theta and pi - theta shared", _separable_filter2d),
    Contestant("scipy.fft, one forward a scale, K inverse", _shared_fft),
    Contestant(
        "cv2.filter2D, 2 K real filters",
        _filter2d,
        # Large kernels go through its own Fourier transform.
        seconds=lambda problem: 60e-9 * len(problem.bank) * problem.image.size,
    ),
    Contestant("diplib.Gabor2D, recursive, K times", _diplib),
    Contestant(
        "kymatio, first layer, its own kernels",
        _kymatio,
        comparable=False,
        fits=lambda problem: problem.means and len(problem.image) >= 2**problem.scales,
    ),
    Contestant("skimage.filters.gabor, K times", _skimage, seconds=_skimage_seconds),
)
