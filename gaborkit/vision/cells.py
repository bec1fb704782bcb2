"""Simple and complex cells of the visual cortex: energy model and divisive normalisation."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.bank_grid import default_bank
from ..features.plane import plane_of
from ..filtering.backend import NumpyLibrary
from ..filtering.labelled import keeps_labels
from ..types import Array, Boundary, RealArray

#: Phases of the simple cells of one kernel.
PHASES = (0.0, math.pi / 2, math.pi, 3 * math.pi / 2)


class Cells(NamedTuple):
    """Responses of cells.

    Attributes
    ----------
    simple : float array (K, 4, H, W)
        Half-squared responses of each kernel at phases 0, 90, 180 and 270 degrees.
    complex : float array (K, H, W)
        The sum of the four: the energy, whatever the phase.
    """

    simple: RealArray
    complex: RealArray


@keeps_labels("kernel")
def cell_responses(
    image: Array,
    bank: GaborBank | None = None,
    *,
    semisaturation: float | None = 0.1,
    pool: float = 0.5,
    boundary: Boundary = "reflect",
    channel_axis: int | None = None,
) -> Cells:
    """Respond as simple and complex cells, each divided by what all its neighbours say.

    A simple cell squares the positive part of its linear response; of the four of a quadrature
    quartet the complex cell is the sum, the energy. Divided by the pool around, ::

        R = A / (semisaturation^2 + the Gaussian mean over space of the sum over all kernels' E)

    responses saturate with contrast and keep their preferences.

    Parameters
    ----------
    image : real array (H, W)
        Of any luminance; kernels without DC term see differences alone. Give contrast, such as
        ``luminance / mean - 1``, for a semisaturation that means contrast.
    bank : GaborBank, optional
        K kernels, ``GaborBank.grid()`` by default.
    semisaturation : float, optional
        Amplitude of the pooled responses at which cells reach half; None leaves energies as they
        are.
    pool : float
        Standard deviation of the pool, in wavelengths of the coarsest kernel; 0 pools at the pixel
        alone.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    Cells

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`; and if the picture is not (H, W).
    FeatureError
        If a parameter is out of range.

    References
    ----------
    Adelson and Bergen (1985), "Spatiotemporal energy models for the perception of motion", JOSA A
    2(2), 284-299; for video, :func:`gaborkit.volumes.motion_energy`.
    Heeger (1992), "Normalization of cell responses in cat striate cortex", Visual Neuroscience
    9(2), 181-197, equations 3 to 7.

    Examples
    --------
    >>> from gaborkit.vision import gabor_stimulus
    >>> bank = GaborBank.grid(1, 4, wavelength=8)
    >>> cells = cell_responses(gabor_stimulus(2, frequency=5) / 0.5 - 1, bank)
    >>> int(cells.complex[:, 40, 40].argmax()), cells.simple.shape
    (0, (4, 4, 80, 80))
    """
    if semisaturation is not None and not 1e-150 < semisaturation < 1e150:
        raise FeatureError(
            f"semisaturation={semisaturation!r} is no amplitude; give one above 0, or None"
        )
    if isinstance(pool, bool) or not 0 <= pool < math.inf:
        raise FeatureError(f"pool={pool!r} is no width; give 0 or more")
    values = NumpyLibrary().promote(plane_of(image, channel_axis))
    if semisaturation is not None and np.isfinite(values).all():
        # Both in one unit, in which squares are numbers of the precision.
        exponent = int(np.frexp(abs(values).max(initial=0))[1])
        values = np.ldexp(values, -exponent)
        limits = np.finfo(values.dtype)
        least, most = math.sqrt(limits.tiny), math.sqrt(limits.max) / 2
        with np.errstate(over="ignore", under="ignore"):
            semisaturation = float(np.clip(np.ldexp(semisaturation, -exponent), least, most))
    chosen = default_bank() if bank is None else bank
    responses = chosen.filter(values, boundary=boundary)
    simple = np.stack(
        [
            np.maximum((responses * complex(math.cos(phase), -math.sin(phase))).real, 0) ** 2
            for phase in PHASES
        ],
        1,
    )
    energy = simple.sum(1)
    if semisaturation is not None:
        total = energy.sum(0)
        if pool:
            width = pool * max(1 / kernel.frequency for kernel in chosen)
            # Four times the picture is the mean of all of it.
            total = scipy.ndimage.gaussian_filter(total, min(width, 4.0 * max(total.shape)))
        level = semisaturation**2 + total
        simple, energy = simple / level, energy / level
    return Cells(simple.astype(values.dtype), energy.astype(values.dtype))
