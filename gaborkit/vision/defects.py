"""Defects of a regular texture: pixels whose Gabor energies are unlike those of the rest.

The logarithms of local energies are compared with their mean and covariance, over a picture that
has no defect or, robustly, over the picture itself: the squared Mahalanobis distance is the score.
The threshold comes from the largest scores of blocks, see :mod:`.extremes`. Windows are as wide as
the period of the texture asks for; near the borders, where they hold less, deviations are taken in
units of what such windows vary by.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.energy import smoothed
from ..filtering.labelled import keeps_labels
from ..kernels.gabor import GaborKernel
from ..types import Array, RealArray
from .extremes import threshold as extreme_threshold
from .texture_maps import check_windows, flat_pixels, planes_of

#: Share of a map's median that is added before the logarithm, which would else follow noise.
FLOOR = 0.05

#: Least deviations of the windows of energy and grey level, and of that of the broad grey level, in
#: pixels and in periods of the texture.
LEAST, BROAD = (3.0, 0.35), (8.0, 0.45)

#: Power of what a kernel sees more of the picture than of its reflection, as a share, with which
#: its responses count.
TRUST = 4

#: How soon what is the same all along a border is taken off, as windows hold less.
SHIFT = 4.0

#: Pixels of which mean and covariance are estimated at most; the share of them that is taken for
#: good at least, and the probability of good ones that later count too.
SAMPLE, GOOD, LIKELY = 3000, 0.4, 0.975

#: Tiles along each side from which the search for good pixels starts.
TILES = 4

#: Added to variances, as a share of each, and what the share of none is. Neighbours are alike, so
#: the covariance is known from fewer pixels than there are, and least variances come out too low.
RIDGE, TINY = 0.03, 1e-6


@dataclass(frozen=True, eq=False)
class Defects:
    """Where a texture is unlike itself.

    Attributes
    ----------
    mask : bool array (H, W)
        Pixels whose score is above the threshold.
    score : float32 array (H, W)
        Squared Mahalanobis distance; 0 within the margin.
    threshold : float
    usual : float32 array (h, w)
        Scores within the margin of the picture that defects are compared with.
    block : int
        Pixels along a side of the blocks whose largest scores tell the threshold.
    judged : int
        Pixels within the margin.
    same : bool
        Whether the picture was compared with itself.
    """

    mask: NDArray[np.bool_]
    score: RealArray
    threshold: float
    usual: RealArray
    block: int
    judged: int
    same: bool

    def with_false_alarms(self, probability: float) -> Defects:
        """The same scores under the threshold of another probability of a false alarm.

        Raises
        ------
        FeatureError
            If it is not between 0 and 1.

        Examples
        --------
        >>> from gaborkit.vision.synthetic import weave
        >>> strict = find_defects(weave((160, 160)), false_alarms=0.01)
        >>> strict.with_false_alarms(0.2).threshold < strict.threshold
        True
        """
        threshold = _threshold(self.usual, self.block, self.judged, probability, self.same)
        return dataclasses.replace(self, mask=self.score > threshold, threshold=threshold)


@keeps_labels()
def find_defects(
    image: Array,
    reference: Array | None = None,
    *,
    bank: GaborBank | None = None,
    window: float = 0.5,
    least: float | None = None,
    margin: int | None = None,
    false_alarms: float = 0.05,
    seed: int = 0,
    channel_axis: int | None = None,
) -> Defects:
    """Find defects in a picture of a regular texture.

    What is the same all along a border, within some two of the longest wavelengths, is no defect.

    Parameters
    ----------
    image : real array or tensor (H, W), or with colour
    reference : of as many channels, optional
        A picture of the texture without defects, lit alike. If None, the picture is compared with
        the larger part of itself.
    bank : GaborBank, optional
        Wavelengths of 2.8, 5.7 and 11.3 pixels in four orientations if None. Those beyond the
        texture's period see how it wavers rather than defects, and bring false alarms.
    window, least
        Widths of the windows of local energy and grey level, see :func:`texture_maps`; the least is
        0.35 periods of the texture if None, and 3 pixels or more.
    margin : int, optional
        Pixels at the borders that are not judged, as what lies outside is not known; 0.7 of the
        longest wavelength if None.
    false_alarms : float
        Probability that something is found in a picture without defects, between 0 and 1. It holds
        as far as the texture is the same everywhere.
    seed : int
        Of the choice of pixels that the estimate is made of.
    channel_axis : int, optional
        Axis of colour.

    Returns
    -------
    Defects

    Raises
    ------
    ImageError
        As :meth:`GaborBank.filter`.
    FeatureError
        If an option is out of range, or a picture too small.

    References
    ----------
    Kumar and Pang (2002), "Defect detection in textured materials using Gabor filters", IEEE
    Trans. Industry Applications 38(2), 425-440.
    Rousseeuw and Van Driessen (1999), "A fast algorithm for the minimum covariance determinant
    estimator", Technometrics 41(3), 212-223, for concentration and reweighting.

    Examples
    --------
    >>> from gaborkit.vision.synthetic import weave
    >>> cloth = weave((160, 160))
    >>> cloth[80:90, 60:100] = -1
    >>> mask = find_defects(cloth).mask
    >>> bool(mask[80:90, 60:100].any()), bool(mask[:40].any())
    (True, False)
    """
    check_windows("magnitude", window, LEAST[0] if least is None else least)
    _check_probability(false_alarms)
    bank = bank or GaborBank.grid(3, 4, wavelength=2 * math.sqrt(2), norm="gain")
    longest = max(1 / kernel.frequency for kernel in bank)
    margin = math.ceil(0.7 * longest) if margin is None else _margin(margin)
    block = max(8, round(0.7 * longest))
    planes = planes_of(image, channel_axis)
    known = planes if reference is None else planes_of(reference, channel_axis)
    if len(known) != len(planes):
        raise FeatureError(
            f"a reference of {len(known)} channels does not fit a picture of {len(planes)}"
        )
    smallest = 2 * margin + 4 * block
    for picture in (planes, known):
        if min(picture.shape[-2:]) < smallest:
            raise FeatureError(
                f"a picture of {picture.shape[-2]} x {picture.shape[-1]} pixels is too small to "
                f"know its texture from; give {smallest} a side, or a bank of shorter wavelengths"
            )
    period = _period(known)
    least = max(LEAST[0], LEAST[1] * period) if least is None else least
    widths = (window, least, max(BROAD[0], BROAD[1] * period))
    inside = (slice(None), *2 * (slice(margin, -margin or None),))
    maps, variances = _log_energies(known, bank, *widths)
    centre = _median(maps[inside], (1, 2))
    usual = _border_corrected(maps - centre, variances)[inside]
    statistics = _statistics(usual, robust=reference is None, seed=seed)
    usual_score = judged = _distances(usual, *statistics)
    if reference is not None:
        maps, variances = _log_energies(planes, bank, *widths)
        judged = _distances(_border_corrected(maps - centre, variances)[inside], *statistics)
    same = reference is None
    threshold = _threshold(usual_score, block, judged.size, false_alarms, same)
    score = np.zeros(planes.shape[-2:], np.float32)
    score[inside[1:]] = judged
    return Defects(score > threshold, score, threshold, usual_score, block, judged.size, same)


def _threshold(usual: RealArray, block: int, judged: int, false_alarms: float, same: bool) -> float:
    _check_probability(false_alarms)
    return extreme_threshold(np.asarray(usual), block, judged, false_alarms, same=same)


def _check_probability(false_alarms: float) -> None:
    if not 0 < false_alarms < 1:
        raise FeatureError(
            f"false_alarms={false_alarms!r} is no probability; give one between 0 and 1, as 0.05"
        )


def _period(planes: RealArray) -> float:
    """Wavelength in pixels of an octave's third with most of a picture's energy.

    Waves of which twelve do not fit into the shorter side are no texture.
    """
    height, width = planes.shape[-2:]
    level = planes - planes.mean((1, 2), keepdims=True)
    level = level * np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    power = (np.abs(np.fft.rfft2(level)) ** 2).sum(0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    lowest = 12 / min(height, width)
    known = (frequency >= lowest) & (frequency <= 0.5)
    if not known.any():
        return 2.0
    thirds = np.floor(3 * np.log2(frequency[known] / lowest)).astype(int)
    energy = np.bincount(thirds, power[known])
    return float(2 ** (-(energy.argmax() + 0.5) / 3) / lowest)


def _log_energies(
    planes: RealArray, bank: GaborBank, window: float, least: float, broad: float
) -> tuple[RealArray, RealArray]:
    """Logarithms of local energies, and grey levels in two windows, (F, H, W); their variances.

    What a kernel sees of the reflection at the border counts little in the means of its windows.
    Variances are in units of those far from the border.
    """
    shape = planes.shape[-2:]
    whole = np.ones((1, *shape), planes.dtype)
    energies = bank.filter(planes, part="magnitude", channel_axis=0)
    maps, variances = np.empty_like(energies), np.empty_like(energies)
    extents = [(_deviation(k), max(window / k.frequency, least)) for k in bank]
    for deviation, width in set(extents):
        alike = [extent == (deviation, width) for extent in extents]
        seen = smoothed(whole, deviation, "constant")
        weights = np.maximum(2 * seen - 1, 0) ** TRUST
        maps[:, alike], variances[:, alike] = _windowed(energies[:, alike], weights, width)
    if float(_median(maps.sum((0, 1)), (0, 1)).squeeze()) <= 1e-6 * float(np.abs(planes).max()):
        raise FeatureError(
            "most of the picture is the same, as if blank: there is no texture to compare with"
        )
    floor = FLOOR * _median(maps, (2, 3))
    tiny = np.finfo(maps.dtype).tiny  # of a kernel that answers nothing anywhere
    maps += floor + tiny
    parts = [(np.log(maps, out=maps), variances)]
    parts += [_windowed(planes[:, None], whole, width) for width in (least, broad)]
    return (
        np.concatenate([values.reshape(-1, *shape) for values, _ in parts]),
        np.concatenate([spread.reshape(-1, *shape) for _, spread in parts]),
    )


def _windowed(values: RealArray, weights: RealArray, width: float) -> tuple[RealArray, RealArray]:
    """Weighted means (C, K, H, W) over a Gaussian window, and their variances.

    The means are Knutsson and Westin's normalized convolution.
    """
    whole = smoothed(weights, width, "constant")
    whole = np.maximum(whole, np.finfo(values.dtype).eps)
    means = smoothed(values * weights, width, "constant") / whole
    # The square of a Gaussian is one, narrower by sqrt(2).
    squares = smoothed(weights**2, width / math.sqrt(2), "constant")
    return means, np.broadcast_to(squares / whole**2, means.shape)


def _deviation(kernel: Any) -> float:
    """Of the envelope along the wave vector, in pixels."""
    if isinstance(kernel, GaborKernel):
        return float(kernel.sigma) * float(kernel.scale)
    return 0.56 / float(kernel.frequency)  # of a bandwidth of an octave


def _border_corrected(deviations: RealArray, variances: RealArray) -> RealArray:
    """Deviations from the usual as they would be in full windows, (F, H, W), in place.

    Windows that the border cuts vary more. They hold no whole periods either, and are off by as
    much all along the border: there the median is taken off, a defect being in the lesser part.
    """
    for values, spread in zip(deviations, variances, strict=True):  # one fits into the caches
        variance = np.maximum(spread, 1)
        share = np.minimum(SHIFT - SHIFT / variance, 1)
        for axis in (0, 1):
            values -= share * _median(values, (axis,))
        values /= np.sqrt(variance)
    return deviations


def _median(values: RealArray, axes: tuple[int, ...]) -> RealArray:
    """Median along some axes, which are kept; NumPy's takes four times as long."""
    moved = np.moveaxis(values, axes, range(-len(axes), 0))
    flat = moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1)
    half = flat.shape[-1] // 2
    parted = np.partition(flat, half, -1)  # at one place: at two it is not vectorised
    middle = parted[..., half]
    if flat.shape[-1] % 2 == 0:
        middle = (middle + parted[..., :half].max(-1)) / 2
    return np.asarray(np.expand_dims(middle, axes))


def _statistics(maps: RealArray, robust: bool, seed: int) -> tuple[RealArray, RealArray]:
    """Mean (F,) of good pixels, and the factor (F, F) that makes their covariance the unit.

    Robustly: from the pixels of each tile of the picture, of which some are without defects, grows
    the part of all pixels that is closest; the one of the smallest determinant is taken, and then
    all whose distance is a likely one of a good pixel.
    """
    from scipy.special import gammaincinv

    height, width = maps.shape[-2:]
    chosen = np.sort(np.random.default_rng(seed).permutation(height * width)[:SAMPLE])
    rows = flat_pixels(maps)[chosen].astype(np.float64)
    # In units of their deviations, or else the determinant is that of the units.
    unit = np.median(np.abs(rows - np.median(rows, 0)), 0)
    unit[unit <= 1e-9 * np.abs(rows).max(0)] = 1
    rows = rows / unit
    good = np.ones(len(rows), bool)
    if robust:
        y, x = np.divmod(chosen, width)
        tiles = y * TILES // height * TILES + x * TILES // width
        starts = [_closest(rows, tiles == tile, 3) for tile in range(TILES**2)]
        # The factor's diagonal is that of the inverse: the smallest determinant is its largest.
        good = max(starts, key=lambda part: np.log(np.diag(_whitening(rows[part])[1])).sum())
        distances = _distances(rows.T, *_whitening(rows[_closest(rows, good, 50)]))
        # Quantiles of chi-squared distributions with as many degrees of freedom as maps.
        part, likely = (float(gammaincinv(len(maps) / 2, p)) for p in (GOOD, LIKELY))
        good = distances <= np.quantile(distances, GOOD) * likely / part
    mean, factor = _whitening(rows[good])
    return mean * unit, factor / unit


def _closest(rows: RealArray, good: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """The share GOOD of rows that are closest to their own mean: concentration from some rows."""
    for _ in range(steps):
        before = good
        distances = _distances(rows.T, *_whitening(rows[good]))
        good = distances <= np.quantile(distances, GOOD)
        if np.array_equal(before, good):
            break
    return good


def _whitening(rows: RealArray) -> tuple[RealArray, RealArray]:
    """Mean of rows, and the inverse of the Cholesky factor of their covariance."""
    covariance = np.cov(rows.T)
    covariance += RIDGE * np.diag(np.diag(covariance) + TINY)
    return rows.mean(0), np.linalg.inv(np.linalg.cholesky(covariance))


def _distances(maps: RealArray, mean: RealArray, factor: RealArray) -> RealArray:
    """Squared Mahalanobis distances (...) of maps (F, ...)."""
    factor, mean = factor.astype(maps.dtype), mean.astype(maps.dtype)
    white = np.tensordot(factor, maps, 1).T - factor @ mean
    return np.asarray(np.square(white).sum(-1).T)


def _margin(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise FeatureError(f"margin={value!r} is not a whole number of pixels, 0 or more")
    return int(value)
