"""Figures of codes: what they leave of images, their likelihood, and the bound on pixels."""

from __future__ import annotations

import math

import pytest
import torch
from codes_for_tests import data, pictures, untrained

from gaborkit.generative import MODELS
from gaborkit.generative.metrics.likelihood import likelihood_figures
from gaborkit.generative.metrics.reconstruction import reconstruction_figures


def test_errors_of_reconstructions_and_codes_in_use():
    codes, images = untrained(), pictures(300, seed=5)
    features = codes.encode(images)
    counts = torch.bincount(features.flatten(), minlength=5).double() / features.numel()
    used = float((-torch.special.xlogy(counts, counts).sum()).exp())
    assert used > 1.5
    error = float((codes.decode(features) - images / 255).square().mean())
    torch.manual_seed(1)
    model = MODELS["pixelcnn"](MODELS["pixelcnn"].Config(levels=5, channels=4), codes.space)
    of_coder = reconstruction_figures(codes.coder, codes.seen, images, None, seed=0)
    of_prior = reconstruction_figures(model, codes, images, None, seed=0)
    values = {figure.name: figure.value for figure in of_coder}
    assert values["Reconstruction, squared error"] == pytest.approx(error, rel=1e-5)
    assert values["Perplexity of codes"] == pytest.approx(used, rel=1e-5)
    assert [figure.value for figure in of_prior] == pytest.approx([used], rel=1e-5)


def test_the_likelihood_of_codes_is_exact_and_sums_to_one():
    codes = untrained()
    torch.manual_seed(1)
    model = MODELS["gated-pixelcnn"](
        MODELS["gated-pixelcnn"].Config(levels=5, channels=4, dilations=(1,), first_size=3),
        codes.space,
    )
    grids = torch.cartesian_prod(*[torch.arange(5)] * 4).view(-1, 1, 2, 2)
    model.requires_grad_(False)
    assert float(model.log_likelihood(grids).exp().sum()) == pytest.approx(1, abs=1e-4)
    test = data().test
    figures, notes = likelihood_figures(model, codes, test)
    wanted = -model.log_likelihood(codes.encode(test.images)).mean()
    assert figures[0].name == "NLL of codes, exact"
    assert figures[0].value == pytest.approx(float(wanted), rel=1e-5)
    assert figures[1].value == pytest.approx(float(wanted) / (4 * math.log(2)), rel=1e-5)
    assert len(figures) == 2
    assert "Of pixels the codes give no bound" in notes[0]


@pytest.mark.parametrize(
    ("likelihood", "binarize", "domain", "discrete"),
    [
        ("discretized-logistic", None, "8-bit pixels", True),
        ("continuous-bernoulli", None, "pixels, as a density", False),
        ("bernoulli", "threshold", "pixels binarized at 1/2", True),
        ("bernoulli", "dynamic", "dynamically binarized pixels", True),
    ],
)
def test_the_bound_on_pixels_is_below_the_sum_over_all_codes(
    likelihood, binarize, domain, discrete
):
    codes = untrained(likelihood, binarize)
    torch.manual_seed(1)
    model = MODELS["pixelcnn"](
        MODELS["pixelcnn"].Config(levels=5, channels=4, layers=1, first_size=3), codes.space
    )
    model.eval().requires_grad_(False)
    test = data().test
    figures, notes = likelihood_figures(model, codes, test, repeats=2, seed=3)
    named = {figure.name: figure for figure in figures}
    bound = named["NLL, bound by codes"]
    assert bound.domain.startswith(domain)
    assert ("NLL, bound by codes, bits" in named) == discrete
    assert notes == []
    grids = torch.cartesian_prod(*[torch.arange(5)] * 4).view(-1, 1, 2, 2)
    logs = model.log_likelihood(grids)
    encoding = torch.Generator().manual_seed(3)
    totals, terms = [], []
    for _ in range(2 if binarize == "dynamic" else 1):
        seen = codes.seen.encode(test.images, encoding)
        for image in seen[:, None]:
            joint = logs + codes.coder.log_prob(image.expand(len(grids), -1, -1, -1), grids)
            totals.append(float(joint.logsumexp(0)))
            (index,) = (grids == codes.coder.codes(image)).flatten(1).all(1).nonzero()
            terms.append(float(joint[index]))
    assert bound.value == pytest.approx(-sum(terms) / len(terms), rel=1e-4)
    assert bound.value >= -sum(totals) / len(totals) - 1e-3
