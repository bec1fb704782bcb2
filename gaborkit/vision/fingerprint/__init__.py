"""Fingerprint ridges: orientation and frequency fields, tuned Gabor filtering, binarisation.

The method of Hong, Wan and Jain (1998), a step a module; and prints to try it on.
"""

from __future__ import annotations

from .enhancement import FingerprintEnhancement, enhance_fingerprint, thin_ridges
from .frequency import RidgeFrequency, ridge_frequency
from .mask import ridge_mask
from .minutiae import Minutiae, draw_minutiae, find_minutiae
from .picture import normalize
from .ridge_orientation import RidgeOrientation, ridge_orientation
from .ridges import ridge_spacing
from .synthetic_prints import SyntheticFingerprint, degrade_fingerprint, synthetic_fingerprint
from .tuned_filter import TunedFilter, tuned_filter

__all__ = [
    "FingerprintEnhancement",
    "Minutiae",
    "RidgeFrequency",
    "RidgeOrientation",
    "SyntheticFingerprint",
    "TunedFilter",
    "degrade_fingerprint",
    "draw_minutiae",
    "enhance_fingerprint",
    "find_minutiae",
    "normalize",
    "ridge_frequency",
    "ridge_mask",
    "ridge_orientation",
    "ridge_spacing",
    "synthetic_fingerprint",
    "thin_ridges",
    "tuned_filter",
]
