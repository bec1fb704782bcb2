"""The Gabor kernel's formula, once, for numbers, NumPy arrays and torch tensors.

``xp`` is NumPy or torch. Parameters broadcast against pixel coordinates: parameters (K, 1, 1) and
coordinates (h, 1) and (1, w) make K kernels. Real and imaginary part are kept apart, as compilers
of networks have no complex numbers.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..types import Array, Norm, RealArray
from .frequency_response import transfer_peak
from .parameters import is_tensor


class Parameters(NamedTuple):
    """The numbers that make a kernel, as :class:`GaborKernel` describes them."""

    wavelength: Array
    theta: Array
    sigma: Array
    gamma: Array
    phase: Array
    scale: Array


def envelope_and_angle(xp: Any, p: Parameters, y: Array, x: Array) -> tuple[Array, Array]:
    """The Gaussian, 1 at the centre, and the carrier's angle in radians."""
    cos, sin = xp.cos(p.theta), xp.sin(p.theta)
    along = (x * cos + y * sin) / p.scale
    across = (y * cos - x * sin) / p.scale
    return along_and_across(xp, p, along, across**2)


def along_and_across(xp: Any, p: Parameters, along: Array, across: Array) -> tuple[Array, Array]:
    """The same by the way along the wave vector and the squared one across, of any dimensions."""
    envelope = xp.exp(-(along**2 + p.gamma**2 * across) / (2 * p.sigma**2))
    return envelope, 2 * math.pi * along / p.wavelength + p.phase


def psi(xp: Any, p: Parameters, y: Array, x: Array, dc_free: bool) -> tuple[Array, Array]:
    """Real and imaginary part of the kernel, but for its amplitude, with the analytic C."""
    envelope, angle = envelope_and_angle(xp, p, y, x)
    real, imag = xp.cos(angle), xp.sin(angle)
    if dc_free:
        dc = xp.exp(-2 * (math.pi * p.sigma / p.wavelength) ** 2)
        real, imag = real - dc * xp.cos(p.phase), imag - dc * xp.sin(p.phase)
    return envelope * real, envelope * imag


def samples(xp: Any, p: Parameters, y: Array, x: Array, dc_free: bool) -> tuple[Array, Array]:
    """The same on a grid (..., h, w), with the C that makes each sum zero there."""
    return of_zero_sum(xp, *envelope_and_angle(xp, p, y, x), dc_free)


def of_zero_sum(
    xp: Any, envelope: Array, angle: Array, dc_free: bool, axes: int = 2
) -> tuple[Array, Array]:
    """Real and imaginary part of an envelope times its carrier, each of sum zero if ``dc_free``."""
    real, imag = envelope * xp.cos(angle), envelope * xp.sin(angle)
    if dc_free:
        share = envelope / _sum(envelope, axes)
        for _ in range(2):  # the second time what rounding left the first time
            real, imag = real - share * _sum(real, axes), imag - share * _sum(imag, axes)
    return real, imag


def amplitude(xp: Any, p: Parameters, norm: Norm, dc_free: bool, axes: int = 2) -> Array:
    """N(s), the value of the envelope at the centre, in a space of so many axes."""
    deviation = math.sqrt(2 * math.pi) * p.sigma * p.scale
    area = deviation**axes / p.gamma ** (axes - 1)  # integral of an envelope of height 1
    match norm:
        case "l1":
            return 1 / area
        case "l2":
            return xp.sqrt(2 ** (axes / 2) / area)
        case "peak":
            return 1.0
        case "article":
            return p.gamma / (2 * math.pi * p.sigma**2) / xp.sqrt(p.scale)
        case "gain":
            if not dc_free:
                return 1 / area
            roundness = 2 * math.pi * p.sigma / p.wavelength
            # Where the peak lies changes its height to second order only, so it is a constant
            # to the gradient.
            at = transfer_peak(roundness.detach() if is_tensor(roundness) else roundness, xp)
            height = -xp.exp(-((at - roundness) ** 2) / 2) * xp.expm1(-at * roundness)
            return 1 / (area * height)


def of_one_kind(p: Parameters) -> tuple[Any, Parameters]:
    """NumPy and the parameters; or torch and all of them as tensors, if one is a tensor."""
    tensors = [value for value in p if is_tensor(value)]
    if not tensors:
        return np, p
    torch, device = sys.modules["torch"], tensors[0].device
    return torch, Parameters(*(torch.as_tensor(v, dtype=torch.float64, device=device) for v in p))


def as_complex(
    formula: Callable[..., tuple[Array, Array]],
    p: Parameters,
    y: RealArray,
    x: RealArray,
    dc_free: bool,
) -> Array:
    """What :func:`psi` or :func:`samples` finds, as complex numbers of the parameters' kind."""
    xp, p = of_one_kind(p)
    if xp is np:
        real, imag = formula(np, p, y, x, dc_free)
        return real + 1j * imag
    y, x = (xp.as_tensor(axis, device=p.theta.device) for axis in (y, x))
    return xp.complex(*formula(xp, p, y, x, dc_free))


def _sum(values: Array, axes: int) -> Array:
    return values.sum(tuple(range(-axes, 0)))[(..., *[None] * axes)]
