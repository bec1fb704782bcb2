"""Likelihoods: closed forms, standard errors, domains."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from gaborkit.errors import ModelError
from gaborkit.generative.data import Split
from gaborkit.generative.metrics import likelihood_domain, likelihood_figures
from gaborkit.generative.models.gan import GAN
from gaborkit.generative.models.model import Model
from gaborkit.generative.models.vae import AE, VAE, AEConfig, VAEConfig
from gaborkit.generative.representation import Coefficients, Raw

SHAPE = (1, 6, 6)


def images(count=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *SHAPE), generator=generator, dtype=torch.uint8)


def split(count=12, labels=False):
    return Split(images(count), torch.arange(count) % 2 if labels else None)


@dataclass(frozen=True)
class FixedConfig:
    likelihood: str | None = None


class Fixed(Model):
    """Every value by itself: level v of L has probability 2 (v + 1) / (L (L + 1))."""

    name = "fixed"
    Config = FixedConfig

    def __init__(self, space, classes=0):
        super().__init__(FixedConfig(), space, classes)
        self.weight = nn.Parameter(torch.zeros(()))

    @classmethod
    def scaling(cls, config):
        return "levels"

    @classmethod
    def preset(cls, name, features):
        return FixedConfig(), {}

    def forward(self, features, labels, generator, part): ...

    def sample(self, count, labels=None, generator=None, progress=None): ...

    def log_likelihood(self, features, labels):
        assert not self.training
        self.check_labels(labels, len(features))
        assert labels is None or torch.equal(labels, torch.arange(len(features)) % 2)
        levels = self.space.levels
        return (2 * (features + 1) / (levels * (levels + 1))).log().sum((1, 2, 3))


class Bounded(Fixed):
    """A bound that is the number of ones, plus noise of deviation 1."""

    log_likelihood = property(doc="Hidden from hasattr.")

    def elbo(self, features, labels, generator):
        noise = torch.randn(len(features), generator=generator)
        return -features.double().sum((1, 2, 3)) + noise

    def iwae(self, features, labels, samples, generator, chunk=None):
        return self.elbo(features, labels, generator) + math.log(samples)


def test_an_exact_likelihood_has_its_closed_form():
    raw = Raw(SHAPE, "levels", 256).fit(images())
    test = split()
    (nats, bits), notes = likelihood_figures(Fixed(raw.space), raw, test, name="toy")
    each = -(2 * (test.images.double() + 1) / (256 * 257)).log().sum((1, 2, 3))
    assert nats.value == pytest.approx(float(each.mean()))
    assert nats.standard_error == pytest.approx(float(each.std()) / 12**0.5)
    assert nats.repeat_error is None
    assert bits.value == pytest.approx(nats.value / (36 * math.log(2)))
    assert bits.standard_error == pytest.approx(nats.standard_error / (36 * math.log(2)))
    assert (nats.unit, bits.unit) == ("nats", "bits/dim")
    assert nats.domain == "8-bit pixels of 12 images of toy"
    assert nats.protocol == f"{nats.domain}; exact"
    assert notes == []


def test_errors_over_images_and_over_repeated_binarizations():
    raw = Raw(SHAPE, "levels", 2, binarize="dynamic").fit(images())
    # Half-grey images alike: each has Binomial(36, 1/2) ones.
    test = Split(torch.full((400, *SHAPE), 127, dtype=torch.uint8), None)
    (nats, _), _ = likelihood_figures(Fixed(raw.space), raw, test, repeats=16)
    # Level 0 costs log 3 nats, level 1 log 1.5; the difference is log 2.
    ones = 36 * 127 / 255
    wanted = ones * math.log(1.5) + (36 - ones) * math.log(3)
    deviation = math.log(2) * (36 * 0.25) ** 0.5
    expected = deviation / (16 * 400) ** 0.5
    assert nats.value == pytest.approx(wanted, abs=4 * expected)
    assert nats.standard_error == pytest.approx(expected, rel=0.2)
    assert nats.repeat_error == pytest.approx(expected, rel=0.6)
    assert nats.protocol == f"{nats.domain}; exact; mean of 16 encodings"
    assert nats.domain == "dynamically binarized pixels of 400 images of test"


def test_bounds_their_protocols_and_the_bits_of_the_tightest():
    raw = Raw(SHAPE, "levels", 2, binarize="threshold").fit(images())
    figures, _ = likelihood_figures(
        Bounded(raw.space), raw, split(), importance_samples=50, repeats=4
    )
    assert [figure.name for figure in figures] == [
        "NLL, ELBO bound",
        "NLL, IWAE-50 bound",
        "NLL, IWAE-50 bound, bits",
    ]
    elbo, iwae, bits = figures
    assert elbo.protocol == f"{elbo.domain}; 1 latent draw, KL in closed form; mean of 4 draws"
    assert iwae.protocol == f"{iwae.domain}; 50 latent draws; mean of 4 draws"
    assert bits.protocol == iwae.protocol
    assert elbo.domain == iwae.domain == "pixels binarized at 1/2 of 12 images of test"
    assert iwae.value == pytest.approx(elbo.value - math.log(50), abs=1.5)
    assert elbo.repeat_error == pytest.approx(1 / (4 * 12) ** 0.5, rel=0.8)
    assert bits.value == pytest.approx(iwae.value / (36 * math.log(2)))


def test_the_seed_decides_and_the_model_is_left_as_it_was():
    raw = Raw(SHAPE, binarize="dynamic").fit(images())
    model = VAE(VAEConfig(hidden=(8,), latent=2), raw.space).train()
    state = torch.get_rng_state()
    one, two, other = (
        likelihood_figures(model, raw, split(), importance_samples=3, repeats=2, seed=seed)[0]
        for seed in (0, 0, 1)
    )
    assert one == two
    assert one[0].value != other[0].value
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_a_vaes_bound_tightens_with_more_samples():
    raw = Raw(SHAPE, binarize="dynamic").fit(images())
    model = VAE(VAEConfig(hidden=(8,), latent=2), raw.space)
    (elbo, loose, _), _ = likelihood_figures(
        model, raw, split(200), importance_samples=1, repeats=2
    )
    (_, tight, _), _ = likelihood_figures(model, raw, split(200), importance_samples=200, repeats=2)
    assert tight.value < elbo.value
    assert tight.value < loose.value


def test_batches_do_not_show(monkeypatch):
    raw = Raw(SHAPE, "levels", 256).fit(images())
    whole, _ = likelihood_figures(Fixed(raw.space), raw, split())
    monkeypatch.setattr("gaborkit.generative.metrics.likelihood.LARGEST_BATCH", 5)
    calls = []
    parts, _ = likelihood_figures(
        Fixed(raw.space), raw, split(), progress=lambda done, total: calls.append((done, total))
    )
    assert parts[0].value == pytest.approx(whole[0].value)
    assert calls == [(5, 12), (10, 12), (12, 12)]


def test_labels_reach_a_conditional_model():
    raw = Raw(SHAPE, "levels", 256).fit(images())
    figures, _ = likelihood_figures(Fixed(raw.space, classes=2), raw, split(labels=True))
    assert figures
    with pytest.raises(ModelError, match="is conditional: say which"):
        likelihood_figures(Fixed(raw.space, classes=2), raw, split())
    # An unconditional one is not given any.
    assert likelihood_figures(Fixed(raw.space), raw, split(labels=True))[0]


def test_one_image_has_no_standard_error():
    raw = Raw(SHAPE, "levels", 256).fit(images())
    (nats, _), _ = likelihood_figures(Fixed(raw.space), raw, split(1))
    assert nats.standard_error is None


@pytest.mark.parametrize("counts", [{"importance_samples": 0}, {"repeats": 0}])
def test_counts_of_less_than_one(counts):
    raw = Raw(SHAPE, "levels", 256).fit(images())
    with pytest.raises(ModelError, match="give 1 or more of each"):
        likelihood_figures(Fixed(raw.space), raw, split(), **counts)


@pytest.mark.parametrize("kind", ["ae", "gan"])
def test_models_without_likelihood_say_so(kind):
    raw = Raw((1, 28, 28), "unit" if kind == "ae" else "symmetric")
    raw.fit(torch.zeros(1, 1, 28, 28))
    model = AE(AEConfig(), raw.space) if kind == "ae" else GAN(GAN.Config(), raw.space)
    test = Split(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), None)
    figures, notes = likelihood_figures(model, raw, test)
    assert figures == []
    assert notes == [f"a model of kind {kind} has no likelihood"]


def test_cross_entropy_on_grey_pixels_is_no_likelihood():
    raw = Raw(SHAPE).fit(images())
    model = VAE(VAEConfig(hidden=(8,), latent=2), raw.space)
    (figure,), notes = likelihood_figures(model, raw, split())
    assert figure.name == "Cross-entropy + KL"
    assert figure.domain is None
    assert "no likelihood" in figure.protocol
    assert "is no likelihood" in notes[0]


def test_a_density_of_binarized_pixels_is_no_likelihood():
    raw = Raw(SHAPE, "white", binarize="threshold").fit(images())
    model = VAE(VAEConfig(hidden=(8,), latent=2, likelihood="gaussian"), raw.space)
    (figure,), notes = likelihood_figures(model, raw, split())
    assert figure.name == "Reconstruction + KL"
    assert figure.domain is None
    assert "no likelihood" in figure.protocol
    assert "none of pixels that are 0 or 1" in notes[0]


@pytest.mark.parametrize("binarize", ["dynamic", "threshold"])
@pytest.mark.parametrize(
    ("scaling", "likelihood"),
    [
        ("unit", "continuous-bernoulli"),
        ("unit", "discretized-logistic"),
        ("white", "gaussian"),
        ("unit", None),
    ],
)
def test_binarized_pixels_have_a_likelihood_by_bernoulli_or_levels_only(
    binarize, scaling, likelihood
):
    raw = Raw(SHAPE, scaling, binarize=binarize).fit(images())
    domain = likelihood_domain(raw, likelihood)
    assert (domain.valid, domain.discrete) == (False, False)
    assert "8-bit" not in domain.text
    bernoulli = likelihood_domain(Raw(SHAPE, binarize=binarize).fit(images()), "bernoulli")
    levels = likelihood_domain(Raw(SHAPE, "levels", 2, binarize).fit(images()))
    assert bernoulli == levels
    assert bernoulli.valid
    assert bernoulli.discrete


def test_a_density_has_no_bits():
    gabor = Coefficients((1, 12, 12)).fit(torch.rand(8, 1, 12, 12))
    model = VAE(VAEConfig(hidden=(8,), latent=2, likelihood="gaussian"), gabor.space)
    test = Split(torch.zeros(3, 1, 12, 12, dtype=torch.uint8), None)
    figures, notes = likelihood_figures(model, gabor, test, importance_samples=2)
    assert {figure.unit for figure in figures} == {"nats"}
    assert "it says nothing of pixels" in notes[0]


@pytest.mark.parametrize(
    ("representation", "likelihood", "text"),
    [
        (Raw(SHAPE, "levels", 256), None, "8-bit pixels"),
        (Raw(SHAPE, "levels", 16), None, "pixels quantised to 16 levels"),
        (Raw(SHAPE, "levels", 2, "dynamic"), None, "dynamically binarized pixels"),
        (Raw(SHAPE, "unit", 0, "dynamic"), "bernoulli", "dynamically binarized pixels"),
        (Raw(SHAPE, "unit", 0, "threshold"), "bernoulli", "pixels binarized at 1/2"),
        (Raw(SHAPE), "bernoulli", "pixels in [0, 1]"),
        (Raw(SHAPE), "continuous-bernoulli", "pixels, as a density"),
        (Raw(SHAPE), "discretized-logistic", "8-bit pixels"),
    ],
)
def test_domains_of_pixels(representation, likelihood, text):
    assert likelihood_domain(representation.fit(images()), likelihood).text == text


def test_domains_of_gabor_coefficients_tell_banks_and_fits_apart():
    pictures = torch.rand(8, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    shape = (1, 12, 12)
    domains = [
        likelihood_domain(Coefficients(shape, "levels", 16).fit(pictures)),
        likelihood_domain(Coefficients(shape, "levels", 16).fit(pictures / 2)),
        likelihood_domain(Coefficients(shape, "levels", 16, orientations=3).fit(pictures)),
        likelihood_domain(Coefficients(shape, "white").fit(pictures), "gaussian"),
        likelihood_domain(Coefficients(shape, "unit").fit(pictures), "bernoulli"),
        likelihood_domain(Coefficients(shape, "unit").fit(pictures), "discretized-logistic"),
        likelihood_domain(Raw(shape, "white").fit(pictures), "gaussian"),
    ]
    assert len({domain.text for domain in domains}) == len(domains)
    assert all(domain.text.startswith("Gabor coefficients (") for domain in domains[:-1])
    assert domains[0].text.endswith("quantised to 16 levels")
    assert [domain.discrete for domain in domains] == [True] * 3 + [False] * 4
    assert [domain.valid for domain in domains] == [True] * 4 + [False] + [True] * 2
    again = likelihood_domain(Coefficients(shape, "levels", 16).fit(pictures))
    assert again == domains[0]
