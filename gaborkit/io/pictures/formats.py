"""The one table of formats that are read, by what their files are called."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from ..files import StrPath

FORMATS: Mapping[str, str] = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WebP", ".tif": "TIFF",
    ".tiff": "TIFF", ".bmp": "BMP", ".gif": "GIF", ".pbm": "PNM", ".pgm": "PNM",
    ".ppm": "PNM", ".pnm": "PNM", ".jp2": "JPEG 2000", ".j2k": "JPEG 2000", ".jpx": "JPEG 2000",
    ".avif": "AVIF", ".nii": "NIfTI", ".nii.gz": "NIfTI", ".dcm": "DICOM", ".npy": "npy",
    ".npz": "npz",
}  # fmt: skip
"""What `read_image` knows, by suffix in lower case; `write_image` knows those of `WRITTEN`."""

HINTS: Mapping[str, str] = {
    **dict.fromkeys((".hdr", ".img"), "nibabel saves both as one .nii"),
    **dict.fromkeys((".nrrd", ".nhdr", ".mha", ".mhd"), "SimpleITK saves it as .nii.gz"),
    **dict.fromkeys((".czi", ".lif", ".nd2", ".oib", ".oif", ".vsi", ".lsm", ".svs"),
                    "Bio-Formats or Fiji saves it as .tif"),
    **dict.fromkeys((".heic", ".heif", ".cr2", ".nef", ".arw", ".dng", ".psd", ".tga", ".exr"),
                    "a photo program saves it as .png or .tif"),
    **dict.fromkeys((".mat", ".h5", ".hdf5"), "numpy.save writes its array as .npy"),
    ".fits": "astropy reads its array, numpy.save writes it as .npy",
    **dict.fromkeys((".svg", ".pdf", ".eps"), "is drawn, not pixels; export it as .png"),
    **dict.fromkeys((".mp4", ".avi", ".mov"), "ffmpeg writes its frames as .png"),
    ".npz": "may be an output; name it by itself to have it read",
    "": "if it is DICOM, its name with .dcm works",
}  # fmt: skip
"""How files can be read that are not, by suffix."""


#: Files of which a zarr store has one.
_ZARR_MARKS = ("zarr.json", ".zgroup", ".zarray")


def is_zarr(path: StrPath) -> bool:
    """Whether a path is a folder that zarr has written."""
    return any(os.path.isfile(os.path.join(path, mark)) for mark in _ZARR_MARKS)  # noqa: PTH113, PTH118


def split_page(source: StrPath) -> tuple[str, int | None]:
    """The file and the number of ``NAME[k]``, page or frame k of a file; None without a number.

    Examples
    --------
    >>> split_page("stack.tif[3]"), split_page("stack.tif")
    (('stack.tif', 3), ('stack.tif', None))
    """
    name = os.fsdecode(source)
    match = re.fullmatch(r"(.+)\[(\d{1,9})\]", name, re.DOTALL)
    if match is None or os.path.lexists(name):
        return name, None
    return match[1], int(match[2])


def suffix_of(path: str | os.PathLike[str]) -> str:
    """The suffix by which a file's format is known, in lower case; ``.nii.gz`` is one.

    Examples
    --------
    >>> suffix_of("scans/Head.NII.gz"), suffix_of("a.b.png"), suffix_of("notes")
    ('.nii.gz', '.png', '')
    """
    name = os.path.basename(os.fspath(path)).lower()  # noqa: PTH119 - of any text
    stem, last = os.path.splitext(name)  # noqa: PTH122
    double = os.path.splitext(stem)[1] + last  # noqa: PTH122
    return double if double in FORMATS else last


def without_suffix(path: str | os.PathLike[str]) -> str:
    """A path without the suffix by which its format is known.

    Examples
    --------
    >>> without_suffix("scans/Head.NII.gz"), without_suffix("a.b.png")
    ('scans/Head', 'a.b')
    """
    name = os.fspath(path)
    return name[: len(name) - len(suffix_of(name))]
