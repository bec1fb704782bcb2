"""Pictures that do not fit into memory, and clusters.

A picture is filtered tile by tile. A tile is read with a margin of one kernel radius, so that what
is written has no seams; only one tile is in memory at a time. Dask and zarr are imported by the
functions that need them: ``pip install "gaborkit[large]"`` brings both.
"""

import importlib
from typing import Any

# Imported at first use, as commands ask for no more than whether a folder is a zarr store.
_LAZY = {
    "available_memory": "memory",
    "filter_dask": "collections",
    "filter_large": "filtering",
    "is_zarr": "sources",
    "open_source": "sources",
    "parse_memory": "memory",
}

__all__ = [*_LAZY]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
