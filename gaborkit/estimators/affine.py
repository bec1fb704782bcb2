"""Classes as affine spaces: the principal components of each class's own features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ..errors import FeatureError

#: Dimensions that are tried unless others are given; each a tenth or more above the last.
DIMENSIONS = (*range(9), 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 200)


class AffinePCAClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """The class whose affine space lies nearest: its mean, and its first principal components.

    What varies within a class is projected away, class by class, so that few examples go far.

    Parameters
    ----------
    dimension : int, optional
        Principal components of each space: of a class of n examples n - 1 at most, and F - 1 at
        most, since F span everything. By default the one of least errors in cross-validation, of
        equal ones the smallest.
    dimensions : sequence of int, optional
        Those that are tried.
    folds : int
        Of the cross-validation; as many as the smallest class has examples if these are fewer.

    Attributes
    ----------
    classes_ : array (C,)
    dimension_ : int
    errors_ : array (dimensions tried,)
        Share of errors in cross-validation; only where ``dimension`` was not given.
    means_ : array (C, F)
    components_ : array (C, dimension_, F)
        Orthonormal rows; rows of zeros where a class has fewer.

    Raises
    ------
    FeatureError
        If a parameter is out of range.

    References
    ----------
    Bruna and Mallat (2013), "Invariant scattering convolution networks", IEEE TPAMI 35(8),
    section 4.1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> along = rng.normal(size=(100, 1)) * [[9.0, 0.0]]
    >>> X = np.concatenate([along, along + [0.0, 1.0]]) + 0.1 * rng.normal(size=(200, 2))
    >>> y = np.repeat(["below", "above"], 100)
    >>> model = AffinePCAClassifier().fit(X, y)
    >>> model.dimension_, model.score(X, y)
    (1, 1.0)
    """

    def __init__(
        self,
        dimension: int | None = None,
        *,
        dimensions: Sequence[int] | None = None,
        folds: int = 5,
    ) -> None:
        self.dimension = dimension
        self.dimensions = dimensions
        self.folds = folds

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803
        """Find the spaces.

        Parameters
        ----------
        X : array (N, F)
        y : array (N,)
        """
        tried = DIMENSIONS if self.dimensions is None else tuple(self.dimensions)
        if self.dimension is not None:
            tried = (self.dimension,)
        if not tried or min(tried) < 0:
            raise FeatureError(f"dimensions {tried} are none, or below 0; give 0 or more")
        if self.folds < 2:
            raise FeatureError(f"folds={self.folds} are too few; give 2 or more")
        examples, labels = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(labels)
        self.classes_, members = np.unique(labels, return_inverse=True)
        if self.dimension is None:
            tried = tuple(sorted(set(tried)))
            self.errors_ = self._errors(examples, members, tried)
            self.dimension_ = tried[int(self.errors_.argmin())]
        else:
            self.dimension_ = self.dimension
        self.means_, self.components_ = _spaces(
            examples, members, len(self.classes_), self.dimension_
        )
        return self

    def distances(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Squared distances (N, C) from the space of each class."""
        check_is_fitted(self)
        examples = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        dimension = self.components_.shape[1]
        found: NDArray[Any] = _distances(examples, self.means_, self.components_, [dimension])[0]
        return found

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Minus the squared distances (N, C); of two classes, how much nearer the second is."""
        distances = self.distances(X)
        return distances[:, 0] - distances[:, 1] if distances.shape[1] == 2 else -distances

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Class (N,) of the nearest space."""
        nearest = self.distances(X).argmin(1)
        found: NDArray[Any] = self.classes_[nearest]
        return found

    def _errors(
        self, examples: NDArray[Any], members: NDArray[Any], tried: Sequence[int]
    ) -> NDArray[Any]:
        """Share of errors of each dimension over the folds, each with its share of every class."""
        counts = np.bincount(members)
        folds = min(self.folds, int(counts.min()))
        if folds < 2:
            return np.zeros(len(tried))  # nothing can be left out: the smallest is taken
        # Members of a class go to the folds in turn.
        order = np.argsort(members, kind="stable")
        fold = np.empty(len(members), int)
        fold[order] = np.arange(len(members)) % folds
        wrong = np.zeros(len(tried))
        for left_out in range(folds):
            kept = fold != left_out
            means, components = _spaces(examples[kept], members[kept], len(counts), max(tried))
            distances = _distances(examples[~kept], means, components, tried)
            wrong += (distances.argmin(-1) != members[~kept]).sum(-1)
        return wrong / len(members)


def _spaces(
    examples: NDArray[Any], members: NDArray[Any], classes: int, dimension: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean (C, F) and principal components (C, D, F) of each class."""
    largest = int(np.bincount(members).max()) - 1
    dimension = max(0, min(dimension, largest, examples.shape[1] - 1))
    means = np.zeros((classes, examples.shape[1]), examples.dtype)
    components = np.zeros((classes, dimension, examples.shape[1]), examples.dtype)
    for c in range(classes):
        own = examples[members == c]
        means[c] = own.mean(0)
        found = _principal(own - means[c], dimension)
        components[c, : len(found)] = found
    return means, components


def _principal(centred: NDArray[Any], dimension: int) -> NDArray[Any]:
    """The first orthonormal rows (D, F) that span most of centred rows (n, F)."""
    import scipy.linalg

    count, length = centred.shape
    dimension = min(dimension, count - 1)
    if dimension < 1:
        return centred[:0]
    # Of the two matrices of products the smaller has the same spectrum.
    wide = length > count
    products = centred @ centred.T if wide else centred.T @ centred
    last = len(products) - 1
    spectrum, vectors = scipy.linalg.eigh(
        products.astype(np.float64), subset_by_index=[last - dimension + 1, last]
    )
    spectrum, vectors = spectrum[::-1], vectors[:, ::-1]
    # What rounding has made of nothing is no direction.
    kept = spectrum > 16 * np.finfo(centred.dtype).eps * max(spectrum[0], 0.0)
    vectors = vectors[:, kept]
    if wide:
        # Made orthonormal again, which the products' rounding has spoilt for the last of them.
        vectors = np.linalg.qr(centred.T @ vectors.astype(centred.dtype))[0]
    return vectors.T.astype(centred.dtype)


def _distances(
    examples: NDArray[Any],
    means: NDArray[Any],
    components: NDArray[Any],
    dimensions: Sequence[int],
) -> NDArray[Any]:
    """Squared distances (dimensions, N, C) from the spaces of the first components."""
    found = np.empty((len(dimensions), len(examples), len(means)), examples.dtype)
    for c, (mean, rows) in enumerate(zip(means, components, strict=True)):
        centred = examples - mean
        whole = np.einsum("ij,ij->i", centred, centred)
        within = np.zeros((len(examples), len(rows) + 1), examples.dtype)
        np.cumsum((centred @ rows.T) ** 2, axis=1, out=within[:, 1:])
        for k, dimension in enumerate(dimensions):
            found[k, :, c] = whole - within[:, min(dimension, len(rows))]
    return found
