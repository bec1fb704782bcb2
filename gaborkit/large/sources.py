"""Pictures that are read by regions: npy, TIFF, zarr and OME-Zarr, or an array that is there."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..caches import lru_cache
from ..errors import FilterError, PictureError
from ..extras import optional
from ..filtering.backend import NumpyLibrary, as_array, check_unmasked, is_dask, library_of
from ..filtering.run import with_leading_channels
from ..io.files import StrPath
from ..io.images import colour_count, luminance
from ..io.pictures.formats import is_zarr, split_page
from ..io.pictures.npy import check_array
from ..io.pictures.tiff import TiffPicture
from .tiff_regions import open_tiff
from .uncompressed import Uncompressed

#: What is filtered of a picture in colour: every channel, those that are not alpha, or luminance.
Colour = Literal["all", "channels", "luminance"]

COLOURS: tuple[str, ...] = get_args(Colour)

#: Bytes of decoded strips and tiles of a TIFF that are kept.
CACHE = 2**27


def open_source(path: StrPath, *, cache: int = CACHE) -> Any:
    """Open a picture without reading its pixels.

    Parameters
    ----------
    path : path
        A ``.npy`` file; a ``.tif`` or ``.tiff`` file, (pages, H, W, C) without the axes of one
        page or sample; a folder that is a zarr array, a group of one array, or an OME-Zarr
        picture, of which the full resolution is taken.
    cache : int
        Bytes of decoded strips and tiles of a TIFF to keep, which neighbours share.

    Returns
    -------
    array-like
        With ``shape``, ``dtype``, and basic indexing that reads no more than it must.

    Raises
    ------
    PictureError
        If there is no such picture, it is damaged, or of a kind that is only read as a whole.
    FilterError
        If zarr is needed and not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/a.npy", np.arange(12).reshape(3, 4))
    ...     open_source(f"{folder}/a.npy")[1:, 2:].tolist()
    [[6, 7], [10, 11]]
    """
    name, number = split_page(path)
    location = Path(name)
    if is_zarr(location):
        return _open_zarr(location)
    if not location.is_file():
        kind = "is a folder that is no zarr store" if location.is_dir() else "there is no such file"
        raise PictureError(f"{path}: {kind}")
    match location.suffix.lower():
        case ".npy":
            return _open_npy(location)
        case ".tif" | ".tiff":
            return open_tiff(location, cache, number)
        case suffix:
            raise PictureError(
                f"{path}: {suffix or 'a file without suffix'} is not read in tiles; .tif, .tiff, "
                ".npy and .zarr are, and an array of gaborkit.read_image can be given"
            )


def kept_open(source: Any, cache: int = CACHE) -> Any:
    """The picture of a path, which stays open from tile to tile; an array as it is."""
    if not isinstance(source, str):
        return source
    path = Path(split_page(source)[0])
    # A newer file of the same name is opened anew.
    return _opened(source, cache, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=4)
def _opened(path: str, cache: int, changed: int) -> Any:
    return open_source(path, cache=cache)


def check_apart(target: StrPath, source: Any, name: str) -> None:
    """Raise PictureError if writing would take a source away, or the store that it lies in.

    Parameters
    ----------
    target : path
    source : path, or array of :func:`as_source`
        Of arrays, only those that are read of a file or of a store on disk are known to lie there.
    name : str
        What it is.
    """
    written = Path(target).resolve()
    for path in _places_of(source):
        read = Path(split_page(path)[0]).resolve()
        if read == written or written in read.parents:
            where = "over" if read == written else "around"
            raise PictureError(f"{target} would be written {where} the {name}; give another name")


def _places_of(source: Any) -> Iterator[str | Path]:
    """Where paths, arrays of stores, memory maps, and what Dask arrays are made of, lie on disk."""
    if isinstance(source, (str, Path)):
        yield source
    elif isinstance(source, Uncompressed):
        yield source.path
    elif is_dask(source):
        for value in source.dask.values():
            if isinstance(value, np.memmap) or hasattr(value, "store"):
                yield from _places_of(value)
    while source is not None:
        store = getattr(source, "store", None)
        root = getattr(store, "root", getattr(store, "path", None))  # of zarr 3 and of zarr 2
        if isinstance(root, (str, Path)):
            yield Path(root) / getattr(source, "path", "")
        if isinstance(source, np.memmap) and source.filename is not None:
            yield Path(source.filename)
        source = getattr(source, "base", None)  # what a view is of


def unmapped(array: Any) -> Any:
    """A memory map as a file that is read by regions; other arrays as they are.

    What is read of a map stays in memory until it is closed.
    """
    base: Any = getattr(array, "base", None)
    # A view keeps the offset of the whole, and a map that copies on writing holds what no file has.
    if (
        isinstance(array, np.memmap)
        and isinstance(base, mmap.mmap)
        and array.mode in ("r", "r+")
        and array.flags.c_contiguous
        and array.filename is not None
    ):
        return Uncompressed(Path(array.filename), array.offset, array.shape, array.dtype)
    return array


def largest_piece(array: Any) -> int:
    """Bytes of the largest piece that has to be read as a whole."""
    if isinstance(array, TiffPicture):
        return array.piece
    chunks = getattr(array, "chunks", None)  # of zarr, h5py and Dask, where they may be unequal
    return (
        math.prod(int(np.max(sizes)) for sizes in chunks) * int(np.dtype(array.dtype).itemsize)
        if chunks
        else 0
    )


def _open_npy(path: Path) -> Any:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as cause:
        raise PictureError(f"{path}: cannot be read as npy ({cause})") from cause
    if not isinstance(mapped, np.memmap):
        raise PictureError(f"{path}: is not an npy file; numpy.save writes one")
    _check(path, mapped)
    return unmapped(mapped)  # in Fortran order it stays mapped


def _check(path: Path, array: Any) -> Any:
    """The array, if it is a picture: by the rules of :func:`gaborkit.read_image`."""
    try:
        check_array(array.shape, array.dtype)
    except PictureError as problem:
        raise PictureError(f"{path}: {problem}") from problem
    return array


class StoredZarr:
    """A zarr array that is read by regions; what is wrong with it is one line.

    Attributes
    ----------
    path : Path
    array : zarr.Array
    shape, dtype, chunks
        Its.
    """

    path: Path
    array: Any
    shape: Any
    dtype: Any
    chunks: Any

    def __init__(self, path: Path, array: Any) -> None:
        self.path, self.array = path, array
        self.shape, self.dtype, self.chunks = array.shape, array.dtype, array.chunks
        if min(self.chunks, default=1) < 1:
            raise PictureError(f"{path}: has chunks of shape {self.chunks}; write it anew")

    def __getitem__(self, index: Any) -> NDArray[Any]:
        try:
            return np.asarray(self.array[index])
        except Exception as cause:  # each codec has its own
            raise PictureError(
                f"{self.path}: is damaged ({' '.join(str(cause).split()):.120}); "
                "a complete copy of it would work"
            ) from cause


def _open_zarr(path: Path) -> StoredZarr:
    zarr = optional("zarr")
    try:
        node = zarr.open(path, mode="r")
        if isinstance(node, zarr.Group):
            # OME-Zarr 0.5, and before it
            scales = (dict(node.attrs).get("ome") or dict(node.attrs)).get("multiscales")
            names = [scales[0]["datasets"][0]["path"]] if scales else list(node.array_keys())
            if len(names) != 1:
                raise PictureError(
                    f"{path}: holds {', '.join(names) or 'no array'}; give the path of one array, "
                    f"such as {path / (names or ['0'])[0]}"
                )
            node = node[names[0]] if names[0] else None
        if not isinstance(node, zarr.Array):
            raise PictureError(f"{path}: its metadata name no array; give the path of one in it")
        return StoredZarr(path, _check(path, node))
    except PictureError:
        raise
    except Exception as cause:
        text = " ".join(str(cause).split())
        raise PictureError(f"{path}: cannot be read as zarr ({text:.200})") from cause


class Planes:
    """What is filtered of a stored array: a plane (H, W) for each place of its other axes.

    Parameters
    ----------
    array : array-like
        With basic indexing, (..., H, W) but for ``channel_axis``.
    channel_axis : int, optional
        Axis of colour; it moves in front of the rows.
    colour : {"all", "channels", "luminance"}
        What of it is filtered; all but ``all`` make one channel of grey and alpha.

    Attributes
    ----------
    shape : tuple of int
        (..., H, W), as :meth:`gaborkit.GaborBank.filter` would see it.
    dtype : dtype
        Of what is read.
    real : dtype
        That in which it is filtered.
    has_channels : bool
        Whether the axis before the rows is that of colour.

    Raises
    ------
    ImageError
        As from :meth:`gaborkit.GaborBank.filter`.
    FilterError
        If ``colour`` is unknown.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    real: np.dtype[Any]
    has_channels: bool

    def __init__(self, array: Any, channel_axis: int | None = None, colour: Colour = "all") -> None:
        if colour not in COLOURS:
            raise FilterError(f"colour={colour!r} is unknown; choose one of {', '.join(COLOURS)}")
        library = NumpyLibrary()
        self.real = library.promote(np.zeros((1, 1), array.dtype)).dtype
        shape = tuple(map(int, array.shape))
        # An array of any shape, in no memory.
        dummy = np.broadcast_to(np.zeros((), array.dtype), shape)
        leading = with_leading_channels(library, dummy, channel_axis).shape
        self.dtype = np.dtype(array.dtype)
        self._array, self._axis, self._take = array, None, ""
        if channel_axis is not None:
            self._axis = channel_axis % len(shape)
            channels = leading[-3]
            self._take = "one"
            if colour == "luminance" and channels > 2:
                colour_count(shape, channel_axis)  # raises if these are too many
                self._take, self.dtype = "luminance", self.real
                leading = (*leading[:-3], *leading[-2:])
            elif colour != "all" and channels < 3:
                self._take = "first"
                leading = (*leading[:-3], *leading[-2:])
            elif colour == "channels":
                leading = (*leading[:-3], min(channels, 3), *leading[-2:])
        self.shape, self.has_channels = leading, self._take == "one"

    def read(self, plane: tuple[int, ...], rows: slice, columns: slice) -> NDArray[Any]:
        """A region (h, w) of one plane."""
        region: list[int | slice] = [*plane, rows, columns]
        if self._axis is None:
            return self._region(region)
        channel = region.pop(-3) if self._take == "one" else 0
        # All channels, which mostly lie side by side.
        region.insert(self._axis, slice(None))
        values = self._region(region)
        # Of the axes before that of colour, those of single planes are gone.
        axis = sum(isinstance(one, slice) for one in region[: self._axis])
        if self._take == "luminance":
            return np.asarray(luminance(values, channel_axis=axis))
        return np.moveaxis(values, axis, 0)[channel]

    def _region(self, region: list[int | slice]) -> NDArray[Any]:
        values = self._array[tuple(region)]
        check_unmasked(values)  # netCDF4 masks what a file lacks
        return np.asarray(values)


def as_source(array: Any) -> Any:
    """An array that is read by regions as it is; one in memory as filtering sees it.

    Raises
    ------
    ImageError
        If it is masked, or no array.
    """
    check_unmasked(array)
    library = library_of(array)
    if library.name == "torch":
        return library.promote(array).detach().cpu().numpy()
    if hasattr(array, "shape") and hasattr(array, "dtype") and hasattr(array, "__getitem__"):
        is_dask(array)  # raises for one whose shape is not known
        return unmapped(array)
    return as_array(array)
