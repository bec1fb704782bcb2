"""The Gabor kernel: its formula, its samples and its transfer function.

With z = (x, y), rotated and dilated to x' = (x cos(theta) + y sin(theta)) / s and
y' = (-x sin(theta) + y cos(theta)) / s::

    psi(z) = N(s) exp(-(x'^2 + gamma^2 y'^2) / (2 sigma^2))
             (exp(i (2 pi x' / wavelength + phase)) - C)
    C = exp(i phase) exp(-2 pi^2 sigma^2 / wavelength^2)

C is the DC-removal term. Sampling spoils the zero mean that it gives, so the sampled kernel solves
for C again, from its own samples.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Hashable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Self

import numpy as np

from ..caches import lru_cache
from ..errors import KernelError
from ..types import NORMS, Array, ComplexArray, Norm, RealArray
from . import hermite
from .base import TOLERANCE, Factors, Kernel, check_tolerance, ranked
from .conventions import Conventions, sigma_of
from .formula import Parameters, amplitude, as_complex, of_one_kind, psi, samples
from .frequency_response import gabor_transfer, transfer_peak
from .parameters import finite, is_tensor, number, power, turned, warn_of_degrees
from .validation import check_ranges, warn_of_poor_sampling


@dataclass(frozen=True, kw_only=True)
class GaborKernel(Conventions, Kernel):
    """A complex Gabor kernel, with or without the DC-removal term.

    Parameters
    ----------
    wavelength : float
        One period of the carrier of the mother kernel, in pixels. The default is the article's
        2 pi pixels.
    theta : float
        Direction of the wave vector in radians, from +x (right) towards +y (down).
    sigma : float
        Standard deviation of the Gaussian along the wave vector, in pixels, before dilation.
    gamma : float
        Aspect ratio: the deviation across the wave vector is ``sigma / gamma``.
    phase : float
        Carrier phase at the centre, in radians.
    scale : float
        Dilation of the mother kernel, a**j: wavelength and deviations are multiplied by it.
    dc_free : bool
        Subtract the DC-removal term, so that a constant image answers zero.
    norm : {"l1", "l2", "gain", "peak", "article"}
        Amplitude rule N(s). ``l1``: the envelope integrates to 1 (scikit-image, kymatio);
        ``l2``: the squared envelope integrates to 1; ``gain``: the largest magnitude of the
        transfer function is 1; ``peak``: the envelope is 1 at the centre (OpenCV, MATLAB);
        ``article``: the mother's envelope integrates to 1 and dilation multiplies by s**-1/2.

    Raises
    ------
    KernelError
        If a parameter is not finite, or out of range.

    Warns
    -----
    SamplingWarning
        If the wavelength is below 2 pixels, or the envelope is too small for the pixel grid or
        for its carrier.
    AngleWarning
        If theta or phase are above 3 pi, as degrees are.

    Notes
    -----
    A parameter may be a torch tensor of no dimensions. ``sample`` then returns a tensor, and
    filtering a tensor passes gradients to the parameter.

    References
    ----------
    Daugman (1985), "Uncertainty relation for resolution in space, spatial frequency, and
    orientation optimized by two-dimensional visual cortical filters", JOSA A 2(7), 1160-1169.
    Lee (1996), "Image representation using 2D Gabor wavelets", IEEE TPAMI 18(10), 959-971.

    Examples
    --------
    >>> kernel = GaborKernel(wavelength=8, theta=0.5, sigma=4)
    >>> kernel.sample().shape
    (39, 39)
    >>> bool(abs(kernel.sample().sum()) < 1e-15)
    True
    >>> kernel.scaled(2, 3).frequency
    0.015625
    """

    wavelength: float = 2 * math.pi
    theta: float = 0.0
    sigma: float
    gamma: float = 1.0
    phase: float = 0.0
    scale: float = 1.0
    dc_free: bool = True
    norm: Norm = "l1"

    def __post_init__(self) -> None:
        for name in PARAMETERS:
            object.__setattr__(self, name, finite(name, getattr(self, name)))
        check_ranges(**{name: number(getattr(self, name)) for name in PARAMETERS})
        if not isinstance(self.dc_free, (bool, np.bool_)):
            raise KernelError(f"dc_free={self.dc_free!r} is neither True nor False")
        object.__setattr__(self, "dc_free", bool(self.dc_free))
        if self.norm not in NORMS:
            raise KernelError(f"norm={self.norm!r} is unknown; choose one of {', '.join(NORMS)}")
        object.__setattr__(self, "norm", str(self.norm))
        for name in ("theta", "phase"):
            if not is_tensor(getattr(self, name)):  # which may drift while it is learned
                warn_of_degrees(name, getattr(self, name))
        warn_of_poor_sampling(
            wavelength=1 / self.frequency,
            peak=1 / self.peak_frequency,
            deviation=number(self.sigma * self.scale),
            gamma=number(self.gamma),
        )

    # ---- constructors ----

    @classmethod
    def from_bandwidth(cls, *, wavelength: float, bandwidth: float = 1.0, **fields: Any) -> Self:
        """Kernel whose half-response spatial-frequency bandwidth is ``bandwidth`` octaves.

        Parameters
        ----------
        wavelength : float
            Pixels.
        bandwidth : float
            Octaves between the two frequencies at which the plain Gabor function's transfer
            function falls to half its peak.
        **fields
            The other parameters of :class:`GaborKernel`, without ``sigma``.

        Raises
        ------
        KernelError
            If the bandwidth is not positive and finite.

        References
        ----------
        Petkov and Kruizinga (1997), "Computational models of visual neurons specialised in the
        detection of periodic and aperiodic oriented visual stimuli", Biol. Cybern. 76, 83-96.

        Examples
        --------
        >>> round(GaborKernel.from_bandwidth(wavelength=8, bandwidth=1).sigma, 3)
        4.497
        """
        return cls(wavelength=wavelength, sigma=sigma_of(wavelength, bandwidth), **fields)

    def scaled(self, a: float, j: float = 1) -> Self:
        """The kernel dilated by ``a**j``, on top of its own scale."""
        return dataclasses.replace(self, scale=self.scale * power(a, j))

    def rotated(self, theta: float) -> Self:
        """The kernel turned by ``theta`` radians, from +x towards +y."""
        return dataclasses.replace(self, theta=turned(self.theta, theta))

    def replace(self, **fields: Any) -> Self:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **fields)

    # ---- figures ----

    @property
    def frequency(self) -> float:
        """Frequency of the carrier in cycles per pixel, dilation included."""
        return 1 / number(self.wavelength * self.scale)

    @property
    def is_dc_free(self) -> bool:
        """Whether a constant image answers zero."""
        return self.dc_free

    @property
    def peak_frequency(self) -> float:
        """Frequency at which the transfer function is largest, in cycles per pixel.

        The DC-removal term pushes it above ``frequency`` when the envelope is small.
        """
        roundness = self._roundness
        return self.frequency * (transfer_peak(roundness) / roundness if self.dc_free else 1.0)

    @property
    def bandwidth(self) -> float:
        """Half-response bandwidth in octaves; infinite if half response reaches zero frequency."""
        ratio = self._roundness / 2
        half = math.sqrt(math.log(2) / 2)
        return math.log2((ratio + half) / (ratio - half)) if ratio > half else math.inf

    @functools.cached_property
    def learnable(self) -> bool:
        """Whether a parameter is a torch tensor."""
        return any(is_tensor(getattr(self, name)) for name in PARAMETERS)

    @property
    def _parameters(self) -> Parameters:
        return Parameters(*(getattr(self, name) for name in PARAMETERS))

    @property
    def _roundness(self) -> float:
        """2 pi sigma / wavelength: the carrier's radians a standard deviation."""
        return 2 * math.pi * number(self.sigma) / number(self.wavelength)

    @property
    def _envelope(self) -> tuple[float, float, float]:
        """Deviation along the wave vector in pixels, gamma and theta."""
        return number(self.sigma * self.scale), number(self.gamma), number(self.theta)

    # ---- formula ----

    def amplitude(self) -> Array:
        """N(s), the value of the envelope at the centre."""
        return amplitude(*of_one_kind(self._parameters), self.norm, self.dc_free)

    def evaluate(self, y: Array, x: Array) -> Array:
        """Psi at pixel coordinates, by the formula and with the analytic C; complex128.

        Parameters
        ----------
        y, x : array of floats
            Pixels from the centre, broadcast against each other.

        Examples
        --------
        >>> kernel = GaborKernel.article(sigma=1)
        >>> complex(kernel.evaluate(0.0, 0.0)).real * 4 * math.pi
        0.6321...
        """
        y, x = np.asarray(y, float), np.asarray(x, float)
        return self.amplitude() * as_complex(psi, self._parameters, y, x, self.dc_free)

    def radius(self, tolerance: float = TOLERANCE) -> int:
        """Half-width in pixels of the square support.

        At most ``tolerance`` of the envelope's mass lies outside the square, for every theta: the
        larger of the two deviations decides, and the bound adds both axes' tails.
        """
        check_tolerance(tolerance)
        deviation = number(self.sigma * self.scale) * max(1.0, 1 / number(self.gamma))
        radius = max(1, math.ceil(-deviation * _quantile(tolerance / 4)))
        if radius > LARGEST_RADIUS:
            raise KernelError(
                f"a kernel of radius {radius} pixels is too large to sample (sigma * scale = "
                f"{number(self.sigma * self.scale):g}, gamma = {number(self.gamma):g}, tolerance = "
                f"{tolerance:g}); {LARGEST_RADIUS} works: shrink the picture and the kernel"
            )
        return radius

    def sample(self, tolerance: float = TOLERANCE) -> Any:
        """Kernel on the pixel grid; its sum is zero to rounding if ``dc_free``.

        Parameters
        ----------
        tolerance : float
            Share of the envelope's mass that may lie outside the support.

        Returns
        -------
        complex128 array (2 radius + 1, 2 radius + 1)
            Origin at the centre, rows are y. A torch tensor if a parameter is one.

        Raises
        ------
        KernelError
            If the tolerance is not between 0 and 1.

        Examples
        --------
        >>> GaborKernel(sigma=2).sample(tolerance=1e-2).shape
        (13, 13)
        """
        radius = self.radius(tolerance)
        line = np.arange(-radius, radius + 1.0)
        values = as_complex(samples, self._parameters, line[:, None], line[None, :], self.dc_free)
        return self.amplitude() * values

    @property
    def separable(self) -> bool:
        """Whether the envelope is round, so that the kernel is a sum of two outer products."""
        return number(self.gamma) == 1.0

    def factors(self, tolerance: float = TOLERANCE, accuracy: float = 1e-15) -> Factors:
        """The samples as a weighted sum of outer products; see :meth:`Kernel.factors`.

        A round kernel has two terms, exactly: the wave, and the DC-removal term, whose Gaussian
        all kernels of one envelope share. An elongated one has :meth:`terms`, of Mehler's formula.
        """
        if not self.separable:
            return self._elongated_factors(tolerance, accuracy)
        deviation, _, theta = self._envelope
        (weights,), (columns,), (rows,) = hermite.round_factors(
            np.array([deviation]),
            np.array([theta]),
            np.array([self.frequency]),
            self.radius(tolerance),
            self.dc_free,
        )
        height = complex(number(self.amplitude()) * np.exp(1j * number(self.phase)))
        return height * weights, columns, rows

    def terms(self, tolerance: float = TOLERANCE, accuracy: float = 1e-15) -> float:
        """How many terms :meth:`factors` has, about, by Mehler's formula."""
        if self.separable:
            return 1 + self.dc_free
        needed = hermite.count(hermite.ratio(*hermite.form(*self._envelope)), accuracy)
        if needed == 1:  # along an axis
            return 2
        # Real rows for a cosine, a sine and the DC-removal term, which have much in common.
        return min(2 * self.radius(tolerance) + 1, 4 + 1.5 * needed)

    def _elongated_factors(self, tolerance: float, accuracy: float) -> Factors:
        factors = hermite.gabor_factors(
            *self._envelope, self.frequency, self.radius(tolerance), accuracy, self.dc_free
        )
        if factors is None:  # the samples are fewer
            return super().factors(tolerance, accuracy)
        values, ups, lines = factors
        # The phase apart: real and imaginary part of each column then stay even or odd.
        sizes, columns, rows = ranked(number(self.amplitude()) * values, ups, lines, accuracy)
        return sizes * np.exp(1j * number(self.phase)), columns, rows

    def canonical(self) -> tuple[Hashable, bool, float]:
        """Half-circle form: R(theta + pi) is the conjugate of R(theta); see the base class."""
        if abs(number(self.theta)) > 100:
            return super().canonical()  # an angle of so few decimals has no exact twin
        turns, theta = divmod(number(self.theta), math.pi)
        if math.pi - theta < 1e-13:
            turns, theta = turns + 1, 0.0
        fields = (self.wavelength, self.sigma, self.gamma, self.scale, self.dc_free, self.norm)
        return (round(theta, 13), *fields), bool(turns % 2), number(self.phase)

    def transfer(self, fy: RealArray, fx: RealArray, *, sampled: bool = False) -> ComplexArray:
        """Transfer function: the Fourier transform of psi, in closed form.

        Parameters
        ----------
        fy, fx : arrays of floats
            Frequencies in cycles per pixel, broadcast against each other.
        sampled : bool
            Answer for the kernel on the pixel grid: the sum over all aliases, with C solved again
            for the grid. It equals the Fourier transform of ``sample(tolerance)`` to within
            ``tolerance`` times the envelope's mass.

        Returns
        -------
        complex128 array
            A Gaussian at the wave vector minus C times a Gaussian at zero.

        Examples
        --------
        >>> kernel = GaborKernel(wavelength=8, sigma=4, norm="gain")
        >>> round(float(abs(kernel.transfer(0.0, kernel.peak_frequency))), 12)
        1.0
        """
        shape = gabor_transfer(
            fy,
            fx,
            wavelength=number(self.wavelength),
            theta=number(self.theta),
            sigma=number(self.sigma),
            gamma=number(self.gamma),
            scale=number(self.scale),
            dc_free=self.dc_free,
            sampled=sampled,
        )
        area = 2 * math.pi * number(self.sigma * self.scale) ** 2 / number(self.gamma)
        return number(self.amplitude()) * area * np.exp(1j * number(self.phase)) * shape

    def to_dict(self) -> dict[str, Any]:
        """Fields as JSON-ready values; tensors become floats."""
        fields = {name: number(getattr(self, name)) for name in PARAMETERS}
        return {"family": "gabor", **fields, "dc_free": self.dc_free, "norm": self.norm}


#: Of a deviation 1, and kept: many kernels share a tolerance.
_quantile = lru_cache(maxsize=64)(NormalDist().inv_cdf)

#: Half-width in pixels of the largest support that is sampled.
LARGEST_RADIUS = 2**14

#: The numeric fields of a GaborKernel.
PARAMETERS = Parameters._fields
