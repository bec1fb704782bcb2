"""What the package offers, for type checkers; the names are imported at first use."""

from ..scattering import Scattering, ScatteringDescriptor
from .bank_grid import Grid, channel_names, grid_of
from .base import Descriptor
from .codes import (
    Comparison,
    PhaseCode,
    decidability,
    hamming_distance,
    normalized_distance,
    phase_code,
)
from .congruency import PhaseCongruency, phase_congruency
from .descriptors import DESCRIPTORS, descriptor
from .energy import Energy, local_energy, smoothed
from .extraction import Extracted, extract_features
from .file_features import Described, describe_file, describe_files
from .gist import Gist
from .invariant import Invariant, Spectrum
from .iris import UnwrappedIris, iris_bank, iris_code, unwrap_iris
from .jet import jets
from .jet_similarity import jet_displacement, magnitude_similarity, phase_similarity
from .local import LocalFrequency, local_features, local_frequency
from .monogenic_signal import Monogenic, PhaseSymmetry, monogenic, phase_symmetry
from .orientation import Orientation, local_orientation
from .pooling import pool
from .table import Features, concatenate
from .table_files import Table, read_table, write_table
from .texture import Texture, texture_distances

__all__ = [
    "DESCRIPTORS",
    "Comparison",
    "Described",
    "Descriptor",
    "Energy",
    "Extracted",
    "Features",
    "Gist",
    "Grid",
    "Invariant",
    "LocalFrequency",
    "Monogenic",
    "Orientation",
    "PhaseCode",
    "PhaseCongruency",
    "PhaseSymmetry",
    "Scattering",
    "ScatteringDescriptor",
    "Spectrum",
    "Table",
    "Texture",
    "UnwrappedIris",
    "channel_names",
    "concatenate",
    "decidability",
    "describe_file",
    "describe_files",
    "descriptor",
    "extract_features",
    "grid_of",
    "hamming_distance",
    "iris_bank",
    "iris_code",
    "jet_displacement",
    "jets",
    "local_energy",
    "local_features",
    "local_frequency",
    "local_orientation",
    "magnitude_similarity",
    "monogenic",
    "normalized_distance",
    "phase_code",
    "phase_congruency",
    "phase_similarity",
    "phase_symmetry",
    "pool",
    "read_table",
    "smoothed",
    "texture_distances",
    "unwrap_iris",
    "write_table",
]
