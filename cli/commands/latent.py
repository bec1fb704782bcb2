"""``gaborkit latent``: what a VAE or autoencoder made of its latent space."""

from __future__ import annotations

import click

import gaborkit as gk
from gaborkit.io.tables import counted

from ..generating import (
    classes_option,
    dataset_of,
    load,
    picture_options,
    run_argument,
)
from ..options.arguments import Classes, Number, Numbers, Whole
from ..options.path_arguments import IN, Output
from ..options.sections import Command

PLOTS = (".png", ".svg", ".pdf")


@click.command("latent", cls=Command)
@run_argument
@click.option(
    "--traverse",
    type=IN,
    metavar="IN",
    help="Draw what each latent dimension does to a picture, or to a test image by its number.",
)
@click.option("--manifold", is_flag=True, help="Draw what a grid of two latents decodes to.")
@click.option(
    "--at",
    type=Numbers(),
    metavar="X,Y,...",
    help="Draw the picture of one point: deviations from the mean along each dimension.",
)
@click.option(
    "--count",
    type=Whole(3, 10**6),
    help="Test images to draw as points.  [default: 2000]",
)
@click.option(
    "--dimensions",
    type=Classes(),
    metavar="0-4|1,3",
    help="Of --traverse, which.  [default: all]",
)
@click.option("--steps", type=Whole(2, 1000), help="Of --traverse.  [default: 9]")
@click.option("--span", type=Number(above=0, below=100), help="Of --traverse.  [default: 3]")
@classes_option("One, of --traverse IN, --manifold and --at, for a model trained with --classes.")
@click.option(
    "--out",
    type=Output(PLOTS),
    metavar="OUT",
    default="latent.png",
    show_default=True,
    help="File to write: .png; a plot also .svg or .pdf.",
)
@picture_options(2)
def command(
    run: str,
    traverse: str | None,
    manifold: bool,
    at: tuple[float, ...] | None,
    count: int | None,
    dimensions: tuple[int, ...] | None,
    steps: int | None,
    span: float | None,
    classes: tuple[int | str, ...] | None,
    out: str,
    zoom: int,
    data: str | None,
    data_dir: str | None,
    device: str,
) -> None:
    """Draw where the model in RUN puts the images of the test split.

    Each image is a point, coloured by its class: the latents themselves if there are two, else
    their two principal components. --traverse draws a row of pictures for each dimension, from
    -span to span standard deviations.

    \b
    Examples:
      gaborkit latent runs/vae-gabor-mini --out latent.pdf
      gaborkit latent runs/vae-gabor-mini --traverse 0 --out traversal.png
      gaborkit latent runs/vae-gabor-mini --at=-1,0.5 --out point.png
    """  # noqa: D301
    from gaborkit.generative import latent, latent_plots
    from gaborkit.generative.data.dataset import balanced
    from gaborkit.generative.montage import image_grid

    from ..model_images import classes_of, pictures_of

    drawings = {"traverse": traverse is not None, "manifold": manifold, "at": at is not None}
    chosen = [name for name, wanted in drawings.items() if wanted]
    if len(chosen) > 1:
        first, second = chosen[:2]
        raise click.UsageError(f"--{first} and --{second} are different drawings: give one of them")
    _only_traverse(traverse, {"dimensions": dimensions, "steps": steps, "span": span})
    if count is not None and chosen:
        raise click.UsageError("--count is for the plot of points: leave it out")
    if classes is not None and not chosen:
        raise click.UsageError("--classes is for --traverse, --manifold and --at: leave it out")
    if (traverse is not None or at is not None) and not out.lower().endswith(".png"):
        raise click.UsageError(f"--out {out}: pictures of --{chosen[0]} are written as .png")
    model = load(run, device)
    if traverse is not None:
        images, labels = pictures_of(model, [traverse], data=data, data_dir=data_dir)
        labels_drawn = classes_of(model, labels, classes)
        rows = latent.traverse(
            model,
            images[0],
            dimensions,
            3.0 if span is None else span,
            steps=steps or 9,
            label=None if labels_drawn is None else labels_drawn[0],
        )  # (dimensions, steps, colours, h, w)
        words = [str(k) for k in dimensions or range(len(rows))]
        picture = image_grid(rows.flatten(0, 1), columns=rows.shape[1], zoom=zoom, words=words)
        gk.write_image(out, picture)
        size = counted(len(rows), "dimension")
        click.echo(f"{out}: {size}, {counted(rows.shape[1], 'step')} each")
        return
    if at is not None:
        labels_drawn = classes_of(model, [None], classes)
        image = latent.image_at(model, at, None if labels_drawn is None else labels_drawn[0])
        gk.write_image(out, image_grid(image[None], columns=1, gap=0, zoom=zoom))
        click.echo(f"{out}: the picture of one point")
        return
    if manifold:
        labels_drawn = classes_of(model, [None], classes)
        plot = latent_plots.plot_manifold(
            model, label=None if labels_drawn is None else labels_drawn[0]
        )
        text = "decoded latents"
    else:
        dataset = dataset_of(model, data, data_dir)
        shown = balanced(dataset.test, count or 2000, seed=0)
        names = dataset.class_names or None
        plot = latent_plots.plot_latent(model, shown.images, shown.labels, names)
        text = f"latents of {counted(len(shown), 'test image')}"
    gk.plotting.save_figure(plot, out)
    click.echo(f"{out}: {text}")


def _only_traverse(traverse: str | None, options: dict[str, object]) -> None:
    for name, value in options.items():
        if value is not None and traverse is None:
            raise click.UsageError(f"--{name} is for --traverse IN: give it, or leave this out")
