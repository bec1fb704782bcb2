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

from .lazy import attach

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AngleWarning": "errors",
        "BankError": "errors",
        "DataError": "errors",
        "FeatureError": "errors",
        "FilterError": "errors",
        "FolderWarning": "errors",
        "FrameError": "errors",
        "FrameWarning": "errors",
        "GaborBank": "bank",
        "GaborFrame": "frame",
        "GaborKernel": "gabor",
        "GaborkitError": "errors",
        "ImageError": "errors",
        "Kernel": "kernel",
        "KernelError": "errors",
        "LayerError": "errors",
        "LogGaborKernel": "log_gabor",
        "ModelError": "errors",
        "PictureError": "errors",
        "RepresentationError": "errors",
        "SamplingWarning": "errors",
        "StoreError": "errors",
        "TOLERANCE": "kernel",
        "TrainingError": "errors",
        "estimators": "estimators",
        "features": "features",
        "filter_dask": "large.collections",
        "filter_large": "large.filtering",
        "generative": "generative",
        "large": "large",
        "luminance": "images",
        "nn": "nn",
        "plotting": "plotting",
        "read_image": "images",
        "sample_names": "images",
        "vision": "vision",
        "write_image": "images",
    },
)
