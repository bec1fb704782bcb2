"""Scattering transforms: wavelet, modulus, wavelet, modulus, average."""

from __future__ import annotations

from .descriptor import ScatteringDescriptor
from .normalization import logarithms, normalized
from .scattering import Path, Scattering

__all__ = ["Path", "Scattering", "ScatteringDescriptor", "logarithms", "normalized"]
