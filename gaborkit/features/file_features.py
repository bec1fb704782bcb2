"""Features of picture files: one after the other, several at a time, in flat memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal, NamedTuple

import numpy as np

from ..errors import FeatureError, GaborkitError
from ..filtering.engines.threads import available, work_alone
from ..io.files import StrPath
from ..io.images import luminance, read_image
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
        NumPy values (F,).
    error : GaborkitError, optional
        Starts with the name of the file.
    """

    source: str
    features: Features | None
    error: GaborkitError | None


def describe_file(
    descriptor: Descriptor, source: StrPath, *, colour: Colour = "luminance"
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

    Returns
    -------
    Features
        Values (F,).

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
    image = read_image(source)
    coloured = image.ndim == 3 and image.shape[-1] <= 4
    try:
        if image.ndim > 2 and not coloured:
            raise FeatureError(
                f"an array of shape {image.shape} is a stack; features are of one picture a file"
            )
        if not coloured or image.shape[-1] < 3:
            grey = descriptor.describe(image[..., 0] if coloured else image)
            if colour == "luminance":
                return grey
            names = [f"c{c} {name}" for c in range(3) for name in grey.names]
            return Features(np.tile(grey.to_numpy(), 3), names)
        if colour == "luminance":
            return descriptor.describe(luminance(image))
        return descriptor.describe(image[..., :3], channel_axis=-1)
    except GaborkitError as error:
        raise type(error)(f"{os.fspath(source)}: {error}") from error
    except MemoryError as error:
        raise FeatureError(
            f"{os.fspath(source)}: there is not enough memory to describe it; fewer jobs or a "
            "smaller picture would work"
        ) from error


def describe_files(
    descriptor: Descriptor,
    sources: Iterable[StrPath],
    *,
    colour: Colour = "luminance",
    jobs: int | None = None,
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

    Yields
    ------
    Described
        A picture that cannot be read or described has an error in place of features; the others go
        on.

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
    if not isinstance(count, int) or count < 1:
        raise FeatureError(f"jobs={jobs!r} is not a whole number of 1 or more")

    def work(source: str) -> Described:
        try:
            return Described(source, describe_file(descriptor, source, colour=colour), None)
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

    return results()
