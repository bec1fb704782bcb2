"""Gabor jets: the responses of all kernels at a few points, also between pixels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import Library, NumpyLibrary, library_of
from ..filtering.padding import check_boundary, pad
from ..filtering.run import with_leading_channels
from ..kernels.base import TOLERANCE, Kernel
from ..kernels.formula import Parameters, samples
from ..kernels.gabor import PARAMETERS, GaborKernel
from ..kernels.parameters import number
from ..types import Array, ArrayT, Boundary, ComplexArray
from .bank_grid import default_bank

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
    bank = default_bank("bob") if bank is None else bank
    library = library_of(image)
    planes = with_leading_channels(library, library.promote(image), channel_axis)
    library.check_finite(planes)
    places = _checked_points(points, tuple(planes.shape[-2:]))
    whole = np.rint(places)
    rest = places - whole
    for kernel in bank:
        if kernel.learnable:
            raise FeatureError("jets pass no gradient to kernels; give kernels of plain numbers")
    radii = [kernel.radius(tolerance) for kernel in bank]
    margin = max(radii)
    padded = pad(library, planes.reshape(-1, *planes.shape[-2:]), margin, boundary)
    side = 2 * margin + 1
    together = max(1, _TOGETHER // (int(padded.shape[0]) * side**2))
    answers = []
    for first in range(0, len(places), together):
        chosen = slice(first, first + together)
        corners = whole[chosen].astype(int).tolist()
        windows = library.stack([padded[:, y : y + side, x : x + side] for y, x in corners], 1)
        # In double precision: the sums of a kernel of thousands of samples are of few digits.
        windows = library.constant(windows, True, real=True)
        responses: list[Any] = [None] * len(bank)
        for radius in set(radii):  # kernels of one radius see the same windows
            members = [k for k in range(len(bank)) if radii[k] == radius]
            inner = slice(margin - radius, margin + radius + 1)
            window, kernels = windows[..., inner, inner], [bank[k] for k in members]
            if all(_is_round(kernel) for kernel in kernels):
                answered = _by_lines(window, kernels, rest[chosen], library)
            else:
                answered = [
                    _by_samples(window, kernel, rest[chosen], library, tolerance)
                    for kernel in kernels
                ]
            for k, answer in zip(members, answered, strict=True):
                responses[k] = answer
        answers.append(library.stack(responses, 2))
    joined = library.constant(library.concatenate(answers, 1), library.double(planes))
    return joined.reshape(*planes.shape[:-2], len(places), len(bank))


def _is_round(kernel: Kernel) -> bool:
    """Whether a kernel is a product of two lines, less one of two Gaussians."""
    return isinstance(kernel, GaborKernel) and number(kernel.gamma) == 1


class _Lines:
    """Cosines and sines under Gaussians along an axis, about places between pixels.

    Waves that mirror each other, such as those of theta and pi - theta, are there once; a wave
    number of zero leaves the Gaussian itself.

    Attributes
    ----------
    values : float64 array (P, 2 F, n)
        Cosines, then sines. Convolution: the picture runs back.
    cosine, sine, gauss : int arrays (K,)
        Of each kernel among the 2 F.
    sign : array (K,)
        Of the sine.
    """

    def __init__(
        self, places: NDArray[Any], radius: int, waves: NDArray[Any], sigma: NDArray[Any]
    ) -> None:
        count, line = len(waves), np.arange(radius, -radius - 1, -1)
        pairs = np.stack([np.append(abs(waves), 0 * waves), np.append(sigma, sigma)])
        _, first, which = np.unique(pairs.round(12), axis=1, return_index=True, return_inverse=True)
        turns, widths = pairs[:, first]
        angles = np.outer(turns, line)
        table = np.stack([np.cos(angles), np.sin(angles)])  # (2, F, n)
        distinct, width_of = np.unique(widths, return_inverse=True)
        at = places[:, None, None] + line
        gauss = np.exp(-((at / distinct[:, None]) ** 2) / 2)[:, None, width_of]
        self.values = (gauss * table).reshape(len(places), -1, len(line))
        self.cosine, self.gauss = np.split(which.ravel(), [count])
        self.sine = self.cosine + len(first)
        self.sign = np.sign(waves)


def _by_lines(
    window: Array, kernels: Sequence[Any], rest: NDArray[Any], library: Library
) -> list[Array]:
    """Responses (B, P) of round kernels in windows (B, P, n, n): along the rows, then across.

    The wave about a place between pixels is the one about the pixel, turned as a whole.
    """
    theta, tuned, sigma = (
        np.array([value(kernel) for kernel in kernels])
        for value in (
            lambda kernel: number(kernel.theta),
            lambda kernel: 2 * math.pi * kernel.frequency,
            lambda kernel: number(kernel.sigma) * number(kernel.scale),
        )
    )
    waves = np.stack([np.sin(theta), np.cos(theta)]) * tuned
    radius = int(window.shape[-1]) // 2
    down, along = (
        _Lines(*axis, sigma) for axis in zip(rest.T, (radius, radius), waves, strict=True)
    )

    def of_kernels(sums: Array, library: Library) -> tuple[Array, Array, Array]:
        """Real and imaginary part of the wave and the Gaussian, (..., K), of (..., 2 F, 2 G)."""
        flat = sums.reshape(*sums.shape[:-2], -1)
        cc, cs, sc, ss, gauss = (
            library.take(flat, column * int(sums.shape[-1]) + row, flat.ndim - 1)
            for column, row in itertools.chain(
                itertools.product((down.cosine, down.sine), (along.cosine, along.sine)),
                [(down.gauss, along.gauss)],
            )
        )
        turned, other = (library.constant(x, True, real=True) for x in (along.sign, down.sign))
        return cc - turned * other * ss, turned * cs + other * sc, gauss

    columns = library.constant(down.values, True, real=True)
    rows = library.constant(along.values.swapaxes(1, 2), True, real=True)
    real, imag, gauss = of_kernels(columns @ (window @ rows), library)
    # The DC-removal term makes the kernel's own sum zero.
    ones = down.values.sum(2)[:, :, None] * along.values.sum(2)[:, None]
    own = of_kernels(ones, NumpyLibrary())
    dc = [np.where([kernel.dc_free for kernel in kernels], part / own[2], 0) for part in own[:2]]
    real, imag = (
        part - library.constant(level, True, real=True) * gauss
        for part, level in zip((real, imag), dc, strict=True)
    )
    sizes = [number(kernel.amplitude()) * np.exp(1j * number(kernel.phase)) for kernel in kernels]
    responses = (real + 1j * imag) * library.constant(np.exp(1j * rest @ waves) * sizes, True)
    return [responses[..., k] for k in range(len(kernels))]


def _by_samples(
    window: Array, kernel: Kernel, rest: NDArray[Any], library: Library, tolerance: float
) -> Array:
    """Responses (B, P) of a kernel in windows (B, P, n, n)."""
    psi = _kernel_around(kernel, rest, int(window.shape[-1]) // 2, tolerance)
    real, imag = (
        (window * library.constant(part, True, real=True)).sum((-2, -1))
        for part in (psi.real, psi.imag)
    )
    return real + 1j * imag


def _kernel_around(
    kernel: Kernel, rest: NDArray[Any], radius: int, tolerance: float
) -> ComplexArray:
    """Samples (P or 1, n, n) of a kernel whose centre lies ``rest`` beyond a pixel, run back."""
    if not rest.any():
        return np.asarray(kernel.sample(tolerance))[None, ::-1, ::-1]
    if not isinstance(kernel, GaborKernel):
        raise FeatureError(
            f"a {kernel.to_dict()['family']} kernel has no formula between pixels; give points of "
            "whole numbers, or Gabor kernels"
        )
    line = np.arange(radius, -radius - 1.0, -1)
    y, x = (part[:, None] + line for part in rest.T)
    parameters = Parameters(*(getattr(kernel, name) for name in PARAMETERS))
    real, imag = samples(np, parameters, y[:, :, None], x[:, None, :], kernel.dc_free)
    sampled: ComplexArray = kernel.amplitude() * (real + 1j * imag)
    return sampled


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
