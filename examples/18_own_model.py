"""
A model of your own
===================

Trained and stored like those that come with gaborkit. Needs torch.

Run: ``python examples/18_own_model.py [FOLDER]``

In the shell the same, if this file were ``prototypes.py``::

    gaborkit --import prototypes train prototypes --out runs/prototypes
    gaborkit --import prototypes sample runs/prototypes --out digits.png
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

import gaborkit as gk
from gaborkit import generative


@dataclass(frozen=True)
class PrototypesConfig:
    """How many pictures there are to choose from."""

    count: int = 100


@generative.register
class Prototypes(generative.Model):
    """A mixture of Bernoulli distributions, each with a probability for every pixel."""

    name = "prototypes"
    Config = PrototypesConfig
    presets = {("small", "raw"): (PrototypesConfig(), {"steps": 600, "learning_rate": 0.05})}  # noqa: RUF012

    def __init__(self, config, space, classes=0):
        super().__init__(config, space, classes)
        self.weights = nn.Parameter(torch.zeros(config.count))  # logits
        self.pixels = nn.Parameter(0.5 * torch.randn(config.count, space.size) - 1)  # logits

    @classmethod
    def scaling(cls, config):
        return "unit"

    def forward(self, features, labels, generator, part):
        black, white = nn.functional.logsigmoid(-self.pixels), nn.functional.logsigmoid(self.pixels)
        values = features.flatten(1)  # (B, pixels)
        each = values @ white.T + (1 - values) @ black.T + self.weights.log_softmax(0)
        loss = -each.logsumexp(1).mean()
        return generative.Loss(loss, {"nats": loss.detach()})

    def sample(self, count, labels=None, generator=None, progress=None):
        chosen = self.weights.softmax(0).multinomial(count, True, generator=generator)
        return self.pixels[chosen].sigmoid().unflatten(1, self.space.shape)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")

    recipe = generative.Recipe("prototypes")
    with tempfile.TemporaryDirectory() as runs:
        generative.start(recipe, Path(runs) / "prototypes")
        model = generative.ImageModel.from_pretrained(Path(runs) / "prototypes")
    grid = generative.image_grid(model.sample(60, seed=1), columns=10, zoom=2)
    gk.write_image(folder / "own_model.png", grid)
