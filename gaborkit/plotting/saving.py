"""Write a figure to a file, whole or not at all, and the same bytes every time."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from ..errors import PictureError
from ..io.files import StrPath, atomic_write, check_target
from .inputs import is_number

# Formats by suffix, with the metadata that leaves out the date.
_METADATA: dict[str, dict[str, Any]] = {
    ".png": {},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}

# Pixels along a side: more would take gigabytes.
_MOST_PIXELS = 20_000


def save_figure(figure: Figure, path: StrPath, *, dpi: float = 150) -> None:
    """Write a figure as PNG, SVG or PDF, by the suffix of ``path``.

    The file appears whole or not at all, holds no date, and has the same bytes every time.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What the functions of this package return, or any other figure.
    path : path
        Ends in ``.png``, ``.svg`` or ``.pdf``; its folder must exist.
    dpi : float
        Dots per inch: of the PNG, and of the images within SVG and PDF.

    Raises
    ------
    PictureError
        If the suffix is another one, ``dpi`` is out of range, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from gaborkit import GaborBank
    >>> from gaborkit.plotting import plot_bank
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(plot_bank(GaborBank.grid(1, 2)), Path(folder) / "bank.png")
    ...     (Path(folder) / "bank.png").read_bytes()[1:4]
    b'PNG'
    """
    if not isinstance(figure, Figure):
        raise PictureError(
            f"{figure!r} is not a figure; give what plot_kernel or plot_bank returns"
        )
    suffix = Path(path).suffix.lower()
    if suffix not in _METADATA:
        fault = f"the suffix {suffix!r} is unknown" if suffix else "the name has no suffix"
        raise PictureError(f"{os.fspath(path)}: {fault}; use one of {', '.join(_METADATA)}")
    if not (is_number(dpi) and dpi >= 1):
        raise PictureError(f"dpi={dpi!r} is not a number of 1 or more; try 150")
    side = max(figure.get_size_inches())
    if side * dpi > _MOST_PIXELS:
        raise PictureError(
            f"dpi={dpi!r} makes {side:.3g} inches {side * dpi:.0f} pixels; use "
            f"{_MOST_PIXELS / side:.0f} or less"
        )
    # The salt makes the identifiers within an SVG a function of what is drawn.
    check_target(path)
    # Not into the file: on a full disk Matplotlib's PDF writer stumbles over its own clean-up.
    drawn = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "gaborkit"}):
        figure.savefig(drawn, format=suffix[1:], dpi=dpi, metadata=_METADATA[suffix])
    with atomic_write(path) as temporary:
        temporary.write_bytes(drawn.getvalue())
