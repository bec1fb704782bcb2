"""Pixels that networks see, and draw, through a Gabor frame."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch

import gaborkit as gk
from gaborkit.errors import ModelError, RepresentationError
from gaborkit.generative import metrics, store
from gaborkit.generative.image_model import ImageModel
from gaborkit.generative.models import MODELS
from gaborkit.generative.models.context import CausalContext
from gaborkit.generative.models.dcgan import DCGAN, DCGANConfig
from gaborkit.generative.models.gan import GAN, GANConfig
from gaborkit.generative.models.model import Model
from gaborkit.generative.models.vae import AE, VAE, AEConfig, VAEConfig
from gaborkit.generative.representation import Gabor, Raw, representation_from_dict
from gaborkit.generative.view import AsItIs, Drawn, Seen, View, drawn, seen
from gaborkit.nn import GaborFrame2d

SHAPE = (1, 12, 16)
BANK = gk.GaborBank.grid(scales=2, orientations=2, wavelength=4)
SMALL = {"scales": 1, "orientations": 2}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count=40, shape=SHAPE):
    noise = torch.rand(count, *shape, generator=generator())
    return torch.nn.functional.avg_pool2d(noise, 3, 1, 1)


# ---- the representation ----


@pytest.mark.parametrize("scaling", ["unit", "symmetric", "white"])
@pytest.mark.parametrize("shape", [SHAPE, (3, 12, 16)])
def test_features_are_pixels_and_what_is_seen_is_white(scaling, shape):
    gabor = Gabor(shape, scaling, bank=BANK).fit(images(shape=shape))
    raw = Raw(shape, scaling).fit(images(shape=shape))
    features = gabor.encode(images(shape=shape))
    assert torch.equal(features, raw.encode(images(shape=shape)))
    torch.testing.assert_close(gabor.decode(features), images(shape=shape), rtol=0, atol=1e-6)
    channels = Seen(gabor.space.view, shape)(features)
    assert channels.shape == (40, shape[0] * 10, 12, 16)
    torch.testing.assert_close(
        channels.mean((0, 2, 3)), torch.zeros(shape[0] * 10), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        channels.std((0, 2, 3)), torch.ones(shape[0] * 10), atol=1e-2, rtol=0
    )
    assert dataclasses.replace(gabor.space, view=None) == raw.space


@pytest.mark.parametrize(
    "options", [{}, {"synthesis": True, "analysis": False}, {"learnable": True}]
)
def test_descriptions(options):
    gabor = Gabor(SHAPE, **SMALL, **options).fit(images())
    again = representation_from_dict(json.loads(json.dumps(gabor.to_dict())))
    assert again.space == gabor.space
    assert again.to_dict() == gabor.to_dict()
    for name, values, message in (
        ("mean", [0.0], "1 means and 6 deviations do not fit the 6"),
        ("mean", [math.nan] * 6, "or are out of range"),
        ("deviation", [1.0] * 5 + [0.0], "or are out of range"),
    ):
        with pytest.raises(RepresentationError, match=message):
            representation_from_dict({**gabor.to_dict(), name: values})


def test_a_channel_that_never_varies():
    gabor = Gabor(SHAPE, **SMALL).fit(torch.ones(4, *SHAPE))
    assert Seen(gabor.space.view, SHAPE)(torch.ones(2, *SHAPE)).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"analysis": False}, "leave the frame nothing to do; use raw features"),
        ({"synthesis": 1}, "synthesis=1 is neither True nor False"),
        ({"scales": 0}, "Gabor features: scales=0"),
        ({"scaling": "levels", "levels": 4, "synthesis": True}, "a PixelCNN neither draws"),
        ({"scaling": "levels", "levels": 4, "learnable": True}, "nor learns its kernels"),
    ],
)
def test_what_does_not_fit(options, message):
    with pytest.raises(RepresentationError, match=message):
        Gabor(SHAPE, **options)


def test_likelihoods_are_of_pixels():
    domains = [
        metrics.likelihood_domain(kind(SHAPE, "levels", 8).fit(images())) for kind in (Raw, Gabor)
    ]
    assert domains[0] == domains[1]


# ---- what networks see and draw ----


def test_what_is_drawn():
    view = View(BANK, (0.0,) * 10, tuple(range(1, 11)))
    layer = Drawn(view, SHAPE, outputs=2)
    channels = torch.randn(3, *layer.shape, generator=generator())
    frame = GaborFrame2d(BANK, SHAPE[1:])
    scaled = channels * torch.arange(1.0, 11).repeat(2)[:, None, None]
    torch.testing.assert_close(layer(channels), frame.synthesize(scaled))
    assert layer(channels).shape == (3, 2, 12, 16)


def test_the_coarse_view_keeps_pixels_of_each_band():
    view = View(BANK, (0.0,) * 10, (1.0,) * 10)
    full, coarse = Seen(view, SHAPE), Seen(view, SHAPE, coarse=True)
    channels, vectors = full(images()), coarse(images())
    steps = [2] * 4 + [4] * 4 + [4, 1]
    wanted = [channels[:, k, ::step, ::step].flatten(1) for k, step in enumerate(steps)]
    assert torch.equal(vectors[:, :, 0, 0], torch.cat(wanted, 1))
    assert coarse.shape == (vectors.shape[1], 1, 1)
    assert vectors.shape[1] == 4 * 48 + 4 * 12 + 12 + 192


def test_without_a_view_pixels_stay():
    for layer in (seen(None, SHAPE), drawn(None, SHAPE, 2), drawn(View(BANK, (), ()), SHAPE)):
        wanted = isinstance(layer, Drawn)
        assert isinstance(layer, AsItIs) != wanted
    assert drawn(None, SHAPE, 2).shape == (2, 12, 16)


NETWORKS = {
    "vae, mlp": (VAE, VAEConfig(hidden=(8,), latent=3)),
    "vae, conv": (VAE, VAEConfig(network="conv", hidden=(4,), latent=3)),
    "ae": (AE, AEConfig(hidden=(8,), latent=3)),
    "vae, logistic": (VAE, VAEConfig(hidden=(8,), latent=3, likelihood="discretized-logistic")),
    "gan": (GAN, GANConfig(latent=3, generator_hidden=(8, 8), discriminator_hidden=(8,))),
    "gan, wgan-gp": (
        GAN,
        GANConfig(latent=3, generator_hidden=(8, 8), discriminator_hidden=(8,), loss="wgan-gp"),
    ),
    "dcgan": (DCGAN, DCGANConfig(latent=3, width=2)),
}
VIEWS = {
    "seen": {},
    "drawn": {"analysis": False, "synthesis": True},
    "both": {"synthesis": True},
    "learned": {"synthesis": True, "learnable": True},
}


@pytest.mark.parametrize("options", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize(("kind", "config"), NETWORKS.values(), ids=NETWORKS)
def test_networks_train_draw_and_are_stored(kind, config, options, tmp_path):
    gabor = Gabor(SHAPE, kind.scaling(config), bank=BANK, **options).fit(images())
    torch.manual_seed(0)
    model = kind(config, gabor.space, 3)
    labels = torch.arange(8) % 3
    for step, part in enumerate(model.parts):
        loss = model(gabor.encode(images(8)), labels, generator(step), part)
        loss.total.backward()
        parameters = [p for p in model.parts[part].parameters() if p.requires_grad]
        assert any(bool(p.grad.abs().sum() > 0) for p in parameters if p.grad is not None)
    if options.get("learnable"):
        learned = [p for name, p in model.named_parameters() if "kernels.raw_theta" in name]
        assert learned
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in learned)
    stored = ImageModel(model.eval(), gabor)
    stored.save_pretrained(tmp_path / "model")
    again = ImageModel.from_pretrained(tmp_path / "model", "cpu")
    assert again.model.space.view == gabor.view
    assert torch.equal(again.sample(4, classes=1, seed=3), stored.sample(4, classes=1, seed=3))
    assert again.sample(4).shape == (4, *SHAPE)
    assert store.read_representation(tmp_path / "model").name == "gabor"


def test_a_model_that_knows_of_no_view_is_refused():
    class Blind(Model):
        name = "blind"
        Config = VAEConfig

        scaling = VAE.scaling
        forward = VAE.forward
        sample = VAE.sample

    space = Gabor(SHAPE, **SMALL).fit(images()).space
    with pytest.raises(ModelError, match="blind does not look through a Gabor frame; train it"):
        Blind(VAEConfig(), space)
    assert all(kind.has_view for kind in MODELS.values())


# ---- the context of PixelCNNs ----


@pytest.mark.parametrize("shape", [(1, 9, 11), (2, 7, 6)])
def test_the_context_is_causal_and_dc_free(shape):
    context = CausalContext(View(BANK, (), ()), shape)
    values = torch.rand(1, *shape, generator=generator(), dtype=torch.float32) * 2 - 1
    channels = context(values)
    assert channels.shape == (1, context.channels, *shape[1:])
    jacobian = torch.autograd.functional.jacobian(lambda x: context(x)[0].sum(0), values)
    order = torch.arange(shape[1] * shape[2]).view(*shape[1:])
    seen_from = jacobian.abs().sum((2, 3)) > 0  # (H, W, H, W) of outputs by inputs
    later = order[None, None] >= order[:, :, None, None]
    assert not (seen_from & later).any()
    assert seen_from[-1, -1].any()
    for convolve in context.convolutions:
        sums = convolve.weight.view(shape[0], -1, shape[0], convolve.weight.shape[-1]).sum(-1)
        assert sums.abs().max() < 1e-5
        assert not convolve.weight.requires_grad


def test_the_context_answers_to_gratings_of_its_kernels():
    bank = gk.GaborBank.grid(scales=1, orientations=2, wavelength=6)
    context = CausalContext(View(bank, (), ()), (1, 40, 40))
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    for theta, line in enumerate((x, y)):
        grating = torch.cos(2 * torch.pi * line / 6)[None, None]
        magnitudes = context(grating)[0, -2:, 20:, 20:].mean((1, 2))
        assert int(magnitudes.argmax()) == theta
        assert magnitudes.max() > 4 * magnitudes.min()
