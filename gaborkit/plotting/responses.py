"""A picture and what a bank answers to it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..errors import ImageError
from ..types import Array, ComplexArray, RealArray
from .colours import PHASE_TICKS, SEQUENTIAL, magnitude_norm, phase_colours, phase_key
from .inputs import as_numpy
from .layout import Sheet, show

#: More channels than this would be too small to be read.
MOST_CHANNELS = 64

# Pixels along a side that are shown at most.
_MOST_PIXELS = 1024

# Inches: around the picture, the gap between two panels and between two channels, the height of
# a channel's title, and what the colour bars take.
_LEFT, _TOP, _GAP, _SPACE, _TITLE, _BARS = 0.7, 0.52, 0.05, 0.2, 0.26, 1.75


def plot_responses(
    image: Array, responses: Array, labels: Sequence[str], *, common_scale: bool = False
) -> Figure:
    """Picture, then the magnitude and the phase of every channel.

    The phase fades to grey where the magnitude is under a fifth of the channel's largest. Of a
    side of n times 1024 pixels, every n-th pixel is shown. The carrier's phase turns once a
    wavelength: crop a large picture to see it.

    Parameters
    ----------
    image : array (H, W) or (H, W, 3 or 4)
        Grey from its least to its largest value, or RGB(A): integers to their type's largest
        value, floats from 0 to 1.
    responses : complex array (K, H, W)
        What ``bank.filter(image)`` gives; K is at most 64.
    labels : sequence of str
        K names, such as ``bank.labels``.
    common_scale : bool
        Divide magnitudes by the largest of all channels, instead of each channel's own: shows
        which channels answer most, and hides the weak ones.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.axes[0]`` is the picture; channel k has its magnitude in ``axes[2 * k + 1]`` and
        its phase in ``axes[2 * k + 2]``. y points down.

    Raises
    ------
    ImageError
        If an array has another shape or type, is not finite, or does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> from gaborkit import GaborBank
    >>> bank = GaborBank.grid(scales=2, orientations=3)
    >>> image = np.eye(48)
    >>> figure = plot_responses(image, bank.filter(image), bank.labels)
    >>> len(figure.axes)  # the picture, six pairs, two colour bars
    15
    """
    responses = _checked_responses(responses, labels)
    picture = checked_picture(image, responses.shape[1:])
    count, height, width = responses.shape
    step = math.ceil(max(height, width) / _MOST_PIXELS)
    responses, picture = responses[:, ::step, ::step], picture[::step, ::step]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)

    # Panels of one area whatever the picture's shape, if it is not a strip.
    shape = min(4.0, max(0.25, height / width))
    side = min(1.9, max(0.95, 4.0 / math.sqrt(count)))
    wide, high = side / math.sqrt(shape), side * math.sqrt(shape)
    across, down = 2 * wide + _GAP + _SPACE, high + _TITLE
    columns = _columns([str(label) for label in labels], across, down)
    rows = math.ceil(count / columns)
    large = 2.3 / math.sqrt(shape), 2.3 * math.sqrt(shape)
    start = _LEFT + large[0] + 0.35
    deep = max(large[1] + 0.45, rows * down, 2.2)
    sheet = Sheet(start + columns * across + _BARS, _TOP + deep + 0.15)

    axes = sheet.axes(left=_LEFT, top=_TOP, width=large[0], height=large[1])
    show(axes, picture, extent=extent, cmap="gray")
    axes.set_anchor("N")
    axes.set_title("picture", fontsize=9, pad=4)
    axes.set_xlabel("x (px)", fontsize=8)
    axes.set_ylabel("y (px, down)", fontsize=8)
    axes.tick_params(labelsize=7)

    magnitudes = np.abs(responses)
    peaks = magnitudes.max(axis=(1, 2))
    if common_scale:
        peaks = np.full_like(peaks, peaks.max())
    for k in range(count):
        left, top = start + k % columns * across, _TOP + k // columns * down
        pair = [
            sheet.axes(left=left + i * (wide + _GAP), top=top, width=wide, height=high)
            for i in (0, 1)
        ]
        strength = magnitudes[k] / (peaks[k] if peaks[k] > 0 else 1)
        show(pair[0], strength, extent=extent, cmap=SEQUENTIAL, norm=magnitude_norm(1))
        show(pair[1], phase_colours(np.angle(responses[k]), strength), extent=extent)
        for axes in pair:
            axes.set_anchor("N")
            axes.set_xticks([])
            axes.set_yticks([])
        title = sheet.text(left + wide + _GAP / 2, top - 0.04, str(labels[k]), fontsize=8)
        title.set(ha="center", va="bottom", parse_math=False)
        sheet.fit(title, 2 * wide + _GAP + 0.1)
    for column in range(columns):
        for i, words in enumerate(("magnitude", "phase")):
            left = start + column * across + i * (wide + _GAP) + wide / 2
            sheet.text(left, 0.13, words, fontsize=7.5, color="0.35", ha="center", va="top")

    left, length = start + columns * across, min(deep - 0.2, 2.6)
    whose = "all channels" if common_scale else "the channel"
    sheet.colorbar(
        ScalarMappable(magnitude_norm(1), SEQUENTIAL),
        left=left,
        top=_TOP,
        height=length,
        label=f"magnitude / largest of {whose}",
    )
    bar = sheet.colorbar(
        phase_key(), left=left + 0.9, top=_TOP, height=length, label="phase (degrees)"
    )
    bar.set_ticks(PHASE_TICKS)
    return sheet.figure


def _columns(labels: list[str], width: float, height: float) -> int:
    """Channels in a row: scales begin a row, the last row is full, the figure is landscape.

    A scale is a run of labels that agree up to the comma.
    """
    count = len(labels)
    scales = itertools.groupby(label.partition(",")[0] for label in labels)
    run = math.gcd(*(len(list(scale)) for _, scale in scales))

    def cost(columns: int) -> float:
        rows = math.ceil(count / columns)
        shape = abs(math.log(columns * width / (rows * height) / 1.5))
        broken = run % columns > 0 and columns % run > 0
        return shape + (rows * columns - count) / count + broken

    return min(range(1, count + 1), key=cost)


def _checked_responses(responses: Array, labels: Sequence[str]) -> ComplexArray:
    values = as_numpy(responses)
    if not np.iscomplexobj(values):
        raise ImageError(
            f"responses of type {values.dtype} have no phase; give the complex ones of bank.filter"
        )
    if values.ndim != 3 or 0 in values.shape:
        raise ImageError(
            f"responses of shape {values.shape} are not (K, H, W); give those of one grey picture"
        )
    if len(values) > MOST_CHANNELS:
        raise ImageError(
            f"{len(values)} channels do not fit a legible figure; plot at most {MOST_CHANNELS}, "
            f"such as responses[:{MOST_CHANNELS}] with labels[:{MOST_CHANNELS}]"
        )
    if not np.isfinite(values).all():
        raise ImageError("responses hold NaN or infinity; give finite numbers")
    if isinstance(labels, str) or len(labels) != len(values):
        described = repr(labels) if isinstance(labels, str) else f"{len(labels)} labels"
        raise ImageError(
            f"{described} for {len(values)} channels; give one label a channel, as bank.labels does"
        )
    return values


def checked_picture(image: Array, shape: tuple[int, ...]) -> RealArray | NDArray[Any]:
    """The picture as ``imshow`` takes it: grey, or RGB(A) from 0 to 1."""
    picture = as_numpy(image)
    if picture.dtype.kind not in "buif":
        raise ImageError(f"an image of type {picture.dtype} cannot be shown; give real numbers")
    grey = picture.ndim == 2
    if not grey and (picture.ndim != 3 or picture.shape[2] not in (3, 4)):
        raise ImageError(
            f"an image of shape {picture.shape} is neither (H, W) nor (H, W, 3 or 4); give one "
            "picture, colour last"
        )
    if picture.shape[:2] != shape:
        raise ImageError(
            f"an image of {picture.shape[0]} x {picture.shape[1]} pixels does not fit responses of "
            f"{shape[0]} x {shape[1]}; give the image that was filtered"
        )
    if not np.isfinite(picture).all():
        raise ImageError("the image holds NaN or infinity; give finite numbers")
    if grey:
        return picture.astype(float)
    if picture.dtype.kind in "ui":
        return picture / np.iinfo(picture.dtype).max
    picture = picture.astype(float)
    if picture.min() < 0 or picture.max() > 1:
        raise ImageError(
            f"a colour image of floats from {picture.min():.3g} to {picture.max():.3g} is not "
            "within 0 to 1; divide it by its white"
        )
    return picture
