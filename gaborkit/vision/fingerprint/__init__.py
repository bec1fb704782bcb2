"""Fingerprint ridges: orientation and frequency fields, tuned Gabor filtering, binarisation.

The method of Hong, Wan and Jain (1998), a step a module; and prints to try it on.
"""

from __future__ import annotations

from .enhancement import FingerprintEnhancement, enhance_fingerprint, thin_ridges
from .frequency import RidgeFrequency, ridge_frequency
from .mask import ridge_mask
from .picture import normalize
from .ridge_orientation import RidgeOrientation, ridge_orientation
from .spacing import ridge_spacing
from .synthetic_prints import SyntheticFingerprint, degrade_fingerprint, synthetic_fingerprint
from .tuned_filter import TunedFilter, tuned_filter

__all__ = [
    "FingerprintEnhancement",
    "RidgeFrequency",
    "RidgeOrientation",
    "SyntheticFingerprint",
    "TunedFilter",
    "degrade_fingerprint",
    "enhance_fingerprint",
    "normalize",
    "ridge_frequency",
    "ridge_mask",
    "ridge_orientation",
    "ridge_spacing",
    "synthetic_fingerprint",
    "thin_ridges",
    "tuned_filter",
]
