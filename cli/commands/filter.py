"""``gaborkit filter``: pictures in, responses out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

import gaborkit as gk
from gaborkit.choices import KERNEL_PARTS
from gaborkit.errors import FilterError

from ..errors import debug_option, report, show_traceback
from ..jobs import STACKS, jobs_of, with_masks
from ..options.arguments import Choice, Number, Word
from ..options.kernels import filter_option, filter_options, spaced_bank_options
from ..options.path_arguments import ARRAYS, IN, RESPONSES
from ..options.reading import mask_options, max_pixels_option, recursive_option
from ..options.sections import COMMON, Command, option_of
from ..progress import followed, meter
from ..responding import Settings
from ..tiling import filter_any, outcomes

if TYPE_CHECKING:
    from gaborkit import GaborBank
    from gaborkit.types import Boundary, Engine, Part

    from ..jobs import PictureFiles

_PARTS = {
    "real": "real part",
    "imag": "imaginary part",
    "magnitude": "magnitude",
    "energy": "energy",
    "phase": "phase in radians",
    "complex": "complex responses",
}

_output_option, _tile_option = option_of("Output"), option_of("Large pictures")


@click.command("filter", cls=Command)
@click.argument("sources", type=IN, metavar="IN...", nargs=-1, required=True)
@_output_option(
    "--out", required=True, type=RESPONSES, metavar="OUT", help="File or folder to write."
)
@spaced_bank_options
@filter_option(
    "--part",
    type=Choice((*KERNEL_PARTS, "energy", "complex")),
    help="What to write.  [default: complex into npy and npz, else real]",
)
@filter_options
@filter_option(
    "--colour",
    type=Choice(("luminance", "channels")),
    help="Filter a colour picture's luminance, or each channel.  [default: luminance]",
)
@_output_option("--bits", type=Choice(("8", "16")), help="Of a PNG's values.  [default: 8]")
@_output_option(
    "--range",
    "limits",
    type=Number(),
    nargs=2,
    metavar="LOW HIGH",
    help="Values to be stored as black and white; others are clipped.",
)
@_output_option(
    "--suffix",
    type=Choice((".png", ".jpg", ".webp", ".tif", ".npy", ".npz", ".zarr")),
    help="Format of the files in a folder.  [default: .png]",
)
@mask_options
@recursive_option
@_tile_option(
    "--memory",
    type=Word("500MB", "1GB", "2GB", "4GB"),
    metavar="SIZE",
    help="Filter in tiles what takes more, such as 1GB.  [default: half of what is available]",
)
@_tile_option("--resume", is_flag=True, help="Go on with tiles that a stopped run has left.")
@_tile_option(
    "--scheduler",
    type=Word("tcp://127.0.0.1:8786"),
    metavar="ADDRESS",
    help="Of a Dask cluster, which filters the tiles of a picture, or each picture of several.",
)
@option_of(COMMON)(
    "--progress/--no-progress",
    default=None,
    help="Show how far it is, on stderr.  [default: on a terminal, with several pictures or tiles]",
)
@max_pixels_option
@debug_option
def command(
    sources: tuple[str, ...],
    out: str,
    bank: GaborBank,
    part: Part | None,
    boundary: Boundary,
    engine: Engine,
    tolerance: float,
    colour: str | None,
    bits: str | None,
    limits: tuple[float, float] | None,
    suffix: str | None,
    mask: str | None,
    outside: str | None,
    recursive: bool,
    memory: str | None,
    resume: bool,
    scheduler: str | None,
    progress: bool | None,
) -> None:
    """Convolve pictures with one Gabor kernel, or with a --bank of them.

    IN is a picture (PNG, JPEG, WebP, TIFF, GIF, BMP, PGM, PPM, JPEG 2000, AVIF, NIfTI, DICOM, npy,
    npz, zarr), several, a folder of them, or sample:NAME, such as sample:camera; FILE[k] is page k
    of a file. OUT decides the format:

    \b
    .png .jpg .webp  values as 8 bits (PNG also --bits 16). Real and imaginary
                     part: zero is 128, the largest magnitude is at an end.
                     Magnitude and energy: 0 to the largest. Phase: -pi to pi.
                     Or --range LOW HIGH.
    .tif             floats, exact; the channels of a bank are pages
    .npy .npz        complex responses (K, H, W), exact, or one part
    .zarr            floats, exact, as OME-Zarr with levels of resolution
                     (pip install "gaborkit[large]")
    a folder         a file for each picture, and for each channel where a format
                     holds one; taken if OUT has no suffix or ends with /

    OUT.json beside each file (inside an npz) tells what was done, and the mapping of 8 or 16
    bits: value = offset + gain * stored. Existing output files are replaced, inputs never.
    In a run over several pictures a bad one does not stop the others.

    A picture whose responses exceed --memory is filtered tile by tile into .tif, .npy or .zarr,
    with the same result. Until all is written the file is called OUT.partial; --resume goes on
    with it.

    Pixels outside --mask, a file for all pictures or a folder of files called like them, have no
    part in the responses, and are 0 in them. In tiles, --boundary wrap wants --outside normalized.

    \b
    Examples:
      gaborkit filter sample:camera --sigma 1 --theta 45 --out out.png
      gaborkit filter photo.jpg --bandwidth 1 --part magnitude --out out.png
      gaborkit filter photo.jpg --bank grid --scales 3 --out responses.npz
      gaborkit filter photos --bank manjunath --suffix .tif --out results
      gaborkit filter cells --mask masks --sigma 2 --part magnitude --out results
      gaborkit filter sample:brick --article --sigma 1 --theta 30 --out brick.tif
      gaborkit filter photo.jpg --bank grid --memory 1GB --out photo.zarr
      gaborkit filter photo.jpg --sigma 1 --spacing 0.5 --out in_mm.tif
    """  # noqa: D301
    jobs = jobs_of(sources, out, bank.labels, suffix=suffix, recursive=recursive)
    suffix = jobs[0].targets[0].suffix.lower()
    part = part or ("complex" if suffix in (".npy", ".npz") else "real")
    if part == "complex" and suffix not in ARRAYS:
        raise click.UsageError(f"--part complex fits {', '.join(ARRAYS)}, not {suffix}")
    if bits and suffix != ".png":
        raise click.UsageError(f"--bits {bits} is for .png, not {suffix}")
    if limits and suffix in STACKS:
        raise click.UsageError(f"--range is for 8 and 16 bits, and {suffix} holds the values")
    if limits and not limits[0] < limits[1]:
        raise click.UsageError(f"--range {limits[0]:g} {limits[1]:g} is empty: give LOW below HIGH")
    if outside and not mask:
        raise click.UsageError(f"--outside {outside} says what lies outside --mask: give both")
    if mask:
        jobs = with_masks(jobs, sources, mask)
    settings = Settings(
        part,
        boundary,
        engine,
        tolerance,
        colour or "luminance",
        int(bits or 8),
        limits,
        None if memory is None else _bytes(memory),
        resume,
        outside,
    )

    if len(jobs) == 1 and jobs[0].source == sources[0]:
        with meter("tiles", progress) as show:
            description = filter_any(jobs[0], bank, settings, scheduler=scheduler, progress=show)
        _note_colour([description["colour"]], colour)
        click.echo(_summary(jobs[0], description))
        return
    filtered, failed = [], []
    results = outcomes(jobs, bank, settings, scheduler, show_traceback)
    several = followed(results, len(jobs), "filtering", lambda result: result[0].source, progress)
    for _, (colours, problem) in several:
        if problem is None:
            filtered.append(colours or "grey")
        else:
            failed.append(problem)
    _note_colour(filtered, colour)
    for text in failed:
        report(text)
    if failed:
        raise click.ClickException(f"{len(failed)} of {len(jobs)} pictures could not be filtered")
    files = sum(len(job.targets) for job in jobs)
    click.echo(f"{out}: {files} files of {len(jobs)} pictures")


def _bytes(memory: str) -> int:
    try:
        return gk.large.parse_memory(memory)
    except FilterError as error:
        raise click.UsageError(f"--{error}") from error


def _note_colour(results: Sequence[str], asked: str | None) -> None:
    """Say that luminance was taken where nobody asked for it."""
    count = results.count("luminance")
    if count and asked is None:
        which = f"{count} of {len(results)} pictures are" if len(results) > 1 else "it is"
        click.echo(
            f"note: {which} in colour, and luminance was filtered; --colour channels filters each "
            "channel",
            err=True,
        )


def _summary(job: PictureFiles, description: dict[str, Any]) -> str:
    shape = " x ".join(map(str, description["shape"]))
    if len(job.targets) > 1:
        folder = job.targets[0].parent
        return f"{folder}: {_PARTS[description['part']]}, {len(job.targets)} files of {shape}"
    text = f"{job.targets[0]}: {_PARTS[description['part']]}, {shape}"
    if "mapping" in description:
        offset, gain = description["mapping"]["offset"], description["mapping"]["gain"]
        text += f", value = {offset:.6g} + {gain:.6g} * stored"
    return text
