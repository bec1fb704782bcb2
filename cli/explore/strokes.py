"""Strokes that are painted on a picture, as text, and as the pixels that they cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .controls import Control

#: Pens, strokes and points of a stroke at most.
MOST_PENS, MOST_STROKES, MOST_POINTS = 4, 200, 2000


class Stroke(NamedTuple):
    """One line of a pen, through points (x, y) in pixels."""

    pen: int
    points: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Strokes(Control):
    """Lines of several pens, ``pen:x,y,x,y,...`` each, with semicolons between them."""

    kind = "strokes"

    def parse(self, text: str) -> tuple[Stroke, ...]:
        """The strokes, in the order in which they were painted."""
        return tuple(self._stroke(part) for part in self._parts(text))

    def text(self, value: Sequence[Stroke]) -> str:
        """As :meth:`parse` takes them."""
        return ";".join(
            f"{pen}:{','.join(str(n) for point in points for n in point)}" for pen, points in value
        )

    def _parts(self, text: str) -> list[str]:
        parts = text.split(";") if text else []
        if len(parts) > MOST_STROKES:
            raise self.refuse(text, f"at most {MOST_STROKES} strokes")
        return parts

    def _stroke(self, part: str) -> Stroke:
        pen, _, line = part.partition(":")
        numbers = line.split(",")
        if (
            not (pen.isdecimal() and len(pen) == 1 and 1 <= int(pen) <= MOST_PENS)
            or len(numbers) % 2
            or len(numbers) > 2 * MOST_POINTS
            or not all(number.isdecimal() and len(number) < 6 for number in numbers)
        ):
            raise self.refuse(part, f"PEN:X,Y,X,Y,... of the pens 1 to {MOST_PENS}")
        line_numbers = [int(number) for number in numbers]
        return Stroke(int(pen), tuple(zip(line_numbers[::2], line_numbers[1::2], strict=True)))


def paint(strokes: Sequence[Stroke], shape: tuple[int, int], width: int) -> NDArray[np.uint8]:
    """The pen that covers each pixel (H, W), the last one of several; 0 where there is none.

    Examples
    --------
    >>> paint([Stroke(2, ((0, 1), (3, 1)))], (3, 4), 1).tolist()
    [[0, 0, 0, 0], [2, 2, 2, 2], [0, 0, 0, 0]]
    """
    sheet = Image.new("L", shape[::-1])
    drawing = ImageDraw.Draw(sheet)
    radius = (width - 1) / 2
    for pen, points in strokes:
        drawing.line(points, fill=pen, width=width, joint="curve")
        for x, y in (points[0], points[-1]):  # round ends
            drawing.ellipse((x - radius, y - radius, x + radius, y + radius), fill=pen)
    return np.asarray(sheet)
