"""Vessels by examples: a logistic regression on lines and Gabor wavelets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ..errors import FeatureError
from ..filtering.labelled import keeps_labels
from ..filtering.regions import is_inside
from ..io.files import StrPath
from ..types import Array, RealArray
from .model_files import read_model, write_model
from .texture_maps import one_thread
from .vessels import VesselMethod, Vessels, found, vessel_responses

VERSION = 1

#: Pixels of vessels, and of the rest, that are learned from, over all pictures.
EXAMPLES = 20_000


@dataclass(frozen=True, eq=False)
class VesselModel:
    """What :func:`fit_vessels` learned; it finds vessels in pictures of the same kind.

    Attributes
    ----------
    method, vessels, width
        As in :func:`vessel_responses`.
    weights : float array (D,)
        Of the maps, and of their products, in the order of ``numpy.triu_indices``.
    bias : float array ()
    """

    method: VesselMethod
    vessels: Literal["dark", "bright"]
    width: float | None
    weights: RealArray
    bias: RealArray

    def with_width(self, width: float | None) -> Self:
        """The model for vessels of another width: all lengths follow it."""
        return replace(self, width=None if width is None else float(width))

    @keeps_labels()
    def predict(
        self,
        image: Array,
        *,
        mask: ArrayLike | None = None,
        threshold: float = 0.5,
        channel_axis: int | None = None,
    ) -> Vessels:
        """Find vessels; the score is a probability.

        Parameters
        ----------
        image : real array (H, W)
        mask : bool array (H, W), optional
            The field of view.
        threshold : float
            Least probability.
        channel_axis : int, optional
            As of :func:`vessel_responses`.

        Raises
        ------
        ImageError, FilterError, FeatureError
            As :func:`vessel_responses`; and if the model has learned from other maps.
        """
        values, inside = _examples(image, mask, self.method, self.vessels, self.width, channel_axis)
        count = 2 * len(values) + len(values) * (len(values) - 1) // 2
        if self.weights.shape != (count,):
            raise FeatureError(
                f"a model of {self.weights.size} weights does not fit {count} maps and products; "
                "fit it again"
            )
        score = np.empty(values.shape[1], np.float32)
        for start in range(0, len(score), EXAMPLES):  # so that memory stays small
            part = slice(start, start + EXAMPLES)
            logits = self.weights @ _with_products(values[:, part]) + self.bias
            score[part] = scipy.special.expit(logits)
        return found(score, inside, threshold)

    def save(self, path: StrPath) -> None:
        """Write the model as npz: numbers and a text, no pickle.

        Raises
        ------
        FeatureError
            If the suffix is another than .npz, or the file cannot be written.
        """
        settings = {"method": self.method, "vessels": self.vessels, "width": self.width}
        arrays = {"weights": self.weights, "bias": self.bias}
        write_model(path, "vessels", VERSION, settings, arrays)

    @classmethod
    def load(cls, path: StrPath) -> Self:
        """Read what :meth:`save` wrote.

        Raises
        ------
        FeatureError
            If the file is missing, damaged or something else.
        """
        noun = "of vessels; VesselModel.save writes one"
        settings, arrays = read_model(path, "vessels", VERSION, ("weights", "bias"), noun)
        try:
            plain = {name: settings[name] for name in ("method", "vessels", "width")}
        except LookupError as error:
            raise FeatureError(f"{path}: is damaged or no model {noun}") from error
        return cls(**plain, **arrays)


def fit_vessels(
    images: Sequence[Array],
    truths: Sequence[ArrayLike],
    masks: Sequence[ArrayLike | None] | None = None,
    *,
    method: VesselMethod = "both",
    vessels: Literal["dark", "bright"] = "dark",
    width: float | None = None,
    seed: int = 0,
    channel_axis: int | None = None,
) -> VesselModel:
    """Learn from pictures whose vessels are known (needs scikit-learn).

    Parameters
    ----------
    images : sequence of real arrays (H, W)
    truths : sequence of bool arrays (H, W)
        True in vessels.
    masks : sequence of bool arrays (H, W), optional
        Fields of view.
    method, vessels, width
        See :func:`vessel_responses`.
    seed : int
        Of the choice of pixels.
    channel_axis : int, optional
        Of all pictures, as of :func:`vessel_responses`.

    Returns
    -------
    VesselModel
        A logistic regression on the maps and their products of two, which makes its borders
        quadrics as those of two Gaussians are.

    Raises
    ------
    ImageError, FilterError
        As :func:`vessel_responses`.
    FeatureError
        If truths do not fit their pictures, or hold vessels only or none.

    References
    ----------
    Soares et al. (2006), section III, whose classifier compares mixtures of Gaussians.

    Examples
    --------
    >>> from gaborkit.vision import synthetic_vessels
    >>> fundus = synthetic_vessels((160, 160), width=5, seed=0)
    >>> model = fit_vessels([fundus.image], [fundus.vessels], [fundus.field], width=5)
    >>> vessels = model.predict(fundus.image, mask=fundus.field)
    >>> bool((vessels.mask == fundus.vessels)[fundus.field].mean() > 0.9)
    True
    """
    from sklearn.linear_model import LogisticRegression

    fields = [None] * len(images) if masks is None else list(masks)
    if not len(images) == len(truths) == len(fields) or not images:
        raise FeatureError(
            f"{len(truths)} truths and {len(fields)} fields do not fit {len(images)} pictures"
        )
    columns, classes = [], []
    for image, truth, field in zip(images, truths, fields, strict=True):
        values, inside = _examples(image, field, method, vessels, width, channel_axis)
        known = np.asarray(truth)
        if known.shape != inside.shape:
            raise FeatureError(
                f"a truth of shape {known.shape} does not fit a picture of {inside.shape}"
            )
        columns.append(values)
        classes.append(known[inside] != 0)
    examples, labels = np.concatenate(columns, 1), np.concatenate(classes)
    if labels.all() or not labels.any():
        raise FeatureError("the truths hold one class; mark vessels by True and the rest by False")
    rng = np.random.default_rng(seed)
    # Each pixel of a class counts as its share says, so that probabilities are those of the field.
    chosen = rng.permutation(labels.size)[: 2 * EXAMPLES]
    with one_thread():
        rule = LogisticRegression(C=1.0, max_iter=2000).fit(
            _with_products(examples[:, chosen]).T, labels[chosen]
        )
    width = None if width is None else float(width)
    return VesselModel(method, vessels, width, rule.coef_[0], rule.intercept_[0])


def _examples(
    image: Array,
    mask: ArrayLike | None,
    method: VesselMethod,
    vessels: Literal["dark", "bright"],
    width: float | None,
    channel_axis: int | None,
) -> tuple[RealArray, NDArray[np.bool_]]:
    """Maps (F, P) of the pixels inside the field, and the field."""
    maps = vessel_responses(
        image, mask=mask, method=method, vessels=vessels, width=width, channel_axis=channel_axis
    )
    inside = np.ones(maps.shape[1:], bool) if mask is None else is_inside(mask)
    return maps.to_numpy()[:, inside], inside


def _with_products(values: Any) -> RealArray:
    """Values (F, P) and their products of two, (F + F (F + 1) / 2, P)."""
    one, other = np.triu_indices(len(values))
    return np.concatenate([values, values[one] * values[other]])
