"""``gaborkit minutiae``: where the ridges of a fingerprint end and fork, as a table."""

from __future__ import annotations

import json
from typing import Any

import click
import numpy as np

import gaborkit as gk

from ..csv_rows import write_rows
from ..options.arguments import Choice, Number
from ..options.path_arguments import IN, Output
from ..options.prints import RIDGE_DISTANCE, dpi_option, ridge_distance, ridges_option
from ..options.reading import report_options
from ..options.sections import Command
from ..responding import about, one_picture

COLUMNS = ("y", "x", "angle_degrees", "kind", "quality")


@click.command("minutiae", cls=Command)
@click.argument("source", type=IN, metavar="IN")
@click.option("--out", type=Output((".csv",)), required=True, metavar="OUT", help="Table to write.")
@click.option(
    "--overlay",
    type=Output((".png", ".jpg", ".webp")),
    metavar="OUT",
    help="Write the print with its minutiae drawn.",
)
@ridges_option
@click.option(
    "--spacing",
    type=RIDGE_DISTANCE,
    help="Usual distance from ridge to ridge, pixels.  [default: found]",
)
@dpi_option
@click.option(
    "--least",
    type=Number(0, 1),
    default=0.3,
    show_default=True,
    help="Least quality, 0 to 1.",
)
@click.option(
    "--method",
    type=Choice(("gradient", "gabor")),
    default="gradient",
    show_default=True,
    help="How to find the orientation.",
)
@report_options
def command(
    source: str,
    out: str,
    overlay: str | None,
    ridges: Any,
    spacing: float | None,
    dpi: float | None,
    least: float,
    method: Any,
    as_json: bool,
) -> None:
    """Find the minutiae of a fingerprint: where its ridges end and fork.

    The print is enhanced as by `gaborkit enhance`, thinned, and cleaned of spurs, bridges, islands,
    breaks and pores; crossing numbers of the rest tell the minutiae. The distance of ridges is
    found, or told in pixels or by the dots per inch of the scanner. Of a colour picture, the
    luminance is taken.

    OUT.csv has a row for each, the best first:

    \b
    y, x           pixels, down and right
    angle_degrees  the way the ridge leaves an ending, or the valley a
                   bifurcation; 0 is right, 90 is down
    kind           ending or bifurcation
    quality        likeness of the ridges around to a sine, 0 to 1

    In the overlay endings are red circles, bifurcations blue squares.

    \b
    Examples:
      gaborkit minutiae photo.jpg --out minutiae.csv --overlay drawn.png
      gaborkit minutiae photo.jpg --dpi 500 --least 0.5 --out minutiae.csv
    """  # noqa: D301
    spacing = ridge_distance(spacing, dpi)
    image, colour = one_picture(source)
    with about(source):
        result = gk.vision.fingerprint.enhance_fingerprint(
            image, ridges=ridges, orientation=method, spacing=spacing
        )
    minutiae = gk.vision.fingerprint.find_minutiae(result, ridges=ridges, least=least)
    apart = 1 / float(np.median(result.frequency[result.mask])) if result.mask.any() else None
    kinds = {kind: int((minutiae.kind == kind).sum()) for kind in ("ending", "bifurcation")}
    description = {
        "gaborkit": gk.__version__,
        "input": source,
        "colour": colour,
        "shape": list(image.shape),
        "ridges": ridges,
        "spacing": apart,
        "least": least,
        "minutiae": len(minutiae),
        **kinds,
    }
    rows = [
        (f"{y:.2f}", f"{x:.2f}", f"{np.degrees(angle):.1f}", kind, f"{quality:.3f}")
        for y, x, angle, kind, quality in minutiae
    ]
    write_rows(out, COLUMNS, rows, description)
    if overlay:
        gk.write_image(
            overlay, gk.vision.fingerprint.draw_minutiae(image, minutiae, size=apart or 9.0)
        )
    if as_json:
        click.echo(json.dumps({"out": out, **description}))
    else:
        share = f"{result.mask.mean():.0%} of the picture is print"
        click.echo(
            f"{out}: {kinds['ending']} endings, {kinds['bifurcation']} bifurcations; {share}"
        )
