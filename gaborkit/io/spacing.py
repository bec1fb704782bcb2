"""The size of a picture's pixels, as its file says it, and banks in millimetres."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import PictureError
from .files import StrPath
from .images import existing_picture, reading
from .pictures import medical
from .pictures.decoding import quiet
from .pictures.formats import split_page
from .pictures.tiff_tags import UNITS

#: Millimetres of TIFF's units of resolution, by its tag; 1 is none.
TIFF_UNITS = {2: 25.4, 3: 10.0}

#: Dots per inch that many programs write though nobody has measured them.
UNASKED = (72, 96)

#: A side is so much longer than the other, at most, where pixels count as square.
SQUARE = 1e-3


class PixelSize(NamedTuple):
    """Millimetres from one pixel to the next.

    Attributes
    ----------
    row, column : float
        Down from row to row, and across from column to column.
    """

    row: float
    column: float


def read_spacing(source: StrPath) -> PixelSize | None:
    """The size of a picture's pixels, without reading them.

    Parameters
    ----------
    source : path or str
        DICOM (pixel, imager or nominal spacing), NIfTI, OME-Zarr and zarr of ours, OME-TIFF, TIFF
        and PNG, JPEG and BMP with a resolution, also one of 72 or 96 dots per inch, which many
        programs write though nobody has measured it.

    Returns
    -------
    PixelSize, optional
        None where the file says none.

    Raises
    ------
    PictureError
        If the file cannot be read.

    Examples
    --------
    >>> read_spacing("sample:coins") is None
    True
    """
    name = os.fsdecode(source)
    with reading(name):
        if (Path(name) / "zarr.json").is_file() or (Path(name) / ".zattrs").is_file():
            return _plausible(_of_zarr(Path(name)))
        path = existing_picture(split_page(name)[0])
        with path.open("rb") as stream:
            head = stream.read(352)
            stream.seek(0)
            with quiet():
                if medical.is_dicom(head):
                    sides = medical.dicom_spacing(medical.read_dicom(stream, pixels=False))
                elif medical.is_nifti(head):
                    sides = medical.nifti_spacing(stream)
                elif head[:2] in (b"II", b"MM"):
                    sides = _of_tiff(path)
                else:
                    sides = _of_pillow(path)
    return _plausible(sides)


def measured_spacing(source: StrPath) -> PixelSize | None:
    """As :func:`read_spacing`, but None for sizes that programs write unasked.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (4, 3)).save(f"{folder}/a.png", dpi=(72, 72))
    ...     measured_spacing(f"{folder}/a.png") is None
    True
    """
    size = read_spacing(source)
    unasked = size is not None and any(
        all(math.isclose(25.4 / side, density, rel_tol=1e-3) for side in size)
        for density in UNASKED
    )
    return None if unasked else size


def _plausible(sides: tuple[float, float] | None) -> PixelSize | None:
    if sides is None or not all(math.isfinite(side) and side > 0 for side in sides):
        return None
    return PixelSize(*sides)


def square_side(size: PixelSize) -> float:
    """The side of square pixels, in millimetres.

    Raises
    ------
    PictureError
        If they are not square.

    Examples
    --------
    >>> square_side(PixelSize(0.5, 0.7))
    Traceback (most recent call last):
    gaborkit.errors.PictureError: its pixels are 0.5 mm high and 0.7 mm wide, and kernels are made \
for square ones; gaborkit.resample brings it to some
    """
    if abs(size.row - size.column) > SQUARE * min(size):
        raise PictureError(
            f"its pixels are {size.row:.4g} mm high and {size.column:.4g} mm wide, and kernels are "
            "made for square ones; gaborkit.resample brings it to some"
        )
    return size.row


def _of_tiff(path: Path) -> tuple[float, float] | None:
    import tifffile

    with tifffile.TiffFile(path) as file:
        if file.ome_metadata and (sides := _of_ome(file.ome_metadata)):
            return sides
        tags = file.pages.first.tags
        unit = TIFF_UNITS.get(int(tags["ResolutionUnit"].value) if "ResolutionUnit" in tags else 2)
        if unit is None or "XResolution" not in tags or "YResolution" not in tags:
            return None
        (across, one), (down, other) = (
            map(float, tags[name].value) for name in ("XResolution", "YResolution")
        )
    if not (across > 0 and down > 0 and one > 0 and other > 0):
        return None
    return unit * other / down, unit * one / across


def _of_ome(text: str) -> tuple[float, float] | None:
    """Of OME-XML: sizes are in micrometres where no unit is said."""
    from xml.etree import ElementTree

    try:
        pixels = ElementTree.fromstring(text).find("{*}Image/{*}Pixels")
    except ElementTree.ParseError:  # the pixels may be whole
        return None
    sides = []
    for axis in "YX":
        size = None if pixels is None else pixels.get(f"PhysicalSize{axis}")
        unit = "µm" if pixels is None else pixels.get(f"PhysicalSize{axis}Unit", "µm")
        if size is None or unit not in UNITS:
            return None
        sides.append(float(size) * UNITS[unit])
    return sides[0], sides[1]


def _of_zarr(path: Path) -> tuple[float, float] | None:
    """Of OME-Zarr, 0.5 or before: the scale of the finest level, where axes have a unit.

    Of responses that OME-Zarr does not hold, what filtering wrote.
    """
    if (path / "zarr.json").is_file():
        attributes = json.loads((path / "zarr.json").read_bytes()).get("attributes", {})
        ome = attributes.get("ome", {})
    else:
        attributes = ome = json.loads((path / ".zattrs").read_bytes())
    if "multiscales" not in ome:
        sides = attributes.get("gaborkit", {}).get("spacing")
        return None if sides is None else (float(sides[0]), float(sides[1]))
    picture = ome["multiscales"][0]
    # What the finest level is scaled by, and then the whole picture.
    changes = picture["datasets"][0]["coordinateTransformations"]
    changes = [*changes, *picture.get("coordinateTransformations", ())]
    scales = [change["scale"] for change in changes if change["type"] == "scale"]
    if not scales:
        return None
    scale = [math.prod(factors) for factors in zip(*scales, strict=True)]
    sides = {
        axis["name"]: factor * UNITS[axis["unit"]]
        for axis, factor in zip(picture["axes"], scale, strict=True)
        if axis.get("unit") in UNITS
    }
    return (sides["y"], sides["x"]) if {"y", "x"} <= sides.keys() else None


def _of_pillow(path: Path) -> tuple[float, float] | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            density: Any = picture.info.get("dpi")
    except (UnidentifiedImageError, Image.DecompressionBombError):  # npy, or far too large
        return None
    if not density or min(density) <= 0:
        return None
    across, down = map(float, density)
    return 25.4 / down, 25.4 / across
