"""Recipes on a picture: textures by strokes painted on it, orientation, edges, defects, prints."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import gaborkit as gk
from gaborkit.features import local_orientation
from gaborkit.plotting import orientation_colours
from gaborkit.vision import (
    enhance_fingerprint,
    find_defects,
    find_edges,
    segment_scribbles,
    segment_textures,
)
from gaborkit.vision.fingerprint import thin_ridges

from ..commands.edges import INKS
from ..labels import outlined, overlay, palette
from . import code, panels
from .controls import Choice, Control, Flag, Slider, Values
from .desk import Desk
from .responses_tab import as_stored, picture_control
from .strokes import MOST_PENS, Strokes, paint

#: The file of strokes that a command reads.
SCRIBBLES = "scribbles.png"

#: Of a picture that is painted on: the controls that strokes are in, and the colours of pens.
PAINTED = {
    "draw": "strokes",
    "pens": [f"rgb({r} {g} {b})" for r, g, b in palette(MOST_PENS).tolist()],
    "pen_width": "width",
}


def controls(desk: Desk) -> Sequence[Control]:
    """A picture, a recipe, and what it takes."""
    segment, orient, edges, defects, enhance = ({"recipe": [name]} for name in RECIPES)
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
            when=segment,
            help="If nothing is painted.",
        ),
        Slider(
            name="width", label="Pen", default=8, least=1, most=40, step=1, unit="px", when=segment
        ),
        Strokes(name="strokes", label="Strokes", default=(), when=segment),
        Slider(
            name="wavelength",
            label="Finest wavelength",
            default=4.0,
            least=2,
            most=16,
            step=0.1,
            unit="px",
            log=True,
            when=orient,
        ),
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


class Made(NamedTuple):
    """What a recipe makes of a picture.

    Attributes
    ----------
    result : uint8 array
        What the command writes.
    others : sequence of dict
        More panels.
    lines : sequence of str
        Python that makes ``result`` of ``image``.
    options : dict
        Of the command.
    files : dict
        Content of files that both read, by name.
    """

    result: NDArray[np.uint8]
    title: str
    alt: str
    lines: Sequence[str]
    options: dict[str, Any]
    others: Sequence[panels.Panel] = ()
    files: dict[str, bytes] | None = None


def show(values: Values, desk: Desk) -> panels.Shown:
    """A picture and what a recipe makes of it.

    Raises
    ------
    PictureError, ImageError, FeatureError
        If the picture cannot be read, or the recipe is not for it.
    """
    name, recipe = values["picture"], values["recipe"]
    image, stored = desk.plane(name), desk.stored(name)
    if recipe == "segment" and len({stroke.pen for stroke in values["strokes"]}) == 1:
        warnings.warn("paint another texture with another pen", UserWarning, stacklevel=2)
        return panels.Shown([as_stored(name, desk, **PAINTED)], "", "")
    made = RECIPES[recipe](values, image, stored)
    draw = PAINTED if recipe == "segment" else {}
    out = f"{recipe}.png"
    return panels.Shown(
        [as_stored(name, desk, **draw), picture(made.title, made.result, made.alt), *made.others],
        code.program(
            f"image = {desk.reading(name)}",
            *made.lines,
            f'gk.write_image("{out}", result)',
        ),
        code.command(recipe, name, **made.options, out=out),
        made.files or {},
    )


def picture(title: str, pixels: NDArray[np.uint8], alt: str) -> panels.Panel:
    """Of grey values or colours."""
    return panels.picture(title, pixels, alt, colours="gray" if pixels.ndim == 2 else None)


def _segment(values: Values, image: NDArray[Any], stored: NDArray[Any]) -> Made:
    scribbles = paint(values["strokes"], (image.shape[0], image.shape[1]), values["width"])
    numbers: NDArray[Any] = np.unique(scribbles[scribbles > 0])
    files = None
    if len(numbers):
        labels = segment_scribbles(image, scribbles).labels
        lines = [
            f'scribbles = gk.read_image("{SCRIBBLES}")',
            "labels = gk.vision.segment_scribbles(image, scribbles).labels",
        ]
        options: dict[str, Any] = {"scribbles": SCRIBBLES}
        files = {SCRIBBLES: panels.png(scribbles)}
    else:
        numbers = np.arange(values["count"])
        labels = segment_textures(image, values["count"]).labels
        lines = [f"labels = gk.vision.segment_textures(image, {values['count']}).labels"]
        options = {"count": values["count"]}
    paint_of = np.zeros((256, 3), np.uint8)
    paint_of[numbers] = palette(len(numbers))
    colours = dict(zip(numbers.tolist(), palette(len(numbers)).tolist(), strict=True))
    lines += [
        f"colours = {colours}",
        "result = np.zeros((*labels.shape, 3), np.uint8)",
        "for label, colour in colours.items():",
        "    result[labels == label] = colour",
    ]
    over = overlay(stored, paint_of[labels])
    alt = f"{len(numbers)} textures, a colour each"
    others = [picture("Textures over the picture", over, alt)]
    return Made(paint_of[labels], "Textures", alt, lines, options, others, files)


def _orient(values: Values, image: NDArray[Any], stored: NDArray[Any]) -> Made:
    bank = gk.GaborBank.grid(wavelength=values["wavelength"])
    field = local_orientation(image, bank, method=values["method"])
    told = {"wavelength": values["wavelength"]}
    lines = [
        f"bank = {code.call('gk.GaborBank.grid', **told)}",
        "field = "
        + code.call(
            "gk.features.local_orientation",
            code.Source("image"),
            code.Source("bank"),
            method=values["method"],
        ),
        "result = gk.plotting.orientation_colours(field.angle, field.confidence)",
    ]
    return Made(
        orientation_colours(field.angle, field.confidence),
        "Orientation",
        "Hue: the direction across edges and lines; brightness: how sure it is",
        lines,
        {**told, "method": values["method"]},
    )


def _edges(values: Values, image: NDArray[Any], stored: NDArray[Any]) -> Made:
    fields = {"low": values["low"], "high": values["high"]}
    edges = find_edges(image, measure=values["by"], **fields)
    made = code.call("gk.vision.find_edges", code.Source("image"), measure=values["by"], **fields)
    lines = [
        f"edges = {made}",
        f"inks = np.array({[list(ink) for ink in INKS]}, np.uint8)",
        "result = inks[edges.kind]  # none, edges, bright lines, dark lines",
    ]
    return Made(
        np.array(INKS, np.uint8)[edges.kind],
        "Edges black, bright lines orange, dark lines blue",
        "Edges and lines on white",
        lines,
        {"by": values["by"], **fields, "kinds": True},
    )


def _defects(values: Values, image: NDArray[Any], stored: NDArray[Any]) -> Made:
    told = {"false_alarms": values["false_alarms"]}
    defects = find_defects(image, **told)
    lines = [
        f"defects = {code.call('gk.vision.find_defects', code.Source('image'), **told)}",
        "result = defects.mask",
    ]
    alt = f"Defects: {100 * defects.mask.mean():.2g} % of the picture"
    around = outlined(stored, defects.mask)
    mask = (defects.mask * 255).astype(np.uint8)
    return Made(mask, "Defects", alt, lines, told, [picture("Outlined", around, alt)])


def _enhance(values: Values, image: NDArray[Any], stored: NDArray[Any]) -> Made:
    told = {"ridges": values["ridges"]}
    ridges = enhance_fingerprint(image, **told).binary
    lines = [
        f"print_ = {code.call('gk.vision.enhance_fingerprint', code.Source('image'), **told)}",
        "result = ~print_.binary",
    ]
    if values["thin"]:
        ridges = thin_ridges(ridges)
        lines[-1] = "result = ~gk.vision.fingerprint.thin_ridges(print_.binary)"
    form = "thin" if values["thin"] else "binary"
    return Made(
        (~ridges * np.uint8(255)).astype(np.uint8),
        "Ridges",
        "Ridges in black on white",
        lines,
        {form: True, **told},
    )


#: By the names of their commands.
RECIPES: dict[str, Callable[[Values, NDArray[Any], NDArray[Any]], Made]] = {
    "segment": _segment,
    "orient": _orient,
    "edges": _edges,
    "defects": _defects,
    "enhance": _enhance,
}
