"""The skeleton of ridges as a graph, and what damage has added to it, taken away.

A pixel of the skeleton is an ending, a part of a line, or a branching by its crossing number: half
the changes between ridge and valley on the way around its eight neighbours. Without its branchings
the skeleton falls into lines, which are judged as wholes: by their length, and what they join.
"""

from __future__ import annotations

import math

import numpy as np
import scipy
import skimage
from numpy.typing import NDArray

from ...types import RealArray
from .picture import thinned

#: In distances of ridges: the longest spur that is cut off, bridge that is cut through, island
#: that is dropped, and break that is closed.
SPUR, BRIDGE, ISLAND, BREAK = 0.8, 1.2, 1.6, 1.2

#: Ridges on both sides of a break, and the break itself, turn by less.
BEND = math.radians(40)

#: A bridge runs across ridges: by so much more than along them, as an angle to them.
ACROSS = math.radians(40)

#: The neighbours of a pixel (row, column) in the order around it.
AROUND = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))

#: Passes, after which a skeleton is as clean as it gets.
_PASSES = 4


def crossing_number(skeleton: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Crossing number of each pixel of a skeleton, 0 elsewhere.

    Parameters
    ----------
    skeleton : bool array (H, W)
        Lines one pixel wide; nothing lies outside.

    Returns
    -------
    uint8 array (H, W)
        1 at an ending, 2 on a line, 3 at a bifurcation, 4 at a crossing; 0 at a lone pixel.

    References
    ----------
    Rutovitz (1966), "Pattern recognition", Journal of the Royal Statistical Society A 129(4),
    504-530.

    Examples
    --------
    >>> line = np.zeros((3, 5), bool)
    >>> line[1, 1:4] = True
    >>> crossing_number(line)[1]
    array([0, 1, 2, 1, 0], dtype=uint8)
    """
    padded = np.pad(skeleton, 1).view(np.uint8)
    height, width = skeleton.shape
    ring = [padded[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in AROUND]
    changes = sum(one != other for one, other in zip(ring, ring[1:] + ring[:1], strict=True))
    return np.where(skeleton, changes // np.uint8(2), 0).astype(np.uint8)


def cleaned(skeleton: NDArray[np.bool_], along: RealArray, spacing: RealArray) -> NDArray[np.bool_]:
    """The skeleton without spurs, bridges, islands and breaks that are short beside its ridges.

    Parameters
    ----------
    skeleton : bool array (H, W)
    along : array (H, W)
        Direction along the ridges, in radians.
    spacing : array (H, W)
        Distance from ridge to ridge, in pixels.

    References
    ----------
    Xiao and Raafat (1991), "Fingerprint image postprocessing: a combined statistical and
    structural approach", Pattern Recognition 24(10), 985-992: the kinds of spurious minutiae.
    """
    for _ in range(_PASSES):
        before = skeleton
        skeleton = thinned(_joined(_pruned(skeleton, along, spacing), along, spacing))
        if np.array_equal(skeleton, before):
            break
    return skeleton


def _pruned(skeleton: NDArray[np.bool_], along: RealArray, spacing: RealArray) -> NDArray[np.bool_]:
    """Without spurs, bridges and islands."""
    square = np.ones((3, 3))
    number = crossing_number(skeleton)
    branching = scipy.ndimage.binary_dilation(number > 2, square) & skeleton
    nodes, _ = scipy.ndimage.label(branching, square)
    lines, count = scipy.ndimage.label(skeleton & ~branching, square)
    if not count:
        return skeleton
    touched: list[set[int]] = [set() for _ in range(count + 1)]
    near = np.pad(nodes, 1)
    for y, x in np.argwhere(lines > 0):
        touched[lines[y, x]].update(near[y : y + 3, x : x + 3].ravel().tolist())
    ends = np.bincount(lines[number == 1], minlength=count + 1)
    lengths = np.bincount(lines.ravel(), minlength=count + 1)
    dropped = np.zeros(count + 1, bool)
    joined: dict[frozenset[int], int] = {}
    for line, box in enumerate(scipy.ndimage.find_objects(lines), 1):
        joins = frozenset(touched[line] - {0})
        y, x = (int(s.start + s.stop - 1) // 2 for s in box)
        length = lengths[line] / spacing[y, x]
        if not joins:
            dropped[line] = ends[line] > 0 and length < ISLAND
        elif len(joins) == 1:
            dropped[line] = length < SPUR
        elif length < BRIDGE:
            chord = _chord(lines[box] == line)
            turn = abs((chord - along[y, x] + math.pi / 2) % math.pi - math.pi / 2)
            # Of two that join the same branchings, around a pore, one is enough.
            dropped[line] = turn > ACROSS or joins in joined
            joined[joins] = line
    return skeleton & ~dropped[lines]


def _chord(line: NDArray[np.bool_]) -> float:
    """Direction of the points of a line, in radians; that of the first axis of their spread."""
    y, x = (part - part.mean() for part in np.nonzero(line))
    return math.atan2(2 * float((x * y).sum()), float((x * x - y * y).sum())) / 2


def _joined(skeleton: NDArray[np.bool_], along: RealArray, spacing: RealArray) -> NDArray[np.bool_]:
    """With the gaps closed between endings that face each other."""
    ends = np.argwhere(crossing_number(skeleton) == 1)
    if len(ends) < 2:
        return skeleton
    reach = BREAK * spacing[tuple(ends.T)]
    angles = along[tuple(ends.T)]
    senses = np.array(
        [
            inward(skeleton, (y, x), angle, 4)
            for (y, x), angle in zip(ends.tolist(), angles.tolist(), strict=True)
        ]
    )
    drawn = skeleton.copy()
    pairs = sorted(
        scipy.spatial.cKDTree(ends).query_pairs(float(reach.max())),
        key=lambda pair: float(np.hypot(*(ends[pair[0]] - ends[pair[1]]))),
    )
    free = np.ones(len(ends), bool)
    for i, j in pairs:
        (down, right), gap = ends[j] - ends[i], float(np.hypot(*(ends[j] - ends[i])))
        toward = math.atan2(down, right)
        facing = all(
            math.cos(toward + turned - angles[k] - (math.pi if senses[k] > 0 else 0))
            > math.cos(BEND)
            for k, turned in ((i, 0.0), (j, math.pi))
        )
        if free[i] and free[j] and gap <= min(reach[i], reach[j]) and facing:
            free[[i, j]] = False
            drawn[skimage.draw.line(*ends[i], *ends[j])] = True
    return drawn


def inward(skeleton: NDArray[np.bool_], point: tuple[int, int], along: float, radius: int) -> float:
    """On which side of a point its lines lie, along a direction.

    Parameters
    ----------
    skeleton : bool array (H, W)
    point : (int, int)
        Row and column of one of its pixels.
    along : float
        Direction in radians.
    radius : int
        How far to look, in pixels.

    Returns
    -------
    float
        Lines ahead less those behind: 1 or -1 of an ending, and of a bifurcation the side of its
        two arms.
    """
    y, x = point
    top, left = max(0, y - radius), max(0, x - radius)
    window = skeleton[top : y + radius + 1, left : x + radius + 1].copy()
    y, x = y - top, x - left
    window[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] = False
    arms, _ = scipy.ndimage.label(window, np.ones((3, 3)))
    # Only what leaves the point, not lines that pass by.
    edge = np.unique(arms[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3])
    total = 0.0
    for arm in edge[edge > 0]:
        rows, columns = np.nonzero(arms == arm)
        total += math.copysign(
            1.0,
            float((columns - x).mean()) * math.cos(along)
            + float((rows - y).mean()) * math.sin(along),
        )
    return total
