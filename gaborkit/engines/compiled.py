"""The compiled code: how its structures lie in memory, and its functions."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..boundary import source_index
from ..errors import FilterError
from ..sinks import Compared, Sink, Stored
from ..types import Array, Boundary, RealArray
from .threads import in_threads

# As the enumerations of separable.c.
PARTS = ("complex", "real", "imag", "magnitude", "energy", "split")
USES = ("stored", "summed", "compared")

#: Multiplications that are worth waking another thread for.
WORTH = 2**21

#: Columns of a tile: the bytes of a row that the compiled code works on.
TILE_BYTES = 128


class Bank(ctypes.Structure):
    """Row passes, column passes and mix."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("radius", "row_filters", "products", "kernels")),
        *((name, ctypes.c_int32) for name in ("row_groups", "column_groups")),
        *((name, ctypes.c_void_p) for name in ("groups", "taps", "starts", "terms")),
        *((name, ctypes.c_void_p) for name in ("weights", "biases")),
    )


class Picture(ctypes.Structure):
    """Images and the sources of their padded rows and columns."""

    _fields_ = (
        ("image", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("image_stride", "stride", "images")),
        *((name, ctypes.c_int64) for name in ("height", "width")),
        *((name, ctypes.c_void_p) for name in ("rows", "columns", "levels")),
    )


class Job(ctypes.Structure):
    """Where responses go."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("outs", "indices", "names")),
        *((name, ctypes.c_int64) for name in ("out_stride", "band", "split")),
        *((name, ctypes.c_int32) for name in ("part", "use")),
    )


def available_here() -> bool:
    """Whether the compiled code is installed and runs on this machine."""
    return _library() is not None


@functools.cache
def _library() -> ctypes.CDLL | None:
    for path in Path(__file__).parent.glob("_separable.*"):
        try:
            return ctypes.CDLL(str(path))
        except OSError:  # of another machine
            continue
    return None


@functools.cache
def function(name: str, dtype: np.dtype[Any]) -> Any:
    """A compiled function for a precision, by the widest registers that the processor has.

    Raises
    ------
    FilterError
        If the code is not compiled on this platform.
    """
    library = _library()
    if library is None:
        raise FilterError(
            "engine='separable' and 'pyramid' are not compiled here; install gaborkit with pip on "
            "a platform that Zig compiles for, or choose engine='fourier'"
        )
    precision = {"float32": "float", "float64": "double"}[dtype.name]
    found = getattr(library, f"{name}_{precision}_{library.vector_bytes()}")
    structure = {"filter": (Bank, Picture, Job), "halve": (Picture,)}.get(name, ())
    number, address = ctypes.c_int64, ctypes.c_void_p
    rest = {
        "filter": (address, address),
        "halve": (address, ctypes.c_int, number, number, address, address, address, number),
        "twice": (address, *4 * (number,), address, ctypes.c_int, address)
        + 4 * (number,)
        + (ctypes.POINTER(Job), address, address),
    }[name]
    found.argtypes = [*map(ctypes.POINTER, structure), *rest]
    found.restype = ctypes.c_int
    return found


def run(call: Callable[[int, Any], int], pieces: int, work: int, most: int) -> None:
    """Call the compiled code in threads, which share a counter of the pieces that are taken.

    ``work``, about the multiplications in all, decides whether several threads are worth it; the
    call takes a number below ``most``, its thread's.

    Raises
    ------
    MemoryError
        If there is no memory for the caches of a thread.
    """
    taken = ctypes.c_int64(0)

    def part(thread: int) -> None:
        if call(thread, ctypes.byref(taken)):
            raise MemoryError("no memory for the caches of the compiled code")

    threads = min(most, pieces, 1 + work // WORTH)
    in_threads(part, range(threads), threads)


def contiguous(images: RealArray) -> RealArray:
    """Images (B, H, W) whose rows are contiguous, as the compiled code needs."""
    if images.strides[2] == images.itemsize and min(images.strides) > 0:
        return images
    return np.ascontiguousarray(images)


def picture_of(images: RealArray, rows: Array, columns: Array, levels: RealArray) -> Picture:
    """The structure; the arrays must outlive it."""
    count, height, width = images.shape
    return Picture(
        image=address(images),
        image_stride=images.strides[0] // images.itemsize,
        stride=images.strides[1] // images.itemsize,
        images=count,
        height=height,
        width=width,
        rows=address(rows),
        columns=address(columns),
        levels=address(levels),
    )


def stored(part: str, planes: Sequence[Array]) -> tuple[Job, list[Array]]:
    """A job that stores a part, in a plane (B, H, W) each kernel; the arrays must outlive it."""
    outs = addresses(planes)
    job = Job(part=PARTS.index(part), use=USES.index("stored"), outs=address(outs))
    job.out_stride = planes[0].strides[0] // planes[0].itemsize
    return job, [outs]


def job_of(sink: Sink, places: Sequence[int], skipped: int = 0) -> tuple[Job, list[Array]]:
    """The job of a sink, for kernels at these places of the bank; the arrays must outlive it.

    ``skipped`` pixels of each plane lie before those that are written.
    """
    if isinstance(sink, Stored):
        return stored(sink.part, [_rest(sink.outs[k], skipped) for k in places])
    if isinstance(sink, Compared):
        energies, indices = (
            [_rest(planes[:, sink.groups[k]], skipped) for k in places]
            for planes in (sink.energy, sink.index)
        )
        job, kept = stored(sink.part, energies)
        kept += [addresses(indices), np.array(places, np.int16)]
        job.use, job.indices, job.names = USES.index("compared"), *map(address, kept[1:])
        return job, kept
    outs = np.zeros(len(places), np.uintp)
    return Job(part=PARTS.index(sink.part), use=USES.index("summed"), outs=address(outs)), [outs]


def _rest(planes: Array, skipped: int) -> Array:
    return planes.reshape(len(planes), -1)[:, skipped:]


def sources(size: int, first: int, last: int, boundary: Boundary) -> Array:
    """Index into an axis of ``size`` of positions first .. last - 1, int64; -1 is a zero."""
    margin = max(0, -first, last - size)
    if boundary == "constant":
        inside = np.full(size + 2 * margin, -1, np.int64)
        inside[margin : margin + size] = np.arange(size)
    else:
        inside = source_index(size, margin, boundary).astype(np.int64)
    return inside[margin + first : margin + last]


def address(array: Array) -> int:
    """Of the first element."""
    return int(array.ctypes.data)


def addresses(arrays: Sequence[Array]) -> Array:
    """Of the first elements."""
    return np.array([address(array) for array in arrays], np.uintp)
