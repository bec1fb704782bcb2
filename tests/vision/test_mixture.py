"""Mixtures of Gaussians, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from gaborkit.vision.mixture import Mixture

RIDGE = 1e-3
rng = np.random.default_rng(0)
CENTRES = np.array([(0, 0, 0), (4, 0, 1), (0, 3, -2)])
SAMPLES = np.concatenate(
    [(rng.normal(size=(200, 3)) * (1, 0.3, 2)) @ rng.normal(size=(3, 3)) + c for c in CENTRES]
).T
LABELS = ((SAMPLES[:, :, None] - CENTRES.T[:, None]) ** 2).sum(0).argmin(1)
START = Mixture.of_shares(SAMPLES, np.eye(3)[:, LABELS], RIDGE)


def test_the_start_has_each_cluster_s_mean_and_covariance():
    for k, factor in enumerate(START.factors):
        cluster = SAMPLES[:, k == LABELS]
        assert START.weights[k] == pytest.approx(np.mean(k == LABELS))
        np.testing.assert_allclose(START.means[k], cluster.mean(1), atol=1e-12)
        covariance = np.cov(cluster, bias=True) + RIDGE * np.eye(3)
        np.testing.assert_allclose(factor @ covariance @ factor.T, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("steps", [1, 5, 200])
def test_steps_are_scikit_learn_s(steps):
    precisions = np.array([factor.T @ factor for factor in START.factors])
    peer = GaussianMixture(
        3,
        reg_covar=RIDGE,
        max_iter=steps,
        weights_init=START.weights,
        means_init=START.means,
        precisions_init=precisions,
    )
    if steps < 200:
        with pytest.warns(UserWarning, match="did not converge"):
            peer.fit(SAMPLES.T)
    else:
        peer.fit(SAMPLES.T)
    found = START.fitted(SAMPLES, RIDGE, steps)
    assert found.converged == peer.converged_
    assert found.likelihood == pytest.approx(peer.lower_bound_, abs=1e-9)
    np.testing.assert_allclose(found.weights, peer.weights_, atol=1e-9)
    np.testing.assert_allclose(found.means, peer.means_, atol=1e-8)
    np.testing.assert_allclose(
        found.probabilities(SAMPLES).T, peer.predict_proba(SAMPLES.T), atol=1e-7
    )


def test_single_precision_is_near():
    single = START.fitted(SAMPLES.astype(np.float32), RIDGE, 5)
    double = START.fitted(SAMPLES, RIDGE, 5)
    np.testing.assert_allclose(single.means, double.means, atol=1e-4)
    assert single.likelihood == pytest.approx(double.likelihood, abs=1e-4)
    assert single.probabilities(SAMPLES.astype(np.float32)).dtype == np.float32


def test_a_gaussian_of_no_samples_stays_a_number():
    found = Mixture.of_shares(SAMPLES, np.array([np.ones(600), np.zeros(600)]), RIDGE)
    assert np.isfinite(found.factors).all()
    assert np.isfinite(found.scores(SAMPLES)).all()
