"""The Gabor kernel in space: the formula of the plane, with a wave vector of three components.

With r = (x, y, z), the unit vector u of the wave vector, and the way along it, a = r . u / s::

    psi(r) = N(s) exp(-(a^2 + gamma^2 (|r|^2 / s^2 - a^2)) / (2 sigma^2))
             (exp(i (2 pi a / wavelength + phase)) - C)

A kernel lies in space and not on a grid: where voxels are not cubes, or frames stand for time,
their distances along the three axes say which values a grid takes of it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Self

import numpy as np

from ..errors import KernelError, SamplingWarning, warn
from ..kernels.base import TOLERANCE, check_tolerance
from ..kernels.formula import Parameters, along_and_across, amplitude, of_zero_sum
from ..kernels.parameters import finite, power, warn_of_degrees
from ..kernels.validation import check_ranges
from ..types import ComplexArray, Norm, RealArray

#: Amplitude rules; the article's is one of the plane.
NORMS: tuple[Norm, ...] = ("l1", "l2", "gain", "peak")

#: Samples of a kernel at most.
LARGEST = 2**26

Spacing = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class GaborKernel3D:
    """A complex Gabor kernel in three dimensions, with or without the DC-removal term.

    Parameters
    ----------
    wavelength : float
        One period of the carrier, in the unit of the grid's spacing (voxels where that is 1).
    theta, elevation : float
        Direction of the wave vector, radians: in the plane from +x towards +y, and from that plane
        towards +z, at most a right angle.
    sigma : float
        Standard deviation along the wave vector, before dilation.
    gamma : float
        Aspect ratio: the deviation across the wave vector is ``sigma / gamma``.
    phase : float
        Carrier phase at the centre, radians.
    scale : float
        Dilation of the mother kernel.
    dc_free : bool
        Subtract the DC-removal term, so that a constant answers zero.
    norm : {"l1", "l2", "gain", "peak"}
        As of :class:`GaborKernel`, with integrals over space.

    Raises
    ------
    KernelError
        If a parameter is not finite, or out of range.

    Examples
    --------
    >>> kernel = GaborKernel3D(wavelength=6, sigma=2, elevation=0.5)
    >>> kernel.sample().shape
    (21, 21, 21)
    >>> bool(abs(kernel.sample().sum()) < 1e-12)
    True
    """

    wavelength: float
    sigma: float
    theta: float = 0.0
    elevation: float = 0.0
    gamma: float = 1.0
    phase: float = 0.0
    scale: float = 1.0
    dc_free: bool = True
    norm: Norm = "l1"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self)[:7]:
            object.__setattr__(self, field.name, float(finite(field.name, _of(self, field.name))))
        sizes = {name: _of(self, name) for name in Parameters._fields}
        check_ranges(**sizes)
        if abs(self.elevation) > math.pi / 2 + 1e-12:
            raise KernelError(
                f"elevation={self.elevation:g} is beyond a right angle; turn theta by pi instead"
            )
        if not isinstance(self.dc_free, (bool, np.bool_)):
            raise KernelError(f"dc_free={self.dc_free!r} is neither True nor False")
        if self.norm not in NORMS:
            raise KernelError(f"norm={self.norm!r} is unknown; choose one of {', '.join(NORMS)}")
        for name in ("theta", "phase"):
            warn_of_degrees(name, _of(self, name))

    @classmethod
    def along(cls, direction: Sequence[float] | RealArray, **fields: Any) -> Self:
        """The kernel whose wave vector points along (x, y, z).

        Raises
        ------
        KernelError
            If that is no direction.

        Examples
        --------
        >>> GaborKernel3D.along((0, 0, 2), wavelength=6, sigma=2).elevation == math.pi / 2
        True
        """
        vector = np.asarray(direction, dtype=float)
        if vector.shape != (3,) or not np.isfinite(vector).all() or not vector.any():
            raise KernelError(f"direction={direction!r} is none; (1, 0, 0) is that of x")
        x, y, z = vector
        return cls(theta=math.atan2(y, x), elevation=math.atan2(z, math.hypot(x, y)), **fields)

    def scaled(self, a: float, j: float = 1) -> Self:
        """The kernel dilated by ``a**j``, on top of its own scale."""
        return dataclasses.replace(self, scale=self.scale * power(a, j))

    @property
    def direction(self) -> RealArray:
        """Unit vector (x, y, z) of the wave vector."""
        flat = math.cos(self.elevation)
        return np.array(
            [flat * math.cos(self.theta), flat * math.sin(self.theta), math.sin(self.elevation)]
        )

    @property
    def frequency(self) -> float:
        """Cycles per unit of length, dilation included."""
        return 1 / (self.wavelength * self.scale)

    @property
    def label(self) -> str:
        """Short name: wavelength, theta and elevation in degrees."""
        theta, elevation = (round(math.degrees(x), 2) for x in (self.theta, self.elevation))
        return f"{1 / self.frequency:.4g}, {theta:g}°, {elevation:g}°"

    @property
    def separable(self) -> bool:
        """Whether the envelope is round, so that three passes do."""
        return self.gamma == 1.0

    def amplitude(self) -> float:
        """N(s), the value of the envelope at the centre, for voxels of volume 1."""
        return float(amplitude(np, self._parameters, self.norm, self.dc_free, axes=3))

    def evaluate(self, z: RealArray, y: RealArray, x: RealArray) -> ComplexArray:
        """Psi at places from the centre, by the formula and with the analytic C; complex128."""
        envelope, angle = self._wave(*np.broadcast_arrays(z, y, x))
        dc = math.exp(-2 * (math.pi * self.sigma / self.wavelength) ** 2) if self.dc_free else 0
        return self.amplitude() * envelope * (np.exp(1j * angle) - dc * np.exp(1j * self.phase))

    def warn_of_poor_sampling(self, spacing: Spacing) -> None:
        """Warn where a grid is too coarse for the carrier or the envelope."""
        cycles = float(max(abs(self.direction[::-1]) * spacing)) * self.frequency
        narrow = self.sigma * self.scale / max(1.0, self.gamma)
        if cycles > 0.5 + 1e-9:
            warn(
                f"a wavelength of {1 / self.frequency:.3g} has {1 / cycles:.3g} values a period "
                "along an axis of this grid and aliases; 2 or more work",
                SamplingWarning,
            )
        elif narrow < 0.5 * max(spacing):
            warn(
                f"an envelope of standard deviation {narrow:.3g} is too small for values "
                f"{max(spacing):.3g} apart; half of that or more works",
                SamplingWarning,
            )

    def radii(
        self, tolerance: float = TOLERANCE, spacing: Spacing = (1, 1, 1)
    ) -> tuple[int, int, int]:
        """Half-widths of the support along z, y and x, in voxels.

        At most ``tolerance`` of the envelope's mass lies outside the box.
        """
        check_tolerance(tolerance)
        if np.shape(spacing) != (3,) or not all(finite("spacing", step) > 0 for step in spacing):
            raise KernelError(
                f"spacing={spacing!r} is not three distances above 0 along z, y and x"
            )
        deviation = self.sigma * self.scale * max(1.0, 1 / self.gamma)
        reach = -deviation * NormalDist().inv_cdf(tolerance / 6)
        z, y, x = (max(1, math.ceil(reach / step)) for step in spacing)
        if (2 * z + 1) * (2 * y + 1) * (2 * x + 1) > LARGEST:
            raise KernelError(
                f"a kernel of {2 * z + 1} x {2 * y + 1} x {2 * x + 1} voxels is too large; shrink "
                "the volume and the kernel"
            )
        return z, y, x

    def sample(self, tolerance: float = TOLERANCE, spacing: Spacing = (1, 1, 1)) -> ComplexArray:
        """Kernel on a grid; its sum is zero to rounding if ``dc_free``.

        Parameters
        ----------
        tolerance : float
            Share of the envelope's mass that may lie outside the support.
        spacing : three floats
            Distances along z, y and x. Samples are multiplied by the volume of a voxel, so that a
            kernel answers alike whatever the grid.

        Returns
        -------
        complex128 array (2 rz + 1, 2 ry + 1, 2 rx + 1)
            Origin at the centre.
        """
        grid = np.meshgrid(*self.lines(tolerance, spacing), indexing="ij", sparse=True)
        real, imag = of_zero_sum(np, *self._wave(*grid), self.dc_free, axes=3)
        return self.amplitude() * math.prod(spacing) * (real + 1j * imag)

    def lines(self, tolerance: float = TOLERANCE, spacing: Spacing = (1, 1, 1)) -> list[RealArray]:
        """Places of the samples along z, y and x."""
        radii = self.radii(tolerance, spacing)
        return [
            step * np.arange(-radius, radius + 1.0)
            for step, radius in zip(spacing, radii, strict=True)
        ]

    @property
    def _parameters(self) -> Parameters:
        return Parameters(*(_of(self, name) for name in Parameters._fields))

    def _wave(self, z: RealArray, y: RealArray, x: RealArray) -> tuple[RealArray, RealArray]:
        ux, uy, uz = self.direction
        along = (x * ux + y * uy + z * uz) / self.scale
        # Rounding may leave less than nothing across.
        across = np.maximum((x**2 + y**2 + z**2) / self.scale**2 - along**2, 0)
        return along_and_across(np, self._parameters, along, across)


def directions(count: int = 13) -> RealArray:
    """Unit vectors (count, 3) as (x, y, z), one of each pair of opposite ones.

    Parameters
    ----------
    count : {3, 4, 6, 9, 13}
        The axes; the diagonals of a cube; those of its faces; axes and these; or all of them, the
        directions from a voxel to its 26 neighbours.

    Raises
    ------
    KernelError
        If there is no such set.

    Examples
    --------
    >>> directions(3)
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    grid = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
    half = [tuple(v) for v in grid if tuple(v[::-1]) > (0, 0, 0)]
    half.sort(key=lambda v: (np.count_nonzero(v), v[::-1]))
    sets = {3: half[:3], 6: half[3:9], 4: half[9:], 9: half[:9], 13: half}
    if count not in sets:
        raise KernelError(
            f"directions({count!r}): sets of {', '.join(map(str, sorted(sets)))} work"
        )
    vectors = np.array(sets[count], dtype=float)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _of(kernel: GaborKernel3D, name: str) -> float:
    value: float = getattr(kernel, name)
    return value
