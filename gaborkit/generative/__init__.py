"""Models that draw images: VAE, GAN and PixelCNN, of pixels or of Gabor coefficients.

::

    data -> representation -> models, sampling -> training -> image_model, store -> evaluation

Examples
--------
>>> from gaborkit import generative
>>> digits = generative.load_dataset("mini")
>>> gabor = generative.Gabor((1, 28, 28)).fit(digits.train.images)
>>> gabor.encode(digits.test.images[:2]).shape
torch.Size([2, 18, 28, 28])
"""

from __future__ import annotations

import importlib
from typing import Any

# Where each name lives; imported at first use, so that drawing samples loads no training loop.
_HOMES = {
    "Dataset": "data",
    "Gabor": "representation",
    "ImageModel": "image_model",
    "Interrupted": "training.session",
    "Loss": "models.model",
    "MODELS": "models",
    "Model": "models",
    "Raw": "representation",
    "Recipe": "training.session",
    "Space": "space",
    "Split": "data",
    "Training": "training.settings",
    "evaluate": "evaluation",
    "image_grid": "grid",
    "load_dataset": "data",
    "register": "models",
    "resume": "training.session",
    "start": "training.session",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
