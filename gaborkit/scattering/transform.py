"""From pictures to coefficients: padding, and the library that does the rest."""

from __future__ import annotations

import sys

from ..filtering.backend import library_of
from ..filtering.padding import pad
from ..filtering.run import on_host
from ..types import Array, Boundary
from . import on_arrays, on_tensors
from .filters import Filters


def scatter(
    planes: Array,
    filters: Filters,
    boundary: Boundary,
    places: dict[tuple[int, ...], int],
    tensors: on_tensors.Tensors | None = None,
) -> Array:
    """Coefficients (B, C, h, w) of pictures (B, H, W) of the filters' precision.

    A tensor in memory that passes no gradient is transformed in place of its array. ``tensors`` are
    the filters on the device of another one, which otherwise are made, or found, for it.
    """
    tensor = library_of(planes).name == "torch"
    library, planes = on_host(library_of(planes), planes)
    margin = max(max(axis.before, axis.padded - axis.size - axis.before) for axis in filters.axes)
    starts = [margin - axis.before for axis in filters.axes]
    rows, columns = (
        slice(start, start + axis.padded) for start, axis in zip(starts, filters.axes, strict=True)
    )
    padded = pad(library, planes, margin, boundary)[..., rows, columns]
    if library.name == "torch":
        return on_tensors.scatter(filters, padded, places, tensors)
    coefficients = on_arrays.scatter(filters, padded, places)
    return sys.modules["torch"].from_numpy(coefficients) if tensor else coefficients
