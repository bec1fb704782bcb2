"""How a texture's local energies and grey levels deviate, corrected for what borders do to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.energy import smoothed
from ..features.masking import Interior
from ..kernels.gabor import GaborKernel
from ..types import RealArray

#: Share of a map's median that is added before the logarithm, which would else follow noise.
FLOOR = 0.05

#: Power of what a kernel sees more of the picture than of its reflection, as a share, with which
#: its responses count.
TRUST = 4

#: How soon what is the same all along a border is taken off, as windows hold less.
SHIFT = 4.0


def log_energies(
    planes: RealArray, part: Interior, bank: GaborBank, window: float, least: float, broad: float
) -> tuple[RealArray, list[RealArray]]:
    """Logarithms of local energies, and grey levels in two windows, (F, H, W); their variances.

    What a kernel sees of the reflection at the border, or of what fills a mask's outside, counts
    little in the means of its windows. Variances are in units of those far from the border.
    """
    channels, *shape = planes.shape
    inside = np.ones(shape, bool) if part.inside is None else part.inside
    whole = inside[None].astype(planes.dtype)
    energies = part.filtered(bank, planes, part="magnitude")
    kernels = channels * len(bank)
    result = np.empty((kernels + 2 * channels, *shape), energies.dtype)
    maps = result[:kernels].reshape(energies.shape)
    variances = [whole[0]] * len(bank)
    extents = [(_deviation(k), max(window / k.frequency, least)) for k in bank]
    for deviation, width in set(extents):
        alike = [k for k, extent in enumerate(extents) if extent == (deviation, width)]
        seen = smoothed(whole, deviation, "constant")
        weights = np.maximum(2 * seen - 1, 0) ** TRUST * whole
        maps[:, alike], variance = _windowed(energies[:, alike], weights, width)
        for k in alike:
            variances[k] = variance
    if float(median(maps.sum((0, 1))[inside], (0,))[0]) <= 1e-6 * float(np.abs(planes).max()):
        raise FeatureError(
            "most of the picture is the same, as if blank: there is no texture to compare with"
        )
    flat = maps.reshape(*maps.shape[:2], -1) if part.inside is None else maps[..., inside]
    floor = FLOOR * median(flat, (2,))[..., None]
    tiny = np.finfo(maps.dtype).tiny  # of a kernel that answers nothing anywhere
    maps += floor + tiny
    np.log(maps, out=maps)
    variances *= channels
    for greys, width in zip(np.split(result[kernels:], 2), (least, broad), strict=True):
        means, variance = _windowed(planes[:, None], whole, width)
        greys[:] = means[:, 0]
        variances += [variance] * channels
    return result, variances


def _windowed(values: RealArray, weights: RealArray, width: float) -> tuple[RealArray, RealArray]:
    """Means (C, K, H, W) over a Gaussian window by weights (1, H, W), and their variance (H, W).

    The means are Knutsson and Westin's normalized convolution.
    """
    whole = smoothed(weights, width, "constant")
    whole = np.maximum(whole, np.finfo(values.dtype).eps)
    means = smoothed(values * weights, width, "constant")
    means /= whole
    # The square of a Gaussian is one, narrower by sqrt(2).
    squares = smoothed(weights**2, width / math.sqrt(2), "constant")
    return means, (squares / whole**2)[0]


def _deviation(kernel: Any) -> float:
    """Of the envelope along the wave vector, in pixels."""
    if isinstance(kernel, GaborKernel):
        return float(kernel.sigma) * float(kernel.scale)
    return 0.56 / float(kernel.frequency)  # of a bandwidth of an octave


def border_corrected(
    deviations: RealArray,
    variances: Sequence[RealArray],
    inside: NDArray[np.bool_] | None,
    reach: int,
) -> RealArray:
    """Deviations from the usual as they would be in full windows, (F, H, W), in place.

    Windows that the border cuts vary more. They hold no whole periods either, and are off by as
    much all along the border: there, up to ``reach`` pixels from it, the median along it is taken
    off, a defect being in the lesser part. Of a mask, it is that of all pixels as far from the
    border above or below, left or right.
    """
    whole = np.ones(deviations.shape[-2:], bool) if inside is None else inside
    lines = [_from_border(whole, axis) for axis in (0, 1)]
    near = [np.abs(line) <= reach for line in lines]
    for values, spread in zip(deviations, variances, strict=True):  # one fits into the caches
        variance = np.maximum(spread, 1)
        share = np.minimum(SHIFT - SHIFT / variance, 1)
        for axis in (0, 1):
            usual = (
                median(values, (1 - axis,)) if inside is None else _medians_of(values, lines[axis])
            )
            values -= share * near[axis] * usual
        values /= np.sqrt(variance)
    return deviations


def _from_border(inside: NDArray[np.bool_], axis: int) -> NDArray[np.intp]:
    """Pixels (H, W) to the nearest one outside along an axis, negative from behind; 0 outside."""
    framed = np.moveaxis(np.pad(inside, 1), axis, 0)
    place = np.arange(len(framed))[:, None]
    before = np.maximum.accumulate(np.where(framed, 0, place))
    after = np.minimum.accumulate(np.where(framed, len(framed), place)[::-1])[::-1]
    distance = np.where(place - before <= after - place, place - before, place - after)
    return np.moveaxis(distance, 0, axis)[1:-1, 1:-1]


def _medians_of(values: RealArray, groups: NDArray[np.intp]) -> RealArray:
    """For each pixel (H, W), the median of its group; 0 of the group 0."""
    numbers, places = np.unique(groups, return_inverse=True)
    medians = np.where(numbers, scipy.ndimage.median(values, groups, numbers), 0)
    return medians.astype(values.dtype)[places.reshape(groups.shape)]


def median(values: RealArray, axes: tuple[int, ...]) -> RealArray:
    """Median along some axes, which are kept; NumPy's takes four times as long."""
    moved = np.moveaxis(values, axes, range(-len(axes), 0))
    flat = moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1)
    half = flat.shape[-1] // 2
    parted = np.partition(flat, half, -1)  # at one place: at two it is not vectorised
    middle = parted[..., half]
    if flat.shape[-1] % 2 == 0:
        middle = (middle + parted[..., :half].max(-1)) / 2
    return np.asarray(np.expand_dims(middle, axes))
