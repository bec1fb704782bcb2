"""What pictures are described by: responses turned into named values and maps."""

from __future__ import annotations

from .descriptor import Descriptor
from .energy import Energy, local_energy, smoothed
from .gist import Gist
from .grid import Grid, channel_names, grid_of
from .invariant import Invariant, Spectrum
from .local import LocalFrequency, local_features, local_frequency
from .orientation import Orientation, local_orientation
from .pooling import pool
from .registry import DESCRIPTORS, descriptor
from .table import Features, concatenate
from .texture import Texture, texture_distances

__all__ = [
    "DESCRIPTORS",
    "Descriptor",
    "Energy",
    "Features",
    "Gist",
    "Grid",
    "Invariant",
    "LocalFrequency",
    "Orientation",
    "Spectrum",
    "Texture",
    "channel_names",
    "concatenate",
    "descriptor",
    "grid_of",
    "local_energy",
    "local_features",
    "local_frequency",
    "local_orientation",
    "pool",
    "smoothed",
    "texture_distances",
]
