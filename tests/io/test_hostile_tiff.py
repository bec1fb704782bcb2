"""TIFF files that are made to cost work or memory: they are refused at once."""

from __future__ import annotations

import re
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pictures_for_tests import refused

import gaborkit as gk
from gaborkit.large import open_source


def directories(*entries: tuple[list[tuple[int, int, int, int]], int]) -> bytes:
    """A little-endian TIFF of directories: tags and the offset of the next."""
    data = struct.pack("<2sHI", b"II", 42, 8)
    for tags, following in entries:
        data += struct.pack("<H", len(tags))
        data += b"".join(struct.pack("<HHII", *tag) for tag in tags)
        data += struct.pack("<I", following)
    return data


PAGE = [(256, 4, 1, 1), (257, 4, 1, 1), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8)]
PAGE = [*PAGE, (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, 1, 1)]
LENGTH = 2 + 12 * len(PAGE) + 4


HOSTILE = {
    "empty, at itself": (directories((PAGE, 8 + LENGTH), ([], 8 + LENGTH)), "back to page 1"),
    "at itself": (directories((PAGE, 8)), "back to page 0"),
    "at the first": (directories((PAGE, 8 + LENGTH), (PAGE, 8)), "back to page 0"),
    "none": (directories()[:4] + bytes(4), "no complete list of pages"),
    "beyond the end": (directories((PAGE, 9999)), "is truncated"),
    # A run of zeros is a directory without tags at every offset, each pointing on by one.
    "over one another": (
        directories((PAGE, 8 + LENGTH))
        + b"".join(b"\0\0" + struct.pack("<I", 8 + LENGTH + 6 * k) for k in range(1, 50)) * 2,
        "back to page|over one another",
    ),
    "long values": (
        directories(([*PAGE, *[(65000, 1, 9 * 10**6, 8)] * 4000], 0)) + bytes(10**7),
        "over one another",
    ),
}


@pytest.mark.parametrize(("data", "word"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_chains_end_at_once(tmp_path: Path, data: bytes, word: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    begun = time.process_time()
    assert re.search(word, refused(path))
    with pytest.raises(gk.PictureError, match=word):
        open_source(path)
    assert time.process_time() - begun < 5  # it was for ever


def test_a_tile_larger_than_the_picture_is_judged(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    picture = np.zeros((37, 41), np.uint16)
    tifffile.imwrite(path, picture, photometric="minisblack", tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags["TileLength"].overwrite(2**14)
        tiff.pages[0].tags["TileWidth"].overwrite(2**14)
    refused(path, f"declares {2**28} pixels")
