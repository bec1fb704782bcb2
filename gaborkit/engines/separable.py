"""Row passes, column passes and a mix, compiled: a picture is read once, a response written once.

The work is done by ``separable.c``. Here its tables are laid out and its threads started.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..boundary import source_index
from ..errors import FilterError
from ..kernel import Kernel
from ..sinks import Compared, Sink, Stored, Summed
from ..types import Array, Boundary, RealArray
from .factorization import Factorization
from .threads import available, in_threads

#: Share of a kernel's L2 norm that a low-rank factorization may leave out.
ACCURACY = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-15}

#: Columns of a tile: the bytes of a row that the compiled code works on.
TILE_BYTES = 128

#: Pieces of a picture for each thread, so that none waits long for the last one.
PIECES = 4

# As the enumerations of separable.c.
PARTS = ("complex", "real", "imag", "magnitude", "energy")
USES = ("stored", "summed", "compared")


def available_here() -> bool:
    """Whether the compiled code is installed and runs on this machine."""
    return _library() is not None


def respond(
    images: RealArray,
    levels: RealArray,
    boundary: Boundary,
    kernels: Sequence[Kernel],
    places: Sequence[int],
    tolerance: float,
    sink: Sink,
) -> None:
    """Convolve with kernels of one radius by their common factorization.

    Parameters
    ----------
    images : float array (B, H, W)
    levels : float64 array (B,)
        Taken off each image; what kernels with DC answer to it is added again.
    kernels, places : sequences of Kernel and int
        And where in the bank they are.
    sink : Sink
        Its part is none of ``complex``, ``real``, ``imag``, ``magnitude``, ``energy`` only if the
        kernels' terms cancel.

    Raises
    ------
    MemoryError
        If there is no memory for the caches of a thread.
    """
    if not len(images):
        return
    tables = Tables.of(tuple(kernels), tolerance, images.dtype)
    if tables.factorization.cancels and images.dtype == np.float32:
        wide = np.empty((len(kernels), *images.shape), np.complex128)
        stored = Stored("complex", dict(enumerate(wide)))
        double = images.astype(np.float64)
        respond(double, levels, boundary, kernels, range(len(kernels)), tolerance, stored)
        for k, response in zip(places, wide, strict=True):
            sink.take(k, response.astype(np.complex64))
        return
    if not (images.strides[2] == images.itemsize and min(images.strides) > 0):
        images = np.ascontiguousarray(images)
    count, height, width = images.shape
    radius = tables.radius
    tile = TILE_BYTES // images.itemsize
    rows = _sources(height, radius, boundary)
    columns = np.concatenate([_sources(width, radius, boundary), np.zeros(tile, np.int64)])
    gains = tables.gains
    biases = np.stack([levels[:, None] * gains.real, levels[:, None] * gains.imag], axis=2)
    biases = np.ascontiguousarray(biases, images.dtype)  # (B, K, 2)
    levels = np.ascontiguousarray(levels, np.float64)
    job = _Job(part=PARTS.index(sink.part), use=USES.index(sink.use))
    planes: list[Array] = []
    indices = names = np.zeros(0)
    if isinstance(sink, Stored):
        planes = [sink.outs[k] for k in places]
    elif isinstance(sink, Compared):
        planes = [sink.energy[:, sink.groups[k]] for k in places]
        indices = _addresses([sink.index[:, sink.groups[k]] for k in places])
        names = np.array(places, np.int16)
    outs = _addresses(planes)
    if planes:
        job.out_stride = planes[0].strides[0] // planes[0].itemsize
    job.outs, job.indices, job.names = _address(outs), _address(indices), _address(names)
    tiles = count * -(-width // tile)
    threads = available()
    bands = min(-(-PIECES * threads // tiles), max(1, height // (2 * radius + 16)))
    job.band = -(-height // bands)
    picture = _Picture(
        image=_address(images),
        image_stride=images.strides[0] // images.itemsize,
        stride=images.strides[1] // images.itemsize,
        images=count,
        height=height,
        width=width,
        rows=_address(rows),
        columns=_address(columns),
        levels=_address(levels),
    )
    bank = tables.bank(biases)
    function = _function(images.dtype)
    following = ctypes.c_int64(0)
    sums = np.zeros((threads, count, len(kernels), 2))

    def work(thread: int) -> None:
        if function(bank, picture, job, ctypes.byref(following), _address(sums[thread])):
            raise MemoryError("no memory for the caches of the separable engine")

    in_threads(work, range(min(threads, tiles * bands)))
    if isinstance(sink, Summed):
        sink.sums[:, list(places)] += sums.sum(0)


class Tables:
    """A factorization, laid out as ``separable.c`` reads it."""

    def __init__(self, kernels: tuple[Kernel, ...], tolerance: float, dtype: Any) -> None:
        self.factorization = parts = Factorization.of(kernels, tolerance, ACCURACY[dtype])
        self.radius = parts.rows.shape[1] // 2
        self.kernels = len(kernels)
        free = np.array([kernel.is_dc_free for kernel in kernels])
        self.gains = np.where(free, 0, parts.gains)
        taps: list[RealArray] = []
        row_groups, row_order = _groups(parts.rows, parts.odd_rows, 0, 0, taps)
        column_groups: list[tuple[int, ...]] = []
        order: list[int] = []
        for source, row in enumerate(row_order):
            members = [p for p, (f, _) in enumerate(parts.products) if f == row]
            filters = [parts.products[p][1] for p in members]
            lines, odd = parts.columns[filters], parts.odd_columns[filters]
            groups, within = _groups(lines, odd, source, len(order), taps)
            column_groups += groups
            order += [members[i] for i in within]
        # Real and imaginary part of each kernel in turn, without the zeros.
        places = np.arange(2 * self.kernels).reshape(2, -1).T.ravel()
        mix = parts.mix[places][:, order]
        used = abs(mix) > 1e-16 * abs(mix).max()
        self.groups = np.array(row_groups + column_groups, np.int32)
        self.row_groups, self.column_groups = len(row_groups), len(column_groups)
        self.taps = np.concatenate(taps).astype(dtype)
        self.starts = np.concatenate([[0], used.sum(1).cumsum()]).astype(np.int32)
        self.terms = used.nonzero()[1].astype(np.int32)
        self.weights = mix[used].astype(dtype)

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def of(kernels: tuple[Kernel, ...], tolerance: float, dtype: Any) -> Tables:
        """The tables of a bank; the last few are kept."""
        return Tables(kernels, tolerance, dtype)

    @property
    def passes(self) -> tuple[int, int, int]:
        """Row passes, column passes, and terms of the mix."""
        return len(self.factorization.rows), len(self.factorization.products), len(self.terms)

    def bank(self, biases: RealArray) -> _Bank:
        """The structure, for (B, K, 2) values that are added to the responses."""
        return _Bank(
            radius=self.radius,
            row_filters=len(self.factorization.rows),
            products=len(self.factorization.products),
            kernels=self.kernels,
            row_groups=self.row_groups,
            column_groups=self.column_groups,
            groups=_address(self.groups),
            taps=_address(self.taps),
            starts=_address(self.starts),
            terms=_address(self.terms),
            weights=_address(self.weights),
            biases=_address(biases),
        )


def _groups(
    lines: RealArray, odd: Array, source: int, first: int, taps: list[RealArray]
) -> tuple[list[tuple[int, ...]], list[int]]:
    """Groups of at most two even and two odd filters, and the order that this puts them in.

    Their taps (radius + 1, filter) are appended to ``taps``.
    """
    groups: list[tuple[int, ...]] = []
    order: list[int] = []
    evens, odds = (np.flatnonzero(which).tolist() for which in (~odd, odd))
    while evens or odds:
        members = evens[:2] + odds[:2]
        place = sum(map(len, taps))
        groups.append((source, first + len(order), len(evens[:2]), len(odds[:2]), place))
        taps.append(lines[members, lines.shape[1] // 2 :].T.ravel())
        order += members
        evens, odds = evens[2:], odds[2:]
    return groups, order


def _sources(size: int, margin: int, boundary: Boundary) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where each padded sample comes from; -1 is a zero."""
    if boundary == "constant":
        inside = np.full(size + 2 * margin, -1)
        inside[margin : margin + size] = np.arange(size)
        return inside
    return source_index(size, margin, boundary).astype(np.int64)


class _Bank(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("radius", "row_filters", "products", "kernels")),
        *((name, ctypes.c_int32) for name in ("row_groups", "column_groups")),
        *((name, ctypes.c_void_p) for name in ("groups", "taps", "starts", "terms")),
        *((name, ctypes.c_void_p) for name in ("weights", "biases")),
    )


class _Picture(ctypes.Structure):
    _fields_ = (
        ("image", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("image_stride", "stride", "images")),
        *((name, ctypes.c_int64) for name in ("height", "width")),
        *((name, ctypes.c_void_p) for name in ("rows", "columns", "levels")),
    )


class _Job(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("outs", "indices", "names")),
        *((name, ctypes.c_int64) for name in ("out_stride", "band")),
        *((name, ctypes.c_int32) for name in ("part", "use")),
    )


def _address(array: Array) -> int:
    return int(array.ctypes.data)


def _addresses(arrays: Sequence[Array]) -> Array:
    return np.array([_address(array) for array in arrays], np.uintp)


@functools.cache
def _library() -> ctypes.CDLL | None:
    for path in Path(__file__).parent.glob("_separable.*"):
        try:
            return ctypes.CDLL(str(path))
        except OSError:  # of another machine
            continue
    return None


@functools.cache
def _function(dtype: np.dtype[Any]) -> Any:
    library = _library()
    if library is None:
        raise FilterError(
            "engine='separable' is not compiled here; install gaborkit with pip on a platform that "
            "Zig compiles for, or choose engine='fourier'"
        )
    precision = {"float32": "float", "float64": "double"}[dtype.name]
    function = getattr(library, f"filter_{precision}_{library.vector_bytes()}")
    function.argtypes = [*map(ctypes.POINTER, (_Bank, _Picture, _Job)), *[ctypes.c_void_p] * 2]
    function.restype = ctypes.c_int
    return function
