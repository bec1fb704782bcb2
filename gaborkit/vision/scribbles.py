"""Segmentation from scribbles: a few strokes say which texture is which.

A logistic regression tells textures apart by their local energies. It was chosen among it, linear
discriminant analysis and forests on mosaics with two short strokes a texture: neighbouring pixels
are nearly the same example, so what is learned must be held back, and a strongly regularised linear
rule was right more often than forests (by five to eight points of a hundred) or a covariance
estimated from the strokes (by eight). The pixels that it is sure of then count as examples too
(self-training).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.masking import Interior
from ..types import Array, Outside, RealArray
from ..whole_numbers import is_whole
from .refinement import scores_of
from .scribble_model import Painted, ScribbleModel
from .texture_maps import (
    Nonlinearity,
    check_windows,
    dyadic_bank,
    one_thread,
    planes_within,
    sampled,
)

#: Regularisation (scikit-learn's C) of the strokes alone, and of all examples.
STRENGTHS = (0.01, 0.1)

#: Least probability of what the first round is sure of, and the later ones.
SURE = (0.6, 0.8)

#: Strokes' pixels that are learned from, a class and picture, and pixels along the shorter side of
#: the grid of which the sure ones are.
EXAMPLES, GRID = 5000, 64


def fit_scribbles(
    image: Array | Sequence[Array],
    scribbles: ArrayLike | Sequence[ArrayLike],
    *,
    bank: GaborBank | None = None,
    nonlinearity: Nonlinearity = "magnitude",
    window: float = 2.0,
    least: float = 8.0,
    grey: bool = True,
    smoothing: float = 8.0,
    rounds: int = 3,
    seed: int = 0,
    channel_axis: int | None = None,
    mask: Any = None,
    outside: Outside = "nearest",
) -> ScribbleModel:
    """Learn textures from strokes over one picture or several (needs scikit-learn).

    Parameters
    ----------
    image : real array or tensor (H, W), or with colour, or a list of them
    scribbles : array of integers (H, W), or a list of them
        0 where nothing is said, else the number of the texture, 1 to 255.
    bank, nonlinearity, window, least
        See :func:`texture_maps`; the bank is that of the first picture's shape if None.
    grey : bool
        Count the grey level (each colour channel) around a pixel too.
    smoothing : float
        Deviation of the Gaussian over the classes' scores, in pixels; 0 leaves them.
    rounds : int
        How often pixels that the rule is sure of become examples; 0 learns from strokes alone.
    seed : int
        Of the choice among the pixels of long strokes.
    channel_axis : int, optional
        Axis of colour.
    mask : array (H, W), or a list of them and None, optional
        What is not 0 is inside, as in :meth:`GaborBank.filter`: values outside have no part in what
        is learned, and strokes there say nothing.
    outside : {"nearest", "normalized"}
        As in :meth:`GaborBank.filter`.

    Returns
    -------
    ScribbleModel

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If scribbles or masks do not fit their picture, name less than two textures, or one of which
        all strokes lie outside, or an option is out of range.

    References
    ----------
    Scudder (1965), "Probability of error of some adaptive pattern-recognition machines", IEEE
    Trans. Information Theory 11(3), 363-371, for learning from one's own decisions.
    """
    check_windows(nonlinearity, window, least)
    if not is_whole(rounds, 0):
        raise FeatureError(f"rounds={rounds!r} is not a whole number of 0 or more")
    if not (math.isfinite(smoothing) and smoothing >= 0):
        raise FeatureError(f"smoothing={smoothing!r} is out of range; give 0 or more")
    several = isinstance(image, (list, tuple))
    images: list[Any] = list(image) if several else [image]
    drawn: list[Any] = list(scribbles) if several else [scribbles]  # type: ignore[arg-type]
    if len(images) != len(drawn) or not images:
        raise FeatureError(f"{len(drawn)} scribbles do not fit {len(images)} pictures")
    masks: list[Any] = list(mask) if isinstance(mask, (list, tuple)) else [mask] * len(images)
    if len(masks) != len(images):
        raise FeatureError(f"{len(masks)} masks do not fit {len(images)} pictures")
    seen = [
        planes_within(picture, channel_axis, one, outside)
        for picture, one in zip(images, masks, strict=True)
    ]
    strokes = [_strokes(s, part) for s, (_, part) in zip(drawn, seen, strict=True)]
    classes = np.unique(np.concatenate([s[s > 0] for s in strokes]))
    named = np.unique(np.concatenate([np.ravel(s) for s in drawn]))
    lost = np.setdiff1d(named[named > 0], classes)
    if len(lost):
        raise FeatureError(
            f"all strokes of texture {lost[0]} lie outside of the mask; draw one inside"
        )
    if len(classes) < 2:
        raise FeatureError(
            f"the scribbles name {len(classes)} texture{'s' * (len(classes) != 1)}; give at least "
            "two different numbers above 0"
        )
    empty = np.zeros(0)
    bank = bank or dyadic_bank(seen[0][0].shape[-2:])
    options = (bank, nonlinearity, float(window), float(least), bool(grey), float(smoothing))
    blank = ScribbleModel(*options, classes, empty, empty, empty, empty)
    examples, numbers, unnamed = _examples(blank, seen, strokes, seed)
    centre, width = unnamed.mean(0), unnamed.std(0)
    width[width <= 1e-6 * np.abs(centre)] = np.inf  # a constant map tells nothing
    with one_thread():
        rule = _rule((examples - centre) / width, numbers, (unnamed - centre) / width, rounds)
    return ScribbleModel(*options, classes, centre, width, *scores_of(rule))


def segment_scribbles(
    image: Array,
    scribbles: ArrayLike,
    *,
    channel_axis: int | None = None,
    mask: Any = None,
    outside: Outside = "nearest",
    **options: Any,
) -> Painted:
    """Segment a picture by strokes over it (needs scikit-learn).

    Parameters
    ----------
    image : real array or tensor (H, W), or with colour
    scribbles : array of integers (H, W)
        0 where nothing is said, else the number of the texture, 1 to 255.
    channel_axis : int, optional
        Axis of colour.
    mask, outside
        As in :meth:`GaborBank.filter`: the part that is segmented, in which values outside have no
        part.
    **options
        Of :func:`fit_scribbles`, which gives a model for other pictures.

    Returns
    -------
    Painted
        Labels and probabilities.

    Raises
    ------
    ImageError, FilterError, FeatureError
        As :func:`fit_scribbles`.

    Examples
    --------
    >>> y, x = np.mgrid[:96, :96]
    >>> stripes = np.cos(2 * np.pi / 8 * np.where(x < 48, x, y))
    >>> strokes = np.zeros((96, 96), int)
    >>> strokes[40:50, 20], strokes[40:50, 80] = 1, 2
    >>> segment_scribbles(stripes, strokes).labels[48, 12::24]
    array([1, 1, 2, 2], dtype=uint8)
    """
    part: dict[str, Any] = {"channel_axis": channel_axis, "mask": mask, "outside": outside}
    return fit_scribbles(image, scribbles, **part, **options).predict(image, **part)


def _strokes(scribbles: ArrayLike, part: Interior) -> NDArray[np.uint8]:
    """Numbers (h, w) of the strokes within the mask's box, 0 outside the mask."""
    strokes = np.asarray(scribbles)
    if strokes.shape != part.shape:
        raise FeatureError(
            f"scribbles of shape {strokes.shape} do not fit a picture of {part.shape} pixels"
        )
    if strokes.dtype.kind not in "bui" or strokes.min() < 0 or strokes.max() > 255:
        raise FeatureError(
            f"scribbles of dtype {strokes.dtype} from {strokes.min()} to {strokes.max()} are no "
            "numbers of textures; give whole numbers from 0 (nothing said) to 255"
        )
    strokes = strokes.astype(np.uint8)
    if part.region is None:
        return strokes
    return strokes[part.region.rows, part.region.columns] * part.region.inside


def _examples(
    model: ScribbleModel,
    pictures: Sequence[tuple[RealArray, Interior]],
    strokes: Sequence[NDArray[np.uint8]],
    seed: int,
) -> tuple[RealArray, NDArray[np.uint8], RealArray]:
    """Rows of maps under the strokes, their numbers, and rows from all over the pictures."""
    rng = np.random.default_rng(seed)
    rows, numbers, unnamed = [], [], []
    for (planes, part), drawn in zip(pictures, strokes, strict=True):
        maps = model.maps(planes, part)
        inside = np.ones(drawn.shape, bool) if part.inside is None else part.inside
        unnamed.append(maps[:, sampled(inside, GRID, GRID)].T)
        for number in np.unique(drawn[drawn > 0]):
            y, x = np.nonzero(drawn == number)
            chosen = rng.permutation(len(y))[:EXAMPLES]
            rows.append(maps[:, y[chosen], x[chosen]].T)
            numbers.append(np.full(len(chosen), number))
    return (
        np.concatenate(rows).astype(np.float64),
        np.concatenate(numbers),
        np.concatenate(unnamed).astype(np.float64),
    )


def _rule(examples: RealArray, numbers: NDArray[np.uint8], unnamed: RealArray, rounds: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    weak, strong = (
        LogisticRegression(C=c, max_iter=2000, class_weight="balanced") for c in STRENGTHS
    )
    rule = weak.fit(examples, numbers)
    for turn in range(rounds):
        probabilities = rule.predict_proba(unnamed)
        sure = probabilities.max(1) > SURE[min(turn, 1)]
        guessed = rule.classes_[probabilities.argmax(1)][sure]
        rule = (strong if turn else weak).fit(
            np.concatenate([examples, unnamed[sure]]), np.concatenate([numbers, guessed])
        )
    return rule
