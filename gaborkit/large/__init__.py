"""Pictures that do not fit into memory, and clusters.

A picture is filtered tile by tile. A tile is read with a margin of one kernel radius, so that what
is written has no seams; only one tile is in memory at a time. Dask and zarr are imported by the
functions that need them: ``pip install "gaborkit[large]"`` brings both.
"""

from __future__ import annotations

from ..lazy import attach

# Imported at first use, as commands ask for no more than whether a folder is a zarr store.
__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "available_memory": "memory",
        "filter_dask": "collections",
        "filter_large": "tiled_filtering",
        "is_zarr": ".io.pictures.formats",
        "open_source": "sources",
        "parse_memory": "memory",
    },
)
