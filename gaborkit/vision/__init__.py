"""Recipes: textures, edges, orientation, fingerprints and defects, each named after its source."""

from __future__ import annotations

from .edges import Crests, Edges, crests, find_edges
from .fingerprint import FingerprintEnhancement, enhance_fingerprint

__all__ = [
    "Crests",
    "Edges",
    "FingerprintEnhancement",
    "crests",
    "enhance_fingerprint",
    "find_edges",
]
