"""MATLAB's ``gabor`` and ``imgaborfilt``."""

import math
from typing import Self

from ...errors import KernelError
from ..parameters import number
from .arguments import finite, positive
from .bandwidth import sigma_of
from .origin import Origin


class Matlab(Origin):
    """Constructor and description in MATLAB's convention."""

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
        >>> from gaborkit import GaborKernel
        >>> round(GaborKernel.from_matlab(8, 90).theta, 4)
        -1.5708
        """
        positive(wavelength=wavelength, aspect_ratio=aspect_ratio)
        finite(orientation=orientation)
        _check_wavelength(wavelength)
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
        _check_wavelength(wavelength)
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
            "aspect_ratio": number(self.gamma),
        }


def _check_wavelength(wavelength: float) -> None:
    if wavelength < 2:
        raise KernelError(f"wavelength={wavelength:g} is below MATLAB's least, 2 pixels")
