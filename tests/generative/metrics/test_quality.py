"""Fréchet distance and Inception Score against closed forms and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaborkit.errors import ModelError
from gaborkit.generative import metrics


def features(count, length, seed, scale=1.0, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(length, length, generator=generator, dtype=torch.float64)
    values = torch.randn(count, length, generator=generator, dtype=torch.float64)
    return scale * values @ mixing + shift


def by_scipy(real, generated):
    real, generated = real.numpy(), generated.numpy()
    one, two = np.cov(real.T), np.cov(generated.T)
    root = scipy.linalg.sqrtm(one @ two).real
    return np.sum((real.mean(0) - generated.mean(0)) ** 2) + np.trace(one + two - 2 * root)


@given(st.integers(2, 12), st.floats(0.1, 10), st.floats(-3, 3))
def test_frechet_distance_is_scipys(length, scale, shift):
    real, generated = features(60, length, 0), features(50, length, 1, scale, shift)
    found = metrics.frechet_distance(real=real, generated=generated)
    assert found == pytest.approx(by_scipy(real, generated), rel=1e-6, abs=1e-6)


@given(
    st.lists(
        st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 4), st.floats(0, 4)),
        min_size=1,
        max_size=8,
    )
)
def test_frechet_distance_of_axis_aligned_gaussians(axes):
    """Sum over axes of the squared differences of means and of deviations."""
    values = torch.tensor(axes, dtype=torch.float64)
    mean, other_mean, deviation, other_deviation = values.T
    found = metrics.gaussian_frechet_distance(
        mean, deviation.square().diag(), other_mean, other_deviation.square().diag()
    )
    wanted = (mean - other_mean).square().sum() + (deviation - other_deviation).square().sum()
    assert found == pytest.approx(float(wanted), rel=1e-9, abs=1e-9)


def test_frechet_distance_of_singular_covariances():
    """Fewer images than features: the product has no stable square root, the distance exists."""
    values = features(10, 64, 0)
    same = metrics.frechet_distance(real=values, generated=values)
    assert 0 <= same < 1e-6 * float(values.var())
    moved = metrics.frechet_distance(real=values, generated=values + 2)
    assert moved == pytest.approx(64 * 4)


def test_frechet_distance_is_symmetric_and_a_square():
    one, two = features(40, 5, 0), features(40, 5, 1)
    there = metrics.frechet_distance(real=one, generated=two)
    assert there == pytest.approx(metrics.frechet_distance(real=two, generated=one))
    doubled = metrics.frechet_distance(real=2 * one, generated=2 * two)
    assert doubled == pytest.approx(4 * there)


@pytest.mark.parametrize("classes", [2, 10])
def test_inception_score_of_closed_forms(classes):
    certain, unsure = torch.eye(classes), torch.full((7, classes), 1 / classes)
    assert metrics.inception_score(certain.repeat(3, 1)) == pytest.approx(classes)
    assert metrics.inception_score(unsure) == pytest.approx(1)
    # Certain, but always of one class.
    assert metrics.inception_score(certain[:1].repeat(5, 1)) == pytest.approx(1)


def test_inception_score_by_its_definition():
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(50, 10, generator=generator).double()
    values /= values.sum(1, keepdim=True)
    divergences = (values * (values / values.mean(0)).log()).sum(1)
    assert metrics.inception_score(values) == pytest.approx(math.exp(divergences.mean()))


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (torch.zeros(5), torch.zeros(5, 2), r"shape \(5,\) are not \(N, F\)"),
        (torch.zeros(1, 2), torch.zeros(5, 2), "N of 2 or more"),
        (torch.zeros(5, 2), torch.full((5, 2), torch.nan), "NaN or infinity"),
        (torch.zeros(5, 2), torch.zeros(5, 3), "lengths 2 and 3 do not compare"),
    ],
)
def test_features_that_do_not_fit(real, generated, message):
    with pytest.raises(ModelError, match=message):
        metrics.frechet_distance(real=real, generated=generated)


@pytest.mark.parametrize("row", [[0.5, 0.6], [1.5, -0.5]])
def test_rows_that_are_no_distribution(row):
    with pytest.raises(ModelError, match="do not sum to 1"):
        metrics.inception_score(torch.tensor([row]))
