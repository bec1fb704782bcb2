"""What the package offers, for type checkers; the names are imported at first use."""

from . import estimators, features, generative, large, nn, plotting, radiomics, vision, volumes
from .bank import GaborBank
from .caches import clear_caches
from .errors import (
    AngleWarning,
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
from .frame import GaborFrame
from .io.images import luminance, read_image, sample_names, write_image
from .io.resampling import resample
from .io.spacing import PixelSize, read_spacing
from .io.volumes import Volume, read_volume, write_volume
from .kernels.base import TOLERANCE, Kernel
from .kernels.gabor import GaborKernel
from .kernels.log_gabor import LogGaborKernel
from .large.collections import filter_dask
from .large.tiled_filtering import filter_large

__all__ = [
    "TOLERANCE",
    "AngleWarning",
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
    "PixelSize",
    "RepresentationError",
    "SamplingWarning",
    "StoreError",
    "TrainingError",
    "Volume",
    "clear_caches",
    "estimators",
    "features",
    "filter_dask",
    "filter_large",
    "generative",
    "large",
    "luminance",
    "nn",
    "plotting",
    "radiomics",
    "read_image",
    "read_spacing",
    "read_volume",
    "resample",
    "sample_names",
    "vision",
    "volumes",
    "write_image",
    "write_volume",
]

__version__: str
