"""The log-Gabor kernel: a Gaussian over the logarithm of frequency, times one over angle.

It has no formula on the pixel grid: samples come from the transfer function T, by an inverse
discrete Fourier transform::

    T(f) = exp(-ln(|f| / f0)^2 / (2 ln(sigma_on_f)^2)) S(d) / (1 + (|f| / 0.45)^30),    T(0) = 0

with d the angle between f and the wave vector, in (-pi, pi], and its spread S, of the standard
deviation t = ``theta_deviation``::

    gaussian    exp(-d^2 / (2 t^2))
    cosine      (1 + cos(pi d / w)) / 2 where |d| < w = t / sqrt(1/3 - 2/pi^2), else 0

The last factor is Kovesi's Butterworth low-pass, which keeps the corners of the frequency square
out.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np

from ..caches import lru_cache
from ..errors import KernelError, SamplingWarning, warn
from ..types import ComplexArray, RealArray
from .base import TOLERANCE, Kernel, check_tolerance
from .parameters import finite, is_tensor, power, turned, warn_of_degrees

Spread = Literal["gaussian", "cosine"]

#: Standard deviation of a raised cosine, as a share of where it falls to 0.
COSINE_DEVIATION = math.sqrt(1 / 3 - 2 / math.pi**2)

# Kovesi's low-pass: cut-off in cycles per pixel, and order.
_CUTOFF, _ORDER = 0.45, 15

# From this wavelength on, in pixels, the pixel grid no longer shapes the kernel: its support grows
# in proportion to the wavelength.
_FREE_WAVELENGTH = 8.0

# Largest grid, in pixels a side, on which the support is sought.
_LARGEST_GRID = 2048


@dataclass(frozen=True, kw_only=True)
class LogGaborKernel(Kernel):
    """A log-Gabor kernel, free of DC by construction; its transfer function peaks near 1.

    Parameters
    ----------
    wavelength : float
        One period at the centre frequency of the mother kernel, in pixels.
    theta : float
        Direction of the wave vector in radians, from +x (right) towards +y (down).
    sigma_on_f : float
        Ratio of the log-Gaussian's deviation to the centre frequency, between 0 and 1. Its
        half-response bandwidth is ``-2 sqrt(2 / ln 2) ln(sigma_on_f)`` octaves: 0.55 gives 2.03,
        0.74 gives 1.02.
    theta_deviation : float
        Standard deviation over angle, in radians. The default is Kovesi's for six orientations,
        pi / 6 / 1.2.
    scale : float
        Dilation of the mother kernel, a**j.
    spread : {"gaussian", "cosine"}
        Over angle: of Kovesi's ``phasecong2``, or the raised cosine of his ``phasecong3``, which
        reaches no further than ``2.77 theta_deviation``.

    Raises
    ------
    KernelError
        If a parameter is not a finite number, or out of range, or the spread is unknown.

    Warns
    -----
    SamplingWarning
        If the wavelength is below 2 pixels, which the low-pass removes.
    AngleWarning
        If theta is above 3 pi, as degrees are.

    References
    ----------
    Field (1987), "Relations between the statistics of natural images and the response properties
    of cortical cells", JOSA A 4(12), 2379-2394.
    Kovesi (1999), "Image features from phase congruency", Videre 1(3), 1-26.

    Examples
    --------
    >>> kernel = LogGaborKernel(wavelength=6)
    >>> kernel.radius(), kernel.sample().shape
    (15, (31, 31))
    >>> bool(abs(kernel.sample().sum()) < 1e-15)
    True
    """

    wavelength: float
    theta: float = 0.0
    sigma_on_f: float = 0.55
    theta_deviation: float = math.pi / 6 / 1.2
    scale: float = 1.0
    spread: Spread = "gaussian"

    def __post_init__(self) -> None:
        if self.spread not in get_args(Spread):
            raise KernelError(f"spread={self.spread!r} is unknown; choose gaussian or cosine")
        for field in dataclasses.fields(self):
            name, value = field.name, getattr(self, field.name)
            if name == "spread":
                continue
            if is_tensor(value):
                raise KernelError(
                    f"{name} is a tensor; a log-Gabor kernel takes floats, {name}.item()"
                )
            number = float(finite(name, value))
            if name != "theta" and number <= 0:
                raise KernelError(f"{name}={number:g} is not positive; {_HINT[name]}")
            object.__setattr__(self, name, number)
            if name == "theta":
                warn_of_degrees(name, number)
        if self.sigma_on_f >= 1:
            raise KernelError(f"sigma_on_f={self.sigma_on_f:g} is not below 1; 0.55 is two octaves")
        if self.wavelength * self.scale < 2:
            warn(
                f"a wavelength of {self.wavelength * self.scale:.3g} pixels is below 2 and the "
                "low-pass removes it; use 2 or more",
                SamplingWarning,
            )

    def scaled(self, a: float, j: float = 1) -> Self:
        """Kernel dilated by ``a**j``, on top of its own scale."""
        return self.replace(scale=self.scale * power(a, j))

    def rotated(self, theta: float) -> Self:
        """Kernel turned by ``theta`` radians, from +x towards +y."""
        return self.replace(theta=turned(self.theta, theta))

    def replace(self, **fields: Any) -> Self:
        """Copy with some fields changed."""
        return dataclasses.replace(self, **fields)

    @property
    def frequency(self) -> float:
        """Centre frequency in cycles per pixel, dilation included."""
        return 1 / (self.wavelength * self.scale)

    @property
    def is_dc_free(self) -> bool:
        """True: the transfer function is 0 at zero frequency."""
        return True

    def radius(self, tolerance: float = TOLERANCE) -> int:
        """Half-width in pixels of the square support.

        Parameters
        ----------
        tolerance : float
            Share of the kernel's energy, the sum of its squared magnitudes, that may lie outside
            the square. It holds for every theta. The transfer function jumps at the edge of the
            frequency square, so the far samples of a kernel of short wavelength decay like 1/n,
            and no tolerance bounds the sum of their magnitudes.

        Raises
        ------
        KernelError
            If the tolerance is not between 0 and 1, or takes a support of thousands of pixels.

        Examples
        --------
        >>> LogGaborKernel(wavelength=6).radius(tolerance=1e-2)
        5
        """
        check_tolerance(tolerance)
        wavelength = self.wavelength * self.scale
        sought = min(wavelength, _FREE_WAVELENGTH)
        # Half of the tolerance, because the support is measured for theta = 0 only, where it is
        # widest but for kernels nearly without direction, which take up to 4 % more elsewhere.
        reach = _axial_reach(
            sought, self.sigma_on_f, self.theta_deviation, self.spread, tolerance / 2
        )
        return math.ceil(reach * wavelength / sought)

    def sample(self, tolerance: float = TOLERANCE) -> ComplexArray:
        """Kernel on the pixel grid; its sum is zero to rounding.

        Parameters
        ----------
        tolerance : float
            Share of the kernel's energy that may lie outside the support.

        Returns
        -------
        complex128 array (2 radius + 1, 2 radius + 1)
            Origin at the centre, rows are y. The sum that truncation leaves is taken out with a
            Hann window over the support.

        Raises
        ------
        KernelError
            As :meth:`radius`.
        """
        radius = self.radius(tolerance)
        # What lies beyond the grid wraps around; four radii leave far less there than outside one.
        # Odd, for an even grid has -1/2 among its frequencies, but not 1/2.
        size = max(255, 4 * radius + 1)
        line = np.arange(-radius, radius + 1)
        samples = _grid_kernel(self, size)[np.ix_(line, line)]
        hann = np.hanning(2 * radius + 3)[1:-1]
        window = np.outer(hann, hann) / hann.sum() ** 2
        samples -= window * samples.sum()
        samples -= window * samples.sum()  # what rounding left the first time
        return samples

    def transfer(self, fy: RealArray, fx: RealArray, *, sampled: bool = False) -> ComplexArray:
        """Transfer function at frequencies in cycles per pixel.

        Parameters
        ----------
        fy, fx : arrays of floats
            Cycles per pixel, broadcast against each other.
        sampled : bool
            Answer for the kernel on the pixel grid before truncation: frequencies wrap around
            into [-1/2, 1/2). The Fourier transform of ``sample(tolerance)`` differs from it by
            a root mean square of at most ``2 sqrt(tolerance)`` times its own; by default 0.8 %,
            and 2 % of the peak at most, for the kernels of Kovesi's bank.

        Returns
        -------
        complex128 array
            Real, from 0 to 1.

        Examples
        --------
        >>> kernel = LogGaborKernel(wavelength=8)
        >>> kernel.transfer(0.0, [0.0, 0.125, -0.125]).real.round(9).tolist()
        [0.0, 1.0, 0.0]
        """
        fy, fx = np.asarray(fy, float), np.asarray(fx, float)
        if sampled:
            fy, fx = fy - np.floor(fy + 0.5), fx - np.floor(fx + 0.5)
        cos, sin = math.cos(self.theta), math.sin(self.theta)
        angle = np.arctan2(fy * cos - fx * sin, fx * cos + fy * sin)
        radius = np.hypot(fy, fx)
        with np.errstate(divide="ignore"):  # the logarithm of 0 makes the Gaussian 0, as it should
            octaves = np.log(radius / self.frequency) / math.log(self.sigma_on_f)
        if self.spread == "gaussian":
            spread = np.exp(-((angle / self.theta_deviation) ** 2) / 2)
        else:
            share = np.minimum(abs(angle) * (COSINE_DEVIATION / self.theta_deviation), 1)
            spread = (1 + np.cos(np.pi * share)) / 2
        lowpass = 1 + (radius / _CUTOFF) ** (2 * _ORDER)
        return np.asarray(np.exp(-(octaves**2) / 2) * spread / lowpass, complex)

    def canonical(self) -> tuple[Hashable, bool, float]:
        """Half-circle form: R(theta + pi) is the conjugate of R(theta); see the base class."""
        turns, theta = divmod(self.theta, math.pi)
        if math.pi - theta < 1e-13:
            turns, theta = turns + 1, 0.0
        fields = dataclasses.astuple(dataclasses.replace(self, theta=0.0))
        return (round(theta, 13), "log-gabor", *fields), bool(turns % 2), 0.0

    def to_dict(self) -> dict[str, Any]:
        """Fields as JSON-ready values."""
        return {"family": "log-gabor", **dataclasses.asdict(self)}


_HINT = {
    "wavelength": "wavelength is in pixels, such as 8",
    "sigma_on_f": "use a ratio between 0 and 1, such as 0.55",
    "theta_deviation": "theta_deviation is in radians, such as 0.44",
    "scale": "scale is the dilation a**j, such as 2",
}


def _grid_kernel(kernel: LogGaborKernel, size: int) -> ComplexArray:
    """Kernel (size, size) on a periodic pixel grid, origin at index 0."""
    line = np.fft.fftfreq(size)
    samples: ComplexArray = np.fft.ifft2(kernel.transfer(line[:, None], line))
    return samples


@lru_cache(maxsize=256)
def _axial_reach(
    wavelength: float,
    sigma_on_f: float,
    theta_deviation: float,
    spread: Spread,
    tolerance: float,
) -> int:
    """Least half-width that leaves out ``tolerance`` of the energy, for theta = 0."""
    kernel = LogGaborKernel(
        wavelength=wavelength,
        sigma_on_f=sigma_on_f,
        theta_deviation=theta_deviation,
        spread=spread,
    )
    size = 128
    while size <= _LARGEST_GRID:
        energy = np.abs(_grid_kernel(kernel, size)) ** 2
        distance = np.abs(np.fft.fftfreq(size, 1 / size)).round().astype(int)
        rings = np.maximum(distance[:, None], distance)
        outside = 1 - np.cumsum(np.bincount(rings.ravel(), energy.ravel())) / energy.sum()
        reach = int(np.argmax(outside <= tolerance))
        if reach <= size // 8:
            return max(1, reach)
        size *= 2
    raise KernelError(
        f"tolerance={2 * tolerance:g} takes a support of more than {_LARGEST_GRID // 4} pixels at "
        f"wavelength {wavelength:g}, sigma_on_f={sigma_on_f:g} and theta_deviation="
        f"{theta_deviation:g}; use a larger tolerance or a wider kernel"
    )
