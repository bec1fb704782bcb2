"""A small VQ-VAE, what it sees, and its codes."""

from __future__ import annotations

import torch

from gaborkit.generative import Dataset
from gaborkit.generative.image_codes import Codes
from gaborkit.generative.models.vq_vae import VQVAE, VQVAEConfig
from gaborkit.generative.representation import Raw

CODER = {"hidden": [4, 4], "latent": 2, "codes": 5, "blocks": 0}
PRIOR = {"channels": 4, "dilations": [1], "first_size": 3}
SHORT = {"steps": 6, "batch_size": 8, "checkpoint_every": 2}


def pictures(count=40, side=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 1, side, side), dtype=torch.uint8, generator=generator)


def data(count=40, side=8, seed=0):
    labels = [0, 1] * (count // 2)
    return Dataset.from_arrays(pictures(count, side, seed)[:, 0].numpy(), labels, name="noise")


def untrained(likelihood="bernoulli", binarize=None, **config):
    """Codes of a vq-vae as it starts, whose codes differ."""
    torch.manual_seed(0)
    quick = {"hidden": (4, 4), "decay": 0.5, "restart": 0.3}
    config = VQVAEConfig(**CODER | quick | config, likelihood=likelihood)
    raw = Raw((1, 8, 8), VQVAE.scaling(config), binarize=binarize).fit(pictures())
    model = VQVAE(config, raw.space)
    for step in range(20):
        generator = torch.Generator().manual_seed(step)
        model(raw.encode(pictures(), generator), None, generator)
    return Codes(model, raw)
