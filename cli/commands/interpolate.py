"""``gaborkit interpolate``: from one picture to another, through the latent space."""

from __future__ import annotations

import click

import gaborkit as gk
from gaborkit.io.tables import counted

from ..generating import (
    classes_option,
    load,
    picture_options,
    run_argument,
)
from ..options.arguments import Number, Whole
from ..options.path_arguments import IN, Output
from ..options.sections import Command


@click.command("interpolate", cls=Command)
@run_argument
@click.argument("sources", type=IN, metavar="[A B]", nargs=-1)
@click.option(
    "--steps",
    type=Whole(2, 1000),
    default=16,
    show_default=True,
    help="Pictures, both ends among them.",
)
@click.option("--spherical", is_flag=True, help="Along a great circle rather than a line.")
@classes_option("Two, of the pictures A and B, for a model trained with --classes.")
@click.option(
    "--seconds",
    type=Number(above=0, below=60),
    default=0.1,
    show_default=True,
    help="For which the GIF shows each picture.",
)
@click.option(
    "--out",
    "outs",
    type=Output((".gif", ".png")),
    metavar="OUT",
    multiple=True,
    default=("interpolation.gif", "interpolation.png"),
    help="Animation (.gif) or strip (.png); may be repeated.  [default: both, interpolation.*]",
)
@picture_options(4)
def command(
    run: str,
    sources: tuple[str, ...],
    steps: int,
    spherical: bool,
    classes: tuple[int | str, ...] | None,
    seconds: float,
    outs: tuple[str, ...],
    zoom: int,
    data: str | None,
    data_dir: str | None,
    device: str,
) -> None:
    """Encode A and B with the model in RUN and decode what lies between.

    A and B are pictures, or numbers of images of the test split: 0 and 1 if left out. The
    animation goes there and back.

    \b
    Examples:
      gaborkit interpolate runs/vae-gabor-mini 3 8
      gaborkit interpolate runs/vae-gabor-mini three.png eight.png --out way.gif
    """  # noqa: D301
    from gaborkit.generative import latent, montage

    from ..model_images import classes_of, pictures_of

    if len(sources) not in (0, 2):
        raise click.UsageError(
            f"{sources[0]}: give two pictures A and B, two numbers of test images, or nothing"
        )
    model = load(run, device)
    (a, b), labels = pictures_of(model, sources or ("0", "1"), data=data, data_dir=data_dir)
    ends = classes_of(model, labels, classes)
    way = latent.interpolate(
        model,
        a,
        b,
        steps,
        spherical=spherical,
        classes=None if ends is None else (ends[0], ends[1]),
    )
    for out in outs:
        if out.lower().endswith(".gif"):
            montage.write_gif(out, way, seconds=seconds, zoom=zoom, bounce=True)
        else:
            gk.write_image(out, montage.strip(way, zoom=zoom))
        click.echo(f"{out}: {counted(steps, 'picture')}")
