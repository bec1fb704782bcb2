"""Kernels in three dimensions: volumes (z, y, x), and video (t, y, x)."""

from __future__ import annotations

from ..lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "GaborKernel3D": "kernel",
        "directions": "kernel",
        "filter_volume": "volume_filter",
        "motion_energy": "motion",
        "motion_kernels": "motion",
    },
)
