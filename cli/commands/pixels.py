"""``gaborkit pixels``: learn classes of pixels from scribbles, and apply them to other pictures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import gaborkit as gk
from gaborkit.large.sources import Planes

from ..each import for_each, refuse
from ..errors import debug_option
from ..groups import Group
from ..jobs import companions, jobs_of, masks_of, pictures_in, with_masks
from ..options.arguments import Choice, Number, Whole
from ..options.kernels import bank_options_with
from ..options.path_arguments import IN, RESPONSES, Input, Output
from ..options.reading import (
    colour_option,
    mask_options,
    max_pixels_option,
    progress_option,
    recursive_option,
    seed_option,
)
from ..responding import about, filterable, mask_keywords
from ..scribbles import read_scribbles
from ..tiling import colour_axis, large_mask

if TYPE_CHECKING:
    from gaborkit import GaborBank
    from gaborkit.vision import ScribbleModel

    from ..jobs import PictureFiles

#: What labels are written into, tile by tile.
LABELS = (".tif", ".tiff", ".npy", ".zarr")


@click.group("pixels", cls=Group)
@debug_option
def command() -> None:
    """Learn classes of pixels from scribbles, and find them in other pictures.

    \b
    Examples:
      gaborkit pixels train cells.png --scribbles strokes.png --out cells.npz
      gaborkit pixels apply cells.npz photos --out classes
    """  # noqa: D301


@command.command("train", short_help="Learn from pictures and the strokes over them.")
@click.argument("sources", type=IN, metavar="IN...", nargs=-1, required=True)
@click.option(
    "--scribbles",
    type=Input(),
    required=True,
    metavar="FILE",
    help="Strokes, or a folder of files called like the pictures.",
)
@click.option("--out", type=Output((".npz",)), required=True, metavar="MODEL", help="To write.")
@click.option("--window", type=Number(0, 100), help="Deviation of the windows, in wavelengths.")
@click.option("--smoothing", type=Number(0, 1000), help="Of the probabilities, deviation, pixels.")
@colour_option
@mask_options
@bank_options_with("grid", always=False)
@seed_option
@max_pixels_option
@debug_option
def train(
    sources: tuple[str, ...],
    scribbles: str,
    out: str,
    window: float | None,
    smoothing: float | None,
    colour: str,
    mask: str | None,
    outside: str | None,
    bank: GaborBank | None,
    seed: int,
) -> None:
    """Learn which pixels are of which class from strokes over one picture or several.

    A logistic regression on the local energies of a Gabor bank, as of `gaborkit segment
    --scribbles`, which tells how strokes are drawn. Of several pictures, strokes are whole numbers
    from 1 on, that mean the same in all. Pixels outside --mask, a file for all
    pictures or a folder of files called like them, have no part in what is learned. MODEL is an npz
    file of numbers, without code.

    \b
    Examples:
      gaborkit pixels train cells.png --scribbles strokes.png --out cells.npz
      gaborkit pixels train cells.png --scribbles strokes.png --out m.npz
    """  # noqa: D301
    pictures = pictures_in(sources, out)
    strokes = companions(pictures, sources, scribbles, "scribbles")
    missing = [picture for picture in pictures if picture not in strokes]
    if missing:
        raise gk.PictureError(
            f"{missing[0]}: there are no strokes for it in {scribbles}; a file of that name works"
        )
    outlines = masks_of(pictures, sources, mask) if mask else {}
    planes, drawn, inside, taken = [], [], [], set()
    for picture in pictures:
        image = gk.read_image(picture)
        plane, kind = filterable(image, colour)
        numbers, colours = read_scribbles(strokes[picture], image)
        if colours is not None and len(pictures) > 1:
            raise gk.PictureError(
                f"{strokes[picture]}: colours are numbered in each picture by themselves; give "
                "whole numbers for several pictures"
            )
        masked = mask_keywords(outlines.get(picture), outside, plane.shape[-2:])
        inside.append(masked.get("mask"))
        planes.append(plane)
        drawn.append(numbers)
        taken.add(kind)
    if "channels" in taken and len(taken) > 1:
        raise gk.FeatureError(f"{', '.join(pictures)}: some are grey; give --colour luminance")
    options = {"window": window, "smoothing": smoothing, "bank": bank, "outside": outside}
    chosen: Any = {name: value for name, value in options.items() if value is not None}
    axis = 0 if "channels" in taken else None
    with about(", ".join(pictures)):
        model = gk.vision.fit_scribbles(
            planes, drawn, seed=seed, channel_axis=axis, mask=inside, **chosen
        )
    model.save(out)
    click.echo(f"{out}: classes {', '.join(map(str, model.classes))} of {len(pictures)} pictures")


@command.command("apply", short_help="Find the classes in pictures, of any size.")
@click.argument("model", type=Input(), metavar="MODEL")
@click.argument("sources", type=IN, metavar="IN...", nargs=-1, required=True)
@click.option(
    "--out", type=Output(LABELS, folder=True), required=True, metavar="OUT", help="To write."
)
@click.option(
    "--suffix", type=Choice(LABELS), help="Format of the files in a folder.  [default: .tif]"
)
@click.option(
    "--tile",
    type=Whole(16, 65_536),
    default=1024,
    show_default=True,
    help="Side of what is held at once, pixels.",
)
@mask_options
@recursive_option
@progress_option
@max_pixels_option
@debug_option
def apply(
    model: str,
    sources: tuple[str, ...],
    out: str,
    suffix: str | None,
    tile: int,
    mask: str | None,
    outside: str | None,
    recursive: bool,
    progress: bool | None,
) -> None:
    """Find the classes that a model has learned, in a picture, several, or a folder of them.

    Pictures are read and written tile by tile, so that a TIFF, .npy or zarr may be larger than
    memory. OUT holds the numbers of the strokes at each pixel; a folder, whose name has no suffix
    or ends with /, takes a file for each picture. Pixels outside --mask,
    a file for all pictures or a folder of files called like them, have no part, and the number 0.

    \b
    Examples:
      gaborkit pixels apply cells.npz cells.png --out classes.tif
      gaborkit pixels apply cells.npz photos --out classes --suffix .npy
    """  # noqa: D301
    rule = gk.vision.ScribbleModel.load(model)
    folder = RESPONSES.is_folder(out)
    jobs = jobs_of(
        sources,
        out,
        ["classes"],
        suffix=(suffix or ".tif") if folder else suffix,
        recursive=recursive,
    )
    if outside and not mask:
        raise click.UsageError(f"--outside {outside} says what lies outside --mask: give both")
    if mask:
        jobs = with_masks(jobs, sources, mask)
    if len(jobs) == 1 and jobs[0].source == sources[0]:
        shares = _classify(jobs[0], rule, model, tile, outside)
        text = ", ".join(f"{label}: {100 * share:.1f} %" for label, share in shares.items())
        click.echo(f"{jobs[0].targets[0]}: {text}")
        return

    _, problems = for_each(
        jobs,
        lambda job: _classify(job, rule, model, tile, outside),
        lambda job: job.source,
        "classifying",
        progress,
    )
    refuse(problems, f"{len(jobs)} pictures", "classified")
    click.echo(f"{out}: {len(jobs)} pictures")


def _classify(
    job: PictureFiles, rule: ScribbleModel, model: str, tile: int, outside: str | None
) -> dict[int, float]:
    """Classify one picture into its file; the share of each class."""
    try:
        source = gk.large.open_source(job.source)
    except gk.PictureError:
        source = gk.read_image(job.source)
    # As many channels as it has learned from: one is the luminance.
    several = len(rule.centre) > len(rule.bank) + rule.grey
    axis, colour, described = colour_axis(source.shape, "channels" if several else "luminance")
    target = Path(job.targets[0])
    if job.new_folder:
        target.parent.mkdir(parents=True, exist_ok=True)
    description = {
        "gaborkit": gk.__version__,
        "input": job.source,
        "model": model,
        "colour": described,
        "classes": rule.classes.tolist(),
        **({"mask": job.mask, "outside": outside or "nearest"} if job.mask else {}),
    }
    with about(job.source):
        height, width = Planes(source, axis, colour).shape[-2:]
        masked = large_mask(job.mask, outside, (height, width))
        counts = gk.vision.predict_large(
            rule,
            source,
            target,
            channel_axis=axis,
            colour=colour,
            tile=tile,
            metadata=description,
            **masked,
        )
    total = math.fsum(counts)
    return {int(k): float(n / total) for k, n in zip(rule.classes, counts, strict=True)}
