"""Defects of a regular texture: pixels whose Gabor energies are unlike those of the rest.

The logarithms of local energies are compared with their mean and covariance, over a picture that
has no defect or, robustly, over the picture itself: the squared Mahalanobis distance is the score.
The threshold comes from the largest scores of blocks, whose distribution (Gumbel's, of maxima) is
fitted to their quartiles, which a few blocks with defects do not move.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.energy import smoothed
from ..types import Array, RealArray
from .texture_maps import check_windows, flat_pixels, one_thread, planes_of, texture_maps

#: Share of a map's median that is added before the logarithm, which would else follow noise.
FLOOR = 0.05

#: Pixels of which mean and covariance are estimated at most, and the share of them that is taken
#: for good at least.
SAMPLE, GOOD = 2500, 0.75

#: Added to variances, as a share of each, and what the share of none is.
RIDGE, TINY = 1e-4, 1e-6


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
    least: float = 3.0,
    margin: int | None = None,
    false_alarms: float = 0.05,
    seed: int = 0,
    channel_axis: int | None = None,
) -> Defects:
    """Find defects in a picture of a regular texture (needs scikit-learn).

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
        Widths of the windows of local energy and grey level, see :func:`texture_maps`.
    margin : int, optional
        Pixels at the borders that are not judged, as what lies outside is not known; 0.7 of the
        longest wavelength if None.
    false_alarms : float
        Probability that something is found in a picture without defects, between 0 and 1. It holds
        as far as the texture is the same everywhere.
    seed : int
        Of the robust estimate.
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
    estimator", Technometrics 41(3), 212-223.

    Examples
    --------
    >>> from gaborkit.vision.synthetic import weave
    >>> cloth = weave((160, 160))
    >>> cloth[80:90, 60:100] = -1
    >>> mask = find_defects(cloth).mask
    >>> bool(mask[80:90, 60:100].any()), bool(mask[:40].any())
    (True, False)
    """
    check_windows("magnitude", window, least)
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
    maps = _log_energies(planes, bank, window, least)
    inner = (slice(margin, size - margin) for size in planes.shape[-2:])
    judged = (slice(None), *inner)
    if reference is None:
        known = maps[judged]
    else:
        good = _log_energies(pictures[1], bank, window, least)
        known = good[(slice(None), *(slice(margin, size - margin) for size in good.shape[-2:]))]
    estimate = _statistics(known, robust=reference is None, seed=seed)
    score = np.zeros(planes.shape[-2:], np.float32)
    score[judged[1:]] = _distances(maps[judged], *estimate)
    usual = score[judged[1:]] if reference is None else _distances(known, *estimate)
    threshold = _threshold(usual, block, score[judged[1:]].size, false_alarms)
    return Defects(score > threshold, score, threshold)


def _log_energies(planes: RealArray, bank: GaborBank, window: float, least: float) -> RealArray:
    """Logarithms of the maps, and the grey level around each pixel."""
    maps = texture_maps(planes, bank=bank, window=window, least=least, channel_axis=0).to_numpy()
    floor = FLOOR * np.median(maps, axis=(1, 2), keepdims=True)
    tiny = np.finfo(maps.dtype).tiny  # of a constant picture
    return np.concatenate([np.log(maps + floor + tiny), smoothed(planes, least)])


def _statistics(maps: RealArray, robust: bool, seed: int) -> tuple[RealArray, RealArray]:
    """Mean (F,) and covariance (F, F) of good pixels."""
    from sklearn.covariance import EmpiricalCovariance, MinCovDet

    rows = flat_pixels(maps).astype(np.float64)
    chosen = np.random.default_rng(seed).permutation(len(rows))[:SAMPLE]
    sample = rows[np.sort(chosen)]
    # In units of their deviations, or else the determinant is that of the units.
    width = sample.std(0)
    width[width <= 1e-9 * np.abs(sample).max(0)] = 1
    found: Any = MinCovDet(support_fraction=GOOD, random_state=seed)
    if not robust:
        found = EmpiricalCovariance()
    with warnings.catch_warnings(), one_thread():
        # Of a perfectly regular texture the determinant is nearly 0; the ridge is for that.
        warnings.simplefilter("ignore")
        try:
            found.fit(sample / width)
        except ValueError:  # no covariance at all
            raise FeatureError(
                "most of the picture is the same, as if blank: there is no texture to compare with"
            ) from None
    covariance = found.covariance_ + RIDGE * np.diag(np.diag(found.covariance_) + TINY)
    return found.location_ * width, covariance * np.outer(width, width)


def _distances(maps: RealArray, mean: RealArray, covariance: RealArray) -> RealArray:
    """Squared Mahalanobis distances (H, W) of maps (F, H, W)."""
    factor = np.linalg.inv(np.linalg.cholesky(covariance)).astype(maps.dtype)
    offset = maps - mean.astype(maps.dtype)[:, None, None]
    return np.square(np.tensordot(factor, offset, 1)).sum(0)


def _threshold(scores: RealArray, block: int, pixels: int, false_alarms: float) -> float:
    """What no block of as many pixels exceeds, but with the probability of a false alarm."""
    rows, columns = (size // block for size in scores.shape)
    whole = scores[: rows * block, : columns * block]
    largest = whole.reshape(rows, block, columns, block).max((1, 3))
    low, middle, high = np.quantile(largest, [0.25, 0.5, 0.75])
    # Quantiles of a Gumbel distribution: centre - spread log(-log p).
    spread = (high - low) / (math.log(-math.log(0.25)) - math.log(-math.log(0.75)))
    centre = middle + spread * math.log(-math.log(0.5))
    blocks = pixels / block**2
    return float(centre - spread * math.log(-math.log1p(-false_alarms) / blocks))


def _margin(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise FeatureError(f"margin={value!r} is not a whole number of pixels, 0 or more")
    return int(value)
