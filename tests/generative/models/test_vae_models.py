"""Architectures, presets, sampling and conditioning of VAE and AE."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from gaborkit.errors import ModelError
from gaborkit.generative.configuration import from_dict, to_dict
from gaborkit.generative.models.likelihoods import LIKELIHOODS
from gaborkit.generative.models.networks import ACTIVATIONS
from gaborkit.generative.models.vae import AE, VAE, AEConfig, VAEConfig
from gaborkit.generative.space import Space
from gaborkit.generative.training.recipe import Recipe
from gaborkit.generative.training.settings import Training

KINDS = [(VAE, VAEConfig), (AE, AEConfig)]
NETWORKS = {
    "mlp": {"hidden": (8,)},
    "conv": {"network": "conv", "hidden": (4, 6)},
    "residual": {"network": "conv", "hidden": (4,), "blocks": 1},
}
WHITE = Space(2, 7, 5, "white")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def make(kind, config, space=WHITE, classes=0, **fields):
    torch.manual_seed(0)
    fields = {"latent": 3, "likelihood": "gaussian", **fields}
    return kind(config(**fields), space, classes)


def shapes(network):
    return [
        (layer.in_features, layer.out_features)
        for layer in network.modules()
        if isinstance(layer, nn.Linear)
    ]


def test_the_article_to_the_unit():
    config, training = VAE.preset("article", "raw")
    model = VAE(config, Space(1, 28, 28, "unit"))
    # 20 means and 20 variances.
    assert shapes(model.encoder) == [(784, 400), (400, 40)]
    assert shapes(model.decoder) == [(20, 400), (400, 784)]
    assert sum(isinstance(layer, nn.ReLU) for layer in model.modules()) == 2
    assert (config.likelihood, config.beta) == ("bernoulli", 1)
    assert (training["learning_rate"], training["batch_size"]) == (1e-3, 128)
    assert Training(**training).betas == (0.9, 0.999)
    latents = torch.randn(2, 20)
    assert torch.equal(model.decode(latents), model.decoder(latents).sigmoid())
    plain = AE(AE.preset("article", "raw")[0], Space(1, 28, 28, "unit"))
    assert shapes(plain) == [(784, 400), (400, 20), (20, 400), (400, 784)]


def test_the_article_on_coefficients_has_the_same_layers():
    config, _ = VAE.preset("article", "coefficients")
    assert (config.hidden, config.latent, config.likelihood) == ((400,), 20, "gaussian")


def test_the_network_of_the_published_figure():
    config, training = VAE.preset("mlp-200-200-50", "raw")
    model = VAE(config, Space(1, 28, 28, "unit"))
    assert shapes(model.encoder) == [(784, 200), (200, 200), (200, 100)]
    assert shapes(model.decoder) == [(50, 200), (200, 200), (200, 784)]
    assert sum(isinstance(layer, nn.Tanh) for layer in model.modules()) == 4
    assert (training["learning_rate"], training["batch_size"]) == (1e-3, 100)
    recipe = Recipe("vae", preset="mlp-200-200-50")
    representation = recipe.represented(config, (1, 28, 28))
    assert representation.binarize == "dynamic"
    assert set(VAE.preset_representations) <= set(VAE.presets)


@pytest.mark.parametrize(("kind", "config"), KINDS)
@pytest.mark.parametrize("features", ["raw", "gabor", "coefficients"])
@pytest.mark.parametrize("name", ["small", "article", "large"])
def test_presets_fit_their_features_and_the_trainer(kind, config, name, features):
    found, training = kind.preset(name, features)
    assert isinstance(found, config)
    assert from_dict(config, to_dict(found)) == found
    Training(**training)
    scaling = kind.scaling(found)
    assert scaling == ("white" if features == "coefficients" else "unit")
    model = kind(found, Space(18 if features == "coefficients" else 1, 28, 28, scaling))
    assert model(torch.rand(2, *model.space.shape), None, seeded(), "model").total.isfinite()


def test_unknown_presets():
    with pytest.raises(ModelError, match=r"vae has no preset 'huge' for 'raw' .* choose small,"):
        VAE.preset("huge", "raw")
    with pytest.raises(ModelError, match=r"ae has no preset 'mlp-200-200-50' for 'raw'"):
        AE.preset("mlp-200-200-50", "raw")
    with pytest.raises(
        ModelError, match=r"no preset 'small' for 'sift' .* features raw, coefficients, gabor$"
    ):
        VAE.preset("small", "sift")


@pytest.mark.parametrize(("kind", "config"), KINDS)
@pytest.mark.parametrize("fields", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("classes", [0, 3])
def test_every_network_has_the_shapes_it_should(kind, config, fields, likelihood, classes):
    scaling = LIKELIHOODS[likelihood].scaling
    space = Space(2, 7, 5, scaling)
    model = make(kind, config, space, classes, likelihood=likelihood, **fields)
    features = torch.rand(6, 2, 7, 5)
    labels = torch.arange(6) % 3 if classes else None
    loss = model(features, labels, seeded(), "model")
    loss.total.backward()
    # As distributed training needs it: every weight takes part.
    assert all(weight.grad is not None for weight in model.parameters())
    mean, log_variance = model.encode(features, labels)
    assert mean.shape == log_variance.shape == (6, 3)
    assert model.decode(mean, labels).shape == (6, 2, 7, 5)
    assert model.reconstruct(features, labels).shape == (6, 2, 7, 5)
    samples = model.sample(6, labels, seeded())
    assert samples.shape == (6, 2, 7, 5)
    assert not samples.requires_grad
    if scaling == "unit":
        assert 0 <= samples.min() <= samples.max() <= 1


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation):
    model = make(VAE, VAEConfig, activation=activation, hidden=(8,))
    assert sum(type(layer) is ACTIVATIONS[activation] for layer in model.modules()) == 2


@pytest.mark.parametrize(("kind", "config"), KINDS)
def test_draws_are_the_generators_alone(kind, config):
    model = make(kind, config, hidden=(8,))
    features, before = torch.randn(4, 2, 7, 5), torch.get_rng_state()

    def draws(seed):
        generator = seeded(seed)
        loss = model(features, None, generator).total
        again = model.reconstruct(features, None, generator)
        return [loss.detach(), again, model.sample(4, None, generator)]

    first, same, other = draws(0), draws(0), draws(1)
    model.eval()
    if kind is VAE:
        assert all(map(torch.equal, first, same))
        assert not any(map(torch.equal, first, other))
    else:  # The noise comes with sampling; the running statistics move between.
        assert all(map(torch.equal, first[:2], other[:2]))
        assert torch.equal(model.sample(4, None, seeded()), model.sample(4, None, seeded()))
    assert torch.equal(before, torch.get_rng_state())


def test_a_reconstruction_without_a_generator_takes_the_mean():
    model = make(VAE, VAEConfig, hidden=(8,))
    features = torch.randn(4, 2, 7, 5)
    wanted = model.decode(model.encode(features)[0])
    assert torch.equal(model.reconstruct(features), wanted)
    assert not torch.allclose(model.reconstruct(features, None, seeded()), wanted)


def test_samples_come_in_pieces_and_do_not_depend_on_them(monkeypatch):
    model, calls = make(VAE, VAEConfig, hidden=(8,), classes=3), []
    labels = torch.arange(7) % 3
    whole = model.sample(7, labels, seeded())
    monkeypatch.setattr("gaborkit.generative.models.autoencoder.CHUNK", 3 * 70)
    pieces = model.sample(7, labels, seeded(), lambda *done: calls.append(done))
    assert torch.allclose(whole, pieces, atol=1e-6)
    assert calls == [(3, 7), (6, 7), (7, 7)]
    assert model.sample(0, labels[:0]).shape == (0, 2, 7, 5)


@pytest.mark.parametrize("fields", NETWORKS.values(), ids=NETWORKS)
def test_labels_reach_encoder_and_decoder(fields):
    model = make(VAE, VAEConfig, classes=3, **fields)
    features, zeros = torch.randn(4, 2, 7, 5), torch.zeros(4, dtype=torch.int64)
    assert not torch.allclose(
        model.encode(features, zeros)[0], model.encode(features, zeros + 1)[0]
    )
    latents = torch.randn(4, 3)
    assert not torch.allclose(model.decode(latents, zeros), model.decode(latents, zeros + 1))


@pytest.mark.parametrize(("kind", "config"), KINDS)
def test_labels_that_do_not_fit(kind, config):
    features = torch.randn(4, 2, 7, 5)
    conditional, plain = make(kind, config, hidden=(8,), classes=3), make(kind, config)
    with pytest.raises(ModelError, match="is conditional: give a label with each image"):
        conditional(features, None, seeded())
    with pytest.raises(ModelError, match="is conditional: say which of its 3 classes"):
        conditional.sample(4)
    with pytest.raises(ModelError, match="class 3 is not one of 0 to 2"):
        conditional.encode(features, torch.tensor([0, 1, 2, 3]))
    with pytest.raises(ModelError, match="trained without classes"):
        plain.decode(torch.randn(4, 3), torch.zeros(4))


@pytest.mark.parametrize(("kind", "config"), KINDS)
def test_half_precision_gives_a_loss_in_single(kind, config):
    model = make(kind, config, network="conv", hidden=(4,))
    features = torch.randn(4, 2, 7, 5)
    exact = model(features, None, seeded()).total
    with torch.autocast("cpu", torch.bfloat16):
        found = model(features, None, seeded()).total
    assert found.dtype == torch.float32
    assert torch.allclose(found, exact, rtol=0.02)


def test_running_statistics_are_those_of_all_latents():
    model = make(AE, AEConfig, hidden=(8,))
    batches = [torch.randn(5, 2, 7, 5) + k for k in range(4)]
    for features in batches:
        model(features, None, seeded())
    latents, _ = model.encode(torch.cat(batches))
    assert torch.allclose(model.latent_mean, latents.mean(0), atol=1e-5)
    assert torch.allclose(model.latent_covariance, latents.T.cov(correction=0), atol=1e-5)
    # Not where nothing is trained.
    before = model.latent_mean.clone()
    model.eval()(batches[0], None, seeded())
    assert torch.equal(model.latent_mean, before)


def test_running_statistics_of_classes_are_those_of_their_latents():
    model = make(AE, AEConfig, hidden=(8,), classes=3)
    labels = torch.tensor([0, 1, 0, 1, 0])  # never class 2
    batches = [torch.randn(5, 2, 7, 5) + k for k in range(4)]
    for features in batches:
        model(features, labels, seeded())
    latents, _ = model.encode(torch.cat(batches), labels.repeat(4))
    for label in (0, 1):
        mine = latents[labels.repeat(4) == label]
        mean, deviation = model.latent_spread(label)
        assert torch.allclose(mean, mine.mean(0), atol=1e-5)
        assert torch.allclose(
            model.latent_covariance[label], mine.T.cov(correction=0), rtol=1e-4, atol=1e-4
        )
        assert torch.allclose(deviation, mine.std(0, correction=0), atol=1e-4)
    assert torch.equal(model.latent_covariance[2], torch.eye(3))
    asked = torch.tensor([1, 0]).repeat(50_000)
    drawn = model.from_normal(torch.randn(len(asked), 3, generator=seeded()), asked)
    assert torch.allclose(drawn[::2].mean(0), model.latent_mean[1], atol=0.02)
    assert torch.allclose(drawn[1::2].T.cov(), model.latent_covariance[0], atol=0.03)


def test_running_statistics_forget(monkeypatch):
    monkeypatch.setattr(AE, "memory", 4)
    model = make(AE, AEConfig, hidden=(8,))
    far, near = torch.randn(16, 2, 7, 5) + 5, torch.randn(16, 2, 7, 5)
    for features in [far] * 4 + [near] * 60:
        model(features, None, seeded())
    latents, _ = model.encode(near)
    assert torch.allclose(model.latent_mean, latents.mean(0), atol=1e-4)
    assert torch.allclose(model.latent_covariance, latents.T.cov(correction=0), atol=1e-4)


def test_samples_of_an_autoencoder_come_from_that_gaussian():
    model = make(AE, AEConfig, hidden=(8,))
    model(torch.randn(64, 2, 7, 5), None, seeded())
    latents = model.from_normal(torch.randn(100_000, 3, generator=seeded()))
    assert torch.allclose(latents.mean(0), model.latent_mean, atol=0.01)
    assert torch.allclose(latents.T.cov(), model.latent_covariance, atol=0.02)
    again = make(AE, AEConfig, hidden=(8,))
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.sample(5, None, seeded()), model.sample(5, None, seeded()))
    assert not hasattr(model, "elbo")


def test_a_few_steps_of_training_raise_the_bound():
    model = make(VAE, VAEConfig, Space(1, 6, 6, "unit"), likelihood="bernoulli", hidden=(16,))
    features = torch.rand(64, 1, 6, 6, generator=seeded()).cumsum(-1).clamp(max=1).round()
    losses = []
    for step in range(60):
        loss = model(features, None, seeded(step)).total
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for weight, gradient in zip(model.parameters(), gradients, strict=True):
                weight -= 0.02 * gradient
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


WRONG = {
    "network='rnn' is unknown; choose mlp, conv": {"network": "rnn"},
    "activation='sine' is unknown; choose relu": {"activation": "sine"},
    "likelihood='poisson' is unknown": {"likelihood": "poisson"},
    "variance='full' is unknown; choose fixed": {"variance": "full"},
    "latent=0: a layer has 1 or more": {"latent": 0},
    r"hidden=\(400, 0\)": {"hidden": (400, 0)},
    r"hidden=\(\) leaves network='conv' no layer": {"network": "conv", "hidden": ()},
    "blocks=1 does not fit network='mlp'": {"blocks": 1},
    "deviation=0.0 is not positive": {"likelihood": "gaussian", "deviation": 0.0},
    "deviation=nan is not positive": {"likelihood": "gaussian", "deviation": float("nan")},
    "variance='scalar', deviation=1.0 belong to likelihood='gaussian'": {"variance": "scalar"},
}


@pytest.mark.parametrize(
    ("message", "fields", "config"),
    [(*pair, config) for pair, config in itertools.product(WRONG.items(), (AEConfig, VAEConfig))],
)
def test_configurations_that_make_no_sense(message, fields, config):
    with pytest.raises(ModelError, match=message):
        config(**fields)


def test_the_weight_of_the_divergence():
    for beta in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ModelError, match=f"beta={beta} is out of range"):
            VAEConfig(beta=beta)
    with pytest.raises(ModelError, match="'beta' is unknown"):
        from_dict(AEConfig, {"beta": 2.0})


def test_features_of_another_scaling():
    with pytest.raises(ModelError, match="scaled as 'unit', not 'white'"):
        VAE(VAEConfig(), WHITE)
