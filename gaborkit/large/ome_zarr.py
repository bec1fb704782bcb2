"""What makes a zarr store an OME-Zarr: levels of resolution, and the metadata that name them.

A level has half the rows and columns of the one before; its pixels are the means of two by two. So
a viewer that shows all of a large picture reads the little that it can show.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .sources import StoredZarr

#: Rows and columns that the coarsest level has at most.
COARSEST = 256

#: What four pixels become: their mean, that of angles on the circle, or the first of them.
Halving = Literal["mean", "circular", "first"]


#: What OME-Zarr calls the axes that it knows; one further may be there, of no type.
TYPES = {"c": "channel", "y": "space", "x": "space"}

Create = Callable[[str, tuple[int, ...]], Any]


def halving_of(dtype: np.dtype[Any], *, angles: bool = False) -> Halving:
    """How values are halved: whole numbers are names of classes, which have no mean."""
    if dtype.kind in "biu":
        return "first"
    return "circular" if angles else "mean"


def level_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes (..., H, W) of all levels, the whole first.

    Examples
    --------
    >>> level_shapes((8, 1000, 301))
    [(8, 1000, 301), (8, 500, 151), (8, 250, 76)]
    """
    shapes = [shape]
    while max(shapes[-1][-2:]) > COARSEST:
        *leading, height, width = shapes[-1]
        shapes.append((*leading, -(-height // 2), -(-width // 2)))
    return shapes


def halved(values: NDArray[Any], halving: Halving) -> NDArray[Any]:
    """Half the rows and columns of (..., H, W), rounded up: an odd last one stands for two.

    Examples
    --------
    >>> halved(np.array([[0.0, 2, 5], [4, 6, 7]]), "mean")
    array([[3., 6.]])
    >>> halved(np.radians([[179.0, -179], [179, -179]]), "circular").round(3)
    array([[3.142]])
    >>> halved(np.array([[1, 2, 3], [4, 5, 6]]), "first")
    array([[1, 3]])
    """
    if halving == "first":
        return values[..., ::2, ::2]
    if halving == "circular":
        # A mean of no direction at all is the angle 0.
        return np.angle(halved(np.exp(1j * values), "mean")).astype(values.dtype)
    height, width = values.shape[-2:]
    if height % 2 or width % 2:
        margins = [(0, 0)] * (values.ndim - 2) + [(0, height % 2), (0, width % 2)]
        values = np.pad(values, margins, mode="edge")
    # By slices, which is eight times as fast as a mean over two axes.
    rows = values[..., ::2, :] + values[..., 1::2, :]
    means: NDArray[Any] = rows[..., ::2] + rows[..., 1::2]
    means *= 0.25
    return means


def write_levels(path: Path, whole: Any, create: Create, halving: Halving) -> None:
    """Write the coarser levels ``1``, ``2``, ... of a zarr array; four chunks are read at a time.

    Parameters
    ----------
    path : pathlib.Path
        Of the store, for the message of errors.
    whole : zarr.Array (..., H, W)
    create : callable (name, shape)
        Makes an array beside it.
    halving : {"mean", "circular", "first"}

    Raises
    ------
    PictureError
        If a chunk is damaged.
    """
    array = whole
    for level, shape in enumerate(level_shapes(whole.shape)[1:], 1):
        finer, coarser = StoredZarr(path, array), create(str(level), shape)
        starts = (range(0, n, chunk) for n, chunk in zip(shape, coarser.chunks, strict=True))
        for corner in itertools.product(*starts):
            ends = [min(k + c, n) for k, c, n in zip(corner, coarser.chunks, shape, strict=True)]
            region = tuple(itertools.starmap(slice, zip(corner, ends, strict=True)))
            *leading, rows, columns = region
            source = (*leading, *(slice(2 * x.start, 2 * x.stop) for x in (rows, columns)))
            coarser[region] = halved(finer[source], halving)
        array = coarser


def ome(
    name: str,
    axes: Sequence[str],
    labels: Sequence[str] | None,
    limits: tuple[float, float] | None,
    *,
    levels: int = 1,
    halving: Halving = "mean",
    spacing: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Metadata by which viewers show an array (K, H, W), (N, H, W) or (H, W).

    ``axes`` are their names, ``labels`` those of the K channels, and ``spacing`` is the size of the
    pixels in millimetres, down and across.

    References
    ----------
    Next-generation file formats, OME-NGFF 0.5, "multiscales" and "omero" metadata.

    Examples
    --------
    >>> metadata = ome("a", ["c", "y", "x"], ["4 px, 0°"], (0, 2), levels=3)
    >>> metadata["omero"]["channels"][0]["label"]
    '4 px, 0°'
    >>> for change in metadata["multiscales"][0]["datasets"][2]["coordinateTransformations"]:
    ...     print(change)
    {'type': 'scale', 'scale': [1.0, 4.0, 4.0]}
    {'type': 'translation', 'translation': [0.0, 1.5, 1.5]}
    """
    unit = {} if spacing is None else {"unit": "millimeter"}
    described = [
        {"name": axis, **({"type": TYPES[axis]} if axis in TYPES else {})} for axis in axes
    ]
    for axis in described[-2:]:
        axis.update(unit)
    sides = (1.0, 1.0) if spacing is None else spacing
    leading = len(axes) - 2
    datasets = []
    for level in range(levels):
        factor = 2.0**level
        changes: list[dict[str, Any]] = [
            {"type": "scale", "scale": [*[1.0] * leading, *(factor * x for x in sides)]}
        ]
        if level and halving != "first":
            # The middle of the pixels that it is the mean of.
            middle = (factor - 1) / 2
            shift = [0.0] * leading + [middle * x for x in sides]
            changes.append({"type": "translation", "translation": shift})
        datasets.append({"path": str(level), "coordinateTransformations": changes})
    metadata: dict[str, Any] = {
        "version": "0.5",
        "multiscales": [{"name": name, "axes": described, "datasets": datasets, "type": halving}],
    }
    if labels is not None and limits is not None:
        low, high = limits
        window = {"min": low, "max": high, "start": low, "end": high}
        metadata["omero"] = {
            "channels": [
                {"label": label, "color": "FFFFFF", "active": k == 0, "window": window}
                for k, label in enumerate(labels)
            ]
        }
    return metadata
