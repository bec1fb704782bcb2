"""Features of picture files: one after the other, several at a time, in flat memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import FeatureError, FolderWarning, GaborkitError, warn
from ..filtering.engines.threads import available, work_alone
from ..filtering.regions import regions
from ..io.files import StrPath
from ..io.images import luminance, read_image
from ..whole_numbers import is_whole
from .base import Descriptor
from .checks import check_choice
from .table import Features

Colour = Literal["luminance", "channels"]


class Described(NamedTuple):
    """A picture file, and its features or what was wrong with it.

    Attributes
    ----------
    source : str
    features : Features, optional
        NumPy values (F,); of objects (N, F).
    error : GaborkitError, optional
        Starts with the name of the file.
    labels : tuple of int, optional
        Of the objects.
    dtype : str
        Of the picture's values, such as ``uint8``; of floating point ``float``; empty if there is
        an error.
    """

    source: str
    features: Features | None
    error: GaborkitError | None
    labels: tuple[int, ...] | None = None
    dtype: str = ""


def describe_file(
    descriptor: Descriptor,
    source: StrPath,
    *,
    colour: Colour = "luminance",
    mask: StrPath | None = None,
    labels: StrPath | None = None,
) -> Features:
    """Read a picture and describe it.

    Parameters
    ----------
    descriptor : Descriptor
    source : path or str
        As :func:`gaborkit.read_image`, ``sample:NAME`` too.
    colour : {"luminance", "channels"}
        What is described of a colour picture; alpha is left out. With ``channels``, a grey picture
        counts as one of three equal channels, so that all pictures have the same features.
    mask : path, optional
        A grey picture of the same size: what is not 0 is described.
    labels : path, optional
        A picture of whole numbers: 0 is outside, each other number an object.

    Returns
    -------
    Features
        Values (F,); with labels (N, F), in the order of their numbers.

    Raises
    ------
    PictureError
        If the file cannot be read.
    ImageError, FeatureError
        If it holds several pages, does not fit the descriptor, or memory is short; the message
        names the file.

    Examples
    --------
    >>> from gaborkit.features import Texture
    >>> describe_file(Texture(), "sample:brick").shape
    (48,)
    """
    check_choice("colour", colour, Colour)
    described = _described(descriptor, source, colour, mask, labels)
    assert described.features is not None  # it raises otherwise
    return described.features


def _described(
    descriptor: Descriptor,
    source: StrPath,
    colour: Colour,
    mask: StrPath | None,
    labels: StrPath | None,
) -> Described:
    """A picture's features, and the labels of its objects if they are asked for."""
    image = read_image(source)
    dtype = "float" if image.dtype.kind == "f" else image.dtype.name

    def described(features: Features) -> Described:
        if not np.isfinite(features.to_numpy()).all():
            raise FeatureError(
                f"its features are not finite: values of up to {float(np.abs(image).max()):.3g} "
                "are too large for them; a picture divided by that works"
            )
        return Described(os.fspath(source), features, None, objects, dtype)

    inside: dict[str, Any] = {
        name: _numbers(path)
        for name, path in (("mask", mask), ("labels", labels))
        if path is not None
    }
    coloured = image.ndim == 3 and image.shape[-1] <= 4
    try:
        if image.ndim > 2 and not coloured:
            raise FeatureError(
                f"an array of shape {image.shape} is a stack; features are of one picture a file"
            )
        objects = None
        if labels is not None:
            objects = tuple(one.label for one in regions(image.shape[:2], **inside))
        if not coloured or image.shape[-1] < 3:
            grey = descriptor.describe(image[..., 0] if coloured else image, **inside)
            if colour == "luminance":
                return described(grey)
            names = [f"c{c} {name}" for c in range(3) for name in grey.names]
            return described(Features(np.tile(grey.to_numpy(), 3), names))
        if colour == "luminance":
            return described(descriptor.describe(luminance(image), **inside))
        return described(descriptor.describe(image[..., :3], channel_axis=-1, **inside))
    except GaborkitError as error:
        raise type(error)(f"{os.fspath(source)}: {error}") from error
    except MemoryError as error:
        raise FeatureError(
            f"{os.fspath(source)}: there is not enough memory to describe it; fewer jobs or a "
            "smaller picture would work"
        ) from error


def _numbers(path: StrPath) -> NDArray[Any]:
    """The one number of each pixel of a mask, or of a picture of labels."""
    image = read_image(path)
    if image.ndim == 3 and image.shape[-1] <= 4:
        colours = image[..., :3] if image.shape[-1] > 2 else image[..., :1]
        if (colours == colours[..., :1]).all():  # grey that was saved as colour
            return colours[..., 0]
    if image.ndim != 2:
        raise FeatureError(
            f"{os.fspath(path)}: an array of shape {image.shape} is no mask; one number for each "
            "pixel works"
        )
    return image


def describe_files(
    descriptor: Descriptor,
    sources: Iterable[StrPath],
    *,
    colour: Colour = "luminance",
    jobs: int | None = None,
    masks: Mapping[str, StrPath] | None = None,
    labels: Mapping[str, StrPath] | None = None,
    dtypes: Iterable[str] = (),
) -> Generator[Described, None, None]:
    """Describe many picture files, in their order.

    Threads read and describe: decoders, compiled engines and transforms leave Python's lock alone.
    Each picture is described by one thread; with one job, by all cores. At most ``jobs`` pictures
    are in memory.

    Parameters
    ----------
    descriptor : Descriptor
    sources : iterable of paths
        Read as they are needed.
    colour : {"luminance", "channels"}
        As :func:`describe_file`.
    jobs : int, optional
        Pictures at a time; one for each core by default.
    masks, labels : mapping of str to path, optional
        The mask, or the picture of labels, of each picture; see :func:`describe_file`. A picture
        without one has an error.
    dtypes : iterable of str
        Of the pictures that these are compared with.

    Yields
    ------
    Described
        A picture that cannot be read or described has an error in place of features; the others go
        on.

    Warns
    -----
    FolderWarning
        If pictures are of several dtypes: values are taken as they are, and those of uint16 are up
        to 257 times as large as those of uint8.

    Raises
    ------
    FeatureError
        If ``jobs`` is below 1, or ``colour`` unknown.

    Examples
    --------
    >>> from gaborkit.features import Energy
    >>> found = list(describe_files(Energy(), ["sample:brick", "missing.png"]))
    >>> found[0].features.shape, str(found[1].error)
    ((24,), 'missing.png: there is no such file')
    """
    check_choice("colour", colour, Colour)
    count = available() if jobs is None else jobs
    if not is_whole(count, 1):
        raise FeatureError(f"jobs={jobs!r} is not a whole number of 1 or more")

    companions = {"mask": masks, "labels": labels}

    def work(source: str) -> Described:
        try:
            chosen = [_companion(source, kind, each) for kind, each in companions.items()]
            return _described(descriptor, source, colour, *chosen)
        except GaborkitError as error:
            return Described(source, None, error)

    def results() -> Generator[Described, None, None]:
        names = (os.fspath(source) for source in sources)
        if count == 1:
            yield from map(work, names)
            return
        running: deque[Future[Described]] = deque()
        pool = ThreadPoolExecutor(count, "gaborkit-features", initializer=work_alone)
        try:
            for name in names:
                running.append(pool.submit(work, name))
                # A few more than are at work, so that a slow one does not stop the others.
                if len(running) >= 2 * count:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def warned() -> Generator[Described, None, None]:
        seen = set(dtypes)
        for described in results():
            if seen and described.dtype not in {*seen, ""}:
                warn(
                    f"{described.source} is of {described.dtype}, other pictures of "
                    f"{', '.join(sorted(seen))}: values are compared as they are, not rescaled; "
                    "pictures saved alike would work",
                    FolderWarning,
                )
            seen |= {described.dtype} - {""}
            yield described

    return warned()


def _companion(source: str, kind: str, paths: Mapping[str, StrPath] | None) -> StrPath | None:
    """A picture's mask or labels; None if none are asked for."""
    if paths is None:
        return None
    if source not in paths:
        raise FeatureError(f"{source}: has no {kind}; a picture of the same name works")
    return paths[source]
