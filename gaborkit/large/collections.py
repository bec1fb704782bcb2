"""Dask arrays through a bank: overlapping blocks, exact for every boundary mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import NumpyLibrary, is_dask, promoted
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
    is_dask(array)  # raises for one whose shape is not known
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
        sizes = tuple(size for size in array.chunks[axis] if size)
        # A block takes its halo from the blocks beside it only.
        joined = da.overlap.ensure_minimum_chunksize(min(halo, array.shape[axis]), sizes)
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


def dask_statistics(bank: GaborBank, array: Any, **options: Any) -> tuple[Any, Any]:
    """Mean and deviation (..., K) as Dask arrays; options are those of :func:`filter_dask`."""
    values = filter_dask(bank, array, **options)
    return tuple(
        summary((-2, -1), dtype=np.float64).astype(values.dtype)
        for summary in (values.mean, values.std)
    )


def dask_strongest(
    bank: GaborBank, array: Any, groups: Sequence[int], **options: Any
) -> tuple[Any, Any]:
    """Largest magnitude of each group of kernels and its place in the bank, (..., S, H, W)."""
    da = optional("dask.array")
    values = filter_dask(bank, array, part="magnitude", **options)
    magnitudes, indices = [], []
    for group in sorted(set(groups)):
        members = np.flatnonzero(np.equal(groups, group)).astype(np.int16)
        compared = values[..., members, :, :]
        magnitudes.append(compared.max(-3))
        indices.append(compared.argmax(-3).map_blocks(members.take, dtype=np.int16))
    return da.stack(magnitudes, -3), da.stack(indices, -3)


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
    if 0 in leading:
        inner = (*leading, len(bank), height - 2 * halo, width - 2 * halo)
        return np.empty(inner, part_dtype(options["part"], promoted(block.dtype) == np.float64))
    planes = block.reshape(-1, height, width)
    responses = in_one_thread(
        lambda: np.stack([respond(bank, plane, halo, **options) for plane in planes])
    )
    return responses.reshape(*leading, *responses.shape[1:])
