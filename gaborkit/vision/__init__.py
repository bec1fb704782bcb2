"""Recipes: textures, edges, orientation, fingerprints and defects, each named after its source."""

from __future__ import annotations

from .comparison import compare_pictures
from .defects import Defects, find_defects
from .edges import Crests, Edges, crests, find_edges
from .fingerprint import FingerprintEnhancement, enhance_fingerprint
from .mosaics import mosaic
from .retrieval import Match, TextureIndex, retrieval_rate
from .scribbles import Painted, ScribbleModel, fit_scribbles, segment_scribbles
from .segmentation import JAIN_FARROKHNIA, Segmentation, segment_textures
from .texture_maps import dyadic_bank, texture_maps

__all__ = [
    "JAIN_FARROKHNIA",
    "Crests",
    "Defects",
    "Edges",
    "FingerprintEnhancement",
    "Match",
    "Painted",
    "ScribbleModel",
    "Segmentation",
    "TextureIndex",
    "compare_pictures",
    "crests",
    "dyadic_bank",
    "enhance_fingerprint",
    "find_defects",
    "find_edges",
    "fit_scribbles",
    "mosaic",
    "retrieval_rate",
    "segment_scribbles",
    "segment_textures",
    "texture_maps",
]
