"""kymatio's ``Scattering2D`` filter bank."""

import math
from typing import Self

from ...errors import KernelError
from ..parameters import number
from .arguments import whole
from .origin import Origin

# The mother wavelet: sigma 0.8 pixels, xi 3 pi / 4 radians a pixel.
_SIGMA, _WAVELENGTH = 0.8, 8 / 3


class Kymatio(Origin):
    """Constructor and description in kymatio's convention."""

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
        >>> from gaborkit import GaborKernel
        >>> GaborKernel.from_kymatio(1, 3).to_kymatio()
        {'j': 1, 'l': 3, 'L': 8}
        """
        # Beyond 2**1000 a float is at its end.
        j = whole("j", j, 0, 1000)
        angles = whole("L", L, 1)
        index = whole("l", l, 0, angles - 1)
        return cls(
            wavelength=_WAVELENGTH,
            theta=(index + _shift(angles)) * math.pi / angles,
            sigma=_SIGMA,
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
        if not math.isclose(sigma / wavelength, _SIGMA / _WAVELENGTH):
            raise KernelError(
                f"sigma={sigma:g} (dilated) cannot be expressed in kymatio, which has 0.3 "
                f"wavelengths: use sigma={0.3 * wavelength:g}"
            )
        j = _nearest(math.log2(wavelength / _WAVELENGTH))
        if j is None or j < 0:
            raise KernelError(
                f"wavelength={wavelength:g} (dilated) cannot be expressed in kymatio, which has "
                "8/3 * 2**j pixels with j = 0, 1, 2..."
            )
        angles = _nearest(4 / number(self.gamma))
        if not angles:
            raise KernelError(
                f"gamma={number(self.gamma):g} cannot be expressed in kymatio, which has 4 / L "
                "with L = 1, 2, 3...; its default is 0.5"
            )
        turns = math.remainder(number(self.theta), 2 * math.pi) / math.pi
        index = _nearest(turns * angles - _shift(angles))
        if index is None or not 0 <= index % (2 * angles) < angles:
            raise KernelError(
                f"theta={number(self.theta):g} cannot be expressed in kymatio; L={angles} "
                f"has (l + {_shift(angles):g}) * pi / L, l = 0 to {angles - 1}"
            )
        return {"j": j, "l": index % (2 * angles), "L": angles}


def _shift(angles: int) -> float:
    """Theta of the first angle, in steps of pi / L; kymatio writes pi / 2 minus it."""
    return angles / 2 - int(angles - angles / 2 - 1)


def _nearest(value: float) -> int | None:
    """Whole number that ``value`` is up to rounding, or None."""
    nearest = round(value)
    return nearest if math.isclose(value, nearest, rel_tol=1e-9, abs_tol=1e-9) else None
