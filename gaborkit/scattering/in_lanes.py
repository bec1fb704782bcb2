"""Scattering by the compiled cascade: eight wavelets or moduli side by side, one a lane.

What NumPy does in four passes over memory (product, transform, modulus, average) is one here, row
by row and column by column, and each transform is as wide as the processor's registers.
"""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np

from ..caches import lru_cache
from ..filtering.engines.lanes import PLANES, Pointed, block, give_back
from ..filtering.engines.structures import Cascade, Lowpass, performers
from ..filtering.engines.threads import in_threads
from ..types import Array, ComplexArray, RealArray
from .filters import NEGLIGIBLE, Filters, Wavelets
from .paths import places_of


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


@lru_cache(maxsize=8)
def steps_of(filters: Filters) -> Steps:
    """Steps of a transform."""
    places = places_of(filters.scales, filters.order)
    functions = performers().in_lanes[filters.averages[1][0].dtype.name]
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
            for cascade, pointed in (first, *following):
                references.append(pointed)
                memory.append(functions.scatter_memory(ctypes.addressof(cascade)))
            then = (Cascade * len(following))(*(cascade for cascade, _ in following))
            references.append(then)
            cascade = first[0]
            cascade.following, cascade.follows = ctypes.addressof(then), len(then)
            if following:
                spectra.append(functions.scatter_spectra(ctypes.addressof(cascade)))
            firsts.append(cascade)
    return Steps((Cascade * len(firsts))(*firsts), references, max(memory), max(spectra))


def _step(
    filters: Filters, wavelets: Wavelets, values: RealArray, channels: list[list[int]], finer: int
) -> tuple[Cascade, Pointed]:
    """A step whose wavelets (member, tile, row, column) may have lanes as a last axis.

    Beside it, what it points to.
    """
    pointed = Pointed()

    def lowpass(matrix: RealArray) -> Lowpass:
        ranges = _ranges(abs(matrix) > negligible * abs(matrix).max())
        weights = pointed.address(matrix, values.dtype)
        return Lowpass(len(matrix), weights, pointed.address(ranges, np.int32))

    negligible = NEGLIGIBLE[values.dtype == np.float64]
    height, width = values.shape[2:4]
    down, across = filters.averages[wavelets.step]
    in_lanes = values.ndim == 5
    sizes = abs(values)
    matter = sizes > negligible * sizes.max((1, 2, 3), keepdims=True)
    by_lane = np.full((len(values), PLANES), -1)
    by_lane[:, : len(channels[0])] = channels
    cascade = Cascade(
        down=pointed.transform(height, values.dtype),
        across=pointed.transform(width, values.dtype),
        low_down=lowpass(down),
        low_across=lowpass(across),
        finer_height=filters.axes[0].padded // finer,
        finer_width=filters.axes[1].padded // finer,
        tiles=len(wavelets.tiles),
        places=pointed.address(wavelets.tiles, np.int32),
        ranges=pointed.address(_ranges(matter.any(4) if in_lanes else matter), np.int32),
        values=pointed.address(values / (height * width), values.dtype),  # the inverse transform's
        channels=pointed.address(by_lane, np.int32),
        members=len(values),
        is_first=in_lanes,
    )
    return cascade, pointed


def _ranges(matter: Array) -> Array:
    """First place of each row that matters, and the place behind the last, as a last axis."""
    size = matter.shape[-1]
    first, last = matter.argmax(-1), size - matter[..., ::-1].argmax(-1)
    return np.stack([first, np.where(matter.any(-1), last, first)], -1)


def scatter(filters: Filters, spectra: ComplexArray, out: RealArray) -> None:
    """Coefficients (B, C, h, w) of orders 1 and 2 of padded pictures, by their spectra (B, H', W').

    Both lie in a piece. One thread does all.
    """
    steps = steps_of(filters)
    _scatter(steps, steps.firsts, spectra, out)


def _scatter(
    steps: Steps, firsts: ctypes.Array[Cascade], spectra: ComplexArray, out: RealArray
) -> None:
    compiled = performers().in_lanes[out.dtype.name].scatter_pictures
    between, memory = block(steps.spectra), block(steps.memory)
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
    give_back(between)
    give_back(memory)


def scatter_shared(filters: Filters, spectrum: ComplexArray, out: RealArray, threads: int) -> None:
    """Coefficients (C, h, w) of one picture by several threads, from its spectrum (H', W')."""
    steps = steps_of(filters)
    compiled = performers().in_lanes[out.dtype.name].scatter
    first, between = steps.firsts[0], block(steps.spectra)
    following = (Cascade * first.follows).from_address(first.following)

    def do(step: Cascade, spectra: int, moduli: int | None, begin: int, end: int) -> None:
        memory = block(steps.memory)
        addresses = spectra, moduli, out.ctypes.data, memory.ctypes.data
        compiled(ctypes.addressof(step), *addresses, begin, end)
        give_back(memory)

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
    give_back(between)
