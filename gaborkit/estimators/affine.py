"""Classes as affine spaces: the principal components of each class's own features."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import convolve1d
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import check_cv
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ..errors import FeatureError

#: Dimensions that are tried unless others are given; each a tenth or more above the last.
DIMENSIONS = (*range(9), 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 200)


class AffinePCAClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """The class whose affine space lies nearest: its mean, and its first principal components.

    What varies within a class is projected away, class by class, so that few examples go far. Of
    many examples, several spaces a class follow a class that is bent.

    Parameters
    ----------
    dimension : int, optional
        Principal components of each space: of a class of n examples n - 1 at most, and F - 1 at
        most, since F span everything. By default the one of least errors in cross-validation, of
        equal ones the largest.
    dimensions : sequence of int, optional
        Those that are tried. By default 0 to 200 in steps of a tenth and more, whose errors are
        smoothed over neighbours: few examples make few errors.
    spaces : int
        Of each class, of which the nearest counts: its examples are shared out by k-means.
    cv : int, splitter that needs no groups, or list of (train, test)
        The cross-validation: folds with their share of every class, as many as the smallest class
        has examples if these are fewer; or parts of your own, where examples belong together, as
        those of one writer do.
    random_state : int or RandomState, optional
        Of k-means.

    Attributes
    ----------
    classes_ : array (C,)
    dimension_ : int
        Of the largest space.
    errors_ : array (dimensions tried,)
        Share of errors in cross-validation; only where ``dimension`` was not given.
    means_ : array (C * spaces, F)
        Those of a class side by side; a class of fewer examples has some of them twice.
    components_ : array (C * spaces, dimension, F)
        Orthonormal rows; rows of zeros where there are fewer.

    Raises
    ------
    FeatureError
        If a parameter is out of range, or ``cv`` leaves nothing out, or nothing of a class to learn
        from.

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

    classes_: NDArray[Any]
    errors_: NDArray[Any]
    means_: NDArray[Any]
    components_: NDArray[Any]
    dimension_: int

    def __init__(
        self,
        dimension: int | None = None,
        *,
        dimensions: Sequence[int] | None = None,
        spaces: int = 1,
        cv: Any = 5,
        random_state: Any = 0,
    ) -> None:
        self.dimension = dimension
        self.dimensions = dimensions
        self.spaces = spaces
        self.cv = cv
        self.random_state = random_state

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
        if self.spaces < 1:
            raise FeatureError(f"spaces={self.spaces} are too few; give 1 or more")
        if isinstance(self.cv, Integral) and self.cv < 2:
            raise FeatureError(f"cv={self.cv} folds are too few; give 2 or more")
        examples, labels = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(labels)
        self.classes_, members = np.unique(labels, return_inverse=True)
        dimension = self.dimension
        if dimension is None:
            tried = tuple(sorted(set(tried)))
            self.errors_ = self._errors(examples, members, tried)
            errors = self.errors_
            if self.dimensions is None:  # close to each other: neighbours tell of each other
                errors = convolve1d(errors, [0.25, 0.5, 0.25], mode="nearest")
            # The last of the least: spaces of more examples, those of all folds, bear more.
            dimension = tried[len(tried) - 1 - int(errors[::-1].argmin())]
        self.means_, self.components_ = self._spaces(examples, members, dimension)
        self.dimension_ = self.components_.shape[1]
        return self

    def distances(
        self,
        X: ArrayLike,  # noqa: N803
        dimensions: Sequence[int] | None = None,
    ) -> NDArray[Any]:
        """Squared distances (N, C) from the nearest space of each class.

        Parameters
        ----------
        X : array (N, F)
        dimensions : sequence of int, optional
            Of the spaces of the first so many components instead, one after the other: (D, N, C).
        """
        check_is_fitted(self)
        if dimensions is not None and min(dimensions, default=0) < 0:
            raise FeatureError(f"dimensions {tuple(dimensions)} are below 0; give 0 or more")
        examples = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        wanted = [self.components_.shape[1]] if dimensions is None else dimensions
        distances = _distances(examples, self.means_, self.components_, wanted)
        spaces = len(self.means_) // len(self.classes_)
        nearest = distances.reshape(*distances.shape[:2], len(self.classes_), spaces).min(-1)
        return nearest[0] if dimensions is None else nearest

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Minus the squared distances (N, C); of two classes, how much nearer the second is."""
        distances = self.distances(X)
        return distances[:, 0] - distances[:, 1] if distances.shape[1] == 2 else -distances

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Class (N,) of the nearest space."""
        nearest = self.distances(X).argmin(1)
        predicted: NDArray[Any] = self.classes_[nearest]
        return predicted

    def _errors(
        self, examples: NDArray[Any], members: NDArray[Any], tried: Sequence[int]
    ) -> NDArray[Any]:
        """Share of errors of each dimension, of all examples that are left out once or more."""
        cv = self.cv
        if isinstance(cv, Integral):
            cv = min(int(cv), int(np.bincount(members).min()))
            if cv < 2:
                return np.zeros(len(tried))  # nothing can be left out
        wrong, count = np.zeros(len(tried)), 0
        for fitted, left_out in check_cv(cv, members, classifier=True).split(examples, members):
            absent = np.setdiff1d(np.arange(len(self.classes_)), members[fitted])
            if len(absent):
                raise FeatureError(
                    f"cv={cv!r:.60} leaves no example of class {self.classes_[absent[0]]} to learn "
                    "from; give parts that do"
                )
            means, components = self._spaces(examples[fitted], members[fitted], max(tried))
            distances = _distances(examples[left_out], means, components, tried)
            nearest = distances.argmin(-1) // self.spaces
            truth = members[left_out]
            wrong += (nearest != truth).sum(-1)
            count += len(truth)
        if not count:
            raise FeatureError(f"cv={cv!r:.60} leaves nothing out; give parts that do")
        return wrong / count

    def _spaces(
        self, examples: NDArray[Any], members: NDArray[Any], dimension: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Means (C * spaces, F) and principal components (C * spaces, D, F) of all spaces."""
        parts = [
            part
            for c in range(len(self.classes_))
            for part in _shared_out(examples[members == c], self.spaces, self.random_state)
        ]
        dimension = min(dimension, max(map(len, parts)) - 1, examples.shape[1] - 1)
        means = np.stack([part.mean(0) for part in parts])
        components = np.zeros((len(parts), dimension, examples.shape[1]), examples.dtype)
        for k, part in enumerate(parts):
            axes = _principal(part - means[k], dimension)
            components[k, : len(axes)] = axes
        return means, components


def _shared_out(examples: NDArray[Any], spaces: int, random_state: Any) -> list[NDArray[Any]]:
    """The examples of one class by the space that they belong to; some twice if they are few."""
    if spaces == 1:
        return [examples]
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    means = KMeans(min(spaces, len(examples)), n_init=1, random_state=random_state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of examples that are equal
        nearest = means.fit_predict(examples)
    parts = [examples[nearest == k] for k in np.unique(nearest)]
    return [parts[k % len(parts)] for k in range(spaces)]


def _principal(centred: NDArray[Any], dimension: int) -> NDArray[Any]:
    """The first orthonormal rows (D, F) that span most of centred rows (n, F)."""
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
    significant = spectrum > 16 * np.finfo(centred.dtype).eps * max(spectrum[0], 0.0)
    vectors = vectors[:, significant]
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
    distances = np.empty((len(dimensions), len(examples), len(means)), examples.dtype)
    for c, (mean, rows) in enumerate(zip(means, components, strict=True)):
        centred = examples - mean
        whole = np.einsum("ij,ij->i", centred, centred)
        within = np.zeros((len(examples), len(rows) + 1), examples.dtype)
        np.cumsum((centred @ rows.T) ** 2, axis=1, out=within[:, 1:])
        for k, dimension in enumerate(dimensions):
            distances[k, :, c] = whole - within[:, min(dimension, len(rows))]
    return distances
