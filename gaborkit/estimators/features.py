"""Descriptors as a transformer of scikit-learn: pictures in, a table of values out."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ..bank import GaborBank
from ..errors import FeatureError
from ..features import Descriptor, descriptor
from ..filtering.backend import as_array

#: Values of pictures that are described at once, unless ``batch`` says otherwise.
AT_ONCE = 2**22


class GaborFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """Describe pictures, as a step of a pipeline.

    Parameters
    ----------
    features : str or Descriptor
        A name in :data:`gaborkit.features.DESCRIPTORS`, or a descriptor.
    bank : GaborBank, optional
        Of a descriptor that is given by its name; its own by default.
    image_shape : tuple of int, optional
        Of one picture, (H, W), or with colours in any place: how rows of a 2-D ``X`` are read. By
        default the pictures of ``fit`` say it; rows are then read as squares or, where their
        length is no square number, as pictures of one line.
    channel_axis : int, optional
        Axis of colour in ``image_shape``: the channels are described one by one.
    batch : int, optional
        Pictures that are described at once; by default as many as hold four million values.
    n_jobs : int, optional
        Batches that joblib runs at a time. One already uses all cores where the pictures are not
        tiny; the default is joblib's.

    Attributes
    ----------
    descriptor_ : Descriptor
    image_shape_ : tuple of int
    n_features_in_ : int
        Values of one picture.

    Raises
    ------
    FeatureError
        If parameters are out of range, or the pictures do not fit them or the descriptor.

    Examples
    --------
    >>> pictures = np.random.default_rng(0).random((10, 32, 32))
    >>> GaborFeatures("texture").fit_transform(pictures).shape
    (10, 48)
    >>> rows = GaborFeatures("texture", image_shape=(16, 64)).fit(pictures.reshape(10, -1))
    >>> rows.get_feature_names_out()[:2]
    array(['mean 2.5 px, 0°', 'deviation 2.5 px, 0°'], dtype=object)
    """

    descriptor_: Descriptor

    def __init__(
        self,
        features: str | Descriptor = "texture",
        *,
        bank: GaborBank | None = None,
        image_shape: tuple[int, ...] | None = None,
        channel_axis: int | None = None,
        batch: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.features = features
        self.bank = bank
        self.image_shape = image_shape
        self.channel_axis = channel_axis
        self.batch = batch
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: N803
        """Learn the shape of the pictures; their values do not matter.

        Parameters
        ----------
        X : array (N, H, W), (N, H, W, C) or (N, values of a picture)
        y : ignored
        """
        self.descriptor_ = self._descriptor()
        if self.batch is not None and self.batch < 1:
            raise FeatureError(f"batch={self.batch} is no count of pictures; give 1 or more")
        rows = self._rows(X, reset=True)
        shape = self._shape(_shape_of(X)[1:], rows.shape[1])
        self.image_shape_ = shape
        self._names = self._blank(shape)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Describe pictures of the shape that ``fit`` saw.

        Parameters
        ----------
        X : array, as of ``fit``
            Whole numbers are promoted as by :meth:`GaborBank.filter`, floats keep their precision.

        Returns
        -------
        array (N, F)
        """
        check_is_fitted(self)
        shape = _shape_of(X)
        if len(shape) > 2 and shape[1:] != self.image_shape_:
            raise FeatureError(
                f"pictures of shape {shape[1:]} are not of the shape {self.image_shape_} that fit "
                "saw; bring them to that"
            )
        rows = self._rows(X, reset=False)
        pictures = rows.reshape(len(rows), *self.image_shape_)
        batch = self.batch or max(1, AT_ONCE // rows.shape[1])
        batch = min(batch, -(-len(rows) // effective_n_jobs(self.n_jobs)))
        parts = [pictures[start : start + batch] for start in range(0, len(pictures), batch)]
        values = Parallel(n_jobs=self.n_jobs)(
            delayed(_describe)(self.descriptor_, part, self._axis()) for part in parts
        )
        return np.concatenate(list(values))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the values.

        Parameters
        ----------
        input_features : ignored
            Pixels have no part in the names.
        """
        check_is_fitted(self)
        return np.array(self._names, dtype=object)

    def _descriptor(self) -> Descriptor:
        if isinstance(self.features, str):
            parameters = {} if self.bank is None else {"bank": self.bank}
            return descriptor(self.features, **parameters)
        if not isinstance(self.features, Descriptor):
            raise FeatureError(
                f"features={self.features!r} is neither the name of a descriptor nor one, such as "
                "gaborkit.features.Texture()"
            )
        if self.bank is not None:
            raise FeatureError("bank is for features by name; give the descriptor its own bank")
        return self.features

    def _rows(self, X: ArrayLike, *, reset: bool) -> NDArray[Any]:  # noqa: N803
        shape = _shape_of(X)
        if len(shape) > 2:
            X = np.asarray(X).reshape(shape[0], -1)  # noqa: N806
        rows: NDArray[Any] = validate_data(self, X, reset=reset)
        return rows

    def _shape(self, actual: tuple[int, ...], length: int) -> tuple[int, ...]:
        """Shape of one picture, from what is wanted and what is there."""
        asked = self.image_shape
        if asked is not None:
            shape = tuple(int(size) for size in asked)
            if math.prod(shape) != length or (len(actual) > 1 and actual != shape):
                there = f"shape {actual}" if len(actual) > 1 else f"{length} values"
                raise FeatureError(f"image_shape={asked} does not fit pictures of {there}")
        elif len(actual) > 1:
            shape = actual
        else:
            side = math.isqrt(length)
            shape = (side, side) if side * side == length else (1, length)
        colours = 0 if self.channel_axis is None else 1
        if len(shape) != 2 + colours or not -3 <= (self.channel_axis or 0) <= 2:
            raise FeatureError(
                f"pictures of shape {shape} do not go with channel_axis={self.channel_axis}; grey "
                "ones have two axes, coloured ones three, of which channel_axis names one"
            )
        return shape

    def _axis(self) -> int | None:
        """Axis of colour of several pictures: counted from the end, where more lie in front."""
        if self.channel_axis is None or self.channel_axis < 0:
            return self.channel_axis
        return self.channel_axis - 3

    def _blank(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        """Names of the values, which a picture of zeros has too."""
        return self.descriptor_.describe(np.zeros(shape), channel_axis=self.channel_axis).names

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _shape_of(X: ArrayLike) -> tuple[int, ...]:  # noqa: N803
    known = hasattr(X, "shape") and getattr(X, "dtype", np.dtype(object)).kind not in "OSU"
    return tuple(X.shape if known else as_array(X).shape)  # type: ignore[union-attr]


def _describe(
    descriptor: Descriptor, pictures: NDArray[Any], channel_axis: int | None
) -> NDArray[Any]:
    return descriptor.describe(pictures, channel_axis=channel_axis).to_numpy()
