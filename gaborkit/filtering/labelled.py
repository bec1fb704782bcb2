"""Labelled arrays (xarray): what is filtered keeps its coordinates, and kernels become one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..errors import ImageError
from ..kernels.parameters import number

if TYPE_CHECKING:
    from ..bank import GaborBank

#: The dimension of the kernels.
KERNEL = "kernel"


def is_labelled(image: Any) -> bool:
    """Whether an image is a DataArray; xarray is not imported to find out."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(image, xarray.DataArray)


def labelled(bank: GaborBank, responses: Any, image: Any, channel_axis: int | None) -> Any:
    """Responses (..., K, H, W) to a DataArray (..., H, W) as one.

    It has the image's name, attributes and coordinates, and for each kernel its label, its
    wavelength in pixels and its theta in radians.

    Raises
    ------
    ImageError
        If the image has a dimension ``kernel`` itself.
    """
    from xarray import DataArray

    dimensions = list(image.dims)
    if KERNEL in dimensions:
        raise ImageError(
            f"an image with a dimension {KERNEL!r} leaves no name for that of the responses; "
            f"image.rename({KERNEL}=...) gives it another"
        )
    if channel_axis is not None:
        dimensions.insert(-2, dimensions.pop(channel_axis))
    dimensions.insert(-2, KERNEL)
    coordinates = dict(image.coords) | {
        KERNEL: list(bank.labels),
        "wavelength": (KERNEL, [1 / kernel.frequency for kernel in bank], {"units": "pixel"}),
        "theta": (KERNEL, [number(kernel.theta) for kernel in bank], {"units": "radian"}),
    }
    return DataArray(responses, coordinates, dimensions, image.name, image.attrs)
