"""Filtering an image with a bank: checks, boundary, engines, and sharing across kernels."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import Library, library_of
from .boundary import check_boundary, pad
from .engines import convolution, direct, fourier, separable
from .errors import FilterError, ImageError
from .kernel import TOLERANCE, Kernel
from .planning import Plan, Step, factorized_together, plan_bank
from .types import TRANSFERS, Array, Boundary, Engine, Transfer

if TYPE_CHECKING:
    from .bank import GaborBank

#: Bytes of responses that an iteration over a bank holds at a time.
CHUNK_BYTES = 2**28


def filter_bank(
    bank: GaborBank,
    image: Array,
    *,
    boundary: Boundary = "reflect",
    engine: Engine = "auto",
    channel_axis: int | None = None,
    out: Any = None,
    tolerance: float = TOLERANCE,
    transfer: Transfer = "sampled",
) -> Array:
    """Convolve an image with every kernel of a bank.

    Parameters
    ----------
    bank : GaborBank
        K kernels.
    image : array or torch tensor (..., H, W)
        Real. Integers are promoted to float and never rescaled: 8 and 16 bits to float32, more
        to float64. The type picks the library; a tensor stays on its device and passes gradients.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
        What lies outside the image, in SciPy's words; ``constant`` is zero.
    engine : {"auto", "direct", "separable", "fourier"}
        ``auto`` takes the fastest by a cost model that ``bank.plan(image.shape)`` prints. All
        agree with direct convolution in double precision: the L2 error is at most 1e-10 (double)
        or 1e-5 (single) of the response to white noise of the image's energy.
    channel_axis : int, optional
        Axis of colour, as in scikit-image. Each channel is filtered by itself, and the axis moves
        in front of K. :func:`gaborkit.luminance` makes one channel of three.
    out : complex array (..., K, H, W), optional
        C-contiguous array to write into, a memory map for example; NumPy only.
    tolerance : float
        Share of a kernel's envelope that may lie outside its support.
    transfer : {"sampled", "analytic"}
        ``analytic`` (Fourier engine) multiplies by the closed form instead of transforming the
        truncated samples, and no gradient reaches kernel parameters. The response of a Gabor kernel
        differs by at most ``tolerance`` times the envelope's mass times the image's L2 norm; that
        of a log-Gabor kernel, whose tolerance is a share of energy, by more.

    Returns
    -------
    complex array or tensor (..., K, H, W)
        complex64 for float32, complex128 for float64.

    Raises
    ------
    ImageError
        If the image is not a real array of at least two axes with pixels, looks like colour with
        no ``channel_axis``, is masked, or (NumPy) holds NaN or infinity. Looking for NaN would
        stall a GPU, so a tensor is not checked: one NaN spreads over its picture.
    FilterError
        If an option is unknown, or ``out`` does not fit.

    Examples
    --------
    >>> import gaborkit as gk
    >>> bank = gk.GaborBank.grid(scales=2, orientations=4)
    >>> image = np.random.default_rng(0).random((40, 50))
    >>> filter_bank(bank, image, boundary="wrap").shape
    (8, 40, 50)
    """
    run = _Run(bank, image, boundary, engine, channel_axis, tolerance, transfer)
    if run.library.name == "torch":
        if out is not None:
            raise FilterError("out= is for NumPy arrays; a tensor's responses are returned")
        stacked = run.library.stack(run.respond(range(len(bank))), 1)
        return stacked.reshape(*run.leading, len(bank), *run.shape)
    out = run.checked_out(out)
    flat = out.reshape(-1, len(bank), *run.shape)
    run.respond(range(len(bank)), [flat[:, k] for k in range(len(bank))])
    return out


def iterate_bank(
    bank: GaborBank,
    image: Array,
    *,
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
    >>> import gaborkit as gk
    >>> bank = gk.GaborBank.grid(scales=2, orientations=4)
    >>> image = np.random.default_rng(0).random((40, 50))
    >>> [response.shape for response in iterate_bank(bank, image)][:2]
    [(40, 50), (40, 50)]
    """
    run = _Run(bank, image, boundary, engine, channel_axis, tolerance, transfer)
    shape = (*run.leading, *run.shape)
    size = math.prod(shape) * (16 if run.double else 8)
    count = max(1, CHUNK_BYTES // size)

    def chunks() -> Iterator[Array]:
        for first in range(0, len(bank), count):
            indices = range(first, min(first + count, len(bank)))
            outs = None
            if run.library.name == "numpy":
                flat = np.empty((len(indices), *run.image.shape), run.dtype)
                outs = list(flat)
            for response in run.respond(indices, outs):
                yield response.reshape(shape)

    return chunks()


class _Run:
    """One image, checked and promoted, with what the engines share of it."""

    def __init__(
        self,
        bank: GaborBank,
        image: Array,
        boundary: Boundary,
        engine: Engine,
        channel_axis: int | None,
        tolerance: float,
        transfer: Transfer,
    ) -> None:
        check_boundary(boundary)
        if transfer not in TRANSFERS:
            raise FilterError(
                f"transfer={transfer!r} is unknown; choose one of {', '.join(TRANSFERS)}"
            )
        if transfer == "analytic":
            if engine not in ("auto", "fourier"):
                raise FilterError(
                    f"transfer='analytic' needs engine='fourier' or 'auto', not {engine!r}"
                )
            engine = "fourier"
        self.library: Library = library_of(image)
        _check_learnable(bank, self.library, transfer)
        image = _with_leading_channels(self.library, self.library.promote(image), channel_axis)
        self.leading, self.shape = tuple(image.shape[:-2]), tuple(image.shape[-2:])
        self.image = image.reshape(-1, *self.shape)
        self.double = self.library.double(image)
        self.dtype = np.dtype(np.complex128 if self.double else np.complex64)
        self.bank, self.boundary = bank, boundary
        self.level = self._mean()
        self.tolerance, self.transfer = tolerance, transfer
        self.plan: Plan = plan_bank(
            bank,
            tuple(self.image.shape),
            np.float64 if self.double else np.float32,
            engine=engine,
            tolerance=tolerance,
            library=self.library.name,
        )
        self._spectra: dict[int, Array] = {}

    def checked_out(self, out: Any) -> Any:
        shape = (*self.leading, len(self.bank), *self.shape)
        if out is None:
            return np.empty(shape, self.dtype)
        if not isinstance(out, np.ndarray) or out.shape != shape:
            found = f"shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
            raise FilterError(f"out has {found}, not that of the responses, {shape}")
        if out.dtype.kind != "c" or not out.flags.c_contiguous or not out.flags.writeable:
            raise FilterError(
                f"out ({out.dtype}) is not a writable C-contiguous complex array; "
                f"make one with numpy.empty({shape}, {self.dtype.name!r})"
            )
        if np.may_share_memory(out, self.image):
            raise FilterError(
                "out shares memory with the image, which it would overwrite; copy one"
            )
        return out

    def respond(self, indices: Sequence[int], outs: list[Array] | None = None) -> list[Array]:
        """Responses (B, H, W) of some of the bank's kernels, written into ``outs`` if given."""
        answers: dict[int, Array] = {}
        slots = dict(zip(indices, outs, strict=True)) if outs is not None else None
        sources, twins = self._twins(indices)
        for step in self.plan.steps:
            members = [k for k in step.indices if k in sources]
            if members:
                into = [slots[k] for k in members] if slots is not None else None
                found = self._apply(step, [self.bank[k] for k in members], into)
                answers.update(zip(members, found, strict=True))
        for k, answer in answers.items():
            if not self.bank[k].is_dc_free:
                answers[k] = self._with_level(answer, self.bank[k], slots is not None)
        for k, (source, conjugate, phase) in twins.items():
            turned = answers[source].conj() if conjugate else answers[source]
            turned = turned * cmath.exp(1j * phase)
            if slots is not None:
                slots[k][...] = turned
                turned = slots[k]
            answers[k] = turned
        return [answers[k] for k in indices]

    def _twins(self, indices: Sequence[int]) -> tuple[set[int], dict[int, tuple[int, bool, float]]]:
        """Kernels to compute, and for each other one its source, conjugation, and phase after it.

        A response is ``e^{i phase} R`` or ``e^{i phase} conj R``, R being the key's.
        """
        first: dict[Any, tuple[int, bool, float]] = {}
        twins = {}
        for k in indices:
            if self.bank[k].learnable:
                continue
            key, conjugate, phase = self.bank[k].canonical()
            if key not in first:
                first[key] = (k, conjugate, phase)
                continue
            source, source_conjugate, source_phase = first[key]
            flip = conjugate != source_conjugate
            turn = phase + source_phase if flip else phase - source_phase
            twins[k] = (source, flip, turn)
        return {k for k in indices if k not in twins}, twins

    def _apply(self, step: Step, kernels: list[Kernel], outs: list[Array] | None) -> list[Array]:
        if step.engine == "fourier":
            if step.margin not in self._spectra:
                size = fourier.transform_size(self.library, self.shape, step.margin)
                padded = self._padded(step.margin)
                # Only the last is kept: steps come in order, and a spectrum is large.
                self._spectra = {step.margin: fourier.spectrum(self.library, padded, size)}
            return fourier.respond(
                self.library,
                self._spectra[step.margin],
                step.margin,
                self.shape,
                kernels,
                self.double,
                self.tolerance,
                self.transfer,
                outs,
            )
        padded = self._padded(step.radius)
        if outs is None:
            return convolution.respond(
                self.library, padded, step.radius, kernels, self.double, self.tolerance
            )
        if step.engine == "direct":
            return direct.respond(padded, step.radius, kernels, self.tolerance, outs)
        for together in factorized_together(kernels):
            chosen = [kernel for _, kernel in together]
            into = [outs[place] for place, _ in together]
            separable.respond(padded, step.radius, chosen, self.tolerance, into)
        return outs

    def _padded(self, margin: int) -> Array:
        """The image with its outside, less its mean.

        The mean would only cancel in the sums of a DC-free kernel, at the cost of digits; for
        other kernels :meth:`_with_level` adds its answer again.
        """
        padded = pad(self.library, self.image, margin, self.boundary)
        if self.library.name == "numpy" and margin:  # then it is a copy
            padded -= self.level
            return padded
        return padded - self.level

    def _mean(self) -> Array:
        """Mean of each picture, (B, 1, 1); raises ImageError for NaN and infinity in NumPy.

        Zero where zeros lie outside: they would no longer be small.
        """
        outside = float(self.boundary != "constant")
        if self.library.name == "torch":
            return self.image.detach().mean((1, 2), keepdim=True) * outside
        level = self.image.mean((1, 2), dtype=np.float64, keepdims=True)
        if not np.isfinite(level).all():
            self.library.check_finite(self.image)
            level[...] = 0  # the sum of huge values overflowed
        level *= outside
        return level.astype(self.image.dtype)

    def _with_level(self, response: Array, kernel: Kernel, in_place: bool) -> Array:
        if self.transfer == "analytic":
            gain: Any = complex(kernel.transfer(0.0, 0.0, sampled=True))  # type: ignore[arg-type]
        else:
            gain = kernel.sample(self.tolerance).sum()
        if in_place:
            response += (self.level * gain).astype(response.dtype)
            return response
        return response + (self.level * self.library.constant(gain, self.double))


def _check_learnable(bank: GaborBank, library: Library, transfer: Transfer) -> None:
    if any(kernel.learnable for kernel in bank):
        if library.name != "torch":
            raise FilterError("learnable kernels filter tensors; give torch.from_numpy(image)")
        if transfer == "analytic":
            raise FilterError(
                "with transfer='analytic' no gradient reaches kernel parameters; leave it out"
            )


def _with_leading_channels(library: Library, image: Array, channel_axis: int | None) -> Array:
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
