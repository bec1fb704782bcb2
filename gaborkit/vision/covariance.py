"""Mean and covariance of the larger part of pixels, which defects do not move.

The minimum covariance determinant, grown from the tiles of a picture.

References
----------
Rousseeuw and Van Driessen (1999), "A fast algorithm for the minimum covariance determinant
estimator", Technometrics 41(3), 212-223, for concentration and reweighting.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from ..types import RealArray

#: Pixels of which mean and covariance are estimated at most; the share of them that is taken for
#: good at least, and the probability of good ones that later count too.
SAMPLE, GOOD, LIKELY = 3000, 0.4, 0.975

#: Tiles along each side from which the search for good pixels starts.
TILES = 4

#: Added to variances, as a share of each, and what the share of none is. Neighbours are alike, so
#: the covariance is known from fewer pixels than there are, and least variances come out too low.
RIDGE, TINY = 0.03, 1e-6


def good_statistics(
    maps: RealArray, judged: NDArray[np.bool_], robust: bool, seed: int
) -> tuple[RealArray, RealArray]:
    """Mean (F,) of good pixels, and the factor (F, F) that makes their covariance the unit.

    They are some of those judged, (H, W). Robustly: from the pixels of each tile of the picture, of
    which some are without defects, grows the part of all pixels that is closest; the one of the
    smallest determinant is taken, and then all whose distance is a likely one of a good pixel.
    """
    known = np.flatnonzero(judged)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(known))[:SAMPLE])
    rows = maps.reshape(len(maps), -1)[:, known[chosen]].T.astype(np.float64)
    # In units of their deviations, or else the determinant is that of the units.
    unit = np.median(np.abs(rows - np.median(rows, 0)), 0)
    unit[unit <= 1e-9 * np.abs(rows).max(0)] = 1
    rows = rows / unit
    good = np.ones(len(rows), bool)
    if robust:
        y, x = (places - places.min() for places in np.divmod(known, judged.shape[1]))
        tiles = (y * TILES // (y.max() + 1) * TILES + x * TILES // (x.max() + 1))[chosen]
        filled = [tile for tile in range(TILES**2) if np.sum(tiles == tile) > 1]
        starts = [_closest(rows, tiles == tile, 3) for tile in filled]
        # The factor's diagonal is that of the inverse: the smallest determinant is its largest.
        good = max(starts, key=lambda part: np.log(np.diag(_whitening(rows[part])[1])).sum())
        distances = mahalanobis(rows.T, *_whitening(rows[_closest(rows, good, 50)]))
        # Quantiles of chi-squared distributions with as many degrees of freedom as maps.
        part, likely = (float(scipy.special.gammaincinv(len(maps) / 2, p)) for p in (GOOD, LIKELY))
        good = distances <= np.quantile(distances, GOOD) * likely / part
    mean, factor = _whitening(rows[good])
    return mean * unit, factor / unit


def _closest(rows: RealArray, good: NDArray[np.bool_], steps: int) -> NDArray[np.bool_]:
    """The share GOOD of rows that are closest to their own mean: concentration from some rows."""
    for _ in range(steps):
        before = good
        distances = mahalanobis(rows.T, *_whitening(rows[good]))
        good = distances <= np.quantile(distances, GOOD)
        if np.array_equal(before, good):
            break
    return good


def _whitening(rows: RealArray) -> tuple[RealArray, RealArray]:
    """Mean of rows, and the inverse of the Cholesky factor of their covariance."""
    mean = rows.mean(0)
    apart = rows - mean
    covariance = apart.T @ apart / (len(rows) - 1)
    covariance += RIDGE * np.diag(np.diag(covariance) + TINY)
    return mean, np.linalg.inv(np.linalg.cholesky(covariance))


def mahalanobis(maps: RealArray, mean: RealArray, factor: RealArray) -> RealArray:
    """Squared Mahalanobis distances (...) of maps (F, ...)."""
    factor, mean = factor.astype(maps.dtype), mean.astype(maps.dtype)
    white = factor @ maps.reshape(len(maps), -1)
    white -= (factor @ mean)[:, None]
    return np.asarray(np.einsum("fn,fn->n", white, white).reshape(maps.shape[1:]))
