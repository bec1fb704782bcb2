"""What the tests of pictures share: random pictures, files written by hand, and two checks."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from gaborkit.errors import PictureError
from gaborkit.io.images import read_image, write_image

RNG = np.random.default_rng(0)


def picture(dtype: object, channels: int = 0, size: tuple[int, int] = (5, 7)) -> np.ndarray:
    """Random values over the whole range of an integer dtype."""
    shape = size + ((channels,) if channels else ())
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        return RNG.random(shape) < 0.5
    if dtype.kind == "f":
        return RNG.normal(scale=1e3, size=shape).astype(dtype)
    if dtype.kind == "c":
        return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(dtype)
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, dtype, endpoint=True)


def squeezed(array: np.ndarray) -> np.ndarray:
    """What comes back: one channel is grey, a bool is 0 or 255."""
    array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return array * np.uint8(255) if array.dtype == np.bool_ else array


def assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == expected.dtype
    assert actual.flags.c_contiguous
    assert actual.flags.writeable
    assert actual.dtype.isnative
    np.testing.assert_array_equal(actual, expected)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_bytes(array: np.ndarray, colour_type: int, extra: bytes = b"", **header: int) -> bytes:
    """PNG written by hand: an encoder that shares no code with the one under test."""
    height, width = array.shape[:2]
    rows = array.astype(array.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    data = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    width, height = header.get("width", width), header.get("height", height)
    ihdr = struct.pack(">IIBBBBB", width, height, array.dtype.itemsize * 8, colour_type, 0, 0, 0)
    chunks = png_chunk(b"IHDR", ihdr) + extra + png_chunk(b"IDAT", zlib.compress(data))
    return b"\x89PNG\r\n\x1a\n" + chunks + png_chunk(b"IEND", b"")


def lzw_tiff(path: Path, array: np.ndarray, orientation: int = 1, **options: object) -> None:
    """LZW-compressed TIFF of any dtype: tifffile alone cannot write or read one."""
    tag = (274, 3, 1, orientation, True)
    tifffile.imwrite(path, array, metadata=None, extratags=[tag], **options)
    codes = ""
    for index, byte in enumerate(array.tobytes()):
        # A clear code every 200 bytes keeps all codes at 9 bits.
        codes += ("100000000" if index % 200 == 0 else "") + f"{byte:09b}"
    codes += "100000001"
    codes += "0" * (-len(codes) % 8)
    data = int(codes, 2).to_bytes(len(codes) // 8, "big")
    end = path.stat().st_size
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tags = tiff.pages[0].tags
        tags["Compression"].overwrite(5)
        tags["StripOffsets"].overwrite(end)
        tags["StripByteCounts"].overwrite(len(data))
    with path.open("ab") as stream:
        stream.write(data)


def refused(name: Path | str, *words: str, **options: int) -> str:
    """Reading raises one line that names the file and holds the words; returns it."""
    with pytest.raises(PictureError) as caught:
        read_image(name, **options)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def read_or_message(path: Path) -> np.ndarray | str:
    """Read a damaged file: the array, or why not."""
    try:
        return read_image(path)
    except PictureError as problem:
        return str(problem)


def write_refused(path: Path | str, array: object, *words: str, metadata: object = None) -> None:
    """Writing raises one line, and leaves the folder as it was."""
    folder = Path(path).parent
    before = {p: p.read_bytes() for p in folder.glob("*") if p.is_file()} if folder.is_dir() else {}
    with pytest.raises(PictureError) as caught:
        write_image(path, array, metadata)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    for word in words:
        assert word in message
    after = {p: p.read_bytes() for p in folder.glob("*") if p.is_file()} if folder.is_dir() else {}
    assert after == before


ORIENTED = {
    0: lambda a: a,
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a),
    9: lambda a: a,
}


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()
