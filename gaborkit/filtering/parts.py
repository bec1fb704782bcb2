"""Parts of a complex response: what is wanted of it in the end."""

from __future__ import annotations

import ctypes
import math
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..caches import forgotten_by
from ..errors import FilterError
from ..types import PARTS, Array, Part

#: Bytes.
CACHE_LINE = 64

#: Bytes from which on an array's memory is kept for the next one, and up to which.
LARGE_BYTES, KEPT_BYTES = 2**22, 2**27

_free: list[NDArray[np.uint8]] = []  # at most one block
forgotten_by(lambda: _free.clear())


def check_part(part: str) -> None:
    """Raise FilterError for an unknown part."""
    if part not in PARTS:
        raise FilterError(f"part={part!r} is unknown; choose one of {', '.join(PARTS)}")


def part_of(response: Array, part: Part) -> Array:
    """A part of complex responses, of any shape, NumPy or torch; real unless ``complex``.

    ``energy`` is the squared magnitude; ``phase`` is in radians, from -pi to pi.

    Raises
    ------
    FilterError
        If the part is unknown.

    Examples
    --------
    >>> part_of(np.array([3 + 4j]), "energy")
    array([25.])
    """
    check_part(part)
    match part:
        case "complex":
            return response
        case "real":
            return response.real
        case "imag":
            return response.imag
        case "magnitude":
            return abs(response)
        case "energy":
            return response.real**2 + response.imag**2
        case _:
            return np.angle(response) if isinstance(response, np.ndarray) else response.angle()


def part_dtype(part: Part, double: bool) -> np.dtype[Any]:
    """Dtype of a part of responses of single or double precision."""
    if part == "complex":
        return np.dtype(np.complex128 if double else np.complex64)
    return np.dtype(np.float64 if double else np.float32)


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A new array that starts on a cache line: writing past the caches needs that.

    Large ones may lie where one that nobody holds any more was: the system takes as long to clear
    new memory as filtering takes to fill it.
    """
    size = math.prod(shape) * dtype.itemsize
    memory = _kept(size + CACHE_LINE) if size >= LARGE_BYTES else None
    if memory is None:
        memory = np.empty(size + CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    if size < LARGE_BYTES:
        return memory[start : start + size].view(dtype).reshape(shape)
    owner: Any = (ctypes.c_ubyte * memory.size).from_buffer(memory.data)
    weakref.finalize(owner, _give_back, memory).atexit = False
    return np.frombuffer(owner, dtype, math.prod(shape), start).reshape(shape)


def _kept(size: int) -> NDArray[np.uint8] | None:
    """A block that nobody holds any more, if it is of about this size."""
    try:
        memory = _free.pop()
    except IndexError:
        return None
    return memory if size <= memory.size <= 2 * size else None


def _give_back(memory: NDArray[np.uint8]) -> None:
    if memory.size <= KEPT_BYTES:
        _free[:] = [memory]
