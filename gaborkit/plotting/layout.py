"""Place axes by inches from the top left corner: nothing moves when a figure is drawn again."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure

# Points: smaller letters cannot be read.
_SMALLEST = 5.0


def show(axes: Any, values: Any, *, extent: tuple[float, ...], **look: Any) -> Any:
    """Draw an image with y down and square pixels, whatever matplotlib is set to.

    ``extent`` is (left, right, bottom, top); ``look`` goes to ``Axes.imshow``.
    """
    look = {"interpolation": "auto", **look}
    return axes.imshow(values, origin="upper", aspect="equal", extent=extent, **look)


class Sheet:
    """A figure of a fixed size, filled by inches from its top left corner.

    Parameters
    ----------
    width, height : float
        Inches.

    Examples
    --------
    >>> sheet = Sheet(6, 4)
    >>> axes = sheet.axes(left=1.5, top=1, width=3, height=2)
    >>> tuple(map(float, axes.get_position().bounds))
    (0.25, 0.25, 0.5, 0.5)
    """

    width: float
    height: float
    figure: Figure

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height))
        self.figure.set_layout_engine("none")

    def axes(self, *, left: float, top: float, width: float, height: float, **options: Any) -> Any:
        """New axes in that rectangle; ``options`` go to ``Figure.add_axes``."""
        bottom = self.height - top - height
        across, down = self.width, self.height
        bounds = (left / across, bottom / down, width / across, height / down)
        return self.figure.add_axes(bounds, **options)

    def text(self, left: float, top: float, words: str, **options: Any) -> Any:
        """Words whose anchor is that point; ``options`` go to ``Figure.text``."""
        return self.figure.text(left / self.width, 1 - top / self.height, words, **options)

    def colorbar(
        self, mappable: Any, *, left: float, top: float, height: float, label: str = ""
    ) -> Any:
        """Vertical colour bar, its ticks and label to the right."""
        cax = self.axes(left=left, top=top, width=0.13, height=height)
        bar = self.figure.colorbar(mappable, cax=cax)
        bar.ax.tick_params(labelsize=8, length=2.5, pad=2)
        bar.set_label(label, fontsize=9)
        bar.outline.set_linewidth(0.6)
        return bar

    def fit(self, text: Any, width: float) -> None:
        """Make a text smaller, then shorter, until it is no wider than ``width`` inches."""
        measured = text.get_window_extent().width / self.figure.dpi
        if measured <= width:
            return
        text.set_fontsize(max(_SMALLEST, 0.99 * text.get_fontsize() * width / measured))
        words = text.get_text()
        while (measured := text.get_window_extent().width / self.figure.dpi) > width and words:
            words = words[: math.floor(len(words) * min(0.98, width / measured))]
            text.set_text(words + "…")
