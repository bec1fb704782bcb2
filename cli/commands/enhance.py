"""``gaborkit enhance``: pictures of fingerprints in, their ridges out."""

from __future__ import annotations

import click

from gaborkit.errors import FeatureError

from ..each import files_of, for_each, is_single, refuse, source_of
from ..enhancing import Settings, enhance_picture
from ..errors import debug_option
from ..options.arguments import Choice, Number, Whole
from ..options.path_arguments import IN, PRINTS
from ..options.prints import RIDGE_DISTANCE, dpi_option, ridge_distance, ridges_option
from ..options.reading import max_pixels_option, progress_option, recursive_option
from ..options.sections import Command


@click.command("enhance", cls=Command)
@click.argument("sources", type=IN, metavar="IN...", nargs=-1, required=True)
@click.option("--out", type=PRINTS, required=True, metavar="OUT", help="File or folder to write.")
@click.option("--binary", is_flag=True, help="Write ridges in black on white, not grey values.")
@click.option("--thin", is_flag=True, help="Write ridges as lines one pixel wide.")
@click.option(
    "--mask", type=PRINTS, metavar="OUT", help="Write where there are ridges that can be told."
)
@click.option(
    "--orientation", type=PRINTS, metavar="OUT", help="Write the direction across the ridges."
)
@click.option("--frequency", type=PRINTS, metavar="OUT", help="Write the frequency of the ridges.")
@ridges_option
@click.option(
    "--spacing",
    type=RIDGE_DISTANCE,
    help="Usual distance from ridge to ridge, pixels; 9 at 500 dots an inch.  [default: found]",
)
@dpi_option
@click.option(
    "--wavelengths",
    type=Number(above=0, most=10_000),
    nargs=2,
    metavar="LOW HIGH",
    help="Limits of the distance from ridge to ridge, pixels.  [default: 1/3 and 25/9 of spacing]",
)
@click.option(
    "--sigma",
    type=Number(above=0, most=1000),
    help="Standard deviation of the Gabor kernels, pixels.  [default: 4/9 of spacing]",
)
@click.option(
    "--block",
    type=Whole(1, 10_000),
    help="Side of what has one frequency, pixels.  [default: 16/9 of spacing]",
)
@click.option(
    "--regularity",
    type=Number(0, 1),
    default=0.3,
    show_default=True,
    help="Least likeness to a sine, 0 to 1, of what is no background.",
)
@click.option(
    "--method",
    type=Choice(("gradient", "gabor")),
    default="gradient",
    show_default=True,
    help="How to find the orientation.",
)
@click.option(
    "--suffix",
    type=Choice((".png", ".jpg", ".webp", ".tif", ".npy", ".npz")),
    help="Format of the files in a folder.  [default: .png]",
)
@recursive_option
@progress_option
@max_pixels_option
@debug_option
def command(
    sources: tuple[str, ...],
    out: str,
    binary: bool,
    thin: bool,
    mask: str | None,
    orientation: str | None,
    frequency: str | None,
    ridges: str,
    spacing: float | None,
    dpi: float | None,
    wavelengths: tuple[float, float] | None,
    sigma: float | None,
    block: int | None,
    regularity: float,
    method: str,
    suffix: str | None,
    recursive: bool,
    progress: bool | None,
) -> None:
    """Enhance fingerprints with Gabor kernels tuned to their ridges (Hong, Wan and Jain, 1998).

    IN is a picture, several, or a folder of them, of any scale; of colour, the luminance is taken.
    OUT decides the format; a folder, whose name has no suffix or ends with /,
    takes a file for each picture.

    \b
    .png .jpg .webp  8 bits. Enhanced prints: zero is 128, dark ridges are dark.
                     Orientation: hue, black outside the mask.
                     Frequency: from 0 to 1 / LOW if that is given, else to the
                     largest.
    .tif .npy .npz   values as they are; orientation in radians, across the ridges

    OUT.json beside each file (inside an npz) tells what was done, the share of the picture that
    is a print, and the distance of its ridges.

    \b
    Examples:
      gaborkit enhance photo.jpg --out enhanced.png
      gaborkit enhance photo.jpg --binary --out ridges.png --mask mask.png
      gaborkit enhance photo.jpg --thin --out lines.png --orientation turns.png
      gaborkit enhance photos --binary --out ridges --suffix .tif
    """  # noqa: D301
    if binary and thin:
        raise click.UsageError("--binary and --thin say what OUT holds: give one of them")
    spacing = ridge_distance(spacing, dpi)
    outs = {"out": out, "mask": mask, "orientation": orientation, "frequency": frequency}
    jobs = files_of(sources, outs, "print", suffix=suffix, recursive=recursive)
    form = "thin" if thin else "binary" if binary else "values"
    settings = Settings(form, ridges, method, spacing, block, wavelengths, sigma, regularity)
    if is_single(jobs, sources):
        try:
            enhanced = enhance_picture(jobs[0], settings)
        except FeatureError as error:  # of an option, not of the picture
            raise click.UsageError(str(error)) from error
        height, width = enhanced["shape"]
        text = (
            f"{jobs[0]['out'].targets[0]}: {height} x {width}, {enhanced['share']:.0%} of it print"
        )
        if enhanced["spacing"]:
            text += f", ridges {enhanced['spacing']:.1f} pixels apart"
        click.echo(text)
        return
    _, problems = for_each(
        jobs, lambda job: enhance_picture(job, settings), source_of, "enhancing", progress
    )
    refuse(problems, f"{len(jobs)} pictures", "enhanced")
    click.echo(f"{out}: {len(jobs)} prints")
