"""Pixels of pictures larger than memory classified tile by tile, as whole ones are."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError, PictureError
from ..features.masking import Interior
from ..filtering.backend import NumpyLibrary
from ..filtering.regions import Region
from ..io.files import StrPath
from ..io.locks import locked
from ..io.spacing import measured_spacing
from ..large.masked_tiles import TileMask
from ..large.memory import reach_of
from ..large.sources import CACHE, Colour, Planes, as_source, check_apart, open_source
from ..large.targets import Layout, target_of
from ..large.tiles import Tile, TileGrid
from ..types import Outside
from ..whole_numbers import is_whole
from .scribble_model import ScribbleModel

#: Standard deviations that a Gaussian's window reaches, at most.
_REACH = 6


def halo_of_model(model: ScribbleModel, *, masked: bool = False) -> int:
    """Pixels around a tile that its classes depend on; with a mask, also by nearest ones inside."""
    radius = max(kernel.radius() for kernel in model.bank)
    widest = max(max(model.window / kernel.frequency, model.least) for kernel in model.bank)
    filled = reach_of(radius) if masked else 0
    return filled + radius + math.ceil(_REACH * widest) + math.ceil(_REACH * model.smoothing)


def predict_large(
    model: ScribbleModel,
    source: Any,
    target: StrPath,
    *,
    channel_axis: int | None = None,
    colour: Colour = "all",
    tile: int = 1024,
    progress: Callable[[int, int], object] | None = None,
    metadata: Mapping[str, Any] | None = None,
    mask: Any = None,
    outside: Outside = "nearest",
) -> NDArray[np.int64]:
    """Segment a picture that need not fit into memory, into a file.

    The same as writing ``model.predict(image).labels``, but for pixels whose classes are equally
    likely to rounding. Until all is written the target is called NAME.partial.

    Parameters
    ----------
    model : ScribbleModel
        Of the nonlinearity ``magnitude``: ``tanh`` depends on the deviation of the whole picture.
    source : path or array (H, W), or with colour
        See :func:`gaborkit.large.open_source` for files.
    target : path
        ``.npy``, ``.tif`` or ``.zarr``; uint8.
    channel_axis : int, optional
    colour : {"all", "channels", "luminance"}
        What is seen of it.
    tile : int
        Side of a tile in pixels. A tile and what lies around it are held at once, as one map for
        each kernel.
    progress : callable, optional
        Called with the number of tiles that are done, and of all.
    metadata : mapping, optional
        What describes the target.
    mask, outside
        As of :func:`gaborkit.filter_large`; what lies outside has the label 0.

    Returns
    -------
    int array (C,)
        Pixels of each of the model's classes.

    Raises
    ------
    FeatureError
        If the model does not go with the picture, or ``tile`` is no size.
    ImageError, FilterError, PictureError
        As :func:`gaborkit.filter_large`.

    Examples
    --------
    >>> import tempfile
    >>> from gaborkit.vision import fit_scribbles
    >>> image = np.random.default_rng(0).random((60, 80))
    >>> image[:, 40:] *= 0.2
    >>> strokes = np.zeros((60, 80), np.uint8)
    >>> strokes[20:40, 10], strokes[20:40, 70] = 1, 2
    >>> model = fit_scribbles(image, strokes)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     counts = predict_large(model, image, f"{folder}/labels.npy", tile=32)
    ...     bool((np.load(f"{folder}/labels.npy") == model.predict(image).labels).all())
    True
    """
    if not is_whole(tile, 1):
        raise FeatureError(f"tile={tile!r} is no size in pixels; give 1024 for example")
    if model.nonlinearity != "magnitude":
        raise FeatureError(
            f"a model of nonlinearity={model.nonlinearity!r} sees the whole picture at once; "
            "predict() does so, or fit one of magnitude"
        )
    named = isinstance(source, (str, os.PathLike))
    array = open_source(source) if named else as_source(source)
    check_apart(target, source if named else array, "source")
    planes = Planes(array, channel_axis, colour)
    channels = planes.shape[-3] if planes.has_channels else 1
    if math.prod(planes.shape[:-2]) != channels:
        raise FeatureError(
            f"a picture of shape {tuple(array.shape)} holds several; give them one by one"
        )
    shape = (planes.shape[-2], planes.shape[-1])
    within = None
    if mask is not None:
        given = os.fspath(mask) if isinstance(mask, (str, os.PathLike)) else as_source(mask)
        check_apart(target, given, "mask")
        within = TileMask.scan(given, outside, shape, CACHE // 2)
    grid = TileGrid(shape, (min(tile, shape[0]), min(tile, shape[1])))
    spacing = measured_spacing(source) if named else None
    layout = Layout(shape, np.dtype(np.uint8), None, (tile, tile), spacing=spacing)
    files = target_of(target, layout)
    files.check()
    counts = np.zeros(len(model.classes), np.int64)
    with locked(files.real, PictureError, name=files.path):
        files.tidy()
        files.discard()
        try:
            files.create()
            for number, part in enumerate(grid, 1):
                inner = _labels(model, planes, part, within)
                files.open()[part.rows, part.columns] = inner
                counts += [np.count_nonzero(inner == label) for label in model.classes]
                if progress is not None:
                    progress(number, len(grid))
            limits = (0.0 if within else float(model.classes.min()), float(model.classes.max()))
            files.finish(metadata or {"classes": model.classes.tolist()}, limits)
        except OSError as cause:
            text = f"{files.path}: cannot be written ({cause.strerror or cause})"
            raise PictureError(text) from cause
        finally:
            files.discard()
    return counts


def _labels(
    model: ScribbleModel, planes: Planes, tile: Tile, mask: TileMask | None
) -> NDArray[np.uint8]:
    """Classes (h, w) of a tile, 0 outside the mask."""
    spans = (tile.rows, tile.columns)
    labels = np.zeros([span.stop - span.start for span in spans], np.uint8)
    box = [slice(0, size) for size in planes.shape[-2:]]
    if mask is not None:
        box = [mask.rows, mask.columns]
        if not mask.inside(*spans).any():
            return labels
    # Clipped at the border of the picture, or of the mask's box: there the steps of a prediction
    # reflect, each its own maps, as they do of the whole.
    halo = halo_of_model(model, masked=mask is not None)
    rows, columns = (
        slice(max(edge.start, span.start - halo), min(edge.stop, span.stop + halo))
        for span, edge in zip(spans, box, strict=True)
    )
    each = [(c,) for c in range(planes.shape[-3])] if planes.has_channels else [()]
    block = np.stack([planes.read(plane, rows, columns) for plane in each])
    size = (block.shape[-2], block.shape[-1])
    region = None
    if mask is not None:
        inside = mask.inside(rows, columns)
        region = Region(1, slice(0, size[0]), slice(0, size[1]), inside)
    part = Interior(size, region, "nearest" if mask is None else mask.outside)
    library = NumpyLibrary()
    filled = part.box(library.promote(block))
    library.check_finite(filled)
    found = part.put_back(model.painted(filled, part).labels)
    down, across = (
        slice(max(0, edge.start - span.start), min(span.stop, edge.stop) - span.start)
        for span, edge in zip(spans, box, strict=True)
    )
    top, left = rows.start - tile.rows.start, columns.start - tile.columns.start
    labels[down, across] = found[
        down.start - top : down.stop - top, across.start - left : across.stop - left
    ]
    return labels
