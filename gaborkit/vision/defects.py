"""Defects of a regular texture: pixels whose Gabor energies are unlike those of the rest.

The logarithms of local energies are compared with their mean and covariance, over a picture that
has no defect or, robustly, over the picture itself: the squared Mahalanobis distance is the score.
The threshold comes from the largest scores of blocks, see :mod:`.extremes`. Windows are as wide as
the period of the texture asks for; near the borders, where they hold less, deviations are taken in
units of what such windows vary by.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.masking import Interior
from ..filtering.labelled import keeps_labels
from ..types import Array, Outside, RealArray
from ..whole_numbers import is_whole
from .covariance import good_statistics, mahalanobis
from .extremes import threshold as extreme_threshold
from .texture_deviations import border_corrected, log_energies, median
from .texture_maps import check_windows, one_thread, planes_within

#: Least deviations of the windows of energy and grey level, and of that of the broad grey level, in
#: pixels and in periods of the texture.
LEAST, BROAD = (3.0, 0.35), (8.0, 0.45)

#: Margin of a picture and of a mask, whose borders are not straight, in longest wavelengths.
MARGINS = (0.7, 1.0)

#: Blocks along the sides of the least picture, and of the least reference, that tell a texture: of
#: smaller ones false alarms are several times as many as are asked for.
SIDES = (10, 14)

#: Quantile of scores by which those near a border are levelled, and how far from it, in longest
#: wavelengths.
LEVEL, REACH = 0.75, 2.0

#: Parts along each side of a reference, each of which is judged by the others.
PARTS = 3


class Defect(NamedTuple):
    """Where one defect is.

    Attributes
    ----------
    box : (top, left, bottom, right)
        Rows and columns; the last two are behind it.
    pixels : int
    centre : (y, x)
        Mean of its pixels.
    score : float
        The largest in it.
    """

    box: tuple[int, int, int, int]
    pixels: int
    centre: tuple[float, float]
    score: float


@dataclass(frozen=True, eq=False)
class Defects:
    """Where a texture is unlike itself.

    Attributes
    ----------
    mask : bool array (H, W)
        Pixels whose score is above the threshold.
    score : float32 array (H, W)
        Squared Mahalanobis distance; 0 in the margin, and outside a mask.
    threshold : float
    usual : float32 array (h, w)
        Scores within the margin of the picture that defects are compared with; NaN where a mask
        leaves none.
    block : int
        Pixels along a side of the blocks whose largest scores tell the threshold.
    judged : int
        Pixels within the margin.
    same : bool
        Whether the picture was compared with itself.
    """

    mask: NDArray[np.bool_]
    score: RealArray
    threshold: float
    usual: RealArray
    block: int
    judged: int
    same: bool

    def places(self) -> list[Defect]:
        """Each piece of the mask, pixels that touch at corners together, row by row.

        Examples
        --------
        >>> from gaborkit.vision.synthetic import weave
        >>> cloth = weave((160, 160))
        >>> cloth[80:90, 60:100] = -1
        >>> [place] = find_defects(cloth).places()
        >>> 78 < place.centre[0] < 92, place.pixels > 400
        (True, True)
        """
        mask, score = np.asarray(self.mask), np.asarray(self.score)
        numbers, _ = scipy.ndimage.label(mask, np.ones((3, 3)))
        found = []
        for number, (rows, columns) in enumerate(scipy.ndimage.find_objects(numbers), 1):
            inside = numbers[rows, columns] == number
            y, x = np.nonzero(inside)
            box = (rows.start, columns.start, rows.stop, columns.stop)
            centre = (float(rows.start + y.mean()), float(columns.start + x.mean()))
            found.append(Defect(box, len(y), centre, float(score[rows, columns][inside].max())))
        return found

    def with_false_alarms(self, probability: float) -> Defects:
        """The same scores under the threshold of another probability of a false alarm.

        Raises
        ------
        FeatureError
            If it is not between 0 and 1.

        Examples
        --------
        >>> from gaborkit.vision.synthetic import weave
        >>> strict = find_defects(weave((160, 160)), false_alarms=0.01)
        >>> strict.with_false_alarms(0.2).threshold < strict.threshold
        True
        """
        threshold = _threshold(self.usual, self.block, self.judged, probability, self.same)
        return dataclasses.replace(self, mask=self.score > threshold, threshold=threshold)


@keeps_labels()
def find_defects(
    image: Array,
    reference: Array | None = None,
    *,
    bank: GaborBank | None = None,
    window: float = 0.5,
    least: float | None = None,
    margin: int | None = None,
    false_alarms: float = 0.05,
    seed: int = 0,
    channel_axis: int | None = None,
    mask: Any = None,
    outside: Outside = "nearest",
) -> Defects:
    """Find defects in a picture of a regular texture.

    What is the same all along a border, within some two of the longest wavelengths, is no defect.

    Parameters
    ----------
    image : real array or tensor (H, W), or with colour
    reference : of as many channels, optional
        A picture of the texture without defects, lit alike. If None, the picture is compared with
        the larger part of itself.
    bank : GaborBank, optional
        Wavelengths of 2.8, 5.7 and 11.3 pixels in four orientations if None. Those beyond the
        texture's period see how it wavers rather than defects, and bring false alarms.
    window, least
        Widths of the windows of local energy and grey level, see :func:`texture_maps`; the least is
        0.35 periods of the texture if None, and 3 pixels or more.
    margin : int, optional
        Pixels at the borders that are not judged, as what lies outside is not known; 0.7 of the
        longest wavelength if None, or all of it with a mask.
    false_alarms : float
        Probability that something is found in a picture without defects, between 0 and 1. It holds
        as far as the texture is the same everywhere.
    seed : int
        Of the choice of pixels that the estimate is made of.
    channel_axis : int, optional
        Axis of colour.
    mask, outside
        As in :meth:`GaborBank.filter`: the part of the picture that is judged, in which values
        outside have no part. The margin lies along its border. The reference is seen as a whole.

    Returns
    -------
    Defects

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If an option is out of range, or a picture or what a mask leaves of it too small: 96 pixels
        a side tell a texture with the bank of None, and 128 of a reference.

    References
    ----------
    Kumar and Pang (2002), "Defect detection in textured materials using Gabor filters", IEEE
    Trans. Industry Applications 38(2), 425-440.
    Rousseeuw and Van Driessen (1999), "A fast algorithm for the minimum covariance determinant
    estimator", Technometrics 41(3), 212-223, for concentration and reweighting.

    Examples
    --------
    >>> from gaborkit.vision.synthetic import weave
    >>> cloth = weave((160, 160))
    >>> cloth[80:90, 60:100] = -1
    >>> mask = find_defects(cloth).mask
    >>> bool(mask[80:90, 60:100].any()), bool(mask[:40].any())
    (True, False)
    """
    check_windows("magnitude", window, LEAST[0] if least is None else least)
    _check_probability(false_alarms)
    bank = bank or GaborBank.grid(3, 4, wavelength=2 * math.sqrt(2), norm="gain")
    longest = max(1 / kernel.frequency for kernel in bank)
    share = MARGINS[mask is not None]
    margin = math.ceil(share * longest) if margin is None else _margin(margin)
    block = max(8, round(0.7 * longest))
    planes, part = planes_within(image, channel_axis, mask, outside)
    same = reference is None
    if same:
        known, seen = planes, part
    else:
        known, seen = planes_within(reference, channel_axis, None, outside)
    if len(known) != len(planes):
        raise FeatureError(
            f"a reference of {len(known)} channels does not fit a picture of {len(planes)}"
        )
    judged = _judged(part, margin, block, SIDES[0] if same else 0)
    known_judged = judged if same else _judged(seen, margin, block, SIDES[1])
    period = _period(known, seen.inside)
    least = max(LEAST[0], LEAST[1] * period) if least is None else least
    widths = (window, least, max(BROAD[0], BROAD[1] * period))
    maps, variances = log_energies(known, seen, bank, *widths)
    centre = median(maps[:, known_judged], (1,))[..., None]
    maps -= centre
    reach = math.ceil(REACH * longest)
    deviations = border_corrected(maps, variances, seen.inside, reach)
    depth = _depth(seen)
    with one_thread():
        statistics = good_statistics(deviations, known_judged, robust=same, seed=seed)
        usual = (
            mahalanobis(deviations, *statistics)
            if same
            else _held_out(deviations, known_judged, seed)
        )
    levels = _levels(usual, depth, reach)
    scores = usual = usual / levels[depth.clip(max=reach + 1)]
    if not same:
        maps, variances = log_energies(planes, part, bank, *widths)
        maps -= centre
        deviations = border_corrected(maps, variances, part.inside, reach)
        with one_thread():
            scores = mahalanobis(deviations, *statistics)
        scores /= levels[_depth(part).clip(max=reach + 1)]
    crop = 2 * (slice(margin, -margin or None),)
    usual = np.where(known_judged, usual, np.nan)[crop].astype(np.float32)
    pixels = int(judged.sum())
    threshold = _threshold(usual, block, pixels, false_alarms, same)
    score = part.put_back(np.where(judged, scores, 0).astype(np.float32))
    return Defects(score > threshold, score, threshold, usual, block, pixels, same)


def _judged(part: Interior, margin: int, block: int, side: int) -> NDArray[np.bool_]:
    """Pixels (h, w) of a picture's part that are judged.

    FeatureError if there are none, or not as many blocks as in a square of ``side``.
    """
    height, width = part.shape
    what = "picture" if part.inside is None else "mask"
    judged = _depth(part) > margin
    if not judged.any():
        raise FeatureError(
            f"the {what} of {height} x {width} pixels leaves none that is more than {margin} from "
            "its border; give a larger one, or a smaller margin"
        )
    rows, columns = (max(0, size - 2 * margin) // block for size in judged.shape)
    framed = judged[margin : margin + rows * block, margin : margin + columns * block]
    blocks = int(framed.reshape(rows, block, columns, block).all((1, 3)).sum())
    if blocks < side**2:
        raise FeatureError(
            f"the {what} of {height} x {width} pixels is too small to know its texture from, as it "
            f"leaves {blocks} blocks of {block} pixels, {margin} from its border; give {side**2}, "
            f"as {2 * margin + side * block} pixels a side do, or a bank of shorter wavelengths"
        )
    return judged


def _depth(part: Interior) -> NDArray[np.integer]:
    """Pixels (h, w) to the nearest one outside, in the longer of both axes."""
    inside = np.ones(part.shape, bool) if part.inside is None else part.inside
    depth: NDArray[np.integer] = scipy.ndimage.distance_transform_cdt(np.pad(inside, 1))[1:-1, 1:-1]
    return depth


def _held_out(maps: RealArray, judged: NDArray[np.bool_], seed: int) -> RealArray:
    """Scores (H, W) of each tile by the statistics of the others.

    A picture fits its own statistics better than another picture does: windows are wide, so that a
    small one knows its texture from few of them.
    """
    scores = np.empty(judged.shape, maps.dtype)
    rows, columns = (np.linspace(0, size, PARTS + 1).astype(int) for size in judged.shape)
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            tile = np.s_[top:bottom, left:right]
            others = judged.copy()
            others[tile] = False
            statistics = good_statistics(maps, others, robust=False, seed=seed)
            scores[tile] = mahalanobis(maps[:, *tile], *statistics)
    return scores


def _levels(scores: RealArray, depth: NDArray[np.integer], reach: int) -> RealArray:
    """By how much scores are higher at each depth up to ``reach`` than deeper, or 1.

    There a response is partly of the reflection, which goes on as the texture does only where its
    waves run along the border or across it.
    """
    levels = np.ones(reach + 2, scores.dtype)
    far = scores[depth > reach]
    if far.size:
        usual = np.quantile(far, LEVEL)
        for pixels in range(1, reach + 1):
            ring = scores[depth == pixels]
            if ring.size and usual > 0:
                levels[pixels] = max(1, np.quantile(ring, LEVEL) / usual)
    return levels


def _threshold(usual: RealArray, block: int, judged: int, false_alarms: float, same: bool) -> float:
    _check_probability(false_alarms)
    return extreme_threshold(np.asarray(usual), block, judged, false_alarms, same=same)


def _check_probability(false_alarms: float) -> None:
    if not 0 < false_alarms < 1:
        raise FeatureError(
            f"false_alarms={false_alarms!r} is no probability; give one between 0 and 1, as 0.05"
        )


def _period(planes: RealArray, inside: NDArray[np.bool_] | None) -> float:
    """Wavelength in pixels of an octave's third with most of a picture's energy.

    Waves of which twelve do not fit into the shorter side are no texture.
    """
    height, width = planes.shape[-2:]
    if inside is None:
        level = planes - planes.mean((1, 2), keepdims=True)
    else:
        level = (planes - planes[:, inside].mean(1)[:, None, None]) * inside
    level = level * np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    power = (np.abs(np.fft.rfft2(level)) ** 2).sum(0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    lowest = 12 / min(height, width)
    known = (frequency >= lowest) & (frequency <= 0.5)
    if not known.any():
        return 2.0
    thirds = np.floor(3 * np.log2(frequency[known] / lowest)).astype(int)
    energy = np.bincount(thirds, power[known])
    return float(2 ** (-(energy.argmax() + 0.5) / 3) / lowest)


def _margin(value: Any) -> int:
    if not is_whole(value, 0):
        raise FeatureError(f"margin={value!r} is not a whole number of pixels, 0 or more")
    return int(value)
