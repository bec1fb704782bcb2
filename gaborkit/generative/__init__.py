"""Models that draw images: VAE, GAN, PixelCNN, ImageGPT; networks may see through a Gabor frame.

::

    data -> representation -> models, sampling -> training -> image_model, store -> evaluation

Examples
--------
>>> from gaborkit import generative
>>> digits = generative.load_dataset("mini")
>>> gabor = generative.Gabor((1, 28, 28)).fit(digits.train.images)
>>> gabor.encode(digits.test.images[:2]).shape  # pixels still
torch.Size([2, 1, 28, 28])
>>> coefficients = generative.Coefficients((1, 28, 28)).fit(digits.train.images)
>>> coefficients.encode(digits.test.images[:2]).shape
torch.Size([2, 18, 28, 28])
"""

from __future__ import annotations

from ..lazy import attach

# Imported at first use, so that drawing samples loads no training loop.
__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Coefficients": "representation",
        "Dataset": "data",
        "Gabor": "representation",
        "ImageModel": "image_model",
        "Interrupted": "training.session",
        "Loss": "models.model",
        "MODELS": "models",
        "Model": "models.model",
        "Raw": "representation",
        "Recipe": "training.session",
        "Space": "space",
        "Split": "data",
        "Training": "training.settings",
        "evaluate": "evaluation",
        "features_of": "probing",
        "image_grid": "montage",
        "load_dataset": "data",
        "push_to_hub": "hub",
        "register": "models",
        "resume": "training.session",
        "start": "training.session",
    },
)
