"""Read pictures as they are stored, write arrays without losing a value, and take luminance.

Nothing here rescales, clips or rounds: an array that a format cannot hold is refused in one line
that says what would work. Pillow reads PNG, JPEG and WebP, because it refuses truncated files;
OpenCV reads and writes 16-bit colour PNG, which Pillow reduces to 8 bits; tifffile does TIFF.
All of them are imported on first use.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import logging
import math
import os
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ImageError, PictureError
from .files import StrPath, atomic_write, check_target, set_aside
from .types import Array

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS: Mapping[str, str] = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP", ".tif": "TIFF",
    ".tiff": "TIFF", ".npy": "npy", ".npz": "npz",
}  # fmt: skip
"""What `read_image` and `write_image` know, by suffix in lower case."""

MAX_PIXELS = 90_000_000
"""Larger pictures are read only if the file is large too, or ``max_pixels`` is raised."""

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


def read_image(source: StrPath, *, max_pixels: int = MAX_PIXELS) -> NDArray[Any]:
    """Read a picture with the dtype and the values that are stored, never rescaled.

    Palettes, 1-, 2- and 4-bit grey and CMYK are expanded to 8-bit grey or RGB(A), white is 255.
    An EXIF (or TIFF) orientation is applied. Of an animation, the first frame is read. The
    suffix must be a known one, but the content decides: a PNG named ``.jpg`` is read as a PNG.

    Parameters
    ----------
    source : path or str
        A PNG, JPEG, WebP, TIFF or ``.npy`` file; an ``.npz`` file with an array ``responses`` or
        ``image``, or with one array; or ``"sample:NAME"``, see `sample_names`.
    max_pixels : int
        A file that declares more pixels than this, and more than it has bytes, is refused before
        memory is allocated: a tiny damaged or hostile file can declare any size.

    Returns
    -------
    ndarray, shape (H, W) or (H, W, C)
        C is 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha). A TIFF with several pages gives
        (pages, H, W) or (pages, H, W, C); npy and npz give the array as it is, at least 2-D. The
        byte order is the machine's, the array is contiguous and writable.

    Raises
    ------
    PictureError
        If the file is missing, unreadable, not a picture, damaged, truncated or too large.

    Examples
    --------
    >>> camera = read_image("sample:camera")
    >>> camera.shape, camera.dtype
    ((512, 512), dtype('uint8'))
    """
    name = os.fsdecode(source)
    path = _sample(name.removeprefix("sample:")) if name.startswith("sample:") else Path(name)
    try:
        _check_source(path)
        with path.open("rb") as stream, _quiet():
            head = stream.read(32)
            stream.seek(0)
            array = _decoder(head)(stream, path.stat().st_size, max_pixels)
        if array.dtype.kind not in "buifc" or array.ndim < 2 or array.size == 0:
            raise PictureError(
                f"holds {array.dtype} values of shape {array.shape}, not a picture; "
                "(H, W) or (H, W, C) numbers work"
            )
        return np.require(array, dtype=array.dtype.newbyteorder("="), requirements=["C", "W"])
    except PictureError as problem:
        raise PictureError(f"{name}: {problem}") from problem.__cause__
    except MemoryError as cause:
        raise PictureError(f"{name}: does not fit in memory; crop or shrink it") from cause
    except Exception as cause:
        # On damaged files the decoders raise almost anything: struct.error, KeyError, ...
        # Only the operating system's errors carry a strerror: permission denied, ...
        system = getattr(cause, "strerror", None)
        reason = system or f"damaged or truncated: {_one_line(cause)}"
        remedy = "check its permissions" if system else "a complete copy of the file would work"
        raise PictureError(f"{name}: cannot be read ({reason}); {remedy}") from cause


def write_image(
    path: StrPath, array: ArrayLike, metadata: Mapping[str, object] | None = None
) -> None:
    """Write an array to the format that the suffix names, whole or not at all.

    =========  ==========================================  =====================================
    suffix     dtypes                                      shapes
    =========  ==========================================  =====================================
    png        bool (as 0 and 255), uint8, uint16          (H, W), (H, W, 1 to 4)
    jpg, jpeg  uint8 (lossy, at quality 95)                (H, W), (H, W, 1 or 3)
    webp       uint8 (lossless; grey is stored as colour)  (H, W), (H, W, 1 to 4)
    tif, tiff  bool (as 0 and 255), integer, float         also pages (K, H, W)
    npy, npz   these and complex                           any
    =========  ==========================================  =====================================

    In 3-D, a last axis of size 1 to 4 is colour (grey; grey, alpha; RGB; RGB, alpha); any other
    3-D array is a stack of pages, which TIFF alone of the picture formats holds. Reading back
    gives the same array, except that (H, W, 1) and a stack of one page come back as (H, W).

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
    try:
        kind = _format_of(name)
        values = np.asarray(array)
        _check_fits(kind, values)
        text = None if metadata is None else _to_json(metadata)
    except PictureError as problem:
        raise PictureError(f"{name}: {problem}") from problem.__cause__
    check_target(name)
    sidecar = Path(f"{name}.json")
    with contextlib.ExitStack() as stack:
        # On leaving, these run from last to first: the new picture takes its place, the old
        # description is deleted (or put back, if that failed), the new one takes its place. A
        # crash in between can leave a picture without a description, never with a wrong one.
        if text is not None and kind != "npz":
            stack.enter_context(atomic_write(sidecar)).write_text(text, encoding="utf-8")
        if kind != "npz" and (text is not None or Path(name).exists()):
            stack.enter_context(set_aside(sidecar))
        temporary = stack.enter_context(atomic_write(name))
        try:
            _encode(temporary, kind, values, text)
        except Exception as cause:
            reason = _one_line(cause)
            raise PictureError(f"{name}: cannot be written as {kind} ({reason})") from cause


def luminance(image: Array, channel_axis: int = -1) -> Array:
    """Return the Rec. 709 luminance, 0.2125 R + 0.7154 G + 0.0721 B, without rescaling.

    Parameters
    ----------
    image : ndarray or torch tensor, at least 3-D
        1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha) channels along ``channel_axis``.
        Alpha is ignored: colours are not blended with any background.
    channel_axis : int
        The axis of the channels; the result lacks it.

    Returns
    -------
    ndarray or torch tensor
        Same library and device. float32 and float64 are kept; integers become float32 or, from
        32 bits on, float64 in NumPy, and the default dtype in torch, with the same values.

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
    shape = tuple(image.shape)
    if len(shape) < 3 or not -len(shape) <= channel_axis < len(shape):
        raise ImageError(
            f"luminance of shape {shape} along channel_axis={channel_axis}: "
            "a 3-D image such as (H, W, 3) with one of its axes works"
        )
    channels = shape[channel_axis]
    if not 1 <= channels <= 4:
        raise ImageError(
            f"luminance of {channels} channels (shape {shape}, channel_axis={channel_axis}): "
            "1 to 4 channels work; name their axis with channel_axis"
        )
    if isinstance(image, np.ndarray):
        # As in filtering: float32 holds 8- and 16-bit integers exactly, wider ones need float64.
        image = image.astype(np.result_type(image.dtype, np.float32), copy=False)
    before = (slice(None),) * (channel_axis % len(shape))
    weights = REC709 if channels >= 3 else (1.0,)
    return sum(image[(*before, channel)] * weight for channel, weight in enumerate(weights))


# Reading. Each decoder takes an open file, its size in bytes and max_pixels.

Decoder = Callable[[IO[bytes], int, int], NDArray[Any]]


def _samples() -> dict[str, Path]:
    # find_spec neither imports scikit-image nor lets it download anything.
    spec = importlib.util.find_spec("skimage")
    folders = (spec.submodule_search_locations or []) if spec else []
    files = (file for folder in folders for file in (Path(folder) / "data").glob("*"))
    return {file.stem: file for file in files if file.suffix in (".png", ".jpg")}


def _sample(name: str) -> Path:
    samples = _samples()
    if name not in samples:
        available = ", ".join(sorted(samples)) or "none (scikit-image is not installed)"
        raise PictureError(f"sample:{name}: there is no such sample; available: {available}")
    return samples[name]


def _format_of(name: str) -> str:
    suffix = Path(name).suffix
    if suffix.lower() not in FORMATS:
        raise PictureError(f"unknown suffix {suffix!r}; {', '.join(FORMATS)} work")
    return FORMATS[suffix.lower()]


def _check_source(path: Path) -> None:
    if path.is_dir():
        raise PictureError("is a folder; give a picture file inside it")
    if not path.exists():
        raise PictureError("there is no such file")
    if not path.is_file():
        # Opening a pipe would wait for ever.
        raise PictureError("is not a regular file; give a picture file")
    _format_of(path.name)
    if path.stat().st_size == 0:
        raise PictureError("is empty (0 bytes); a complete copy of the file would work")


def _decoder(head: bytes) -> Decoder:
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or head[8:12] == b"WEBP":
        return functools.partial(_read_pillow, head)
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return _read_tiff
    if head.startswith(b"\x93NUMPY"):
        return _read_npy
    if head.startswith(b"PK"):
        return _read_npz
    raise PictureError("is not a picture that gaborkit reads; PNG, JPEG, WebP, TIFF, npy, npz work")


def _check_size(pixels: int, stored: int, max_pixels: int) -> None:
    if pixels > max(max_pixels, stored):
        raise PictureError(
            f"declares {pixels} pixels in {stored} bytes; if that is right, "
            f"pass max_pixels={pixels} to read_image (now {max_pixels})"
        )


def _read_pillow(head: bytes, stream: IO[bytes], stored: int, max_pixels: int) -> NDArray[Any]:
    from PIL import ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

    # The classes rather than Image.open, whose own limit is global and only warns at first.
    opener: type[ImageFile.ImageFile]
    if head.startswith(b"\x89PNG"):
        opener = PngImagePlugin.PngImageFile
    elif head.startswith(b"RIFF"):
        opener = WebPImagePlugin.WebPImageFile
        # Opening allocates the canvas.
        _check_size(_webp_pixels(head), stored, max_pixels)
    else:
        opener = JpegImagePlugin.JpegImageFile
    with opener(stream) as picture:
        _check_size(picture.width * picture.height, stored, max_pixels)
        picture.load()
        orientation = picture.getexif().get(0x0112, 1)
        array = _expanded(picture)
    bits, colour_type = head[24:26]
    if opener is PngImagePlugin.PngImageFile and bits == 16 and colour_type != 0:
        # Pillow has just proved that the file is whole, which OpenCV would not.
        array = _read_opencv(stream)
        # OpenCV gives BGR or BGRA also for grey with alpha, and where a colour is transparent.
        array = array[..., {2: [2, 1, 0], 4: [0, 3], 6: [2, 1, 0, 3]}[colour_type]]
    return _oriented(array, orientation, rows=0, columns=1)


def _webp_pixels(head: bytes) -> int:
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif head[12:16] == b"VP8L":
        packed = int.from_bytes(head[21:25], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return width * height


def _expanded(picture: Image) -> NDArray[Any]:
    """Return the pixels of a loaded Pillow picture, as stored where NumPy can say it."""
    mode = picture.mode
    if mode in ("P", "PA"):
        mode = "RGBA" if mode == "PA" or "transparency" in picture.info else "RGB"
    elif mode == "1":
        mode = "L"
    elif mode not in ("L", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX", "F") and mode[0] != "I":
        mode = "RGB"
    return np.asarray(picture if mode == picture.mode else picture.convert(mode))


def _oriented(array: NDArray[Any], orientation: object, rows: int, columns: int) -> NDArray[Any]:
    """Turn stored rows and columns as the EXIF orientation, 1 to 8, says; ignore other values."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(rows, columns)
    if orientation in (3, 4, 7, 8):
        array = np.flip(array, rows)
    if orientation in (2, 3, 6, 7):
        array = np.flip(array, columns)
    return array


def _read_opencv(stream: IO[bytes]) -> NDArray[Any]:
    import cv2

    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        # From memory: imread cannot open every Unicode path on Windows.
        stream.seek(0)
        array = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        log.setLogLevel(level)
    if array is None:
        raise PictureError("OpenCV cannot decode it")
    return np.asarray(array)


def _read_tiff(stream: IO[bytes], stored: int, max_pixels: int) -> NDArray[Any]:
    import tifffile

    # Not as OME: its XML may point to other files.
    with tifffile.TiffFile(stream, is_ome=False) as tiff:
        series = tiff.series[0]
        page = series.keyframe
        samples = series.shape[series.axes.index("S")] if "S" in series.axes else 1
        _check_size(math.prod(series.shape) // samples, stored, max_pixels)
        # tifffile ends a broken chain of pages at the break, as if there were no more; the last
        # page's pointer to the next, known once they are counted, then still points somewhere.
        len(tiff.pages)
        stream.seek(tiff.pages.next_page_offset)
        complete = not any(stream.read(tiff.tiff.offsetsize))
        for part in filter(None, series.pages):
            ends = map(sum, zip(part.dataoffsets, part.databytecounts, strict=True))
            complete = complete and max(ends, default=0) <= stored
        if not complete:
            raise PictureError("is truncated; a complete copy of the file would work")
        array = None
        if page.photometric in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB):
            try:
                array = np.asarray(series.asarray())
            except ValueError as cause:
                if "imagecodecs" not in str(cause):
                    raise
        if array is None:
            return _read_tiff_otherwise(stream, page, len(series.pages), samples)
        if array.dtype == np.bool_:
            array = array * np.uint8(255)
        if "S" in series.axes:
            array = np.moveaxis(array, series.axes.index("S"), -1)
        # Every axis before rows, columns and samples (time, depth, channel, ...) counts pages.
        array = array.reshape(-1, *array.shape[-3 if "S" in series.axes else -2 :])
        array = _oriented(array, page.tags.valueof(274, 1), rows=1, columns=2)
        return array[0] if len(array) == 1 else array


def _read_tiff_otherwise(stream: IO[bytes], page: Any, pages: int, samples: int) -> NDArray[Any]:
    """Read what tifffile cannot (palettes, CMYK, LZW without imagecodecs) if nothing is lost.

    Unlike tifffile, Pillow and OpenCV turn the picture as its orientation says.
    """
    from PIL import ImageSequence, TiffImagePlugin

    stream.seek(0)
    # Whatever they raise, the file is refused in the end.
    with contextlib.suppress(Exception), TiffImagePlugin.TiffImageFile(stream) as picture:
        frames = [_expanded(frame) for frame in islice(ImageSequence.Iterator(picture), pages)]
        # Pillow reduces 16-bit colour to 8 bits without a word.
        if frames[0].dtype == page.dtype or page.bitspersample <= 8:
            return np.stack(frames) if len(frames) > 1 else frames[0]
    with contextlib.suppress(Exception):
        array = _read_opencv(stream)
        # OpenCV multiplies 8-bit colour by alpha, and reads the first page only.
        wide = page.bitspersample > 8 and array.dtype == page.dtype and pages == 1
        if wide and array.shape[2:] == (() if samples == 1 else (samples,)):
            return array if samples == 1 else array[..., [2, 1, 0, 3][:samples]]
    raise PictureError(
        f"{page.compression.name} TIFF ({page.photometric.name}, {page.dtype}) cannot be decoded; "
        "if it is not damaged, installing imagecodecs or saving it uncompressed would work"
    )


def _read_npy(stream: IO[bytes], stored: int, max_pixels: int) -> NDArray[Any]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        raise PictureError("holds pickled objects, which can run code; an array of numbers works")
    _check_size(math.prod(shape), stored, max_pixels)
    stream.seek(0)
    return np.lib.format.read_array(stream, allow_pickle=False)


def _read_npz(stream: IO[bytes], stored: int, max_pixels: int) -> NDArray[Any]:
    with zipfile.ZipFile(stream) as archive:
        entries = archive.namelist()
        wanted = [f"{name}.npy" for name in ("responses", "image") if f"{name}.npy" in entries]
        if not wanted and len(entries) != 1:
            names = ", ".join(entry.removesuffix(".npy") for entry in entries) or "nothing"
            raise PictureError(f"holds {names}; one array, or one named responses or image, works")
        with archive.open((wanted or entries)[0]) as entry:
            return _read_npy(entry, stored, max_pixels)


# Decoding happens under a lock, because the filters of warnings and the levels of loggers are
# global: two threads that restore them in turn would leave them silenced for ever.
_QUIET = threading.RLock()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the decoders' warnings and log lines about odd files to themselves."""
    loggers = [logging.getLogger(name) for name in ("PIL", "tifffile")]
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        levels = [logger.level for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.CRITICAL + 1)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _one_line(cause: Exception) -> str:
    return " ".join(str(cause).split()) or type(cause).__name__


# Writing.

# dtypes and numbers of channels; TIFF holds any real dtype and any third axis.
_HOLDS: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "PNG": (("bool", "uint8", "uint16"), (1, 2, 3, 4)),
    "JPEG": (("uint8",), (1, 3)),
    "WebP": (("uint8",), (1, 2, 3, 4)),
}


def _check_fits(kind: str, array: NDArray[Any]) -> None:
    dtype, shape = array.dtype, array.shape
    if dtype.kind not in "buifc":
        raise PictureError(f"{dtype} values are no picture; booleans and numbers work")
    if kind in ("npy", "npz"):
        return
    if dtype.kind == "c" or dtype.itemsize > 8:
        part = ", or the real part, magnitude or phase" if dtype.kind == "c" else " or float64"
        raise PictureError(f"{kind} cannot hold {dtype}; write a .npy or .npz file{part}")
    dtypes, channels = _HOLDS.get(kind, ((), ()))
    if dtypes and dtype.name not in dtypes:
        raise PictureError(
            f"{kind} holds {', '.join(dtypes)}, not {dtype}; "
            "write a .tif or .npy file, or scale the values to uint8 first"
        )
    if kind == "PNG" and dtype == np.uint16:
        channels = (1, 3, 4)  # OpenCV cannot write grey with alpha.
    fits = array.ndim == 2 or (array.ndim == 3 and (kind == "TIFF" or shape[2] in channels))
    if not fits or array.size == 0:
        third = " | ".join(map(str, channels)) or "C), (K, H, W"
        raise PictureError(
            f"{kind} holds {dtype} of shape (H, W), (H, W, {third}), not {shape}; "
            "write a .npy file, or .tif for pages"
        )


_SAVE_OPTIONS: Mapping[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WebP": {"lossless": True, "exact": True},
}


def _encode(path: Path, kind: str, array: NDArray[Any], text: str | None) -> None:
    if kind in ("npy", "npz"):
        entries: dict[str, Any] = {} if text is None else {"metadata": np.array(text)}
        with path.open("wb") as stream:
            if kind == "npy":
                np.save(stream, array, allow_pickle=False)
            else:
                np.savez(stream, responses=array, **entries)
        return
    array = np.ascontiguousarray(array * np.uint8(255) if array.dtype == np.bool_ else array)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    channels = array.shape[2] if array.ndim == 3 and array.shape[2] <= 4 else 0
    if channels == 1:
        array, channels = array[..., 0], 0
    if kind == "TIFF":
        import tifffile

        tifffile.imwrite(
            path,
            array,
            photometric="rgb" if channels > 2 else "minisblack",
            planarconfig="contig" if channels else None,
            extrasamples=["unassalpha"] if channels in (2, 4) else None,
            metadata=None,
        )
    elif array.dtype == np.uint16 and channels:
        import cv2

        path.write_bytes(cv2.imencode(".png", array[..., [2, 1, 0, 3][:channels]])[1].tobytes())
    else:
        from PIL import Image

        Image.fromarray(array).save(path, format=kind, **_SAVE_OPTIONS.get(kind, {}))


def _to_json(metadata: Mapping[str, object]) -> str:
    def plain(value: object) -> object:
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        if isinstance(value, os.PathLike):
            return os.fspath(value)
        raise TypeError(f"{type(value).__name__} is not JSON")

    try:
        return json.dumps(dict(metadata), default=plain, indent=2, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as cause:
        raise PictureError(
            f"the metadata cannot be written as JSON ({_one_line(cause)}); "
            "texts, finite numbers, lists and mappings work"
        ) from cause
