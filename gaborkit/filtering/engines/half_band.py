"""Half-band filters, and how often a picture may be halved for a kernel.

Every other tap of a half-band filter is zero: half of the doubled samples are the coarse ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...caches import lru_cache
from ...kernels.base import Kernel
from ...kernels.gabor import GaborKernel
from ...kernels.parameters import number
from ...types import RealArray

#: Largest error of a half-band filter's transfer function, in the band and where it aliases to.
RIPPLE = 1e-6

#: Spectral deviations from the wave vector to the band's edge; 1e-5 of the L2 norm lies beyond.
DEVIATIONS = 4.6

#: Edge of the band, in cycles per pixel, up to which a picture is halved.
EDGE = 0.19


def edge_of(kernel: Kernel) -> float:
    """Frequency in cycles per pixel up to which the kernel answers, along either axis.

    Examples
    --------
    >>> round(edge_of(GaborKernel(wavelength=16, sigma=8)), 3)
    0.154
    """
    if not isinstance(kernel, GaborKernel) or kernel.learnable:
        return 0.5
    spread = max(1.0, number(kernel.gamma)) / (2 * math.pi * number(kernel.sigma * kernel.scale))
    return kernel.frequency + DEVIATIONS * spread


def halvings(kernels: Sequence[Kernel]) -> int:
    """How often a picture may be halved for these kernels.

    Examples
    --------
    >>> [halvings([GaborKernel(wavelength=2 * sigma, sigma=sigma)]) for sigma in (4, 8, 16, 32)]
    [0, 1, 2, 3]
    """
    edge, count = max(map(edge_of, kernels)), 0
    while edge * 2**count <= EDGE:
        count += 1
    return count


@lru_cache(maxsize=64)
def half_band(edge: float) -> RealArray:
    """Taps at distances 1, 3, 5, ... of the shortest half-band filter for a band up to ``edge``.

    Its transfer function is 1/2 + 2 sum_j taps[j] cos(2 pi (2 j + 1) f), with an error of at most
    :data:`RIPPLE` up to the edge and, by symmetry, from 1/2 - edge on; of none at 0 and 1/2, which
    are all there is in pictures of a few pixels.

    Examples
    --------
    >>> taps = half_band(0.1)
    >>> len(taps), bool(abs(taps.sum() - 1 / 4) < 1e-15)
    (6, True)
    """
    frequency = np.linspace(0, edge, 400)
    count = 1
    while True:
        count += 1
        waves = 2 * np.cos(2 * np.pi * np.outer(frequency, 2 * np.arange(count) + 1))
        # The first tap makes the sum 1 / 4: nothing is wrong at frequency zero.
        rest, target = waves[:, 1:] - waves[:, :1], 0.5 - waves[:, 0] / 4
        weights = np.ones(len(frequency))
        for _ in range(12):  # Lawson's algorithm: least squares become least maximum
            taps = np.linalg.lstsq(rest * weights[:, None], target * weights, rcond=None)[0]
            error = abs(rest @ taps - target)
            if error.max() <= RIPPLE:
                return np.concatenate([[0.25 - taps.sum()], taps])
            weights *= np.sqrt(error / error.max() + 1e-3)
            weights /= weights.max()
