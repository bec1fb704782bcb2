"""What a model sees of an image: its pixels, or its Gabor coefficients, and the way back.

A representation is fitted to training images, saved with the model, and turns images in [0, 1] into
features scaled as the model asks: see :class:`~gaborkit.generative.space.Space`.

Examples
--------
>>> import torch
>>> from gaborkit.generative.representation import Gabor
>>> images = torch.rand(4, 1, 28, 28)
>>> Gabor((1, 28, 28)).fit(images).encode(images).shape
torch.Size([4, 18, 28, 28])
"""

from .base import VERSION, Representation
from .description import REPRESENTATIONS, representation_from_dict
from .gabor import Gabor, Parts
from .raw import Binarize, Raw

__all__ = [
    "REPRESENTATIONS",
    "VERSION",
    "Binarize",
    "Gabor",
    "Parts",
    "Raw",
    "Representation",
    "representation_from_dict",
]
