"""Bounds of the VAE: closed forms, and a linear model whose likelihood is known exactly."""

from __future__ import annotations

import math

import pytest
import torch
from torch import distributions
from torch.nn import functional

from gaborkit.errors import ModelError
from gaborkit.generative.models.vae import VAE, VAEConfig, kl_divergence
from gaborkit.generative.space import Space

DEVIATION = 0.7


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def linear(*, exact=True):
    """x = W z + b + noise with orthogonal columns of W, so that the posterior is diagonal."""
    torch.manual_seed(0)
    config = VAEConfig(hidden=(), latent=2, likelihood="gaussian", deviation=DEVIATION)
    model = VAE(config, Space(1, 2, 3, "white"))
    directions, _ = torch.linalg.qr(torch.randn(6, 2))
    weight, bias = directions * torch.tensor([1.5, 0.5]), torch.randn(6)
    precision = 1 + weight.square().sum(0) / DEVIATION**2  # of the posterior
    gain = (weight / DEVIATION**2 / precision).T  # (2, 6)
    encoder, decoder = model.encoder.layers[0], model.decoder.layers[0]
    with torch.no_grad():
        decoder.weight.copy_(weight)
        decoder.bias.copy_(bias)
        encoder.weight.copy_(torch.cat([gain, torch.zeros(2, 6)]))
        encoder.bias.copy_(torch.cat([-gain @ bias, -precision.log()]))
        if not exact:
            encoder.bias += torch.tensor([0.5, -0.3, 0.6, 0.2])
    return model, weight, bias


def batch(weight, bias, count=7):
    """Features (count, 1, 2, 3), and their log-likelihood (count,)."""
    noise = DEVIATION * torch.randn(count, 6, generator=seeded(1))
    features = torch.randn(count, 2, generator=seeded(2)) @ weight.T + bias + noise
    covariance = (weight @ weight.T + DEVIATION**2 * torch.eye(6)).double()
    centred = (features - bias).double()
    squares = (torch.linalg.solve(covariance, centred.T).T * centred).sum(1)
    log_prob = -0.5 * (squares + torch.logdet(2 * math.pi * covariance))
    return features.view(count, 1, 2, 3), log_prob.float()


def test_divergence_in_closed_form():
    mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
    q = distributions.Normal(mean, (log_variance / 2).exp())
    wanted = distributions.kl_divergence(q, distributions.Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(kl_divergence(mean, log_variance), wanted, atol=1e-5)
    assert torch.equal(kl_divergence(torch.zeros(2, 4), torch.zeros(2, 4)), torch.zeros(2))


def test_divergence_by_monte_carlo():
    mean, log_variance = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.3, -0.8]])
    q = distributions.Normal(mean, (log_variance / 2).exp())
    torch.manual_seed(0)
    draws = q.sample((200_000,))
    ratio = (q.log_prob(draws) - distributions.Normal(0.0, 1.0).log_prob(draws)).sum(-1)
    assert float(kl_divergence(mean, log_variance)) == pytest.approx(float(ratio.mean()), abs=0.01)


def test_bounds_are_exact_where_the_posterior_is():
    model, *parameters = linear()
    features, wanted = batch(*parameters)
    # Of the ELBO only the mean over draws is.
    with torch.no_grad():
        draws = model.elbo(features.repeat(3000, 1, 1, 1), None, seeded())
    assert torch.allclose(draws.view(3000, -1).mean(0), wanted, atol=0.1)
    for samples, chunk in ((1, None), (1, 3), (9, 1), (9, 14), (10, 1000)):
        found = model.iwae(features, None, samples, seeded(), chunk)
        assert torch.allclose(found, wanted, atol=1e-4)


def test_the_weighted_bound_rises_to_the_likelihood():
    model, *parameters = linear(exact=False)
    features, wanted = batch(*parameters)

    def mean_bound(samples, repeats):
        many = features.repeat(repeats, 1, 1, 1)
        return float(model.iwae(many, None, samples, seeded()).mean())

    with torch.no_grad():
        elbo = model.elbo(features.repeat(1000, 1, 1, 1), None, seeded()).mean()
    bounds = [mean_bound(1, 1000), mean_bound(5, 300), mean_bound(50, 30), mean_bound(20_000, 1)]
    assert bounds[0] == pytest.approx(float(elbo), abs=0.1)
    assert bounds[0] < bounds[1] - 0.1 < bounds[2] - 0.1 < float(wanted.mean())
    assert bounds[3] == pytest.approx(float(wanted.mean()), abs=0.02)


def test_one_importance_sample_is_one_estimate_of_the_bound():
    torch.manual_seed(0)
    model = VAE(VAEConfig(hidden=(8,), latent=3), Space(1, 4, 4, "unit"))
    features = torch.rand(5, 1, 4, 4).round()
    found = model.iwae(features, None, 1, seeded())
    with torch.no_grad():
        mean, log_variance = model.encode(features)
        q = distributions.Normal(mean, (log_variance / 2).exp())
        noise = torch.randn((5, 1, 3), generator=seeded())[:, 0]
        latents = mean + q.scale * noise
        probability = distributions.Bernoulli(model.decode(latents))
        wanted = (
            probability.log_prob(features).sum((1, 2, 3))
            + distributions.Normal(0.0, 1.0).log_prob(latents).sum(1)
            - q.log_prob(latents).sum(1)
        )
    assert torch.allclose(found, wanted, atol=1e-4)


def test_many_samples_are_summed_without_overflow():
    """Weights near exp(-10,000): only their logarithms can be added."""
    torch.manual_seed(0)
    model = VAE(VAEConfig(hidden=(), latent=2), Space(1, 10, 10, "unit"))
    with torch.no_grad():
        model.decoder.layers[0].bias.fill_(-100)
    found = model.iwae(torch.ones(2, 1, 10, 10), None, 64, seeded(), chunk=8)
    assert found.isfinite().all()
    assert (found < -9000).all()


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_the_loss_is_the_negative_bound_with_its_weight(beta):
    torch.manual_seed(0)
    space = Space(2, 4, 4, "white")
    model = VAE(VAEConfig(hidden=(8,), latent=3, likelihood="gaussian", beta=beta), space)
    features = torch.randn(6, 2, 4, 4)
    loss = model(features, None, seeded())
    elbo = model.elbo(features, None, seeded()).mean()
    divergence = kl_divergence(*model.encode(features)).mean()
    assert torch.allclose(loss.total, -elbo + (beta - 1) * divergence, rtol=1e-5)
    assert torch.allclose(loss.figures["kl"], divergence)
    figures = loss.figures["reconstruction"] + beta * loss.figures["kl"]
    assert torch.allclose(loss.total, figures, rtol=1e-5)
    assert not any(figure.requires_grad for figure in loss.figures.values())


def test_terms_are_sums_over_dimensions_and_means_over_the_batch():
    """Twice the batch leaves the loss; twice the features and latents double it."""
    small, large = (
        VAE(VAEConfig(hidden=(), latent=latent, likelihood="gaussian"), Space(1, size, 1, "white"))
        for latent, size in ((1, 2), (2, 4))
    )
    with torch.no_grad():
        for model in (small, large):
            for weight in model.parameters():
                weight.fill_(0)
            model.encoder.layers[0].bias.fill_(0.5)
    features = torch.ones(3, 1, 2, 1)
    once = small(features, None, seeded())
    batch = small(torch.cat([features] * 2), None, seeded())
    twice = large(torch.ones(3, 1, 4, 1), None, seeded())
    for name, figure in once.figures.items():
        assert torch.allclose(batch.figures[name], figure)
        assert torch.allclose(twice.figures[name], 2 * figure)
    assert float(once.figures["kl"]) == pytest.approx(-0.5 * (1.5 - 0.25 - math.exp(0.5)))


def test_the_bound_of_a_conditional_model_uses_the_label():
    torch.manual_seed(0)
    model = VAE(VAEConfig(hidden=(8,), latent=3), Space(1, 4, 4, "unit"), classes=3)
    features, labels = torch.rand(4, 1, 4, 4), torch.tensor([0, 1, 2, 0])
    for bound in (model.elbo, lambda *a: model.iwae(a[0], a[1], 5, a[2], chunk=7)):
        found = bound(features, labels, seeded())
        assert found.shape == (4,)
        assert not torch.allclose(found, bound(features, (labels + 1) % 3, seeded()))


def with_priors():
    """A model whose classes have priors of their own, and features with labels."""
    torch.manual_seed(0)
    config = VAEConfig(hidden=(6,), latent=1, class_prior=True)
    model = VAE(config, Space(1, 2, 3, "unit"), classes=3)
    torch.nn.init.normal_(model.prior)
    return model, torch.rand(4, 1, 2, 3).round(), torch.tensor([0, 1, 2, 0])


def test_the_bounds_of_a_model_with_priors_of_classes():
    model, features, labels = with_priors()
    mean, log_variance = model.prior[:, labels].detach()  # (4, 1)
    prior = distributions.Normal(mean, (log_variance / 2).exp())
    latents = torch.linspace(-15, 15, 3001)  # the exact likelihood, by the trapezium rule
    with torch.no_grad():
        codes = functional.one_hot(labels, 3).float().repeat_interleave(len(latents), 0)
        outputs = model.decoder(latents.repeat(4)[:, None], codes).unflatten(0, (4, -1))
        joint = model.likelihood.log_prob(outputs, features[:, None]) + prior.log_prob(latents)
        exact = joint.logsumexp(1) + math.log(float(latents[1] - latents[0]))
        bound = model.iwae(features, labels, 3000, seeded())
        elbo = torch.stack([model.elbo(features, labels, seeded(k)) for k in range(300)]).mean(0)
        posterior_mean, posterior_log_variance = model.encode(features, labels)
        kl = model(features, labels, seeded()).figures["kl"]
    assert torch.allclose(bound, exact, atol=0.05)
    assert (elbo < exact).all()
    posterior = distributions.Normal(posterior_mean, (posterior_log_variance / 2).exp())
    wanted = distributions.kl_divergence(posterior, prior).sum(1).mean()
    assert float(kl) == pytest.approx(float(wanted), rel=1e-5)


def test_draws_come_from_the_prior_of_the_class():
    model, _, _ = with_priors()
    asked = torch.tensor([2, 0]).repeat(50_000)
    with torch.no_grad():
        drawn = model.from_normal(torch.randn(len(asked), 1, generator=seeded()), asked)
    for first, label in enumerate((2, 0)):
        mean, deviation = model.latent_spread(label)
        assert float(drawn[first::2].mean()) == pytest.approx(float(mean), abs=0.03)
        assert float(drawn[first::2].std()) == pytest.approx(float(deviation), rel=0.03)
    # Without classes, and without priors of classes, it is standard normal.
    for classes, class_prior in ((0, True), (3, False)):
        config = VAEConfig(hidden=(6,), latent=1, class_prior=class_prior)
        model = VAE(config, Space(1, 2, 3, "unit"), classes)
        noise = torch.randn(2, 1)
        assert torch.equal(model.from_normal(noise, None), noise)
        assert [float(x) for x in model.latent_spread(1 if classes else None)] == [0, 1]
        assert model.prior is None


def test_no_images_have_no_bounds():
    model, *_ = linear()
    assert model.iwae(torch.zeros(0, 1, 2, 3), None, 5, seeded()).shape == (0,)


@pytest.mark.parametrize(("samples", "chunk"), [(0, None), (5, 0)])
def test_numbers_of_samples(samples, chunk):
    model, *_ = linear()
    with pytest.raises(ModelError, match=f"samples={samples}, chunk=.*: give 1 or more"):
        model.iwae(torch.zeros(1, 1, 2, 3), None, samples, seeded(), chunk)
