"""Kernels that a layer starts from."""

from __future__ import annotations

import math

import torch

from ..bank import GaborBank
from ..kernels.conventions import sigma_of
from ..kernels.gabor import GaborKernel
from ..types import Norm


def initial_bank(
    count: int,
    size: int,
    *,
    quadrature: bool = True,
    norm: Norm = "l2",
    dc_free: bool = True,
    jitter: float = 0.5,
    generator: torch.Generator | None = None,
) -> GaborBank:
    """A bank of ``count`` kernels spread over scales and orientations of a window.

    Up to eight orientations a scale; wavelengths from 3 pixels to 0.7 of the window, as even on a
    logarithmic axis; a bandwidth of one octave, narrowed to what the window holds.

    Parameters
    ----------
    count : int
        How many kernels.
    size : int
        Side of the window in pixels.
    quadrature : bool
        Even and odd kernels in turn: phases of 0 and pi/2, for layers that keep the real part.
    norm, dc_free
        As for :class:`GaborKernel`.
    jitter : float
        Kernels are moved at random by up to half of this share of a step to the next scale,
        orientation and phase, so that no two layers are alike. 0 is the plain grid.
    generator : torch.Generator, optional
        Where the jitter is drawn from.

    Examples
    --------
    >>> bank = initial_bank(16, 11, jitter=0)
    >>> print(*bank.labels[:4], sep="; ")
    4.806 px, 0°; 4.806 px, 0°; 4.806 px, 22.5°; 4.806 px, 22.5°
    """
    phases = 2 if quadrature else 1
    shapes = math.ceil(count / phases)
    scales = math.ceil(shapes / 8)
    orientations = math.ceil(shapes / scales)
    shortest, longest = 3.0, max(3.0, 0.7 * size)
    # Each scale in the middle of its share of the range.
    step = math.log(longest / shortest) / scales
    device = "cpu" if generator is None else generator.device  # whatever torch's default is
    draws = torch.rand(count, 3, generator=generator, device=device, dtype=torch.float64)
    moves = jitter * (draws - 0.5)
    kernels = []
    for k, (move_scale, move_theta, move_phase) in enumerate(moves.tolist()):
        j, i = divmod(k // phases, orientations)
        wavelength = shortest * math.exp((j + 0.5 + move_scale) * step)
        kernels.append(
            GaborKernel(
                wavelength=wavelength,
                theta=(i + move_theta) * math.pi / orientations,
                sigma=min(sigma_of(wavelength, 1), 0.45 * size),
                phase=(k % phases + move_phase) * math.pi / 2 if quadrature else 0.0,
                norm=norm,
                dc_free=dc_free,
            )
        )
    return GaborBank(kernels)
