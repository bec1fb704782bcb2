"""What :mod:`gaborkit.bench.compare` compares: a problem, and ways to solve it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np

from ..bank import GaborBank
from ..filtering.padding import source_index
from ..kernels.conventions import sigma_of
from ..types import RealArray

#: Share of the envelope's mass outside the kernels that errors are measured against.
REFERENCE_TOLERANCE = 1e-12

#: The tolerance that makes kernels of radius 3 sigma.
THREE_SIGMA = 4.0004 * NormalDist().cdf(-3)

#: Side of the corner of a large picture in which errors are measured, in pixels.
CORNER = 512

Run = Callable[[], Any]


class Problem:
    """White noise, a bank of round kernels of one octave, and what is asked for.

    Parameters
    ----------
    sigma : float
        Deviation of the finest kernels in pixels; each further scale doubles it.
    size : int
        Side of the picture.
    orientations, scales : int
        Kernels: ``scales`` times ``orientations``.
    means : bool
        Asks for the mean magnitude of each response, float (K,), in place of the complex64
        responses (K, size, size).
    """

    wavelength: float
    image: RealArray
    scales: int
    orientations: int
    means: bool
    sigmas: list[float]
    bank: GaborBank
    plain: GaborBank

    def __init__(
        self, sigma: float, size: int, orientations: int, scales: int = 1, means: bool = False
    ) -> None:
        self.wavelength = sigma / sigma_of(1, 1)
        self.image = np.random.default_rng(0).standard_normal((size, size), np.float32)
        self.scales, self.orientations, self.means = scales, orientations, means
        self.sigmas = [sigma * 2**j for j in range(scales)]
        self.bank, self.plain = (
            GaborBank.grid(
                scales, orientations, wavelength=self.wavelength, sigma=sigma, dc_free=dc_free
            )
            for dc_free in (True, False)
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the responses."""
        return (len(self.bank), *self.image.shape)

    def radius(self, scale: int) -> int:
        """Of the other libraries' kernels."""
        return math.ceil(3 * self.sigmas[scale])

    def kernels(self, scale: int) -> Any:
        """Plain kernels of radius 3 sigma, complex128 (orientations, h, w)."""
        first = scale * self.orientations
        members = self.plain[first : first + self.orientations]
        return np.stack([kernel.sample(THREE_SIGMA) for kernel in members])

    def error(self, result: Any, dc_free: bool) -> float:
        """Largest relative error of a kernel's response, in L2, or of its mean magnitude."""
        exact = self._exact[dc_free]
        side = exact.shape[-1]
        flat = result if self.means else result[:, :side, :side].reshape(len(exact), -1)
        wanted = abs(exact).mean((1, 2)) if self.means else exact.reshape(len(exact), -1)
        difference = abs(flat - wanted).reshape(len(exact), -1)
        size = abs(wanted).reshape(len(exact), -1)
        return float(max(np.linalg.norm(difference, axis=1) / np.linalg.norm(size, axis=1)))

    @cached_property
    def _exact(self) -> dict[bool, Any]:
        """Responses in double precision, in the corner at the origin: DC-free, and plain."""
        return {True: self._convolved(self.bank), False: self._convolved(self.plain)}

    def _convolved(self, bank: GaborBank) -> Any:
        from scipy.signal import fftconvolve

        size = len(self.image)
        side = size if self.means else min(size, CORNER)
        responses = np.empty((len(bank), side, side), np.complex128)
        for k, kernel in enumerate(bank):
            sample = kernel.sample(REFERENCE_TOLERANCE)
            radius = len(sample) // 2
            index = source_index(size, radius, "reflect")[: side + 2 * radius]
            responses[k] = fftconvolve(
                self.image[np.ix_(index, index)].astype(float), sample, "valid"
            )
        return responses


class Result:
    """What a library's responses are collected in."""

    def __init__(self, problem: Problem) -> None:
        self.means: bool = problem.means
        self.array: Any = (
            np.empty(len(problem.bank)) if self.means else np.empty(problem.shape, "c8")
        )

    def put(self, k: int, response: Any) -> None:
        """A complex response."""
        self.array[k] = abs(response).mean() if self.means else response

    def put_parts(self, k: int, real: RealArray, imag: RealArray) -> None:
        """Both parts of a response, float32."""
        import cv2

        if self.means:
            self.array[k] = cv2.mean(cv2.magnitude(real, imag))[0]
        else:
            cv2.merge((real, imag), self.array[k].view(np.float32).reshape(*real.shape, 2))


@dataclass(frozen=True)
class Contestant:
    """A way to filter.

    Attributes
    ----------
    name : str
    make : callable
        Imports what it takes and prepares a run.
    dc_free : bool
        Whether its kernels have the DC-removal term.
    comparable : bool
        Whether it has the same kernels, so that an error can be told.
    fits : callable
        Whether it does this problem at all.
    seconds : callable
        What one run is expected to take, where that may be long.
    note : callable
        What it chose.
    """

    name: str
    make: Callable[[Problem], Run]
    dc_free: bool = False
    comparable: bool = True
    fits: Callable[[Problem], bool] = lambda problem: True
    seconds: Callable[[Problem], float] = lambda problem: 0.0
    note: Callable[[Problem], str] = lambda problem: ""
