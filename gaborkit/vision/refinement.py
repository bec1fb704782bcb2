"""Borders of segments: a rule learned in the middle of each, and applied with narrower windows.

Where two textures meet, a wide window sees a mixture of both, which may look like a third texture.
A linear rule that has learned from the middle of segments alone, away from all mixtures, seldom
takes it for that.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..bank import GaborBank
from ..features.energy import smoothed
from ..features.masking import interior_of
from ..types import Outside, RealArray
from .texture_maps import standardized, texture_maps

#: Windows in wavelengths, and the smallest in pixels.
WINDOW, LEAST = 1.0, 12.0

#: Pixels from the border to the middle of a segment, at most, and as a share of the shorter side.
MIDDLE, SHARE = 16, 1 / 16

#: Pixels that are learned from, and how often, as borders move.
EXAMPLES, ROUNDS = 5_000, 2


def refined(
    planes: RealArray,
    probabilities: RealArray,
    bank: GaborBank,
    *,
    smoothing: float,
    seed: int,
    mask: NDArray[np.bool_] | None = None,
    outside: Outside = "nearest",
) -> RealArray:
    """Probabilities of textures, learned from the middle of what they were before.

    Parameters
    ----------
    planes : array (C, H, W)
    probabilities : array (K, H, W)
    bank : GaborBank
    smoothing : float
        Deviation in pixels of the Gaussian over the scores.
    seed : int
        Of the choice of pixels to learn from.
    mask : bool array (H, W), optional
        Of the planes' pixels, in a box that it fills; the probabilities are 0 outside.
    outside : {"nearest", "normalized"}

    Returns
    -------
    float32 array (K, H, W)
        As they were, where a segment has no middle.
    """
    count = len(probabilities)
    part = interior_of(planes, mask, outside)
    options: dict[str, Any] = {"bank": bank, "window": WINDOW, "least": LEAST, "channel_axis": 0}
    maps = texture_maps(planes, mask=mask, outside=outside, **options).to_numpy()
    maps = standardized(maps, mask)
    rng = np.random.default_rng(seed)
    for _ in range(ROUNDS):
        labels = part.refilled(probabilities.argmax(0).astype(np.uint8))
        middle = np.flatnonzero(_middle(labels) if mask is None else _middle(labels) & mask)
        chosen = rng.permutation(middle)[:EXAMPLES]
        numbers = labels.ravel()[chosen]
        if len(np.unique(numbers)) < max(count, 2):
            break
        weights, bias = _rule(maps.reshape(len(maps), -1)[:, chosen].T, numbers)
        scores = np.tensordot(weights, maps, 1) + bias[:, None, None]
        scores = smoothed(scores.astype(np.float32), smoothing, inside=mask)
        scores = np.exp(scores - scores.max(0))
        probabilities = scores / scores.sum(0)
    return probabilities


def _middle(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels away from where labels change."""
    border = scipy.ndimage.maximum_filter(labels, 3) != scipy.ndimage.minimum_filter(labels, 3)
    if not border.any():
        return ~border
    apart: NDArray[np.floating[Any]] = scipy.ndimage.distance_transform_edt(~border)
    return apart > min(MIDDLE, SHARE * min(labels.shape))


def _rule(examples: RealArray, numbers: NDArray[Any]) -> tuple[RealArray, RealArray]:
    """Weights (K, F) and bias (K,) of a logistic regression's scores."""
    from sklearn.linear_model import LogisticRegression

    rule = LogisticRegression(C=1.0, max_iter=1000).fit(examples, numbers)
    return scores_of(rule)


def scores_of(rule: Any) -> tuple[RealArray, RealArray]:
    """Weights (K, F) and bias (K,) whose softmax a logistic regression's probabilities are."""
    weights, bias = rule.coef_, rule.intercept_
    if len(bias) > 1:
        return weights, bias
    # Of two classes, scikit-learn keeps the second one's score over the first's.
    return np.stack([0 * weights[0], weights[0]]), np.array([0, bias[0]])
