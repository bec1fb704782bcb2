"""OpenCV's ``cv2.getGaborKernel``."""

import math
from typing import Self

from ..parameters import number
from .arguments import finite, positive
from .origin import Origin


class OpenCV(Origin):
    """Constructor and description in OpenCV's convention."""

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
        >>> from gaborkit import GaborKernel
        >>> GaborKernel.from_opencv(4, 0, 8, 1, psi=0).to_opencv()["lambd"]
        8.0
        """
        positive(lambd=lambd)
        finite(psi=psi)
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
            "theta": number(self.theta),
            "lambd": wavelength,
            "gamma": number(self.gamma),
            "psi": number(self.phase),
        }
