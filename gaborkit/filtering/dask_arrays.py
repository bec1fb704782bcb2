"""Dask arrays through a bank: overlapping blocks, exact for every boundary mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FilterError
from ..extras import optional
from ..types import Boundary
from .backend import NumpyLibrary, is_dask, promoted
from .engines.threads import in_one_thread
from .options import FilterOptions
from .padding import source_index
from .parts import part_dtype
from .planner import Placement, plan_for
from .run import with_leading_channels

if TYPE_CHECKING:
    from ..bank import GaborBank

#: Responses (K, H, W) of a bank to an array (H, W).
Filter = Callable[["GaborBank", NDArray[Any], FilterOptions], NDArray[Any]]


def filter_blocks(bank: GaborBank, array: Any, options: FilterOptions, filter_array: Filter) -> Any:
    """Responses (..., K, H, W) of a bank, a Dask array of which nothing is computed yet.

    Parameters
    ----------
    bank : GaborBank
        K kernels.
    array : dask array (..., H, W)
        Chunks that are smaller than the kernels are joined.
    options : FilterOptions
    filter_array : callable
        What filters a block. It is sent to the workers.

    Raises
    ------
    ImageError
        If the array is no image; NaN and infinity are found when it is computed.
    FilterError
        If the options cannot be met, or Dask is not installed.
    """
    da = optional("dask.array")
    if not is_dask(array):  # raises for one whose shape is not known
        raise FilterError(
            f"a {type(array).__name__} is not a dask array; GaborBank.filter takes others"
        )
    library = NumpyLibrary()
    with_leading_channels(  # checks; an array of any shape, in no memory
        library, np.broadcast_to(np.zeros((), array.dtype), array.shape), options.channel_axis
    )
    real = library.promote(np.zeros((1, 1), array.dtype)).dtype
    if options.channel_axis is not None:
        array = da.moveaxis(array, options.channel_axis, -3)
        options = replace(options, channel_axis=None)
    plan_for(bank, tuple(array.shape), real, Placement(), options)  # checks too
    halo, last = halo_of(bank, options.tolerance), array.ndim - 1
    for axis in (last - 1, last):
        sizes = tuple(size for size in array.chunks[axis] if size)
        # A block takes its halo from the blocks beside it only.
        joined = da.overlap.ensure_minimum_chunksize(min(halo, array.shape[axis]), sizes)
        array = array.rechunk({axis: joined})
    chunks = array.chunks
    outside = array
    for axis in (last - 1, last):
        outside = _extended(da, outside, axis, halo, options.boundary)
    blocks = da.overlap.overlap(
        outside, {last - 1: halo, last: halo}, dict.fromkeys((last - 1, last), "none")
    )
    dtype = part_dtype(options.part, real == np.float64)
    return blocks.map_blocks(
        _block,
        dtype=dtype,
        chunks=(*chunks[:-2], (len(bank),), *chunks[-2:]),
        new_axis=last - 1,
        meta=np.empty((0,) * (last + 2), dtype),
        bank=bank,
        halo=halo,
        options=options,
        filter_array=filter_array,
    )


def statistics_of(values: Any) -> tuple[Any, Any]:
    """Mean and deviation (..., K) of a part of responses (..., K, H, W), as Dask arrays."""
    mean, deviation = (
        summary((-2, -1), dtype=np.float64).astype(values.dtype)
        for summary in (values.mean, values.std)
    )
    return mean, deviation


def strongest_of(magnitudes: Any, groups: Sequence[int]) -> tuple[Any, Any]:
    """Largest of magnitudes (..., K, H, W) in each group of kernels, and its place in the bank.

    Both are Dask arrays (..., S, H, W).
    """
    da = optional("dask.array")
    largest, indices = [], []
    for group in sorted(set(groups)):
        members = np.flatnonzero(np.equal(groups, group)).astype(np.int16)
        compared = magnitudes[..., members, :, :]
        largest.append(compared.max(-3))
        indices.append(compared.argmax(-3).map_blocks(members.take, dtype=np.int16))
    return da.stack(largest, -3), da.stack(indices, -3)


def halo_of(bank: GaborBank, tolerance: float) -> int:
    """Pixels around a tile that its responses depend on."""
    return max(kernel.radius(tolerance) for kernel in bank)


def without_halo(responses: NDArray[Any], halo: int) -> NDArray[Any]:
    """The middle of responses (..., h + 2 halo, w + 2 halo)."""
    height, width = responses.shape[-2:]
    # What the engine takes to lie outside reaches into the halo and no further.
    return responses[..., halo : height - halo, halo : width - halo]


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
    block: NDArray[Any], bank: GaborBank, halo: int, options: FilterOptions, filter_array: Filter
) -> NDArray[Any]:
    """Responses (..., K, h, w) of a block (..., h + 2 halo, w + 2 halo)."""
    *leading, height, width = block.shape
    if 0 in leading:
        inner = (*leading, len(bank), height - 2 * halo, width - 2 * halo)
        return np.empty(inner, part_dtype(options.part, promoted(block.dtype) == np.float64))
    planes = block.reshape(-1, height, width)
    responses = in_one_thread(
        lambda: np.stack(
            [without_halo(filter_array(bank, plane, options), halo) for plane in planes]
        )
    )
    return responses.reshape(*leading, *responses.shape[1:])
