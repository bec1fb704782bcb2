"""Samples and factors of many kernels in few operations: most of a small one's time is overhead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...kernels import hermite
from ...kernels.base import Factors, Kernel
from ...kernels.formula import Parameters, amplitude, samples
from ...kernels.gabor import PARAMETERS, GaborKernel
from ...kernels.parameters import number
from ...types import ComplexArray, Norm, RealArray

#: Samples that are made together; more would leave the caches.
TOGETHER = 2**14


def samples_of(kernels: Sequence[Kernel], tolerance: float) -> list[ComplexArray]:
    """What :meth:`Kernel.sample` gives for each kernel, none of them learnable."""
    sampled: dict[int, ComplexArray] = {}
    for (norm, dc_free, radius), places in _alike(kernels, range(len(kernels)), tolerance):
        line, most = np.arange(-radius, radius + 1.0), max(1, TOGETHER // (2 * radius + 1) ** 2)
        for first in range(0, len(places), most):
            chosen = places[first : first + most]
            p = Parameters(*fields_of([kernels[k] for k in chosen])[..., None, None])
            real, imag = samples(np, p, line[:, None], line, dc_free)
            values = amplitude(np, p, norm, dc_free) * (real + 1j * imag)
            sampled.update(zip(chosen, values, strict=True))
    return [
        sampled[k] if k in sampled else kernel.sample(tolerance) for k, kernel in enumerate(kernels)
    ]


def factors_of(
    kernels: Sequence[Kernel], tolerance: float, accuracy: float = 1e-15
) -> list[Factors]:
    """What :meth:`Kernel.factors` finds for each kernel; for round ones together."""
    factors: dict[int, Factors] = {}
    separable = [k for k, kernel in enumerate(kernels) if kernel.separable]
    for (norm, dc_free, radius), places in _alike(kernels, separable, tolerance):
        p = Parameters(*fields_of([kernels[k] for k in places]))
        weights, columns, rows = hermite.round_factors(
            p.sigma * p.scale, p.theta, 1 / (p.wavelength * p.scale), radius, dc_free
        )
        heights = amplitude(np, p, norm, dc_free) * np.exp(1j * p.phase)
        terms = zip(heights[:, None] * weights, columns, rows, strict=True)
        factors.update(zip(places, terms, strict=True))
    return [
        factors[k] if k in factors else kernel.factors(tolerance, accuracy)
        for k, kernel in enumerate(kernels)
    ]


def _alike(
    kernels: Sequence[Kernel], places: Sequence[int], tolerance: float
) -> Iterator[tuple[tuple[Norm, bool, int], list[int]]]:
    """Places of Gabor kernels of one norm, DC term and radius, which one formula serves."""
    groups: dict[tuple[Norm, bool, int], list[int]] = {}
    for k in places:
        kernel = kernels[k]
        if isinstance(kernel, GaborKernel):
            group = (kernel.norm, kernel.dc_free, kernel.radius(tolerance))
            groups.setdefault(group, []).append(k)
    yield from groups.items()


def fields_of(kernels: Sequence[Kernel]) -> RealArray:
    """Parameters (6, K), as numbers."""
    return np.array([[number(getattr(kernel, name)) for kernel in kernels] for name in PARAMETERS])
