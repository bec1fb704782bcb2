"""Published filter banks, as lists of kernels.

Kernels are ordered scale by scale, finest first, orientations within a scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

from ..errors import BankError
from ..whole_numbers import is_whole
from .base import Kernel
from .gabor import GaborKernel
from .log_gabor import COSINE_DEVIATION, LogGaborKernel, Spread
from .parameters import power


def article(
    sigma: float = 1.0, a: float = 2.0, scales: int = 4, orientations: int = 8
) -> list[Kernel]:
    """Bank of the article's wavelet: ``a**j`` times rotations by pi / orientations.

    See :meth:`GaborKernel.article`.

    Parameters
    ----------
    sigma : float
        The article's sigma, in pixels.
    a : float
        Dilation from one scale to the next, above 1.
    scales, orientations : int
        1 or more.

    Raises
    ------
    BankError
        If a parameter is out of range.

    Examples
    --------
    >>> len(article(scales=2))
    16
    """
    scales, orientations = _count("scales", scales), _count("orientations", orientations)
    _positive("sigma", sigma, 1)
    if not _number("a", a) > 1:
        raise BankError(f"a={a!r} does not dilate; give a number above 1, such as 2")
    return [
        GaborKernel.article(sigma, i * math.pi / orientations, a, j)
        for j in range(scales)
        for i in range(orientations)
    ]


def manjunath(
    scales: int = 4, orientations: int = 6, lowest: float = 0.05, highest: float = 0.4
) -> list[Kernel]:
    """Bank of Manjunath and Ma, whose neighbours touch at half of their peaks.

    The article scales its dilated wavelets by a^-m, which keeps their energy: the norm is ``l2``,
    the same but for one factor for the whole bank.

    Parameters
    ----------
    scales, orientations : int
        2 or more.
    lowest, highest : float
        Centre frequencies Ul and Uh of the coarsest and the finest scale, in cycles per pixel.

    Raises
    ------
    BankError
        If a parameter is out of range.

    References
    ----------
    Manjunath and Ma (1996), "Texture features for browsing and retrieval of image data", IEEE
    TPAMI 18(8), 837-842, equations 1 to 4.

    Examples
    --------
    >>> bank = manjunath()
    >>> [round(kernel.frequency, 3) for kernel in bank[::6]]
    [0.4, 0.2, 0.1, 0.05]
    """
    scales = _count("scales", scales, least=2)
    orientations = _count("orientations", orientations, least=2)
    _positive("lowest", lowest, 0.05)
    if not lowest < _number("highest", highest) <= 0.5:
        raise BankError(
            f"lowest={lowest!r} and highest={highest!r} are no range of frequencies; give "
            "0 < lowest < highest <= 0.5 cycles per pixel, such as 0.05 and 0.4"
        )
    a = (highest / lowest) ** (1 / (scales - 1))
    half_peak = math.sqrt(2 * math.log(2))  # half-peak distance of a Gaussian, in deviations
    sigma_u = (a - 1) * highest / ((a + 1) * half_peak)
    # The article's sigma_v, with its fraction reduced: the half-peak ellipse touches the line at
    # half the angle to the next orientation.
    sigma_v = math.tan(math.pi / (2 * orientations)) * math.sqrt(
        (highest / half_peak) ** 2 - sigma_u**2
    )
    return [
        GaborKernel(
            wavelength=1 / highest,
            theta=i * math.pi / orientations,
            sigma=1 / (2 * math.pi * sigma_u),
            gamma=sigma_v / sigma_u,
            scale=a**m,
            norm="l2",
        )
        for m in range(scales)
        for i in range(orientations)
    ]


def kymatio(J: int = 4, L: int = 8) -> list[Kernel]:  # noqa: N803
    """Morlet wavelets of kymatio's ``Scattering2D(J, shape, L)``, without its low-pass.

    See :meth:`GaborKernel.from_kymatio`.

    Parameters
    ----------
    J, L : int
        Number of octaves and of angles, 1 or more.

    Raises
    ------
    BankError
        If a parameter is out of range.

    References
    ----------
    Bruna and Mallat (2013), "Invariant scattering convolution networks", IEEE TPAMI 35(8),
    1872-1886; kymatio, ``scattering2d/filter_bank.py``.

    Examples
    --------
    >>> len(kymatio(J=2))
    16
    """
    octaves, angles = _count("J", J), _count("L", L)
    return [GaborKernel.from_kymatio(j, i, angles) for j in range(octaves) for i in range(angles)]


def bob(
    number_of_scales: int = 5,
    number_of_directions: int = 8,
    sigma: float = 2 * math.pi,
    k_max: float = math.pi / 2,
    k_fac: float = 2**-0.5,
) -> list[Kernel]:
    """Gabor jet of ``bob.ip.gabor.Transform``, in its order.

    The wave vectors have length ``k_max * k_fac**s`` and direction ``d * pi / directions``, from
    +x towards +y (down). It is the jet of elastic bunch graph matching; see
    :meth:`GaborKernel.from_bob`.

    Parameters
    ----------
    number_of_scales, number_of_directions : int
        1 or more.
    sigma : float
        Deviation times the wave number, in radians.
    k_max : float
        Highest wave number, in radians per pixel.
    k_fac : float
        Factor between two scales, between 0 and 1.

    Raises
    ------
    BankError
        If a parameter is out of range.

    References
    ----------
    Wiskott, Fellous, Krüger and von der Malsburg (1997), "Face recognition by elastic bunch graph
    matching", IEEE TPAMI 19(7), 775-779.

    Examples
    --------
    >>> [round(1 / kernel.frequency, 2) for kernel in bob()[::8]]
    [4.0, 5.66, 8.0, 11.31, 16.0]
    """
    scales = _count("number_of_scales", number_of_scales)
    directions = _count("number_of_directions", number_of_directions)
    _positive("sigma", sigma, 6.28)
    _positive("k_max", k_max, 1.57)
    if not 0 < _number("k_fac", k_fac) < 1:
        raise BankError(f"k_fac={k_fac!r} is not between 0 and 1; try 0.7071")
    angles = [d * math.pi / directions for d in range(directions)]
    return [
        GaborKernel.from_bob((k * math.sin(angle), k * math.cos(angle)), sigma)
        for k in (k_max * k_fac**s for s in range(scales))
        for angle in angles
    ]


def kovesi(
    scales: int = 4,
    orientations: int = 6,
    shortest: float = 3.0,
    factor: float = 2.1,
    sigma_on_f: float = 0.55,
    angular_ratio: float = 1.2,
    spread: Spread = "gaussian",
) -> list[Kernel]:
    """Log-Gabor bank of Kovesi's ``phasecong``, in the order of its ``EO{s, o}``.

    Kovesi's angles are counter-clockwise: orientation o is ``theta = -o pi / orientations``.

    Parameters
    ----------
    scales, orientations : int
        1 or more.
    shortest : float
        Wavelength of the finest scale, in pixels.
    factor : float
        Dilation from one scale to the next, above 1.
    sigma_on_f : float
        See :class:`LogGaborKernel`.
    angular_ratio : float
        Angle between orientations, in angular deviations (Kovesi's ``dThetaOnSigma``); of the
        spread ``gaussian`` only.
    spread : {"gaussian", "cosine"}
        Over angle. ``gaussian`` is that of ``phasecong2``; ``cosine`` is that of ``phasecong3``, a
        raised cosine that falls to 0 at twice the angle between orientations.

    Raises
    ------
    BankError
        If a parameter is out of range.

    References
    ----------
    Kovesi (1999), "Image features from phase congruency", Videre 1(3), 1-26, and his functions
    ``phasecong2`` and ``phasecong3``.

    Examples
    --------
    >>> [round(1 / kernel.frequency, 2) for kernel in kovesi()[::6]]
    [3.0, 6.3, 13.23, 27.78]
    """
    scales, orientations = _count("scales", scales), _count("orientations", orientations)
    _positive("shortest", shortest, 3)
    _positive("angular_ratio", angular_ratio, 1.2)
    if not _number("factor", factor) > 1:
        raise BankError(f"factor={factor!r} does not dilate; give a number above 1, such as 2.1")
    if not 0 < _number("sigma_on_f", sigma_on_f) < 1:
        raise BankError(f"sigma_on_f={sigma_on_f!r} is not between 0 and 1; try 0.55")
    if spread not in get_args(Spread):
        raise BankError(f"spread={spread!r} is unknown; choose gaussian or cosine")
    step = math.pi / orientations
    deviation = step / angular_ratio if spread == "gaussian" else 2 * step * COSINE_DEVIATION
    return [
        LogGaborKernel(
            wavelength=shortest,
            theta=0.0 - o * step,  # not -0.0
            sigma_on_f=sigma_on_f,
            theta_deviation=deviation,
            scale=power(factor, s),
            spread=spread,
        )
        for s in range(scales)
        for o in range(orientations)
    ]


#: The published banks by name.
PRESETS: dict[str, Callable[..., list[Kernel]]] = {
    "article": article,
    "manjunath": manjunath,
    "kymatio": kymatio,
    "bob": bob,
    "kovesi": kovesi,
}


def _count(name: str, value: Any, least: int = 1) -> int:
    if not is_whole(value):
        raise BankError(f"{name}={value!r} is not a whole number; try {max(4, least)}")
    if value < least:
        raise BankError(f"{name}={value} is too few; use {least} or more")
    return int(value)


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BankError(f"{name}={value!r} is not a number") from None
    if not math.isfinite(number):
        raise BankError(f"{name}={value!r} is not finite; give a finite number")
    return number


def _positive(name: str, value: Any, example: float) -> None:
    if not _number(name, value) > 0:
        raise BankError(f"{name}={value!r} is not positive; try {example:g}")
