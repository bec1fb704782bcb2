"""A support vector machine with a Gaussian kernel, whose state is four arrays."""

from __future__ import annotations

from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import SVC
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ..errors import FeatureError
from ..types import RealArray

#: Values of a kernel matrix that a prediction holds at once.
AT_ONCE = 2**24

#: Examples of two classes that a machine begins with, where there are more.
WORKING = 2000

#: How far an example may come into the margin of a machine that was fitted without it: what libsvm
#: allows those that it was fitted with.
TOLERANCE = 1e-3


class SupportVectorClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What ``sklearn.svm.SVC`` finds for a Gaussian kernel, by matrix products.

    A machine for each pair of classes, and a vote of them all. Kernels come from BLAS, so that
    fitting and predicting long features take a fraction of the time, in the features' own
    precision. A machine of many examples is fitted to some of them, and to those that then come
    into its margin, until none does: the others would change nothing, and their kernel is never in
    memory. What is fitted is arrays with a plain meaning, which a file can hold.

    Parameters
    ----------
    C : float
        Penalty of an example on the wrong side.
    gamma : float, optional
        The kernel is ``exp(-gamma |x - y|^2)``. By default 1 / (F times the variance of all
        values), which is SVC's ``"scale"``.

    Attributes
    ----------
    classes_ : array (C,)
    gamma_ : float
    support_vectors_ : array (S, F)
        Examples on which some machine depends.
    support_ : array (S,)
        Their places among those of ``fit``.
    coefficients_ : array (C (C - 1) / 2, S)
        Of the machines, in the order (0, 1), (0, 2), ..., (1, 2), ...; positive sums stand for the
        first class.
    intercepts_ : array (C (C - 1) / 2,)

    Raises
    ------
    FeatureError
        If a parameter is out of range, or there are fewer than two classes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> SupportVectorClassifier(C=10).fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.96
    True
    """

    classes_: NDArray[Any]
    gamma_: float
    intercepts_: RealArray
    support_: NDArray[np.intp]
    support_vectors_: RealArray
    coefficients_: RealArray

    def __init__(self, C: float = 10.0, *, gamma: float | None = None) -> None:  # noqa: N803
        self.C = C
        self.gamma = gamma

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803
        """Find the support vectors.

        Parameters
        ----------
        X : array (N, F)
        y : array (N,)
        """
        for name, value in (("C", self.C), ("gamma", self.gamma)):
            if value is not None and not value > 0:
                raise FeatureError(f"{name}={value} is out of range; give a number above 0")
        examples, labels = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(labels)
        self.classes_, members = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise FeatureError(
                f"all examples are of one class, {self.classes_[0]}; give two classes or more"
            )
        variance = float(examples.var(dtype=np.float64))
        scale = 1 / (examples.shape[1] * variance) if variance > 0 else 1.0
        self.gamma_ = scale if self.gamma is None else float(self.gamma)

        pairs = list(combinations(range(len(self.classes_)), 2))
        coefficients = np.zeros((len(pairs), len(examples)), examples.dtype)
        self.intercepts_ = np.zeros(len(pairs), examples.dtype)
        for k, (first, second) in enumerate(pairs):
            pair = np.flatnonzero((members == first) | (members == second))
            support, weights, self.intercepts_[k] = self._machine(
                examples[pair], members[pair] == first
            )
            coefficients[k, pair[support]] = weights
        (self.support_,) = np.nonzero(coefficients.any(0))
        self.support_vectors_ = examples[self.support_]
        self.coefficients_ = np.ascontiguousarray(coefficients[:, self.support_])
        return self

    def _machine(
        self, examples: NDArray[Any], positive: NDArray[np.bool_]
    ) -> tuple[NDArray[Any], NDArray[Any], float]:
        """Places of the support vectors, their coefficients, and the intercept."""
        # From each class its first examples, by its share.
        rank = np.empty(len(positive))
        for side in (positive, ~positive):
            rank[side] = np.arange(side.sum()) / side.sum()
        working = np.sort(np.argsort(rank, kind="stable")[:WORKING])
        while True:
            active = examples[working]
            machine = SVC(C=self.C, kernel="precomputed")
            # SVC is for doubles; its positive side is that of True.
            machine.fit(_kernel(active, active, self.gamma_).astype(np.float64), positive[working])
            weights, intercept = machine.dual_coef_[0], float(machine.intercept_[0])
            support = working[machine.support_]
            if len(working) == len(examples):
                return support, weights, intercept
            sums = self._sums(examples, examples[support], weights[None], intercept)[:, 0]
            margin = np.where(positive, sums, -sums)
            margin[working] = np.inf
            (inside,) = np.nonzero(margin < 1 - TOLERANCE)
            if not len(inside):
                return support, weights, intercept
            worst = inside[np.argsort(margin[inside])[:WORKING]]
            working = np.sort(np.concatenate([working, worst]))

    def _sums(
        self,
        examples: NDArray[Any],
        support: NDArray[Any],
        weights: NDArray[Any],
        intercepts: NDArray[Any] | float,
    ) -> NDArray[Any]:
        """Kernel times weights (machines, S), plus intercepts: (N, machines)."""
        weights = weights.astype(examples.dtype)
        step = max(1, AT_ONCE // max(1, len(support)))
        parts = [
            _kernel(examples[start : start + step], support, self.gamma_) @ weights.T
            for start in range(0, len(examples), step)
        ]
        sums: NDArray[Any] = np.concatenate(parts) + intercepts
        return sums

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Votes for each class (N, C), ties broken by the machines' sums; of two classes, the sum.

        A positive sum of two classes stands for the second, as everywhere in scikit-learn.
        """
        check_is_fitted(self)
        examples = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        examples = examples.astype(self.support_vectors_.dtype, copy=False)
        sums = self._sums(examples, self.support_vectors_, self.coefficients_, self.intercepts_)
        if len(self.classes_) == 2:
            return -sums[:, 0]
        votes = np.zeros((len(examples), len(self.classes_)), examples.dtype)
        confidence = np.zeros_like(votes)
        for k, (first, second) in enumerate(combinations(range(len(self.classes_)), 2)):
            votes[:, first] += sums[:, k] > 0
            votes[:, second] += sums[:, k] <= 0
            confidence[:, first] += sums[:, k]
            confidence[:, second] -= sums[:, k]
        # Less than half a vote.
        return votes + confidence / (3 * (abs(confidence) + 1))

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """Class (N,) of the most votes."""
        decision = self.decision_function(X)
        chosen = decision.argmax(1) if decision.ndim == 2 else (decision > 0).astype(int)
        predicted: NDArray[Any] = self.classes_[chosen]
        return predicted


def _kernel(one: NDArray[Any], other: NDArray[Any], gamma: float) -> NDArray[Any]:
    """``exp(-gamma |x - y|^2)`` (N, M)."""
    products = one @ other.T
    products *= 2
    products -= np.einsum("ij,ij->i", one, one)[:, None]
    products -= np.einsum("ij,ij->i", other, other)
    products *= gamma
    # Rounding makes some distances of a point from itself negative.
    np.minimum(products, 0, out=products)
    values: NDArray[Any] = np.exp(products, out=products)
    return values
