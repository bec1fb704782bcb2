"""Filtering an image with a bank: all responses in one array, or one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from ..errors import FilterError
from ..kernels.base import TOLERANCE
from ..types import Array, Boundary, Engine, FilterKeywords, Outside, Part, Transfer
from . import dask_arrays
from .backend import is_dask
from .labelled import is_labelled, labelled
from .options import FilterOptions
from .regions import check_outside, masked_responses, planes_of, regions
from .run import Run

if TYPE_CHECKING:
    from dask.array import Array as DaskArray
    from torch import Tensor

    from ..bank import GaborBank


@overload
def filter_bank(
    bank: GaborBank,
    image: NDArray[Any],
    *,
    out: Any = None,
    mask: Any = None,
    outside: Outside = "nearest",
    **options: Unpack[FilterKeywords],
) -> NDArray[Any]: ...
@overload
def filter_bank(
    bank: GaborBank,
    image: Tensor,
    *,
    out: Any = None,
    mask: Any = None,
    outside: Outside = "nearest",
    **options: Unpack[FilterKeywords],
) -> Tensor: ...
@overload
def filter_bank(
    bank: GaborBank, image: DaskArray, *, out: Any = None, **options: Unpack[FilterKeywords]
) -> DaskArray: ...
def filter_bank(
    bank: GaborBank,
    image: Array,
    *,
    part: Part = "complex",
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    out: Any = None,
    tolerance: float = TOLERANCE,
    transfer: Transfer = "sampled",
    mask: Any = None,
    outside: Outside = "nearest",
) -> Array:
    """Convolve an image with every kernel of a bank.

    Parameters
    ----------
    bank : GaborBank
        K kernels.
    image : array, torch tensor, dask array or xarray.DataArray (..., H, W)
        Real. Integers are promoted to float and never rescaled: 8 and 16 bits to float32, more
        to float64. The type picks the library; a tensor stays on its device and passes gradients.
    part : {"complex", "real", "imag", "magnitude", "energy", "phase"}
        What to return of the responses. ``energy`` is the squared magnitude, ``phase`` lies between
        -pi and pi.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
        What lies outside the image, in SciPy's words; ``constant`` is zero.
    engine : {"auto", "direct", "separable", "pyramid", "fourier"}
        ``auto`` takes the fastest by a cost model that ``bank.plan(image.shape)`` prints. All
        agree with direct convolution in double precision: the L2 error is at most 1e-10 (double)
        or 1e-5 (single) of the response to white noise of the image's energy. ``pyramid`` (single
        precision, wide kernels) stands for the whole kernel instead of its samples, and so differs
        from them by up to ``tolerance`` more.
    channel_axis : int, optional
        Axis of colour, as in scikit-image. Each channel is filtered by itself, and the axis moves
        in front of K. :func:`gaborkit.luminance` makes one channel of three.
    out : array (..., K, H, W), optional
        C-contiguous array to write into, a memory map for example; NumPy only.
    tolerance : float
        Share of a kernel's envelope that may lie outside its support.
    transfer : {"sampled", "analytic"}
        ``analytic`` (Fourier engine) multiplies by the closed form instead of transforming the
        truncated samples, and no gradient reaches kernel parameters. The response of a Gabor kernel
        differs by at most ``tolerance`` times the envelope's mass times the image's L2 norm; that
        of a log-Gabor kernel, whose tolerance is a share of energy, by more.
    mask : array or tensor (H, W), optional
        What is not 0 is inside. Values outside, NaN too, have no part in the responses inside;
        those outside are 0.
    outside : {"nearest", "normalized"}
        How: the mask's bounding box is filtered, filled with the nearest pixels inside; or
        normalised convolution (Knutsson and Westin, 1993) of Gabor kernels, in which what lies
        outside the mask and the picture has no weight. See :mod:`gaborkit.filtering.regions`.

    Returns
    -------
    array or tensor (..., K, H, W)
        complex64 for float32, complex128 for float64; float32 and float64 for other parts. Of a
        DataArray, one with the dimension ``kernel``, its label, wavelength and theta, and the
        image's own coordinates and attributes; lazy where the image is.

    Raises
    ------
    ImageError
        If the image is not a real array of at least two axes with pixels, looks like colour with
        no ``channel_axis``, is masked, or (NumPy) holds NaN or infinity. Looking for NaN would
        stall a GPU, so a tensor is not checked: one NaN spreads over its picture.
    FilterError
        If an option is unknown, or ``out`` or ``mask`` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import gaborkit as gk
    >>> bank = gk.GaborBank.grid(scales=2, orientations=4)
    >>> image = np.random.default_rng(0).random((40, 50))
    >>> filter_bank(bank, image, boundary="wrap").shape
    (8, 40, 50)
    >>> filter_bank(bank, image, part="magnitude").dtype
    dtype('float64')
    """
    options = FilterOptions(part, boundary, engine, channel_axis, tolerance, transfer)
    plain = isinstance(image, np.ndarray)
    if not plain and is_labelled(image):
        responses = filter_bank(
            bank, image.data, **vars(options), out=out, mask=mask, outside=outside
        )
        return labelled(bank, responses, image, channel_axis)
    if not plain and is_dask(image):
        if out is not None or transfer != "sampled":
            raise FilterError("a dask array takes neither out= nor transfer=; leave them out")
        return dask_arrays.filter_blocks(bank, image, options, filter_array)
    if mask is None:
        return Run(bank, image, options).values(part, out)
    if out is not None:
        raise FilterError("out= is not written where a mask is given; leave one of them out")
    check_outside(outside)
    planes = planes_of(image, channel_axis)
    (region,) = regions(tuple(planes.shape[-2:]), mask=mask)
    box = masked_responses(bank, planes, region, outside, options, filter_array)
    shape = (*box.shape[:-2], *planes.shape[-2:])
    responses = np.zeros(shape, box.dtype) if isinstance(box, np.ndarray) else box.new_zeros(shape)
    responses[..., region.rows, region.columns] = box
    return responses


def filter_array(bank: GaborBank, image: Array, options: FilterOptions, out: Any = None) -> Array:
    """Responses (..., K, H, W) as :func:`filter_bank` returns them, of an array or a tensor."""
    return Run(bank, image, options).values(options.part, out)


@overload
def iterate_bank(
    bank: GaborBank, image: NDArray[Any], **options: Unpack[FilterKeywords]
) -> Iterator[NDArray[Any]]: ...
@overload
def iterate_bank(
    bank: GaborBank, image: Tensor, **options: Unpack[FilterKeywords]
) -> Iterator[Tensor]: ...
@overload
def iterate_bank(
    bank: GaborBank, image: DaskArray, **options: Unpack[FilterKeywords]
) -> Iterator[DaskArray]: ...
def iterate_bank(
    bank: GaborBank,
    image: Array,
    *,
    part: Part = "complex",
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    tolerance: float = TOLERANCE,
    transfer: Transfer = "sampled",
) -> Iterator[Array]:
    """Responses (..., H, W) one after the other, as :func:`filter_bank` stacks them.

    A few are computed together where they share work, at most 256 MiB of them at a time.

    Examples
    --------
    >>> import numpy as np
    >>> import gaborkit as gk
    >>> bank = gk.GaborBank.grid(scales=2, orientations=4)
    >>> image = np.random.default_rng(0).random((40, 50))
    >>> [response.shape for response in iterate_bank(bank, image)][:2]
    [(40, 50), (40, 50)]
    """
    options = FilterOptions(part, boundary, engine, channel_axis, tolerance, transfer)
    if is_labelled(image):
        each = iterate_bank(bank, image.data, **vars(options))
        return (
            labelled(bank[k : k + 1], response[..., None, :, :], image, channel_axis)[..., 0, :, :]
            for k, response in enumerate(each)
        )
    if is_dask(image):
        if transfer != "sampled":
            raise FilterError("a dask array takes no transfer=; leave it out")
        responses = dask_arrays.filter_blocks(bank, image, options, filter_array)
        return (responses[..., k, :, :] for k in range(len(bank)))
    run, count = Run(bank, image, options), len(bank)
    firsts = range(0, count, run.batch.together)
    chunks = (range(count)[first : first + run.batch.together] for first in firsts)
    return (response for indices in chunks for response in run.each(part, indices))
