"""Dask arrays through a bank: overlapping blocks, exact for every boundary mode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import NumpyLibrary
from ..bank import GaborBank
from ..boundary import check_boundary, source_index
from ..extras import optional
from ..kernel import TOLERANCE
from ..parts import check_part, part_dtype
from ..planning import plan_bank
from ..responding import with_leading_channels
from ..types import Boundary, Engine, Part
from .tiles import halo_of, in_one_thread, respond


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
    da = optional("dask.array")
    check_boundary(boundary)
    check_part(part)
    library = NumpyLibrary()
    with_leading_channels(  # checks; an array of any shape, in no memory
        library, np.broadcast_to(np.zeros((), array.dtype), array.shape), channel_axis
    )
    real = library.promote(np.zeros((1, 1), array.dtype)).dtype
    if channel_axis is not None:
        array = da.moveaxis(array, channel_axis, -3)
    plan_bank(bank, tuple(array.shape), real, engine=engine, tolerance=tolerance)  # checks too
    halo, last = halo_of(bank, tolerance), array.ndim - 1
    for axis in (last - 1, last):
        # A block takes its halo from the blocks beside it only.
        joined = da.overlap.ensure_minimum_chunksize(
            min(halo, array.shape[axis]), array.chunks[axis]
        )
        array = array.rechunk({axis: joined})
    chunks = array.chunks
    outside = array
    for axis in (last - 1, last):
        outside = _extended(da, outside, axis, halo, boundary)
    blocks = da.overlap.overlap(
        outside, {last - 1: halo, last: halo}, dict.fromkeys((last - 1, last), "none")
    )
    dtype = part_dtype(part, real == np.float64)
    return blocks.map_blocks(
        _block,
        dtype=dtype,
        chunks=(*chunks[:-2], (len(bank),), *chunks[-2:]),
        new_axis=last - 1,
        meta=np.empty((0,) * (last + 2), dtype),
        bank=bank,
        halo=halo,
        options={
            "boundary": boundary, "engine": engine, "tolerance": tolerance, "part": part
        },
    )  # fmt: skip


def _extended(da: Any, array: Any, axis: int, halo: int, boundary: Boundary) -> Any:
    """The array with its outside along an axis, as part of its first and last block."""
    size, sizes = array.shape[axis], array.chunks[axis]
    if boundary == "constant":
        shape = (*array.shape[:axis], halo, *array.shape[axis + 1 :])
        around = (*array.chunks[:axis], halo, *array.chunks[axis + 1 :])
        before = after = da.zeros(shape, dtype=array.dtype, chunks=around)
    else:
        index = source_index(size, halo, boundary)
        before = da.take(array, index[:halo], axis)
        after = da.take(array, index[halo + size :], axis)
    grown = [*sizes]
    grown[0] += halo
    grown[-1] += halo
    return da.concatenate([before, array, after], axis).rechunk({axis: tuple(grown)})


def _block(
    block: NDArray[Any], bank: GaborBank, halo: int, options: dict[str, Any]
) -> NDArray[Any]:
    """Responses (..., K, h, w) of a block (..., h + 2 halo, w + 2 halo)."""
    *leading, height, width = block.shape
    planes = block.reshape(-1, height, width)
    responses = in_one_thread(
        lambda: np.stack([respond(bank, plane, halo, **options) for plane in planes])
    )
    return responses.reshape(*leading, *responses.shape[1:])
