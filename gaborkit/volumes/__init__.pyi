"""What the package offers, for type checkers; the names are imported at first use."""

from .kernel import GaborKernel3D, directions
from .motion import motion_energy, motion_kernels
from .volume_filter import filter_volume

__all__ = [
    "GaborKernel3D",
    "directions",
    "filter_volume",
    "motion_energy",
    "motion_kernels",
]
