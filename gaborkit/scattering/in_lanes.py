"""Scattering by the compiled cascade: eight wavelets or moduli side by side, one a lane.

What NumPy does in four passes over memory (product, transform, modulus, average) is one here, row
by row and column by column, and each transform is as wide as the processor's registers.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any, NamedTuple

import numpy as np

from ..caches import forgotten_by, lru_cache
from ..filtering.engines.structures import Cascade, Lowpass, Transform, performers
from ..filtering.engines.threads import in_threads
from ..types import Array, ComplexArray, RealArray
from .filters import NEGLIGIBLE, Filters, Wavelets
from .paths import places_of

#: Lanes, and the largest prime factor of a size, of the compiled code.
PLANES, LARGEST = 8, 64

#: Bytes that the next call may find in place: new memory costs more than what is computed in it.
KEPT_BYTES = 2**26

_lock = threading.Lock()
_kept_blocks: list[Array] = []
forgotten_by(_kept_blocks.clear)


class Step(NamedTuple):
    """Wavelets that are applied at once, and those that are applied to their moduli.

    Attributes
    ----------
    cascade : Cascade
        What the compiled code reads.
    references : list of arrays
        What it points to.
    members : int
        Wavelets one after the other; those of a first step, in lanes, count as one.
    memory, spectra : int
        Bytes of working memory, and of the spectra of the moduli.
    following : list of Step
    """

    cascade: Cascade
    references: list[Array]
    members: int
    memory: int
    spectra: int
    following: list[Step]


def fits(filters: Filters) -> bool:
    """Whether the compiled code is here and takes the sizes of the filters' grids."""
    sizes = {size for matrices in filters.averages.values() for size in map(_columns, matrices)}
    return bool(performers().scatterers) and max(max(_radices(size)) for size in sizes) <= LARGEST


def _columns(matrix: RealArray) -> int:
    return matrix.shape[1]


@lru_cache(maxsize=8)
def steps_of(filters: Filters) -> list[Step]:
    """First steps of a transform, those of the most work first."""
    places = places_of(filters.scales, filters.order)
    steps = []
    for scale, wavelets in filters.wavelets[1].items():
        for start in range(0, len(wavelets.members), PLANES):
            chosen = slice(start, start + PLANES)
            lanes = wavelets.members[chosen]
            following = [
                _step(
                    filters,
                    w,
                    w.values,
                    [[places[n1, n2] for n1 in lanes] for n2 in w.members],
                    wavelets.step,
                )
                for w in filters.following(scale)
            ]
            values = np.zeros((*wavelets.values.shape[1:], PLANES), wavelets.values.dtype)
            values[..., : len(lanes)] = np.moveaxis(wavelets.values[chosen], 0, -1)
            channels = [[places[n1,] for n1 in lanes]]
            step = _step(filters, wavelets, values[None], channels, 1)
            steps.append(step._replace(following=following))
    return steps


def _step(
    filters: Filters, wavelets: Wavelets, values: RealArray, channels: list[list[int]], finer: int
) -> Step:
    """A step whose wavelets (member, tile, row, column) may have lanes as a last axis."""
    references: list[Array] = []

    def address(array: Any, dtype: Any) -> int:
        values = np.asarray(array, dtype)
        references.append(_aligned(values.nbytes))
        references[-1].view(dtype).reshape(values.shape)[...] = values
        return int(references[-1].ctypes.data)

    def transform(size: int) -> Transform:
        turns = np.exp(-2j * np.pi * np.arange(size) / size)
        pairs = address(np.stack([turns.real, turns.imag], 1), values.dtype)
        return Transform(size=size, factors=address(_radices(size), np.int32), turns=pairs)

    def lowpass(matrix: RealArray) -> Lowpass:
        ranges = _ranges(abs(matrix) > negligible * abs(matrix).max())
        return Lowpass(len(matrix), address(matrix, values.dtype), address(ranges, np.int32))

    negligible = NEGLIGIBLE[values.dtype == np.float64]
    height, width = values.shape[2:4]
    down, across = filters.averages[wavelets.step]
    in_lanes = values.ndim == 5
    sizes = abs(values)
    matter = sizes > negligible * sizes.max((1, 2, 3), keepdims=True)
    by_lane = np.full((len(values), PLANES), -1)
    by_lane[:, : len(channels[0])] = channels
    cascade = Cascade(
        down=transform(height),
        across=transform(width),
        low_down=lowpass(down),
        low_across=lowpass(across),
        finer_height=filters.axes[0].padded // finer,
        finer_width=filters.axes[1].padded // finer,
        tiles=len(wavelets.tiles),
        places=address(wavelets.tiles, np.int32),
        ranges=address(_ranges(matter.any(4) if in_lanes else matter), np.int32),
        values=address(values / (height * width), values.dtype),  # the inverse transform's
        channels=address(by_lane, np.int32),
        is_first=in_lanes,
    )
    scatterer, place = performers().scatterers[values.dtype.name], ctypes.addressof(cascade)
    memory, spectra = scatterer.memory(place), scatterer.spectra(place)
    return Step(cascade, references, len(values), memory, spectra, [])


def _ranges(matter: Array) -> Array:
    """First place of each row that matters, and the place behind the last, as a last axis."""
    size = matter.shape[-1]
    first, last = matter.argmax(-1), size - matter[..., ::-1].argmax(-1)
    return np.stack([first, np.where(matter.any(-1), last, first)], -1)


def _radices(size: int) -> list[int]:
    """Factors of a size, as few as there are radices for; the largest, by itself, is the last.

    Examples
    --------
    >>> _radices(576), _radices(544)
    ([8, 8, 9], [4, 8, 17])
    """
    twos = (size & -size).bit_length() - 1
    rest = size >> twos
    fours = min(-twos % 3, twos // 2)
    radices = [2] * (twos == 1) + [4] * fours + [8] * ((twos - 2 * fours) // 3)
    for factor in (9, 3, *range(5, rest + 1, 2)):
        while rest % factor == 0:
            radices.append(factor)
            rest //= factor
    return sorted(radices) or [1]


def scatter(filters: Filters, spectrum: ComplexArray, out: RealArray, threads: int) -> None:
    """Coefficients (C, h, w) of orders 1 and 2 of a padded picture, from its spectrum (H', W')."""
    compiled = performers().scatterers[out.dtype.name].scatter

    def perform(step: Step, spectra: Array, following: Array | None, first: int, last: int) -> None:
        memory = _block(step.memory)
        compiled(
            ctypes.addressof(step.cascade),
            spectra.ctypes.data,
            None if following is None else following.ctypes.data,
            out.ctypes.data,
            memory.ctypes.data,
            first,
            last,
        )
        _give_back(memory)

    def begin(step: Step) -> Array | None:
        spectra = _block(step.spectra) if step.following else None
        perform(step, spectrum, spectra, 0, 1)
        return spectra

    def go_on(work: tuple[Step, Array, int, int]) -> None:
        step, spectra, first, last = work
        perform(step, spectra, None, first, last)

    def do(step: Step) -> None:
        spectra = begin(step)
        if spectra is None:
            return
        if step is shared:
            begun.append(spectra)
            return
        for following in step.following:
            go_on((following, spectra, 0, following.members))
        _give_back(spectra)

    steps = steps_of(filters)
    # While one thread begins the step of the most work, the others do all that is not of it; what
    # follows it is shared.
    shared = steps[0] if threads > 1 else None
    begun: list[Array] = []
    in_threads(do, steps, min(threads, len(steps)))
    for spectra in begun:
        pieces = [
            (step, spectra, first, first + 1)
            for step in steps[0].following
            for first in range(step.members)
        ]
        in_threads(go_on, pieces, min(threads, len(pieces)))
        _give_back(spectra)


def _block(size: int) -> Array:
    """Memory of at least so many bytes, at a multiple of 64."""
    with _lock:
        fitting = [place for place, block in enumerate(_kept_blocks) if block.size >= size]
        if fitting:
            return _kept_blocks.pop(min(fitting, key=lambda place: _kept_blocks[place].size))
    return _aligned(size)


def _aligned(size: int) -> Array:
    room = np.empty(size + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size]


def _give_back(block: Array) -> None:
    """Keep the largest blocks, as far as they may be kept."""
    with _lock:
        _kept_blocks.append(block)
        _kept_blocks.sort(key=lambda kept: kept.size)
        while sum(kept.size for kept in _kept_blocks) > KEPT_BYTES:
            del _kept_blocks[0]
