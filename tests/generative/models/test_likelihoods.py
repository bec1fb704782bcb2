"""Likelihoods: each is a distribution, in nats, finite wherever a network may lead."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaborkit.errors import ModelError
from gaborkit.generative.models.likelihoods import (
    LEAST_LOG,
    LIKELIHOODS,
    Bernoulli,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    log_normaliser,
    make_likelihood,
)

LOGITS = st.floats(-30, 30)


def at(*outputs):
    """Outputs of one feature."""
    return torch.tensor(outputs, dtype=torch.float32).view(1, -1, 1, 1)


def along(values):
    """One feature at each of some values."""
    return torch.as_tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)


@given(LOGITS)
def test_bernoulli_is_a_distribution(logit):
    log_prob = Bernoulli().log_prob(at(logit), along([0, 1]))
    assert torch.allclose(log_prob.exp().sum(), torch.tensor(1.0), atol=1e-6)
    wanted = torch.distributions.Bernoulli(logits=torch.tensor(logit))
    assert torch.allclose(log_prob, wanted.log_prob(torch.tensor([0.0, 1.0])), atol=1e-5)
    assert torch.allclose(Bernoulli().mean(at(logit)), wanted.mean)


@given(LOGITS)
def test_continuous_bernoulli_integrates_to_one_and_has_its_mean(logit):
    # Midpoint rule.
    values = (torch.arange(20_000) + 0.5) / 20_000
    density = ContinuousBernoulli().log_prob(at(logit), along(values)).double().exp()
    assert float(density.mean()) == pytest.approx(1, abs=1e-4)
    mean = float(ContinuousBernoulli().mean(at(logit)))
    assert mean == pytest.approx(float((density * values).mean()), abs=1e-4)


@given(st.floats(-1e-1, 1e-1) | st.floats(-2, 2) | st.floats(-80, 80))
def test_continuous_bernoulli_is_exact_through_one_half(logit):
    t = torch.tensor(logit, dtype=torch.float64)
    # log(t / tanh(t / 2)) in double precision, whose own limit is log 2.
    wanted = (t / torch.tanh(t / 2)).log() if abs(logit) > 1e-4 else math.log(2) + t**2 / 12
    assert float(log_normaliser(t.float())) == pytest.approx(float(wanted), abs=2e-6)
    wanted = 0.5 / torch.tanh(t / 2) - 1 / t if abs(logit) > 1e-2 else t / 12 - t**3 / 720
    assert float(ContinuousBernoulli().mean(at(logit))) == pytest.approx(
        0.5 + float(wanted), abs=1e-6
    )


def test_continuous_bernoulli_agrees_with_torch():
    logits, values = torch.linspace(-6, 6, 25), torch.linspace(0, 1, 25)
    wanted = torch.distributions.ContinuousBernoulli(logits=logits)
    outputs, features = along(logits), along(values)
    found = ContinuousBernoulli().log_prob(outputs, features)
    assert torch.allclose(found, wanted.log_prob(values), atol=1e-4)


def test_the_normaliser_is_smooth_through_its_branches():
    logits = torch.linspace(-1, 1, 2001, requires_grad=True)
    (gradient,) = torch.autograd.grad(log_normaliser(logits).sum(), logits)
    t = logits.detach().double()
    wanted = torch.where(t.abs() < 1e-3, t / 6, 1 / t - 1 / torch.sinh(t))
    assert torch.allclose(gradient.double(), wanted, atol=1e-5)


@pytest.mark.parametrize("deviation", [0.05, 1.0, 3.0])
def test_gaussian_is_a_distribution(deviation):
    gaussian = Gaussian(1, deviation=deviation)
    values = torch.linspace(-8 * deviation, 8 * deviation, 10_001) + 0.5
    log_prob = gaussian.log_prob(at(0.5), along(values))
    integral = torch.trapezoid(log_prob.double().exp(), values.double())
    assert float(integral) == pytest.approx(1, abs=1e-4)
    wanted = torch.distributions.Normal(0.5, deviation).log_prob(values)
    assert torch.allclose(log_prob, wanted, atol=1e-4)
    assert float(gaussian.mean(at(0.5))) == 0.5


def test_variance_fixed_scalar_and_channel():
    counts = {"fixed": 0, "scalar": 1, "channel": 3}
    for variance, count in counts.items():
        gaussian = Gaussian(3, variance, deviation=0.5)
        assert sum(weight.numel() for weight in gaussian.parameters()) == count
        assert not gaussian.state_dict() if variance == "fixed" else gaussian.state_dict()


def test_the_best_deviation_is_that_of_the_errors():
    errors = torch.randn(64, 3, 4, 4) * torch.tensor([0.1, 1.0, 4.0])[:, None, None]
    gaussian = Gaussian(3, "channel")
    wanted = errors.square().mean((0, 2, 3)).sqrt()
    with torch.no_grad():
        gaussian.log_deviation.copy_(wanted.log())
    gaussian.log_prob(torch.zeros(1, 3, 4, 4), errors).mean().backward()
    assert gaussian.log_deviation.grad.abs().max() < 1e-3


def test_a_deviation_does_not_fall_to_zero():
    gaussian = Gaussian(1, "scalar")
    with torch.no_grad():
        gaussian.log_deviation.fill_(-100)
    density = gaussian.log_prob(at(0), at(0)).detach()
    assert float(density) == pytest.approx(-LEAST_LOG - 0.5 * math.log(2 * math.pi))


@given(st.floats(-2, 3), st.floats(-9, 3))
def test_discretized_logistic_is_a_distribution(location, log_scale):
    values = torch.arange(256) / 255
    log_prob = DiscretizedLogistic().log_prob(at(location, log_scale), along(values))
    probability = log_prob.double().exp()
    assert float(probability.sum()) == pytest.approx(1, abs=2e-3)
    # Of single precision in location / scale, at the finest scale.
    mean = float(DiscretizedLogistic().mean(at(location, log_scale)))
    assert mean == pytest.approx(float((probability * values).sum()), abs=2e-3)


def test_discretized_logistic_is_a_difference_of_distribution_functions():
    values, location, scale = torch.arange(1, 255).double() / 255, 0.4, 0.1
    edges = [torch.sigmoid((values + side / 510 - location) / scale) for side in (1, -1)]
    found = DiscretizedLogistic().log_prob(at(location, math.log(scale)), along(values.float()))
    assert torch.allclose(found.double(), (edges[0] - edges[1]).log(), atol=1e-4)


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("output", [-1e4, -50.0, -1e-8, 0.0, 1e-8, 0.5, 50.0, 1e4])
@pytest.mark.parametrize("value", [0.0, 128 / 255, 1.0])
def test_value_and_gradient_are_finite_at_extremes(name, output, value):
    likelihood = make_likelihood(name, 1)
    outputs = torch.full((1, likelihood.outputs, 1, 1), output, requires_grad=True)
    log_prob = likelihood.log_prob(outputs, at(value))
    mean = likelihood.mean(outputs)
    (gradient,) = torch.autograd.grad(log_prob.sum() + mean.sum(), outputs)
    assert log_prob.isfinite().all()
    assert mean.isfinite().all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_features_are_summed_and_leading_axes_broadcast(name):
    likelihood = make_likelihood(name, 3)
    outputs = torch.randn(2, 5, likelihood.outputs * 3, 4, 6)
    features = torch.rand(2, 1, 3, 4, 6)
    found = likelihood.log_prob(outputs, features)
    assert found.shape == (2, 5)
    assert likelihood.mean(outputs).shape == (2, 5, 3, 4, 6)
    # Twice the features have twice the nats.
    twice = likelihood.log_prob(torch.cat([outputs] * 2, -1), torch.cat([features] * 2, -1))
    assert torch.allclose(twice, 2 * found, rtol=1e-5)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_half_precision_is_computed_in_single(name):
    likelihood = make_likelihood(name, 1)
    outputs = torch.randn(4, likelihood.outputs, 8, 8).bfloat16()
    features = torch.rand(4, 1, 8, 8)
    found = likelihood.log_prob(outputs, features)
    assert found.dtype == likelihood.mean(outputs).dtype == torch.float32
    assert torch.equal(found, likelihood.log_prob(outputs.float(), features))


def test_the_scaling_each_is_made_for():
    scalings = {name: make_likelihood(name, 1).scaling for name in LIKELIHOODS}
    assert scalings.pop("gaussian") == "white"
    assert set(scalings.values()) == {"unit"}


def test_an_unknown_likelihood():
    with pytest.raises(ModelError, match="likelihood='poisson' is unknown; choose bernoulli, "):
        make_likelihood("poisson", 1)
