"""Scribbles that people draw: which pixels are strokes, and of which texture each is.

The canvas is what is transparent, the picture itself, one colour over most of the picture, or black
(white if there is no black). What differs from it is drawn. Soft brushes and JPEG leave colours
between those of the strokes: pixels of these say nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

import gaborkit as gk
from gaborkit.io.files import StrPath

Colours = NDArray[np.uint8]

#: Colours of strokes at most.
MOST = 32

#: Most that a channel changes by JPEG in pixels of one colour, and of a photograph.
BLUR, CHANGE = 32, 48

#: Distance from the middle of a stroke's colours within which JPEG leaves the larger part of them.
CLOSE = 20

#: Pixels of a colour between two others, as a share of those of the more frequent one, at most; its
#: distance from the line between them; and the share of its pixels beside that one, at least.
MIXED, ASIDE, BESIDE = 0.25, 12.0, 0.9


def read_scribbles(
    path: StrPath, image: NDArray[Any] | None = None
) -> tuple[NDArray[np.uint8], Colours | None]:
    """Numbers of textures, 0 where nothing is drawn, and the colours that they were drawn in.

    Parameters
    ----------
    path : path
        A picture of numbers, or of strokes in colour: on a transparent layer, on one colour, or on
        ``image``.
    image : array, optional
        The picture that the strokes are about.

    Returns
    -------
    scribbles : uint8 array (H, W)
        Colours are numbered from 1, in the order in which they come, row by row.
    colours : uint8 array (C, 3), or None of numbers

    Raises
    ------
    PictureError
        If it cannot be read, or holds no strokes.
    """
    drawing = gk.read_image(path)
    whole = drawing.ndim == 2 and drawing.dtype.kind in "bui"
    if whole and drawing.max() <= 255 and drawing.min() >= 0:
        return _numbers(path, drawing.astype(np.uint8)), None
    if drawing.ndim != 3 or drawing.shape[-1] not in (3, 4) or drawing.dtype != np.uint8:
        raise gk.PictureError(
            f"{path}: {drawing.dtype} of shape {drawing.shape} is no picture of scribbles; give "
            "whole numbers from 0 to 255 (H, W), or strokes in colours of 8 bits"
        )
    drawn, canvas = _drawn(drawing, image)
    if not drawn.any():
        raise gk.PictureError(
            f"{path}: 0 colours are no scribbles; all of it is canvas: draw strokes on it, in a "
            "colour for each texture"
        )
    strokes = _strokes(drawing, drawn, canvas)
    if strokes is None:
        codes = _codes(drawing[drawn])
        raise gk.PictureError(
            f"{path}: {len(np.unique(codes))} colours are no scribbles; draw each texture in a "
            f"colour of its own, at most {MOST}, on the picture itself, on black, on white or on a "
            "transparent layer (and save as PNG, as JPEG blurs colours)"
        )
    return strokes


def _numbers(path: StrPath, drawing: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Numbers with 0 for the canvas, or PictureError where it is not plain what that is."""
    counts = np.bincount(drawing.ravel(), minlength=256)
    most = int(counts.argmax())
    if most == 0 or counts[most] <= drawing.size / 2:
        return drawing
    if counts[0]:
        share = 100 * counts[most] / drawing.size
        raise gk.PictureError(
            f"{path}: {most} covers {share:.0f} % of the picture, and 0 is what says nothing; make "
            "the canvas 0, or draw in colours"
        )
    return np.where(drawing == most, 0, drawing).astype(np.uint8)


def _drawn(
    drawing: Colours, image: NDArray[Any] | None
) -> tuple[NDArray[np.bool_], NDArray[np.float64] | None]:
    """What differs from the canvas, and the canvas's colour if it has one."""
    opaque = drawing[..., 3] > 127 if drawing.shape[-1] == 4 else np.ones(drawing.shape[:2], bool)
    if not opaque.all():
        return opaque, None
    colours = drawing[..., :3].astype(np.int16)
    if image is not None and image.dtype == np.uint8 and image.shape[:2] == drawing.shape[:2]:
        under = image if image.ndim == 3 else image[..., None]
        change = np.abs(colours - under[..., :3].astype(np.int16)).max(-1)
        if np.mean(change == 0) > 0.5:
            return change > 0, None
        if np.mean(change <= CHANGE) > 0.5 and np.median(change) < BLUR / 2:
            return change > CHANGE, None
    codes, counts = np.unique(_codes(drawing), return_counts=True)
    most = int(codes[counts.argmax()])
    known = set(codes[[0, -1]].tolist())  # black and white are the first and the last of all codes
    if counts.max() > drawing[..., 0].size / 2:
        canvas = most
    elif 0 in known:
        canvas = 0
    elif most == 0xFFFFFF:
        canvas = most
    else:
        near = [np.abs(colours - tone).max(-1) <= BLUR for tone in (0, 255, _colour(most))]
        share, canvas = max(zip([part.mean() for part in near], (0, 0xFFFFFF, most), strict=True))
        if share <= 0.5:
            return opaque, None
    ground = _colour(canvas)
    if len(codes) > MOST:  # of JPEG, or soft
        return np.abs(colours - ground).max(-1) > BLUR, ground
    return (colours != ground).any(-1), ground


def _strokes(
    drawing: Colours, drawn: NDArray[np.bool_], canvas: NDArray[np.float64] | None
) -> tuple[NDArray[np.uint8], Colours] | None:
    """Number of each pixel (H, W), 0 of those between strokes, and the colours; None if no strokes.

    Where colours are few each counts; else those close to a frequent one are one with it.
    """
    codes, places = np.unique(_codes(drawing[drawn]), return_inverse=True)
    values = np.stack([_colour(int(code)) for code in codes])
    index = np.full(drawn.shape, -1)
    index[drawn] = places
    if len(codes) > MOST:
        counts = np.bincount(places)
        clusters = _clusters(values, counts)
        sizes = np.bincount(clusters, counts)
        centres = np.stack(
            [np.bincount(clusters, counts * channel) / sizes for channel in values.T], 1
        )
        apart = np.abs(values - centres[clusters]).max(1)
        if counts[apart <= CLOSE].sum() < 0.4 * counts.sum():
            return None  # as of a photograph: no colour is more frequent than those around it
        index[drawn] = clusters[places]
        index[np.isin(index, np.flatnonzero(sizes < 0.02 * sizes.max()))] = -1
        values = centres
    pure = _unmixed(values, index, canvas)
    if len(pure) > MOST:
        return None
    order = sorted(pure, key=lambda k: int((index == k).ravel().argmax()))
    named = np.zeros(len(values) + 1, np.uint8)  # the last is of -1, what says nothing
    named[order] = np.arange(1, len(order) + 1)
    return named[index], np.rint(values[order]).astype(np.uint8)


def _unmixed(
    values: NDArray[np.float64], index: NDArray[np.intp], canvas: NDArray[np.float64] | None
) -> list[int]:
    """Colours that are no outlines of more frequent ones; more than MOST if they are too many.

    An outline's colour lies between a stroke's and another one, or the canvas's, which may be any
    where it has none of its own. It is rare, or next to the stroke all along.
    """
    counts = np.bincount(index[index >= 0], minlength=len(values))
    pure: list[int] = []
    near: list[NDArray[np.bool_]] = []
    for k in np.argsort(-counts, kind="stable"):
        if not counts[k]:
            break
        members = index == k
        mixed = False
        for j, around in zip(pure, near, strict=True):
            others = [values[i] for i in pure if i != j]
            others += [] if canvas is None else [canvas]
            between = any(_between(values[k], values[j], other) for other in others)
            touching = float(around[members].mean()) >= BESIDE
            rare = counts[k] < MIXED * counts[j]
            mixed |= (rare or touching) if between else (canvas is None and rare and touching)
        if not mixed:
            pure.append(int(k))
            near.append(scipy.ndimage.binary_dilation(members, np.ones((3, 3)), iterations=2))
        if len(pure) > MOST:
            break
    return pure


def _between(value: Any, one: Any, other: Any) -> bool:
    """Whether a colour lies on the line between two."""
    along = other - one
    share = float((value - one) @ along) / max(float(along @ along), 1.0)
    return 0 < share < 1 and float(np.abs(value - one - share * along).max()) <= ASIDE


def _clusters(values: NDArray[np.float64], counts: NDArray[Any]) -> NDArray[np.intp]:
    """Of each colour, the number of the frequent one near it; the most frequent ones first."""
    clusters = np.zeros(len(values), np.intp)
    order = np.argsort(-counts, kind="stable")
    left = np.ones(len(values), bool)
    count = 0
    while left.any():
        centre = values[order[left[order]][0]]
        near = left & (np.abs(values - centre).max(1) <= BLUR)
        clusters[near], left = count, left & ~near
        count += 1
    return clusters


def _codes(colours: Colours) -> NDArray[np.uint32]:
    return colours[..., :3].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)


def _colour(code: int) -> NDArray[np.float64]:
    return np.array([code >> 16 & 255, code >> 8 & 255, code & 255], float)
