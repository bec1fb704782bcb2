"""``gaborkit compare``: how alike two pictures are, in one line."""

from __future__ import annotations

import json
from typing import Any

import click

import gaborkit as gk

from ..options.arguments import Choice
from ..options.path_arguments import IN
from ..options.reading import report_options
from ..options.sections import Command
from ..responding import about, pair_of_pictures

#: The library's measures.
MEASURES = ("texture", "gist", "jets", "codes")


@click.command("compare", cls=Command)
@click.argument("first", type=IN, metavar="A")
@click.argument("second", type=IN, metavar="B")
@click.option(
    "--by",
    type=Choice(MEASURES),
    multiple=True,
    help="Measure; may be given several times.  [default: all that fit the pictures' sizes]",
)
@report_options
def command(first: str, second: str, by: tuple[Any, ...], as_json: bool) -> None:
    """Compare two pictures by Gabor features, and print NAME=VALUE for each measure in one line.

    \b
    texture_distance  0 to 1: means, deviations of magnitudes (Manjunath and Ma)
    gist_distance     0 to 1: layout of the scene (Oliva and Torralba)
    jets_magnitude    up to 1: jets every 8 pixels, without phase (Wiskott et al.)
    jets_phase        up to 1: with phase, which a small shift destroys
    jets_moved        up to 1: with phase, a small shift at each point left out
    codes_distance    0 to 1, and 1/2 by chance: differing bits of phase (Daugman)

    Jets and codes need pictures of one size. Of a colour picture, the luminance is taken.

    \b
    Examples:
      gaborkit compare sample:brick sample:grass
      gaborkit compare sample:camera sample:moon --by jets --by codes
    """  # noqa: D301
    one, other = pair_of_pictures(first, second)
    with about(f"{first}, {second}"):
        measures = gk.vision.compare_pictures(one, other, by or None)
    if as_json:
        click.echo(json.dumps({"a": first, "b": second, **measures}))
    else:
        click.echo(" ".join(f"{name}={value:.4f}" for name, value in measures.items()))
