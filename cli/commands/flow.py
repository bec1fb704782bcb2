"""``gaborkit flow``: displacement between two pictures, or disparity of a pair."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

import gaborkit as gk

from ..options.arguments import Number
from ..options.path_arguments import IN, Output
from ..options.reading import report_options
from ..options.sections import Command
from ..responding import about, pair_of_pictures, write_arrays


@click.command("flow", cls=Command)
@click.argument("first", type=IN, metavar="A")
@click.argument("second", type=IN, metavar="B")
@click.option(
    "--out",
    type=Output((".png", ".tif", ".tiff", ".npz")),
    required=True,
    metavar="OUT",
    help="File to write.",
)
@click.option("--stereo", is_flag=True, help="A and B are left and right: along rows alone.")
@click.option(
    "--largest",
    type=Number(above=0, most=1000),
    help="Largest displacement, pixels.  [default: 16; stereo 32]",
)
@click.option(
    "--window",
    type=Number(above=0, most=1000),
    default=6.0,
    show_default=True,
    help="Deviation of the window of least squares, pixels.",
)
@report_options
def command(
    first: str,
    second: str,
    out: str,
    stereo: bool,
    largest: float | None,
    window: float,
    as_json: bool,
) -> None:
    """Find where each point of A lies in B, from differences of phase (Fleet and Jepson, 1990).

    Coarse to fine; a point that is displaced by (x, y) is x to the right and y down in B. Of colour
    pictures, the luminance is taken.

    \b
    .npz  x, y, confidence (H, W) each, pixels
    .tif  x and y (2, H, W); with --stereo x (H, W)
    .png  flow: direction as hue, length as brightness, the largest is brightest
          stereo: the nearer, the brighter

    \b
    Examples:
      gaborkit flow sample:camera sample:camera --out flow.png
      gaborkit flow photos/one.jpg photo.jpg --stereo --out disparity.npz
    """  # noqa: D301
    one, other = pair_of_pictures(first, second)
    options: dict[str, Any] = {"window": window}
    if largest is not None:
        options["largest"] = largest
    with about(f"{first}, {second}"):
        displacement = (gk.vision.stereo_disparity if stereo else gk.vision.optical_flow)(
            one, other, **options
        )
    sure = displacement.confidence >= np.quantile(displacement.confidence, 0.5)
    numbers = {
        "x": float(np.median(displacement.x[sure])),
        "y": float(np.median(displacement.y[sure])),
        "largest": float(np.hypot(displacement.x, displacement.y)[sure].max()),
        "confidence": float(np.median(displacement.confidence)),
    }
    suffix = Path(out).suffix.lower()
    if suffix == ".npz":
        write_arrays(out, displacement._asdict())
    else:
        description = {"gaborkit": gk.__version__, "inputs": [first, second], **numbers}
        if suffix != ".png":
            values: Any = displacement.x if stereo else np.stack([displacement.x, displacement.y])
        elif stereo:
            low, high = np.quantile(-displacement.x, (0.01, 0.99))
            values = np.rint(255 * ((-displacement.x - low) / ((high - low) or 1)).clip(0, 1))
            values = values.astype(np.uint8)
        else:
            values = _coloured(displacement.x, displacement.y)
        gk.write_image(out, values, description)
    if as_json:
        click.echo(json.dumps({"out": out, "a": first, "b": second, **numbers}))
    else:
        click.echo(
            f"{out}: {numbers['x']:.2f} to the right and {numbers['y']:.2f} down in the middle, at "
            f"most {numbers['largest']:.2f} pixels; confidence {numbers['confidence']:.2f}"
        )


def _coloured(x: Any, y: Any) -> Any:
    """Directions as hues around the circle, lengths as brightness, uint8 (H, W, 3)."""
    from matplotlib.colors import hsv_to_rgb

    length = np.hypot(x, y)
    hue = (np.arctan2(y, x) / (2 * np.pi)) % 1
    value = (length / (np.quantile(length, 0.99) or 1)).clip(0, 1)
    return np.rint(255 * hsv_to_rgb(np.stack([hue, np.ones_like(hue), value], -1))).astype(np.uint8)
