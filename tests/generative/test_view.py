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
from gaborkit.generative.models.drawn import DrawnPlanes, DrawnVectors, LastLayer, last_layer
from gaborkit.generative.models.gan import GAN, GANConfig
from gaborkit.generative.models.model import Model
from gaborkit.generative.models.seen import FirstLayer, Magnitudes, Planes, first_layer
from gaborkit.generative.models.vae import AE, VAE, AEConfig, VAEConfig
from gaborkit.generative.representation import Gabor, Raw, representation_from_dict
from gaborkit.generative.view import View
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
    # At every pixel; at some the figures are not those of all.
    planes = Planes(gabor.space.view, shape, 1)(features)
    assert planes.shape == (40, shape[0] * 3 * len(BANK), 12, 16)
    torch.testing.assert_close(
        planes.mean((0, 2, 3)), torch.zeros(planes.shape[1]), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        planes.std((0, 2, 3)), torch.ones(planes.shape[1]), atol=1e-2, rtol=0
    )
    vectors = Magnitudes(gabor.space.view, shape)(features)
    assert vectors.shape == (40, shape[0] * 2 * (3 * 4 + 2 * 2))
    assert abs(vectors.mean()) < 0.1
    assert abs(vectors.std() - 1) < 0.1
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
        ("mean", [0.0], "1 means and 8 deviations do not fit the 8"),
        ("mean", [math.nan] * 8, "or are out of range"),
        ("deviation", [1.0] * 7 + [0.0], "or are out of range"),
    ):
        with pytest.raises(RepresentationError, match=message):
            representation_from_dict({**gabor.to_dict(), name: values})


def test_a_channel_that_never_varies():
    gabor = Gabor(SHAPE, **SMALL).fit(torch.ones(4, *SHAPE))
    for module in (Planes(gabor.space.view, SHAPE, 2), Magnitudes(gabor.space.view, SHAPE)):
        assert module(torch.ones(2, *SHAPE)).abs().max() < 1e-4


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


def measured(shape, **options):
    """A view with statistics that all differ, and its frame."""
    count = shape[0] * 14
    mean, deviation = torch.linspace(-1, 1, count), torch.linspace(0.5, 2, count)
    view = View(BANK, tuple(mean.tolist()), tuple(deviation.tolist()), **options)
    frame = GaborFrame2d(BANK, shape[1:], learnable=view.learnable)
    return view, frame, mean.view(shape[0], 14), deviation.view(shape[0], 14)


@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("shape", [SHAPE, (2, 11, 13)])
def test_what_planes_draw(shape, learnable):
    view, frame, _, deviation = measured(shape, learnable=learnable)
    layer = DrawnPlanes(view, shape, 2)
    height, width = -(-shape[1] // 2), -(-shape[2] // 2)
    planes = torch.randn(3, layer.size, height, width, generator=generator())
    pairs = planes.unflatten(1, (shape[0], 4, 2)) * (2 * deviation[:, :8].view(-1, 4, 2, 1, 1))
    full = torch.zeros(3, shape[0], 4, *shape[1:], dtype=torch.complex64)
    full[..., ::2, ::2] = torch.complex(pairs[:, :, :, 0], pairs[:, :, :, 1])
    torch.testing.assert_close(layer(planes), frame.draw(full), atol=1e-5, rtol=1e-5)
    fewer = torch.nn.functional.pad(planes[..., :-1, :-1], (0, 1, 0, 1))
    torch.testing.assert_close(layer(planes[..., :-1, :-1]), layer(fewer))


@pytest.mark.parametrize("shape", [SHAPE, (2, 11, 13)])
def test_what_vectors_draw(shape):
    view, frame, _, deviation = measured(shape)
    layer = DrawnVectors(view, shape)
    vectors = torch.randn(3, layer.size, generator=generator())
    wanted = torch.zeros(3, *shape)
    strides = [4, 4, 8, 8]
    for colour, values in enumerate(vectors.unflatten(1, (shape[0], -1)).unbind(1)):
        start = 0
        for k, stride in enumerate([*strides, 8]):
            grid = (-(-shape[1] // stride), -(-shape[2] // stride))
            parts = 2 if k < 4 else 1
            stop = start + parts * grid[0] * grid[1]
            part = values[:, start:stop].unflatten(1, (*grid, parts))
            part = stride * part * deviation[colour, 2 * k : 2 * k + parts]
            full = torch.zeros(3, 1, 1, *shape[1:], dtype=torch.complex64)
            imaginary = part[..., 1] if parts == 2 else torch.zeros(3, *grid)
            full[:, 0, 0, ::stride, ::stride] = torch.complex(part[..., 0], imaginary)
            wanted[:, colour] += frame.draw(full, 1, slice(k, k + 1))[:, 0]
            start = stop
        assert start == values.shape[1]
    torch.testing.assert_close(layer(vectors), wanted, atol=1e-4, rtol=1e-4)
    learned = DrawnVectors(measured(shape, learnable=True)[0], shape)
    torch.testing.assert_close(learned(vectors), wanted, atol=1e-2, rtol=1e-2)


def test_vectors_draw_no_pixel_by_itself():
    layer = DrawnVectors(View(BANK, (), ()), SHAPE)
    pixels = layer(torch.eye(layer.size))[:, 0]  # (n, H, W)
    # Of what is drawn, the part of the highest frequencies.
    power = torch.fft.fft2(pixels).abs().square().sum(0)
    assert power[6, 8] < 1e-3 * power.max()


@pytest.mark.parametrize("outputs", [1, 2])
def test_last_layers(outputs):
    view, *_ = measured(SHAPE)
    up = torch.nn.ConvTranspose2d(5, outputs, 4, 2, 1)
    linear = torch.nn.Linear(5, outputs * 192)
    for layer, values in (
        (up, torch.rand(3, 5, 6, 8, generator=generator())),
        (linear, torch.rand(3, 5, generator=generator())),
    ):
        last = last_layer(layer, view, SHAPE, outputs, gain=3.0)
        assert isinstance(last, LastLayer)
        with torch.no_grad():
            drawn = [last.drawn(part) for part in last.mixing(values).chunk(outputs, 1)]
            wanted = 3 * torch.cat(drawn, 1)
            if layer is up:
                wanted = wanted + up(values)
            else:
                last.bias += torch.rand(last.bias.shape, generator=generator())
                wanted = wanted + last.BIAS * last.bias
            torch.testing.assert_close(last(values), wanted, atol=1e-5, rtol=1e-5)
        assert last(values).shape == (3, outputs, 12, 16)


@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("shape", [SHAPE, (2, 11, 13)])
def test_what_is_seen(shape, learnable):
    view, frame, mean, deviation = measured(shape, learnable=learnable)
    pixels = images(shape=shape)
    responses = frame.respond(pixels)  # (B, C, K, H, W)
    magnitudes = (responses.abs().square() + 1e-6).sqrt()
    channels = torch.cat([frame(pixels).unflatten(1, (shape[0], -1)), magnitudes], 2)
    white = (channels - mean[..., None, None]) / deviation[..., None, None]
    order = [0, 2, 4, 6, 1, 3, 5, 7, 10, 11, 12, 13]
    planes = Planes(view, shape, 2)
    torch.testing.assert_close(
        planes(pixels), white[:, :, order, ::2, ::2].flatten(1, 2), atol=1e-5, rtol=1e-5
    )
    vectors = Magnitudes(view, shape)
    strides = [4, 4, 8, 8]
    wanted = [
        white[:, :, 10 + k, ::stride, ::stride].flatten(2) for k, stride in enumerate(strides)
    ]
    torch.testing.assert_close(
        vectors(pixels), torch.cat(wanted, 2).flatten(1), atol=1e-5, rtol=1e-5
    )
    for module in (planes, vectors):
        assert module(pixels).shape[1] == module.size


def test_strides_that_divide_the_sides_are_taken():
    bank = gk.GaborBank.grid(scales=1, orientations=1, wavelength=8)
    for side, wanted in ((28, 7), (32, 8), (27, 8), (30, 6)):
        assert Magnitudes(View(bank, (), ()), (1, side, side)).strides == [wanted]


@pytest.mark.parametrize(
    "layer", [torch.nn.Linear(192 + 3, 5), torch.nn.Conv2d(1 + 3, 5, 3, stride=2, padding=1)]
)
def test_a_first_layer_adds_what_it_makes_of_the_bands(layer):
    view = Gabor(SHAPE, bank=BANK).fit(images()).view
    assert first_layer(layer, None, SHAPE) is layer
    first = first_layer(layer, view, SHAPE)
    flat = isinstance(layer, torch.nn.Linear)
    pixels, extra = images(6), torch.rand(6, 3, 1, 1, generator=generator())
    if flat:
        values = torch.cat([pixels.flatten(1), extra.flatten(1)], 1)
    else:
        values = torch.cat([pixels, extra.expand(-1, -1, *SHAPE[1:])], 1)
    wanted = layer(values) + first.mixing(first.bands(pixels))
    torch.testing.assert_close(first(values), wanted)
    assert first.mixing(first.bands(pixels)).abs().max() > 0


def test_without_a_view_pixels_stay():
    linear = torch.nn.Linear(192, 2)
    assert last_layer(linear, None, SHAPE) is linear
    assert last_layer(linear, View(BANK, (), (), synthesis=False), SHAPE) is linear
    assert first_layer(linear, View(BANK, (), (), analysis=False), SHAPE) is linear
    assert isinstance(first_layer(linear, View(BANK, (), ()), SHAPE), FirstLayer)


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
