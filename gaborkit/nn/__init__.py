"""Gabor layers for torch networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .bank import GaborBank2d
from .convolution import GaborConv2d
from .initial import initial_bank
from .kernels import GaborKernels
from .scattering import Scattering2d

if TYPE_CHECKING:
    from .transforms import GaborTransform

__all__ = [
    "GaborBank2d",
    "GaborConv2d",
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
