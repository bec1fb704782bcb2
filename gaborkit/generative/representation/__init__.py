"""What a model is of: pixels, pixels that are seen through a Gabor frame, or its coefficients.

A representation is fitted to training images, saved with the model, and turns images in [0, 1] into
features scaled as the model asks: see :class:`~gaborkit.generative.space.Space`.

Examples
--------
>>> import torch
>>> from gaborkit.generative.representation import Coefficients
>>> images = torch.rand(4, 1, 28, 28)
>>> Coefficients((1, 28, 28)).fit(images).encode(images).shape
torch.Size([4, 18, 28, 28])
"""

from .base import VERSION, Representation
from .coefficients import Coefficients, Parts
from .description import REPRESENTATIONS, representation_from_dict
from .raw import Binarize, Raw
from .viewed import Gabor

__all__ = [
    "REPRESENTATIONS",
    "VERSION",
    "Binarize",
    "Coefficients",
    "Gabor",
    "Parts",
    "Raw",
    "Representation",
    "representation_from_dict",
]
