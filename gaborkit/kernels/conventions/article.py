"""The article that this project starts from."""

import math
from typing import Self

from ...errors import KernelError
from .arguments import finite, positive
from .origin import Origin


class Article(Origin):
    """Constructor in the article's convention."""

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
        >>> from gaborkit import GaborKernel
        >>> kernel = GaborKernel.article(sigma=1, a=2, j=3)
        >>> round(kernel.sigma, 4), kernel.scale
        (1.4142, 8.0)
        """
        positive(sigma=sigma, a=a)
        finite(j=j)
        try:
            scale = float(a) ** float(j)
        except OverflowError:
            raise KernelError(f"a={a!r} to the power j={j!r} overflows; use a smaller j") from None
        sigma = math.sqrt(2) * sigma
        return cls(wavelength=2 * math.pi, theta=theta, sigma=sigma, scale=scale, norm="article")
