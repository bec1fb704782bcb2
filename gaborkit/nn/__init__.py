"""Gabor layers for torch networks.

Examples
--------
>>> import torch
>>> import gaborkit as gk
>>> layer = gk.nn.GaborConv2d(1, 16, 11, padding="same", part="magnitude")
>>> optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
>>> layer(torch.rand(2, 1, 28, 28)).mean().backward()
>>> optimizer.step()
>>> len(layer.bank())  # what it has learned, as kernels
16
"""

from __future__ import annotations

from ..lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "GaborBank2d": "bank",
        "GaborBank3d": "volume",
        "GaborConv2d": "convolution",
        "GaborConv3d": "convolution3d",
        "GaborFrame2d": "frame",
        "GaborKernels": "kernels",
        "GaborTransform": "transforms",  # which alone needs torchvision
        "Scattering2d": "scattering",
        "V1": "v1",
        "initial_bank": "initial",
    },
)
