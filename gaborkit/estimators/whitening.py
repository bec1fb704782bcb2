"""What varies within the classes counts less: a linear map from examples and their classes."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from ..errors import FeatureError
from ..types import RealArray


class WithinClassWhitener(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Make examples of a class vary by as much in every direction.

    Distances between examples are then about what tells classes apart, and not about slant or
    stroke: a Gaussian kernel needs fewer examples. The map is the inverse square root of the
    covariance within classes, drawn towards a multiple of the identity. Bring features of more
    than a few thousand values down before, by ``sklearn.decomposition.PCA``. Whitened examples
    look better told apart than new ones will be: choose what follows by cross-validation of both,
    as ``GridSearchCV`` of a pipeline does.

    Parameters
    ----------
    shrinkage : float
        In (0, 1]: how far the covariance is drawn towards its mean variance. 1 leaves all
        directions as they are to each other; less than 0.1 trusts the smallest variances.

    Attributes
    ----------
    whitening_ : array (F, F)
        Symmetric; examples are multiplied by it.

    Raises
    ------
    FeatureError
        If ``shrinkage`` is out of range.

    References
    ----------
    Hatch and Stolcke (2006), "Generalized linear kernels for one-versus-all classification:
    application to speaker recognition", ICASSP; the shrinkage is that of Friedman
    (1989), "Regularized discriminant analysis", equation 18.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(4000) % 2
    >>> X = rng.normal(size=(4000, 2)) * [10.0, 0.1] + y[:, None]
    >>> white = WithinClassWhitener(shrinkage=1e-6).fit_transform(X, y)
    >>> white[y == 0].std(0).round(1)
    array([1., 1.])
    """

    whitening_: RealArray

    def __init__(self, shrinkage: float = 0.5) -> None:
        self.shrinkage = shrinkage

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803
        """Measure how the classes vary.

        Parameters
        ----------
        X : array (N, F)
        y : array (N,)
        """
        if not 0 < self.shrinkage <= 1:
            raise FeatureError(
                f"shrinkage={self.shrinkage} is out of range; give a number above 0, 1 at most"
            )
        examples, labels = validate_data(self, X, y, dtype=[np.float64, np.float32])
        check_classification_targets(labels)
        covariance = np.zeros((examples.shape[1], examples.shape[1]))
        for label in np.unique(labels):
            members = examples[labels == label].astype(np.float64)
            members -= members.mean(0)
            covariance += members.T @ members
        variances, directions = np.linalg.eigh(covariance / len(examples))
        # Rounding leaves some variance, or less than none, to directions without.
        variances = np.maximum(variances, 0)
        mean = variances.mean()
        shrunk = (1 - self.shrinkage) * variances + self.shrinkage * mean
        # Classes whose examples are equal, or single, tell of no direction.
        rounding = 16 * np.finfo(np.float64).eps * abs(examples).max().astype(np.float64)
        scales = shrunk**-0.5 if mean > rounding**2 else np.ones_like(shrunk)
        self.whitening_ = ((directions * scales) @ directions.T).astype(examples.dtype)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803
        """X (N, F), whitened."""
        check_is_fitted(self)
        examples = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        whitened: NDArray[Any] = examples @ self.whitening_.astype(examples.dtype, copy=False)
        return whitened

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
