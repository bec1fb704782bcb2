"""Recipes, each named after its source: textures, edges, fingerprints, vessels, defects."""

from __future__ import annotations

from .comparison import compare_pictures
from .defects import Defects, find_defects
from .edges import Crests, Edges, crests, find_edges
from .fingerprint import FingerprintEnhancement, enhance_fingerprint
from .mosaics import mosaic
from .retrieval import Match, TextureIndex, retrieval_rate
from .scribbles import Painted, ScribbleModel, fit_scribbles, segment_scribbles
from .segmentation import JAIN_FARROKHNIA, Segmentation, segment_textures
from .synthetic_vessels import SyntheticVessels, synthetic_vessels
from .texture_maps import dyadic_bank, texture_maps
from .vessel_model import VesselModel, fit_vessels
from .vessels import Vessels, field_of_view, find_vessels, vessel_responses

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
    "SyntheticVessels",
    "TextureIndex",
    "VesselModel",
    "Vessels",
    "compare_pictures",
    "crests",
    "dyadic_bank",
    "enhance_fingerprint",
    "field_of_view",
    "find_defects",
    "find_edges",
    "find_vessels",
    "fit_scribbles",
    "fit_vessels",
    "mosaic",
    "retrieval_rate",
    "segment_scribbles",
    "segment_textures",
    "synthetic_vessels",
    "texture_maps",
    "vessel_responses",
]
