"""What tests of estimators share: a quick descriptor, and folders of textures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import gaborkit as gk
from gaborkit.features import Descriptor
from gaborkit.filtering.backend import library_of

CLASSES = {"across": (0, 0.25), "down": (0.25, 0), "fine": (0.3, 0.3)}


@dataclass(frozen=True)
class Moments(Descriptor):
    """Mean and mean square."""

    power: int = 2

    def names(self, shape):
        return "mean", f"power {self.power}"

    def values(self, planes):
        means = [planes.mean((-2, -1)), (planes**self.power).mean((-2, -1))]
        return library_of(planes).stack(means, means[0].ndim)


@dataclass(frozen=True)
class Rows(Descriptor):
    """Mean of each row: pictures of different heights have different features."""

    def names(self, shape):
        return tuple(f"row {k}" for k in range(shape[0]))

    def values(self, planes):
        return planes.mean(-1)


def grating(name: str, seed: int, side: int = 24) -> np.ndarray:
    """Of a class's frequencies, with noise, uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    fy, fx = CLASSES[name]
    wave = 128 + 60 * np.cos(2 * np.pi * (fx * x + fy * y) + rng.uniform(0, 6))
    return (wave + rng.normal(0, 25, x.shape)).clip(0, 255).astype(np.uint8)


def write_gratings(folder: Path, count: int = 5, classes=tuple(CLASSES)) -> None:
    """A folder for each class."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        for k in range(count):
            gk.write_image(folder / name / f"{k}.png", grating(name, k))
