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

from typing import TYPE_CHECKING, Any

from .bank import GaborBank2d
from .convolution import GaborConv2d
from .frame import GaborFrame2d
from .initial import initial_bank
from .kernels import GaborKernels
from .scattering import Scattering2d

if TYPE_CHECKING:
    from .transforms import GaborTransform

__all__ = [
    "GaborBank2d",
    "GaborConv2d",
    "GaborFrame2d",
    "GaborKernels",
    "GaborTransform",
    "Scattering2d",
    "initial_bank",
]


def __getattr__(name: str) -> Any:
    if name == "GaborTransform":  # layers do without torchvision
        from .transforms import GaborTransform

        return GaborTransform
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
