"""Wavelets of a scattering transform in the Fourier domain, made once for a plan and a shape."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bank import GaborBank
from ..filtering.engines.threads import in_threads
from ..kernels.base import Kernel
from ..kernels.gabor import GaborKernel
from ..kernels.parameters import number
from ..types import ComplexArray, RealArray
from .averaging import Block, blocks_of, product
from .axes import Axis, gaussian
from .paths import Scale

#: Share of a wavelet's peak below which a part of the spectrum is left out.
NEGLIGIBLE = {False: 1e-7, True: 1e-16}

#: Energy relative to the largest, below which wavelets count as a gap that no factor fills.
GAP = 1e-3

#: Share of the envelope's mass beyond the support of a sampled wavelet.
TOLERANCE = {False: 1e-9, True: 1e-14}


@dataclass(frozen=True, eq=False)
class Wavelets:
    """Wavelets of one scale that are applied to values of a finer step, and what is left of these.

    The spectrum of every n-th value is the sum of n * n tiles of the spectrum, over n * n. Tiles
    where all the wavelets are negligible are left out.

    Parameters
    ----------
    key : (int, int)
        The finer step, and the place of the scale: no other wavelets of a transform have it.
    members : tuple of int
        Which of the bank's kernels: L.
    step : int
        Pixels between the values of their responses.
    tiles : tuple of (int, int)
        Row and column of T tiles.
    values : array (L, T, h, w)
        The transfer functions on the tiles, over n * n.
    """

    key: tuple[int, int]
    members: tuple[int, ...]
    step: int
    tiles: tuple[tuple[int, int], ...]
    values: RealArray

    @functools.cached_property
    def pairs(self) -> RealArray:
        """Values for the real and the imaginary part of each frequency, (L, T, 2 h w)."""
        return np.repeat(self.values.reshape(*self.values.shape[:2], -1), 2, -1)

    def single(self, index: int) -> Wavelets:
        """One of them."""
        values = self.values[index]
        rows = np.flatnonzero(values.any((1, 2)))
        tiles = tuple(self.tiles[t] for t in rows)
        return Wavelets(self.key, (self.members[index],), self.step, tiles, values[None, rows])


@dataclass(frozen=True, eq=False)
class Filters:
    """All that a transform multiplies with.

    Parameters
    ----------
    axes : (Axis, Axis)
        Rows and columns.
    scales : tuple of Scale
        From the highest frequency to the lowest.
    order : int
        2 if wavelets are applied to moduli, too.
    wavelets : dict of dicts of Wavelets
        By the step of the values that they are applied to, and by the place of their scale.
    averages : dict
        By step: the matrices (h, H') and (w, W') of the low-pass.
    """

    axes: tuple[Axis, Axis]
    scales: tuple[Scale, ...]
    order: int
    wavelets: dict[int, dict[int, Wavelets]]
    averages: dict[int, tuple[RealArray, RealArray]]

    def following(self, scale: int) -> list[Wavelets]:
        """Wavelets that are applied to the moduli of the scale at ``place``."""
        lower = range(scale + 1, len(self.scales)) if self.order > 1 else ()
        return [self.wavelets[self.scales[scale].step][k] for k in lower]

    @functools.cached_property
    def firsts(self) -> list[tuple[int, Wavelets]]:
        """Wavelets that are applied to the picture, one by one, with the places of their scales."""
        return [
            (scale, wavelets.single(k))
            for scale, wavelets in self.wavelets[1].items()
            for k in range(len(wavelets.members))
        ]

    @functools.cached_property
    def blocks(self) -> dict[int, tuple[tuple[Block, ...], tuple[Block, ...]]]:
        """The matrices in blocks."""
        blocks = {}
        for step, (down, across) in self.averages.items():
            negligible = NEGLIGIBLE[down.dtype == np.float64]
            blocks[step] = blocks_of(down, negligible), blocks_of(across, negligible)
        return blocks


def build(
    bank: GaborBank,
    scales: tuple[Scale, ...],
    axes: tuple[Axis, Axis],
    deviation: float,
    *,
    order: int,
    tight: bool,
    cells: int | None,
    gain: float,
    double: bool,
) -> Filters:
    """Filters for pictures of one shape.

    Parameters
    ----------
    bank : GaborBank
        The wavelets.
    scales : tuple of Scale
        From the highest frequency to the lowest.
    axes : (Axis, Axis)
        Rows and columns of the picture.
    deviation : float
        Of the low-pass, in pixels.
    order : int
        2 if wavelets are applied to moduli, too.
    tight : bool
        Scale the wavelets, so that their energy and the low-pass's make 1 at every frequency.
    cells : int, optional
        Average over so many parts of the picture along each axis, instead of the low-pass.
    gain : float
        Factor of all filters.
    double : bool
        Precision.
    """
    shape = axes[0].padded, axes[1].padded
    dtype: Any = np.float64 if double else np.float32
    factor = gain * filling(bank, scales, shape, deviation, double) if tight else gain
    # By step, the first scale that is applied to values of it.
    inputs = {1: 0 if order > 0 else len(scales)}
    if order > 1:
        for index, scale in enumerate(scales):
            inputs.setdefault(scale.step, index + 1)
    wavelets: dict[int, dict[int, Wavelets]] = {step: {} for step in inputs}
    for index, scale in enumerate(scales if order else ()):
        spectra = (factor * transfers(bank, scale, shape, double)).astype(dtype)
        for step, first in inputs.items():
            if index >= first:
                low = spectra_at(spectra, step)
                wavelets[step][index] = _wavelets(low, scale, (step, index), double)
    averages = {}
    for step in {1, *(scale.step for scale in scales)}:
        down, across = (
            axis.cells(cells, step) if cells else math.sqrt(gain) * axis.lowpass(deviation, step)
            for axis in axes
        )
        averages[step] = down.astype(dtype), across.astype(dtype)
    return Filters(axes, scales, order, wavelets, averages)


def transfers(bank: GaborBank, scale: Scale, shape: tuple[int, int], double: bool) -> RealArray:
    """Transfer functions of the wavelets of a scale on a torus, (L, H', W')."""
    spectra = np.empty((len(scale.members), *shape), np.float64 if double else np.float32)

    def work(k: int) -> None:
        spectra[k] = spectrum(bank[scale.members[k]], shape, double)

    in_threads(work, range(len(spectra)), len(spectra))
    return spectra


def filling(
    bank: GaborBank,
    scales: tuple[Scale, ...],
    shape: tuple[int, int],
    deviation: float,
    double: bool,
) -> RealArray:
    """Factor that makes wavelets take all the energy that the low-pass leaves, and no more.

    Where they answer next to nothing, only a part of it: see :data:`GAP`.
    """
    covered = energy(bank, scales, shape, double)
    rest = np.maximum(1 - lowpass_energy(shape, deviation), 0)
    covered[0, 0], rest[0, 0] = covered.max(), 0  # they answer nothing to a constant
    factor: RealArray = np.sqrt(rest / np.maximum(covered, GAP * covered.max() * rest))
    return factor if double else factor.astype(np.float32)


def energy(
    bank: GaborBank, scales: tuple[Scale, ...], shape: tuple[int, int], double: bool
) -> RealArray:
    """Factor by which wavelets multiply the energy of each wave of a real picture, (H', W')."""
    covered = np.zeros(shape)
    for scale in scales:
        for values in transfers(bank, scale, shape, double):
            covered += values**2
    mirrored = np.roll(covered[::-1, ::-1], (1, 1), axis=(0, 1))
    energy_covered: RealArray = (covered + mirrored) / 2
    return energy_covered


def lowpass_energy(shape: tuple[int, int], deviation: float) -> RealArray:
    """Factor by which the low-pass multiplies the energy of each wave, (H', W')."""
    down, across = (gaussian(np.fft.fftfreq(size), deviation) for size in shape)
    squared: RealArray = np.outer(down, across) ** 2
    return squared


def spectrum(kernel: Kernel, shape: tuple[int, int], double: bool) -> RealArray:
    """Transform of a kernel on the torus of ``shape``, float64, up to a constant phase.

    The samples of a Gabor kernel at -z are the conjugates of those at z, once its phase is taken
    off: so the transform is real, and half of the samples make it.
    """
    down, across = np.fft.fftfreq(shape[0]), np.fft.fftfreq(shape[1])
    if not isinstance(kernel, GaborKernel):
        return np.real(kernel.transfer(down[:, None], across, sampled=True))
    samples = kernel.sample(TOLERANCE[double]) * np.exp(-1j * number(kernel.phase))
    radius = len(samples) // 2
    samples[radius + 1 :] *= 2
    # Beyond the band its Gaussian is negligible.
    spread = max(1.0, number(kernel.gamma)) / (2 * math.pi * number(kernel.sigma * kernel.scale))
    band = kernel.frequency + math.sqrt(-2 * math.log(NEGLIGIBLE[double] / 10)) * spread
    rows, columns = np.flatnonzero(abs(down) <= band), np.flatnonzero(abs(across) <= band)
    half = np.fft.fft(_wrapped(samples[radius:], shape[1]))[:, columns]
    angle = 2 * np.pi * down[rows, None] * np.arange(radius + 1)
    waves = np.concatenate([np.cos(angle), np.sin(angle)], 1)
    values = np.zeros(shape)
    values[np.ix_(rows, columns)] = product(waves, np.concatenate([half.real, half.imag]))
    return values


def _wrapped(lines: ComplexArray, size: int) -> ComplexArray:
    """Lines, the origin at their centres, summed onto a circle that starts at the origin."""
    turns = -(-lines.shape[1] // size)
    room = np.zeros((len(lines), turns * size), complex)
    room[:, : lines.shape[1]] = lines
    return np.roll(room.reshape(len(lines), turns, size).sum(1), -(lines.shape[1] // 2), 1)


def spectra_at(spectra: RealArray, step: int) -> RealArray:
    """The low frequencies of spectra (L, H', W'), which values at every ``step``-th pixel have."""
    if step == 1:
        return spectra
    for axis in (1, 2):
        size = spectra.shape[axis] // step
        spectra = np.take(spectra, np.fft.fftfreq(size, 1 / size).astype(int), axis)
    return spectra


def _wavelets(spectra: RealArray, scale: Scale, key: tuple[int, int], double: bool) -> Wavelets:
    """Wavelets of a scale, from their spectra at the frequencies of the finer step."""
    times = scale.step // key[0]
    height, width = (size // times for size in spectra.shape[1:])
    tiled = spectra.reshape(-1, times, height, times, width).transpose(0, 1, 3, 2, 4)
    peaks = abs(tiled).max((3, 4))
    used = peaks > NEGLIGIBLE[double] * peaks.max((1, 2), keepdims=True)
    tiles = np.argwhere(used.any(0))
    chosen = tiled[:, tiles[:, 0], tiles[:, 1]] / times**2
    chosen[~used[:, tiles[:, 0], tiles[:, 1]]] = 0
    places = tuple((int(row), int(column)) for row, column in tiles)
    return Wavelets(key, scale.members, scale.step, places, chosen)
