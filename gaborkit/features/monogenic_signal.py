"""The monogenic signal: amplitude, phase and orientation from three filters, in any direction.

A radial log-Gabor filter G and the two parts of its Riesz transform, ``-i (fx, fy) / |f| G``, are
the even part and the odd vector of a picture. Where the even part is large beside the odd one the
picture is symmetric: phase symmetry.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy

from ..errors import FeatureError
from ..filtering.backend import NumpyLibrary
from ..filtering.labelled import keeps_labels
from ..filtering.padding import check_boundary
from ..types import Array, Boundary, RealArray
from ..whole_numbers import is_whole
from .angles import angle_of, half_circle
from .checks import check_choice
from .local import peak_of, rounding_of
from .masking import interior_of
from .plane import plane_of

#: NumPy's words for what lies outside.
_PADDING = {
    "reflect": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "constant": "constant",
    "wrap": "wrap",
}

Polarity = Literal["both", "bright", "dark"]


class Monogenic(NamedTuple):
    """Monogenic signal of a picture at S scales, (S, H, W) each.

    Attributes
    ----------
    even : float array
        Response of the radial filter.
    odd_x, odd_y : float array
        Of its Riesz transform; x is right, y is down.
    """

    even: RealArray
    odd_x: RealArray
    odd_y: RealArray

    @property
    def amplitude(self) -> RealArray:
        """Local amplitude, whatever the phase."""
        return np.sqrt(self.even**2 + self.odd_x**2 + self.odd_y**2)

    @property
    def phase(self) -> RealArray:
        """Local phase, 0 to pi: 0 at a bright line, pi/2 at a step, pi at a dark line."""
        return np.arctan2(np.hypot(self.odd_x, self.odd_y), self.even)

    @property
    def orientation(self) -> RealArray:
        """Theta across the feature, 0 <= theta < pi, from +x (right) towards +y (down)."""
        theta = np.arctan2(self.odd_y, self.odd_x) % np.pi
        return np.where(theta < np.pi, theta, 0)


class PhaseSymmetry(NamedTuple):
    """Phase symmetry of a picture, (H, W) each.

    Attributes
    ----------
    symmetry : float array
        0 to 1: 1 at a line or a blob whatever its contrast.
    orientation : float array
        Theta across the feature, 0 <= theta < pi.
    noise : float
        Threshold T, in units of the responses.
    """

    symmetry: RealArray
    orientation: RealArray
    noise: float


@keeps_labels("scale")
def monogenic(
    image: Array,
    *,
    scales: int = 4,
    wavelength: float = 4.0,
    a: float = 2.0,
    spread: float = 0.55,
    boundary: Boundary = "reflect",
    channel_axis: int | None = None,
) -> Monogenic:
    """Filter a picture by radial log-Gabor filters and their Riesz transforms.

    Parameters
    ----------
    image : real array (H, W)
    scales : int
        Filters, each ``a`` times as long as the one before.
    wavelength : float
        Of the finest, in pixels, from 2 on.
    a : float
        Step from scale to scale, above 1.
    spread : float
        Deviation of the Gaussian over log frequency, as the ratio ``sigma / f0``, 0 to 1: 0.55 are
        two octaves.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}
        What lies outside, as far as three of the longest wavelength.
    channel_axis : int, optional
        Axis of colour, whose luminance is taken.

    Returns
    -------
    Monogenic

    Raises
    ------
    ImageError
        If the picture is not (H, W) or holds NaN or infinity.
    FeatureError
        If a parameter is out of range.

    References
    ----------
    Felsberg and Sommer (2001), "The monogenic signal", IEEE Transactions on Signal Processing
    49(12), 3136-3144.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> signal = monogenic(np.cos(2 * np.pi * x / 8 + 1.2), scales=1, wavelength=8, boundary="wrap")
    >>> [round(float(v[0, 0, 0]), 4) for v in (signal.amplitude, signal.phase, signal.orientation)]
    [1.0, 1.2, 0.0]
    """
    values = NumpyLibrary().promote(plane_of(image, channel_axis))
    NumpyLibrary().check_finite(values)
    check_boundary(boundary)
    if not is_whole(scales, 1):
        raise FeatureError(f"scales={scales!r} is no number of filters; give 1 or more")
    for name, value, low, high in (
        ("wavelength", wavelength, 2.0, math.inf),
        ("a", a, 1.0, math.inf),
        ("spread", spread, 0.0, 1.0),
    ):
        if not low <= value < high or (name != "wavelength" and value == low):
            raise FeatureError(
                f"{name}={value!r} is out of range; give "
                + (f"{low:g} or more" if name == "wavelength" else f"above {low:g}, below {high:g}")
            )
    longest = wavelength * a ** (scales - 1)
    margin = 0 if boundary == "wrap" else min(max(values.shape), math.ceil(3 * longest))
    mode: Any = _PADDING[boundary]
    padded = np.pad(values, margin, mode=mode)
    spectrum = scipy.fft.rfft2(padded)
    fy = scipy.fft.fftfreq(padded.shape[0])[:, None]
    fx = scipy.fft.rfftfreq(padded.shape[1])[None, :]
    radius = np.hypot(fy, fx)
    # At half a cycle per pixel a real picture has no odd part.
    odd_y, odd_x = (np.where(np.abs(f) < 0.5, f, 0) for f in (fy, fx))
    radius[0, 0] = 1  # its filters are zero there
    logarithm = np.log(radius)
    # Frequencies in the corners of the spectrum have no partners in other directions.
    low_pass = 1 / (1 + (radius / 0.4) ** 20)
    inner = tuple(slice(margin, margin + size) for size in values.shape)
    parts: list[list[RealArray]] = [[], [], []]
    for s in range(scales):
        centre = math.log(1 / (wavelength * a**s))
        gain = np.exp(-((logarithm - centre) ** 2) / (2 * math.log(spread) ** 2))
        gain[0, 0] = 0
        seen = spectrum * (gain * low_pass)
        for part, factor in zip(
            parts, (1, -1j * odd_x / radius, -1j * odd_y / radius), strict=True
        ):
            response = scipy.fft.irfft2(seen * factor, padded.shape)
            part.append(response[inner].astype(values.dtype))
    return Monogenic(*(np.stack(part) for part in parts))


@keeps_labels()
def phase_symmetry(
    image: Array,
    *,
    polarity: Polarity = "both",
    scales: int = 5,
    wavelength: float = 3.0,
    a: float = 2.1,
    spread: float = 0.55,
    deviations: float = 2.0,
    boundary: Boundary = "reflect",
    channel_axis: int | None = None,
    mask: Any = None,
) -> PhaseSymmetry:
    """Lines and blobs by the symmetry of phase, whatever their contrast.

    ``sum_s max(0, |e_s| - |o_s| - T) / (sum_s A_s + eps)`` with even parts e, odd ones o and
    amplitudes A, in Kovesi's monogenic form: T is taken off the sum once.

    Parameters
    ----------
    image : real array (H, W)
    polarity : {"both", "bright", "dark"}
        Of the lines and blobs.
    scales, wavelength, a, spread, boundary, channel_axis
        See :func:`monogenic`.
    deviations : float
        Standard deviations above the mean of what noise reaches at which T lies (Kovesi's k).
    mask : array (H, W), optional
        What is not 0 is inside. The bounding box is filled with the nearest pixels inside; outside,
        symmetry and angle are 0.

    Returns
    -------
    PhaseSymmetry

    Raises
    ------
    ImageError, FeatureError
        As :func:`monogenic`.
    FilterError
        If the mask does not fit, or leaves no pixel.

    References
    ----------
    Kovesi (1997), "Symmetry and asymmetry from local phase", Tenth Australian Joint Conference on
    Artificial Intelligence, 185-190; and his function ``phasesymmono``.

    Examples
    --------
    >>> image = np.zeros((65, 65))
    >>> image[:, 32] = 1
    >>> result = phase_symmetry(image)
    >>> int(result.symmetry[32].argmax()), bool(result.symmetry[32, 32] > 0.8)
    (32, True)
    """
    check_choice("polarity", polarity, Polarity)
    if isinstance(deviations, bool) or not 0 <= deviations < math.inf:
        raise FeatureError(f"deviations={deviations!r} is no number of 0 or more")
    plane = NumpyLibrary().promote(plane_of(image, channel_axis))
    part = interior_of(plane, mask, "nearest")
    plane = part.box(plane)
    NumpyLibrary().check_finite(plane)  # before a peak of NaN makes all of them NaN
    peak = float(peak_of(plane)[0, 0])
    plane = plane / peak  # so that squares stay within float32
    if boundary != "constant":  # within which a constant answers nothing
        plane = plane - plane.mean(dtype=np.float64).astype(plane.dtype)
    signal = monogenic(
        plane, scales=scales, wavelength=wavelength, a=a, spread=spread, boundary=boundary
    )
    even = {"both": np.abs(signal.even), "bright": signal.even, "dark": -signal.even}[polarity]
    odd = np.sqrt(signal.odd_x**2 + signal.odd_y**2)
    amplitude = signal.amplitude
    # The finest scale's amplitudes, of noise, follow Rayleigh's law, and fall from scale to scale.
    finest = amplitude[0] if part.inside is None else amplitude[0][part.inside]
    tau = float(np.median(finest)) / math.sqrt(math.log(4))
    tau *= (1 - (1 / a) ** scales) / (1 - 1 / a)
    level = tau * (math.sqrt(math.pi / 2) + deviations * math.sqrt((4 - math.pi) / 2))
    eps = rounding_of(plane)
    symmetry = np.maximum((even - odd).sum(0) - level, 0) / (amplitude.sum(0) + eps)
    theta = half_circle(angle_of(signal.odd_y.sum(0), signal.odd_x.sum(0)))
    return PhaseSymmetry(part.put_back(symmetry), part.put_back(theta), level * peak)
