"""``gaborkit complete``: the lower part of pictures, drawn by an autoregressive model."""

from __future__ import annotations

import click

import gaborkit as gk
from gaborkit.io.tables import counted

from ..generating import (
    check_count,
    classes_option,
    drawing_options,
    grid_option,
    load,
    picture_options,
    run_argument,
    seed_option,
)
from ..options.arguments import Whole
from ..options.path_arguments import IN
from ..options.sections import Command
from ..progress import meter


@click.command("complete", cls=Command)
@run_argument
@click.argument("sources", type=IN, metavar="[IN]...", nargs=-1)
@click.option(
    "--rows",
    type=Whole(0, 10**6),
    help="How many rows from the top are kept.  [default: half]",
)
@click.option(
    "--count",
    type=Whole(1, 10**4),
    help="How many test images, where no IN is given.  [default: 10]",
)
@click.option(
    "--draws",
    type=Whole(1, 1000),
    default=4,
    show_default=True,
    help="How many completions of each.",
)
@classes_option("Of the pictures IN, one each, for a model trained with --classes.")
@drawing_options
@seed_option
@grid_option("completed.png")
@picture_options(2)
def command(
    run: str,
    sources: tuple[str, ...],
    rows: int | None,
    count: int | None,
    draws: int,
    classes: tuple[int | str, ...] | None,
    temperature: float | None,
    guidance: float | None,
    seed: int,
    out: str,
    zoom: int,
    data: str | None,
    data_dir: str | None,
    device: str,
) -> None:
    """Keep the upper rows of pictures and draw the rest from the model in RUN.

    IN are pictures, fitted to the size of the model's images, or numbers of images of the test
    split. Without any, --count test images are taken. Each column of the grid is a picture, and
    below it its completions.

    \b
    Examples:
      gaborkit complete runs/pixelcnn-raw-mini --rows 14
      gaborkit complete runs/digits seven.png --classes 7 --out sevens.png
      gaborkit complete runs/digits 0 --classes 3 --guidance 3 --draws 8
    """  # noqa: D301
    import torch

    from gaborkit.generative.montage import image_grid
    from gaborkit.generative.pixels import to_floats

    from ..model_images import classes_of, pictures_of

    check_count(sources, count)
    model = load(run, device)
    images, known = pictures_of(model, sources, count or 10, data=data, data_dir=data_dir)
    labels = classes_of(model, known, classes)
    height = model.representation.image_shape[1]
    rows_known = height // 2 if rows is None else rows
    if rows_known >= height:
        raise click.UsageError(
            f"--rows {rows_known} leaves nothing to draw of images {height} pixels high: "
            f"give {height - 1} or less"
        )
    repeated = None if labels is None else labels * draws
    with meter("completing") as progress:
        completed = model.complete(
            images.repeat(draws, 1, 1, 1),
            rows_known,
            repeated,
            seed=seed,
            temperature=temperature,
            guidance=guidance,
            progress=progress,
        )
    shown = torch.cat([to_floats(images), completed])
    gk.write_image(out, image_grid(shown, columns=len(images), zoom=zoom))
    span = {0: "no row", 1: "row 1"}.get(rows_known, f"rows 1 to {rows_known}")
    click.echo(
        f"{out}: {counted(len(images), 'picture')}, {span} kept, "
        f"{counted(draws, 'completion')} of each"
    )
