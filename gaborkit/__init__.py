"""gaborkit: Gabor kernels, filter banks and invertible frames for images.

Examples
--------
>>> import numpy as np
>>> import gaborkit as gk
>>> bank = gk.GaborBank.grid(scales=3, orientations=8)
>>> responses = bank.filter(np.zeros((64, 64), np.float32))
>>> responses.shape, responses.dtype
((24, 64, 64), dtype('complex64'))
"""

from __future__ import annotations

import importlib
from typing import Any

from .bank import GaborBank
from .errors import (
    BankError,
    FilterError,
    FrameError,
    FrameWarning,
    GaborkitError,
    ImageError,
    KernelError,
    PictureError,
    SamplingWarning,
)
from .gabor import GaborKernel
from .images import luminance, read_image, sample_names, write_image
from .kernel import TOLERANCE, Kernel
from .log_gabor import LogGaborKernel

__version__ = "0.1.0"

__all__ = [
    "TOLERANCE",
    "BankError",
    "FilterError",
    "FrameError",
    "FrameWarning",
    "GaborBank",
    "GaborKernel",
    "GaborkitError",
    "ImageError",
    "Kernel",
    "KernelError",
    "LogGaborKernel",
    "PictureError",
    "SamplingWarning",
    "luminance",
    "plotting",
    "read_image",
    "sample_names",
    "write_image",
]

# Subpackages that import matplotlib or torch are themselves imported at first use.
_LAZY = ("frame", "plotting")


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
