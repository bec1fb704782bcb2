"""What lies on the desk: pictures and trained models that the page may show."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

import gaborkit as gk
from gaborkit.io.images import reading

from ..responding import filterable

#: Pictures from the page that are kept; the oldest goes first.
MOST_PICTURES = 8

#: Pixels of a picture at most: ten seconds of work rather than minutes.
MOST_PIXELS = 16_000_000

#: Results that are kept, so that a slider does anew only what it changes; the oldest goes first.
MOST_RESULTS = 4

Result = TypeVar("Result")

#: Characters of a file's name that are kept.
_LONGEST_NAME = 200


@dataclass
class Desk:
    """Pictures by name, and folders of trained models.

    Attributes
    ----------
    given : str, optional
        The picture that was asked for on the command line.
    runs : path
        The folder whose folders are trained models.
    handed : dict
        Pictures that the page handed over, by the names of their files.
    """

    given: str | None = None
    runs: Path = Path("runs")
    handed: dict[str, NDArray[Any]] = field(default_factory=dict)
    _last: dict[str, NDArray[Any]] = field(default_factory=dict)
    _results: OrderedDict[Any, tuple[Any, Any]] = field(default_factory=OrderedDict)

    @property
    def pictures(self) -> list[str]:
        """Names of all pictures, the newest first."""
        own = [] if self.given is None else [self.given]
        samples = [f"sample:{name}" for name in gk.sample_names()]
        return list(dict.fromkeys([*reversed(self.handed), *own, *samples]))

    @property
    def first(self) -> str:
        """The picture that is shown where none is named."""
        return self.given or ("sample:camera" if self.pictures else "")

    def stored(self, name: str) -> NDArray[Any]:
        """A picture as it is stored, (H, W) or (H, W, colours).

        Raises
        ------
        PictureError
            If it cannot be read.
        """
        if name in self.handed:
            return self.handed[name]
        if name not in self._last:  # one is kept: a slider moves on one picture
            self._last = {name: gk.read_image(name, max_pixels=MOST_PIXELS)}
        return self._last[name]

    def plane(self, name: str) -> NDArray[Any]:
        """The grey values (H, W) or luminance of a picture, as commands take them.

        Raises
        ------
        PictureError
            If it cannot be read.
        ImageError
            If it holds several pictures, or too many pixels.
        """
        return self.once(_plane_of, self.stored(name), name)

    def once(self, make: Callable[..., Result], picture: NDArray[Any], *arguments: Any) -> Result:
        """``make(picture, *arguments)``, or what that gave a moment ago."""
        key = (make, id(picture), arguments)
        if key not in self._results:
            # The picture stays with its result: another one cannot come to its place in memory.
            self._results[key] = (picture, make(picture, *arguments))
            if len(self._results) > MOST_RESULTS:
                self._results.popitem(last=False)
        self._results.move_to_end(key)
        result: Result = self._results[key][1]
        return result

    def reading(self, name: str) -> str:
        """Python that reads what :meth:`plane` gives."""
        stored, read = self.stored(name), f"gk.read_image({name!r})"
        if stored.ndim < 3:
            return read
        return f"gk.luminance({read})" if stored.shape[-1] >= 3 else f"{read}[..., 0]"

    def hand_over(self, name: str, content: bytes) -> str:
        """Take a picture from the page; returns the name by which it is known.

        Raises
        ------
        PictureError
            If it is none, damaged, or declares too many pixels.
        ImageError
            If it holds several pictures.
        """
        name = Path(name.replace("\\", "/")).name[-_LONGEST_NAME:] or "picture"
        with reading(name):
            stored = gk.read_image(io.BytesIO(content), max_pixels=MOST_PIXELS)
        _plane_of(stored, name)
        self.handed.pop(name, None)
        self.handed[name] = stored
        while len(self.handed) > MOST_PICTURES:
            del self.handed[next(iter(self.handed))]
        return name

    def models(self) -> Sequence[Path]:
        """Folders of trained models."""
        return sorted(path.parent for path in self.runs.glob("*/config.json"))


def _plane_of(stored: NDArray[Any], name: str) -> NDArray[Any]:
    return checked(name, filterable(stored, "luminance")[0])


def checked(name: str, plane: NDArray[Any]) -> NDArray[Any]:
    """The plane, if it is one picture of real numbers that is small enough.

    Raises
    ------
    ImageError
        If it is not.
    """
    if plane.ndim != 2:
        raise gk.ImageError(f"{name}: a stack of shape {plane.shape} is not one picture")
    if plane.size > MOST_PIXELS:
        raise gk.ImageError(
            f"{name}: {plane.size:,} pixels are more than the {MOST_PIXELS:,} that this page "
            "shows; gaborkit filter takes any number"
        )
    if plane.dtype.kind == "c":
        raise gk.ImageError(f"{name}: holds complex numbers; give a picture of real ones")
    if not np.isfinite(plane).all():
        raise gk.ImageError(f"{name}: holds NaN or infinity; give finite numbers")
    return plane
