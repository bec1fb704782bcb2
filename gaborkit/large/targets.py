"""Where responses go: a zarr store, a TIFF or an npy file that grows under another name.

Until all is written the target is called NAME.partial, and NAME.tiles lists the tiles that are in
it: what is not finished does not look finished, and can be gone on with.
"""

# ruff: noqa: D102 - the class Target describes the methods
from __future__ import annotations

import itertools
import json
import math
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FilterError, PictureError
from ..extras import optional
from ..io.files import StrPath, check_target, put_in_place
from ..io.pictures.formats import is_zarr
from ..io.pictures.metadata import to_json
from ..io.pictures.tiff_tags import tiff_tags
from .ome_zarr import halving_of, level_shapes, ome, write_levels
from .tiff_regions import open_tiff
from .uncompressed import Index, Uncompressed

#: Most rows and columns of a chunk of a zarr store.
CHUNK = 1024

#: Chunks that are compressed and written at a time.
WRITERS = 8


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
    angles : bool
        Whether the values are angles in radians, such as phases.
    spacing : (float, float), optional
        Millimetres of a pixel, down and across.
    channels : bool
        Whether the axis before the rows is that of colour; of one kernel's responses.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    labels: tuple[str, ...] | None
    tile: tuple[int, int]
    colour_last: bool = False
    angles: bool = False
    spacing: tuple[float, float] | None = None
    channels: bool = False

    @property
    def axes(self) -> list[str]:
        """Names of the axes."""
        names = [f"axis_{axis}" for axis in range(len(self.shape) - 2)]
        if self.labels is not None or self.channels:
            names[-1] = "c"
        return [*names, "y", "x"]


class Target(ABC):
    """A file or folder of one format, from its first byte until it takes its name.

    Attributes
    ----------
    path : Path
        Its name once it is finished.
    layout : Layout
    """

    path: Path
    layout: Layout

    def __init__(self, path: StrPath, layout: Layout) -> None:
        self.path, self.layout = Path(path), layout

    @property
    def real(self) -> Path:
        """Where it lies, whatever symbolic links lead there: these survive."""
        return self.path.resolve()

    @property
    def partial(self) -> Path:
        """Its name until then."""
        return self.real.with_name(self.real.name + ".partial")

    @property
    def record(self) -> Path:
        """The list of tiles that it holds."""
        return self.real.with_name(self.real.name + ".tiles")

    @abstractmethod
    def check(self) -> None:
        """Raise PictureError if it cannot be written, or cannot hold the layout."""

    @abstractmethod
    def create(self) -> None:
        """Make an empty one under the name ``partial``."""

    @abstractmethod
    def open(self) -> Any:
        """What ``partial`` holds, to be assigned to by regions."""

    def check_partial(self) -> None:
        """Raise FilterError if what an earlier run has left is damaged."""
        try:
            array = self.open()
            intact = tuple(array.shape) == self.layout.shape and array.dtype == self.layout.dtype
            if isinstance(array, Uncompressed):
                array.check_whole()
        except Exception:
            intact = False
        if not intact:
            raise FilterError(f"{self.partial}: is damaged; start again without resume")

    @abstractmethod
    def finish(self, metadata: Mapping[str, Any], limits: tuple[float, float] | None) -> None:
        """Give ``partial`` its name, and what describes it; ``limits`` are the extreme values."""

    def tidy(self) -> None:  # noqa: B027 - most have nothing to do
        """Bring to its end what a run that was killed had left in the middle."""

    def discard(self) -> None:
        """Delete what is not finished."""
        self.record.unlink(missing_ok=True)
        if self.partial.is_dir():
            # A worker of a cluster may still be writing into it.
            shutil.rmtree(self.partial, ignore_errors=True)
        else:
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
        put_in_place(self.partial, self.path, to_json(metadata))


class Npy(_File):
    """An npy file."""

    def create(self) -> None:
        np.lib.format.open_memmap(
            self.partial, "w+", dtype=self.layout.dtype, shape=self.layout.shape
        )

    def open(self) -> Uncompressed:
        mapped = np.load(self.partial, mmap_mode="r", allow_pickle=False)
        return Uncompressed(self.partial, mapped.offset, mapped.shape, mapped.dtype)


class Tiff(_File):
    """An uncompressed TIFF: a page for each channel of the bank and each plane."""

    def check(self) -> None:
        super().check()
        if self.layout.dtype.kind == "c":
            raise PictureError(
                f"{self.path}: TIFF holds no complex responses; .npy and .zarr do, or one part"
            )
        self._tags()

    def create(self) -> None:
        import tifffile

        shape = self.layout.shape
        tifffile.memmap(
            self.partial,
            shape=shape,
            dtype=self.layout.dtype,
            **self._tags(),
            # Four bytes point no further than 4 GB.
            bigtiff=math.prod(shape) * self.layout.dtype.itemsize > 2**31,
        )

    def _tags(self) -> dict[str, Any]:
        layout = self.layout
        channels = layout.shape[-1] if layout.colour_last else 0
        name = str(self.path)
        return tiff_tags(name, layout.shape, channels, layout.spacing, layout.labels)

    def open(self) -> Uncompressed:
        page = open_tiff(self.partial, 0)
        assert isinstance(page, Uncompressed)
        return Uncompressed(page.path, page.offset, self.layout.shape, page.dtype)


class Chunks:
    """A zarr array whose regions are written chunk by chunk.

    Of a whole region zarr goes on with the other chunks when one has failed, after telling so.
    """

    array: Any
    shape: Any
    dtype: Any

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __setitem__(self, index: Index, values: NDArray[Any]) -> None:
        slices = (x if isinstance(x, slice) else slice(x, x + 1) for x in index)
        spans = [range(n)[x] for x, n in zip(slices, self.shape, strict=True)]
        values = values.reshape([len(span) for span in spans])

        def write(region: tuple[slice, ...]) -> None:
            part = (
                slice(x.start - span.start, x.stop - span.start)
                for x, span in zip(region, spans, strict=True)
            )
            self.array[region] = values[tuple(part)]

        pieces = map(_pieces, spans, self.array.chunks)
        with ThreadPoolExecutor(WRITERS) as pool:
            for _ in pool.map(write, itertools.product(*pieces)):
                pass


def _pieces(span: range, chunk: int) -> list[slice]:
    """Parts of a span of which each lies in one chunk."""
    stops = [*range((span.start // chunk + 1) * chunk, span.stop, chunk), span.stop]
    return [slice(*ends) for ends in itertools.pairwise([span.start, *stops])]


class Zarr(Target):
    """A zarr store of one array, ``0``; an OME-Zarr where one axis, or none, is before the rows.

    That has coarser levels of resolution beside it, ``1``, ``2``, ... OME-Zarr has no place for a
    stack's axis beside that of channels: there the size of pixels is among our own attributes.
    """

    def check(self) -> None:
        optional("zarr")
        if not self.path.resolve().parent.is_dir():
            raise PictureError(
                f"{self.path}: the folder {self.path.parent} does not exist; create it first"
            )
        if self.path.exists() and not is_zarr(self.path):
            raise PictureError(f"{self.path}: exists and is no zarr store; give another name")

    def create(self) -> None:
        group = optional("zarr").open_group(self.partial, mode="w")
        self._array(group, "0", self.layout.shape)

    def _array(self, group: Any, name: str, shape: tuple[int, ...]) -> Any:
        layout, zarr = self.layout, optional("zarr")
        chunk = [chunk_of(side) for side in layout.tile]
        return group.create_array(
            name,
            shape=shape,
            chunks=(*[1] * (len(shape) - 2), *chunk),
            dtype=layout.dtype,
            dimension_names=layout.axes,
            compressors=[
                # Of the codecs that every reader has, the fastest on responses, and the smallest.
                zarr.codecs.BloscCodec(cname="lz4", shuffle="shuffle"),
                # Blosc reads past the end of a chunk that was cut: only a sum tells.
                zarr.codecs.Crc32cCodec(),
            ],
            overwrite=True,
        )

    def open(self) -> Chunks:
        return Chunks(optional("zarr").open_group(self.partial, mode="r+")["0"])

    def finish(self, metadata: Mapping[str, Any], limits: tuple[float, float] | None) -> None:
        group = optional("zarr").open_group(self.partial, mode="r+")
        attributes = {"gaborkit": json.loads(to_json(metadata))}
        layout = self.layout
        if len(layout.shape) <= 3:
            halving = halving_of(layout.dtype, angles=layout.angles)
            write_levels(self.partial, group["0"], partial(self._array, group), halving)
            name, levels = self.path.stem.removesuffix(".ome"), len(level_shapes(layout.shape))
            attributes["ome"] = ome(
                name,
                layout.axes,
                layout.labels,
                limits,
                levels=levels,
                halving=halving,
                spacing=layout.spacing,
            )
        elif layout.spacing is not None:
            attributes["gaborkit"]["spacing"] = layout.spacing
        group.attrs.update(attributes)
        for litter in self.partial.rglob("*.partial"):  # of workers that were killed
            litter.unlink()
        if self.real.exists():
            shutil.copymode(self.real, self.partial)
            self.real.rename(self._old)
        self.partial.rename(self.real)
        self.tidy()

    @property
    def _old(self) -> Path:
        """What the store that is being replaced is called meanwhile."""
        return self.real.with_name(f".{self.real.name}.gaborkit-old")

    def tidy(self) -> None:
        if not self._old.exists():
            return
        if self.real.exists():
            shutil.rmtree(self._old)
        else:
            self._old.rename(self.real)


def chunk_of(side: int) -> int:
    """Side of chunks that tiles share with no other tile: two processes may write these at once."""
    return side if side <= CHUNK else math.gcd(side, CHUNK)


TARGETS: Mapping[str, type[Target]] = {".zarr": Zarr, ".tif": Tiff, ".tiff": Tiff, ".npy": Npy}
