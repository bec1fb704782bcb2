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
    DataError,
    FeatureError,
    FilterError,
    FolderWarning,
    FrameError,
    FrameWarning,
    GaborkitError,
    ImageError,
    KernelError,
    LayerError,
    ModelError,
    PictureError,
    RepresentationError,
    SamplingWarning,
    StoreError,
    TrainingError,
)
from .gabor import GaborKernel
from .images import luminance, read_image, sample_names, write_image
from .kernel import TOLERANCE, Kernel
from .log_gabor import LogGaborKernel

__version__ = "0.1.0"

__all__ = [
    "TOLERANCE",
    "BankError",
    "DataError",
    "FeatureError",
    "FilterError",
    "FolderWarning",
    "FrameError",
    "FrameWarning",
    "GaborBank",
    "GaborFrame",
    "GaborKernel",
    "GaborkitError",
    "ImageError",
    "Kernel",
    "KernelError",
    "LayerError",
    "LogGaborKernel",
    "ModelError",
    "PictureError",
    "RepresentationError",
    "SamplingWarning",
    "StoreError",
    "TrainingError",
    "estimators",
    "features",
    "filter_dask",
    "filter_large",
    "generative",
    "large",
    "luminance",
    "nn",
    "plotting",
    "read_image",
    "sample_names",
    "vision",
    "write_image",
]

# Imported at first use, which keeps `import gaborkit` short; some import torch, Dask or matplotlib.
_LAZY = {
    "GaborFrame": ("frame", "GaborFrame"),
    "estimators": ("estimators", None),
    "features": ("features", None),
    "filter_dask": ("large.collections", "filter_dask"),
    "filter_large": ("large.filtering", "filter_large"),
    "generative": ("generative", None),
    "large": ("large", None),
    "nn": ("nn", None),
    "plotting": ("plotting", None),
    "vision": ("vision", None),
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        module, attribute = _LAZY[name]
        found = importlib.import_module(f".{module}", __name__)
        return getattr(found, attribute) if attribute else found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
