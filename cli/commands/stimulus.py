"""``gaborkit stimulus``: Gabor stimuli in degrees of visual angle, still or drifting."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click
import numpy as np

import gaborkit as gk

from ..errors import debug_option
from ..options.arguments import Choice, Degrees, Number
from ..options.path_arguments import Output
from ..options.reading import json_option
from ..options.sections import Command

_ARRAYS = (".npy", ".tif", ".tiff")


@click.command("stimulus", cls=Command)
@click.option(
    "--out",
    type=Output((".png", ".webp", *_ARRAYS)),
    required=True,
    metavar="OUT",
    help="File to write.",
)
@click.option(
    "--size",
    type=Number(above=0, most=180),
    default=4.0,
    show_default=True,
    help="Side, degrees of visual angle.",
)
@click.option(
    "--pixels",
    type=Number(above=0, most=10_000),
    default=40.0,
    show_default=True,
    help="Pixels in a degree.",
)
@click.option(
    "--screen",
    type=Number(above=0, most=1e6),
    nargs=3,
    metavar="DISTANCE WIDTH PIXELS",
    help="In place of --pixels: eye to screen and its width, in one unit, and its pixels.",
)
@click.option(
    "--frequency", type=Number(0, 5000), default=2.0, show_default=True, help="Cycles per degree."
)
@click.option(
    "--theta",
    type=Degrees(),
    default=0.0,
    show_default=True,
    help="Across the bars, degrees: 0 is right, 90 is down.",
)
@click.option(
    "--phase",
    type=Degrees(),
    default=0.0,
    show_default=True,
    help="In the middle, degrees: 0 is a bright bar.",
)
@click.option(
    "--contrast", type=Number(0, 1), default=1.0, show_default=True, help="Michelson's, 0 to 1."
)
@click.option(
    "--window",
    type=Choice(("gaussian", "raised-cosine", "none")),
    default="gaussian",
    show_default=True,
    help="How it fades to the ground.",
)
@click.option(
    "--sigma", type=Number(above=0, most=180), help="Of the Gaussian, degrees.  [default: size / 6]"
)
@click.option(
    "--drift",
    type=Number(-5000, 5000),
    default=0.0,
    show_default=True,
    help="Cycles per second, towards --theta.",
)
@click.option("--seconds", type=Number(above=0, most=600), help="Of a film: .npy or .tif hold it.")
@click.option(
    "--rate",
    type=Number(above=0, most=10_000),
    default=60.0,
    show_default=True,
    help="Pictures per second.",
)
@click.option(
    "--mean",
    type=Number(0, 1),
    default=0.5,
    show_default=True,
    help="Luminance of the ground, 0 to 1.",
)
@json_option
@debug_option
def command(
    out: str,
    size: float,
    pixels: float,
    screen: tuple[float, float, float] | None,
    seconds: float | None,
    theta: float,
    phase: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Draw a Gabor stimulus: a grating in a window, of a size in degrees of visual angle.

    \b
    .png .webp  8 bits: black is 0, white is 1
    .npy .tif   values as they are; with --seconds (T, H, W)

    OUT.json tells what was drawn.

    \b
    Examples:
      gaborkit stimulus --size 4 --frequency 3 --theta 45 --out gabor.png
      gaborkit stimulus --contrast 0.5 --screen 57 48 1920 --out gabor.png
      gaborkit stimulus --size 1 --drift 4 --seconds 0.2 --out drifting.npy
    """  # noqa: D301
    suffix = Path(out).suffix.lower()
    if seconds is not None and suffix not in _ARRAYS:
        raise click.UsageError(
            f"--seconds {seconds:g} makes a film, and {suffix} holds one picture: "
            f"give {', '.join(_ARRAYS)}"
        )
    if options["drift"] and seconds is None:
        raise click.UsageError(f"--drift {options['drift']:g} is of a film: give --seconds too")
    density = (
        gk.vision.pixels_per_degree(screen[0], screen[1], int(screen[2])) if screen else pixels
    )
    count = (size * density) ** 2 * max(1.0, (seconds or 0) * options["rate"])
    if count > 5e7:
        raise click.UsageError(
            f"--size {size:g} with {density:g} pixels in a degree makes {count:.3g} values: "
            "give fewer of them"
        )
    settings = {**options, "theta": math.radians(theta), "phase": math.radians(phase)}
    try:
        stimulus = gk.vision.gabor_stimulus(size, pixels=density, duration=seconds, **settings)
    except gk.FeatureError as error:
        raise click.UsageError(str(error)) from error
    if suffix not in _ARRAYS and stimulus.max() > 1 + 1e-6:
        mean = options["mean"]
        raise click.UsageError(
            f"--mean {mean:g} and --contrast {options['contrast']:g} make values of up to "
            f"{stimulus.max():.6g}, and {suffix} holds 1 as white: give a --contrast of up to "
            f"{1 / mean - 1:.3g}, or {', '.join(_ARRAYS)}"
        )
    description = {
        "gaborkit": gk.__version__,
        **options,
        "size": size,
        "pixels": density,
        "theta_degrees": theta,
        "phase_degrees": phase,
        "seconds": seconds,
        "shape": list(stimulus.shape),
    }
    if suffix in _ARRAYS:
        gk.write_image(out, stimulus, description)
    else:
        gk.write_image(out, np.rint(255 * stimulus.clip(0, 1)).astype(np.uint8), description)
    if as_json:
        click.echo(json.dumps({"out": out, **description}))
    else:
        shape = " x ".join(map(str, stimulus.shape))
        click.echo(f"{out}: {shape}, {density:.4g} pixels in a degree")
