"""Scattering transforms: wavelet, modulus, wavelet, modulus, average."""

from __future__ import annotations

from .descriptor import ScatteringDescriptor
from .normalization import logarithms, normalized
from .paths import Path
from .scattering import Scattering

__all__ = ["Path", "Scattering", "ScatteringDescriptor", "logarithms", "normalized"]
