"""Labelled arrays (xarray): results keep the coordinates of the image, and kernels become one."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ..errors import ImageError
from ..kernels.parameters import number

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
    axis: str | None = None, *, lazy: bool = False
) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Let a function of an image that gives maps give DataArrays where the image is one.

    The function sees the data alone, of masks and further images too. Maps (..., H, W) in the named
    tuple that it returns get the dimensions, coordinates, name and attributes of the first image;
    ``axis`` names the dimension of those that have one more, (..., N, H, W). What is of another
    shape stays as it is. A lazy image is computed, unless the function is ``lazy``.

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
            maps = {
                name: _like(images[0], value, axis, channel)
                for name, value in result._asdict().items()
            }
            return result._replace(**maps)

        return call

    return decorate


def data_of(value: Any, lazy: bool = True) -> Any:
    """The data of a DataArray, computed if not ``lazy``; anything else as it is."""
    if not is_labelled(value):
        return value
    return value.data if lazy else value.values


def _like(image: Any, values: Any, axis: str | None, channel_axis: int | None) -> Any:
    """Values as a DataArray, if they are maps of the image, with or without its channels."""
    whole = _dimensions(image, channel_axis)
    without = whole if channel_axis is None else [*whole[:-3], *whole[-2:]]
    candidates = [whole, without]
    if axis is not None:
        candidates += [[*names[:-2], axis, *names[-2:]] for names in (whole, without)]
    for names in candidates:
        shape = tuple(image.sizes.get(name) for name in names)
        if _fits(shape, getattr(values, "shape", ())):
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
