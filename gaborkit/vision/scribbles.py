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
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.energy import smoothed
from ..filtering.labelled import keeps_labels
from ..io.files import StrPath
from ..types import Array, RealArray
from .model_files import read_model, write_model
from .refinement import scores_of
from .texture_maps import (
    Nonlinearity,
    check_windows,
    dyadic_bank,
    flat_pixels,
    one_thread,
    planes_of,
    texture_maps,
)

#: Regularisation (scikit-learn's C) of the strokes alone, and of all examples.
STRENGTHS = (0.01, 0.1)

#: Least probability of what the first round is sure of, and the later ones.
SURE = (0.6, 0.8)

#: Strokes' pixels that are learned from, a class and picture, and pixels along the shorter side of
#: the grid of which the sure ones are.
EXAMPLES, GRID = 5000, 64

VERSION = 1


class Painted(NamedTuple):
    """A picture with a class for each pixel.

    Attributes
    ----------
    labels : uint8 array (H, W)
        The numbers of the scribbles.
    probabilities : float32 array (C, H, W)
        Of each class, in ascending order of the numbers.
    """

    labels: NDArray[np.uint8]
    probabilities: RealArray


@dataclass(frozen=True, eq=False)
class ScribbleModel:
    """What :func:`fit_scribbles` learned; it segments other pictures of the same textures.

    Attributes
    ----------
    bank : GaborBank
    nonlinearity, window, least
        As in :func:`texture_maps`.
    grey : bool
        Whether the grey level (or colour) around a pixel counts.
    smoothing : float
        Deviation of the Gaussian over the classes' scores, in pixels.
    classes : uint8 array (C,)
        Numbers of the scribbles, ascending.
    centre, width : arrays (F,)
        What is taken off each map, and what it is divided by.
    weights, bias : arrays (C, F) and (C,)
        Of the classes' scores, whose softmax the probabilities are.
    """

    bank: GaborBank
    nonlinearity: Nonlinearity
    window: float
    least: float
    grey: bool
    smoothing: float
    classes: NDArray[np.uint8]
    centre: RealArray
    width: RealArray
    weights: RealArray
    bias: RealArray

    @keeps_labels("class")
    def predict(self, image: Array, *, channel_axis: int | None = None) -> Painted:
        """Segment a picture.

        Parameters
        ----------
        image : real array or tensor (H, W), or with colour if the model has seen colour
        channel_axis : int, optional

        Raises
        ------
        ImageError
            As :meth:`GaborBank.filter`.
        FeatureError
            If it has other channels than the pictures that the model has seen.
        """
        maps = self._maps(image, channel_axis)
        if len(maps) != len(self.centre):
            each = len(self.bank) + self.grey
            raise FeatureError(
                f"a picture of {len(maps) // each} channels does not go with a model of "
                f"{len(self.centre) // each}; gaborkit.luminance makes one of three"
            )
        scores = np.tensordot(self.weights / self.width, maps, 1)
        scores += (self.bias - self.weights @ (self.centre / self.width))[:, None, None]
        scores = smoothed(scores, self.smoothing)
        scores = np.exp(scores - scores.max(0))
        probabilities = (scores / scores.sum(0)).astype(np.float32)
        return Painted(self.classes[probabilities.argmax(0)], probabilities)

    def _maps(self, image: Array, channel_axis: int | None) -> RealArray:
        planes = planes_of(image, channel_axis)
        maps = texture_maps(
            planes,
            bank=self.bank,
            nonlinearity=self.nonlinearity,
            window=self.window,
            least=self.least,
            channel_axis=0,
        ).to_numpy()
        return np.concatenate([maps, smoothed(planes, self.least)]) if self.grey else maps

    def save(self, path: StrPath) -> None:
        """Write the model as npz: numbers and a text, no pickle.

        Raises
        ------
        FeatureError
            If the suffix is another than .npz, or the file cannot be written.
        """
        settings = {name: getattr(self, name) for name in _PLAIN}
        write_model(
            path,
            "scribbles",
            VERSION,
            {"bank": self.bank.to_dict(), **settings},
            {name: getattr(self, name) for name in _ARRAYS},
        )

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        FeatureError
            If the file is missing, damaged or something else.
        """
        noun = "of scribbles; ScribbleModel.save writes one"
        settings, arrays = read_model(path, "scribbles", VERSION, _ARRAYS, noun)
        try:
            plain = {name: settings[name] for name in _PLAIN}
            return cls(bank=GaborBank.from_dict(settings["bank"]), **plain, **arrays)
        except (LookupError, TypeError) as error:
            raise FeatureError(f"{path}: is damaged or no model {noun}") from error


_PLAIN = ("nonlinearity", "window", "least", "grey", "smoothing")
_ARRAYS = ("classes", "centre", "width", "weights", "bias")


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

    Returns
    -------
    ScribbleModel

    Raises
    ------
    ImageError
        As :meth:`GaborBank.filter`.
    FeatureError
        If scribbles do not fit their picture or name less than two textures, or an option is out
        of range.

    References
    ----------
    Scudder (1965), "Probability of error of some adaptive pattern-recognition machines", IEEE
    Trans. Information Theory 11(3), 363-371, for learning from one's own decisions.
    """
    check_windows(nonlinearity, window, least)
    if isinstance(rounds, bool) or not isinstance(rounds, (int, np.integer)) or rounds < 0:
        raise FeatureError(f"rounds={rounds!r} is not a whole number of 0 or more")
    if not (math.isfinite(smoothing) and smoothing >= 0):
        raise FeatureError(f"smoothing={smoothing!r} is out of range; give 0 or more")
    several = isinstance(image, (list, tuple))
    images: list[Any] = list(image) if several else [image]
    drawn: list[Any] = list(scribbles) if several else [scribbles]  # type: ignore[arg-type]
    if len(images) != len(drawn) or not images:
        raise FeatureError(f"{len(drawn)} scribbles do not fit {len(images)} pictures")
    planes = [planes_of(picture, channel_axis) for picture in images]
    strokes = [_strokes(s, p.shape[-2:]) for s, p in zip(drawn, planes, strict=True)]
    classes = np.unique(np.concatenate([s[s > 0] for s in strokes]))
    if len(classes) < 2:
        raise FeatureError(
            f"the scribbles name {len(classes)} texture{'s' * (len(classes) != 1)}; give at least "
            "two different numbers above 0"
        )
    empty = np.zeros(0)
    bank = bank or dyadic_bank(planes[0].shape[-2:])
    options = (bank, nonlinearity, float(window), float(least), bool(grey), float(smoothing))
    blank = ScribbleModel(*options, classes, empty, empty, empty, empty)
    examples, numbers, unnamed = _examples(blank, planes, strokes, seed)
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
    **options
        Of :func:`fit_scribbles`, which gives a model for other pictures.

    Returns
    -------
    Painted
        Labels and probabilities.

    Raises
    ------
    ImageError, FeatureError
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
    model = fit_scribbles(image, scribbles, channel_axis=channel_axis, **options)
    return model.predict(image, channel_axis=channel_axis)


def _strokes(scribbles: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    strokes = np.asarray(scribbles)
    if strokes.shape != shape:
        raise FeatureError(
            f"scribbles of shape {strokes.shape} do not fit a picture of {tuple(shape)} pixels"
        )
    if strokes.dtype.kind not in "bui" or strokes.min() < 0 or strokes.max() > 255:
        raise FeatureError(
            f"scribbles of dtype {strokes.dtype} from {strokes.min()} to {strokes.max()} are no "
            "numbers of textures; give whole numbers from 0 (nothing said) to 255"
        )
    return strokes.astype(np.uint8)


def _examples(
    model: ScribbleModel,
    pictures: Sequence[RealArray],
    strokes: Sequence[NDArray[np.uint8]],
    seed: int,
) -> tuple[RealArray, NDArray[np.uint8], RealArray]:
    """Rows of maps under the strokes, their numbers, and rows from all over the pictures."""
    rng = np.random.default_rng(seed)
    rows, numbers, unnamed = [], [], []
    for planes, drawn in zip(pictures, strokes, strict=True):
        maps = model._maps(planes, 0)
        step = max(1, min(drawn.shape) // GRID)
        unnamed.append(flat_pixels(maps[:, step // 2 :: step, step // 2 :: step]))
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
