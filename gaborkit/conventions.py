"""The Gabor kernel in the conventions of the article and of other libraries.

Every ``from_*`` takes the origin's own argument names, and every ``to_*`` gives them back:
``from_x(**kernel.to_x())`` is the same function, with ``scale`` folded into the other fields. What
an origin cannot express raises; nothing is approximated.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, Self

from .errors import KernelError

if TYPE_CHECKING:
    from .types import Norm

# kymatio's mother wavelet: sigma 0.8 pixels, xi 3 pi / 4 radians a pixel.
_KYMATIO_SIGMA, _KYMATIO_WAVELENGTH = 0.8, 8 / 3


class Conventions:
    """Constructors and descriptions of a Gabor kernel in other conventions.

    A part of :class:`GaborKernel`, kept apart for length.
    """

    if TYPE_CHECKING:  # what GaborKernel brings
        wavelength: float
        theta: float
        sigma: float
        gamma: float
        phase: float
        scale: float
        dc_free: bool
        norm: Norm

        def __init__(self, **fields: Any) -> None: ...

        @property
        def bandwidth(self) -> float: ...  # noqa: D102

    # ---- the article ----

    @classmethod
    def article(
        cls, sigma: float = 1.0, theta: float = 0.0, a: float = 2.0, j: float = 0.0
    ) -> Self:
        """Wavelet of the article that this project starts from.

        With g(z) = 1 / (4 pi sigma^2) exp(-(x^2 + y^2) / (4 sigma^2))::

            psi(z) = a^(-j/2) g(z / a^j) (exp(i x' / a^j) - exp(-sigma^2))

        so the standard deviation is sqrt(2) ``sigma`` and the mother's wavelength 2 pi pixels.
        The printed article has three slips, mended here: exp(sigma^2) for exp(-sigma^2) (its own
        plot uses exp(-1)); 1 / (4 pi sigma) for 1 / (4 pi sigma^2); and 1 / a^(1/j) where its own
        case j = 1, 1 / sqrt(a), means a^(-j/2).

        Parameters
        ----------
        sigma : float
            The article's sigma, in pixels.
        theta : float
            Direction of the wave vector in radians, from +x towards +y (down).
        a, j : float
            The dilation is ``a**j``.

        Raises
        ------
        KernelError
            If a parameter is out of range, or ``a**j`` overflows.

        Examples
        --------
        >>> from gaborkit.kernel import GaborKernel
        >>> kernel = GaborKernel.article(sigma=1, a=2, j=3)
        >>> round(kernel.sigma, 4), kernel.scale
        (1.4142, 8.0)
        """
        _positive(sigma=sigma, a=a)
        _finite(j=j)
        try:
            scale = float(a) ** float(j)
        except OverflowError:
            raise KernelError(f"a={a!r} to the power j={j!r} overflows; use a smaller j") from None
        sigma = math.sqrt(2) * sigma
        return cls(wavelength=2 * math.pi, theta=theta, sigma=sigma, scale=scale, norm="article")

    # ---- scikit-image ----

    @classmethod
    def from_skimage(
        cls,
        frequency: float,
        theta: float = 0.0,
        bandwidth: float = 1.0,
        sigma_x: float | None = None,
        sigma_y: float | None = None,
        offset: float = 0.0,
    ) -> Self:
        """Kernel of ``skimage.filters.gabor_kernel``, whose arguments these are.

        It keeps scikit-image's DC; ``.replace(dc_free=True)`` removes it.

        Parameters
        ----------
        frequency : float
            Cycles per pixel.
        theta, offset : float
            Radians.
        bandwidth : float
            Octaves; sets the deviations that are None.
        sigma_x, sigma_y : float, optional
            Deviations along and across the wave vector, in pixels.

        Raises
        ------
        KernelError
            If an argument is out of range.

        Examples
        --------
        >>> from gaborkit.kernel import GaborKernel
        >>> GaborKernel.from_skimage(0.125, sigma_x=4, sigma_y=8).gamma
        0.5
        """
        _positive(frequency=frequency)
        _finite(offset=offset)
        wavelength = 1 / frequency
        if sigma_x is None:
            sigma_x = sigma_of(wavelength, bandwidth)
        if sigma_y is None:
            sigma_y = sigma_of(wavelength, bandwidth)
        _positive(sigma_x=sigma_x, sigma_y=sigma_y)
        return cls(
            wavelength=wavelength,
            theta=theta,
            sigma=sigma_x,
            gamma=sigma_x / sigma_y,
            phase=offset,
            dc_free=False,
            norm="l1",
        )

    def to_skimage(self) -> dict[str, float]:
        """Arguments for ``skimage.filters.gabor_kernel``.

        Raises
        ------
        KernelError
            If ``dc_free``, or the norm is not ``l1``.
        """
        self._require("scikit-image", dc_free=False, norm="l1")
        wavelength, sigma = self._dilated()
        return {
            "frequency": 1 / wavelength,
            "theta": float(self.theta),
            "sigma_x": sigma,
            "sigma_y": sigma / float(self.gamma),
            "offset": float(self.phase),
        }

    # ---- OpenCV ----

    @classmethod
    def from_opencv(
        cls, sigma: float, theta: float, lambd: float, gamma: float, psi: float = math.pi / 2
    ) -> Self:
        """Kernel of ``cv2.getGaborKernel``, whose arguments these are.

        OpenCV has the real part only, and returns it reflected through its centre, so that
        ``filter2D``, a correlation, convolves with the real part of this kernel. The imaginary
        part is OpenCV's kernel at ``psi - pi / 2``. OpenCV's default ``psi``, kept here, is
        pi / 2: the negative sine, not the cosine.

        Parameters
        ----------
        sigma, lambd : float
            Deviation along the wave vector and wavelength, in pixels.
        theta, psi : float
            Radians.
        gamma : float
            Aspect ratio.

        Raises
        ------
        KernelError
            If an argument is out of range.

        Examples
        --------
        >>> from gaborkit.kernel import GaborKernel
        >>> GaborKernel.from_opencv(4, 0, 8, 1, psi=0).to_opencv()["lambd"]
        8.0
        """
        _positive(lambd=lambd)
        _finite(psi=psi)
        return cls(
            wavelength=lambd,
            theta=theta,
            sigma=sigma,
            gamma=gamma,
            phase=psi,
            dc_free=False,
            norm="peak",
        )

    def to_opencv(self) -> dict[str, float]:
        """Arguments for ``cv2.getGaborKernel``, beside ``ksize``, for the real part.

        Raises
        ------
        KernelError
            If ``dc_free``, or the norm is not ``peak``.
        """
        self._require("OpenCV", dc_free=False, norm="peak")
        wavelength, sigma = self._dilated()
        return {
            "sigma": sigma,
            "theta": float(self.theta),
            "lambd": wavelength,
            "gamma": float(self.gamma),
            "psi": float(self.phase),
        }

    # ---- MATLAB ----

    @classmethod
    def from_matlab(
        cls,
        wavelength: float,
        orientation: float,
        bandwidth: float = 1.0,
        aspect_ratio: float = 0.5,
    ) -> Self:
        """Kernel of MATLAB's ``gabor(wavelength, orientation)`` and ``imgaborfilt``.

        Parameters
        ----------
        wavelength : float
            Pixels, 2 or more.
        orientation : float
            Degrees, counter-clockwise: from +x towards the top of the image. ``theta`` is its
            opposite, because y points down.
        bandwidth : float
            ``SpatialFrequencyBandwidth``, octaves.
        aspect_ratio : float
            ``SpatialAspectRatio``: the deviation across the wave vector is sigma / aspect_ratio.

        Raises
        ------
        KernelError
            If an argument is out of range.

        References
        ----------
        Jain and Farrokhnia (1991), "Unsupervised texture segmentation using Gabor filters",
        Pattern Recognition 24(12), 1167-1186.

        Examples
        --------
        >>> from gaborkit.kernel import GaborKernel
        >>> round(GaborKernel.from_matlab(8, 90).theta, 4)
        -1.5708
        """
        _positive(wavelength=wavelength, aspect_ratio=aspect_ratio)
        _finite(orientation=orientation)
        _matlab_wavelength(wavelength)
        return cls(
            wavelength=wavelength,
            theta=math.radians(math.remainder(-orientation, 360)) + 0.0,  # no negative zero
            sigma=sigma_of(wavelength, bandwidth),
            gamma=aspect_ratio,
            dc_free=False,
            norm="peak",
        )

    def to_matlab(self) -> dict[str, float]:
        """MATLAB's description, under the names of :meth:`from_matlab`; orientation in [0, 360].

        Raises
        ------
        KernelError
            If ``dc_free``, the norm is not ``peak``, the phase is not 0, the wavelength is below
            2 pixels or the bandwidth is infinite.
        """
        self._require("MATLAB", dc_free=False, norm="peak", phase=0.0)
        wavelength, sigma = self._dilated()
        _matlab_wavelength(wavelength)
        if math.isinf(self.bandwidth):
            least = wavelength / math.pi * math.sqrt(math.log(2) / 2)
            raise KernelError(
                f"sigma={sigma:g} (dilated) has no bandwidth in octaves for MATLAB: half response "
                f"reaches zero frequency; use sigma above {least:.4g}"
            )
        return {
            "wavelength": wavelength,
            "orientation": -math.degrees(self.theta) % 360,
            "bandwidth": self.bandwidth,
            "aspect_ratio": float(self.gamma),
        }

    # ---- kymatio ----

    @classmethod
    def from_kymatio(cls, j: int, l: int, L: int = 8) -> Self:  # noqa: E741, N803
        """Morlet wavelet number ``l`` of ``L`` at scale ``2**j`` of kymatio's ``Scattering2D``.

        kymatio's first axis is the row: its angle is pi / 2 - ``theta``. Its own kernels are
        larger by 3e-5, because it divides by 2 * 3.1415 for 2 pi.

        Parameters
        ----------
        j, l, L : int
            Scale from 0, angle from 0 to ``L - 1``, number of angles.

        Raises
        ------
        KernelError
            If an argument is not a whole number in its range.

        References
        ----------
        Andreux et al. (2020), "Kymatio: scattering transforms in Python", JMLR 21(60), 1-6.

        Examples
        --------
        >>> from gaborkit.kernel import GaborKernel
        >>> GaborKernel.from_kymatio(1, 3).to_kymatio()
        {'j': 1, 'l': 3, 'L': 8}
        """
        # Beyond 2**1000 a float is at its end.
        j = _whole("j", j, 0, 1000)
        angles = _whole("L", L, 1)
        index = _whole("l", l, 0, angles - 1)
        return cls(
            wavelength=_KYMATIO_WAVELENGTH,
            theta=(index + _kymatio_shift(angles)) * math.pi / angles,
            sigma=_KYMATIO_SIGMA,
            gamma=4 / angles,
            scale=2.0**j,
        )

    def to_kymatio(self) -> dict[str, int]:
        """Place of this kernel in kymatio's filter bank.

        Raises
        ------
        KernelError
            If the kernel is none of kymatio's.
        """
        self._require("kymatio", phase=0.0, dc_free=True, norm="l1")
        wavelength, sigma = self._dilated()
        if not math.isclose(sigma / wavelength, _KYMATIO_SIGMA / _KYMATIO_WAVELENGTH):
            raise KernelError(
                f"sigma={sigma:g} (dilated) cannot be expressed in kymatio, which has 0.3 "
                f"wavelengths: use sigma={0.3 * wavelength:g}"
            )
        j = _nearest(math.log2(wavelength / _KYMATIO_WAVELENGTH))
        if j is None or j < 0:
            raise KernelError(
                f"wavelength={wavelength:g} (dilated) cannot be expressed in kymatio, which has "
                "8/3 * 2**j pixels with j = 0, 1, 2..."
            )
        angles = _nearest(4 / float(self.gamma))
        if not angles:
            raise KernelError(
                f"gamma={float(self.gamma):g} cannot be expressed in kymatio, which has 4 / L with "
                "L = 1, 2, 3...; its default is 0.5"
            )
        turns = math.remainder(float(self.theta), 2 * math.pi) / math.pi
        index = _nearest(turns * angles - _kymatio_shift(angles))
        if index is None or not 0 <= index % (2 * angles) < angles:
            raise KernelError(
                f"theta={float(self.theta):g} cannot be expressed in kymatio; L={angles} "
                f"has (l + {_kymatio_shift(angles):g}) * pi / L, l = 0 to {angles - 1}"
            )
        return {"j": j, "l": index % (2 * angles), "L": angles}

    # ---- bob ----

    @classmethod
    def from_bob(
        cls,
        frequency: tuple[float, float],
        sigma: float = 2 * math.pi,
        power_of_k: float = 0.0,
        dc_free: bool = True,
    ) -> Self:
        """Wavelet of ``bob.ip.gabor.Wavelet(resolution, frequency, ...)``.

        With k = ``frequency`` and w in radians per pixel::

            psi(w) = |k|^power_of_k (exp(-sigma^2 |w - k|^2 / (2 |k|^2))
                                     - exp(-sigma^2 (|w|^2 + |k|^2) / (2 |k|^2)))

        ``resolution`` and ``epsilon`` belong to bob's image, not to the kernel.

        Parameters
        ----------
        frequency : (float, float)
            (ky, kx) in radians per pixel.
        sigma : float
            Deviation times the length of k, in radians.
        power_of_k : float
            Only 0 can be expressed.
        dc_free : bool
            Subtract the second term.

        Raises
        ------
        KernelError
            If an argument is out of range or ``power_of_k`` is not 0.

        References
        ----------
        Günther (2011), "Statistical Gabor graph based techniques for the detection, recognition,
        classification, and visualization of human faces", chapter 2.

        Examples
        --------
        >>> from gaborkit.kernel import GaborKernel
        >>> round(GaborKernel.from_bob((0, 1.5707963)).wavelength, 6)
        4.0
        """
        try:
            ky, kx = map(float, frequency)
        except (TypeError, ValueError):
            raise KernelError(
                f"frequency={frequency!r} is not a pair (ky, kx) in radians per pixel; "
                "try (0, 1.57)"
            ) from None
        k = math.hypot(ky, kx)
        _positive(sigma=sigma, frequency=k)
        if power_of_k != 0:
            raise KernelError(
                f"power_of_k={power_of_k!r} cannot be expressed: no norm follows |k| so; use 0 and "
                "multiply the responses by |k|**power_of_k"
            )
        wavelength = 2 * math.pi / k
        return cls(
            wavelength=wavelength, theta=math.atan2(ky, kx), sigma=sigma / k, dc_free=dc_free
        )

    def to_bob(self) -> dict[str, Any]:
        """Arguments for ``bob.ip.gabor.Wavelet``, beside ``resolution`` and ``epsilon``.

        Raises
        ------
        KernelError
            If the envelope is not round, the phase not 0 or the norm not ``l1``.
        """
        self._require("bob", gamma=1.0, phase=0.0, norm="l1")
        wavelength, sigma = self._dilated()
        k, theta = 2 * math.pi / wavelength, float(self.theta)
        return {
            "frequency": (k * math.sin(theta), k * math.cos(theta)),
            "sigma": k * sigma,
            "power_of_k": 0.0,
            "dc_free": self.dc_free,
        }

    # ---- what they share ----

    def _dilated(self) -> tuple[float, float]:
        """Wavelength and deviation in pixels, dilation included."""
        scale = float(self.scale)
        return float(self.wavelength) * scale, float(self.sigma) * scale

    def _require(self, origin: str, **needed: Any) -> None:
        for name, value in needed.items():
            own = getattr(self, name)
            if own != value:
                raise KernelError(
                    f"{name}={own!r} cannot be expressed in {origin}, which has only "
                    f"{name}={value!r}; kernel.replace({name}={value!r}) can be"
                )


def sigma_of(wavelength: float, bandwidth: float) -> float:
    """Deviation in pixels that gives a bandwidth in octaves at a wavelength in pixels.

    sigma = wavelength / pi * sqrt(ln 2 / 2) * (2^b + 1) / (2^b - 1).

    References
    ----------
    Petkov and Kruizinga (1997), "Computational models of visual neurons specialised in the
    detection of periodic and aperiodic oriented visual stimuli", Biol. Cybern. 76, 83-96.
    """
    _positive(bandwidth=bandwidth)
    # (2^b + 1) / (2^b - 1) as a hyperbolic cotangent does not overflow.
    return (
        wavelength / math.pi * math.sqrt(math.log(2) / 2) / math.tanh(bandwidth * math.log(2) / 2)
    )


_EXAMPLES = {
    "a": "2",
    "aspect_ratio": "0.5",
    "bandwidth": "1 (octave)",
    "frequency": "0.125",
    "lambd": "8 (pixels)",
    "wavelength": "8 (pixels)",
}


def _finite(**values: Any) -> None:
    for name, value in values.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise KernelError(f"{name}={value!r} is not a number") from None
        if not math.isfinite(number):
            raise KernelError(f"{name}={value!r} is not finite; give a finite number")


def _positive(**values: Any) -> None:
    _finite(**values)
    for name, value in values.items():
        if not value > 0:
            raise KernelError(f"{name}={value!r} is not positive; try {_EXAMPLES.get(name, '4')}")


def _whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or (most is not None and number > most):
        span = f"{least} or more" if most is None else f"{least} to {most}"
        raise KernelError(f"{name}={value!r} is not a whole number of {span}")
    return number


def _nearest(value: float) -> int | None:
    """Whole number that ``value`` is up to rounding, or None."""
    nearest = round(value)
    return nearest if math.isclose(value, nearest, rel_tol=1e-9, abs_tol=1e-9) else None


def _kymatio_shift(angles: int) -> float:
    """Theta of kymatio's first angle, in steps of pi / L; kymatio writes pi / 2 minus it."""
    return angles / 2 - int(angles - angles / 2 - 1)


def _matlab_wavelength(wavelength: float) -> None:
    if wavelength < 2:
        raise KernelError(f"wavelength={wavelength:g} is below MATLAB's least, 2 pixels")
