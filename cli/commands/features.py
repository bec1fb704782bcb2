"""``gaborkit features``: pictures in, a table of features out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import gaborkit as gk
from gaborkit.choices import BOUNDARIES
from gaborkit.errors import GaborkitError

from ..errors import debug_option, report
from ..jobs import companions, pictures_in
from ..options.arguments import Choice
from ..options.kernels import bank_options_with
from ..options.path_arguments import IN, TABLES, Output
from ..options.reading import (
    DESCRIPTORS,
    jobs_option,
    max_pixels_option,
    parameters_from,
    progress_option,
    recursive_option,
    set_option,
)
from ..options.sections import Command
from ..progress import meter

if TYPE_CHECKING:
    from gaborkit import GaborBank


@click.command("features", cls=Command)
@click.argument("sources", type=IN, metavar="IN...", nargs=-1, required=True)
@click.option(
    "--out",
    required=True,
    type=Output(TABLES),
    metavar="FILE",
    help="Table to write: .csv, .npz, .parquet.",
)
@click.option(
    "--features",
    "name",
    type=Choice(DESCRIPTORS),
    default="texture",
    show_default=True,
    help="How pictures are described.",
)
@set_option
@bank_options_with("manjunath", always=False, spaced=True)
@click.option(
    "--boundary",
    type=Choice(BOUNDARIES),
    help="What lies outside the picture, in SciPy's words.  [default: reflect]",
)
@click.option(
    "--colour",
    type=Choice(("luminance", "channels")),
    default="luminance",
    show_default=True,
    help="Describe a colour picture's luminance, or each channel.",
)
@click.option(
    "--mask",
    type=IN,
    metavar="PATH",
    help="Describe what is not 0 in this picture alone; a folder for several.",
)
@click.option(
    "--labels",
    type=IN,
    metavar="PATH",
    help="A row for each object: a number of this picture but 0.",
)
@recursive_option
@jobs_option
@click.option("--resume", is_flag=True, help="Go on with what a stopped run has left.")
@progress_option
@max_pixels_option
@debug_option
def command(
    sources: tuple[str, ...],
    out: str,
    name: str,
    settings: tuple[tuple[str, Any], ...],
    bank: GaborBank | None,
    boundary: str | None,
    colour: Any,
    mask: str | None,
    labels: str | None,
    recursive: bool,
    jobs: int | None,
    resume: bool,
    progress: bool | None,
) -> None:
    """Describe pictures by features of Gabor responses: a row for each, a column for each feature.

    IN is a picture (PNG, JPEG, WebP, TIFF, GIF, BMP, PGM, PPM, JPEG 2000, AVIF, NIfTI, DICOM, npy),
    several, a folder of them, or sample:NAME, such as sample:brick; FILE[k] is page k of a file.
    The features are

    \b
    texture    mean and deviation of each channel's magnitude (Manjunath and Ma)
    energy     mean energy of each channel; --set normalise=sum or log
    invariant  means and deviations that turning the picture does not change;
               --set pooling=mean, max, shift or spectrum, and --set scales=...
    spectrum   how the energy of each scale varies around the circle
    gist       the layout of a scene (Oliva and Torralba), 320 values, 960 with
               --colour channels; --set orientations=[8,8,8,8], blocks, size
    scattering means of scattering coefficients (Bruna, Mallat); --set J, L, order

    A bank other than Manjunath and Ma's 24 kernels (scattering's own) is said by --bank and the
    options of kernels; gist has filters of its own. All parameters are written into the file, or
    beside a .csv.

    --mask and --labels take a picture of the same size, or a folder of pictures that are called
    like those described (suffixes may differ). Objects are described as if cut out: nothing outside
    has a part in their features. With --labels the table has a column "label".

    A bad picture does not stop the others: it is named at the end, and has no row. Until all is
    done the rows are kept in FILE.partial; --resume goes on with it after a stop.

    \b
    Examples:
      gaborkit features sample:brick sample:grass sample:gravel --out textures.csv
      gaborkit features photos --recursive --out features.parquet
      gaborkit features photos --features invariant --set pooling=max --out a.csv
      gaborkit features photos --bank grid --scales 3 --out features.npz
      gaborkit features photos --features gist --colour channels --out gist.npz
      gaborkit features cells.tif --labels nuclei.tif --out nuclei.csv
      gaborkit features photos --bank grid --spacing 0.5 --out in_mm.csv
    """  # noqa: D301
    parameters = parameters_from(settings)
    shared = {"bank": bank, "boundary": boundary}
    parameters |= {key: value for key, value in shared.items() if value is not None}
    try:
        chosen = gk.features.descriptor(name, **parameters)
    except GaborkitError as error:
        raise click.UsageError(f"--features {name}: {error}") from error
    pictures = pictures_in(sources, out, recursive=recursive)
    regions = {
        name: companions(pictures, sources, where, option)
        for name, option, where in (("masks", "mask", mask), ("labels", "labels", labels))
        if where is not None
    }
    with meter("describing", progress) as show:
        done = gk.features.extract_features(
            chosen,
            pictures,
            out,
            colour=colour,
            jobs=jobs,
            resume=resume,
            **regions,
            progress=lambda done, total, one: show(done, total, one.source),
        )
    for failed in done.failed:
        report(failed.error)
    if done.pictures:
        before = f", {done.resumed} of them from before" if done.resumed else ""
        plural = "s" * (done.pictures != 1)
        rows = "" if labels is None else f"{done.rows} object{'s' * (done.rows != 1)} in "
        what = f"{rows}{done.pictures} picture{plural}{before}"
        click.echo(f"{out}: {done.features} features of {what}")
    if done.failed:
        raise click.ClickException(
            f"{len(done.failed)} of {len(pictures)} pictures could not be described"
        )
