"""Elongated kernels as sums of outer products, by Mehler's formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.filtering.engines.factorization import Factorization
from gaborkit.filtering.engines.separable import Tables
from gaborkit.kernels import hermite
from gaborkit.kernels.base import Kernel

ANGLES = [0.0, 1e-10, 1e-5, 0.05, 0.7, math.pi / 2, 2.0, 3.0, -2.0, 7.5]


def kernel(gamma=0.5, theta=0.7, **fields):
    fields = {"wavelength": 11, "sigma": 6, "phase": 0.4} | fields
    return gk.GaborKernel(gamma=gamma, theta=theta, **fields)


def rebuilt(factors):
    weights, columns, rows = factors
    return (columns.T * weights) @ rows


@pytest.mark.parametrize("theta", ANGLES)
@pytest.mark.parametrize("gamma", [0.3, 0.8, 3.0])
@pytest.mark.parametrize("dc_free", [True, False])
def test_factors_add_up_to_the_samples(theta, gamma, dc_free):
    one = kernel(gamma, theta, dc_free=dc_free)
    samples = one.sample()
    for accuracy in (1e-3, 1e-6, 1e-13):
        error = np.linalg.norm(rebuilt(one.factors(accuracy=accuracy)) - samples)
        assert error <= 2 * accuracy * np.linalg.norm(samples)


def test_no_term_is_wasted():
    """As few terms as the singular values of the samples allow."""
    for theta in ANGLES:
        one = kernel(theta=theta)
        for accuracy in (1e-6, 1e-13):
            fewest = len(Kernel.factors(one, accuracy=accuracy)[0])
            assert len(one.factors(accuracy=accuracy)[0]) <= fewest + 1


@pytest.mark.parametrize("theta", ANGLES)
def test_rows_are_real_and_even_or_odd_exactly(theta):
    _, columns, rows = kernel(theta=theta).factors()
    assert not rows.imag.any()
    for row in rows:
        assert (row == row[::-1]).all() or (row == -row[::-1]).all()
    assert columns.shape == rows.shape


def test_the_phase_needs_no_further_passes():
    passes = {
        Tables.of((kernel(phase=phase),), 1e-5, np.dtype(np.float32), (), "complex").passes
        for phase in (0.0, 0.4, math.pi / 2)
    }
    assert len(passes) == 1


def test_mirrored_kernels_share_their_filters():
    one = kernel()
    alone = Factorization.of((one,), 1e-5, 1e-15)
    both = Factorization.of((one, one.replace(theta=math.pi - 0.7)), 1e-5, 1e-15)
    assert len(both.rows) == len(alone.rows)
    assert len(both.columns) == len(alone.columns)


def test_the_number_of_terms_is_known_beforehand():
    for gamma in (0.2, 0.5, 0.9, 2.0, 4.0):
        for theta in ANGLES:
            for accuracy in (1e-6, 1e-15):
                one = kernel(gamma, theta)
                known, found = one.terms(accuracy=accuracy), len(one.factors(accuracy=accuracy)[0])
                assert 0.7 * found - 4 <= known <= 1.6 * found + 4
    assert kernel(1.0).terms() == 2
    assert kernel(1.0, dc_free=False).terms() == 1
    assert (
        gk.LogGaborKernel(wavelength=8).terms() == 2 * gk.LogGaborKernel(wavelength=8).radius() + 1
    )


def test_thin_kernels_of_few_samples_have_no_more_terms_than_samples():
    thin = gk.GaborKernel(wavelength=4, sigma=1, gamma=0.1, theta=0.8)
    assert thin.terms() == 2 * thin.radius() + 1
    np.testing.assert_allclose(rebuilt(thin.factors()), thin.sample(), rtol=0, atol=1e-15)


def test_singular_values_fall_as_the_ratio_says():
    line = np.arange(-40, 41.0)
    a, b, c = 0.03, -0.02, 0.05
    x, y = line[None, :], line[:, None]
    values = np.linalg.svd(np.exp(-(a * x**2 + 2 * b * x * y + c * y**2) / 2), compute_uv=False)
    t = hermite.ratio(a, b, c)
    assert t > 0
    np.testing.assert_allclose(values[1:9] / values[:8], t, rtol=1e-6)
    tail = np.sqrt(np.cumsum(values[::-1] ** 2))[::-1] / np.linalg.norm(values)
    assert int(np.count_nonzero(tail > 1e-6)) == math.ceil(hermite.count(t, 1e-6))


def test_ratios_at_their_ends():
    assert hermite.ratio(1.0, 0.0, 2.0) == 0
    assert hermite.ratio(1.0, 0.5, 1.0) == -hermite.ratio(1.0, -0.5, 1.0) < 0
    assert hermite.ratio(1.0, 2e-12, 1.0) == -1e-12
    assert hermite.count(0.0, 1e-6) == 1
    assert hermite.count(1.0, 1e-6) == math.inf
    assert len(hermite.expansion(1.0, 0.0, 1.0, np.zeros(3), 1)[1]) == 1


def test_hermite_functions_are_orthonormal():
    step = 0.05
    functions = hermite._functions(np.arange(-20, 20, step), 60)
    np.testing.assert_allclose(functions @ functions.T * step, np.eye(60), rtol=0, atol=1e-12)
