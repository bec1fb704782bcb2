"""``gaborkit iris``: how alike the irises of two eyes are."""

from __future__ import annotations

import json
from typing import Any

import click
import numpy as np

import gaborkit as gk

from ..options.arguments import Number, Whole
from ..options.path_arguments import IN, Output
from ..options.reading import report_options
from ..options.sections import Command
from ..responding import about, one_picture

#: Bits that are compared of two eyes that lids hardly cover.
TYPICAL = 3000


@click.command("iris", cls=Command)
@click.argument("first", type=IN, metavar="A")
@click.argument("second", type=IN, metavar="B")
@click.option(
    "--overlay",
    type=Output((".png", ".jpg", ".webp")),
    metavar="OUT",
    help="Write both eyes side by side with their boundaries.",
)
@click.option(
    "--shifts",
    type=Whole(0, 64),
    default=8,
    show_default=True,
    help="Turn of an eye to each side, in columns of 2.8 degrees.",
)
@click.option(
    "--limit",
    type=Number(0, 1),
    default=0.33,
    show_default=True,
    help="Normalised distance below which both are one eye.",
)
@report_options
def command(
    first: str, second: str, overlay: str | None, shifts: int, limit: float, as_json: bool
) -> None:
    """Compare two eyes by codes of their irises (Daugman, 1993, 2004), and print one line.

    The circles of pupil and iris and the arcs of the lids are found by the integro-differential
    operator, the ring between them is unwrapped, and its phases are coded.

    \b
    same        yes if the normalised distance is below --limit
    normalized  the distance as of 3000 bits of 4096: few agree easily by chance
    distance    share of differing bits, 0 to 1; of different eyes about 1/2
    bits        how many were compared
    turn        of the second eye, degrees

    Of a colour picture, the luminance is taken. In the overlay the iris is blue, the pupil red,
    lids green, and what does not count is tinted.

    \b
    Examples:
      gaborkit iris left.png other.png --overlay eyes.png
      gaborkit iris left.png other.png --shifts 12 --limit 0.3
    """  # noqa: D301
    codes, drawn = [], []
    for source in (first, second):
        image, _ = one_picture(source)
        with about(source):
            boundaries = gk.vision.find_iris(image)
            codes.append(gk.vision.eye_code(image, boundaries))
        if overlay:
            drawn.append(gk.vision.draw_iris(image, boundaries))
    compared = gk.features.hamming_distance(*codes, shifts=shifts)
    if not compared.bits:
        raise gk.FeatureError(
            f"{first}, {second}: no part of the iris is seen in both; open eyes have some"
        )
    normalized = gk.features.normalized_distance(compared, typical=TYPICAL)
    result: dict[str, Any] = {
        "same": normalized < limit,
        "normalized": normalized,
        "distance": compared.distance,
        "bits": compared.bits,
        "turn": -compared.shift * 360 / codes[0].bits.shape[0],
    }
    if overlay:
        _write_beside(overlay, drawn)
    if as_json:
        click.echo(json.dumps({"a": first, "b": second, **result}))
    else:
        click.echo(
            f"same={'yes' if result['same'] else 'no'} normalized={normalized:.4f} "
            f"distance={compared.distance:.4f} bits={compared.bits} turn={result['turn']:.1f}"
        )


def _write_beside(out: str, pictures: list[Any]) -> None:
    """Write pictures of any heights side by side."""
    height = max(len(picture) for picture in pictures)
    padded = [np.pad(p, ((0, height - len(p)), (0, 0), (0, 0))) for p in pictures]
    gk.write_image(out, np.concatenate(padded, 1))
