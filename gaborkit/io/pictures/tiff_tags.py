"""What a written TIFF says of itself: its colours, the size of its pixels, and OME's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import PictureError

#: Millimetres of the units of length that OME's files name.
UNITS = {
    "nm": 1e-6,
    "nanometer": 1e-6,
    "µm": 1e-3,  # the micro sign
    "μm": 1e-3,  # the Greek letter
    "um": 1e-3,
    "micrometer": 1e-3,
    "mm": 1.0,
    "millimeter": 1.0,
    "cm": 10.0,
    "centimeter": 10.0,
    "m": 1e3,
    "meter": 1e3,
}

#: Names of axes before rows and columns, by how many there are.
LEADING = ("", "C", "TC", "TZC")


def tiff_tags(
    name: str,
    shape: tuple[int, ...],
    channels: int,
    spacing: tuple[float, float] | None,
    labels: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Keywords of tifffile's writers for a picture of ``shape``.

    Parameters
    ----------
    name : str
        Of the file: ``.ome.tif`` makes it an OME-TIFF.
    channels : int
        Colours along the last axis; 0 if that is the columns.
    spacing : (float, float), optional
        Millimetres from row to row, and from column to column.
    labels : sequence of str, optional
        Names of the channels of an OME-TIFF.

    Raises
    ------
    PictureError
        If an OME-TIFF has no names for so many axes.

    References
    ----------
    TIFF 6.0 (Adobe, 1992), ``XResolution``; OME-XML 2016-06, ``PhysicalSizeX``.

    Examples
    --------
    >>> tags = tiff_tags("a.tif", (8, 9), 0, (0.5, 0.25))
    >>> tags["resolution"], tags["resolutionunit"]
    ((40.0, 20.0), 'CENTIMETER')
    >>> tiff_tags("a.ome.tif", (3, 8, 9), 0, None)["metadata"]
    {'axes': 'CYX'}
    """
    tags: dict[str, Any] = {
        "photometric": "rgb" if channels > 2 else "minisblack",
        "planarconfig": "contig" if channels else None,
        "extrasamples": ["unassalpha"] if channels in (2, 4) else None,
        "metadata": None,
    }
    if spacing is not None:
        row, column = spacing
        tags |= {"resolution": (10 / column, 10 / row), "resolutionunit": "CENTIMETER"}
    if not name.lower().endswith((".ome.tif", ".ome.tiff")):
        return tags
    pages = len(shape) - (3 if channels else 2)
    if pages >= len(LEADING):
        raise PictureError(
            f"{name}: OME-TIFF has three axes beside rows and columns, not the {pages} of {shape}; "
            ".tif or .npy holds them"
        )
    about: dict[str, Any] = {"axes": LEADING[pages] + "YX" + ("S" if channels else "")}
    if spacing is not None:
        about |= {"PhysicalSizeY": row, "PhysicalSizeYUnit": "mm"}
        about |= {"PhysicalSizeX": column, "PhysicalSizeXUnit": "mm"}
    if labels is not None and pages:
        about["Channel"] = {"Name": list(labels)}
    return {**tags, "ome": True, "metadata": about}
