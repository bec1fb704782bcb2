"""``gaborkit filter``: pictures in, responses out."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from .errors import debug_option, reason, show_traceback
from .options import PARTS, Number, bank_options, filter_options

if TYPE_CHECKING:
    from gaborkit import GaborBank
    from gaborkit.types import Boundary, Engine

    from .targets import Job

_PARTS = {
    "real": "real part",
    "imag": "imaginary part",
    "magnitude": "magnitude",
    "phase": "phase in radians",
    "complex": "complex responses",
}


@click.command("filter", short_help="Filter pictures with a Gabor kernel or bank.")
@click.argument("sources", metavar="IN...", nargs=-1, required=True)
@click.option("--out", required=True, metavar="OUT", help="File or folder to write.")
@bank_options
@click.option(
    "--part",
    type=click.Choice((*PARTS, "complex")),
    help="What to write.  [default: complex into npy and npz, else real]",
)
@filter_options
@click.option(
    "--colour",
    type=click.Choice(("luminance", "channels")),
    help="Filter a colour picture's luminance, or each channel.  [default: luminance]",
)
@click.option("--bits", type=click.Choice(("8", "16")), help="Of a PNG's values.  [default: 8]")
@click.option(
    "--range",
    "limits",
    type=Number(),
    nargs=2,
    metavar="LOW HIGH",
    help="Values to be stored as black and white; others are clipped.",
)
@click.option(
    "--suffix",
    type=click.Choice((".png", ".jpg", ".webp", ".tif", ".npy", ".npz")),
    help="Format of the files in a folder.  [default: .png]",
)
@click.option("--recursive", "-r", is_flag=True, help="Look into the folders inside folders.")
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Show how far it is, on stderr.  [default: on a terminal, with several pictures]",
)
@debug_option
def command(
    sources: tuple[str, ...],
    out: str,
    bank: GaborBank,
    part: str | None,
    boundary: Boundary,
    engine: Engine,
    tolerance: float,
    colour: str | None,
    bits: str | None,
    limits: tuple[float, float] | None,
    suffix: str | None,
    recursive: bool,
    progress: bool | None,
) -> None:
    """Convolve pictures with one Gabor kernel, or with a --bank of them.

    IN is a picture (PNG, JPEG, WebP, TIFF, npy, npz), several, a folder of them, or sample:NAME,
    such as sample:camera. OUT decides the format:

    \b
    .png .jpg .webp  values as 8 bits (PNG also --bits 16). Real and imaginary part:
                     zero is 128, the largest magnitude is at an end. Magnitude: 0 to
                     its largest. Phase: -pi to pi. Or --range LOW HIGH.
    .tif             floats, exact; the channels of a bank are pages
    .npy .npz        complex responses (K, H, W), exact, or one part
    a folder         a file for each picture, and for each channel where a format
                     holds one; taken if OUT has no suffix or ends with /

    OUT.json beside each file (inside an npz) tells what was done, and the mapping of 8 or 16
    bits: value = offset + gain * stored. Existing output files are replaced, inputs never.
    In a run over several pictures a bad one does not stop the others.

    \b
    Examples:
      gaborkit filter sample:camera --sigma 1 --theta 45 --out out.png
      gaborkit filter photo.jpg --wavelength 8 --bandwidth 1 --part magnitude --out out.png
      gaborkit filter photo.jpg --bank grid --scales 3 --orientations 4 --out responses.npz
      gaborkit filter photos --bank manjunath --part magnitude --suffix .tif --out results
      gaborkit filter sample:brick --article --sigma 1 --theta 30 --out brick.tif
    """  # noqa: D301
    from gaborkit import GaborkitError

    from .responding import Settings, filter_picture
    from .targets import STACKS, jobs_of

    jobs = jobs_of(sources, out, bank.labels, suffix=suffix, recursive=recursive)
    suffix = jobs[0].targets[0].suffix.lower()
    part = part or ("complex" if suffix in (".npy", ".npz") else "real")
    if part == "complex" and suffix not in (".npy", ".npz"):
        raise click.UsageError(f"--part complex fits .npy and .npz, not {suffix}")
    if bits and suffix != ".png":
        raise click.UsageError(f"--bits {bits} is for .png, not {suffix}")
    if limits and suffix in STACKS:
        raise click.UsageError(f"--range is for 8 and 16 bits, and {suffix} holds the values")
    if limits and not limits[0] < limits[1]:
        raise click.UsageError(f"--range {limits[0]:g} {limits[1]:g} is empty: give LOW below HIGH")
    settings = Settings(
        part, boundary, engine, tolerance, colour or "luminance", int(bits or 8), limits
    )

    if len(jobs) == 1 and jobs[0].source == sources[0]:
        description = filter_picture(jobs[0], bank, settings)
        _note_colour([description["colour"]], colour)
        click.echo(_summary(jobs[0], description))
        return
    found, failed = [], []
    for job in _shown(jobs, progress):
        try:
            found.append(filter_picture(job, bank, settings)["colour"])
        except (GaborkitError, OSError, MemoryError) as error:
            show_traceback()
            failed.append(reason(error))
    _note_colour(found, colour)
    for text in failed:
        click.echo(f"error: {text}", err=True)
    if failed:
        raise click.ClickException(f"{len(failed)} of {len(jobs)} pictures could not be filtered")
    files = sum(len(job.targets) for job in jobs)
    click.echo(f"{out}: {files} files of {len(jobs)} pictures")


def _shown(jobs: Sequence[Job], progress: bool | None) -> Iterator[Job]:
    """Pass jobs on, with a bar on a terminal or, where asked for elsewhere, a line each."""
    terminal = sys.stderr.isatty()
    if terminal and progress is not False:
        with click.progressbar(
            jobs, file=sys.stderr, show_pos=True, item_show_func=lambda job: job and job.source
        ) as bar:
            yield from bar
        return
    for number, job in enumerate(jobs, 1):
        if progress:
            click.echo(f"[{number}/{len(jobs)}] {job.source}", err=True)
        yield job


def _note_colour(found: Sequence[str], asked: str | None) -> None:
    """Say that luminance was taken where nobody asked for it."""
    count = found.count("luminance")
    if count and asked is None:
        which = f"{count} of {len(found)} pictures are" if len(found) > 1 else "it is"
        click.echo(
            f"note: {which} in colour, and luminance was filtered; --colour channels filters each "
            "channel",
            err=True,
        )


def _summary(job: Job, description: dict[str, Any]) -> str:
    shape = " x ".join(map(str, description["shape"]))
    if len(job.targets) > 1:
        folder = job.targets[0].parent
        return f"{folder}: {_PARTS[description['part']]}, {len(job.targets)} files of {shape}"
    text = f"{job.targets[0]}: {_PARTS[description['part']]}, {shape}"
    if "mapping" in description:
        offset, gain = description["mapping"]["offset"], description["mapping"]["gain"]
        text += f", value = {offset:.6g} + {gain:.6g} * stored"
    return text
