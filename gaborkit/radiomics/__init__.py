"""Radiomics after IBSI: volumes made ready, Gabor response maps, intensity statistics."""

from __future__ import annotations

from ..lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "GaborResponse": "response",
        "INTENSITY_STATISTICS": "intensity",
        "intensity_statistics": "intensity",
        "prepare": "preparation",
        "radiomics": "region_features",
    },
)
