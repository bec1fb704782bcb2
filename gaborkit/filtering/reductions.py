"""What people want of responses next, without ever holding the responses.

Means and deviations over the picture, and the strongest kernel at each pixel.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ..errors import FilterError
from ..kernels.base import TOLERANCE
from ..types import Array, Boundary, Engine, Outside, Part
from . import dask_arrays
from .backend import is_dask, library_of
from .filter import filter_array
from .labelled import data_of, is_labelled, keeps_labels, labelled_means
from .options import FilterOptions
from .regions import check_outside, cut_out, masked_responses, planes_of, regions
from .run import Run
from .sinks import (
    ArgMax,
    Moments,
    RegionMoments,
    TensorArgMax,
    TensorMoments,
    region_moments,
)

if TYPE_CHECKING:
    from ..bank import GaborBank


class Statistics(NamedTuple):
    """Mean and standard deviation over the picture, (..., K) each; of objects, (..., N, K)."""

    mean: Array
    deviation: Array


class Strongest(NamedTuple):
    """Largest magnitude at each pixel and the kernel that gives it, (..., S, H, W) each."""

    magnitude: Array
    index: Array


def bank_statistics(
    bank: GaborBank,
    image: Array,
    *,
    part: Part = "magnitude",
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    tolerance: float = TOLERANCE,
    mask: Any = None,
    labels: Any = None,
    outside: Outside = "nearest",
) -> Statistics:
    """Mean and standard deviation of every response over the picture, in bounded memory.

    Parameters
    ----------
    bank : GaborBank
        K kernels.
    image : array, torch tensor or dask array (..., H, W)
    part : {"magnitude", "energy", "real", "imag"}
        Of what.
    boundary, engine, channel_axis, tolerance
        As in :func:`filter_bank`.
    mask : array or tensor (H, W), optional
        What is not 0 is inside, and nothing outside has a part in the figures.
    labels : array or tensor of whole numbers (H, W), optional
        0 is outside, each other number an object, described as if cut out.
    outside : {"nearest", "normalized"}
        What kernels see outside an object; as in :func:`filter_bank`.

    Returns
    -------
    Statistics
        ``mean`` and ``deviation`` (..., K), of the image's precision; with ``labels`` (..., N, K),
        a row for each object in the order of its number. The deviation divides by the number of
        pixels.

    Raises
    ------
    ImageError, FilterError
        As :func:`filter_bank`; and for the parts ``complex`` and ``phase``, which need statistics
        of their own.

    References
    ----------
    Manjunath and Ma (1996), "Texture features for browsing and retrieval of image data", IEEE
    TPAMI 18(8), eq. 8.

    Examples
    --------
    >>> import gaborkit as gk
    >>> bank = gk.GaborBank.preset("manjunath")
    >>> image = np.random.default_rng(0).random((64, 64))
    >>> bank_statistics(bank, image).mean.shape
    (24,)
    """
    options = FilterOptions(part, boundary, engine, channel_axis, tolerance)
    if is_labelled(image):
        statistics = bank_statistics(
            bank,
            image.data,
            part=part,
            boundary=boundary,
            engine=engine,
            channel_axis=channel_axis,
            tolerance=tolerance,
            mask=data_of(mask),
            labels=data_of(labels),
            outside=outside,
        )
        return Statistics(*(labelled_means(bank, x, image, channel_axis) for x in statistics))
    if part in ("complex", "phase"):
        raise FilterError(f"part={part!r} has no mean of this kind; choose magnitude or energy")
    if mask is not None or labels is not None:
        check_outside(outside)
        return _of_regions(bank, image, options, mask, labels, outside)
    if is_dask(image):
        values = dask_arrays.filter_blocks(bank, image, options, filter_array)
        return Statistics(*dask_arrays.statistics_of(values))
    run = Run(bank, image, options)
    sink = Moments(part, len(run.batch.image), len(bank)) if run.on_arrays else TensorMoments(part)
    run.into(sink)
    return _restored(run, sink.result(math.prod(run.shape)), part)


def _restored(run: Run, moments: tuple[Array, Array], part: Part) -> Statistics:
    """Moments (B, K) of scaled pictures as those of the image."""
    restored = [
        run.normalization.restored(moment, part).reshape(*run.leading, len(run.bank))
        for moment in moments
    ]
    if run.on_arrays:
        with np.errstate(over="ignore"):  # an energy may be infinite
            restored = [run.like_image(moment.astype(run.plan.dtype)) for moment in restored]
    return Statistics(*restored)


def _of_regions(
    bank: GaborBank,
    image: Array,
    options: FilterOptions,
    mask: Any,
    labels: Any,
    outside: Outside,
) -> Statistics:
    """Statistics of the pixels of a mask, or of each object."""
    planes = planes_of(image, options.channel_axis)
    rows = []
    for region in regions(tuple(planes.shape[-2:]), mask=mask, labels=labels):
        if outside == "normalized":
            values = masked_responses(bank, planes, region, outside, options, filter_array)
            moments = region_moments(values, region.inside)
            if isinstance(values, np.ndarray):
                moments = tuple(moment.astype(values.dtype) for moment in moments)
            rows.append(Statistics(*moments))
            continue
        # Boxes a few pixels wide are not taken for colours.
        axis = -3 if planes.ndim > 2 else None
        run = Run(bank, cut_out(planes, region), replace(options, channel_axis=axis))
        sink = RegionMoments(options.part, region.inside)
        run.into(sink)
        rows.append(_restored(run, sink.result(), options.part))
    if labels is None:
        return rows[0]
    library = library_of(planes)
    return Statistics(
        *(library.stack(list(one), planes.ndim - 2) for one in zip(*rows, strict=True))
    )


@keeps_labels("scale", lazy=True, channels=True)
def strongest_kernel(
    bank: GaborBank,
    image: Array,
    *,
    over: Literal["orientations", "all"] = "orientations",
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    tolerance: float = TOLERANCE,
    mask: Any = None,
    outside: Outside = "nearest",
) -> Strongest:
    """Largest magnitude at each pixel, and which kernel gives it, in bounded memory.

    Parameters
    ----------
    bank : GaborBank
        K kernels.
    image : array, torch tensor or dask array (..., H, W)
    over : {"orientations", "all"}
        Compare kernels of one frequency, S of them in the order of the bank; or all, S = 1.
    boundary, engine, channel_axis, tolerance
        As in :func:`filter_bank`.
    mask, outside
        As in :func:`filter_bank`; outside, magnitudes are 0 and the first kernel is named.

    Returns
    -------
    Strongest
        ``magnitude`` (..., S, H, W), of the image's precision, and ``index`` (..., S, H, W), int16
        (int64 for tensors): places in the bank, of which the first wins a tie.

    Raises
    ------
    ImageError, FilterError
        As :func:`filter_bank`; and if ``over`` is unknown or the bank has over 32,767 kernels.

    Examples
    --------
    >>> import gaborkit as gk
    >>> bank = gk.GaborBank.grid(scales=2, orientations=4)
    >>> y, x = np.mgrid[:64, :64]
    >>> grating = np.cos(2 * np.pi / 4 * y)  # varies downwards: theta is a right angle
    >>> strongest = strongest_kernel(bank, grating)
    >>> strongest.magnitude.shape, bank.labels[strongest.index[0, 30, 30]]
    ((2, 64, 64), '4 px, 90°')
    """
    if over not in ("orientations", "all"):
        raise FilterError(f"over={over!r} is unknown; choose orientations or all")
    options = FilterOptions("energy", boundary, engine, channel_axis, tolerance)
    groups = [0] * len(bank)
    if over == "orientations":
        places: dict[float, int] = {}
        # Rounded, as a frequency may be the same sum in another order.
        groups = [places.setdefault(round(k.frequency, 12), len(places)) for k in bank]
    if mask is not None:
        return _strongest_inside(bank, image, options, groups, mask, outside)
    if is_dask(image):
        options = replace(options, part="magnitude")
        magnitudes = dask_arrays.filter_blocks(bank, image, options, filter_array)
        return Strongest(*dask_arrays.strongest_of(magnitudes, groups))
    return _strongest_of(bank, image, options, groups)


def _strongest_of(
    bank: GaborBank, image: Array, options: FilterOptions, groups: list[int]
) -> Strongest:
    run = Run(bank, image, options)
    shape = (*run.leading, max(groups) + 1, *run.shape)
    if run.on_arrays:
        sink: ArgMax | TensorArgMax = ArgMax(groups, run.batch.image.shape, run.plan.dtype)
    else:
        sink = TensorArgMax(groups)
    run.into(sink)
    magnitude, index = sink.result()
    magnitude = run.normalization.restored(magnitude, "magnitude")
    if run.on_arrays and not run.checked:
        index = index.astype(np.int64)
    return Strongest(run.like_image(magnitude.reshape(shape)), run.like_image(index.reshape(shape)))


def _strongest_inside(
    bank: GaborBank,
    image: Array,
    options: FilterOptions,
    groups: list[int],
    mask: Any,
    outside: Outside,
) -> Strongest:
    """The strongest within a mask's bounding box, put back into the picture."""
    check_outside(outside)
    planes = planes_of(image, options.channel_axis)
    library = library_of(planes)
    (region,) = regions(tuple(planes.shape[-2:]), mask=mask)
    options = replace(options, channel_axis=-3 if planes.ndim > 2 else None)
    if outside == "nearest":
        magnitude, index = _strongest_of(bank, cut_out(planes, region), options, groups)
    else:
        options = replace(options, part="magnitude")
        magnitudes = masked_responses(bank, planes, region, outside, options, filter_array)
        magnitude, index = _largest(magnitudes, groups)
    inside = library.constant(region.inside, library.double(planes), real=True) > 0
    size = (*magnitude.shape[:-2], *planes.shape[-2:])
    whole = [
        np.zeros(size, part.dtype) if library.name == "numpy" else part.new_zeros(size)
        for part in (magnitude, index)
    ]
    for group in range(max(groups) + 1):
        whole[1][..., group, :, :] = groups.index(group)
    for plane, part in zip(whole, (magnitude, index), strict=True):
        plane[..., region.rows, region.columns][..., inside] = part[..., inside]
    return Strongest(*whole)


def _largest(magnitudes: Array, groups: list[int]) -> Strongest:
    """The strongest of responses that are held, (..., K, H, W)."""
    library = library_of(magnitudes)
    largest, indices = [], []
    for group in range(max(groups) + 1):
        members = [k for k, other in enumerate(groups) if other == group]
        compared = magnitudes[..., members, :, :]
        index = compared.argmax(-3)
        largest.append(sum(compared[..., i, :, :] * (index == i) for i in range(len(members))))
        indices.append(sum((index == i) * k for i, k in enumerate(members)))
    magnitude, index = (library.stack(part, magnitudes.ndim - 3) for part in (largest, indices))
    return Strongest(magnitude, index.astype(np.int16) if library.name == "numpy" else index)
