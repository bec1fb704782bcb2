"""What the package offers, for type checkers; the names are imported at first use."""

from ..io.pictures.formats import is_zarr
from .collections import filter_dask
from .memory import available_memory, parse_memory
from .sources import open_source
from .tiled_filtering import filter_large

__all__ = [
    "available_memory",
    "filter_dask",
    "filter_large",
    "is_zarr",
    "open_source",
    "parse_memory",
]
