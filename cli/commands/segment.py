"""``gaborkit segment``: a picture divided into its textures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import gaborkit as gk

from ..labels import overlay as painted_over
from ..labels import palette
from ..options.arguments import Number, Whole
from ..options.kernels import bank_options_with
from ..options.path_arguments import IN, Input, Output
from ..options.reading import colour_option, mask_options, report_options, seed_option
from ..options.sections import Command
from ..responding import about, filterable, mask_keywords, write_arrays
from ..scribbles import read_scribbles

if TYPE_CHECKING:
    from gaborkit import GaborBank

PAINTED = (".png", ".webp")
NUMBERS = (".tif", ".tiff", ".npy", ".npz")


@click.command("segment", cls=Command)
@click.argument("source", type=IN, metavar="IN")
@click.option(
    "--out",
    required=True,
    type=Output((*PAINTED, *NUMBERS)),
    metavar="OUT",
    help="File to write.",
)
@click.option(
    "--count",
    type=Whole(2, 255),
    help="Number of textures.  [default: what fits best of 2 to 8]",
)
@click.option(
    "--scribbles",
    type=Input(),
    metavar="FILE",
    help="Picture of strokes, of a number or colour for each texture, to learn from.",
)
@click.option(
    "--overlay",
    type=Output((*PAINTED, ".jpg", ".jpeg")),
    metavar="FILE",
    help="Write the picture with the textures over it.",
)
@click.option(
    "--article",
    is_flag=True,
    help="Do as Jain and Farrokhnia did: windows of half a wavelength, k-means, no smoothing.",
)
@click.option("--window", type=Number(0, 100), help="Deviation of the windows, in wavelengths.")
@click.option(
    "--smoothing", type=Number(0, 1000), help="Of the probabilities, deviation in pixels."
)
@colour_option
@mask_options
@bank_options_with("grid", always=False)
@seed_option
@report_options
def command(
    source: str,
    out: str,
    count: int | None,
    scribbles: str | None,
    overlay: str | None,
    article: bool,
    window: float | None,
    smoothing: float | None,
    colour: str,
    mask: str | None,
    outside: str | None,
    bank: GaborBank | None,
    seed: int,
    as_json: bool,
) -> None:
    """Divide a picture into its textures, by local energies of a Gabor bank.

    Without --scribbles the textures are found by themselves (after Jain and Farrokhnia, 1991); with
    them, they are those that the strokes name. Strokes are whole numbers from 1 on (in a grey PNG,
    TIFF or npy), or colours: on the picture itself, on a transparent layer, or on the colour that
    covers most of the drawing, else black. The bank has frequencies an octave apart, if none is
    given. OUT decides what is written:

    \b
    .png .webp  a colour for each texture; OUT.json tells which, and their shares
    .tif .npy   numbers of the textures, from 0 on, 255 outside; with strokes
                theirs, 0 outside
    .npz        labels (H, W) and probabilities (count, H, W)

    \b
    Examples:
      gaborkit segment sample:brick --count 2 --out labels.png --overlay over.png
      gaborkit segment sample:camera --article --count 3 --out labels.png
      gaborkit segment photo.png --mask mask.png --count 2 --out labels.png
    """  # noqa: D301
    suffix = Path(out).suffix.lower()
    if scribbles and (count or article):
        raise click.UsageError(
            f"--{'count' if count else 'article'} does not go with --scribbles, which say what "
            "textures there are"
        )
    image = gk.read_image(source)
    planes, taken = filterable(image, colour)
    masked = mask_keywords(mask, outside, planes.shape[-2:])
    options: dict[str, Any] = dict(gk.vision.JAIN_FARROKHNIA) if article else {}
    settings = {"window": window, "smoothing": smoothing, "bank": bank}
    options |= {name: value for name, value in settings.items() if value is not None}
    options |= {"seed": seed, "channel_axis": 0 if taken == "channels" else None}
    silhouettes: dict[int, float] = {}
    with about(source):
        if scribbles:
            drawn, colours = read_scribbles(scribbles, image)
            labels, probabilities = gk.vision.segment_scribbles(planes, drawn, **options, **masked)
            numbers = np.unique(drawn[drawn > 0]).tolist()
            colours = palette(len(numbers)) if colours is None else colours
        else:
            segmentation = gk.vision.segment_textures(planes, count, **options, **masked)
            labels, probabilities = segmentation.labels, segmentation.probabilities
            silhouettes, numbers = segmentation.silhouettes, list(range(segmentation.count))
            colours = palette(len(numbers))
    paint = np.zeros((256, 3), np.uint8)
    paint[numbers] = colours
    inside = masked.get("mask", np.ones(labels.shape, bool))
    shares = [float(np.mean(labels[inside] == number)) for number in numbers]
    description = {
        "gaborkit": gk.__version__,
        "input": source,
        "colour": taken,
        "scribbles": scribbles,
        **({"mask": mask, "outside": outside or "nearest"} if mask else {}),
        "textures": [
            {"label": number, "colour": paint[number], "share": share}
            for number, share in zip(numbers, shares, strict=True)
        ],
        "silhouettes": silhouettes,
        "seed": seed,
    }
    if suffix == ".npz":
        write_arrays(out, {"labels": labels, "probabilities": probabilities})
    else:
        gk.write_image(out, paint[labels] if suffix in PAINTED else labels, description)
    if overlay:
        gk.write_image(overlay, painted_over(image, paint[labels]))
    if silhouettes and len(numbers) == max(silhouettes):
        click.echo(
            f"note: {len(numbers)} textures are the most that were tried, and fitted best: there "
            f"may be more; --count {len(numbers) + 2} divides into so many",
            err=True,
        )
    if as_json:
        shape = list(labels.shape)
        click.echo(
            json.dumps(
                {
                    "out": out,
                    "input": source,
                    "shape": shape,
                    "count": len(numbers),
                    "shares": dict(zip(map(str, numbers), shares, strict=True)),
                    "silhouettes": silhouettes,
                }
            )
        )
        return
    text = ", ".join(
        f"{number}: {100 * share:.1f} %" for number, share in zip(numbers, shares, strict=True)
    )
    click.echo(f"{out}: {len(numbers)} textures ({text})")
