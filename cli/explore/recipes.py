"""What each recipe makes of a picture, with the Python and the options of the command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.filters import apply_hysteresis_threshold

import gaborkit as gk
from gaborkit.features import local_orientation
from gaborkit.plotting import orientation_colours
from gaborkit.types import RealArray
from gaborkit.vision import (
    enhance_fingerprint,
    find_defects,
    find_edges,
    segment_scribbles,
    segment_textures,
)
from gaborkit.vision.edges import Measure
from gaborkit.vision.fingerprint import thin_ridges

from ..commands.edges import INKS
from ..labels import outlined, overlay, palette
from . import code, panels
from .controls import Values
from .desk import Desk
from .strokes import paint

#: The file of strokes that a command reads.
SCRIBBLES = "scribbles.png"

#: Options for a sketch of a small picture: windows that fit it, and one rule instead of several.
SKETCHED: dict[str, Any] = {"least": 2.0, "smoothing": 1.0}
SKETCHED_TEXTURES: dict[str, Any] = {**SKETCHED, "clustering": "kmeans", "refine": False}
SKETCHED_STROKES: dict[str, Any] = {**SKETCHED, "rounds": 0}

#: A threshold that every crest passes, but for what rounding makes.
FAINTEST = 1e-6


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


class Subject(NamedTuple):
    """What a recipe is for: a picture's grey values (H, W), and it as it is stored, on a desk."""

    image: NDArray[Any]
    stored: NDArray[Any]
    desk: Desk


def segment(values: Values, subject: Subject, *, sketch: bool = False) -> Made:
    """By strokes, or else by as many textures; a sketch is made by fewer steps."""
    image = subject.image
    scribbles = paint(values["strokes"], (image.shape[0], image.shape[1]), values["width"])
    numbers: NDArray[Any] = np.unique(scribbles[scribbles > 0])
    files = None
    if len(numbers):
        labels = segment_scribbles(image, scribbles, **(SKETCHED_STROKES if sketch else {})).labels
        lines = [
            f'scribbles = gk.read_image("{SCRIBBLES}")',
            "labels = gk.vision.segment_scribbles(image, scribbles).labels",
        ]
        options: dict[str, Any] = {"scribbles": SCRIBBLES}
        files = {SCRIBBLES: panels.png(scribbles)}
    else:
        numbers = np.arange(values["count"])
        labels = subject.desk.once(_textures, image, values["count"], sketch)
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
    over = overlay(subject.stored, paint_of[labels])
    alt = f"{len(numbers)} textures, a colour each"
    others = [panels.picture("Textures over the picture", over, alt)]
    return Made(paint_of[labels], "Textures", alt, lines, options, others, files)


def _textures(image: NDArray[Any], count: int, sketch: bool) -> NDArray[np.uint8]:
    return segment_textures(image, count, **(SKETCHED_TEXTURES if sketch else {})).labels


def _orient(values: Values, subject: Subject) -> Made:
    bank = gk.GaborBank.grid(wavelength=values["wavelength"])
    field = local_orientation(subject.image, bank, method=values["method"])
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


def _edges(values: Values, subject: Subject) -> Made:
    fields = {"low": values["low"], "high": values["high"]}
    if fields["low"] > fields["high"]:
        raise gk.FeatureError(
            f"low {fields['low']:g} is above high {fields['high']:g}; give the smaller one as low"
        )
    crests = subject.desk.once(_crests, subject.image, values["by"])
    kind = crests.kind * apply_hysteresis_threshold(crests.strength, **fields)
    made = code.call("gk.vision.find_edges", code.Source("image"), measure=values["by"], **fields)
    lines = [
        f"edges = {made}",
        f"inks = np.array({[list(ink) for ink in INKS]}, np.uint8)",
        "result = inks[edges.kind]  # none, edges, bright lines, dark lines",
    ]
    return Made(
        np.array(INKS, np.uint8)[kind],
        "Edges black, bright lines orange, dark lines blue",
        "Edges and lines on white",
        lines,
        {"by": values["by"], **fields, "kinds": True},
    )


class Crests(NamedTuple):
    """What thresholds choose edges from, (H, W): kinds of all crests, and their strengths."""

    kind: NDArray[np.uint8]
    strength: RealArray


def _crests(image: NDArray[Any], measure: Measure) -> Crests:
    """All crests of a picture, whose strengths are in the unit of the thresholds; 0 elsewhere."""
    edges = find_edges(image, measure=measure, low=FAINTEST, high=FAINTEST)
    strength = edges.strength * edges.thin
    if measure == "energy":
        strength /= edges.strength.max() or 1
    return Crests(edges.kind, strength)


def _defects(values: Values, subject: Subject) -> Made:
    told = {"false_alarms": values["false_alarms"]}
    defects = subject.desk.once(find_defects, subject.image).with_false_alarms(
        values["false_alarms"]
    )
    lines = [
        f"defects = {code.call('gk.vision.find_defects', code.Source('image'), **told)}",
        "result = defects.mask",
    ]
    alt = f"Defects: {100 * defects.mask.mean():.2g} % of the picture"
    around = outlined(subject.stored, defects.mask)
    mask = (defects.mask * 255).astype(np.uint8)
    words = alt.removeprefix("Defects: ") if mask.any() else "nothing found"
    shown = panels.picture("Outlined", around, alt, legend=words)
    return Made(mask, "Defects", alt, lines, told, [shown])


def _enhance(values: Values, subject: Subject) -> Made:
    told = {"ridges": values["ridges"]}
    ridges = enhance_fingerprint(subject.image, **told).binary
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
RECIPES: dict[str, Callable[[Values, Subject], Made]] = {
    "segment": segment,
    "orient": _orient,
    "edges": _edges,
    "defects": _defects,
    "enhance": _enhance,
}
