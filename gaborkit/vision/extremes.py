"""The score that a texture without defects reaches hardly ever, from the maxima of blocks.

Gumbel's distribution, that of the largest of many, is fitted to a power of the maxima of blocks
that are sound. How long the tail of a texture is, that power says, which is therefore fitted too:
with one for all textures, each fifth picture of grains had a false alarm, and of regular ones the
threshold was too high by half.

A streak through the whole picture spoils half of its blocks, more than a fit bears: rows and
columns of blocks that are unlike the others as a whole are left out first.

References
----------
Gumbel (1958), "Statistics of Extremes", chapter 5.
Box and Cox (1964), "An analysis of transformations", J. Royal Stat. Soc. B 26(2), 211-252, for
powers that give data a known distribution.
"""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from ..types import RealArray

#: Share of blocks, the lowest, from which the threshold grows, and shares whose quantiles Gumbel's
#: distribution is fitted to.
LOWEST, FITTED = 0.25, (0.1, 0.3, 0.5)

#: Power of scores to begin with. That of a chi-squared variable is nearly normal to the power of
#: 1/3, of which the maxima approach Gumbel's distribution slowly.
POWER = 0.75

#: Shares whose quantiles tell the power, and its bounds: few blocks tell it roughly.
SHAPED, POWERS = (0.1, 0.5, 0.9), (0.3, 1.0)

#: Blocks around those above the first threshold that see the same defect.
REACH = 2

#: Share of rows of blocks that are sound at least, by how many standard errors the median of a row
#: is above theirs if it is not, and blocks that are as good as one, since neighbours are alike.
SOUND, UNLIKE, ALIKE = 0.25, 4.0, 4


def threshold(
    scores: RealArray, block: int, pixels: int, false_alarms: float, *, same: bool = True
) -> float:
    """What no block of as many pixels exceeds, but with the probability of a false alarm.

    The distribution is fitted to the lowest blocks, which those with defects do not move, and again
    to all below the threshold that follows, until there are no more. Blocks apart from what is
    above it then tell the power, and with it the threshold.

    Parameters
    ----------
    scores : real array (H, W)
        Positive, of a texture with few defects; NaN where there is none. Blocks without NaN count.
    block : int
        Side of a block in pixels, of which there are some in each direction.
    pixels : int
        Of the picture that is judged.
    false_alarms : float
        Probability between 0 and 1.
    same : bool
        Whether the picture that is judged is the one of the scores. Another one varies in more than
        this one tells, so that its tail is taken to be no shorter than :data:`POWER` says.

    Examples
    --------
    >>> scores = np.random.default_rng(0).exponential(size=(640, 640))
    >>> 15 < threshold(scores, 8, scores.size, 0.05) < 18  # -log(0.05 / 640**2) is 15.9
    True
    """
    rows, columns = (size // block for size in scores.shape)
    whole = scores[: rows * block, : columns * block].astype(np.float64)
    maxima = whole.reshape(rows, block, columns, block).max((1, 3))
    known = np.isfinite(maxima)
    maxima = maxima[np.ix_(known.any(1), known.any(0))]
    sound = _sound_lines(maxima)
    highest = _gumbel(math.exp(math.log1p(-false_alarms) * block**2 / pixels))
    ordered = np.sort(maxima[sound])
    before, count, first = 0, math.ceil(LOWEST * len(ordered)), 0.0
    while count > before:
        first = _extreme(ordered[:count], POWER, highest)
        before, count = count, int(np.searchsorted(ordered, first, "right"))
    apart = maxima[sound & ~_near(maxima > first)]
    if apart.size < LOWEST * sound.sum():
        return first
    power = _power(apart)
    return _extreme(apart, power if same else min(power, POWER), highest)


def _sound_lines(maxima: RealArray) -> NDArray[np.bool_]:
    """Blocks in rows and columns whose median is one of those of the lowest share SOUND."""
    logarithms = np.log(maxima + np.finfo(np.float64).tiny)
    known = np.isfinite(maxima)
    sound = known.copy()
    for axis in (0, 1):
        medians = np.nanmedian(logarithms, axis, keepdims=True)
        low, high = np.nanquantile(logarithms, (0.25, 0.75), axis)
        # Of a normal distribution the quartiles are 1.35 deviations apart, and the standard error
        # of the median is 1.25 times that of the mean.
        count = known.sum(axis, keepdims=True)
        error = 1.25 * np.median(high - low) / 1.35 * np.sqrt(ALIKE / count)
        sound &= medians <= np.quantile(medians, SOUND) + UNLIKE * error
    return sound


def _near(blocks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Blocks that are at most REACH from those chosen."""
    return np.asarray(scipy.ndimage.binary_dilation(blocks, np.ones((3, 3)), REACH))


def _extreme(maxima: RealArray, power: float, highest: float) -> float:
    """The quantile of maxima that is ``highest`` of Gumbel's standard distribution."""
    low, middle, high = np.quantile(maxima, FITTED) ** power
    first, second, third = (_gumbel(share) for share in FITTED)
    return float(middle + (high - low) / (third - first) * (highest - second)) ** (1 / power)


def _power(maxima: RealArray) -> float:
    """Power of maxima whose quantiles lie as those of Gumbel's distribution, within bounds."""
    low, middle, high = np.quantile(maxima, SHAPED)
    first, second, third = (_gumbel(share) for share in SHAPED)
    wanted = (third - second) / (second - first)

    def skewness(power: float) -> float:
        return float(high**power - middle**power - wanted * (middle**power - low**power))

    least, most = POWERS
    if skewness(least) >= 0:
        return least
    return most if skewness(most) <= 0 else float(scipy.optimize.brentq(skewness, least, most))


def _gumbel(share: float) -> float:
    """Quantile of Gumbel's standard distribution."""
    return -math.log(-math.log(share))
