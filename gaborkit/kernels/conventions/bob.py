"""bob's ``bob.ip.gabor.Wavelet``."""

import math
from typing import Any, Self

from ...errors import KernelError
from ..parameters import number
from .arguments import positive
from .origin import Origin


class Bob(Origin):
    """Constructor and description in bob's convention."""

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
        >>> from gaborkit import GaborKernel
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
        positive(sigma=sigma, frequency=k)
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
        k, theta = 2 * math.pi / wavelength, number(self.theta)
        return {
            "frequency": (k * math.sin(theta), k * math.cos(theta)),
            "sigma": k * sigma,
            "power_of_k": 0.0,
            "dc_free": self.dc_free,
        }
