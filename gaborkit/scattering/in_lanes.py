"""Scattering by compiled code: eight wavelets or moduli side by side, one a lane.

What NumPy does in four passes over memory (product, transform, modulus, average) is made here line
by line, while a line is in the processor's caches.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np

from ..caches import lru_cache
from ..filtering.engines import scratch
from ..filtering.engines.lanes import LANES, Pointed, transform
from ..filtering.engines.structures import Lowpass, ScatteringStep, performers
from ..filtering.engines.threads import in_threads
from ..types import Array, ComplexArray, RealArray
from .filters import NEGLIGIBLE, Filters, Wavelets
from .paths import places_of


class Steps(NamedTuple):
    """All steps of a transform.

    Attributes
    ----------
    firsts : array of ScatteringStep
        Wavelets that are applied to pictures, those of the most work first; each leads to those
        that are applied to its moduli.
    pointed : Pointed
        What they point to.
    memory, spectra : int
        Bytes of working memory, and of the spectra of moduli, of any step.
    """

    firsts: ctypes.Array[ScatteringStep]
    pointed: Pointed
    memory: int
    spectra: int


@lru_cache(maxsize=8)
def steps_of(filters: Filters) -> Steps:
    """Steps of a transform."""
    places = places_of(filters.scales, filters.order)
    functions = performers().in_lanes[filters.averages[1][0].dtype.name]
    pointed, firsts, memory, spectra = Pointed(), list[ScatteringStep](), [0], [0]
    for scale, wavelets in filters.wavelets[1].items():
        for start in range(0, len(wavelets.members), LANES):
            chosen = slice(start, start + LANES)
            members = wavelets.members[chosen]
            values = np.zeros((*wavelets.values.shape[1:], LANES), wavelets.values.dtype)
            values[..., : len(members)] = np.moveaxis(wavelets.values[chosen], 0, -1)
            channels = [[places[n,] for n in members]]
            first = _step(filters, wavelets, values[None], channels, 1, pointed)
            seconds = []
            for w in filters.following(scale):
                channels = [[places[n1, n2] for n1 in members] for n2 in w.members]
                seconds.append(_step(filters, w, w.values, channels, wavelets.step, pointed))
            if seconds:
                array = (ScatteringStep * len(seconds))(*seconds)
                first.seconds, first.second_count = pointed.structure(array), len(seconds)
                spectra.append(functions.scatter_spectra(ctypes.addressof(first)))
            memory += [functions.scatter_memory(ctypes.addressof(s)) for s in (first, *seconds)]
            firsts.append(first)
    array = (ScatteringStep * len(firsts))(*firsts)
    return Steps(array, pointed, max(memory), max(spectra))


def _step(
    filters: Filters,
    wavelets: Wavelets,
    values: RealArray,
    channels: list[list[int]],
    finer: int,
    pointed: Pointed,
) -> ScatteringStep:
    """A step whose wavelets (member, tile, row, column) may have lanes as a last axis."""

    def lowpass(matrix: RealArray) -> Lowpass:
        ranges = _ranges(abs(matrix) > negligible * abs(matrix).max())
        weights = pointed.array(matrix, values.dtype)
        return Lowpass(len(matrix), weights, pointed.array(ranges, np.int32))

    negligible = NEGLIGIBLE[values.dtype == np.float64]
    height, width = values.shape[2:4]
    down, across = filters.averages[wavelets.step]
    in_lanes = values.ndim == 5
    sizes = abs(values)
    matter = sizes > negligible * sizes.max((1, 2, 3), keepdims=True)
    by_lane = np.full((len(values), LANES), -1)
    by_lane[:, : len(channels[0])] = channels
    return ScatteringStep(
        down=transform(height, values.dtype, pointed),
        across=transform(width, values.dtype, pointed),
        low_down=lowpass(down),
        low_across=lowpass(across),
        finer_height=filters.axes[0].padded // finer,
        finer_width=filters.axes[1].padded // finer,
        tiles=len(wavelets.tiles),
        places=pointed.array(wavelets.tiles, np.int32),
        ranges=pointed.array(_ranges(matter.any(4) if in_lanes else matter), np.int32),
        values=pointed.array(values / (height * width), values.dtype),  # the inverse transform's
        channels=pointed.array(by_lane, np.int32),
        members=len(values),
        is_first=in_lanes,
    )


def _ranges(matter: Array) -> Array:
    """First place of each row that matters, and the place behind the last, as a last axis."""
    size = matter.shape[-1]
    first, last = matter.argmax(-1), size - matter[..., ::-1].argmax(-1)
    return np.stack([first, np.where(matter.any(-1), last, first)], -1)


def scatter(filters: Filters, spectra: ComplexArray, out: RealArray) -> None:
    """Coefficients (B, C, h, w) of orders 1 and 2 of padded pictures, by their spectra (B, H', W').

    Both lie in a piece. One thread does all, by one call.
    """
    steps = steps_of(filters)
    scatter_pictures = performers().in_lanes[out.dtype.name].scatter_pictures
    moduli, memory = scratch.take(steps.spectra), scratch.take(steps.memory)
    scatter_pictures(
        ctypes.addressof(steps.firsts),
        len(steps.firsts),
        spectra.ctypes.data,
        2 * spectra[0].size,
        out.ctypes.data,
        out[0].size,
        len(out),
        moduli.ctypes.data,
        memory.ctypes.data,
    )
    scratch.give_back(moduli)
    scratch.give_back(memory)


def scatter_by_steps(
    filters: Filters, spectrum: ComplexArray, out: RealArray, threads: int
) -> None:
    """Coefficients (C, h, w) of one picture, from its spectrum (H', W'), by steps."""
    steps = steps_of(filters)
    firsts = list(steps.firsts)
    scatter_step = performers().in_lanes[out.dtype.name].scatter_step

    def perform(
        step: ScatteringStep, spectra: Array, moduli: Array | None, first: int, last: int
    ) -> None:
        memory = scratch.take(steps.memory)
        scatter_step(
            ctypes.addressof(step),
            spectra.ctypes.data,
            None if moduli is None else moduli.ctypes.data,
            out.ctypes.data,
            memory.ctypes.data,
            first,
            last,
        )
        scratch.give_back(memory)

    def begin(step: ScatteringStep) -> Array:
        moduli = scratch.take(steps.spectra)
        perform(step, spectrum, moduli if step.second_count else None, 0, 1)
        return moduli

    def do(step: ScatteringStep) -> None:
        moduli = begin(step)
        for second in seconds_of(step):
            perform(second, moduli, None, 0, second.members)
        scratch.give_back(moduli)

    if threads == 1:
        for step in firsts:
            do(step)
        return
    # While one thread begins the step of the most work, the others do all that is not of it; the
    # steps that it leads to are shared.
    begun: list[Array] = []

    def begin_or_do(step: ScatteringStep) -> None:
        if step is firsts[0]:
            begun.append(begin(step))
        else:
            do(step)

    def go_on(piece: tuple[ScatteringStep, int]) -> None:
        second, member = piece
        perform(second, begun[0], None, member, member + 1)

    in_threads(begin_or_do, firsts, threads)
    seconds = seconds_of(firsts[0])
    in_threads(go_on, [(second, k) for second in seconds for k in range(second.members)], threads)
    scratch.give_back(begun[0])


def seconds_of(step: ScatteringStep) -> list[ScatteringStep]:
    """Steps that are applied to a step's moduli."""
    if not step.second_count:
        return []
    return list((ScatteringStep * step.second_count).from_address(step.seconds))
