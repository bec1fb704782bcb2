"""Minutiae: where ridges end and where they fork."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from ...errors import FeatureError
from ...types import RealArray
from .enhancement import FingerprintEnhancement
from .picture import pieces, thinned, to_pixels
from .skeleton import cleaned, crossing_number, inward

Kind = Literal["ending", "bifurcation"]

#: Distance of ridges below which they are enlarged before they are thinned: pixels lie too densely.
FINE = 8.0

#: Distance from the end of the print, in distances of ridges, where each ridge ends.
BORDER = 1.2

#: How much larger marks are drawn than they are shown.
FINER = 4

#: Pores and specks are smaller, in squares of the distance of ridges.
SPECK = 0.25


@dataclass(frozen=True, eq=False)
class Minutiae:
    """A table of N minutiae, the best first.

    Attributes
    ----------
    position : float array (N, 2)
        Row and column, (y, x), in pixels.
    angle : float array (N,)
        From +x (right) towards +y (down), in radians, 0 <= angle < 2 pi: the way in which the ridge
        leaves an ending, and the valley a bifurcation, between its arms (ISO/IEC 19794-2, whose
        angles turn the other way).
    kind : array of str (N,)
        ``ending`` or ``bifurcation``.
    quality : float array (N,)
        How much ridges around are like a sine, 0 to 1; see :func:`ridge_frequency`.
    """

    position: RealArray
    angle: RealArray
    kind: NDArray[np.str_]
    quality: RealArray

    def __len__(self) -> int:
        """Count the minutiae."""
        return len(self.angle)

    def __iter__(self) -> Iterator[tuple[float, float, float, str, float]]:
        """Rows (y, x, angle, kind, quality)."""
        for (y, x), angle, kind, quality in zip(
            self.position, self.angle, self.kind, self.quality, strict=True
        ):
            yield float(y), float(x), float(angle), str(kind), float(quality)


def find_minutiae(
    enhancement: FingerprintEnhancement,
    *,
    ridges: Literal["dark", "light"] = "dark",
    least: float = 0.0,
) -> Minutiae:
    """Find where ridges end and fork, by the crossing numbers of their skeleton.

    Ridges are thinned to a skeleton, which is cleaned of what damage and thinning add: spurs,
    bridges, islands, breaks and pores, all short beside the distance of ridges. Minutiae near the
    end of the print are left out.

    Parameters
    ----------
    enhancement : FingerprintEnhancement
        What :func:`enhance_fingerprint` gives.
    ridges : {"dark", "light"}
        As it was enhanced.
    least : float
        Least quality, 0 to 1.

    Returns
    -------
    Minutiae

    Raises
    ------
    FeatureError
        If ``ridges`` or ``least`` is unknown or out of range.

    References
    ----------
    Maltoni, Maio, Jain and Prabhakar (2009), "Handbook of Fingerprint Recognition", 2nd edition,
    sections 3.7 and 3.8.

    Examples
    --------
    >>> from gaborkit.vision.fingerprint import enhance_fingerprint, synthetic_fingerprint
    >>> print_ = synthetic_fingerprint((192, 160), seed=0)
    >>> minutiae = find_minutiae(enhance_fingerprint(print_.image))
    >>> sorted(set(minutiae.kind.tolist()))
    ['bifurcation', 'ending']
    """
    if ridges not in ("dark", "light"):
        raise FeatureError(f"ridges={ridges!r} is unknown; choose dark or light")
    if not 0 <= least <= 1:
        raise FeatureError(f"least={least!r} is no quality; give a number from 0 to 1")
    if not enhancement.mask.any():
        return _table([], [], [], [])
    usual = 1 / float(np.median(enhancement.frequency[enhancement.mask]))
    scale = max(1, math.ceil(FINE / usual))
    height, width = enhancement.mask.shape
    shape = (scale * height, scale * width)
    sign = -1 if ridges == "dark" else 1
    x, y = (to_pixels(part(2 * enhancement.orientation), shape) for part in (np.cos, np.sin))
    along = np.arctan2(y, x) / 2 + math.pi / 2
    spacing = scale / np.maximum(to_pixels(enhancement.frequency, shape), 0.1 / usual)
    mask = to_pixels(enhancement.mask.astype(np.float32), shape) >= 0.5
    binary = mask & (to_pixels(sign * enhancement.enhanced, shape) > 0)
    skeleton = cleaned(
        thinned(_without_specks(binary, SPECK * (scale * usual) ** 2)), along, spacing
    )
    inside = scipy.ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > BORDER * spacing
    number = crossing_number(skeleton)
    rows = []
    for value, kind in ((1, "ending"), (3, "bifurcation")):
        for point in np.argwhere((number == value) & inside):
            at = int(point[0]), int(point[1])
            quality = float(enhancement.quality[at[0] // scale, at[1] // scale])
            if quality < least:
                continue
            angle = float(along[at])
            if inward(skeleton, at, angle, round(float(spacing[at]))) < 0:
                angle += math.pi
            position = (point + 0.5) / scale - 0.5
            rows.append((-quality, *position.tolist(), angle % (2 * math.pi), kind))
    rows.sort()
    return _table(
        [row[1:3] for row in rows],
        [row[3] for row in rows],
        [row[4] for row in rows],
        [-row[0] for row in rows],
    )


def _table(
    positions: list[tuple[float, float]],
    angles: list[float],
    kinds: list[str],
    qualities: list[float],
) -> Minutiae:
    return Minutiae(
        np.array(positions, float).reshape(-1, 2),
        np.array(angles, float),
        np.array(kinds, "U11"),
        np.array(qualities, float),
    )


def _without_specks(binary: NDArray[np.bool_], least: float) -> NDArray[np.bool_]:
    """Ridges without pores, and without specks between them, of fewer pixels."""
    for _ in range(2):  # ridges, then valleys
        labels, area = pieces(binary)
        large = area >= least
        large[0] = False
        binary = ~large[labels]
    return binary


def draw_minutiae(image: RealArray, minutiae: Minutiae, *, size: float = 9.0) -> NDArray[np.uint8]:
    """A print with its minutiae: circles on endings, squares on bifurcations, and their angles.

    Parameters
    ----------
    image : array (H, W)
        Black is its least value, white its largest.
    minutiae : Minutiae
    size : float
        Length of the line that shows the angle, in pixels: the distance of ridges is a good one.

    Returns
    -------
    uint8 array (H, W, 3)
        Endings are red, bifurcations blue.

    Raises
    ------
    FeatureError
        If ``size`` is not above 0.

    Examples
    --------
    >>> none = Minutiae(np.empty((0, 2)), np.empty(0), np.empty(0, str), np.empty(0))
    >>> draw_minutiae(np.eye(2), none)[..., 0]
    array([[255,   0],
           [  0, 255]], dtype=uint8)
    """
    from PIL import Image, ImageDraw

    if not 0 < size < math.inf:
        raise FeatureError(f"size={size!r} draws no line; give pixels above 0")
    values = np.asarray(image, np.float64)
    low, high = values.min(), values.max()
    grey = np.rint(255 * (values - low) / ((high - low) or 1)).astype(np.uint8)
    drawn = Image.fromarray(np.dstack([grey] * 3))
    radius, width = max(1, round(size / 3)), max(1, round(size / 8))
    middle = math.ceil(size) + radius + width
    for y, x, angle, kind, _ in minutiae:
        # Drawn as large as FINER says and reduced, edges are smooth.
        mask = Image.new("L", (FINER * (2 * middle + 1),) * 2)
        pen = ImageDraw.Draw(mask)
        centre = FINER * (middle + 0.5)
        end = centre + FINER * size * np.array((math.cos(angle), math.sin(angle)))
        pen.line((centre, centre, *end), 255, FINER * width)
        ring = (centre - FINER * (radius + width / 2),) * 2 + (
            centre + FINER * (radius + width / 2),
        ) * 2
        outline = pen.ellipse if kind == "ending" else pen.rectangle
        outline(ring, outline=255, width=FINER * width)
        colour = (213, 40, 0) if kind == "ending" else (0, 90, 220)
        drawn.paste(colour, (round(x) - middle, round(y) - middle), mask.reduce(FINER))
    return np.array(drawn)
