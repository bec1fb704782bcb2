"""Volumes through kernels in space: three passes of matrices, or Fourier transforms.

A round kernel is a product of three lines, less its DC-removal term, which is a product of three
Gaussians. A pass along an axis multiplies by the matrix of its line, into which what lies outside
is folded: no volume is padded. Its rows are taken in blocks, of whose columns most are zero. Lines
that kernels share along z, or z and y, are passed once; so is the Gaussian of equal envelopes. What
follows the pass along z is done a few planes at a time, while these are in the caches.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from ..errors import FilterError, ImageError
from ..filtering.backend import NumpyLibrary
from ..filtering.padding import check_boundary, source_index
from ..filtering.parts import check_part, part_dtype, part_of
from ..io.volumes import Volume
from ..kernels.base import TOLERANCE
from ..types import Boundary, ComplexArray, Part, RealArray
from .kernel import GaborKernel3D, Spacing

VolumeEngine = Literal["auto", "separable", "fourier"]

#: Rows of a block of a matrix.
ROWS = 32

#: Bytes of planes that are passed together.
CACHED_BYTES = 2**21

#: Samples of a line from which on transforms are faster than passes, about.
LONG = 200


def filter_volume(
    kernels: GaborKernel3D | Iterable[GaborKernel3D],
    volume: NDArray[Any] | Volume,
    *,
    part: Part = "complex",
    boundary: Boundary = "reflect",
    engine: VolumeEngine = "auto",
    spacing: Sequence[float] | None = None,
    tolerance: float = TOLERANCE,
) -> NDArray[Any]:
    """Convolve a volume, or a video, with kernels in space.

    Parameters
    ----------
    kernels : GaborKernel3D, or K of them
    volume : real array (Z, Y, X) or (T, Y, X), or Volume
        Integers are promoted as by :meth:`GaborBank.filter`.
    part : {"complex", "real", "imag", "magnitude", "energy", "phase"}
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
    engine : {"auto", "separable", "fourier"}
        ``separable`` is of round kernels (gamma 1). Both agree with direct convolution in double
        precision: to 1e-10 (double) and 1e-5 (single precision) of the response.
    spacing : three floats, optional
        Distances along z, y and x in the unit of the kernels' lengths; those of a Volume
        (millimetres), or 1.
    tolerance : float
        Share of a kernel's envelope that may lie outside its support.

    Returns
    -------
    array (Z, Y, X), or (K, Z, Y, X) of several kernels
        complex64 for float32, complex128 for float64; float32 and float64 for other parts.

    Raises
    ------
    ImageError
        If the volume is not a real array of three axes, or holds NaN or infinity.
    FilterError
        If an option is unknown, or does not fit.

    Warns
    -----
    SamplingWarning
        If the grid is too coarse for a kernel.

    Examples
    --------
    >>> kernel = GaborKernel3D(wavelength=6, sigma=2)
    >>> filter_volume(kernel, np.ones((20, 30, 40), np.float32)).dtype
    dtype('complex64')
    """
    one = isinstance(kernels, GaborKernel3D)
    bank = list(kernels) if isinstance(kernels, Iterable) else [kernels]
    for kernel in bank:
        if not isinstance(kernel, GaborKernel3D):
            raise FilterError(f"{kernel!r:.60} is no GaborKernel3D")
    if not bank:
        raise FilterError("no kernels filter nothing; give at least one GaborKernel3D")
    check_part(part)
    check_boundary(boundary)
    if engine not in ("auto", "separable", "fourier"):
        raise FilterError(f"engine={engine!r} is unknown; choose one of auto, separable, fourier")
    steps, values = _grid(volume, spacing)
    for kernel in bank:
        kernel.warn_of_poor_sampling(steps)
    double = values.dtype == np.float64
    out = np.empty((len(bank), *values.shape), part_dtype(part, double))
    # A constant answers nothing, and what is left of a large one beside it is rounding.
    level = values.mean(dtype=np.float64) if boundary != "constant" else 0.0
    if not all(kernel.dc_free for kernel in bank):
        level = 0.0
    values = values - values.dtype.type(level)
    groups: dict[str, list[int]] = {"separable": [], "fourier": []}
    for k, kernel in enumerate(bank):
        groups[_engine(engine, kernel, tolerance, steps)].append(k)
    for name, members in groups.items():
        respond = _separable if name == "separable" else _fourier
        chosen = [bank[k] for k in members]
        for index, planes, response in respond(chosen, values, boundary, steps, tolerance):
            out[members[index], planes] = part_of(response, part)
    return out[0] if one else out


def _grid(volume: Any, spacing: Sequence[float] | None) -> tuple[Spacing, RealArray]:
    steps = volume.spacing if isinstance(volume, Volume) and spacing is None else spacing
    values = volume.values if isinstance(volume, Volume) else volume
    library = NumpyLibrary()
    values = library.promote(values)
    if values.ndim != 3 or 0 in values.shape:
        raise ImageError(f"an array of shape {values.shape} is no volume (Z, Y, X) with voxels")
    library.check_finite(values, "voxels")
    distances = np.asarray((1, 1, 1) if steps is None else steps, dtype=float)
    if distances.shape != (3,) or not (np.isfinite(distances) & (distances > 0)).all():
        raise FilterError(f"spacing={spacing!r} is not three distances above 0 along z, y and x")
    z, y, x = map(float, distances)
    return (z, y, x), values


def _engine(engine: str, kernel: GaborKernel3D, tolerance: float, steps: Spacing) -> str:
    if engine == "separable" and not kernel.separable:
        raise FilterError(
            f"gamma={kernel.gamma:g} is no product of lines; engine='fourier' takes such a kernel"
        )
    if engine != "auto":
        return engine
    long = max(kernel.radii(tolerance, steps)) * 2 + 1 > LONG
    return "fourier" if long or not kernel.separable else "separable"


# ---- three passes ----


def _separable(
    kernels: list[GaborKernel3D],
    values: RealArray,
    boundary: Boundary,
    steps: Spacing,
    tolerance: float,
) -> Iterator[tuple[int, slice, ComplexArray]]:
    """Responses with the places of their kernels and planes, in an order that shares passes."""
    lines, gaussians = {}, {}
    for k, kernel in enumerate(kernels):
        lines[k], gaussians[k] = _lines(kernel, steps, tolerance)
    # Of a real volume, a kernel that is turned about answers the conjugate.
    turned = {k for k, (z, _, _) in lines.items() if _key(z) > _key(z.conj())}
    for k in turned:
        lines[k] = [line.conj() for line in lines[k]]
    order = sorted(lines, key=lambda k: [_key(line) for line in [*gaussians[k], *lines[k]]])
    passes = _Passes(values.shape, values.dtype == np.float64, boundary)
    smooth: tuple[Any, RealArray] | None = None

    def shared(k: int) -> list[bytes]:
        return [_key(line) for line in (*gaussians[k], lines[k][0])]

    for _, together in itertools.groupby(order, shared):
        members = list(together)
        gaussian = gaussians[members[0]]
        name = [_key(line) for line in gaussian]
        if any(kernels[k].dc_free for k in members) and (smooth is None or smooth[0] != name):
            smoothed = values
            for axis, line in enumerate(gaussian):
                smoothed = passes.along(axis, smoothed, line)
            smooth = name, smoothed
        first = passes.along(0, values, lines[members[0]][0])
        constants, sizes = {}, {}
        for k in members:
            kernel, factor = kernels[k], kernels[k].amplitude() * math.prod(steps)
            sums = (complex(line.sum()) for line in lines[k])
            constants[k] = math.prod(sums) / math.prod(float(line.sum()) for line in gaussian)
            sizes[k] = factor * np.exp(-1j * kernel.phase if k in turned else 1j * kernel.phase)
        rows = [list(some) for _, some in itertools.groupby(members, lambda k: _key(lines[k][1]))]
        for start in range(0, len(values), passes.together):
            planes = slice(start, start + passes.together)
            for of_one_row in rows:
                second = passes.along(1, first[planes], lines[of_one_row[0]][1])
                for k in of_one_row:
                    response = passes.along(2, second, lines[k][2])
                    kind = response.dtype.type
                    if kernels[k].dc_free and smooth is not None:
                        response -= kind(constants[k]) * smooth[1][planes]
                    response *= kind(sizes[k])
                    yield k, planes, response.conj() if k in turned else response


def _lines(
    kernel: GaborKernel3D, steps: Spacing, tolerance: float
) -> tuple[list[ComplexArray], list[RealArray]]:
    """The lines along z, y and x of a round kernel without its phase, and of its envelope."""
    deviation = kernel.sigma * kernel.scale
    waves, gaussians = [], []
    for positions, share in zip(
        kernel.lines(tolerance, steps), kernel.direction[::-1], strict=True
    ):
        gaussian = np.exp(-(positions**2) / (2 * deviation**2))
        gaussians.append(gaussian)
        waves.append(gaussian * np.exp(2j * math.pi * kernel.frequency * share * positions))
    return waves, gaussians


def _key(line: NDArray[Any]) -> bytes:
    """What equal lines have in common; rounding apart."""
    return (line.round(13) + 0).tobytes()


class _Passes:
    """Convolutions with lines along the axes of volumes (Z, Y, X), or of some planes of them.

    Attributes
    ----------
    together : int
        Planes that stay in the caches.
    """

    def __init__(self, shape: tuple[int, ...], double: bool, boundary: Boundary) -> None:
        self.shape, self.double, self.boundary = shape, double, boundary
        plane = 8 * (1 + double) * math.prod(shape[1:])
        self.together = max(1, CACHED_BYTES // plane)
        self._blocks: dict[Any, list[tuple[slice, slice, NDArray[Any]]]] = {}

    def along(self, axis: int, values: NDArray[Any], line: NDArray[Any]) -> NDArray[Any]:
        """Values convolved with a line along an axis."""
        name = axis, _key(line)
        if name not in self._blocks:
            self._blocks[name] = list(self._blocks_of(axis, line))
        blocks = self._blocks[name]
        out = np.empty(values.shape, np.result_type(values.dtype, blocks[0][2].dtype))
        for rows, columns, block in blocks:
            _multiply(block, values, out, axis, rows, columns)
        return out

    def _blocks_of(
        self, axis: int, line: NDArray[Any]
    ) -> Iterator[tuple[slice, slice, NDArray[Any]]]:
        """Rows of the line's matrix, with those columns where they are not zero."""
        if np.iscomplexobj(line) and not line.imag.any():
            line = line.real
        kind = line.dtype
        if not self.double:
            kind = np.dtype(np.complex64 if np.iscomplexobj(line) else np.float32)
        matrix = _matrix(line, self.shape[axis], self.boundary)
        for start in range(0, len(matrix), ROWS):
            rows = slice(start, min(start + ROWS, len(matrix)))
            used = np.flatnonzero(matrix[rows].any(0))
            columns = slice(int(used[0]), int(used[-1]) + 1)
            yield rows, columns, matrix[rows, columns].astype(kind)


def _multiply(
    block: NDArray[Any],
    values: NDArray[Any],
    out: NDArray[Any],
    axis: int,
    rows: slice,
    columns: slice,
) -> None:
    """A block of a matrix times the slabs of values that it needs."""
    if axis == 0:
        flat = values.reshape(len(values), -1)[columns]
        target = out.reshape(len(out), -1)[rows]
        if np.iscomplexobj(block) and not np.iscomplexobj(values):
            target.real, target.imag = block.real @ flat, block.imag @ flat
        else:
            np.matmul(block, flat, out=target)
    elif axis == 1:
        np.matmul(block, values[:, columns], out=out[:, rows])
    else:
        np.matmul(values[..., columns], block.T, out=out[..., rows])


def _matrix(line: NDArray[Any], size: int, boundary: Boundary) -> NDArray[Any]:
    """The convolution with a line as a matrix (size, size), what lies outside folded in."""
    radius = len(line) // 2
    places = np.arange(size)[:, None] + np.arange(2 * radius + 1)  # in the padded axis
    taps = np.broadcast_to(line[::-1], places.shape)
    matrix = np.zeros((size, size), line.dtype)
    if boundary == "constant":
        source = places - radius
        inside = (source >= 0) & (source < size)
        rows = np.broadcast_to(np.arange(size)[:, None], places.shape)
        np.add.at(matrix, (rows[inside], source[inside]), taps[inside])
        return matrix
    source = source_index(size, radius, boundary)[places]
    np.add.at(matrix, (np.arange(size)[:, None], source), taps)
    return matrix


# ---- transforms ----


def _fourier(
    kernels: list[GaborKernel3D],
    values: RealArray,
    boundary: Boundary,
    steps: Spacing,
    tolerance: float,
) -> Iterator[tuple[int, slice, ComplexArray]]:
    """One forward transform of the volume, and an inverse one for each kernel, of all planes."""
    if not kernels:
        return
    samples = [kernel.sample(tolerance, steps) for kernel in kernels]
    margins = [max(one.shape[axis] // 2 for one in samples) for axis in range(3)]
    padded = values
    for axis, margin in enumerate(margins):
        if boundary == "constant":
            width = [(margin, margin) if other == axis else (0, 0) for other in range(3)]
            padded = np.pad(padded, width)
        else:
            index = source_index(values.shape[axis], margin, boundary)
            padded = np.take(padded, index, axis)
    shape = [scipy.fft.next_fast_len(size) for size in padded.shape]
    spectrum = scipy.fft.fftn(padded, shape)
    inner = tuple(
        slice(margin, margin + size) for margin, size in zip(margins, values.shape, strict=True)
    )
    for k, one in enumerate(samples):
        centred = np.zeros(shape, spectrum.dtype)
        centred[tuple(slice(0, size) for size in one.shape)] = one
        centred = np.roll(centred, [-(size // 2) for size in one.shape], (0, 1, 2))
        product = scipy.fft.fftn(centred, overwrite_x=True)
        product *= spectrum
        yield k, slice(None), scipy.fft.ifftn(product, overwrite_x=True)[inner]
