"""One image on its way through a bank: checked, planned, and through the plan's engines."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import FilterError, ImageError
from ..types import Array, Part
from ..whole_numbers import is_whole
from .backend import Library, NumpyLibrary, followed, library_of
from .engines.batch import Batch
from .engines.threads import available
from .gpu import fused
from .normalizing import UNCHANGED, Normalization, normalized
from .options import FilterOptions
from .parts import empty, part_dtype
from .planner import Placement, Plan, plan_for
from .sinks import Sink, TensorValues, Values

if TYPE_CHECKING:
    from ..bank import GaborBank


class Run:
    """One image, checked and promoted, and how a bank answers to it.

    Of the options, the part says only what the planner weighs.

    Attributes
    ----------
    leading, shape : tuple of int
        Of the image: its axes before (H, W), and those.
    plan : Plan
    on_arrays : bool
        Whether engines of NumPy run, also on a tensor's memory.
    batch : Batch
        Its pictures (B, H, W), scaled.
    """

    checked: bool
    leading: tuple[int, ...]
    shape: tuple[int, ...]
    double: bool
    on_arrays: bool
    normalization: Normalization
    batch: Batch

    def __init__(self, bank: GaborBank, image: Array, options: FilterOptions) -> None:
        library = library_of(image)
        self.checked = library.name == "numpy"
        source = getattr(image, "dtype", None)
        if self.checked:
            image = library.promote(image)
        image = with_leading_channels(library, image, options.channel_axis)
        self.leading, self.shape = tuple(image.shape[:-2]), tuple(image.shape[-2:])
        self.plan: Plan = plan_for(
            bank,
            (math.prod(self.leading), *map(int, self.shape)),
            image.dtype,
            Placement() if self.checked else placement_of(image),
            options,
        )
        self.on_arrays = self.plan.backend == "numpy"
        if not self.checked and not (self.plan.backend == "triton" and fused.reads(image.dtype)):
            image = library.promote(image)
        if self.on_arrays:
            image = image if self.checked else image.detach().numpy()
            library = NumpyLibrary(workers=available())
        self.double = self.plan.dtype == np.float64
        self._source = image = image.reshape(-1, *self.shape)
        image, self.normalization = normalized(library, image, bank.kernels, self.double, source)
        self.bank = bank
        self.batch = Batch(
            library,
            image,
            self._mean(library, image, options),
            bank.kernels,
            options.boundary,
            options.tolerance,
            options.transfer,
            self.normalization,
        )

    def into(self, sink: Sink, indices: Sequence[int] | None = None) -> None:
        """Hand a sink responses of the bank's kernels, or some, to the scaled image."""
        chosen = None if indices is None else set(indices)
        for engine, steps in self.plan.engines():
            if chosen is not None:
                parts = ([k for k in step.indices if k in chosen] for step in steps)
                steps = [
                    replace(step, indices=tuple(members))
                    for step, members in zip(steps, parts, strict=True)
                    if members
                ]
            if steps:
                engine.run(self.batch, steps, sink)
        self.batch.finish()

    def values(self, part: Part, out: Any = None) -> Array:
        """A part of all responses (..., K, H, W), of the image's own size."""
        count = len(self.bank.kernels)
        if self.on_arrays:
            shape, dtype = (*self.leading, count, *self.shape), part_dtype(part, self.double)
            result = empty(shape, dtype) if out is None else self._checked(out, shape, dtype)
            flat = result.reshape(-1, count, *self.shape)
            self.into(Values(part, {k: flat[:, k] for k in range(count)}))
            if self.normalization is not UNCHANGED:
                self.normalization.restored(flat, part)
            return result if self.checked else self.like_image(result)
        if out is not None:
            raise FilterError("out= is for NumPy arrays; a tensor's responses are returned")
        values = self._tensor_values(part, range(count))
        self.into(values)
        return values.result().reshape(*self.leading, count, *self.shape)

    def each(self, part: Part, indices: Sequence[int]) -> list[Array]:
        """A part of some responses (..., H, W), one by one."""
        if self.on_arrays:
            arrays = self.batch.arrays(len(indices), part)
            self.into(Values(part, dict(zip(indices, arrays, strict=True))), indices)
            responses = [self.normalization.restored(array, part) for array in arrays]
        else:
            values = self._tensor_values(part, indices)
            self.into(values, indices)
            responses = values.each()
        shape = (*self.leading, *self.shape)
        return [self.like_image(response.reshape(shape)) for response in responses]

    def _tensor_values(self, part: Part, indices: Sequence[int]) -> TensorValues:
        in_place = self.plan.backend == "triton"
        out = self.batch.tensor(len(indices), part) if in_place else None
        return TensorValues(part, indices, self.normalization, out)

    def like_image(self, result: Array) -> Array:
        """A result of NumPy's, as a tensor if the image was one."""
        if self.checked or not isinstance(result, np.ndarray):
            return result
        return sys.modules["torch"].from_numpy(result)

    def _checked(self, out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        """``out``, if responses of a shape and dtype fit into it."""
        if not self.checked:
            raise FilterError("out= is for NumPy arrays; a tensor's responses are returned")
        if not isinstance(out, np.ndarray) or out.shape != shape:
            kind = f"shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
            raise FilterError(f"out has {kind}, not that of the responses, {shape}")
        if out.dtype.kind != dtype.kind or not out.flags.c_contiguous or not out.flags.writeable:
            number = "complex" if dtype.kind == "c" else "float"
            raise FilterError(
                f"out ({out.dtype}) is not a writable C-contiguous {number} array; "
                f"make one with numpy.empty({shape}, {dtype.name!r})"
            )
        if np.may_share_memory(out, self._source):
            raise FilterError(
                "out shares memory with the image, which it would overwrite; copy one"
            )
        return out

    def _mean(self, library: Library, image: Array, options: FilterOptions) -> Array:
        """Mean of each picture, roughly, (B, 1, 1); raises ImageError for NaN and infinity.

        Zero where zeros lie outside: they would no longer be small.
        """
        outside = float(options.boundary != "constant")
        if library.name == "torch":
            dtype = getattr(sys.modules["torch"], self.plan.dtype.name)
            return image.detach().mean((1, 2), keepdim=True, dtype=dtype) * outside
        with np.errstate(over="ignore", invalid="ignore"):
            level = image.mean((1, 2), keepdims=True)
        if not np.isfinite(level).all():
            if self.checked:
                library.check_finite(image)
            level[...] = 0  # a tensor's NaN spreads by itself
        return level * image.dtype.type(outside)


def placement_of(image: Array) -> Placement:
    """Where an array or a tensor lies, and whether torch has to follow it."""
    if library_of(image).name == "numpy":
        return Placement()
    return Placement("torch", str(image.device), followed(image))


def with_leading_channels(library: Library, image: Array, channel_axis: int | None) -> Array:
    """The image with colour, if any, in front of its rows; raises ImageError."""
    ndim, shape = image.ndim, tuple(image.shape)
    if ndim < 2 or 0 in shape[-2:]:
        raise ImageError(f"an array of shape {shape} is not an image (..., H, W) with pixels in it")
    if channel_axis is None:
        if ndim >= 3 and shape[-1] <= 4 < min(shape[-3:-1]):
            raise ImageError(
                f"an image of shape {shape} looks like colour: give channel_axis=-1 to filter each "
                "channel, or filter gaborkit.luminance(image); if these are pictures "
                f"{shape[-1]} pixels wide, filter them one by one"
            )
        return image
    if ndim < 3 or not is_whole(channel_axis) or not -ndim <= channel_axis < ndim:
        raise ImageError(f"channel_axis={channel_axis!r} is no axis of an image of shape {shape}")
    return library.moveaxis(image, channel_axis, -3)


def on_host(library: Library, image: Array) -> tuple[Library, Array]:
    """NumPy and the array of a tensor in memory that passes no gradient; others as they are."""
    placement = placement_of(image)
    if placement == Placement("torch"):
        return NumpyLibrary(), image.detach().numpy()
    return library, image
