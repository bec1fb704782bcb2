"""scikit-learn's own checks of estimators: none is expected to fail."""

from __future__ import annotations

from sklearn.utils.estimator_checks import parametrize_with_checks

from gaborkit.estimators import (
    AffinePCAClassifier,
    ChannelScaler,
    GaborFeatures,
    SupportVectorClassifier,
    WithinClassWhitener,
)

ESTIMATORS = [
    GaborFeatures(),
    ChannelScaler(),
    AffinePCAClassifier(),
    AffinePCAClassifier(0),
    AffinePCAClassifier(0, spaces=2),
    SupportVectorClassifier(),
    WithinClassWhitener(),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
