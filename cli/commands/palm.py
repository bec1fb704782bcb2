"""``gaborkit palm``: how alike the lines of two palms are."""

from __future__ import annotations

import json

import click

import gaborkit as gk

from ..options.arguments import Number, Whole
from ..options.path_arguments import IN
from ..options.reading import report_options
from ..options.sections import Command
from ..responding import about, one_picture


@click.command("palm", cls=Command)
@click.argument("first", type=IN, metavar="A")
@click.argument("second", type=IN, metavar="B")
@click.option(
    "--wavelength",
    type=Number(2, 200),
    default=12.6,
    show_default=True,
    help="Of the kernels, pixels: twice the width of lines.",
)
@click.option(
    "--shifts",
    type=Whole(0, 64),
    default=2,
    show_default=True,
    help="Places, of 4 pixels, by which a palm may be moved.",
)
@click.option(
    "--limit",
    type=Number(0, 1),
    default=0.37,
    show_default=True,
    help="Distance below which both are one palm.",
)
@click.option("--hand", is_flag=True, help="A and B show open hands: cut their palms out first.")
@report_options
def command(
    first: str,
    second: str,
    wavelength: float,
    shifts: int,
    limit: float,
    hand: bool,
    as_json: bool,
) -> None:
    """Compare two palms by competitive codes (Kong and Zhang, 2004), and print one line.

    A and B show the middle of a palm, cut out and turned alike, of one size, 128 x 128 pixels in
    the article. At every fourth pixel the darkest of six orientations is coded. With --hand they
    are open hands, fingers apart, turned anyhow, on a ground that is all darker or all lighter: the
    valleys between the fingers say where the palm is (Zhang and others, 2003).

    \b
    same      yes if the distance is below --limit
    distance  mean angle between orientations, 0 to 1 (90 degrees); 1/2 by chance
    down      pixels by which the second palm was moved
    right     the same to the right
    places    how many were compared

    Of a colour picture, the luminance is taken.

    \b
    Examples:
      gaborkit palm photo.jpg photos/one.jpg
      gaborkit palm photo.jpg photos/one.jpg --shifts 4
      gaborkit palm --hand hand.png again.png
    """  # noqa: D301
    codes = []
    for source in (first, second):
        image, _ = one_picture(source)
        with about(source):
            if hand:
                image = gk.vision.palm_region(image).image
            codes.append(gk.vision.competitive_code(image, gk.vision.palm_bank(wavelength)))
    with about(f"{first}, {second}"):
        compared = gk.vision.angular_distance(
            *codes, shifts=tuple(min(shifts, n - 1) for n in codes[0].index.shape)
        )
    if not compared.places:
        raise gk.FeatureError(
            f"{first}, {second}: one of them has no lines; give pictures of palms"
        )
    same = compared.distance < limit
    down, right = (4 * move for move in compared.shift)
    if as_json:
        numbers = {"same": same, "distance": compared.distance, "down": down, "right": right}
        click.echo(json.dumps({"a": first, "b": second, **numbers, "places": compared.places}))
    else:
        click.echo(
            f"same={'yes' if same else 'no'} distance={compared.distance:.4f} down={down} "
            f"right={right} places={compared.places}"
        )
