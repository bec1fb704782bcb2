"""Which parameters a Gabor kernel may have, and which the pixel grid serves badly."""

from __future__ import annotations

from ..errors import KernelError, SamplingWarning, warn

#: Pixels that sigma and wavelength, dilated, may measure; gamma may be as uneven.
SMALLEST, LARGEST = 1e-3, 1e6

_MEANING = {
    "wavelength": "one period of the carrier in pixels, such as 8",
    "sigma": "the envelope's standard deviation in pixels, such as 4",
    "gamma": "the aspect ratio, 1 for a round envelope and 0.5 for one twice as long across",
    "scale": "the dilation a**j, such as 2",
}


def check_ranges(
    *, wavelength: float, theta: float, sigma: float, gamma: float, phase: float, scale: float
) -> None:
    """Raise KernelError for a size that is not positive, or that no picture could show.

    ``theta`` and ``phase`` may be any angle.
    """
    sizes = {"wavelength": wavelength, "sigma": sigma, "gamma": gamma, "scale": scale}
    for name, value in sizes.items():
        if not value > 0:
            raise KernelError(f"{name}={value:g} is not positive; {name} is {_MEANING[name]}")
    for name in ("sigma", "wavelength"):
        pixels = sizes[name] * scale
        if not SMALLEST <= pixels <= LARGEST:
            raise KernelError(
                f"{name} * scale = {pixels:.3g} pixels is out of range; "
                f"{SMALLEST:g} to {LARGEST:g} works"
            )
    if not 1 / LARGEST <= gamma <= LARGEST:
        raise KernelError(f"gamma={gamma:g} is out of range; {1 / LARGEST:g} to {LARGEST:g} works")


def warn_of_poor_sampling(
    *, wavelength: float, peak: float, deviation: float, gamma: float
) -> None:
    """Warn where the grid is too coarse for the kernel, or the envelope too small for the carrier.

    Parameters
    ----------
    wavelength, peak : float
        Pixels, dilated: of the carrier, and where the transfer function is largest.
    deviation : float
        Of the envelope along the wave vector, in pixels, dilated.
    gamma : float
        Aspect ratio.
    """
    narrow = deviation / max(1.0, gamma)
    if wavelength < 2:
        warn(
            f"a wavelength of {wavelength:.3g} pixels is below 2 and aliases; use 2 or more",
            SamplingWarning,
        )
    elif narrow < 0.5:
        warn(
            f"an envelope of standard deviation {narrow:.3g} pixels is too small for the pixel "
            "grid; use 0.5 pixels or more (sigma * scale, divided by gamma above 1)",
            SamplingWarning,
        )
    elif wavelength > 1.5 * peak:
        warn(
            f"an envelope of sigma {deviation:.3g} pixels is too small for a wavelength of "
            f"{wavelength:.3g}: the response peaks at {peak:.3g} pixels; "
            f"use sigma of at least {wavelength / 7:.3g}",
            SamplingWarning,
        )
