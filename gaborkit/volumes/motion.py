"""Motion energy: video through quadrature pairs that are oriented in space and time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import KernelError
from ..kernels.base import TOLERANCE
from ..kernels.parameters import finite
from ..types import Boundary, RealArray
from .kernel import GaborKernel3D
from .volume_filter import filter_volume


def motion_kernels(
    directions: int | Sequence[float] = 8,
    speed: float = 1.0,
    *,
    wavelength: float = 8.0,
    sigma: float | None = None,
    duration: float = 2.0,
) -> list[GaborKernel3D]:
    """Kernels that answer to gratings which move, one for each direction.

    Parameters
    ----------
    directions : int or sequence of floats
        How many directions of motion around the circle, from +x towards +y; or these, in radians.
    speed : float
        Pixels a frame.
    wavelength : float
        Of the grating in the picture, pixels.
    sigma : float, optional
        Of the envelope, half a wavelength by default.
    duration : float
        Standard deviation in time, frames: :func:`motion_energy` lets a frame count for
        ``sigma / duration`` pixels.

    Returns
    -------
    list of GaborKernel3D

    Raises
    ------
    KernelError
        If a number is out of range, or a grating would move by half a period a frame or more, and
        so seem to move back.

    References
    ----------
    Adelson and Bergen (1985), "Spatiotemporal energy models for the perception of motion", JOSA A
    2(2), 284-299.

    Examples
    --------
    >>> len(motion_kernels(4, speed=2))
    4
    """
    sigma = finite("wavelength", wavelength) / 2 if sigma is None else sigma
    for name, value in (("wavelength", wavelength), ("sigma", sigma), ("duration", duration)):
        if finite(name, value) <= 0:
            raise KernelError(f"{name}={value!r} is not a number above 0")
    wavelength, sigma, duration = float(wavelength), float(sigma), float(duration)
    if not 0 <= finite("speed", speed) < wavelength / 2:
        raise KernelError(
            f"speed={speed!r}: a grating of {wavelength:g} pixels that moves by half of it a frame "
            "seems to move back; choose a lower speed from 0 on, or a longer wavelength"
        )
    if isinstance(directions, (int, np.integer)):
        if directions < 1:
            raise KernelError(f"directions={directions} is no count; give 1 or more")
        directions = [2 * math.pi * k / directions for k in range(int(directions))]
    frame = sigma / duration
    kernels = []
    for theta in directions:
        # cos(2 pi (x - speed t) / wavelength): what moves to +x has its phase fall with time.
        vector = np.array([math.cos(theta), math.sin(theta), -speed / frame])
        length = float(np.linalg.norm(vector))
        kernels.append(GaborKernel3D.along(vector, wavelength=wavelength / length, sigma=sigma))
    return kernels


def motion_energy(
    video: NDArray[Any],
    directions: int | Sequence[float] = 8,
    speed: float = 1.0,
    *,
    wavelength: float = 8.0,
    sigma: float | None = None,
    duration: float = 2.0,
    boundary: Boundary = "reflect",
    tolerance: float = TOLERANCE,
) -> RealArray:
    """Motion energy of a video in some directions.

    Parameters
    ----------
    video : real array (T, H, W)
    directions, speed, wavelength, sigma, duration
        As of :func:`motion_kernels`. The difference of two opposite directions is the opponent
        energy.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
        In space and time.
    tolerance : float
        As of :func:`filter_volume`.

    Returns
    -------
    float array (directions, T, H, W)
        Squared magnitudes.

    Raises
    ------
    KernelError, ImageError, FilterError
        As :func:`motion_kernels` and :func:`filter_volume`.

    References
    ----------
    Adelson and Bergen (1985), as :func:`motion_kernels`: the sum of the squares of a quadrature
    pair.

    Examples
    --------
    >>> t, _, x = np.mgrid[:20, :24, :24]
    >>> energy = motion_energy(np.cos(2 * np.pi * (x - t) / 8), [0, math.pi])
    >>> bool(energy[0, 10, 12, 12] > 50 * energy[1, 10, 12, 12])
    True
    """
    sigma = finite("wavelength", wavelength) / 2 if sigma is None else sigma
    kernels = motion_kernels(
        directions, speed, wavelength=wavelength, sigma=sigma, duration=duration
    )
    return filter_volume(
        kernels,
        video,
        part="energy",
        boundary=boundary,
        spacing=(sigma / duration, 1, 1),
        tolerance=tolerance,
    )
