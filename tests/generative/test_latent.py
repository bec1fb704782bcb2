"""Interpolation, traversal and plots of latents, on a model whose way there and back is exact."""

from __future__ import annotations

import os
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
import torch
from torch import nn

from gaborkit.errors import ModelError
from gaborkit.generative.latent import (
    images_of,
    interpolate,
    latents_of,
    principal_plane,
    traverse,
)
from gaborkit.generative.latent_plots import plot_latent, plot_manifold
from gaborkit.generative.models.vae import AE, VAE, AEConfig, VAEConfig
from gaborkit.generative.montage import SEPARATOR
from gaborkit.generative.representation import Coefficients, Raw


def trained(latent=4, classes=0, kind=VAE, representation=None):
    """An image of 2 x 2 pixels has 4 latents: its pixels. With classes the class is added."""
    shape = (1, 2, 2)
    representation = representation or Raw(shape, "white")
    representation.fit(torch.zeros(2, *representation.image_shape))  # no gain, no offset
    config = VAEConfig if kind is VAE else AEConfig
    torch.manual_seed(0)
    space = representation.space
    model = kind(config(hidden=(), latent=latent, likelihood="gaussian"), space, classes)
    if space.size == 4:
        encoder, decoder = model.encoder.layers[0], model.decoder.layers[0]
        with torch.no_grad():
            for layer in (encoder, decoder):
                layer.weight.zero_()
                layer.bias.zero_()
            encoder.weight[:latent, :4] = torch.eye(latent, 4)
            decoder.weight[:, :latent] = torch.eye(4, latent)
            decoder.weight[:, latent:] = 0.1 * torch.arange(classes)
    return SimpleNamespace(model=model, representation=representation)


A = torch.tensor([0.1, 0.2, 0.3, 0.4]).view(1, 2, 2)
B = torch.tensor([0.5, 0.2, 0.7, 0.0]).view(1, 2, 2)


def test_there_and_back():
    images = torch.rand(300, 1, 2, 2)
    latents = latents_of(trained(), images)
    assert torch.equal(latents, images.flatten(1))
    assert torch.allclose(images_of(trained(), latents), images)
    bytes_ = (images * 255).round().byte()
    assert torch.allclose(latents_of(trained(), bytes_), bytes_.flatten(1) / 255)


def test_looking_leaves_the_mode_of_the_model():
    model = trained()
    for training in (True, False):
        model.model.train(training)
        images_of(model, latents_of(model, A[None]))
        assert model.model.training == training


def test_binarization_is_drawn_alike_each_time():
    model = trained(representation=Raw((1, 2, 2), "white", binarize="dynamic"))
    images = torch.full((50, 1, 2, 2), 0.5)
    assert torch.equal(latents_of(model, images), latents_of(model, images))


def test_a_line_between_two_pictures():
    found = interpolate(trained(), A, B, 5)
    shares = torch.linspace(0, 1, 5).view(5, 1, 1, 1)
    assert torch.allclose(found, A + shares * (B - A), atol=1e-6)
    assert interpolate(trained(), (A * 255).byte(), B, 2).shape == (2, 1, 2, 2)


def test_a_great_circle_between_two_pictures():
    a, b = (torch.tensor(values).view(1, 2, 2) for values in ([0.8, 0, 0, 0], [0, 0.4, 0, 0]))
    found = interpolate(trained(), a, b, 7, spherical=True).flatten(1)
    assert torch.allclose(found.norm(dim=1), torch.linspace(0.8, 0.4, 7), atol=1e-6)
    angles = torch.atan2(found[:, 1], found[:, 0])
    assert torch.allclose(angles, torch.linspace(0, torch.pi / 2, 7), atol=1e-6)


@pytest.mark.parametrize("other", [torch.zeros(1, 2, 2), A, 2 * A])
def test_great_circles_that_are_lines(other):
    assert torch.allclose(
        interpolate(trained(), A, other, 5, spherical=True),
        interpolate(trained(), A, other, 5),
        atol=1e-6,
    )


def test_classes_change_half_way():
    found = interpolate(trained(classes=4), A, A, 4, classes=(1, 3))
    added = (found - A).mean((1, 2, 3))
    assert torch.allclose(added, torch.tensor([0.1, 0.1, 0.3, 0.3]), atol=1e-6)


def test_a_traversal_changes_one_dimension():
    found = traverse(trained(), A, [2, 0], span=0.5, steps=5)
    assert found.shape == (2, 5, 1, 2, 2)
    for row, k in zip(found.flatten(2), (2, 0), strict=True):
        assert torch.allclose(row[:, k], torch.linspace(-0.5, 0.5, 5).clamp(min=0))
        others = [i for i in range(4) if i != k]
        assert torch.allclose(row[:, others], A.flatten()[others].expand(5, 3))
    assert traverse(trained(), A).shape == (4, 9, 1, 2, 2)
    labelled = traverse(trained(classes=3), A, [0], label=2)
    assert torch.allclose(labelled[0, :, 0, 1, 1], torch.tensor(0.6).expand(9))


def test_a_traversal_of_an_autoencoder_spans_its_own_latents():
    model = trained(kind=AE)
    model.model.latent_mean.fill_(0.5)
    model.model.latent_covariance.copy_(0.01 * torch.eye(4))
    row = traverse(model, A, [1], span=2, steps=3).flatten(2)[0, :, 1]
    assert torch.allclose(row, torch.tensor([0.3, 0.5, 0.7]))


def test_gabor_features_come_back_as_pictures():
    model = trained(
        latent=3, representation=Coefficients((1, 16, 16), "white", scales=1, orientations=2)
    )
    images = torch.rand(2, 1, 16, 16)
    found = interpolate(model, *images, 3)
    assert found.shape == (3, 1, 16, 16)
    assert 0 <= found.min() <= found.max() <= 1


def test_the_principal_plane_keeps_the_most_variance():
    torch.manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(5, 5))
    latents = torch.randn(400, 5) * torch.tensor([5.0, 3, 1, 1, 1]) @ turn.T + 7
    plane, share = principal_plane(latents)
    values = torch.linalg.eigvalsh(latents.T.cov()).flip(0)
    assert torch.allclose(plane.T.cov(), values[:2].diag(), atol=1e-3)
    assert share == pytest.approx(float(values[:2].sum() / values.sum()), abs=1e-5)
    assert torch.allclose(plane.mean(0), torch.zeros(2), atol=1e-5)
    # Signs do not hang on those of the decomposition.
    again, _ = principal_plane(latents.flip(0))
    assert torch.allclose(again.flip(0), plane, atol=1e-4)
    assert principal_plane(torch.ones(4, 3))[1] == 1


def points_of(figure):
    return np.concatenate([dots.get_offsets() for dots in figure.axes[0].collections])


def test_two_latents_are_plotted_themselves():
    images, before = torch.rand(20, 1, 2, 2), dict(matplotlib.rcParams)
    plot = plot_latent(trained(latent=2), images)
    assert np.allclose(points_of(plot), images.flatten(1)[:, :2])
    assert plot.axes[0].get_xlabel() == "latent 0"
    assert dict(matplotlib.rcParams) == before


def test_more_latents_are_reduced_and_named_by_class():
    images, labels = torch.rand(30, 1, 2, 2), torch.arange(30) % 3
    plot = plot_latent(trained(), images, labels, ["shirt", "shoe", "bag"])
    plane, share = principal_plane(images.flatten(1))
    wanted = torch.cat([plane[labels == k] for k in range(3)])
    assert np.allclose(points_of(plot), wanted, atol=1e-5)
    assert f"{share:.0%} of the variance" in plot.axes[0].get_title()
    assert [text.get_text() for text in plot.axes[0].texts] == ["shirt", "shoe", "bag"]
    plot = plot_latent(trained(classes=3), images, labels)
    assert [text.get_text() for text in plot.axes[0].texts] == ["0", "1", "2"]
    plot.savefig(os.devnull, format="png", dpi=40)


@pytest.mark.parametrize("kind", [VAE, AE])
def test_the_manifold_is_a_square_of_quantiles(kind):
    plot = plot_manifold(trained(latent=2, kind=kind), rows=4)
    pixels = plot.axes[0].images[0].get_array()
    assert pixels.shape == (8, 8)
    assert (pixels != SEPARATOR).all()
    quantiles = torch.distributions.Normal(0.0, 1.0).icdf((torch.arange(4) + 0.5) / 4)
    wanted = (quantiles.clamp(0, 1) * 255).round().numpy()
    # The first latent is the first pixel and grows to the right, the second grows upwards.
    assert np.array_equal(pixels[::2, ::2], np.tile(wanted, (4, 1)))
    assert np.array_equal(pixels[::2, 1::2], np.tile(wanted[::-1, None], (1, 4)))
    labelled = plot_manifold(trained(latent=2, classes=3), rows=1, label=2)
    assert (labelled.axes[0].images[0].get_array() == 51).all()


class Other(nn.Module):
    name = "gan"


def test_models_without_latents():
    other = SimpleNamespace(model=Other(), representation=None)
    for look in (
        lambda: interpolate(other, A, B),
        lambda: traverse(other, A),
        lambda: plot_latent(other, A[None]),
        lambda: plot_manifold(other),
        lambda: images_of(other, torch.zeros(1, 4)),
    ):
        with pytest.raises(ModelError, match="a gan has no latents of a picture; train a vae"):
            look()


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda: interpolate(trained(), A, B, 1), "steps=1 leaves no way between"),
        (lambda: interpolate(trained(classes=3), A, B), "is conditional: say which"),
        (lambda: traverse(trained(), A, [0, 4]), r"dimensions=\[0, 4\] are not all among 0 to 3"),
        (lambda: traverse(trained(), A, []), r"dimensions=\[\] .* or there are none"),
        (lambda: traverse(trained(), A, steps=1), "steps=1, span=3.0: give 2 steps or more"),
        (lambda: traverse(trained(), A, span=0), "span=0: .* a positive span"),
        (lambda: traverse(trained(), A, span=float("nan")), "a positive span"),
        (lambda: latents_of(trained(), A[None], torch.zeros(2)), "2 labels for 1 images"),
        (lambda: plot_latent(trained(), A[None]), "1 image in 4 latent dimensions make no plot"),
        (lambda: plot_latent(trained(latent=1), A.expand(5, 1, 2, 2)), "in 1 latent dimension "),
        (lambda: plot_manifold(trained()), "of 2 latent dimensions, not 4; train with latent=2"),
        (lambda: plot_manifold(trained(latent=2), rows=0), "rows=0 shows nothing"),
    ],
)
def test_what_cannot_be_looked_at(look, message):
    with pytest.raises(ModelError, match=message):
        look()
