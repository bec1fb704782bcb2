"""Amounts of memory: what a user says, what is free, and what filtering a tile takes."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FilterError
from ..filtering.engines.base import Region
from ..filtering.registry import engines_of

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}

#: Bytes, more than any machine has.
LARGEST = 2.0**60


def parse_memory(memory: str | int) -> int:
    """Bytes in ``"1GB"``, ``"1.5 GiB"``, ``"500MB"`` or a number.

    Raises
    ------
    FilterError
        If it is none of these, or not positive.

    Examples
    --------
    >>> parse_memory("1.5GB"), parse_memory("1 MiB"), parse_memory(4096)
    (1500000000, 1048576, 4096)
    """
    parsed = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", str(memory))
    unit = parsed[2].upper() if parsed else ""
    size = float(parsed[1]) * _UNITS[unit] if parsed and unit in _UNITS else 0.0
    if not 1 <= size <= LARGEST:
        raise FilterError(f"memory={memory!r} is no amount of memory; 500MB, 1GB or 1.5GiB works")
    return int(size)


def available_memory() -> int:
    """Bytes that can be taken without swapping, within the limit of a container; else 2 GB."""
    limits = []
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        limits.append(int(text.split("MemAvailable:")[1].split()[0]) * 1024)
    except (OSError, IndexError, ValueError):
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
            limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
        limits.append(max(0, limit - used))
    except (OSError, ValueError):  # no limit
        pass
    return min(limits, default=2 * 10**9)


def bytes_of_tile(
    shape: tuple[int, int],
    halo: int,
    kernels: int,
    stored: np.dtype[np.generic],
    real: np.dtype[np.floating],
    written: np.dtype[Any],
    threads: int,
    *,
    engines: frozenset[str],
) -> int:
    """Most bytes that filtering a tile of ``shape`` takes, from reading to writing.

    Parameters
    ----------
    shape : (int, int)
        Of the tile, without its halo.
    halo : int
        Pixels around it.
    kernels : int
    stored, real, written : dtype
        Of the source, that in which it is filtered, and of the target.
    threads : int
        Of the engines.
    engines : frozenset of str
        Their names. What each holds is added up: some of it stays until all of them are done.

    Examples
    --------
    >>> byte, single = np.dtype(np.uint8), np.dtype(np.float32)
    >>> engines = frozenset(["separable"])
    >>> bytes_of_tile((1024, 1024), 30, 8, byte, single, single, 2, engines=engines) // 2**20
    79
    """
    tile, padded = shape[0] * shape[1], (shape[0] + 2 * halo) * (shape[1] + 2 * halo)
    grown = (shape[0] + 4 * halo) * (shape[1] + 4 * halo)  # engines add the outside themselves
    reading = 2 * stored.itemsize * padded
    # Responses of the tile and its halo, and of the tile alone as they are written.
    responses = kernels * written.itemsize * (padded + tile)
    pictures = real.itemsize * (padded + grown)
    region = Region(padded, grown, real.itemsize, kernels, threads)
    scratch = sum(engines_of("numpy")[name].scratch(region) for name in engines)
    return reading + responses + pictures + scratch


def reach_of(halo: int) -> int:
    """Pixels around a tile's halo among which the nearest one inside a mask is."""
    return math.isqrt(2 * halo**2) + 1


def bytes_of_mask(
    shape: tuple[int, int],
    halo: int,
    normalized: int,
    stored: np.dtype[np.generic],
    real: np.dtype[np.floating],
) -> int:
    """Most bytes that a mask adds to :func:`bytes_of_tile`.

    Parameters
    ----------
    normalized : int
        Kernels, if their convolution is normalised, else 0.
    """
    around = halo + reach_of(halo)
    window = (shape[0] + 2 * around) * (shape[1] + 2 * around)
    padded = (shape[0] + 2 * halo) * (shape[1] + 2 * halo)
    # The mask as it is stored and as booleans; SciPy's copies of it, and two indices a pixel.
    filling = (2 * stored.itemsize + 2 + 1 + 8 + 8) * window
    # Waves and envelopes, of the picture and of the mask, and twice what is made of them.
    return filling + 6 * normalized * 2 * real.itemsize * padded
