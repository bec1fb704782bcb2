"""VQ-VAE: its codebook against its definition, its loss, gradients, bound and own prior."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from gaborkit.errors import ModelError
from gaborkit.generative.models.codebook import Codebook, perplexity
from gaborkit.generative.models.vq_vae import VQVAE, VQVAEConfig
from gaborkit.generative.space import Space

TINY = {"hidden": (8, 8), "latent": 3, "codes": 12}
SHAPE = (1, 10, 14)


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def make(classes=0, shape=SHAPE, **fields):
    torch.manual_seed(0)
    config = VQVAEConfig(**(TINY | fields))
    return VQVAE(config, Space(*shape, VQVAE.scaling(config)), classes)


def pictures(count=16, shape=SHAPE, seed=0):
    return torch.rand(count, *shape, generator=seeded(seed))


# ---- the codebook ----


def test_codes_are_those_of_the_nearest_vectors():
    codebook = Codebook(20, width=3)
    codebook.vectors.copy_(torch.randn(20, 3, generator=seeded()))
    latents = torch.randn(4, 3, 5, 6, generator=seeded(1))
    distances = (latents[:, None] - codebook.vectors[None, :, :, None, None]).square().sum(2)
    codes = codebook.nearest(latents)
    assert torch.equal(codes, distances.argmin(1))
    vectors = codebook(codes).movedim(1, -1).flatten(0, 2)
    for code, vector in zip(codes.flatten(), vectors, strict=True):
        assert torch.equal(vector, codebook.vectors[code])


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_vectors_are_moving_averages_of_their_latents(decay):
    codebook = Codebook(6, width=2, decay=decay, restart=0.0)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(6, 2)).astype(np.float32)
    codebook.vectors.copy_(torch.from_numpy(vectors))
    codebook.sums.copy_(codebook.vectors)
    counts, sums = np.ones(6), vectors.astype(np.float64)
    for step in range(4):
        latents = torch.randn(3, 2, 4, 4, generator=seeded(step))
        codes = codebook.nearest(latents)
        codebook.follow(latents, codes, seeded())
        flat = latents.movedim(1, -1).reshape(-1, 2).double().numpy()
        for k in range(6):
            mine = flat[codes.flatten().numpy() == k]
            counts[k] = decay * counts[k] + (1 - decay) * len(mine)
            sums[k] = decay * sums[k] + (1 - decay) * mine.sum(0)
        alive = counts > 0
        np.testing.assert_allclose(
            codebook.vectors.numpy()[alive], (sums / counts[:, None])[alive], atol=1e-5
        )


def test_a_codebook_on_fixed_latents_is_k_means():
    """Without memory a step is one of Lloyd's: each vector becomes the mean of its latents."""
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    chosen = torch.randint(3, (200,), generator=seeded())
    points = centres[chosen] + torch.randn(200, 2, generator=seeded(1)) * 0.1
    latents = points.t()[None, :, :, None]
    codebook = Codebook(3, width=2, decay=0.0)
    for step in range(10):
        codebook.follow(latents, codebook.nearest(latents), seeded(step))
    means = torch.stack([points[chosen == k].mean(0) for k in range(3)])
    assert torch.cdist(means, codebook.vectors).min(1).values.max() < 1e-5


@pytest.mark.parametrize(("restart", "alive"), [(0.0, 1), (0.1, 20)])
def test_dead_vectors_start_again_from_latents(restart, alive):
    codebook = Codebook(20, width=2, decay=0.5, restart=restart)
    codebook.vectors[1:] += 100  # nothing is near
    codebook.sums.copy_(codebook.vectors)
    latents = torch.randn(40, 2, 3, 3, generator=seeded())
    for step in range(30):
        codebook.follow(latents, codebook.nearest(latents), seeded(step))
    used = len(codebook.nearest(latents).unique())
    assert used == alive if not restart else used > 15
    assert codebook.vectors.isfinite().all()


def test_restarts_are_those_of_the_generator():
    books = []
    for seed in (0, 0, 1):
        torch.manual_seed(0)
        book = Codebook(50, width=2, decay=0.5)
        latents = torch.randn(2, 2, 3, 3, generator=seeded())
        for step in range(20):
            book.follow(latents, book.nearest(latents), seeded(100 * seed + step))
        books.append(book.vectors)
    assert torch.equal(books[0], books[1])
    assert not torch.equal(books[0], books[2])


@pytest.mark.parametrize("count", [1, 3, 16])
def test_perplexity_of_codes_that_are_as_frequent_is_their_number(count):
    codes = torch.arange(count).repeat(5).view(5, 1, count)
    assert float(perplexity(codes, 16)) == pytest.approx(count)


# ---- the model ----


def test_the_loss_is_reconstruction_and_commitment():
    model, features = make(commitment=0.7).eval(), pictures()
    loss = model(features, None, seeded())
    latents = model.encoder(features)
    codes = model.codebook.nearest(latents)
    vectors = model.codebook.vectors[codes].movedim(-1, 1)
    logits = model.decoder(vectors)
    entropy = functional.binary_cross_entropy_with_logits(logits, features, reduction="none")
    commitment = (latents - vectors).square().flatten(1).sum(1).mean()
    torch.testing.assert_close(loss.figures["commitment"], commitment)
    torch.testing.assert_close(loss.total, entropy.flatten(1).sum(1).mean() + 0.7 * commitment)
    assert float(loss.figures["perplexity"]) == pytest.approx(float(perplexity(codes, 12)))


def test_gradients_pass_from_vectors_to_latents_as_if_they_were_one():
    model, features = make(commitment=0.0), pictures()
    latents = model.encoder(features).detach().requires_grad_()
    vectors = model.codebook(model.codebook.nearest(latents)).requires_grad_()
    (wanted,) = torch.autograd.grad(
        -model.likelihood.log_prob(model.decoder(vectors), features).mean(), vectors
    )
    seen = []
    model.encoder.register_forward_hook(lambda module, _, output: seen.append(output))
    seen_loss = model(features, None, seeded()).total
    (gradient,) = torch.autograd.grad(seen_loss, seen[0])
    torch.testing.assert_close(gradient, wanted)


def test_only_training_moves_the_codebook():
    model, features = make(), pictures()
    before = {name: tensor.clone() for name, tensor in model.named_buffers()}
    model.eval()(features, None, seeded())
    for name, tensor in model.named_buffers():
        assert torch.equal(tensor, before[name]), name
    model.train()(features, None, seeded())
    for name in ("codebook.vectors", "codebook.counts", "usage"):
        assert not torch.equal(model.get_buffer(name), before[name]), name
    assert not any(name.startswith("codebook") for name, _ in model.named_parameters())


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 9, 13), (1, 8, 8)])
@pytest.mark.parametrize("halvings", [1, 2, 3])
def test_grids_of_codes_of_every_size(shape, halvings):
    model = make(shape=shape, hidden=(4,) * halvings).eval()
    codes = model.codes(pictures(2, shape))
    sides = [math.ceil(side / 2**halvings) for side in shape[1:]]
    assert codes.shape == (2, *model.code_space.shape) == (2, 1, *sides)
    assert (model.code_space.levels, model.code_space.ordinal) == (12, False)
    assert model.decode(codes).shape == (2, *shape)
    assert torch.equal(model.reconstruct(pictures(2, shape)), model.decode(codes))


@pytest.mark.parametrize("classes", [0, 3])
def test_the_own_prior_is_the_frequency_of_codes_at_each_location(classes):
    model = make(classes, decay=0.5).train()
    features = pictures(40)
    labels = torch.arange(40) % 3 if classes else None
    codes = model.codes(features)[:, 0]
    model(features, labels, seeded())
    for group in range(max(classes, 1)):
        mine = codes if labels is None else codes[labels == group]
        counts = functional.one_hot(mine, 12).sum(0) + 1 / 12
        wanted = counts / counts.sum(-1, keepdim=True)
        prior = model._prior(torch.tensor([group]) if classes else None, 1)
        torch.testing.assert_close(prior[0], wanted)


def test_samples_follow_the_own_prior():
    model = make(2).train()
    with torch.no_grad():
        model.usage.copy_(torch.rand(model.usage.shape, generator=seeded()) * 40)
    drawn = []
    decode = model.decode
    model.decode = lambda codes: drawn.append(codes) or decode(codes)
    model.eval().sample(4000, torch.arange(4000) % 2, seeded(3))
    codes = torch.cat(drawn)[:, 0]
    for label in range(2):
        shares = functional.one_hot(codes[label::2], 12).float().mean(0)
        assert (shares - model._prior(torch.tensor([label]), 1)[0]).abs().max() < 0.05


def test_the_bound_is_below_the_likelihood_summed_over_all_codes():
    """Of 3 codes at 4 locations all 81 grids."""
    features = (pictures(6, (1, 4, 4)) * 255).round() / 255
    model = make(shape=(1, 4, 4), hidden=(8,), codes=3, likelihood="discretized-logistic").train()
    for step in range(3):
        model(features, None, seeded(step))
    model.eval()
    grids = torch.cartesian_prod(*[torch.arange(3)] * 4).view(81, 1, 2, 2)
    prior = model._prior(None, 1)[0].log()
    logs = prior.expand(81, -1, -1, -1).gather(-1, grids[:, 0, :, :, None]).sum((1, 2, 3))
    assert float(logs.exp().sum()) == pytest.approx(1, abs=1e-4)
    joint = torch.stack(
        [model.log_prob(image.expand(81, 1, 4, 4), grids) + logs for image in features[:, None]]
    )
    exact, bound = joint.logsumexp(1), model.elbo(features, None)
    assert (bound <= exact + 1e-3).all()
    # It is one of the terms: that of the image's own codes.
    assert ((joint - bound[:, None]).abs().min(1).values < 1e-3).all()


# ---- refusals ----


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"codes": 1}, "codes=1 is out of range; give 2 to 65,536"),
        ({"codes": 10**6}, "codes=1000000 is out of range"),
        ({"commitment": -1.0}, "commitment=-1.0 is out of range; give 0 or more"),
        ({"commitment": math.nan}, "commitment=nan is out of range"),
        ({"decay": 1.0}, r"decay=1.0 is out of range; give \[0, 1\)"),
        ({"restart": -0.1}, r"restart=-0.1 is out of range; give \[0, 1\)"),
        ({"network": "mlp"}, "network='mlp' leaves no grid of codes"),
        ({"hidden": ()}, r"hidden=\(\) leaves"),
        ({"latent": 0}, "latent=0"),
    ],
)
def test_configurations_out_of_range(fields, message):
    with pytest.raises(ModelError, match=message):
        VQVAEConfig(**fields)


@pytest.mark.parametrize("call", ["forward", "elbo", "reconstruct"])
def test_labels_that_do_not_fit(call):
    plain, conditional = make(), make(3)
    generator = () if call == "reconstruct" else (seeded(),)
    with pytest.raises(ModelError, match="trained without classes"):
        getattr(plain, call)(pictures(2), torch.tensor([0, 1]), *generator)
    with pytest.raises(ModelError, match="is conditional"):
        getattr(conditional, call)(pictures(2), None, *generator)
    with pytest.raises(ModelError, match="class 3 is not one of 0 to 2"):
        getattr(conditional, call)(pictures(2), torch.tensor([0, 3]), *generator)
