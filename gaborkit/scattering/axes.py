"""Where a scattering transform computes and where it samples: padding, output grid, low-pass.

A picture is padded to a torus whose sides are multiples of ``2**J``. The modulus of a wavelet of
wavelength ``8/3 * 2**j`` is computed at every ``2**j``-th pixel of it; the low-pass, a Gaussian,
is separable, and so averaging and sampling are a matrix along each axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..filtering.backend import fast_size
from ..types import RealArray

#: Deviation of the low-pass in units of ``2**J`` pixels.
LOWPASS = 0.4


@dataclass(frozen=True)
class Axis:
    """One axis of the picture, its torus and its samples.

    Parameters
    ----------
    size : int
        Pixels of the picture.
    padded : int
        Pixels of the torus, a multiple of ``2**J``.
    before : int
        Pixels of padding in front of the picture.
    samples : tuple of floats
        Positions of the output, in pixels of the torus.
    """

    size: int
    padded: int
    before: int
    samples: tuple[float, ...]

    def lowpass(self, deviation: float, step: int) -> RealArray:
        """Matrix (outputs, padded // step) that averages values at every ``step``-th pixel.

        ``deviation`` is the Gaussian's, in pixels.
        """
        positions = np.arange(0, self.padded, step)
        count = len(positions)
        harmonic = np.fft.fftfreq(count, 1 / count)
        transfer = gaussian(harmonic / self.padded, deviation)
        # The low-pass of the trigonometric polynomial through the values, where it is wanted.
        turn = 2j * math.pi / self.padded * harmonic
        there = np.exp(np.array(self.samples)[:, None] * turn) * (transfer / count)
        return np.fft.fft(there).real

    def cells(self, count: int, step: int) -> RealArray:
        """Matrix (count, padded // step) that averages over equal parts of the picture."""
        starts = np.arange(0, self.padded, step) - step / 2  # a value stands for ``step`` pixels
        edges = self.before - 0.5 + self.size * np.arange(count + 1)[:, None] / count
        inside = np.minimum(edges[1:], starts + step) - np.maximum(edges[:-1], starts)
        inside = np.maximum(inside, 0)
        return inside / inside.sum(1, keepdims=True)


def gaussian(frequency: RealArray, deviation: float) -> RealArray:
    """Transfer function of a sampled Gaussian of mass 1, aliases included."""
    aliases = [frequency + alias for alias in (-2, -1, 0, 1, 2)]
    total: RealArray = sum(np.exp(-2 * (math.pi * deviation * f) ** 2) for f in aliases)
    return total


def centred_axis(size: int, J: int, step: int, *, wrap: bool) -> Axis:  # noqa: N803
    """Cells of ``step`` pixels that together are centred on the picture, sampled at their centres.

    Examples
    --------
    >>> axis = centred_axis(28, J=3, step=8, wrap=False)
    >>> axis.padded, [position - axis.before for position in axis.samples]
    (48, [1.5, 9.5, 17.5, 25.5])
    """
    unit = 2**J
    if wrap:
        before, padded = 0, size
    else:
        padded = unit * fast_size(-(-size // unit) + 2)
        before = (padded - size) // 2
    count = -(-size // step)
    centre = before + (size - 1) / 2
    samples = (centre + (i - (count - 1) / 2) * step for i in range(count))
    return Axis(size, padded, before, tuple(samples))


def kymatio_axis(size: int, J: int, step: int) -> Axis:  # noqa: N803
    """Padding of kymatio, and its samples at every ``2**J``-th pixel of the torus."""
    unit = 2**J
    padded = ((size + unit) // unit + 1) * unit
    samples = range(unit, padded - unit, step)
    return Axis(size, padded, (padded - size) // 2, tuple(map(float, samples)))
