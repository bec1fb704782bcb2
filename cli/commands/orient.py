"""``gaborkit orient``: the orientation at each pixel, as a picture or as numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import gaborkit as gk

from ..options.arguments import Choice
from ..options.kernels import bank_options_with, map_options
from ..options.path_arguments import IN, Output
from ..options.sections import Command
from ..responding import about, mask_keywords, one_picture, write_arrays

if TYPE_CHECKING:
    from gaborkit import GaborBank
    from gaborkit.features import Orientation
    from gaborkit.types import Boundary, Engine

#: What the pages of a TIFF and the arrays of an npz hold.
PAGES = ("angle_degrees", "confidence", "energy")

_HUES, _TABLES, _FIGURES = (
    (".png", ".jpg", ".jpeg", ".webp"),
    (".tif", ".tiff", ".npz"),
    (*(".png", ".svg", ".pdf"),),
)

# Brightness by energy is full from this quantile on.
_BRIGHT = 0.99


@click.command("orient", cls=Command)
@click.argument("source", type=IN, metavar="IN")
@click.option(
    "--out",
    required=True,
    type=Output((*_HUES, *_TABLES, ".svg", ".pdf")),
    metavar="OUT",
    help="File to write.",
)
@bank_options_with("grid")
@click.option(
    "--method",
    type=Choice(("phase", "energy")),
    default="phase",
    show_default=True,
    help="Gradients of phase, without bias, or the vector sum of energies.",
)
@click.option(
    "--lines", is_flag=True, help="Give the direction along lines and edges, not across them."
)
@click.option(
    "--brightness",
    type=Choice(("confidence", "energy", "full")),
    default="confidence",
    show_default=True,
    help="What makes a pixel bright; energy: confidence times the square root of the magnitude.",
)
@click.option("--legend", is_flag=True, help="Draw the picture too, and a wheel of the hues.")
@map_options
def command(
    source: str,
    out: str,
    bank: GaborBank,
    method: Any,
    lines: bool,
    brightness: str,
    legend: bool,
    mask: str | None,
    outside: str | None,
    as_json: bool,
    boundary: Boundary,
    engine: Engine,
    tolerance: float,
) -> None:
    """Find which way the brightness varies at each pixel, and how surely.

    The angle is theta of the wave vector, across edges and lines: 0 is +x (right), 90 is +y (down),
    180 is 0 again. Of a colour picture, the luminance is taken. OUT decides what is written:

    \b
    .png .jpg .webp  hue is twice the angle, brightness the confidence (0 to 1)
    .png .svg .pdf   with --legend: the picture, the hues and their wheel
    .npz             angle_degrees, confidence and energy, (H, W) each
    .tif             the same as three pages of floats

    \b
    Examples:
      gaborkit orient sample:camera --out hues.png
      gaborkit orient sample:brick --wavelength 3 --legend --out brick.png
      gaborkit orient sample:grass --bank kovesi --lines --out grass.npz
    """  # noqa: D301
    suffix = Path(out).suffix.lower()
    known = _FIGURES if legend else (*_HUES, *_TABLES)
    if suffix not in known:
        raise click.UsageError(
            f"--out {out}: {suffix or 'no suffix'} is unknown here: give {', '.join(known)}"
        )
    planes, colour = one_picture(source)
    masked = mask_keywords(mask, outside, planes.shape)
    with about(source):
        field = gk.features.local_orientation(
            planes,
            bank,
            method=method,
            boundary=boundary,
            engine=engine,
            tolerance=tolerance,
            **masked,
        )
    angle = field.line_angle if lines else field.angle
    if suffix in _TABLES:
        _write_numbers(out, suffix, angle, field, {"input": source, "bank": bank.to_dict()})
    else:
        _write_hues(out, planes, angle, field, brightness, legend)
    mean = float(field.confidence[masked.get("mask", ...)].mean())
    shape = " x ".join(map(str, angle.shape))
    summary = {
        "out": out,
        "input": source,
        "colour": colour,
        "shape": list(angle.shape),
        "mean_confidence": round(mean, 6),
    }
    click.echo(
        json.dumps(summary)
        if as_json
        else f"{out}: orientation, {shape}, mean confidence {mean:.3f}"
    )


def _write_numbers(
    out: str, suffix: str, angle: Any, field: Orientation, description: dict[str, Any]
) -> None:

    # Rounding must not make 180 of what is a little less.
    degrees = np.degrees(angle)
    degrees = degrees * (degrees < 180)
    pages = (degrees, field.confidence, field.energy)
    if suffix != ".npz":
        gk.write_image(
            out, np.stack(pages), {"gaborkit": gk.__version__, "pages": PAGES, **description}
        )
        return
    write_arrays(out, dict(zip(PAGES, pages, strict=True)))


def _write_hues(
    out: str, planes: Any, angle: Any, field: Orientation, brightness: str, legend: bool
) -> None:

    strength = None if brightness == "full" else field.confidence
    if brightness == "energy":
        magnitude = np.sqrt(field.energy)
        most = float(np.quantile(magnitude, _BRIGHT)) or 1.0
        strength = field.confidence * np.sqrt((magnitude / most).clip(0, 1))
    if legend:
        words = "confidence" if brightness == "confidence" else "strength"
        gk.plotting.save_figure(
            gk.plotting.plot_orientation(planes, angle, strength, legend=words), out
        )
    else:
        gk.write_image(out, gk.plotting.orientation_colours(angle, strength))
