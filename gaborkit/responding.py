"""One image on its way through a bank: checks, boundary, engines, and sharing across kernels."""

from __future__ import annotations

import cmath
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import Library, NumpyLibrary, followed, library_of
from .boundary import pad
from .engines import convolution, cuda, direct, fourier, fused, pyramid, separable
from .engines.compiled import Program
from .engines.factorization import factorized_together
from .engines.threads import available
from .errors import FilterError, ImageError
from .filter_options import FilterOptions
from .kernels.base import Kernel
from .normalizing import UNCHANGED, is_small, normalization
from .parts import empty, part_dtype
from .planning import Placement, Plan, Step, plan_for
from .sinks import Sink, Stored
from .types import Array, Part

if TYPE_CHECKING:
    from .bank import GaborBank

#: Engines that hand what they find to a sink themselves.
COMPILED = ("separable", "pyramid")

#: Bytes of responses that an iteration over a bank holds at a time.
CHUNK_BYTES = 2**28


class Responder:
    """One image, checked and promoted, and how a bank answers to it.

    Of the options, the part says only what the planner weighs.
    """

    def __init__(
        self,
        bank: GaborBank,
        image: Array,
        options: FilterOptions,
    ) -> None:
        library = library_of(image)
        self.checked = library.name == "numpy"
        small = is_small(getattr(image, "dtype", None))
        if self.checked:
            image = library.promote(image)
        image = with_leading_channels(library, image, options.channel_axis)
        self.leading, self.shape = tuple(image.shape[:-2]), tuple(image.shape[-2:])
        self.plan: Plan = plan_for(
            bank,
            (math.prod(self.leading), *map(int, self.shape)),
            image.dtype,
            placement_of(image),
            options,
        )
        if self.plan.backend != "triton" or not fused.reads(image.dtype):
            image = library.promote(image)
        if self.plan.backend == "numpy":
            image = image if self.checked else image.detach().numpy()
            library = NumpyLibrary(workers=available())
        self.library: Library = library
        self.double = self.plan.dtype == np.float64
        self._source = image = image.reshape(-1, *self.shape)
        self.normalization = normalization(library, image, bank.kernels, self.double, small)
        self.image = self.normalization.scaled(image)
        self.bank, self.options = bank, options
        self.level = self._mean()
        self._spectra: dict[int, Array] = {}

    def like_image(self, result: Array) -> Array:
        """A result of NumPy's, as a tensor if the image was one."""
        if self.checked or not isinstance(result, np.ndarray):
            return result
        return sys.modules["torch"].from_numpy(result)

    def checked_out(self, out: Any, part: Part) -> Any:
        """``out`` if responses fit into it, or a new array if it is None."""
        shape = (*self.leading, len(self.bank), *self.shape)
        dtype = part_dtype(part, self.double)
        if out is None:
            return empty(shape, dtype)
        if not isinstance(out, np.ndarray) or out.shape != shape:
            found = f"shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
            raise FilterError(f"out has {found}, not that of the responses, {shape}")
        if out.dtype.kind != dtype.kind or not out.flags.c_contiguous or not out.flags.writeable:
            number = "complex" if part == "complex" else "float"
            raise FilterError(
                f"out ({out.dtype}) is not a writable C-contiguous {number} array; "
                f"make one with numpy.empty({shape}, {dtype.name!r})"
            )
        if np.may_share_memory(out, self._source):
            raise FilterError(
                "out shares memory with the image, which it would overwrite; copy one"
            )
        return out

    def responses(self, indices: Sequence[int]) -> list[Array]:
        """Complex responses (B, H, W) of some of the bank's kernels, new arrays or tensors.

        They are those of the scaled image, whose parts ``normalization`` restores.
        """
        if self.plan.backend == "triton":
            return list(self.on_gpu(indices, "complex", scaled=True).unbind(1))
        answers: dict[int, Array] = {}
        twins = self._twins(indices)
        for step in self.plan.steps:
            members = [k for k in step.indices if k in twins]
            if members:
                found = self._apply(step, members, None)
                answers.update(zip(members, found, strict=True))
        for k in list(answers):
            answers.update((twin.index, twin.turned(answers[k])) for twin in twins[k])
        return [answers[k] for k in indices]

    def on_gpu(self, indices: Sequence[int], part: Part, scaled: bool = False) -> Array:
        """Responses (B, K, H, W) of some of the bank's kernels, by the engines of a GPU.

        Those of the image that was given, or of the scaled one.
        """
        channels = {k: channel for channel, k in enumerate(indices)}
        steps = [
            (step.engine, [channels[k] for k in step.indices if k in channels])
            for step in self.plan.steps
        ]
        return cuda.filter_bank(
            self.image,
            self.level,
            [self.bank[k] for k in indices],
            [(engine, members) for engine, members in steps if members],
            self.options.boundary,
            self.options.tolerance,
            self.options.transfer,
            part,
            UNCHANGED if scaled else self.normalization,
        )

    def one_by_one(self) -> Iterator[Array]:
        """All complex responses of the scaled image, in bounded memory."""
        count = self.together
        for first in range(0, len(self.bank), count):
            yield from self.responses(range(first, min(first + count, len(self.bank))))

    def into(self, sink: Sink, indices: Sequence[int]) -> None:
        """Hand a sink responses of some of the bank's kernels to the scaled image (NumPy)."""
        twins: dict[int, list[_Twin]] | None = None
        complex_outs = sink.outs if isinstance(sink, Stored) and sink.part == "complex" else {}
        count = len(self.bank) if complex_outs else self.together
        compiled = [step for step in self.plan.steps if step.engine in COMPILED]
        if compiled and self._takes_it(sink):
            self._compiled(compiled, indices, sink)
        for step in self.plan.steps:
            if step in compiled and self._takes_it(sink):
                continue
            twins = self._twins(indices) if twins is None else twins
            members = [k for k in step.indices if k in twins]
            for first in range(0, len(members), count):
                chosen = members[first : first + count]
                outs = [complex_outs[k] for k in chosen] if complex_outs else None
                for k, response in zip(chosen, self._apply(step, chosen, outs), strict=True):
                    if not complex_outs:
                        sink.take(k, response)
                    for twin in twins[k]:
                        sink.take(twin.index, twin.turned(response))

    @property
    def together(self) -> int:
        """Complex responses that are held at a time."""
        size = math.prod(self.image.shape) * (16 if self.double else 8)
        return max(1, CHUNK_BYTES // max(1, size))

    def _takes_it(self, sink: Sink) -> bool:
        """Whether the compiled engines can do a sink's work themselves."""
        if not isinstance(sink, Stored):
            return True
        dtype = part_dtype(sink.part, self.double)
        return sink.part != "phase" and all(
            out.dtype == dtype and out.flags.aligned for out in sink.outs.values()
        )

    def _compiled(self, steps: Sequence[Step], places: Sequence[int], sink: Sink) -> None:
        """Hand the responses of some kernels to a sink, by one program of all steps."""
        program, level = Program(self.image), self.level.ravel().astype(np.float64)
        boundary, tolerance = self.options.boundary, self.options.tolerance
        wide: list[tuple[list[Kernel], list[int]]] = []
        narrow: list[tuple[list[Kernel], list[int]]] = []
        for step in steps:
            members = [k for k in step.indices if k in places]
            for together in factorized_together([self.bank[k] for k in members]):
                chosen = [members[place] for place, _ in together]
                kernels = [kernel for _, kernel in together]
                (wide if step.engine == "pyramid" else narrow).append((kernels, chosen))
        # The wide ones first: their stages wait for each other, and the narrow ones fill the gaps.
        if wide:
            pyramid.respond(program, level, boundary, wide, sink)
        for kernels, chosen in narrow:
            separable.respond(program, level, boundary, kernels, chosen, tolerance, sink)
        program.run()

    def _twins(self, indices: Sequence[int]) -> dict[int, list[_Twin]]:
        """Kernels to compute, and with each those that answer like it."""
        first: dict[Any, tuple[int, bool, float]] = {}
        twins: dict[int, list[_Twin]] = {}
        for k in indices:
            if self.bank[k].learnable:
                twins[k] = []
                continue
            key, conjugate, phase = self.bank[k].canonical()
            if key not in first:
                first[key] = (k, conjugate, phase)
                twins[k] = []
                continue
            source, source_conjugate, source_phase = first[key]
            flip = conjugate != source_conjugate
            turn = phase + source_phase if flip else phase - source_phase
            twins[source].append(_Twin(k, flip, turn))
        return twins

    def _apply(self, step: Step, places: list[int], outs: list[Array] | None) -> list[Array]:
        """Complex responses (B, H, W) by the step's engine, written into ``outs`` if given."""
        kernels = [self.bank[k] for k in places]
        if self.library.name == "numpy" and outs is None:
            dtype = part_dtype("complex", self.double)
            outs = list(empty((len(places), *self.image.shape), dtype))
        if step.engine in COMPILED:
            stored = Stored("complex", dict(zip(places, outs or (), strict=True)))
            if self._takes_it(stored):
                self._compiled([step], places, stored)
                return list(stored.outs.values())
            found = self._apply(step, places, None)
            for k, response in zip(places, found, strict=True):
                stored.take(k, response)
            return list(stored.outs.values())
        if step.engine == "fourier":
            margin = self._fourier_margin(step)
            if margin not in self._spectra:
                size = fourier.transform_size(self.library, self.shape, margin)
                padded = self._padded(margin)
                # Only the last is kept: steps come in order, and a spectrum is large.
                self._spectra = {margin: fourier.spectrum(self.library, padded, size)}
            found = fourier.respond(
                self.library,
                self._spectra[margin],
                margin,
                self.shape,
                kernels,
                self.double,
                self.options.tolerance,
                self.options.transfer,
                outs,
            )
        elif outs is None:
            padded = self._padded(step.radius)
            found = convolution.respond(
                self.library, padded, step.radius, kernels, self.double, self.options.tolerance
            )
        else:
            padded = self._padded(step.radius)
            found = direct.respond(padded, step.radius, kernels, self.options.tolerance, outs)
        return [
            response if kernel.is_dc_free else self._with_level(response, kernel)
            for kernel, response in zip(kernels, found, strict=True)
        ]

    def _fourier_margin(self, step: Step) -> int:
        """Pixels of outside that transforms take in: none where they wrap around by themselves."""
        size = fourier.transform_size(self.library, self.shape, 0)
        if self.options.boundary == "wrap" and size == self.shape and 2 * step.radius < min(size):
            return 0
        return step.margin

    def _padded(self, margin: int) -> Array:
        """The image with its outside, less its mean.

        The mean would only cancel in the sums of a DC-free kernel, at the cost of digits; for
        other kernels :meth:`_with_level` adds its answer again.
        """
        padded = pad(self.library, self.image, margin, self.options.boundary)
        if self.library.name == "numpy" and margin:  # then it is a copy
            padded -= self.level
            return padded
        return padded - self.level

    def _mean(self) -> Array:
        """Mean of each picture, roughly, (B, 1, 1); raises ImageError for NaN and infinity.

        Zero where zeros lie outside: they would no longer be small.
        """
        outside = float(self.options.boundary != "constant")
        if self.library.name == "torch":
            dtype = getattr(sys.modules["torch"], self.plan.dtype.name)
            return self.image.detach().mean((1, 2), keepdim=True, dtype=dtype) * outside
        with np.errstate(over="ignore", invalid="ignore"):
            level = self.image.mean((1, 2), keepdims=True)
        if not np.isfinite(level).all():
            if self.checked:
                self.library.check_finite(self.image)
            level[...] = 0  # a tensor's NaN spreads by itself
        return level * self.image.dtype.type(outside)

    def _with_level(self, response: Array, kernel: Kernel) -> Array:
        if self.options.transfer == "analytic":
            gain: Any = complex(kernel.transfer(0.0, 0.0, sampled=True))  # type: ignore[arg-type]
        else:
            gain = kernel.sample(self.options.tolerance).sum()
        if isinstance(response, np.ndarray):
            response += (self.level * gain).astype(response.dtype)
            return response
        return response + (self.level * self.library.constant(gain, self.double))


@dataclass(frozen=True)
class _Twin:
    """A kernel whose response is ``e^{i phase} R`` or ``e^{i phase} conj R`` of another's, R."""

    index: int
    conjugate: bool
    phase: float

    def turned(self, response: Array) -> Array:
        return (response.conj() if self.conjugate else response) * cmath.exp(1j * self.phase)


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
    whole = isinstance(channel_axis, (int, np.integer)) and not isinstance(channel_axis, bool)
    if ndim < 3 or not whole or not -ndim <= channel_axis < ndim:
        raise ImageError(f"channel_axis={channel_axis!r} is no axis of an image of shape {shape}")
    return library.moveaxis(image, channel_axis, -3)


def on_host(library: Library, image: Array) -> tuple[Library, Array]:
    """NumPy and the array of a tensor in memory that passes no gradient; others as they are."""
    placement = placement_of(image)
    if placement == Placement("torch"):
        return NumpyLibrary(), image.detach().numpy()
    return library, image
