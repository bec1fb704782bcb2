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


class Steps(NamedTuple):
    """Wavelets that are applied at once, and those that are applied to their moduli.

    Attributes
    ----------
    firsts : array of Cascade
        What the compiled code reads: those of the most work first.
    references : list
        What they point to.
    memory, spectra : int
        Bytes of working memory, and of the spectra of moduli, of any step.
    """

    firsts: ctypes.Array[Cascade]
    references: list[Any]
    memory: int
    spectra: int


def fits(filters: Filters) -> bool:
    """Whether the compiled code is here and takes the sizes of the filters' grids."""
    sizes = {size for matrices in filters.averages.values() for size in map(_columns, matrices)}
    return bool(performers().scatterers) and max(max(_radices(size)) for size in sizes) <= LARGEST


def _columns(matrix: RealArray) -> int:
    return matrix.shape[1]


@lru_cache(maxsize=8)
def steps_of(filters: Filters) -> Steps:
    """Steps of a transform."""
    places = places_of(filters.scales, filters.order)
    scatterer = performers().scatterers[filters.averages[1][0].dtype.name]
    firsts, references, memory, spectra = [], list[Any](), [0], [0]
    for scale, wavelets in filters.wavelets[1].items():
        for start in range(0, len(wavelets.members), PLANES):
            chosen = slice(start, start + PLANES)
            lanes = wavelets.members[chosen]
            values = np.zeros((*wavelets.values.shape[1:], PLANES), wavelets.values.dtype)
            values[..., : len(lanes)] = np.moveaxis(wavelets.values[chosen], 0, -1)
            first = _step(filters, wavelets, values[None], [[places[n,] for n in lanes]], 1)
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
            for cascade, arrays in (first, *following):
                references += arrays
                memory.append(scatterer.memory(ctypes.addressof(cascade)))
            then = (Cascade * len(following))(*(cascade for cascade, _ in following))
            references.append(then)
            cascade = first[0]
            cascade.following, cascade.follows = ctypes.addressof(then), len(then)
            if following:
                spectra.append(scatterer.spectra(ctypes.addressof(cascade)))
            firsts.append(cascade)
    return Steps((Cascade * len(firsts))(*firsts), references, max(memory), max(spectra))


def _step(
    filters: Filters, wavelets: Wavelets, values: RealArray, channels: list[list[int]], finer: int
) -> tuple[Cascade, list[Array]]:
    """A step whose wavelets (member, tile, row, column) may have lanes as a last axis.

    Beside it, what it points to.
    """
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
        members=len(values),
        is_first=in_lanes,
    )
    return cascade, references


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


def scatter(filters: Filters, spectra: ComplexArray, out: RealArray) -> None:
    """Coefficients (B, C, h, w) of orders 1 and 2 of padded pictures, by their spectra (B, H', W').

    Both lie in a piece. One thread does all.
    """
    steps = steps_of(filters)
    _scatter(steps, steps.firsts, spectra, out)


def _scatter(
    steps: Steps, firsts: ctypes.Array[Cascade], spectra: ComplexArray, out: RealArray
) -> None:
    compiled = performers().scatterers[out.dtype.name].pictures
    between, memory = _block(steps.spectra), _block(steps.memory)
    compiled(
        ctypes.addressof(firsts),
        len(firsts),
        spectra.ctypes.data,
        2 * spectra[0].size,
        out.ctypes.data,
        out[0].size,
        len(out),
        between.ctypes.data,
        memory.ctypes.data,
    )
    _give_back(between)
    _give_back(memory)


def scatter_shared(filters: Filters, spectrum: ComplexArray, out: RealArray, threads: int) -> None:
    """Coefficients (C, h, w) of one picture by several threads, from its spectrum (H', W')."""
    steps = steps_of(filters)
    compiled = performers().scatterers[out.dtype.name].step
    first, between = steps.firsts[0], _block(steps.spectra)
    following = (Cascade * first.follows).from_address(first.following)

    def do(step: Cascade, spectra: int, moduli: int | None, begin: int, end: int) -> None:
        memory = _block(steps.memory)
        addresses = spectra, moduli, out.ctypes.data, memory.ctypes.data
        compiled(ctypes.addressof(step), *addresses, begin, end)
        _give_back(memory)

    def begin(place: int) -> None:
        if place == 0:
            do(first, spectrum.ctypes.data, between.ctypes.data if following else None, 0, 1)
        else:
            others = (Cascade * 1)(steps.firsts[place])
            _scatter(steps, others, spectrum[None], out[None])

    def go_on(piece: tuple[Cascade, int]) -> None:
        step, member = piece
        do(step, between.ctypes.data, None, member, member + 1)

    # While one thread begins the step of the most work, the others do all that is not of it; what
    # follows it is shared.
    in_threads(begin, range(len(steps.firsts)), threads)
    in_threads(go_on, [(step, k) for step in following for k in range(step.members)], threads)
    _give_back(between)


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
