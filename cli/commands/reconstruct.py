"""``gaborkit reconstruct``: pictures, and what a VAE, an AE or a VQ-VAE keeps of them."""

from __future__ import annotations

import click

from gaborkit.io.tables import counted

from ..generating import (
    check_count,
    classes_option,
    grid_option,
    load,
    picture_options,
    run_argument,
)
from ..options.arguments import SEED, Whole
from ..options.path_arguments import IN
from ..options.sections import Command


@click.command("reconstruct", cls=Command)
@run_argument
@click.argument("sources", type=IN, metavar="[IN]...", nargs=-1)
@click.option(
    "--count",
    type=Whole(1, 10**5),
    help="How many test images, where no IN is given.  [default: 16]",
)
@classes_option("Of the pictures IN, one each, for a model trained with --classes.")
@click.option(
    "--seed",
    type=SEED,
    help="Draw the latents of a VAE, with this seed.  [default: their means]",
)
@grid_option("reconstructed.png")
@picture_options(2)
def command(
    run: str,
    sources: tuple[str, ...],
    count: int | None,
    classes: tuple[int | str, ...] | None,
    seed: int | None,
    out: str,
    zoom: int,
    data: str | None,
    data_dir: str | None,
    device: str,
) -> None:
    """Put pictures through the model in RUN: originals above, reconstructions below.

    IN are pictures, fitted to the size of the model's images, or numbers of images of the test
    split. Without any, --count test images are taken.

    \b
    Examples:
      gaborkit reconstruct runs/vae-gabor-mini
      gaborkit reconstruct runs/vae-gabor-mini three.png --zoom 4 --out pairs.png
    """  # noqa: D301
    from gaborkit.generative.pixels import to_floats

    from ..model_images import classes_of, pictures_of, write_pairs

    check_count(sources, count)
    model = load(run, device)
    images, known = pictures_of(model, sources, count or 16, data=data, data_dir=data_dir)
    drawn = model.reconstruct(images, classes_of(model, known, classes), seed=seed)
    originals = to_floats(images)
    write_pairs(out, originals, drawn, zoom=zoom)
    error = float((drawn - originals).square().mean())
    click.echo(
        f"{out}: {counted(len(images), 'picture')}, mean squared error {error:.4g} of values in "
        "[0, 1]"
    )
