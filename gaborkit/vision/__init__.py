"""Recipes: textures, edges, orientation, fingerprints and defects, each named after its source."""

from __future__ import annotations

from .comparison import compare_pictures
from .edges import Crests, Edges, crests, find_edges
from .fingerprint import FingerprintEnhancement, enhance_fingerprint
from .mosaics import mosaic
from .segmentation import JAIN_FARROKHNIA, Segmentation, segment_textures
from .texture_maps import dyadic_bank, texture_maps

__all__ = [
    "JAIN_FARROKHNIA",
    "Crests",
    "Edges",
    "FingerprintEnhancement",
    "Segmentation",
    "compare_pictures",
    "crests",
    "dyadic_bank",
    "enhance_fingerprint",
    "find_edges",
    "mosaic",
    "segment_textures",
    "texture_maps",
]
