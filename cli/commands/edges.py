"""``gaborkit edges``: edges and lines of a picture, thin and by their kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import gaborkit as gk

from ..options.arguments import Choice, Number
from ..options.kernels import bank_options_with, map_options
from ..options.path_arguments import IN, Output
from ..options.sections import Command
from ..responding import about, mask_keywords, one_picture, write_arrays

if TYPE_CHECKING:
    from gaborkit import GaborBank
    from gaborkit.types import Boundary, Engine

_PICTURES = (".png", ".webp")

#: White paper; and ink for edges, bright and dark lines, that red-green blind eyes tell apart.
INKS = ((255, 255, 255), (20, 20, 20), (230, 120, 0), (0, 110, 220))


@click.command("edges", cls=Command)
@click.argument("source", type=IN, metavar="IN")
@click.option(
    "--out",
    required=True,
    type=Output((*_PICTURES, ".npz")),
    metavar="OUT",
    help="File to write.",
)
@bank_options_with("grid", always=False)
@click.option(
    "--by",
    "measure",
    type=Choice(("energy", "congruency")),
    default="energy",
    show_default=True,
    help="Strength by energy, which grows with contrast, or by congruency of phase.",
)
@click.option(
    "--low",
    type=Number(above=0, below=1),
    help="Weakest edge that hangs together with a strong one.  [default: 0.1; congruency 0.2]",
)
@click.option(
    "--high",
    type=Number(above=0, below=1),
    help="Weakest edge that stands alone.  [default: 0.2; congruency 0.4]",
)
@click.option(
    "--noise",
    type=Number(0, words=("median", "mode")),
    metavar="LEVEL",
    help="How congruency knows the noise: median, mode, or the threshold.  [default: median]",
)
@click.option(
    "--deviations",
    type=Number(0, 1000),
    help="Of noise above its mean, up to which congruency is none.  [default: 2]",
)
@click.option(
    "--cutoff",
    type=Number(0, 1),
    help="Share of the scales below which congruency is penalised.  [default: 0.5]",
)
@click.option("--sharpness", type=Number(0, 1000), help="Of that transition.  [default: 10]")
@click.option("--kinds", is_flag=True, help="Ink edges black, bright lines orange, dark ones blue.")
@map_options
def command(
    source: str,
    out: str,
    bank: GaborBank | None,
    measure: Any,
    low: float | None,
    high: float | None,
    noise: Any,
    deviations: float | None,
    cutoff: float | None,
    sharpness: float | None,
    kinds: bool,
    mask: str | None,
    outside: str | None,
    as_json: bool,
    boundary: Boundary,
    engine: Engine,
    tolerance: float,
) -> None:
    """Find edges and lines of a picture by quadrature pairs of kernels.

    Without options of a bank, energy takes two scales, of 4 and 8 pixels, and congruency the
    four of Kovesi's bank, of 3 to 28 pixels. --low and --high are shares of
    the strongest edge, or congruencies. Of a colour picture, the luminance is taken. OUT decides
    what is written:

    \b
    .png .webp  edges and lines white on black; with --kinds in ink on white
    .npz        thin, kind (1 an edge, 2 a bright line, 3 a dark line), strength,
                angle_degrees (across, 0 is +x, 90 is +y), direction_degrees (to
                the brighter side), phase_degrees, offset, (H, W) each;
                points (N, 2), (y, x) of thin pixels with their part of a pixel

    \b
    Examples:
      gaborkit edges sample:camera --out edges.png
      gaborkit edges sample:camera --by congruency --kinds --out kinds.png
      gaborkit edges sample:moon --by congruency --deviations 4 --out moon.png
      gaborkit edges sample:coins --wavelength 3 --high 0.3 --out coins.npz
    """  # noqa: D301
    suffix = Path(out).suffix.lower()
    if kinds and suffix == ".npz":
        raise click.UsageError("--kinds inks a picture, and .npz holds the kinds already")
    if low is not None and high is not None and low > high:
        raise click.UsageError(f"--low {low:g} is above --high {high:g}: exchange them")
    congruency = {
        "noise": noise,
        "deviations": deviations,
        "cutoff": cutoff,
        "sharpness": sharpness,
    }
    if measure != "congruency":
        for name, value in congruency.items():
            if value is not None:
                raise click.UsageError(f"--{name} is of --by congruency: give that too")
    planes, _ = one_picture(source)
    masked = mask_keywords(mask, outside, planes.shape)
    with about(source):
        result = gk.vision.find_edges(
            planes,
            bank,
            measure=measure,
            low=low,
            high=high,
            **congruency,
            boundary=boundary,
            engine=engine,
            tolerance=tolerance,
            **masked,
        )
    if suffix == ".npz":
        _write_numbers(out, result)
    elif kinds:
        gk.write_image(out, np.array(INKS, np.uint8)[result.kind])
    else:
        gk.write_image(out, result.thin)
    edges, bright, dark = (int(np.count_nonzero(result.kind == kind)) for kind in (1, 2, 3))
    if as_json:
        numbers = {"edges": edges, "bright_lines": bright, "dark_lines": dark}
        shape = list(result.thin.shape)
        click.echo(json.dumps({"out": out, "input": source, "shape": shape, **numbers}))
    else:
        click.echo(
            f"{out}: {edges} pixels of edges, {bright} of bright lines, {dark} of dark lines"
        )


def _write_numbers(out: str, edges: Any) -> None:

    arrays = {
        "thin": edges.thin,
        "kind": edges.kind,
        "strength": edges.strength,
        "angle_degrees": np.degrees(edges.angle),
        "direction_degrees": np.degrees(edges.direction),
        "phase_degrees": np.degrees(edges.phase),
        "offset": edges.offset,
        "points": edges.points(),
    }
    write_arrays(out, arrays)
