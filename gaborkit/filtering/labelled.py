"""Labelled arrays (xarray): results keep the coordinates of the image, and kernels become one."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from ..errors import ImageError
from ..kernels.parameters import number
from .backend import is_dask

if TYPE_CHECKING:
    from ..bank import GaborBank

#: The dimension of the kernels.
KERNEL = "kernel"

P = ParamSpec("P")
Result = TypeVar("Result")


def is_labelled(image: Any) -> bool:
    """Whether an image is a DataArray; xarray is not imported to find out."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(image, xarray.DataArray)


def keeps_labels(
    axis: str | None = None, *, lazy: bool = False, channels: bool = False
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Let a function of an image that gives maps give DataArrays where the image is one.

    The function sees the data alone, of masks and further images too. Maps (..., H, W) in the named
    tuple or dataclass that it returns get the dimensions, coordinates, name and attributes of the
    first image; ``axis`` names the dimension of those that have one more, (..., N, H, W). What is
    of another shape stays as it is. Maps are of each of the ``channels``, (..., C, H, W), or of all
    together. A lazy image is computed, unless the function is ``lazy``.

    Raises
    ------
    ImageError
        If the image has a dimension called ``axis`` itself.
    """

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> Result:
            images = [value for value in (*args, *kwargs.values()) if is_labelled(value)]
            if not images:
                return function(*args, **kwargs)
            _check_free(images[0], axis)
            plain = [data_of(value, lazy) for value in args]
            named: Any = {name: data_of(value, lazy) for name, value in kwargs.items()}
            result: Any = function(*plain, **named)
            channel: Any = kwargs.get("channel_axis")
            dimensions = _dimensions(images[0], channel)
            if channel is not None and not channels:
                del dimensions[-3]
            is_tuple = isinstance(result, tuple)
            maps = {
                name: _like(images[0], values, dimensions, axis)
                for name, values in (result._asdict() if is_tuple else vars(result)).items()
            }
            return result._replace(**maps) if is_tuple else dataclasses.replace(result, **maps)

        return call

    return decorate


def data_of(value: Any, lazy: bool = True) -> Any:
    """The data of a DataArray, computed if not ``lazy``; anything else as it is."""
    if not is_labelled(value):
        return value
    return value.data if lazy else value.values


def _like(image: Any, values: Any, dimensions: list[str], axis: str | None) -> Any:
    """Values as a DataArray, if they are an array of maps of the image."""
    if not (isinstance(values, np.ndarray) or is_dask(values)):
        return values
    candidates = [dimensions]
    if axis is not None:
        candidates.append([*dimensions[:-2], axis, *dimensions[-2:]])
    for names in candidates:
        shape = tuple(image.sizes.get(name) for name in names)
        if _fits(shape, values.shape):
            return _as_data_array(image, values, names)
    return values


def _fits(expected: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    """Whether a shape is the one expected, in which None is any length."""
    return len(expected) == len(shape) and all(
        length in (None, other) for length, other in zip(expected, shape, strict=True)
    )


def _as_data_array(image: Any, values: Any, dimensions: list[str], **coordinates: Any) -> Any:
    from xarray import DataArray

    shared = {
        name: coordinate
        for name, coordinate in image.coords.items()
        if set(coordinate.dims) <= set(dimensions)
    }
    return DataArray(values, shared | coordinates, dimensions, image.name, image.attrs)


def _dimensions(image: Any, channel_axis: int | None) -> list[str]:
    """Names of (..., C, H, W): the channels stand before y and x."""
    dimensions = list(image.dims)
    if channel_axis is not None:
        dimensions.insert(-2, dimensions.pop(channel_axis))
    return dimensions


def _check_free(image: Any, axis: str | None) -> None:
    if axis in image.dims:
        raise ImageError(
            f"an image with a dimension {axis!r} leaves no name for that of the responses; "
            f"image.rename({axis}=...) gives it another"
        )


def _of_kernels(bank: GaborBank) -> dict[str, Any]:
    """Coordinates of kernels: label, wavelength in pixels and theta in radians."""
    return {
        KERNEL: list(bank.labels),
        "wavelength": (KERNEL, [1 / kernel.frequency for kernel in bank], {"units": "pixel"}),
        "theta": (KERNEL, [number(kernel.theta) for kernel in bank], {"units": "radian"}),
    }


def labelled(bank: GaborBank, responses: Any, image: Any, channel_axis: int | None) -> Any:
    """Responses (..., K, H, W) to a DataArray (..., H, W) as one.

    It has the image's name, attributes and coordinates, and for each kernel its label, its
    wavelength in pixels and its theta in radians.

    Raises
    ------
    ImageError
        If the image has a dimension ``kernel`` itself.
    """
    _check_free(image, KERNEL)
    dimensions = _dimensions(image, channel_axis)
    dimensions.insert(-2, KERNEL)
    return _as_data_array(image, responses, dimensions, **_of_kernels(bank))


def labelled_means(bank: GaborBank, means: Any, image: Any, channel_axis: int | None) -> Any:
    """Means (..., K) over a DataArray (..., H, W) as one; of objects, (..., N, K)."""
    _check_free(image, KERNEL)
    dimensions = [*_dimensions(image, channel_axis)[:-2], KERNEL]
    if means.ndim > len(dimensions):
        dimensions.insert(-1, "object")
    return _as_data_array(image, means, dimensions, **_of_kernels(bank))
