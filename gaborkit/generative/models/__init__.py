"""Generative models by the names that commands use."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from .model import Model

_HOMES = {
    "pixelcnn": ("pixelcnn", "PixelCNN"),
    "gated-pixelcnn": ("gated_pixelcnn", "GatedPixelCNN"),
    "vae": ("vae", "VAE"),
    "ae": ("vae", "AE"),
    "gan": ("gan", "GAN"),
    "dcgan": ("dcgan", "DCGAN"),
}


class _Models(Mapping[str, type[Model]]):
    """Each class is imported when it is asked for."""

    def __getitem__(self, name: str) -> type[Model]:
        module, attribute = _HOMES[name]
        found = importlib.import_module(f".{module}", __name__)
        model: type[Model] = getattr(found, attribute)
        return model

    def __iter__(self) -> Iterator[str]:
        return iter(_HOMES)

    def __len__(self) -> int:
        return len(_HOMES)


MODELS: Mapping[str, type[Model]] = _Models()
