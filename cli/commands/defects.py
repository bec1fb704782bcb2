"""``gaborkit defects``: where a regular texture is unlike itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import scipy

import gaborkit as gk

from ..labels import outlined
from ..options.arguments import Number, Whole
from ..options.kernels import bank_options_with
from ..options.path_arguments import IN, Output
from ..options.reading import mask_options, report_options, seed_option
from ..options.sections import Command
from ..quantization import quantize
from ..responding import about, mask_keywords, one_picture
from .segment import PAINTED

if TYPE_CHECKING:
    from gaborkit import GaborBank

MASKS = (".png", ".webp", ".tif", ".tiff", ".npy", ".npz")


@click.command("defects", cls=Command)
@click.argument("source", type=IN, metavar="IN")
@click.option("--out", required=True, type=Output(MASKS), metavar="MASK", help="File to write.")
@click.option(
    "--reference", type=IN, metavar="FILE", help="Picture of the texture without defects."
)
@click.option(
    "--score",
    type=Output((".tif", ".tiff", ".npy", ".npz", ".png")),
    metavar="FILE",
    help="Write how unlike each pixel is: .tif, .npy or .png.",
)
@click.option(
    "--overlay",
    type=Output((*PAINTED, ".jpg", ".jpeg")),
    metavar="FILE",
    help="Write the picture with the defects outlined.",
)
@click.option(
    "--false-alarms",
    type=Number(above=0, below=1),
    default=0.05,
    show_default=True,
    help="Probability of finding something where there is nothing.",
)
@click.option(
    "--margin",
    type=Whole(0, 10**6),
    help="Pixels at the borders that are not judged.  [default: 0.7 of the longest wavelength; "
    "with --mask, all of it]",
)
@mask_options
@bank_options_with("grid", always=False)
@seed_option
@report_options
def command(
    source: str,
    out: str,
    reference: str | None,
    score: str | None,
    overlay: str | None,
    false_alarms: float,
    margin: int | None,
    mask: str | None,
    outside: str | None,
    bank: GaborBank | None,
    seed: int,
    as_json: bool,
) -> None:
    """Find defects of a regular texture: cloth, tiles, wood, brushed metal.

    Each pixel's energies in a Gabor bank (of wavelengths 2.8, 5.7 and 11.3 pixels, if none is
    given) are compared with those of the larger part of the picture, or with a --reference that was
    taken alike. Of a colour picture, the luminance is taken. What is outside --mask is neither
    judged nor seen. MASK is white (255; in .npy and .npz true) where there is a defect; MASK.json
    tells the threshold.

    \b
    Examples:
      gaborkit defects cloth.png --out found.png --overlay marked.png
      gaborkit defects cloth.png --reference good.png --out found.png
      gaborkit defects cloth.png --mask mask.png --out found.png
    """  # noqa: D301
    planes, colour = one_picture(source)
    good = None if reference is None else one_picture(reference)[0]
    masked = mask_keywords(mask, outside, planes.shape)
    with about(source):
        defects = gk.vision.find_defects(
            planes, good, bank=bank, margin=margin, false_alarms=false_alarms, seed=seed, **masked
        )
    places = _places(defects)
    share = float(defects.mask.sum() / masked.get("mask", np.ones(planes.shape)).sum())
    description = {
        "gaborkit": gk.__version__,
        "input": source,
        "reference": reference,
        **({"mask": mask, "outside": outside or "nearest"} if mask else {}),
        "colour": colour,
        "threshold": defects.threshold,
        "false_alarms": false_alarms,
        "regions": len(places),
        "places": places,
        "share": share,
    }
    gk.write_image(out, defects.mask, description)
    if score:
        values: Any = defects.score
        says: dict[str, Any] = dict(description)
        if Path(score).suffix.lower() == ".png":
            values, mapping = quantize(values, "energy")
            says["mapping"] = {"value": "offset + gain * stored", **mapping}
        gk.write_image(score, values, says)
    if overlay:
        gk.write_image(overlay, outlined(gk.read_image(source), defects.mask))
    if as_json:
        click.echo(json.dumps({"out": out, **description}))
    else:
        found = "1 place" if len(places) == 1 else f"{len(places)} places"
        whole = "mask" if mask else "picture"
        click.echo(f"{out}: {found}, {100 * share:.2f} % of the {whole}")


def _places(defects: gk.vision.Defects) -> list[dict[str, Any]]:
    """Of each defect: box (top, left, bottom, right), pixels, centre (y, x), largest score."""
    numbers, _ = scipy.ndimage.label(defects.mask, np.ones((3, 3)))
    places = []
    for number, (rows, columns) in enumerate(scipy.ndimage.find_objects(numbers), 1):
        inside = numbers[rows, columns] == number
        y, x = np.nonzero(inside)
        places.append(
            {
                "box": [rows.start, columns.start, rows.stop, columns.stop],
                "pixels": len(y),
                "centre": [float(rows.start + y.mean()), float(columns.start + x.mean())],
                "score": float(defects.score[rows, columns][inside].max()),
            }
        )
    return places
