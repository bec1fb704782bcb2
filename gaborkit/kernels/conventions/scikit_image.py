"""scikit-image's ``skimage.filters.gabor_kernel``."""

from typing import Self

from ..parameters import number
from .arguments import finite, positive
from .bandwidth import sigma_of
from .origin import Origin


class ScikitImage(Origin):
    """Constructor and description in scikit-image's convention."""

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
        >>> from gaborkit import GaborKernel
        >>> GaborKernel.from_skimage(0.125, sigma_x=4, sigma_y=8).gamma
        0.5
        """
        positive(frequency=frequency)
        finite(offset=offset)
        wavelength = 1 / frequency
        if sigma_x is None:
            sigma_x = sigma_of(wavelength, bandwidth)
        if sigma_y is None:
            sigma_y = sigma_of(wavelength, bandwidth)
        positive(sigma_x=sigma_x, sigma_y=sigma_y)
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
            "theta": number(self.theta),
            "sigma_x": sigma,
            "sigma_y": sigma / number(self.gamma),
            "offset": number(self.phase),
        }
