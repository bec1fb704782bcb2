"""Vessels in a field of view by multi-scale lines and Gabor wavelets, with examples or none."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import scipy
import skimage
from numpy.typing import ArrayLike, NDArray

from ..bank import GaborBank
from ..errors import FeatureError, ImageError
from ..features.checks import check_choice
from ..features.plane import plane_of
from ..features.table import Features
from ..filtering.backend import NumpyLibrary, as_array
from ..filtering.labelled import keeps_labels
from ..filtering.normalizing import ordinary
from ..filtering.regions import cut_out, is_inside, regions
from ..filtering.run import with_leading_channels
from ..io.images import colour_count
from ..kernels.gabor import GaborKernel
from ..types import Array, RealArray

VesselMethod = Literal["line", "gabor", "both"]

#: Width of the widest vessels, in pixels, of the pictures (DRIVE) that both articles measure on.
STANDARD = 7.0

#: Diameter of the field of view there, in pixels.
DIAMETER = 540.0

#: Dilations of the wavelet there (Soares et al., section II-B), and orientations.
SCALES, TURNS = (2.0, 3.0, 4.0, 6.0), 18

#: Width at which the shortest wavelength is still one of pixels.
NARROWEST = 3.5

#: Side of the window there (Nguyen et al., section 3), and orientations of lines.
WINDOW, LINES = 15, 12


class Vessels(NamedTuple):
    """What is found in a picture of vessels.

    Attributes
    ----------
    mask : bool array (H, W)
        Vessels.
    score : float32 array (H, W)
        The larger, the more like a vessel; 0 outside the field of view. Of a model it is a
        probability; without one, in deviations of the field.
    threshold : float
        Of the score.
    """

    mask: NDArray[np.bool_]
    score: RealArray
    threshold: float


def vessel_bank(width: float = STANDARD) -> GaborBank:
    """The wavelets of Soares et al.: four scales, 18 orientations, twice as long as wide.

    Their Morlet wavelet ``exp(i k0 x) exp(-|A x|^2 / 2)`` with ``k0 = (0, 3)`` and an elongation of
    4 is ours of wavelength 2 pi a / 3, sigma a and gamma 1/2, at the scale a.

    Parameters
    ----------
    width : float
        Of the widest vessels, in pixels; the article's scales are for 7.
    """
    return GaborBank(
        GaborKernel(wavelength=2 * math.pi / 3 * a, theta=math.pi * k / TURNS, sigma=a, gamma=0.5)
        for a in (scale * width / STANDARD for scale in SCALES)
        for k in range(TURNS)
    )


def widest_vessel(field: ArrayLike) -> float:
    """Width of the widest vessels of a field of view: 7 where it is 540 pixels wide, as in DRIVE.

    Parameters
    ----------
    field : array (H, W)
        What is neither 0 nor NaN is inside.

    Returns
    -------
    float
        In pixels; 3.5 or more, as :func:`vessel_responses` needs.

    References
    ----------
    Soares et al. (2006), whose scales are for pictures of that size.

    Examples
    --------
    >>> round(widest_vessel(np.ones((600, 600))), 2)
    8.78
    """
    diameter = math.sqrt(4 / math.pi * np.count_nonzero(is_inside(field)))
    return max(NARROWEST, STANDARD * diameter / DIAMETER)


def _green(image: Array, channel_axis: int) -> Array:
    """The green channel of colours, or of grey the one there is."""
    image = as_array(image)
    green = 1 if colour_count(image.shape, channel_axis) > 2 else 0
    return np.take(image, green, channel_axis)


def vessel_responses(
    image: Array,
    *,
    mask: ArrayLike | None = None,
    method: VesselMethod = "both",
    vessels: Literal["dark", "bright"] = "dark",
    width: float | None = None,
    channel_axis: int | None = None,
) -> Features:
    """Maps that tell vessels, each of mean 0 and deviation 1 over the field of view.

    Parameters
    ----------
    image : real array (H, W)
        Of a fundus, the green channel; or its colours, with ``channel_axis``.
    mask : bool array (H, W), optional
        The field of view, as :func:`field_of_view` finds it; all by default, where the rim of a
        dark surround looks like a vessel. Nothing outside has a part in what is inside.
    method : {"line", "gabor", "both"}
        ``line`` are the differences of the strongest mean along a line and the mean of the window
        around, for eight lengths of the line (Nguyen et al., equations 1 to 3); ``gabor`` the
        strongest magnitudes at each scale of :func:`vessel_bank` (Soares et al.).
    vessels : {"dark", "bright"}
    width : float, optional
        Of the widest vessels, in pixels, from 3.5 on; both articles' lengths are for 7. By default
        that of a field of view of this size, see :func:`widest_vessel`.
    channel_axis : int, optional
        Axis of colour, of which green is taken, the channel in which vessels differ most.

    Returns
    -------
    Features
        float32 maps (F, H, W), 0 outside the field: ``intensity``, of which vessels have much, and
        those of the method, named by their lengths and scales at a width of 7.

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`; and if the picture is not (H, W).
    FeatureError
        If an option is unknown or out of range.

    References
    ----------
    Soares, Leandro, Cesar, Jelinek and Cree (2006), "Retinal vessel segmentation using the 2-D
    Gabor wavelet and supervised classification", IEEE TMI 25(9), 1214-1222.
    Nguyen, Bhuiyan, Park and Ramamohanarao (2013), "An effective retinal blood vessel segmentation
    method using multi-scale line detection", Pattern Recognition 46(3), 703-715.

    Examples
    --------
    >>> image = np.random.default_rng(0).random((60, 60))
    >>> vessel_responses(image, method="gabor").names[:3]
    ('intensity', 'gabor_2', 'gabor_3')
    """
    check_choice("method", method, VesselMethod)
    if vessels not in ("dark", "bright"):
        raise FeatureError(f"vessels={vessels!r} is unknown; choose dark or bright")
    library = NumpyLibrary()
    values = library.promote(plane_of(image, channel_axis, _green))
    inside = np.ones(values.shape, bool) if mask is None else is_inside(mask)
    width = widest_vessel(inside) if width is None else width
    if isinstance(width, bool) or not NARROWEST <= width < math.inf:
        raise FeatureError(f"width={width!r} is no width of vessels; give pixels, from 3.5 on")
    if width > min(values.shape) / 2:
        raise FeatureError(
            f"vessels {width:.3g} pixels wide do not fit into {values.shape[0]} x "
            f"{values.shape[1]} pixels; give a larger picture, or a smaller width"
        )
    (region,) = regions(values.shape, mask=inside)
    box = cut_out(values, region)
    library.check_finite(box)
    box = ordinary(box)
    box = np.asarray(-box if vessels == "dark" else box, np.float32)
    box = (box - box[region.inside].mean()) / (box[region.inside].std() or 1)
    named = {"intensity": box}
    if method != "gabor":
        named |= _line_maps(box, width)
    if method != "line":
        strongest = vessel_bank(width).strongest(box).magnitude
        named |= {f"gabor_{a:g}": plane for a, plane in zip(SCALES, strongest, strict=True)}
    maps = np.zeros((len(named), *values.shape), np.float32)
    for plane, part in zip(maps, named.values(), strict=True):
        own = part[region.inside]
        spread = float(own.std())
        # What rounding leaves of a constant is not to be stretched.
        own = (own - own.mean()) / spread if spread > 1e-5 else np.zeros_like(own)
        plane[region.rows, region.columns][region.inside] = own
    return Features(maps, tuple(named), maps=True)


def _line_maps(plane: RealArray, width: float) -> dict[str, RealArray]:
    """The line detector at each length, by its name."""
    # Half lengths of the lines, as many at any width.
    halves = [round(k * width / STANDARD) for k in range(WINDOW // 2 + 1)]
    reach = halves[-1]
    side = 2 * reach + 1
    average = scipy.ndimage.uniform_filter(plane, side, mode="reflect")
    padded = np.pad(plane, reach, mode="symmetric")
    height, across = plane.shape
    best = np.full((len(halves), *plane.shape), -np.inf, np.float32)
    for turn in range(LINES):
        angle = math.pi * turn / LINES
        # Steps of one pixel along the longer axis, as lines are drawn.
        step = np.array([math.sin(angle), math.cos(angle)])
        step /= np.abs(step).max()
        total = np.zeros(plane.shape, np.float32)
        for k in range(reach + 1):
            down, right = np.rint(k * step).astype(int)
            for sign in (1, -1) if k else (1,):
                top, left = reach + sign * down, reach + sign * right
                total += padded[top : top + height, left : left + across]
            for level in (level for level, half in enumerate(halves) if half == k):
                np.maximum(best[level], total / (2 * k + 1), out=best[level])
    return {f"line_{2 * level + 1}": line - average for level, line in enumerate(best)}


@keeps_labels()
def find_vessels(
    image: Array,
    *,
    mask: ArrayLike | None = None,
    method: VesselMethod = "both",
    vessels: Literal["dark", "bright"] = "dark",
    width: float | None = None,
    threshold: float | None = None,
    channel_axis: int | None = None,
) -> Vessels:
    """Find vessels without examples, by lines, Gabor wavelets or both.

    The score of lines is the mean of all lengths' maps and the intensity, of one weight each
    (Nguyen et al., equation 4); that of Gabor wavelets the mean of all scales'; of both, each in
    deviations of the field, their mean.

    Parameters
    ----------
    image, mask, method, vessels, width, channel_axis
        See :func:`vessel_responses`.
    threshold : float, optional
        Of the score. By default Otsu's (1979) within the field of view.

    Returns
    -------
    Vessels

    Raises
    ------
    ImageError, FilterError, FeatureError
        As :func:`vessel_responses`.

    Examples
    --------
    >>> from gaborkit.vision import synthetic_vessels
    >>> fundus = synthetic_vessels((160, 160), width=5, seed=0)
    >>> vessels = find_vessels(fundus.image, mask=fundus.field, width=5)
    >>> bool(vessels.score[fundus.vessels].mean() > vessels.score[~fundus.vessels].mean() + 1)
    True
    """
    maps = vessel_responses(
        image, mask=mask, method=method, vessels=vessels, width=width, channel_axis=channel_axis
    )
    inside = np.ones(maps.shape[1:], bool) if mask is None else is_inside(mask)
    values = maps.to_numpy()[:, inside]
    lines = [k for k, name in enumerate(maps.names) if not name.startswith("gabor")]
    gabor = [k for k, name in enumerate(maps.names) if name.startswith("gabor")]
    parts = [values[rows].mean(0) for rows in (lines, gabor) if len(rows) > (rows is lines)]
    score = np.mean([part / (part.std() or 1) for part in parts], 0)
    return found(score, inside, threshold)


def found(score: RealArray, inside: NDArray[np.bool_], threshold: float | None) -> Vessels:
    """Vessels from the scores of the pixels inside."""
    if threshold is None:
        varies = score.max() > score.min()
        limit = float(skimage.filters.threshold_otsu(score)) if varies else float(score.max())
    elif math.isfinite(threshold):
        limit = float(threshold)
    else:
        raise FeatureError(f"threshold={threshold!r} is no limit of scores; give a finite number")
    whole = np.zeros(inside.shape, np.float32)
    whole[inside] = score
    return Vessels(inside & (whole > limit), whole, limit)


def _brightest(image: RealArray, channel_axis: int) -> Array:
    return with_leading_channels(NumpyLibrary(), image, channel_axis).max(-3)


def field_of_view(image: Array, *, channel_axis: int | None = None) -> NDArray[np.bool_]:
    """The lit disc of a fundus camera: what is brighter than its nearly black surround.

    Parameters
    ----------
    image : real array (H, W), or with colour
    channel_axis : int, optional
        Axis of colour, whose brightest channel counts; of three axes, the last by default.

    Returns
    -------
    bool array (H, W)
        The largest piece, without holes and shrunk by a hundredth; all of a picture without a dark
        surround.

    Raises
    ------
    ImageError
        If it is no picture.

    Examples
    --------
    >>> y, x = np.mgrid[:100, :100]
    >>> field = field_of_view(np.hypot(y - 50, x - 50) < 40)
    >>> bool(field[50, 50]), bool(field[2, 2])
    (True, False)
    """
    values = np.asarray(as_array(image), np.float32)
    if 0 in values.shape:
        raise ImageError(f"a picture of shape {values.shape} has no pixels; give one with some")
    if values.ndim == 3 and channel_axis is None:
        channel_axis = -1
    grey = plane_of(values, channel_axis, _brightest)
    smooth = scipy.ndimage.gaussian_filter(grey, 2)
    low, high = np.quantile(smooth, (0.001, 0.9))
    lit = smooth > low + 0.15 * (high - low)
    border = np.concatenate([lit[0], lit[-1], lit[:, 0], lit[:, -1]])
    if border.mean() > 0.5:  # nothing surrounds it
        return np.ones(grey.shape, bool)
    labels, count = scipy.ndimage.label(lit)
    if not count:
        return np.ones(grey.shape, bool)
    largest = scipy.ndimage.binary_fill_holes(
        labels == 1 + np.bincount(labels[labels > 0])[1:].argmax()
    )
    margin = max(1.0, min(grey.shape) / 100)
    return np.asarray(scipy.ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1] > margin)
