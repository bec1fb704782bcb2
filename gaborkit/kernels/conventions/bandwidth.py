"""The deviation that a bandwidth in octaves gives, as scikit-image and MATLAB have it."""

import math

from .arguments import positive


def sigma_of(wavelength: float, bandwidth: float) -> float:
    """Deviation in pixels that gives a bandwidth in octaves at a wavelength in pixels.

    sigma = wavelength / pi * sqrt(ln 2 / 2) * (2^b + 1) / (2^b - 1).

    References
    ----------
    Petkov and Kruizinga (1997), "Computational models of visual neurons specialised in the
    detection of periodic and aperiodic oriented visual stimuli", Biol. Cybern. 76, 83-96.

    Examples
    --------
    >>> round(sigma_of(8, 1), 4)
    4.4974
    """
    positive(bandwidth=bandwidth)
    # (2^b + 1) / (2^b - 1) as a hyperbolic cotangent does not overflow.
    tangent = math.tanh(bandwidth * math.log(2) / 2)
    return wavelength / math.pi * math.sqrt(math.log(2) / 2) / tangent
