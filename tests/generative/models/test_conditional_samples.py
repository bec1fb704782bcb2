"""Draws of one class differ, and draws of two classes differ by class: of every model."""

from __future__ import annotations

import pytest
import torch

from gaborkit.generative.models import MODELS
from gaborkit.generative.space import Space

CLASSES = 3
ADAM = {"lr": 3e-3, "betas": (0.5, 0.999)}

#: Configuration, steps and settings of Adam, by name.
TINY = {
    "gan": ({"generator_hidden": (24, 24), "discriminator_hidden": (24,)}, 700, ADAM),
    "lapgan": (
        {"bands": 1, "generator_hidden": (24, 24), "discriminator_hidden": (24,), "width": 6},
        1400,
        ADAM,
    ),
    "stackgan": (
        {
            **{"latent": 16, "augmented": 4, "compressed": 8},
            **{"width": 12, "blocks": 1, "discriminator_width": 12},
        },
        1600,
        ADAM,
    ),
    "dcgan": ({"latent": 32, "width": 6}, 500, ADAM),
    "vae": ({"hidden": (24,), "latent": 4}, 600, {"lr": 5e-3}),
    "ae": ({"hidden": (24,), "latent": 4}, 600, {"lr": 5e-3}),
    "vq-vae": ({"hidden": (16,), "latent": 4, "codes": 8}, 200, {"lr": 1e-2}),
    "pixelcnn": (
        {"channels": 12, "layers": 2, "first_size": 3, "size": 3, "levels": 2},
        200,
        {"lr": 1e-2},
    ),
    "imagegpt": ({"channels": 32, "layers": 2, "heads": 2, "levels": 2}, 200, {"lr": 1e-2}),
    "pixelrnn": (
        {"channels": 8, "layers": 1, "first_size": 3, "levels": 2},
        200,
        {"lr": 1e-2},
    ),
    "pixelsnail": (
        {"channels": 24, "blocks": 1, "residuals": 1, "first_size": 3, "levels": 2, "dropout": 0.0},
        1200,
        {"lr": 4e-3},
    ),
    "gated-pixelcnn": (
        {"channels": 8, "dilations": (1, 2), "first_size": 3, "size": 3, "levels": 2},
        200,
        {"lr": 1e-2},
    ),
}


def blocks(count, seed):
    """Pictures (N, 1, 8, 8) of one block, whose column is its class and whose row is random."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    rows = torch.randint(6, (count,), generator=generator)
    images = torch.zeros(count, 1, 8, 8)
    for image, label, row in zip(images, labels.tolist(), rows.tolist(), strict=True):
        image[0, row : row + 3, 3 * label : 3 * label + 2] = 1
    return images, labels


def trained(name, images, labels):
    """A conditional model of these pictures, and how its features become pixels."""
    config, steps, adam = TINY[name]
    torch.manual_seed(0)
    kind = MODELS[name]
    config = kind.Config(**config)
    scaling = kind.scaling(config)
    space = Space(1, 8, 8, scaling, levels=2 if scaling == "levels" else 0)
    model = kind(config, space, CLASSES).train()
    features = {"levels": images.long(), "symmetric": 2 * images - 1}.get(scaling, images)
    optimizers = {part: torch.optim.Adam(m.parameters(), **adam) for part, m in model.parts.items()}
    generator = torch.Generator().manual_seed(0)
    for step in range(steps):
        chosen = torch.randint(len(images), (32,), generator=generator)
        part = model.turn(step)
        model.zero_grad()
        model(features[chosen], labels[chosen], generator, part).total.backward()
        optimizers[part].step()
    return model.eval(), lambda drawn: (drawn.float() + 1) / 2 if scaling == "symmetric" else drawn


def spread(images, labels):
    """Variance of the pixels within each class, summed over pixels."""
    return torch.stack([images[labels == c].flatten(1).var(0).sum() for c in range(CLASSES)])


def test_guidance_draws_the_class_that_was_asked_for(monkeypatch):
    name = "gated-pixelcnn"
    images, labels = blocks(500, 1)
    # Two of five labels are drawn anew.
    generator = torch.Generator().manual_seed(3)
    mixed = torch.randint(CLASSES, labels.shape, generator=generator)
    mixed = torch.where(torch.rand(labels.shape, generator=generator) < 0.4, mixed, labels)
    config, steps, adam = TINY[name]
    monkeypatch.setitem(TINY, name, ({**config, "class_dropout": 0.2}, steps, adam))
    model, _ = trained(name, images, mixed)
    asked = torch.arange(CLASSES).repeat_interleave(60)
    shares = []
    for guidance in (1.0, 3.0):
        drawn = model.sample(
            *(len(asked), asked, torch.Generator().manual_seed(2)), guidance=guidance
        )
        nearest = torch.cdist(drawn.float().flatten(1), images.flatten(1)).argmin(1)
        shares.append((labels[nearest] == asked).double().mean().item())
    assert shares[0] < 0.8 < 0.9 < shares[1]


def test_every_model_is_tried():
    # SRGAN draws the picture that it is given, whatever the class.
    assert set(TINY) == {name for name, kind in MODELS.items() if not kind.takes_pictures}


@pytest.mark.parametrize("name", list(TINY))
def test_draws_differ_within_a_class_and_by_class(name):
    images, labels = blocks(500, 1)
    model, pixels = trained(name, images, labels)
    asked = torch.arange(CLASSES).repeat_interleave(60)
    drawn = pixels(model.sample(len(asked), asked, torch.Generator().manual_seed(2))).float()
    nearest = torch.cdist(drawn.flatten(1), images.flatten(1)).argmin(1)
    assert (labels[nearest] == asked).float().mean() >= 0.75
    # A model that has collapsed is near 0; how far a GAN goes differs with the number of threads.
    assert (spread(drawn, asked) >= 0.15 * spread(images, labels)).all()
