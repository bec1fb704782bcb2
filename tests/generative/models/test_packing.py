"""Images that a discriminator judges together: what it sees, labels, frames, batches that fit."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from gaborkit.errors import ModelError, TrainingError
from gaborkit.generative import Gabor, Recipe, load_dataset, start
from gaborkit.generative.models.dcgan import DCGAN, DCGANConfig
from gaborkit.generative.models.gan import GAN, GANConfig
from gaborkit.generative.models.gan_losses import GAN_LOSSES
from gaborkit.generative.models.scoring import Scorer, pack, packed_space
from gaborkit.generative.models.seen import Magnitudes, Planes
from gaborkit.generative.space import Space

SPACE = Space(2, 9, 10, "symmetric")
SMALL = {
    "gan": (GAN, GANConfig(latent=4, generator_hidden=(8,), discriminator_hidden=(8, 7))),
    "dcgan": (DCGAN, DCGANConfig(latent=4, width=3)),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def packed(name, packing, classes=0, space=SPACE, **options):
    model, config = SMALL[name]
    torch.manual_seed(0)
    return model(dataclasses.replace(config, packing=packing, **options), space, classes)


def batch(count=6):
    return torch.randn(count, *SPACE.shape, generator=generator(5)).tanh()


@pytest.mark.parametrize("packing", [1, 2, 3])
@pytest.mark.parametrize("name", SMALL)
def test_the_discriminator_sees_whole_packs(name, packing):
    network, images = packed(name, packing, discriminator_norm="none"), batch()
    loss = network(images, None, generator(), "discriminator").total
    noise = torch.randn(6, 4, generator=generator())
    fakes = network.generator(noise, None)
    scores = []
    for features in (images, fakes):
        groups = [torch.cat(list(features[k : k + packing]))[None] for k in range(0, 6, packing)]
        scores.append(network.discriminator(torch.cat(groups), None))
        assert scores[-1].shape == (6 // packing,)
    wanted = GAN_LOSSES["non-saturating"].discriminator(*scores)
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)


@pytest.mark.parametrize("loss", GAN_LOSSES)
@pytest.mark.parametrize("name", SMALL)
def test_every_loss_reaches_its_part_from_packs(name, loss):
    network = packed(name, 3, classes=3, loss=loss, instance_noise=0.1)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    for part, module in network.parts.items():
        network(batch(), labels, generator(), part).total.backward()
        assert all(weight.grad.isfinite().all() for weight in module.parameters())
        network.zero_grad()
    assert network.sample(4, labels[:4], generator()).shape == (4, *SPACE.shape)


def test_packs_are_told_the_class_of_each_image():
    scorer = Scorer(5, 3, "none", packing=2)
    hidden, labels = torch.randn(2, 5, generator=generator()), torch.tensor([2, 0, 1, 2])
    vectors = scorer.projection.weight.view(2, 3, 5)
    wanted = torch.stack(
        [
            scorer.score(hidden)[k, 0]
            + hidden[k] @ (vectors[0, labels[2 * k]] + vectors[1, labels[2 * k + 1]])
            for k in range(2)
        ]
    )
    assert torch.allclose(scorer(hidden, labels), wanted, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_a_frame_shows_each_image_of_a_pack_as_it_shows_one(name):
    pictures = torch.rand(8, 3, 12, 12, generator=generator())
    gabor = Gabor((3, 12, 12), "symmetric", scales=1, orientations=2).fit(pictures)
    alone, both = gabor.space, packed_space(gabor.space, 2)
    assert both.channels == 6
    pixels = gabor.encode(pictures)
    for kind in (Planes, Magnitudes):
        rest = (2,) if kind is Planes else ()
        seen = kind(alone.view, alone.shape, *rest)(pixels)
        together = kind(both.view, both.shape, *rest)(pack(pixels, 2))
        # Parts of each colour in turn, and images one after the other.
        wanted = pack(seen, 2) if kind is Planes else seen.unflatten(0, (-1, 2)).flatten(1)
        assert torch.allclose(together, wanted, atol=1e-4)
    network = packed(name, 2, space=gabor.space)
    assert network(pixels, None, generator(), "discriminator").total.isfinite()


def test_packing_of_one_is_the_network_without():
    torch.manual_seed(0)
    model, config = SMALL["gan"]
    shapes = {key: value.shape for key, value in model(config, SPACE).state_dict().items()}
    wider = {key: value.shape for key, value in packed("gan", 2).state_dict().items()}
    assert {key for key in shapes if shapes[key] != wider[key]} == {"discriminator.layers.1.weight"}
    assert isinstance(packed("gan", 2).discriminator.layers[1], nn.Linear)


@pytest.mark.parametrize(
    ("packing", "count", "message"),
    [
        (1, 1, "batch of 1 image has no statistics for batch normalisation; give 2 or more"),
        (2, 3, "batch of 3 images has no statistics .* with packing=2; give 4 or more"),
        (4, 10, "batch of 10 images makes no whole packs with packing=4; give 8 or 12"),
    ],
)
def test_batches_that_do_not_fit(packing, count, message):
    with pytest.raises(ModelError, match=message):
        packed("gan", packing)(batch(count), None, generator(), "generator")


def test_a_run_with_a_batch_that_does_not_fit_is_refused(tmp_path):
    recipe = Recipe("gan", config={"packing": 2}, training={"batch_size": 7, "steps": 1})
    with pytest.raises(TrainingError, match=r"batch_size=7: a batch of 7 .* give 6 or 8"):
        start(recipe, tmp_path / "run", dataset=load_dataset("mini", limit=20), device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("packing", [0, -1])
def test_packing_is_a_count(packing):
    with pytest.raises(ModelError, match=f"packing={packing} is no count"):
        GANConfig(packing=packing)
