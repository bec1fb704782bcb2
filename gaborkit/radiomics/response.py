"""Gabor response maps of IBSI 2: moduli in the planes of a volume, pooled over angles.

IBSI's kernel is the plain Gabor function of height 1 (``dc_free=False``, ``norm="peak"``); its
words for what lies outside are, in ours: zero ``constant``, nearest value ``nearest``, periodic
``wrap``, mirror ``reflect``.

References
----------
Depeursinge et al. (2020), "Standardised convolutional filtering for radiomics", arXiv 2006.05470,
section 4.4.
Whybra et al. (2024), "The Image Biomarker Standardization Initiative: standardized convolutional
filters for reproducible radiomics and enhanced clinical insights", Radiology 310(2), e231319.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError, ImageError, SamplingWarning
from ..filtering.backend import NumpyLibrary
from ..filtering.padding import check_boundary
from ..io.volumes import Volume
from ..kernels.base import TOLERANCE
from ..kernels.gabor import GaborKernel
from ..types import Boundary, RealArray

Planes = Literal["slice", "orthogonal"]
Pooling = Literal["mean", "max"]

#: How unequal sides of pixels may be that count as square.
SQUARE = 1e-3


@dataclass(frozen=True)
class GaborResponse:
    """A Gabor response map.

    Parameters
    ----------
    sigma, wavelength : float
        Millimetres.
    gamma : float
        Aspect ratio.
    theta : float
        First angle of the wave vector in a plane, radians from its columns towards its rows.
    step : float, optional
        Radians from one angle to the next, over the whole circle; None for the first alone.
    planes : {"slice", "orthogonal"}
        Filter each slice, or average over the planes xy, xz and yz.
    pooling : {"mean", "max"}
        Of the moduli over the angles.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
        ``reflect`` is IBSI's mirror.

    Raises
    ------
    FeatureError
        If a choice is unknown, or the step does not divide the circle.
    KernelError
        If a number is out of range.

    Examples
    --------
    >>> response = GaborResponse(sigma=5, wavelength=2, gamma=1.5, step=math.pi / 8)
    >>> volume = Volume.of(np.zeros((2, 40, 40)), (3, 1, 1))
    >>> response(volume).values.shape
    (2, 40, 40)
    """

    sigma: float
    wavelength: float
    gamma: float = 1.0
    theta: float = 0.0
    step: float | None = None
    planes: Planes = "slice"
    pooling: Pooling = "mean"
    boundary: Boundary = "reflect"

    def __post_init__(self) -> None:
        for name, choices in (("planes", ("slice", "orthogonal")), ("pooling", ("mean", "max"))):
            if getattr(self, name) not in choices:
                raise FeatureError(
                    f"{name}={getattr(self, name)!r} is unknown; choose {' or '.join(choices)}"
                )
        check_boundary(self.boundary)
        if self.step is not None:
            count = 2 * math.pi / self.step if self.step > 0 else 0.0
            if count < 1 or abs(count - round(count)) > 1e-6 * count:
                raise FeatureError(
                    f"step={self.step!r} radians do not divide the circle; math.pi / 8 does"
                )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SamplingWarning)  # of pixels of no size yet
            self.bank(1.0)

    def bank(self, spacing: float) -> GaborBank:
        """The kernels of pixels of a size, in millimetres.

        Opposite angles have the same modulus, and count once.
        """
        count = 1 if self.step is None else round(2 * math.pi / self.step)
        angles = [2 * math.pi * k / count for k in range(count)]
        if count % 2 == 0:
            angles = angles[: count // 2]
        return GaborBank(
            GaborKernel(
                wavelength=self.wavelength / spacing,
                sigma=self.sigma / spacing,
                gamma=self.gamma,
                theta=self.theta + angle,
                dc_free=False,
                norm="peak",
            )
            for angle in angles
        )

    @property
    def label(self) -> str:
        """Short name of its columns."""
        angles = f"step {math.degrees(self.step):g}°" if self.step is not None else ""
        return " ".join(
            f"gabor {self.planes} {self.sigma:g} mm, {self.wavelength:g} mm, gamma {self.gamma:g} "
            f"{angles or f'theta {math.degrees(self.theta):g}°'} {self.pooling}".split()
        )

    def __call__(self, volume: Volume, region: NDArray[np.bool_] | None = None) -> Volume:
        """The response map of a volume.

        Parameters
        ----------
        volume : Volume
        region : bool array (Z, Y, X), optional
            Where it is wanted; elsewhere it is 0, which saves time.

        Raises
        ------
        ImageError
            If voxels are not of equal sides in a plane, or values are NaN or infinite.
        """
        z, y, x = volume.spacing
        sides = (y, x) if self.planes == "slice" else (z, y, x)
        if max(sides) - min(sides) > SQUARE * min(sides):
            raise ImageError(
                f"voxels of {' x '.join(f'{side:.4g}' for side in sides)} mm are not of equal "
                "sides, as Gabor kernels need them here; resample the volume, to a spacing of "
                "1.0 for example"
            )
        bank = self.bank(y)
        radius = max(kernel.radius(TOLERANCE) for kernel in bank)
        wanted = np.ones(volume.values.shape, bool) if region is None else region
        axes = (0,) if self.planes == "slice" else (0, 1, 2)
        total = np.zeros(volume.values.shape)
        for axis in axes:
            # Slices (y, x), (z, x) and (z, y): rows before columns.
            stack, inside = (np.moveaxis(one, axis, 0) for one in (volume.values, wanted))
            _add(np.moveaxis(total, axis, 0), stack, inside, bank, radius, self)
        return volume.with_values(total / len(axes))


def _add(
    total: RealArray,
    stack: NDArray[np.generic],
    inside: NDArray[np.bool_],
    bank: GaborBank,
    radius: int,
    response: GaborResponse,
) -> None:
    """Add what slices (N, H, W) answer to ``total``, as far as it is wanted."""
    used = np.flatnonzero(inside.any((1, 2)))
    if not len(used):
        return
    boxes = []
    for axis in (1, 2):
        lines = np.flatnonzero(inside.any(tuple({0, 1, 2} - {axis})))
        boxes.append((max(0, lines[0] - radius), min(stack.shape[axis], lines[-1] + radius + 1)))
    (top, bottom), (left, right) = boxes
    # Where the box ends inside the picture, the kernels reach its end from no wanted pixel.
    if response.boundary == "wrap":
        top, bottom, left, right = 0, stack.shape[1], 0, stack.shape[2]
    for z in used:
        plane = np.asarray(stack[z, top:bottom, left:right], dtype=np.float64)
        NumpyLibrary().check_finite(plane, "voxels")
        pooled: RealArray | None = None
        for modulus in bank.responses(plane, part="magnitude", boundary=response.boundary):
            if pooled is None:
                pooled = modulus
            elif response.pooling == "max":
                pooled = np.maximum(pooled, modulus)
            else:
                pooled = pooled + modulus
        if pooled is not None:
            share = len(bank) if response.pooling == "mean" else 1
            shown = inside[z, top:bottom, left:right]
            total[z, top:bottom, left:right] += pooled / share * shown
