"""Filtering without gradients on a GPU: what each engine costs, and what they share of one image.

The figures are guesses for an H100, from its data sheet and the compiled programs' instructions;
``benchmarks/gpu.py`` measures what they should be.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

from ..arrays import TorchLibrary
from ..boundary import pad
from ..kernels.base import Kernel
from ..normalizing import UNCHANGED, Normalization
from ..parts import part_of
from ..types import Array, Boundary, Part, Transfer
from . import decimated, fourier, fused
from .factorization import factorized_together

#: What users call these engines.
NAMES = {"separable": "fused", "pyramid": "decimated", "fourier": "fourier"}

#: Multiplications and additions a millisecond: 60 % of 132 processors x 128 x 1.75 GHz (a guess).
MULTIPLY = 18e9

#: Bytes read or written a millisecond (a guess).
COPY = 2.5e9

#: Tolerance at which samples are as good as the closed form in single precision.
CLOSED = 1e-7

#: Milliseconds of launches for one step (a guess).
START = 0.05


def milliseconds(
    engine: str,
    shape: tuple[int, int, int],
    kernels: Sequence[Kernel],
    tolerance: float,
    transfer: Transfer = "sampled",
    part: Part = "complex",
) -> float:
    """Modelled time of kernels of one radius on pictures (B, H, W) in single precision.

    Parameters
    ----------
    engine : {"separable", "pyramid", "fourier"}
    kernels : sequence of Kernel
    """
    engine = NAMES[engine]
    pictures, height, width = shape
    pixels, count = pictures * height * width, len(kernels)
    tolerance = effective(engine, tolerance, transfer)
    written = (8 if part == "complex" else 4) * pixels * count / COPY
    radius = kernels[0].radius(tolerance)
    taps = 2 * radius + 1
    if engine == "fused":
        # Round: 12 row passes for 8 kernels, 5 column passes for 2. Elongated: about a dozen
        # terms, each of a row and two columns.
        rows, columns = (1.5, 2.5) if all(k.separable for k in kernels) else (12, 24)
        work = pixels * count * (rows * taps + columns * (taps + fused.ROWS - 1))
        return START + max(work / MULTIPLY, written)
    grown = pictures * (height + 2 * radius) * (width + 2 * radius)
    # Each transform of a plane, complex, reads and writes it twice.
    plane = 8 * grown / COPY
    if engine == "decimated":
        share = decimated.step_of(kernels[0]) ** -2
        return START + written + 2 * plane + count * 7 * share * plane
    return START + 2 * plane + count * (4 + 3 + 2) * plane + written


def effective(engine: str, tolerance: float, transfer: Transfer) -> float:
    """The tolerance at which an engine takes samples: so small that they are the closed form."""
    closed = engine == "fused" and transfer == "analytic"
    return min(tolerance, CLOSED) if closed else tolerance


class Picture:
    """Pictures (B, H, W) on a device, in their own dtype, with what the engines share of them.

    Parameters
    ----------
    image : tensor (B, H, W)
        Real, of any dtype of :data:`gaborkit.engines.fused.DTYPES`.
    level : tensor (B, 1, 1)
        Mean of each picture in single or double precision, or zeros where zeros lie outside.
    boundary : str
    normalization : Normalization, optional
        How the image was scaled: what is stored is of the original's size.
    """

    def __init__(
        self,
        image: Array,
        level: Array,
        boundary: Boundary,
        normalization: Normalization = UNCHANGED,
    ) -> None:
        self.library, self.normalization = TorchLibrary(image), normalization
        self.image, self.level, self.boundary = image, level, boundary
        self._padded: dict[int, Array] = {}
        self._spectrum: dict[tuple[str, int], Array] = {}

    def respond(
        self,
        engine: str,
        kernels: Sequence[Kernel],
        places: Sequence[int],
        out: Array,
        tolerance: float,
        transfer: Transfer = "sampled",
        part: Part = "complex",
        margin: int = 0,
    ) -> None:
        """Store responses to kernels of one radius in channels ``places`` of ``out`` (B, K, H, W).

        Steps given one ``margin``, the largest that any of them needs, share what is made of the
        image.
        """
        tolerance = effective(engine, tolerance, transfer)
        margin = max(margin, max(kernel.radius(tolerance) for kernel in kernels))
        shape = (self.image.shape[1], self.image.shape[2])
        if engine == "fused":
            if margin not in self._padded:
                self._padded = {margin: pad(self.library, self.image, margin, self.boundary)}
            fused.respond(
                self._padded[margin],
                margin,
                self.level,
                kernels,
                places,
                out,
                tolerance,
                part,
                self.normalization.inverses,
            )
        elif engine == "decimated":
            margin = max(margin, decimated.margin_of(kernels, decimated.step_of(kernels[0])))
            margin = math.ceil(margin / decimated.LONGEST) * decimated.LONGEST
            size = decimated.transform_size(shape, margin)
            if ("half", margin) not in self._spectrum:
                padded = self._less_its_mean(margin)
                self._spectrum = {("half", margin): decimated.spectrum(padded, size)}
            transformed = self._spectrum["half", margin]
            decimated.respond(
                transformed,
                size,
                margin,
                self.level,
                kernels,
                places,
                out,
                part,
                self.normalization.inverses,
            )
        else:
            self._fourier(kernels, places, out, tolerance, transfer, part, margin)

    def _fourier(
        self,
        kernels: Sequence[Kernel],
        places: Sequence[int],
        out: Array,
        tolerance: float,
        transfer: Transfer,
        part: Part,
        margin: int,
    ) -> None:
        shape = (self.image.shape[1], self.image.shape[2])
        double = self.library.double(self.image)
        if ("whole", margin) not in self._spectrum:
            size = fourier.transform_size(self.library, shape, margin)
            padded = self._less_its_mean(margin)
            self._spectrum = {("whole", margin): fourier.spectrum(self.library, padded, size)}
        transformed = self._spectrum["whole", margin]
        # A batch at a time: only what is wanted of its responses is kept.
        for first, together in fourier.batches(transformed, len(kernels)):
            chosen = kernels[first : first + together]
            options = (double, tolerance, transfer, None)
            found = fourier.respond(self.library, transformed, margin, shape, chosen, *options)
            for k, response in enumerate(found, first):
                if not kernels[k].is_dc_free:
                    gain = _gain(kernels[k], tolerance, transfer)
                    response = response + self.level * self.library.constant(gain, double)
                out[:, places[k]] = self.normalization.restored(part_of(response, part), part)

    def _less_its_mean(self, margin: int) -> Array:
        padded = pad(self.library, self.image, margin, self.boundary)
        return padded.to(self.level.dtype) - self.level


def _gain(kernel: Kernel, tolerance: float, transfer: Transfer) -> complex:
    if transfer == "analytic":
        return complex(kernel.transfer(0.0, 0.0, sampled=True))  # type: ignore[arg-type]
    return complex(kernel.sample(tolerance).sum())


def filter_bank(
    image: Array,
    level: Array,
    bank: Sequence[Kernel],
    steps: Sequence[tuple[str, Sequence[int]]],
    boundary: Boundary,
    tolerance: float,
    transfer: Transfer,
    part: Part,
    normalization: Normalization = UNCHANGED,
) -> Array:
    """Responses (B, K, H, W) to a bank.

    Parameters
    ----------
    image : tensor (B, H, W)
        Of a dtype that :func:`gaborkit.engines.fused.reads`.
    level, normalization : tensor (B, 1, 1) and Normalization
        As :class:`Picture` takes them.
    steps : sequence of (engine, places)
        Kernels of one radius each, by their places in the bank.
    """
    torch = sys.modules["torch"]
    # Phases have no size, and small numbers have few digits.
    normalization = UNCHANGED if part == "phase" else normalization
    picture = Picture(image, level, boundary, normalization)
    complex_part = part in ("complex", "phase")
    dtype = level.to(torch.complex64 if level.dtype == torch.float32 else torch.complex128).dtype
    shape = (image.shape[0], len(bank), *image.shape[1:])
    out = torch.empty(shape, dtype=dtype if complex_part else level.dtype, device=image.device)
    wanted: Part = "complex" if part == "phase" else part
    chosen: dict[str, list[Sequence[int]]] = {}
    for engine, members in steps if len(image) else ():
        chosen.setdefault(NAMES[engine], []).append(members)
    for name, groups in chosen.items():
        kernels = [bank[k] for members in groups for k in members]
        margin = max(kernel.radius(effective(name, tolerance, transfer)) for kernel in kernels)
        if name == "decimated":
            steps_of = {decimated.step_of(kernel) for kernel in kernels}
            margin = max(decimated.margin_of(kernels, step) for step in steps_of)
        for members in groups:
            for together in factorized_together([bank[k] for k in members]):
                places = [members[place] for place, _ in together]
                kernels = [kernel for _, kernel in together]
                options = (out, tolerance, transfer, wanted, margin)
                picture.respond(name, kernels, places, *options)
    return out.angle() if part == "phase" else out
