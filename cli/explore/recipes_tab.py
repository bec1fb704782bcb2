"""Recipes on a picture: textures by strokes painted on it, orientation, edges, defects, prints."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gaborkit.types import RealArray

from ..labels import palette
from ..labels import shown as as_colours
from . import code, panels
from .controls import Choice, Control, Flag, Slider, Values
from .desk import Desk
from .recipes import RECIPES, Made, Subject, segment
from .responses_tab import as_stored, picture_control
from .sliders import FINEST_WAVELENGTH, PEN
from .strokes import MOST_PENS, Stroke, Strokes

#: Pixels along a side of a preview: of textures, of a smaller picture; of orientations, its middle.
SMALLER, MIDDLE = 48, 128

#: Of a picture that is painted on: the controls that strokes are in, and the colours of pens.
PAINTED = {
    "draw": "strokes",
    "pens": [f"rgb({r} {g} {b})" for r, g, b in palette(MOST_PENS).tolist()],
    "pen_width": "width",
}


def controls(desk: Desk) -> Sequence[Control]:
    """A picture, a recipe, and what it takes."""
    textures, orient, edges, defects, enhance = ({"recipe": [name]} for name in RECIPES)
    return (
        picture_control(desk),
        Choice(name="recipe", label="Recipe", default="orient", options=tuple(RECIPES)),
        Slider(
            name="count",
            label="Textures",
            default=3,
            least=2,
            most=8,
            step=1,
            when=textures,
            help="If nothing is painted.",
        ),
        dataclasses.replace(PEN, when=textures),
        Strokes(name="strokes", label="Strokes", default=(), when=textures),
        dataclasses.replace(FINEST_WAVELENGTH, when=orient),
        Choice(
            name="method", label="Method", default="phase", options=("phase", "energy"), when=orient
        ),
        Choice(
            name="by",
            label="Strength by",
            default="energy",
            options=("energy", "congruency"),
            when=edges,
        ),
        Slider(
            name="low",
            label="Weakest that hangs together",
            default=0.1,
            least=0.01,
            most=0.9,
            step=0.01,
            when=edges,
        ),
        Slider(
            name="high",
            label="Weakest that stands alone",
            default=0.2,
            least=0.01,
            most=0.9,
            step=0.01,
            when=edges,
        ),
        Slider(
            name="false_alarms",
            label="False alarms",
            default=0.05,
            least=0.001,
            most=0.5,
            step=0.001,
            log=True,
            when=defects,
            help="Probability of one in a picture without defects.",
        ),
        Choice(
            name="ridges", label="Ridges", default="dark", options=("dark", "light"), when=enhance
        ),
        Flag(name="thin", label="One pixel wide", default=False, when=enhance),
    )


def show(values: Values, desk: Desk) -> panels.Shown:
    """A picture and what a recipe makes of it.

    Raises
    ------
    PictureError, ImageError, FeatureError
        If the picture cannot be read, or the recipe is not for it.
    """
    name, recipe = values["picture"], values["recipe"]
    picture = _as_stored(values, desk)
    if recipe == "segment" and len({stroke.pen for stroke in values["strokes"]}) == 1:
        warnings.warn("paint another texture with another pen", UserWarning, stacklevel=2)
        return panels.Shown([picture], "", "")
    made = RECIPES[recipe](values, Subject(desk.plane(name), desk.stored(name), desk))
    out = f"{recipe}.png"
    return panels.Shown(
        [picture, panels.picture(made.title, made.result, made.alt), *made.others],
        code.program(
            f"image = {desk.reading(name)}",
            *made.lines,
            f'gk.write_image("{out}", result)',
        ),
        code.command(recipe, name, **made.options, out=out),
        made.files or {},
    )


def preview(values: Values, desk: Desk) -> panels.Shown | None:
    """What a slow recipe makes of less of a picture; None where the whole takes no longer.

    Textures are those of a smaller picture, orientations those of its middle.
    """
    make = PREVIEWS.get(values["recipe"])
    image, stored = desk.plane(values["picture"]), desk.stored(values["picture"])
    preview = make(values, Subject(image, stored, desk)) if make else None
    if preview is None:
        return None
    made, words = preview
    height, width = image.shape
    panel = panels.picture(made.title, made.result, made.alt, legend=words)
    panel |= {"height": height, "width": width}
    return panels.Shown([_as_stored(values, desk), panel], "", "", preview=words)


def _as_stored(values: Values, desk: Desk) -> panels.Panel:
    return as_stored(values["picture"], desk, **(PAINTED if values["recipe"] == "segment" else {}))


def _smaller(values: Values, subject: Subject) -> tuple[Made, str] | None:
    """Textures of a picture of every n-th pixel."""
    n = math.ceil(max(subject.image.shape) / SMALLER)
    if n == 1 or len({stroke.pen for stroke in values["strokes"]}) == 1:
        return None
    strokes = tuple(
        Stroke(pen, tuple((x // n, y // n) for x, y in points)) for pen, points in values["strokes"]
    )
    less = values | {"strokes": strokes, "width": max(1, values["width"] // n)}
    image = subject.desk.once(_reduced, subject.image, n)
    smaller = subject._replace(image=image, stored=subject.stored[::n, ::n])
    return segment(less, smaller, sketch=True), f"Preview at 1/{n} of the size; the whole follows."


def _reduced(image: NDArray[Any], n: int) -> RealArray:
    """Means of n x n pixels; fewer at the end of a row or a column."""
    height, width = image.shape
    padded = np.pad(image, ((0, -height % n), (0, -width % n)), mode="edge").astype(np.float32)
    return padded.reshape(-(-height // n), n, -(-width // n), n).mean((1, 3))


def _middle(values: Values, subject: Subject) -> tuple[Made, str] | None:
    """Orientations of the middle of a picture, laid on it."""
    if max(subject.image.shape) <= MIDDLE:
        return None
    window = tuple(
        slice(max(0, (size - MIDDLE) // 2), max(0, (size - MIDDLE) // 2) + MIDDLE)
        for size in subject.image.shape
    )
    made = RECIPES[values["recipe"]](
        values, subject._replace(image=subject.image[window], stored=subject.stored[window])
    )
    sheet = as_colours(subject.stored) // 4
    sheet[window] = made.result
    return made._replace(result=sheet), "Preview of the middle; the whole follows."


#: Recipes that take longer than a slider should.
PREVIEWS = {"segment": _smaller, "orient": _middle}
