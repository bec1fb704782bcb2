"""``gaborkit symmetry``: lines and blobs by the symmetry of phase, whatever their contrast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

import gaborkit as gk

from ..options.arguments import Choice, Number, Whole
from ..options.path_arguments import IN, Output
from ..options.reading import mask_option, report_options
from ..options.sections import Command
from ..responding import about, mask_keywords, one_picture, write_arrays


@click.command("symmetry", cls=Command)
@click.argument("source", type=IN, metavar="IN")
@click.option(
    "--out",
    type=Output((".png", ".webp", ".tif", ".tiff", ".npy", ".npz")),
    required=True,
    metavar="OUT",
    help="File to write.",
)
@click.option(
    "--polarity",
    type=Choice(("both", "bright", "dark")),
    default="both",
    show_default=True,
    help="Of lines and blobs.",
)
@click.option("--scales", type=Whole(1, 20), default=5, show_default=True, help="Of the filters.")
@click.option(
    "--wavelength",
    type=Number(2, 10_000),
    default=3.0,
    show_default=True,
    help="Of the finest filter, pixels.",
)
@click.option(
    "--a",
    type=Number(above=1, most=100),
    default=2.1,
    show_default=True,
    help="Step from scale to scale.",
)
@click.option(
    "--deviations",
    type=Number(0, 1000),
    default=2.0,
    show_default=True,
    help="Of noise above its mean, below which there is nothing.",
)
@mask_option
@report_options
def command(
    source: str,
    out: str,
    polarity: Any,
    scales: int,
    wavelength: float,
    a: float,
    deviations: float,
    mask: str | None,
    as_json: bool,
) -> None:
    """Find lines and blobs by the symmetry of phase (Kovesi, 1997), of any contrast.

    Filters of the monogenic signal have no direction, so lines of all directions are found alike.
    Of a colour picture, the luminance is taken.

    \b
    .png .webp  symmetry 1 is white
    .tif .npy   symmetry, 0 to 1
    .npz        symmetry, angle_degrees (across, 0 is right, 90 is down), (H, W)

    \b
    Examples:
      gaborkit symmetry sample:retina --polarity dark --out vessels.png
      gaborkit symmetry sample:coins --wavelength 6 --scales 3 --out symmetry.npz
    """  # noqa: D301
    planes, _ = one_picture(source)
    longest = wavelength * a ** (scales - 1)
    if longest > 100 * max(planes.shape):
        raise click.UsageError(
            f"--scales {scales} with --a {a:g} reach {longest:.3g} pixels, and {source} has "
            f"{max(planes.shape)}: give fewer"
        )
    masked = mask_keywords(mask, None, planes.shape)
    with about(source):
        result = gk.features.phase_symmetry(
            planes,
            **masked,
            polarity=polarity,
            scales=scales,
            wavelength=wavelength,
            a=a,
            deviations=deviations,
        )
    suffix = Path(out).suffix.lower()
    numbers = {
        "noise": result.noise,
        "mean": float(result.symmetry[masked.get("mask", ...)].mean()),
    }
    description = {"gaborkit": gk.__version__, "input": source, "polarity": polarity, **numbers}
    if suffix == ".npz":
        degrees = np.degrees(result.orientation)
        write_arrays(out, {"symmetry": result.symmetry, "angle_degrees": degrees})
    elif suffix in (".png", ".webp"):
        gk.write_image(out, np.rint(255 * result.symmetry.clip(0, 1)).astype(np.uint8), description)
    else:
        gk.write_image(out, result.symmetry, description)
    if as_json:
        click.echo(json.dumps({"out": out, **description}))
    else:
        click.echo(f"{out}: symmetry {numbers['mean']:.4f} in the mean")
