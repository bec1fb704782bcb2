"""``gaborkit upscale``: a picture of longer sides."""

from __future__ import annotations

from pathlib import Path

import click

import gaborkit as gk

from ..errors import debug_option
from ..generating import classes_option, codes_of, device_option, load
from ..options.path_arguments import IN, PICTURES, RUN, Output
from ..options.reading import max_pixels_option
from ..options.sections import Command
from ..progress import meter


@click.command("upscale", cls=Command)
@click.argument("source", type=IN, metavar="IN")
@click.option("--model", "run", type=RUN, required=True, metavar="RUN", help="A trained srgan.")
@click.option(
    "--out",
    type=Output(PICTURES),
    required=True,
    metavar="OUT",
    help="Picture to write.",
)
@classes_option("Of the picture, for a model trained with --classes.")
@device_option
@max_pixels_option
@debug_option
def command(
    source: str, run: str, out: str, classes: tuple[int | str, ...] | None, device: str
) -> None:
    """Make the picture IN larger by the model in RUN: its sides become 2 or 4 times as long.

    IN may have any size. It becomes grey, or gets three colours, as the pictures that the model was
    trained on.

    \b
    Examples:
      gaborkit upscale small.png --model runs/photos --out large.png
    """  # noqa: D301
    from gaborkit.generative.data.folder import read_picture
    from gaborkit.generative.data.resizing import coloured

    model = load(run, device)
    codes = codes_of(model, classes)
    if model.model.classes and (codes is None or len(codes) != 1):
        raise click.UsageError(
            "this model is conditional and IN is one picture: give its class, such as --classes 3"
        )
    colour = model.representation.image_shape[0] == 3
    picture = coloured(read_picture(Path(source), None, "crop", colour)[None], colour)
    with meter("upscaling") as progress:
        large = model.upscale(picture, codes, progress=progress)[0]
    pixels = (large * 255).round().byte().numpy()
    gk.write_image(out, pixels.transpose(1, 2, 0) if colour else pixels[0])
    height, width = large.shape[1:]
    click.echo(f"{out}: {height} x {width} pixels")
