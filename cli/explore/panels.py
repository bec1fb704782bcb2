"""What a tab shows: pictures, surfaces, lines and tables, as JSON that the page draws."""

from __future__ import annotations

import base64
import functools
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gaborkit.types import RealArray

#: Pixels along a side that are shown at most: of a larger picture, every n-th one.
MOST_PIXELS = 1024

Panel = dict[str, Any]


@dataclass(frozen=True)
class Shown:
    """What a tab shows for some values of its controls.

    Attributes
    ----------
    panels : sequence of dict
        Each has a ``kind`` that the page knows, and a ``title``.
    python, command : str
        Programs that make the same.
    files : dict
        Content of files that these read, by name.
    preview : str
        What is said of panels that show less than the whole, which is to be asked for; else empty.
    """

    panels: Sequence[Panel]
    python: str
    command: str
    files: dict[str, bytes] = field(default_factory=dict)
    preview: str = ""

    def to_json(self) -> dict[str, Any]:
        """As the page takes it."""
        files = {name: data_address(content) for name, content in self.files.items()}
        return {
            "panels": list(self.panels),
            "python": self.python,
            "command": self.command,
            "files": files,
            "preview": self.preview,
        }


def stride(shape: Sequence[int]) -> int:
    """Of which pixel each n-th is shown."""
    return math.ceil(max(shape) / MOST_PIXELS)


@functools.cache
def palette(name: str) -> bytes:
    """Red, green and blue of 256 colours of one of matplotlib's maps."""
    colours = matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3]
    return np.rint(255 * colours).astype(np.uint8).tobytes()


def png(pixels: NDArray[np.uint8], colours: bytes | None = None) -> bytes:
    """A PNG of grey values or colours, or of the places (H, W) in a palette of colours.

    It is not compressed: it goes from one program to another on one machine.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if colours is not None:
        picture.putpalette(colours)
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=0)
    return stream.getvalue()


def data_address(content: bytes) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def picture(
    title: str,
    pixels: NDArray[np.uint8],
    alt: str,
    *,
    colours: str | bytes | None = None,
    legend: str = "",
    **more: Any,
) -> Panel:
    """A picture of bytes: grey, colours (H, W, 3), or places in matplotlib's map, or in a palette.

    ``more`` are ``pick``, the name of the control that a click sets, and ``draw``, the name of that
    which strokes on it set; both count pixels of the picture's own size. ``wide`` takes the whole
    width of the page.
    """
    height, width = pixels.shape[:2]
    step = stride((height, width))
    if isinstance(colours, str):
        colours = palette(colours)
    return {
        "kind": "picture",
        "title": title,
        "source": data_address(png(pixels[::step, ::step], colours)),
        "alt": alt,
        "legend": legend,
        "height": height,
        "width": width,
        **more,
    }


def contours(title: str, curves: Sequence[Panel], alt: str) -> Panel:
    """Curves of ``points`` (fx, fy) in cycles per pixel, by their ``wavelength``."""
    return {"kind": "contours", "title": title, "curves": curves, "alt": alt}


def lines(
    title: str, x: RealArray, values: RealArray, *, xlabel: str, ylabel: str, alt: str
) -> Panel:
    """Mean, least and most over the first axis of values (N, X)."""
    return {
        "kind": "lines",
        "title": title,
        "x": rounded(x),
        "mean": rounded(values.mean(0)),
        "least": rounded(values.min(0)),
        "most": rounded(values.max(0)),
        "xlabel": xlabel,
        "ylabel": ylabel,
        "alt": alt,
    }


def polar(
    title: str, angles: RealArray, series: Sequence[tuple[str, RealArray]], alt: str
) -> Panel:
    """Values by angles in degrees: a label and its values, for each series."""
    return {
        "kind": "polar",
        "title": title,
        "angles": rounded(angles, 5),
        "series": [{"label": label, "values": rounded(values)} for label, values in series],
        "alt": alt,
    }


def rounded(values: RealArray, digits: int = 4) -> list[Any]:
    """Nested lists of numbers with so many digits of the largest one."""
    most = float(np.abs(values).max(initial=0)) or 1.0
    places = digits - math.ceil(math.log10(most))
    rounded_values: list[Any] = np.round(values, places).tolist()
    return rounded_values


def surface(title: str, heights: RealArray, extent: float, alt: str) -> Panel:
    """A surface that can be turned, over a square from ``-extent`` to ``extent`` pixels."""
    return {
        "kind": "surface",
        "title": title,
        "heights": rounded(heights),
        "extent": extent,
        "alt": alt,
    }


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    heads: bool = True,
    wide: bool = False,
) -> Panel:
    """Cells as text; without ``heads`` the first column names the rows."""
    cells = [[str(cell) for cell in row] for row in rows]
    fields = {"columns": columns, "rows": cells, "heads": heads, "wide": wide}
    return {"kind": "table", "title": title, **fields}
