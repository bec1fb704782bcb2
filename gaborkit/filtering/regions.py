"""Parts of a picture: what lies outside a mask never reaches a response or a statistic.

``nearest`` cuts the mask's bounding box out, fills the pixels outside the mask with the nearest
one inside, and filters that. ``normalized`` is normalised convolution: pixels outside have no
weight, and the DC-removal term is solved again at every pixel, over the pixels that have::

    r(p) = A S (sum f w h e^(i u) - C(p) sum f w h) / sum w h,   C(p) = sum w h e^(i u) / sum w h

with the mask w, the envelope h around p, the carrier e^(i u), and the amplitude A and the sum S of
the whole envelope. So a constant answers zero however ragged the mask, and a whole one changes
nothing.

References
----------
Knutsson and Westin (1993), "Normalized and differential convolution", CVPR, 515-523.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import FilterError
from ..kernels.gabor import GaborKernel
from ..kernels.parameters import number
from ..kernels.validation import LARGEST
from ..types import OUTSIDES, Array, Outside
from .backend import is_dask, library_of
from .options import FilterOptions
from .parts import part_of
from .run import with_leading_channels

if TYPE_CHECKING:
    from ..bank import GaborBank

#: Responses (..., K, H, W) of a bank to an array (..., H, W).
Filter = Callable[["GaborBank", Array, FilterOptions], Array]


class Region(NamedTuple):
    """An object of a picture.

    Attributes
    ----------
    label : int
        Its number in the picture of labels; 1 of a mask.
    rows, columns : slice
        Its bounding box.
    inside : bool array (h, w)
        Its pixels in that.
    """

    label: int
    rows: slice
    columns: slice
    inside: NDArray[np.bool_]


def is_inside(mask: Any) -> NDArray[np.bool_]:
    """Where a mask is neither 0 nor NaN, which scans hold where they have no data.

    Examples
    --------
    >>> is_inside([0, 2, -1, np.nan])
    array([False,  True,  True, False])
    """
    values = np.asarray(mask)
    inside: NDArray[np.bool_] = (values != 0) & (values == values)
    return inside


def regions(
    shape: tuple[int, int], *, mask: ArrayLike | None = None, labels: ArrayLike | None = None
) -> list[Region]:
    """Objects of a picture (H, W), in the order of their labels.

    Parameters
    ----------
    shape : (H, W)
    mask : array or tensor (H, W), optional
        What is neither 0 nor NaN is inside. With labels, what is outside belongs to no object.
    labels : array or tensor of whole numbers (H, W), optional
        0 is outside, each other number an object, in one piece or several.

    Raises
    ------
    FilterError
        If they do not fit the picture, are no whole numbers, or leave no pixel.

    Examples
    --------
    >>> labels = np.array([[0, 7, 7], [2, 7, 0]])
    >>> [(one.label, int(one.inside.sum())) for one in regions((2, 3), labels=labels)]
    [(2, 1), (7, 3)]
    """
    from scipy.ndimage import find_objects

    inside = None if mask is None else is_inside(_fitting("mask", mask, shape))
    if labels is None:
        numbers = np.ones(shape, np.int64)
    else:
        numbers = _fitting("labels", labels, shape)
        if numbers.dtype.kind == "f":
            numbers = _whole(numbers)
    if inside is not None:
        numbers = numbers * inside
    values, places = np.unique(numbers, return_inverse=True)
    places = places.reshape(shape)
    boxes = find_objects(places + 1)
    objects = []
    for index in np.flatnonzero(values):
        rows, columns = boxes[index]
        inside = places[rows, columns] == index
        objects.append(Region(int(values[index]), rows, columns, inside))
    if not objects:
        name = "the mask leaves" if labels is None else "the labels leave"
        raise FilterError(f"{name} no pixel of the picture; what is not 0 is inside")
    return objects


def _whole(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Labels of floating point as integers."""
    most = 2 / np.finfo(labels.dtype).eps  # up to which every whole number is one of the dtype
    wrong = ~(np.abs(labels) <= most) | (labels != np.rint(labels))
    if wrong.any():
        raise FilterError(
            f"labels of {labels.dtype} hold {labels[wrong][0]:g}, which is no whole number that is "
            "known by its digits; give integers, 0 outside"
        )
    return labels.astype(np.int64)


def cut_out(planes: Array, region: Region) -> Array:
    """The bounding box (..., h, w) of planes, filled outside with the nearest pixel inside."""
    box = planes[..., region.rows, region.columns]
    if region.inside.all():
        return box
    from scipy.ndimage import distance_transform_edt

    rows, columns = distance_transform_edt(
        ~region.inside, return_distances=False, return_indices=True
    )
    if library_of(planes).name == "torch":
        import torch

        rows, columns = (torch.from_numpy(x).to(planes.device) for x in (rows, columns))
    return box[..., rows, columns]


def planes_of(image: Array, channel_axis: int | None) -> Array:
    """Planes (..., H, W) of an image, promoted, colour in front of the rows."""
    if is_dask(image):
        raise FilterError("a dask array takes no mask or labels; compute() it first")
    library = library_of(image)
    return with_leading_channels(library, library.promote(image), channel_axis)


def check_outside(outside: Any) -> None:
    """Raise FilterError for an unknown way to treat what lies outside."""
    if outside not in OUTSIDES:
        raise FilterError(f"outside={outside!r} is unknown; choose one of {', '.join(OUTSIDES)}")


def masked_responses(
    bank: GaborBank,
    planes: Array,
    region: Region,
    outside: Outside,
    options: FilterOptions,
    filter_array: Filter,
) -> Array:
    """A part of responses (..., K, h, w) within an object's bounding box, 0 outside the object.

    Raises
    ------
    FilterError
        If normalised convolution is wanted of other kernels than Gabor's, or of learnable ones.
    """
    # Boxes a few pixels wide are not taken for colours.
    inner = dataclasses.replace(options, channel_axis=-3 if planes.ndim > 2 else None)
    box = cut_out(planes, region)
    library = library_of(box)
    inside = library.constant(region.inside, library.double(box), real=True)
    if outside == "nearest":
        return filter_array(bank, box, inner) * inside
    responses = _normalized(
        bank,
        box,
        inside,
        options.tolerance,
        lambda kernels, values, axis: filter_array(
            type(bank)(kernels),
            values,
            dataclasses.replace(options, part="complex", boundary="constant", channel_axis=axis),
        ),
    )
    return part_of(responses, options.part)


def _normalized(
    bank: GaborBank,
    box: Array,
    inside: Array,
    tolerance: float,
    filtered: Callable[[list[GaborKernel], Array, int | None], Array],
) -> Array:
    """Normalised convolution (..., K, h, w) of a box (..., h, w)."""
    kernels = gabor_kernels(bank)
    waves = [kernel.replace(dc_free=False, norm="peak", phase=0.0) for kernel in kernels]
    shapes = [_envelope(kernel) for kernel in kernels]
    envelopes = list(dict.fromkeys(shapes))
    library, axis = library_of(box), -3 if box.ndim > 2 else None
    # Of a large constant, little would be left beside it.
    level = (box * inside).sum((-2, -1))[..., None, None] / inside.sum()
    values = (box - level) * inside
    of_waves, of_envelopes = (filtered(one, values, axis) for one in (waves, envelopes))
    in_waves, in_envelopes = (filtered(one, inside, None) for one in (waves, envelopes))
    responses = []
    for k, (kernel, shape) in enumerate(zip(kernels, shapes, strict=True)):
        e = envelopes.index(shape)
        weight = in_envelopes[e].real * inside + (1 - inside)
        carrier = in_waves[k] / weight
        wave = of_waves[..., k, :, :] / weight
        if kernel.dc_free:
            wave = wave - carrier * of_envelopes[..., e, :, :].real / weight
        else:
            wave = wave + carrier * level
        whole = shape.sample(tolerance).real.sum()
        turn = np.exp(1j * number(kernel.phase))
        size = complex(number(kernel.amplitude()) * whole * turn)
        responses.append(wave * inside * size)
    return library.stack(responses, box.ndim - 2)


def gabor_kernels(bank: GaborBank) -> list[GaborKernel]:
    """The kernels of a bank; FilterError if normalised convolution of one is not known."""
    kernels = []
    for kernel in bank:
        if not isinstance(kernel, GaborKernel) or kernel.learnable:
            raise FilterError(
                f"normalised convolution of {kernel.label} ({type(kernel).__name__}) is not known; "
                "Gabor kernels of floats work, or outside='nearest'"
            )
        kernels.append(kernel)
    return kernels


def _envelope(kernel: GaborKernel) -> GaborKernel:
    """The envelope of a kernel as one of practically endless wavelength."""
    theta = 0.0 if number(kernel.gamma) == 1 else kernel.theta
    return GaborKernel(
        wavelength=LARGEST / kernel.scale,
        theta=theta,
        sigma=kernel.sigma,
        gamma=kernel.gamma,
        scale=kernel.scale,
        dc_free=False,
        norm="peak",
    )


def _fitting(name: str, values: ArrayLike, shape: tuple[int, int]) -> NDArray[Any]:
    """A mask or labels as an array, of the picture's shape."""
    array = values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
    if array.shape != tuple(shape) or array.dtype.kind not in "buif":
        raise FilterError(
            f"{name} of {array.dtype} and shape {array.shape} do not fit a picture of "
            f"{shape[0]} x {shape[1]} pixels; one number for each of them works"
        )
    return array
