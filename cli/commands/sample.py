"""``gaborkit sample``: new images from a trained model."""

from __future__ import annotations

from pathlib import Path

import click

import gaborkit as gk
from gaborkit.io.tables import counted

from ..errors import debug_option
from ..generating import (
    classes_option,
    columns_option,
    device_option,
    drawing_options,
    labels_of,
    load,
    run_argument,
    seed_option,
    zoom_option,
)
from ..options.arguments import Whole
from ..options.path_arguments import Output
from ..options.sections import Command
from ..progress import meter

SAMPLES = Output((".png", ".npz"), folder=True)


@click.command("sample", cls=Command)
@run_argument
@click.option("--count", type=Whole(1, 10**6), default=64, show_default=True, help="How many.")
@classes_option("Which classes, in turn, of a model trained with --classes.  [default: all]")
@drawing_options
@seed_option
@click.option(
    "--out",
    type=SAMPLES,
    metavar="OUT",
    default="samples.png",
    show_default=True,
    help="A grid (.png), arrays (.npz), or a folder of single pictures.",
)
@columns_option
@zoom_option(2)
@device_option
@debug_option
def command(
    run: str,
    count: int,
    classes: tuple[int | str, ...] | None,
    temperature: float | None,
    guidance: float | None,
    seed: int,
    out: str,
    columns: int | None,
    zoom: int,
    device: str,
) -> None:
    """Draw new images from the model in the folder RUN.

    The same seed gives the same images. An npz file gets floats in [0, 1] of shape
    (count, colours, height, width) as "images", and "classes" of a model that has classes.

    \b
    Examples:
      gaborkit sample runs/vae-gabor-mini
      gaborkit sample runs/digits --classes 0-9 --count 100 --out digits.png
      gaborkit sample runs/digits --classes 3,7 --count 20 --out threes-sevens/
      gaborkit sample runs/digits --count 1000 --seed 1 --out digits.npz
      gaborkit sample runs/shapes --classes circle,square --out shapes.png
    """  # noqa: D301
    from gaborkit.generative.montage import image_grid

    from ..model_images import check_unmixed, write_arrays, write_pictures

    suffix = "" if SAMPLES.is_folder(out) else Path(out).suffix.lower()
    source = click.get_current_context().get_parameter_source("zoom")
    if suffix == ".npz" and source is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError("--zoom is for pictures: leave it out, or give --out a name in .png")
    if suffix != ".png" and columns:
        raise click.UsageError(
            "--columns is for a grid: give --out a name in .png, or leave it out"
        )
    if not suffix:
        check_unmixed(Path(out))
    model = load(run, device)
    labels = labels_of(model, classes, count)
    with meter("sampling") as progress:
        images = model.sample(
            count,
            classes=labels,
            temperature=temperature,
            guidance=guidance,
            seed=seed,
            progress=progress,
        )
    if suffix == ".png":
        if labels is not None and columns is None and len(set(labels)) > 1:
            columns = len(set(labels))  # a column for each class
        gk.write_image(out, image_grid(images, columns=columns, zoom=zoom))
    elif suffix == ".npz":
        write_arrays(out, images, labels)
    else:
        write_pictures(Path(out), images, labels, zoom=zoom)
    click.echo(f"{out}: {counted(count, 'sample')}")
