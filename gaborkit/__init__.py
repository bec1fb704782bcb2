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

from . import moved
from .lazy import attach

__version__ = "0.1.0"

moved.install()

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
        "GaborKernel": "kernels.gabor",
        "GaborkitError": "errors",
        "ImageError": "errors",
        "Kernel": "kernels.base",
        "KernelError": "errors",
        "LayerError": "errors",
        "LogGaborKernel": "kernels.log_gabor",
        "ModelError": "errors",
        "PictureError": "errors",
        "PixelSize": "io.spacing",
        "RepresentationError": "errors",
        "SamplingWarning": "errors",
        "StoreError": "errors",
        "TOLERANCE": "kernels.base",
        "TrainingError": "errors",
        "Volume": "io.volumes",
        "clear_caches": "caches",
        "estimators": "estimators",
        "features": "features",
        "filter_dask": "large.collections",
        "filter_large": "large.tiled_filtering",
        "generative": "generative",
        "large": "large",
        "luminance": "io.images",
        "nn": "nn",
        "plotting": "plotting",
        "radiomics": "radiomics",
        "read_image": "io.images",
        "read_spacing": "io.spacing",
        "read_volume": "io.volumes",
        "resample": "io.resampling",
        "sample_names": "io.images",
        "vision": "vision",
        "volumes": "volumes",
        "write_image": "io.images",
        "write_volume": "io.volumes",
    },
)
