"""Filtering a Dask array by name; :meth:`gaborkit.GaborBank.filter` knows one when it sees it."""

from __future__ import annotations

from typing import Any

from ..bank import GaborBank
from ..filtering.dask_arrays import filter_blocks
from ..filtering.filter import filter_array
from ..filtering.options import FilterOptions
from ..kernels.base import TOLERANCE
from ..types import Boundary, Engine, Part


def filter_dask(
    bank: GaborBank,
    array: Any,
    *,
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    tolerance: float = TOLERANCE,
    part: Part = "complex",
) -> Any:
    """Responses of a bank to a Dask array, as a Dask array; nothing is computed yet.

    Parameters
    ----------
    bank : GaborBank
        K kernels.
    array : dask array (..., H, W)
        Chunks that are smaller than the kernels are joined.
    part : {"complex", "real", "imag", "magnitude", "energy", "phase"}
    boundary, engine, channel_axis, tolerance
        As in :meth:`gaborkit.GaborBank.filter`.

    Returns
    -------
    dask array (..., K, H, W)
        With all K in one chunk. Each task filters in one thread: Dask has threads of its own.

    Raises
    ------
    ImageError
        If the array is no image; NaN and infinity are found when it is computed.
    FilterError
        If an option is unknown, or Dask is not installed.

    Examples
    --------
    >>> import dask.array as da
    >>> import gaborkit as gk
    >>> bank = gk.GaborBank.grid(scales=1, orientations=3)
    >>> image = da.random.random((100, 120), chunks=50)
    >>> filter_dask(bank, image, part="magnitude")
    dask.array<..., shape=(3, 100, 120), dtype=float64, chunksize=(3, 50, 50), ...>
    """
    options = FilterOptions(part, boundary, engine, channel_axis, tolerance)
    return filter_blocks(bank, array, options, filter_array)
