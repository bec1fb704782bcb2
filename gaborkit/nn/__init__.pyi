"""What the package offers, for type checkers; the names are imported at first use."""

from .bank import GaborBank2d
from .convolution import GaborConv2d
from .convolution3d import GaborConv3d
from .frame import GaborFrame2d
from .initial import initial_bank
from .kernels import GaborKernels
from .scattering import Scattering2d
from .transforms import GaborTransform
from .v1 import V1
from .volume import GaborBank3d

__all__ = [
    "V1",
    "GaborBank2d",
    "GaborBank3d",
    "GaborConv2d",
    "GaborConv3d",
    "GaborFrame2d",
    "GaborKernels",
    "GaborTransform",
    "Scattering2d",
    "initial_bank",
]
