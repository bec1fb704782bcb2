"""Where responses go: a zarr store, a TIFF or an npy file that grows under another name.

Until all is written the target is called NAME.partial, and NAME.tiles lists the tiles that are in
it: what is not finished does not look finished, and can be gone on with.
"""

# ruff: noqa: D102 - the class Target describes the methods
from __future__ import annotations

import contextlib
import json
import math
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import PictureError
from ..extras import optional
from ..files import StrPath, atomic_write, check_target, set_aside
from ..pictures.metadata import to_json
from .raw import Raw
from .sources import is_zarr
from .tiff import open_tiff

#: Most rows and columns of a chunk of a zarr store.
CHUNK = 1024


@dataclass(frozen=True)
class Layout:
    """What a target holds.

    Attributes
    ----------
    shape : tuple of int
        (..., K, H, W), or without K.
    dtype : dtype
    labels : tuple of str, optional
        Names of the K channels; None where there is no such axis.
    tile : (int, int)
    colour_last : bool
        Whether the last axis of ``shape`` is that of colour.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    labels: tuple[str, ...] | None
    tile: tuple[int, int]
    colour_last: bool = False


class Target(ABC):
    """A file or folder of one format, from its first byte until it takes its name.

    Attributes
    ----------
    path : Path
        Its name once it is finished.
    layout : Layout
    """

    def __init__(self, path: StrPath, layout: Layout) -> None:
        self.path, self.layout = Path(path), layout

    @property
    def partial(self) -> Path:
        """Its name until then."""
        return self.path.with_name(self.path.name + ".partial")

    @property
    def record(self) -> Path:
        """The list of tiles that it holds."""
        return self.path.with_name(self.path.name + ".tiles")

    @abstractmethod
    def check(self) -> None:
        """Raise PictureError if it cannot be written, or cannot hold the layout."""

    @abstractmethod
    def create(self) -> None:
        """Make an empty one under the name ``partial``."""

    @abstractmethod
    def open(self) -> Any:
        """What ``partial`` holds, to be assigned to by regions."""

    @abstractmethod
    def finish(self, metadata: Mapping[str, Any], limits: tuple[float, float] | None) -> None:
        """Give ``partial`` its name, and what describes it; ``limits`` are the extreme values."""

    def discard(self) -> None:
        """Delete what is not finished."""
        self.record.unlink(missing_ok=True)
        if self.partial.is_dir():
            shutil.rmtree(self.partial)
        self.partial.unlink(missing_ok=True)


def target_of(path: StrPath, layout: Layout) -> Target:
    """The target that a path's suffix names.

    Raises
    ------
    PictureError
        If it names none.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in TARGETS:
        raise PictureError(
            f"{path}: {suffix or 'a name without suffix'} is not written in tiles; "
            f"{', '.join(TARGETS)} are"
        )
    return TARGETS[suffix](path, layout)


class _File(Target):
    """A target that is one file, with its description beside it."""

    def check(self) -> None:
        check_target(self.path)

    def finish(self, metadata: Mapping[str, Any], limits: tuple[float, float] | None) -> None:
        text = to_json(metadata)
        sidecar = Path(f"{self.path}.json")
        with contextlib.ExitStack() as stack:
            # As in gaborkit.write_image: a crash never leaves a file with a wrong description.
            stack.enter_context(atomic_write(sidecar)).write_text(text, encoding="utf-8")
            stack.enter_context(set_aside(sidecar))
            self.partial.replace(self.path)


class Npy(_File):
    """An npy file."""

    def create(self) -> None:
        np.lib.format.open_memmap(
            self.partial, "w+", dtype=self.layout.dtype, shape=self.layout.shape
        )

    def open(self) -> Raw:
        mapped = np.load(self.partial, mmap_mode="r", allow_pickle=False)
        return Raw(self.partial, mapped.offset, mapped.shape, mapped.dtype)


class Tiff(_File):
    """An uncompressed TIFF: a page for each channel of the bank and each plane."""

    def check(self) -> None:
        super().check()
        if self.layout.dtype.kind == "c":
            raise PictureError(
                f"{self.path}: TIFF holds no complex responses; .npy and .zarr do, or one part"
            )

    def create(self) -> None:
        import tifffile

        shape = self.layout.shape
        channels = shape[-1] if self.layout.colour_last else 0
        tifffile.memmap(
            self.partial,
            shape=shape,
            dtype=self.layout.dtype,
            photometric="rgb" if channels > 2 else "minisblack",
            planarconfig="contig" if channels else None,
            extrasamples=["unassalpha"] if channels in (2, 4) else None,
            # Four bytes point no further than 4 GB.
            bigtiff=math.prod(shape) * self.layout.dtype.itemsize > 2**31,
        )

    def open(self) -> Raw:
        found = open_tiff(self.partial, 0)
        assert isinstance(found, Raw)
        return Raw(found.path, found.offset, self.layout.shape, found.dtype)


class Zarr(Target):
    """A zarr store of one array, ``0``; for a picture without further axes it is an OME-Zarr."""

    def check(self) -> None:
        optional("zarr")
        if not self.path.resolve().parent.is_dir():
            raise PictureError(
                f"{self.path}: the folder {self.path.parent} does not exist; create it first"
            )
        if self.path.exists() and not is_zarr(self.path):
            raise PictureError(f"{self.path}: exists and is no zarr store; give another name")

    def create(self) -> None:
        layout = self.layout
        chunk = [chunk_of(side) for side in layout.tile]
        leading = len(layout.shape) - 2
        names = [f"axis_{axis}" for axis in range(leading)] + ["y", "x"]
        if layout.labels is not None:
            names[leading - 1] = "c"
        zarr = optional("zarr")
        group = zarr.open_group(self.partial, mode="w")
        group.create_array(
            "0",
            shape=layout.shape,
            chunks=(*[1] * leading, *chunk),
            dtype=layout.dtype,
            dimension_names=names,
            # Of the codecs that every reader has, the fastest on responses, and the smallest.
            compressors=zarr.codecs.BloscCodec(cname="lz4", shuffle="shuffle"),
        )

    def open(self) -> Any:
        return optional("zarr").open_group(self.partial, mode="r+")["0"]

    def finish(self, metadata: Mapping[str, Any], limits: tuple[float, float] | None) -> None:
        group = optional("zarr").open_group(self.partial, mode="r+")
        attributes = {"gaborkit": json.loads(to_json(metadata))}
        if len(self.layout.shape) == (2 if self.layout.labels is None else 3):
            attributes["ome"] = ome(self.path.stem, self.layout.labels, limits)
        group.attrs.update(attributes)
        old = self.path.with_name(f".gaborkit-{secrets.token_hex(8)}")
        if self.path.exists():
            self.path.rename(old)
        self.partial.rename(self.path)
        if old.exists():
            shutil.rmtree(old)


def chunk_of(side: int) -> int:
    """Side of chunks that tiles share with no other tile: two processes may write these at once."""
    return side if side <= CHUNK else math.gcd(side, CHUNK)


TARGETS: Mapping[str, type[Target]] = {".zarr": Zarr, ".tif": Tiff, ".tiff": Tiff, ".npy": Npy}


def ome(
    name: str, labels: Sequence[str] | None, limits: tuple[float, float] | None
) -> dict[str, Any]:
    """Metadata by which viewers show an array (K, H, W), or (H, W), with the names of its channels.

    References
    ----------
    Next-generation file formats, OME-NGFF 0.5, "multiscales" and "omero" metadata.

    Examples
    --------
    >>> ome("a", ["4 px, 0°"], (0, 2))["omero"]["channels"][0]["label"]
    '4 px, 0°'
    """
    axes = [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
    if labels is not None:
        axes = [{"name": "c", "type": "channel"}, *axes]
    scale = {"type": "scale", "scale": [1.0] * len(axes)}
    found: dict[str, Any] = {
        "version": "0.5",
        "multiscales": [
            {
                "name": name,
                "axes": axes,
                "datasets": [{"path": "0", "coordinateTransformations": [scale]}],
            }
        ],
    }
    if labels is not None and limits is not None:
        low, high = limits
        window = {"min": low, "max": high, "start": low, "end": high}
        found["omero"] = {
            "channels": [
                {"label": label, "color": "FFFFFF", "active": k == 0, "window": window}
                for k, label in enumerate(labels)
            ]
        }
    return found
