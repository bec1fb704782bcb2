"""How well scores tell two kinds apart: the area under the ROC curve, and the equal error rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike

from ..errors import FeatureError
from ..types import RealArray


def area_under_roc(scores: ArrayLike, truth: ArrayLike) -> float:
    """Probability that a true one scores more than a false one, ties half.

    Parameters
    ----------
    scores : array of floats
    truth : array of booleans
        Of one shape.

    Returns
    -------
    float
        1/2 of scores that tell nothing.

    Raises
    ------
    FeatureError
        If the shapes differ, a score is not finite, or one kind is missing.

    References
    ----------
    Hanley and McNeil (1982), "The meaning and use of the area under a receiver operating
    characteristic (ROC) curve", Radiology 143(1), 29-36.

    Examples
    --------
    >>> area_under_roc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    values, known = np.asarray(scores, float), np.asarray(truth)
    if values.shape != known.shape:
        raise FeatureError(
            f"truth of shape {known.shape} does not fit scores of shape {values.shape}"
        )
    known = known.ravel() != 0
    true = int(known.sum())
    _check("scores", values, 1)
    if not 0 < true < known.size:
        raise FeatureError(
            f"{true} of {known.size} are true: both kinds are needed, mark what is true"
        )
    ranks = scipy.stats.rankdata(values.ravel())
    return float((ranks[known].sum() - true * (true + 1) / 2) / (true * (known.size - true)))


def equal_error_rate(same: ArrayLike, different: ArrayLike) -> float:
    """Share of wrong answers at the limit where as many are accepted as are rejected wrongly.

    Parameters
    ----------
    same, different : arrays of floats
        Distances of pairs of one kind, and of two.

    Returns
    -------
    float
        From 0, if a limit tells all apart. Between two limits it is interpolated linearly.

    Raises
    ------
    FeatureError
        If one of them is empty, or a distance is not finite.

    References
    ----------
    Maltoni, Maio, Jain and Prabhakar (2009), "Handbook of Fingerprint Recognition", 2nd edition,
    section 1.5.

    Examples
    --------
    >>> equal_error_rate([0.1, 0.2, 0.3, 0.6], [0.25, 0.7, 0.8, 0.9])
    0.25
    """
    one, other = (np.sort(np.asarray(x, float).ravel()) for x in (same, different))
    for name, values in (("same", one), ("different", other)):
        _check(name, values, 1)
    limits = np.concatenate([[-np.inf], np.unique(np.concatenate([one, other]))])
    rejected = 1 - np.searchsorted(one, limits, "right") / len(one)
    accepted = np.searchsorted(other, limits, "right") / len(other)
    k = int(np.argmax(accepted >= rejected))
    before, after = rejected[k - 1] - accepted[k - 1], accepted[k] - rejected[k]
    share = before / (before + after)
    return float(rejected[k - 1] + share * (rejected[k] - rejected[k - 1]))


def _check(name: str, values: RealArray | Any, least: int) -> None:
    if values.size < least or not np.isfinite(values).all():
        raise FeatureError(f"{name} of {values.size} values: give finite numbers, {least} or more")
