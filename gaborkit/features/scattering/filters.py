"""Wavelets of a scattering transform in the Fourier domain, made once for a plan and a shape."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...gabor import GaborKernel
from ...kernel import Kernel
from ...parameters import number
from ...types import RealArray
from .averaging import Block, blocks_of
from .grid import LOWPASS, Axis, gaussian

#: Share of a wavelet's peak below which a part of the spectrum is left out.
NEGLIGIBLE = {False: 1e-7, True: 1e-16}

#: Share of the envelope's mass beyond the support of a sampled wavelet.
TOLERANCE = {False: 1e-9, True: 1e-14}


@dataclass(frozen=True, eq=False)
class Tile:
    """A part of a spectrum that folds onto a coarser grid's, and a wavelet there.

    Values at every n-th sample have a spectrum of the n * n tiles' sum, over n * n.
    """

    row: int
    column: int
    values: RealArray  # (h, w), over n * n

    @functools.cached_property
    def pairs(self) -> RealArray:
        """Values for the real and the imaginary part of each frequency, (2 h w)."""
        return np.repeat(self.values.ravel(), 2)


@dataclass(frozen=True, eq=False)
class Wavelets:
    """Wavelets of one step that are applied to values of one finer step.

    Parameters
    ----------
    members : tuple of int
        Which of the bank's kernels.
    step : int
        Pixels between the values of their responses.
    shape : (int, int)
        Of the responses.
    tiles : tuple of tuples of Tile
        For each member, where its transfer function is not negligible.
    """

    members: tuple[int, ...]
    step: int
    shape: tuple[int, int]
    tiles: tuple[tuple[Tile, ...], ...]


@dataclass(frozen=True)
class Scale:
    """Kernels of one frequency: their places in the bank, and the step of their responses."""

    members: tuple[int, ...]
    step: int


@dataclass(frozen=True, eq=False)
class Filters:
    """All that a transform multiplies with.

    Parameters
    ----------
    axes : (Axis, Axis)
        Rows and columns.
    scales : tuple of Scale
        From the highest frequency to the lowest.
    wavelets : dict of tuples of Wavelets
        By the step of the values that they are applied to: those of each scale.
    averages : dict
        By step: the matrices (h, H') and (w, W') of the low-pass.
    """

    axes: tuple[Axis, Axis]
    scales: tuple[Scale, ...]
    order: int
    wavelets: dict[int, dict[int, Wavelets]]
    averages: dict[int, tuple[RealArray, RealArray]]

    def following(self, place: int) -> list[Wavelets]:
        """Wavelets that are applied to the moduli of the scale at ``place``."""
        lower = range(place + 1, len(self.scales)) if self.order > 1 else ()
        return [self.wavelets[self.scales[place].step][k] for k in lower]

    @functools.cached_property
    def blocks(self) -> dict[int, tuple[tuple[Block, ...], tuple[Block, ...]]]:
        """The matrices in blocks."""
        found = {}
        for step, (down, across) in self.averages.items():
            negligible = NEGLIGIBLE[down.dtype == np.float64]
            found[step] = blocks_of(down, negligible), blocks_of(across, negligible)
        return found


def build(
    kernels: Sequence[Kernel],
    scales: tuple[Scale, ...],
    axes: tuple[Axis, Axis],
    deviation: float,
    *,
    order: int,
    tight: bool,
    average: bool,
    gain: float,
    double: bool,
) -> Filters:
    """Filters for pictures of one shape.

    Parameters
    ----------
    kernels : sequence of Kernel
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
    average : bool
        One output: the mean over the picture.
    gain : float
        Factor of all filters.
    double : bool
        Precision.
    """
    shape = axes[0].padded, axes[1].padded
    spectra = [gain * spectrum(kernel, shape, TOLERANCE[double]) for kernel in kernels]
    if tight:
        scale = _filling(spectra, shape, deviation)
        spectra = [values * scale for values in spectra]
    # By step, the first scale that is applied to values of it.
    inputs = {1: 0 if order > 0 else len(scales)}
    if order > 1:
        for place, scale in enumerate(scales):
            inputs.setdefault(scale.step, place + 1)
    wavelets = {}
    for before, first in inputs.items():
        low = {
            k: spectrum_at(spectra[k], before) for scale in scales[first:] for k in scale.members
        }
        wavelets[before] = {
            place: _wavelets(low, scales[place], before, double)
            for place in range(first, len(scales))
        }
    dtype = np.float64 if double else np.float32
    averages = {}
    for step in {1, *(scale.step for scale in scales)}:
        down, across = (
            axis.lowpass(deviation, step, mean=average, gain=math.sqrt(gain)) for axis in axes
        )
        averages[step] = down.astype(dtype), across.astype(dtype)
    return Filters(axes, scales, order, wavelets, averages)


def spectrum(kernel: Kernel, shape: tuple[int, int], tolerance: float) -> RealArray:
    """Transform of a kernel on the torus of ``shape``, float64, up to a constant phase.

    The samples of a Gabor kernel at -z are the conjugates of those at z, once its phase is taken
    off: so the transform is real, and half of the samples make it.
    """
    if not isinstance(kernel, GaborKernel):
        lines = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])
        values: RealArray = kernel.transfer(*lines, sampled=True).real
        return values
    samples = kernel.sample(tolerance) * np.exp(-1j * number(kernel.phase))
    radius = len(samples) // 2
    lines = np.arange(-radius, radius + 1)
    across = samples[radius:] @ _waves(lines, shape[1])  # rows from the centre on
    across[1:] *= 2
    down = _waves(lines[radius:], shape[0])
    values: RealArray = down.real.T @ across.real - down.imag.T @ across.imag
    return values


@functools.lru_cache(maxsize=16)
def _turns(size: int) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    return np.exp(-2j * np.pi * np.arange(size) / size)


def _waves(lines: np.ndarray[tuple[int], np.dtype[np.int_]], size: int) -> np.ndarray:
    """exp(-2 pi i f z) of positions z (Z,) and the frequencies of a torus, (Z, size)."""
    return _turns(size)[lines[:, None] * np.arange(size) % size]


def spectrum_at(values: RealArray, step: int) -> RealArray:
    """The low frequencies of a spectrum that values at every ``step``-th pixel have."""
    for axis in (0, 1):
        size = values.shape[axis] // step
        index = np.fft.fftfreq(size, 1 / size).astype(int)
        values = np.take(values, index, axis)
    return values


def _filling(spectra: list[RealArray], shape: tuple[int, int], deviation: float) -> RealArray:
    """Factor by which wavelets take all the energy that the low-pass leaves, and no more."""
    covered = sum(values**2 for values in spectra)
    mirrored = np.roll(covered[::-1, ::-1], (1, 1), axis=(0, 1))
    covered = (covered + mirrored) / 2
    down, across = (gaussian(np.fft.fftfreq(size), deviation) for size in shape)
    rest = np.maximum(1 - (down[:, None] * across) ** 2, 0)
    covered[0, 0], rest[0, 0] = 1, 0  # wavelets answer nothing to a constant
    return np.sqrt(rest / covered)


def _wavelets(low: dict[int, RealArray], scale: Scale, before: int, double: bool) -> Wavelets:
    """Wavelets of a scale, applied to values at every ``before``-th pixel."""
    times = scale.step // before
    tiles = []
    for k in scale.members:
        values = low[k] / times**2
        height, width = (size // times for size in values.shape)
        least = NEGLIGIBLE[double] * abs(values).max()
        parts = values.reshape(times, height, times, width).swapaxes(1, 2)
        parts = parts.astype(np.float64 if double else np.float32)
        chosen = np.argwhere(abs(parts).max((2, 3)) > least).tolist()
        tiles.append(tuple(Tile(row, column, parts[row, column].copy()) for row, column in chosen))
    return Wavelets(scale.members, scale.step, (height, width), tuple(tiles))
