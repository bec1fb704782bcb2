"""Runs that tests of commands share: trained in a few steps, of few weights."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from commands_for_tests import run

import gaborkit as gk

#: What stands for a trained model where the library does nothing.
TRAINED = SimpleNamespace(model=SimpleNamespace(takes_pictures=False))

#: Options that make a model small and its training short.
TINY = {
    "vae": ["--set", "hidden=[8]", "--set", "latent=2"],
    "ae": ["--set", "hidden=[8]", "--set", "latent=2"],
    "vq-vae": ["--set", "hidden=[4,4]", "--set", "latent=2", "--set", "codes=5"],
    "dcgan": ["--set", "latent=4", "--set", "width=2"],
    "gan": ["--set", "generator_hidden=[8]", "--set", "discriminator_hidden=[8]"],
    "lapgan": [
        *["--set", "generator_hidden=[4]", "--set", "discriminator_hidden=[4]"],
        *["--set", "bands=1", "--set", "width=2", "--set", "discriminator_width=2"],
        *["--set", "coarse_width=0"],
    ],
    "stackgan": [
        *["--set", "latent=3", "--set", "augmented=2", "--set", "compressed=2"],
        *["--set", "width=2", "--set", "blocks=1", "--set", "discriminator_width=2"],
    ],
    "srgan": [
        *["--set", "width=4", "--set", "blocks=1", "--set", "discriminator_width=2"],
        *["--set", "dense=4"],
    ],
    "pixelcnn": [
        *["--set", "channels=4", "--set", "layers=1", "--set", "first_size=3"],
        *["--set", "size=3", "--levels", "4"],
    ],
    "gated-pixelcnn": [
        *["--set", "channels=4", "--set", "dilations=[1]", "--set", "first_size=3"],
        *["--levels", "4"],
    ],
    "pixelrnn": [
        *["--set", "channels=2", "--set", "layers=1", "--set", "first_size=3", "--levels", "4"],
    ],
    "pixelsnail": [
        *["--set", "channels=4", "--set", "blocks=1", "--set", "first_size=3", "--levels", "4"],
        *["--set", "residuals=1", "--set", "key_width=2", "--set", "value_width=2"],
    ],
    "imagegpt": [
        *["--set", "channels=4", "--set", "layers=1", "--set", "heads=2", "--levels", "4"],
    ],
}


def train(model: str, folder: Path, *options: object) -> Path:
    """Train a tiny model for two steps; returns its run."""
    out = folder / model
    result = run(
        *["train", model, *TINY[model], "--limit", 40, "--steps", 2, "--batch-size", 8],
        *["--device", "cpu", "--out", out, *options],
    )
    assert result.exit_code == 0, result.output
    return out


def write_pictures(folder: Path, count: int = 12) -> Path:
    """Two classes of small colour pictures in a folder."""
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for k in range(count // 2):
            picture = rng.integers(0, 255, (12, 9, 3), np.uint8)
            gk.write_image(folder / name / f"{k}.png", picture)
    return folder
