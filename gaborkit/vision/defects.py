"""Defects of a regular texture: pixels whose Gabor energies are unlike those of the rest.

The logarithms of local energies are compared with their mean and covariance, over a picture that
has no defect or, robustly, over the picture itself: the squared Mahalanobis distance is the score.
The threshold comes from the largest scores of blocks without defects, to whose distribution that
of maxima (Gumbel's) is fitted. Windows are as wide as the period of the texture asks for, and leave
out what kernels make of the reflection at the borders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.energy import smoothed
from ..gabor import GaborKernel
from ..types import Array, RealArray
from .texture_maps import check_windows, flat_pixels, planes_of

#: Share of a map's median that is added before the logarithm, which would else follow noise.
FLOOR = 0.05

#: Least deviations of the windows of energy and grey level, and of that of the broad grey level, in
#: pixels and in periods of the texture.
LEAST, BROAD = (3.0, 0.35), (8.0, 0.45)

#: Pixels of which mean and covariance are estimated at most; the share of them that is taken for
#: good at least, and the probability of good ones that later count too.
SAMPLE, GOOD, LIKELY = 3000, 0.4, 0.975

#: Tiles along each side from which the search for good pixels starts.
TILES = 4

#: Added to variances, as a share of each, and what the share of none is.
RIDGE, TINY = 1e-3, 1e-6

#: Deviations of a kernel's envelope from the border at which its responses begin to count, and
#: from which on they count in full; pixels from the border at which grey levels do.
TAPER, GREY_TAPER = (0.75, 2.25), 10.0

#: Longest wavelengths from the border within which scores are compared along the border.
ZONE = 2.1

#: Power of scores whose maxima have Gumbel's distribution. That of a chi-squared variable is nearly
#: normal to the power of 1/3, of which the maxima approach it slowly; of scores themselves the tail
#: is longer than Gumbel's.
POWER = 0.75


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
    """

    mask: NDArray[np.bool_]
    score: RealArray
    threshold: float


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
    if not 0 < false_alarms < 1:
        raise FeatureError(
            f"false_alarms={false_alarms!r} is no probability; give one between 0 and 1, as 0.05"
        )
    bank = bank or GaborBank.grid(3, 4, wavelength=2 * math.sqrt(2), norm="gain")
    longest = max(1 / kernel.frequency for kernel in bank)
    margin = math.ceil(0.7 * longest) if margin is None else _margin(margin)
    planes = planes_of(image, channel_axis)
    block = max(8, round(longest * 0.7))
    pictures = [planes]
    if reference is not None:
        pictures.append(planes_of(reference, channel_axis))
        if len(pictures[1]) != len(planes):
            raise FeatureError(
                f"a reference of {len(pictures[1])} channels does not fit a picture of "
                f"{len(planes)}"
            )
    for picture in pictures:
        if min(picture.shape[-2:]) < 2 * margin + 4 * block:
            raise FeatureError(
                f"a picture of {picture.shape[-2]} x {picture.shape[-1]} pixels is too small to "
                f"know its texture from; give {2 * margin + 4 * block} a side, or a bank of "
                "shorter wavelengths"
            )
    period = _period(pictures[-1])
    if least is None:
        least = max(LEAST[0], LEAST[1] * period)
    zone = math.ceil(ZONE * longest) - margin
    widths = (window, least, max(BROAD[0], BROAD[1] * period))
    maps = [_log_energies(picture, bank, *widths)[_inside(margin)] for picture in pictures]
    estimate = _statistics(maps[-1], robust=reference is None, seed=seed)
    scores = [_even(_distances(part, *estimate), zone) for part in maps]
    judged = scores[0]
    threshold = _threshold(scores[-1], block, judged.size, false_alarms)
    score = np.zeros(planes.shape[-2:], np.float32)
    score[_inside(margin)[1:]] = judged
    return Defects(score > threshold, score, threshold)


def _inside(margin: int) -> tuple[slice, slice, slice]:
    """Of maps (F, H, W), what is not margin."""
    part = slice(margin, -margin or None)
    return slice(None), part, part


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
) -> RealArray:
    """Logarithms of local energies, and grey levels around each pixel in two windows, (F, H, W).

    What a kernel sees of the reflection at the border counts little in the means of its windows.
    """
    shape = planes.shape[-2:]
    apart = np.minimum.outer(
        *(np.minimum(np.arange(n), np.arange(n)[::-1]).astype(np.float32) + 0.5 for n in shape)
    )
    deviations = [_deviation(kernel) for kernel in bank]
    weights = np.stack([_rise(apart, *(end * d for end in TAPER)) for d in deviations])
    energies = bank.filter(planes, part="magnitude", channel_axis=0)
    widths = [max(window / kernel.frequency, least) for kernel in bank]
    maps = _averaged(energies, weights, widths).reshape(-1, *shape)
    levels = np.repeat(planes, 2, 0)
    grey = _averaged(levels[None], _rise(apart, 0, GREY_TAPER)[None], [least, broad] * len(planes))
    if float(np.median(maps.sum(0))) <= 1e-6 * float(np.abs(planes).max()):
        raise FeatureError(
            "most of the picture is the same, as if blank: there is no texture to compare with"
        )
    floor = FLOOR * np.median(maps, axis=(1, 2), keepdims=True)
    tiny = np.finfo(maps.dtype).tiny  # of a kernel that answers nothing anywhere
    return np.concatenate([np.log(maps + floor + tiny), grey.reshape(-1, *shape)])


def _averaged(values: RealArray, weights: RealArray, widths: list[float]) -> RealArray:
    """Weighted means (..., K, H, W) over Gaussian windows: normalized convolution."""
    weights = np.broadcast_to(weights, values.shape[-3:]).astype(values.dtype)
    whole = smoothed(weights, widths, "constant")
    least = np.finfo(values.dtype).eps
    return np.asarray(smoothed(values * weights, widths, "constant") / np.maximum(whole, least))


def _deviation(kernel: Any) -> float:
    """Of the envelope along the wave vector, in pixels."""
    if isinstance(kernel, GaborKernel):
        return float(kernel.sigma) * float(kernel.scale)
    return 0.56 / float(kernel.frequency)  # of a bandwidth of an octave


def _rise(distance: RealArray, begin: float, end: float) -> RealArray:
    """From 0 to 1, smoothly."""
    return np.sin(np.pi / 2 * ((distance - begin) / (end - begin)).clip(0, 1)) ** 2


def _statistics(maps: RealArray, robust: bool, seed: int) -> tuple[RealArray, RealArray]:
    """Mean (F,) and covariance (F, F) of good pixels.

    Robustly: from the pixels of each tile of the picture, of which some are without defects, grows
    the part of all pixels that is closest; the one of the smallest determinant is taken, and then
    all whose distance is a likely one of a good pixel.
    """
    from scipy.special import gammaincinv

    height, width = maps.shape[-2:]
    chosen = np.sort(np.random.default_rng(seed).permutation(height * width)[:SAMPLE])
    rows = flat_pixels(maps)[chosen].astype(np.float64)
    middle = np.median(rows, 0)
    # In units of their deviations, or else the determinant is that of the units.
    unit = 1.4826 * np.median(np.abs(rows - middle), 0)
    unit[unit <= 1e-9 * np.abs(rows).max(0)] = 1
    rows = (rows - middle) / unit
    if not robust:
        mean, covariance, _ = _moments(rows, np.ones(len(rows), bool))
        return middle + mean * unit, covariance * np.outer(unit, unit)
    y, x = np.divmod(chosen, width)
    tiles = y * TILES // height * TILES + x * TILES // width
    starts = [_closest(rows, tiles == tile, 3) for tile in range(TILES**2)]
    good = min(starts, key=lambda part: float(np.linalg.slogdet(_moments(rows, part)[1])[1]))
    good = _closest(rows, good, 50)
    # Quantiles of chi-squared distributions with as many degrees of freedom as maps.
    part, likely = (float(gammaincinv(rows.shape[1] / 2, p)) for p in (GOOD, LIKELY))
    distances = _moments(rows, good)[2]
    good = distances <= np.quantile(distances, GOOD) * likely / part
    mean, covariance, _ = _moments(rows, good)
    return middle + mean * unit, covariance * np.outer(unit, unit)


def _closest(rows: RealArray, good: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """The share GOOD of rows that are closest to their own mean: concentration from some rows."""
    for _ in range(steps):
        before = good
        distances = _moments(rows, good)[2]
        good = distances <= np.quantile(distances, GOOD)
        if np.array_equal(before, good):
            break
    return good


def _moments(rows: RealArray, good: NDArray[np.bool_]) -> tuple[RealArray, RealArray, RealArray]:
    """Mean and covariance of good rows, and the squared distances of all."""
    mean = rows[good].mean(0)
    covariance = np.cov(rows[good].T)
    # Of a perfectly regular texture the determinant is nearly 0; the ridge is for that.
    covariance += RIDGE * np.diag(np.diag(covariance) + TINY)
    distances = np.square((rows - mean) @ np.linalg.inv(np.linalg.cholesky(covariance)).T).sum(1)
    return mean, covariance, distances


def _distances(maps: RealArray, mean: RealArray, covariance: RealArray) -> RealArray:
    """Squared Mahalanobis distances (H, W) of maps (F, H, W)."""
    factor = np.linalg.inv(np.linalg.cholesky(covariance)).astype(maps.dtype)
    offset = maps - mean.astype(maps.dtype)[:, None, None]
    return np.square(np.tensordot(factor, offset, 1)).sum(0)


def _even(score: RealArray, zone: int) -> RealArray:
    """Scores near a border in proportion to those along it, where those are larger than elsewhere.

    What is reflected is another texture, and windows near it hold less.
    """
    zone = min(zone, min(score.shape) // 4)
    if zone <= 0:
        return score
    usual = float(np.median(score[zone:-zone, zone:-zone])) or 1.0
    factor = np.ones_like(score)
    for axis in (0, 1):
        along = np.median(score, axis=1 - axis)
        along[zone:-zone] = usual
        ratio = np.maximum(along / usual, 1)
        factor = np.maximum(factor, np.expand_dims(ratio, 1 - axis))
    return np.asarray(score / factor)


def _threshold(scores: RealArray, block: int, pixels: int, false_alarms: float) -> float:
    """What no block of as many pixels exceeds, but with the probability of a false alarm.

    Blocks above it have defects; without them it is found again, until it stays. It begins from the
    lower blocks, which a few or many with defects do not move.
    """
    rows, columns = (size // block for size in scores.shape)
    whole = scores[: rows * block, : columns * block]
    largest = whole.reshape(rows, block, columns, block).max((1, 3)).ravel() ** POWER
    blocks = pixels / block**2
    threshold = _gumbel_limit(largest, (0.05, 0.15, 0.3), blocks, false_alarms)
    for _ in range(50):
        before = threshold
        sound = largest[largest <= threshold]
        threshold = _gumbel_limit(sound, (0.1, 0.3, 0.5), blocks, false_alarms)
        if threshold == before:
            break
    return threshold ** (1 / POWER)


def _gumbel_limit(
    largest: RealArray, shares: tuple[float, float, float], blocks: float, false_alarms: float
) -> float:
    """What the largest of so many draws exceeds with a probability; fitted to three quantiles."""
    low, middle, high = np.quantile(largest, shares)
    # Quantiles of a Gumbel distribution: centre - spread log(-log p).
    first, second, third = (-math.log(-math.log(share)) for share in shares)
    spread = (high - low) / (third - first)
    centre = middle - spread * second
    return float(centre - spread * math.log(-math.log1p(-false_alarms) / blocks))


def _margin(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise FeatureError(f"margin={value!r} is not a whole number of pixels, 0 or more")
    return int(value)
