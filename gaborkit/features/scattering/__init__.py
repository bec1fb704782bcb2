"""Scattering transforms: wavelet, modulus, wavelet, modulus, average."""

from __future__ import annotations

from .scattering import Scattering

__all__ = ["Scattering"]
