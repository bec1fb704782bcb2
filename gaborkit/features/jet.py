"""Gabor jets: the responses of all kernels at a few points, also between pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import Library, library_of
from ..filtering.padding import check_boundary, source_index
from ..filtering.run import with_leading_channels
from ..kernels.base import TOLERANCE, Kernel
from ..kernels.formula import Parameters, samples
from ..kernels.gabor import PARAMETERS, GaborKernel
from ..kernels.parameters import number
from ..types import Array, ArrayT, Boundary, ComplexArray

# Pixels of all windows around points that are held at a time.
_TOGETHER = 2**22


def jets(
    image: ArrayT,
    points: Any,
    bank: GaborBank | None = None,
    *,
    boundary: Boundary = "reflect",
    channel_axis: int | None = None,
    tolerance: float = TOLERANCE,
) -> ArrayT:
    """Responses at points only, also between pixels.

    Parameters
    ----------
    image : real array or tensor (..., H, W)
    points : array of numbers (P, 2)
        (y, x) in pixels, within the picture. At whole numbers the answers are those of
        ``bank.filter(image)``; between pixels the kernel is sampled there.
    bank : GaborBank, optional
        K kernels; ``GaborBank.preset("bob")`` by default, the 40 of elastic bunch graph matching.
        Log-Gabor kernels have no formula between pixels and take whole numbers only.
    boundary, channel_axis, tolerance
        As in :meth:`GaborBank.filter`.

    Returns
    -------
    complex array or tensor (..., P, K)
        Of the image's library, device and precision. Tensors pass gradients to the image.

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If the points are no such array or lie outside the picture, or a kernel cannot be sampled
        there.

    References
    ----------
    Wiskott, Fellous, Krüger and von der Malsburg (1997), "Face recognition by elastic bunch graph
    matching", IEEE TPAMI 19(7), 775-779, equations 1 to 3.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((60, 80))
    >>> found = jets(image, [(30, 40), (12.5, 7.25)])
    >>> found.shape, bool(np.isclose(found[0, 8], GaborBank.preset("bob").filter(image)[8, 30, 40]))
    ((2, 40), True)
    """
    check_boundary(boundary)
    bank = GaborBank.preset("bob") if bank is None else bank
    library = library_of(image)
    planes = with_leading_channels(library, library.promote(image), channel_axis)
    library.check_finite(planes)
    places = _checked_points(points, tuple(planes.shape[-2:]))
    whole = np.rint(places)
    rest = places - whole
    for kernel in bank:
        if kernel.learnable:
            raise FeatureError("jets pass no gradient to kernels; give kernels of plain numbers")
    # In double precision: the sums of a kernel of thousands of samples are of few digits.
    flat = library.constant(planes, True, real=True)
    flat = flat.reshape(-1, planes.shape[-2] * planes.shape[-1])
    radii = [kernel.radius(tolerance) for kernel in bank]
    answers: list[Any] = [None] * len(bank)
    for radius in set(radii):  # kernels of one radius see the same windows
        members = [k for k in range(len(bank)) if radii[k] == radius]
        parts: list[list[Array]] = [[] for _ in members]
        together = max(1, _TOGETHER // (len(flat) * (2 * radius + 1) ** 2))
        for first in range(0, len(places), together):
            chosen = slice(first, first + together)
            index, inside = _window(whole[chosen], radius, tuple(planes.shape[-2:]), boundary)
            window = library.take(flat, index.ravel(), 1).reshape(len(flat), *index.shape)
            if not inside.all():
                window = window * library.constant(inside, True, real=True)
            if all(_is_round(bank[k]) for k in members):
                answered = _by_lines(window, [bank[k] for k in members], rest[chosen], library)
                for part, answer in zip(parts, answered, strict=True):
                    part.append(answer)
                continue
            for part, k in zip(parts, members, strict=True):
                psi = _kernel_around(bank[k], rest[chosen], radius, tolerance)
                real, imag = (
                    (window * library.constant(x, True, real=True)).sum(-1)
                    for x in (psi.real, psi.imag)
                )
                part.append(real + 1j * imag)
        for part, k in zip(parts, members, strict=True):
            answers[k] = library.concatenate(part, 1)
    responses = library.constant(library.stack(answers, 2), library.double(planes))
    return responses.reshape(*planes.shape[:-2], len(places), len(bank))


def _is_round(kernel: Kernel) -> bool:
    """Whether a kernel is a product of two lines, less one of two Gaussians."""
    return isinstance(kernel, GaborKernel) and number(kernel.gamma) == 1


def _by_lines(
    window: Array, kernels: Sequence[Any], rest: NDArray[Any], library: Library
) -> list[Array]:
    """Responses (B, P) of round kernels in windows (B, P, n * n): along the rows, then across."""
    side = math.isqrt(window.shape[-1])
    line = np.arange(side) - side // 2
    theta, tuned, sigma = (
        np.array([value(kernel) for kernel in kernels])
        for value in (
            lambda kernel: number(kernel.theta),
            lambda kernel: 2 * math.pi * kernel.frequency,
            lambda kernel: number(kernel.sigma) * number(kernel.scale),
        )
    )
    widths, width_of = np.unique(sigma, return_inverse=True)
    envelopes, waves = [], []
    for places, part in zip(rest.T, (np.sin(theta), np.cos(theta)), strict=True):
        at = (places[:, None] + line)[..., None]  # (P, n, 1)
        envelopes.append(np.exp(-((at / widths) ** 2) / 2))
        # Of the sum of two numbers, by the product of two tables.
        turns = np.exp(1j * places[:, None] * (tuned * part))[:, None]
        waves.append(
            envelopes[-1][..., width_of] * turns * np.exp(1j * np.outer(line, tuned * part))
        )
    # Of waves that mirror each other, such as those of theta and pi - theta, one is enough.
    along = np.round(tuned * np.cos(theta), 12)
    _, first, wave_of = np.unique(
        np.stack([abs(along), sigma]), axis=1, return_index=True, return_inverse=True
    )
    wave_of = wave_of.ravel()
    turned = np.where(along * along[first][wave_of] < 0, -1.0, 1.0)
    made = waves[1][..., first]
    columns = np.concatenate([made.real, made.imag, envelopes[1]], -1)
    square = window.reshape(*window.shape[:-1], side, side)
    rows = square @ library.constant(columns, True, real=True)  # (B, P, n, 2 W + S)
    real, imag, mean = (
        library.take(rows, index, 3)
        for index in (wave_of, len(first) + wave_of, 2 * len(first) + width_of)
    )
    imag = imag * library.constant(turned, True, real=True)
    down = [library.constant(x, True, real=True) for x in (waves[0].real, waves[0].imag)]
    wave = (down[0] * real - down[1] * imag).sum(-2), (down[0] * imag + down[1] * real).sum(-2)
    level = (library.constant(envelopes[0][..., width_of], True, real=True) * mean).sum(-2)
    # The DC-removal term makes the kernel's own sum zero.
    sums = [part.sum(1)[:, width_of] for part in envelopes]
    dc = math.prod(part.sum(1) for part in waves) / math.prod(sums)
    answers = []
    for k, kernel in enumerate(kernels):
        free = dc[:, k] if kernel.dc_free else 0 * dc[:, k]
        size = complex(number(kernel.amplitude()) * np.exp(1j * number(kernel.phase)))
        parts = [
            wave[j][..., k] - library.constant(x, True, real=True) * level[..., k]
            for j, x in enumerate((free.real, free.imag))
        ]
        answers.append((parts[0] + 1j * parts[1]) * size)
    return answers


def _window(
    whole: NDArray[Any], radius: int, shape: tuple[int, int], boundary: Boundary
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Places in the flattened picture (P, n * n) that a kernel at each point meets, and whether."""
    line = np.arange(-radius, radius + 1)
    axes = [at[:, None].astype(int) - line for at in whole.T]  # convolution: the picture runs back
    inside = [(index >= 0) & (index < size) for index, size in zip(axes, shape, strict=True)]
    if boundary == "constant":
        rows, columns = (index.clip(0, size - 1) for index, size in zip(axes, shape, strict=True))
    else:
        rows, columns = (
            source_index(size, radius, boundary)[index + radius]
            for index, size in zip(axes, shape, strict=True)
        )
        inside = [np.ones_like(flags) for flags in inside]
    index = rows[:, :, None] * shape[1] + columns[:, None, :]
    within = inside[0][:, :, None] & inside[1][:, None, :]
    return index.reshape(len(whole), -1), within.reshape(len(whole), -1)


def _kernel_around(
    kernel: Kernel, rest: NDArray[Any], radius: int, tolerance: float
) -> ComplexArray:
    """Samples (P or 1, n * n) of a kernel whose centre lies ``rest`` beyond a pixel."""
    if not rest.any():
        return np.asarray(kernel.sample(tolerance).reshape(1, -1))
    if not isinstance(kernel, GaborKernel):
        raise FeatureError(
            f"a {kernel.to_dict()['family']} kernel has no formula between pixels; give points of "
            "whole numbers, or Gabor kernels"
        )
    line = np.arange(-radius, radius + 1.0)
    y, x = (part[:, None] + line for part in rest.T)
    parameters = Parameters(*(getattr(kernel, name) for name in PARAMETERS))
    real, imag = samples(np, parameters, y[:, :, None], x[:, None, :], kernel.dc_free)
    sampled: ComplexArray = kernel.amplitude() * (real + 1j * imag)
    return sampled.reshape(len(rest), -1)


def _checked_points(points: Any, shape: tuple[int, int]) -> NDArray[np.float64]:
    try:
        places = np.asarray(points, float)
    except (TypeError, ValueError):
        places = np.empty(0)
    if places.ndim != 2 or places.shape[1] != 2 or len(places) == 0:
        raise FeatureError("points are not an array (P, 2) of (y, x); give [(30, 40)] for example")
    outside = ~((places >= 0) & (places <= np.array(shape) - 1)).all(1)
    if outside.any():
        y, x = places[outside][0]
        raise FeatureError(
            f"the point ({y:g}, {x:g}) lies outside the picture, whose points (y, x) run from "
            f"(0, 0) to ({shape[0] - 1}, {shape[1] - 1})"
        )
    return places
