"""Recipes, each named after its source: textures, edges, fingerprints, vessels, defects."""

from __future__ import annotations

from .cells import Cells, cell_responses
from .comparison import compare_pictures
from .defects import Defect, Defects, find_defects
from .displacement import Displacement, optical_flow, stereo_disparity
from .edges import Crests, Edges, crests, find_edges
from .error_rates import area_under_roc, equal_error_rate
from .fingerprint import FingerprintEnhancement, enhance_fingerprint
from .iris_boundaries import IrisBoundaries, draw_iris, eye_code, find_iris
from .mosaics import mosaic
from .palm_region import PalmRegion, palm_region
from .palmprint import (
    CompetitiveCode,
    PalmComparison,
    angular_distance,
    competitive_code,
    palm_bank,
    synthetic_palm,
)
from .pixel_tiles import predict_large
from .retrieval import Match, TextureIndex, retrieval_rate
from .scribble_model import Painted, ScribbleModel
from .scribbles import fit_scribbles, segment_scribbles
from .segmentation import JAIN_FARROKHNIA, Segmentation, segment_textures
from .stimuli import gabor_stimulus, pixels_per_degree
from .synthetic_eyes import SyntheticEye, synthetic_eye
from .synthetic_hands import SyntheticHand, synthetic_hand
from .synthetic_vessels import SyntheticVessels, synthetic_vessels
from .texture_maps import dyadic_bank, texture_maps
from .vessel_model import VesselModel, fit_vessels
from .vessels import (
    Vessels,
    field_of_view,
    find_vessels,
    vessel_bank,
    vessel_responses,
    widest_vessel,
)

__all__ = [
    "JAIN_FARROKHNIA",
    "Cells",
    "CompetitiveCode",
    "Crests",
    "Defect",
    "Defects",
    "Displacement",
    "Edges",
    "FingerprintEnhancement",
    "IrisBoundaries",
    "Match",
    "Painted",
    "PalmComparison",
    "PalmRegion",
    "ScribbleModel",
    "Segmentation",
    "SyntheticEye",
    "SyntheticHand",
    "SyntheticVessels",
    "TextureIndex",
    "VesselModel",
    "Vessels",
    "angular_distance",
    "area_under_roc",
    "cell_responses",
    "compare_pictures",
    "competitive_code",
    "crests",
    "draw_iris",
    "dyadic_bank",
    "enhance_fingerprint",
    "equal_error_rate",
    "eye_code",
    "field_of_view",
    "find_defects",
    "find_edges",
    "find_iris",
    "find_vessels",
    "fit_scribbles",
    "fit_vessels",
    "gabor_stimulus",
    "mosaic",
    "optical_flow",
    "palm_bank",
    "palm_region",
    "pixels_per_degree",
    "predict_large",
    "retrieval_rate",
    "segment_scribbles",
    "segment_textures",
    "stereo_disparity",
    "synthetic_eye",
    "synthetic_hand",
    "synthetic_palm",
    "synthetic_vessels",
    "texture_maps",
    "vessel_bank",
    "vessel_responses",
    "widest_vessel",
]
