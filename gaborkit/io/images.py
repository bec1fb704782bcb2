"""Read pictures as they are stored, write arrays without losing a value, and take luminance.

Nothing here rescales, clips or rounds: an array that a format cannot hold is refused in one line
that says what would work. The formats themselves are in `gaborkit.io.pictures`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ImageError, PictureError, closest
from ..filtering.backend import as_array, check_unmasked, is_dask, library_of, promoted
from ..types import Array
from ..whole_numbers import is_whole
from .files import StrPath, atomic_writes, check_target
from .pictures.decoding import decode
from .pictures.encoding import HOLDS, check_fits, encode
from .pictures.formats import FORMATS, split_page, suffix_of
from .pictures.metadata import to_json

if TYPE_CHECKING:
    from dask.array import Array as DaskArray
    from torch import Tensor

WRITTEN = tuple(suffix for suffix, kind in FORMATS.items() if kind in HOLDS)
"""Suffixes that `write_image` knows."""

MAX_PIXELS = 90_000_000
"""Larger pictures are read only if the file is large too, or ``max_pixels`` is raised."""

_limits = [MAX_PIXELS]

REC709 = (0.2125, 0.7154, 0.0721)
"""Weights of red, green and blue in `luminance`: those of ``skimage.color.rgb2gray``."""


def sample_names() -> tuple[str, ...]:
    """Return the names that work in ``sample:NAME``, sorted: the pictures inside scikit-image.

    Only its folder is listed; nothing is imported or downloaded.

    Examples
    --------
    >>> "camera" in sample_names()
    True
    """
    return tuple(sorted(_samples()))


@contextlib.contextmanager
def pixel_limit(pixels: int) -> Iterator[None]:
    """Let `read_image` take so many pixels where it is not told, in all threads.

    Examples
    --------
    >>> with pixel_limit(1000):
    ...     read_image("sample:camera")
    Traceback (most recent call last):
    gaborkit.errors.PictureError: sample:camera: declares 262144 pixels in ...
    """
    _limits.append(pixels)
    try:
        yield
    finally:
        _limits.remove(pixels)


def largest_picture(max_pixels: int | None = None) -> int:
    """Pixels that a picture may declare: those asked for, or of `pixel_limit`, or `MAX_PIXELS`."""
    return _limits[-1] if max_pixels is None else max_pixels


def read_image(source: StrPath | IO[bytes], *, max_pixels: int | None = None) -> NDArray[Any]:
    """Read a picture with the dtype and the values that are stored, never rescaled.

    Palettes, 1-, 2- and 4-bit grey and CMYK are expanded to 8-bit grey or RGB(A), white is 255.
    An EXIF (or TIFF) orientation is applied. The suffix must be a known one, but the content
    decides: a PNG named ``.jpg`` is read as a PNG.

    Parameters
    ----------
    source : path, str or binary file
        A PNG, JPEG, WebP, TIFF, BMP, GIF, PBM, PGM, PPM, JPEG 2000, AVIF, NIfTI, DICOM (these two
        need the extra ``medical``) or ``.npy`` file; an ``.npz`` file with an array ``responses``
        or ``image``, or with one array; or ``"sample:NAME"``, see `sample_names`. ``"NAME[k]"`` is
        page or frame k, from 0, of a file. An open file, or anything else that gives bytes by
        ``read()``, is read from where it stands to its end, and is not closed.
    max_pixels : int, optional
        A file that declares more pixels than this, and more than it has bytes, is refused before
        memory is allocated: a tiny damaged or hostile file can declare any size. `MAX_PIXELS` by
        default.

    Returns
    -------
    ndarray, shape (H, W) or (H, W, C)
        C is 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha). A file with several pages or frames gives
        (pages, H, W) or (pages, H, W, C); npy and npz give the array as it is, at least 2-D. The
        byte order is the machine's, the array is contiguous and writable.

    Raises
    ------
    PictureError
        If the file is missing, unreadable, not a picture, damaged, truncated or too large, or
        has pages that are not alike.

    Notes
    -----
    NIfTI and DICOM give the values that the file means, by its own slope and intercept; rows are
    NIfTI's y, columns its x. :func:`gaborkit.read_volume` reads them with their place in space.

    The pages of a TIFF are all in the file's order, without those that it calls reductions
    (thumbnails, pyramids) or masks of others. Its tags decide what samples are, not their number:
    those that are neither grey, RGB, palette, CMYK nor YCbCr in JPEG, with at most one more that
    is tagged as alpha, are bands, and bands are pages: (bands, H, W). RGB with a fourth sample
    without any tag has alpha.

    Examples
    --------
    >>> camera = read_image("sample:camera")
    >>> camera.shape, camera.dtype
    ((512, 512), dtype('uint8'))
    """
    if not isinstance(source, (str, bytes, os.PathLike)):
        return _read_stream(source, largest_picture(max_pixels))
    name = os.fsdecode(source)
    with reading(name):
        path, number = split_page(name)
        with existing_picture(path).open("rb") as stream:
            return decode(stream, largest_picture(max_pixels), number)


def _read_stream(source: object, max_pixels: int) -> NDArray[Any]:
    read = getattr(source, "read", None)
    kind = type(source).__name__
    if read is None:
        raise PictureError(f"a {kind} is no path; give that of a picture file, or an open one")
    name = getattr(source, "name", kind)
    with reading(name if isinstance(name, str) else kind):
        content = read()
        if not isinstance(content, bytes):
            raise PictureError(f"gives {type(content).__name__}, not bytes; open it with mode 'rb'")
        return decode(io.BytesIO(content), max_pixels)


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Let whatever goes wrong while a picture is read be a PictureError that names it."""
    try:
        yield
    except PictureError as problem:
        raise PictureError(f"{name}: {problem}") from problem.__cause__
    except MemoryError as cause:
        raise PictureError(f"{name}: does not fit in memory; crop or shrink it") from cause
    except Exception as cause:
        # Only the operating system's errors carry a strerror: permission denied, ...
        system = getattr(cause, "strerror", None)
        reason = system or f"damaged or truncated: {_one_line(cause)}"
        remedy = "check its permissions" if system else "a complete copy of the file would work"
        raise PictureError(f"{name}: cannot be read ({reason}); {remedy}") from cause


def write_image(
    path: StrPath,
    array: ArrayLike,
    metadata: Mapping[str, object] | None = None,
    *,
    spacing: tuple[float, float] | None = None,
) -> None:
    """Write an array to the format that the suffix names, whole or not at all.

    =========  ==========================================  =====================================
    suffix     dtypes                                      shapes
    =========  ==========================================  =====================================
    png        bool (as 0 and 255), uint8, uint16          (H, W), (H, W, 1 to 4)
    jpg, jpeg  uint8 (lossy, at quality 95)                (H, W), (H, W, 1 or 3)
    webp       uint8 (lossless; grey is stored as colour)  (H, W), (H, W, 1 to 4)
    tif, tiff  bool (as 0 and 255), integer, float         also pages (..., H, W), (..., H, W, C)
    npy, npz   these and complex                           any
    =========  ==========================================  =====================================

    From 3-D on, a last axis of size 1 to 4 is colour (grey; grey, alpha; RGB; RGB, alpha); any
    other array is a stack of pages, which TIFF alone of the picture formats holds. Reading back
    gives the same array, except that (H, W, 1) and a stack of one page come back as (H, W), and
    several axes of pages as one.

    Parameters
    ----------
    path : path
        File to write; its folder must exist. An existing file is replaced.
    array : array_like
        Written as it is: nothing is scaled, clipped or rounded (JPEG alone loses precision).
        ``.npz`` stores it under the name ``responses``.
    metadata : mapping, optional
        Anything that JSON can hold; NumPy scalars and arrays become numbers and lists. It goes
        into the entry ``metadata`` of an ``.npz`` file, as text, and beside any other file, as
        ``NAME.SUFFIX.json``. Replacing a picture removes the ``.json`` of the old one.
    spacing : (float, float), optional
        Millimetres from row to row and from column to column, such as :func:`read_spacing` gives;
        TIFF holds it, and OME-TIFF (``.ome.tif``), other formats do not.

    Raises
    ------
    PictureError
        If the format cannot hold the array, the metadata is not JSON, or the file cannot be
        written. The old file is then still there, and no new one.

    Examples
    --------
    >>> write_image("response.png", np.zeros((4, 4), np.float32))
    Traceback (most recent call last):
    gaborkit.errors.PictureError: response.png: PNG holds bool, uint8, uint16, not float32; \
write a .tif or .npy file, or scale the values to uint8 first
    """
    name = os.fsdecode(path)
    if spacing is not None and not all(math.isfinite(x) and x > 0 for x in spacing):
        raise PictureError(f"{name}: spacing={spacing!r} is not two distances above 0 in mm")
    try:
        kind = _format_of(name, WRITTEN)
        if type(array) is not np.ndarray:
            check_unmasked(array)
        values = np.asarray(array)
        check_fits(kind, values.dtype, values.shape)
        text = None if metadata is None else to_json(metadata)
    except (ImageError, PictureError) as problem:
        raise PictureError(f"{name}: {problem}") from problem.__cause__
    check_target(name)
    sidecar = f"{name}.json"
    beside = kind != "npz" and (
        text is not None or (Path(name).exists() and os.path.isfile(sidecar))  # noqa: PTH113
    )
    with atomic_writes(name, *[sidecar] * beside) as (temporary, *description):
        for path in description:
            if text is None:
                path.unlink()  # and with it the description of the old picture
            else:
                path.write_text(text, encoding="utf-8")
        try:
            encode(temporary, kind, values, text, name, spacing)
        except PictureError:
            raise
        except Exception as cause:
            reason = _one_line(cause)
            raise PictureError(f"{name}: cannot be written as {kind} ({reason})") from cause


@overload
def luminance(image: NDArray[Any], channel_axis: int = -1) -> NDArray[Any]: ...
@overload
def luminance(image: Tensor, channel_axis: int = -1) -> Tensor: ...
@overload
def luminance(image: DaskArray, channel_axis: int = -1) -> DaskArray: ...
def luminance(image: Array, channel_axis: int = -1) -> Array:
    """Return the Rec. 709 luminance, 0.2125 R + 0.7154 G + 0.0721 B, without rescaling.

    Parameters
    ----------
    image : ndarray, torch tensor or dask array, at least 3-D
        1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha) channels along ``channel_axis``.
        Alpha is ignored: colours are not blended with any background.
    channel_axis : int
        The axis of the channels; the result lacks it.

    Returns
    -------
    ndarray, torch tensor or dask array
        Same library and device. float32 and float64 are kept; integers become float32 or, from
        32 bits on, float64, with the same values.

    Raises
    ------
    ImageError
        If there is no such axis, or it does not have 1 to 4 channels.

    References
    ----------
    ITU-R Recommendation BT.709; weights as in ``skimage.color.rgb2gray``.

    Examples
    --------
    >>> luminance(np.full((2, 2, 3), 255, np.uint8))
    array([[255., 255.],
           [255., 255.]], dtype=float32)
    """
    lazy = is_dask(image)
    if not lazy and library_of(image).name == "numpy":
        image = as_array(image)
    shape = tuple(image.shape)
    channels = colour_count(shape, channel_axis)
    image = image.astype(promoted(image.dtype)) if lazy else library_of(image).promote(image)
    before = (slice(None),) * (channel_axis % len(shape))
    weights = REC709 if channels >= 3 else (1.0,)
    return sum(image[(*before, channel)] * weight for channel, weight in enumerate(weights))


def colour_count(shape: tuple[int, ...], channel_axis: int) -> int:
    """How many channels, 1 to 4, an image of a shape has along an axis; raises ImageError."""
    if len(shape) < 3 or not is_whole(channel_axis) or not -len(shape) <= channel_axis < len(shape):
        raise ImageError(
            f"colours of shape {shape} along channel_axis={channel_axis!r}: "
            "a 3-D image such as (H, W, 3) with one of its axes works"
        )
    channels = shape[channel_axis]
    if not 1 <= channels <= 4:
        raise ImageError(
            f"{channels} channels (shape {shape}, channel_axis={channel_axis}) are no colours: "
            "1 to 4 channels work; name their axis with channel_axis"
        )
    return channels


def existing_picture(name: str) -> Path:
    """Return the path of a sample or of a picture file that can be opened."""
    if name.startswith("sample:"):
        samples = _samples()
        path = samples.get(name.removeprefix("sample:"))
        if path is None:
            available = ", ".join(sorted(samples)) or "none (scikit-image is not installed)"
            raise PictureError(
                f"there is no such sample; available: {available}{_meant(name, samples)}"
            )
        return path
    path = Path(name)
    if path.is_dir():
        raise PictureError("is a folder; give a picture file inside it")
    if not path.exists():
        raise PictureError("there is no such file")
    if not path.is_file():
        # Opening a pipe would wait for ever.
        raise PictureError("is not a regular file; give a picture file")
    _format_of(name)
    if path.stat().st_size == 0:
        raise PictureError("is empty (0 bytes); a complete copy of the file would work")
    return path


def _meant(name: str, samples: Iterable[str]) -> str:
    return closest(name, [f"sample:{sample}" for sample in samples])


def _samples() -> dict[str, Path]:
    # find_spec neither imports scikit-image nor lets it download anything.
    spec = importlib.util.find_spec("skimage")
    folders = (spec.submodule_search_locations or []) if spec else []
    files = (file for folder in folders for file in (Path(folder) / "data").glob("*"))
    return {file.stem: file for file in files if file.suffix in (".png", ".jpg")}


def _format_of(name: str, suffixes: Collection[str] = FORMATS.keys()) -> str:
    suffix = suffix_of(name)
    if suffix not in suffixes:
        what = f"{FORMATS[suffix]} is read, not written" if suffix in FORMATS else "unknown suffix"
        raise PictureError(f"{what} {suffix!r}; {', '.join(suffixes)} work")
    return FORMATS[suffix]


def _one_line(cause: Exception) -> str:
    return " ".join(str(cause).split()) or type(cause).__name__
