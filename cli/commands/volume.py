"""``gaborkit volume``: a scan, a stack or a video through Gabor kernels in space (and time)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click
import numpy as np

import gaborkit as gk
from gaborkit.choices import BOUNDARIES
from gaborkit.io.pictures.formats import split_page, suffix_of

from ..options.arguments import Choice, Number, Whole
from ..options.path_arguments import IN, Output
from ..options.reading import report_options
from ..options.sections import Command
from ..responding import about

_SCANS = (".nii", ".nii.gz")

#: Responses that are held at once; those of a group share passes.
_HELD = 8


@click.command("volume", cls=Command)
@click.argument("source", type=IN, metavar="IN")
@click.option(
    "--out",
    type=Output((*_SCANS, ".npy", ".tif", ".tiff")),
    required=True,
    metavar="OUT",
    help="File to write.",
)
@click.option(
    "--wavelength",
    type=Number(above=0, most=10_000),
    default=6.0,
    show_default=True,
    help="Of the carrier; millimetres of a scan, voxels of a stack.",
)
@click.option(
    "--sigma",
    type=Number(above=0, most=1000),
    help="Deviation of the envelope.  [default: half a wavelength]",
)
@click.option(
    "--directions",
    type=Whole(1, 1000),
    help="Directions in space; of a video, of motion around the circle.  [default: 13; 8]",
)
@click.option(
    "--part",
    type=Choice(("magnitude", "energy", "real", "imag")),
    help="What of the responses.  [default: magnitude; of a video energy]",
)
@click.option(
    "--pool",
    type=Choice(("max", "mean", "none")),
    default="max",
    show_default=True,
    help="Over directions; none writes each (.npy).",
)
@click.option("--video", is_flag=True, help="IN is (time, rows, columns): motion energy.")
@click.option(
    "--speed",
    type=Number(0, 100),
    help="Of the motion, pixels per picture.  [default: 1]",
)
@click.option(
    "--duration", type=Number(above=0, most=1000), help="Deviation in time, pictures.  [default: 2]"
)
@click.option(
    "--boundary",
    type=Choice(BOUNDARIES),
    default="reflect",
    show_default=True,
    help="What lies outside.",
)
@report_options
def command(
    source: str,
    out: str,
    wavelength: float,
    sigma: float | None,
    directions: int | None,
    part: Any,
    pool: str,
    video: bool,
    speed: float | None,
    duration: float | None,
    boundary: Any,
    as_json: bool,
) -> None:
    """Filter a volume with round Gabor kernels in some directions of space.

    IN is a NIfTI file, a folder of one DICOM series, or a stack: a TIFF of pages or an .npy of
    three axes. Lengths are millimetres where the file says the size of voxels. With --video the
    third axis is time, and kernels answer to motion (Adelson and Bergen, 1985).

    \b
    .nii .nii.gz  the pooled response in IN's place in space
    .npy .tif     the pooled response (Z, Y, X), or of each direction: --pool none

    \b
    Examples:
      gaborkit volume ct.nii --wavelength 4 --out magnitude.nii.gz
      gaborkit volume ct.nii --pool none --part real --out responses.npy
    """  # noqa: D301
    directions = directions or (8 if video else 13)
    name = out.lower()
    scan_out = name.endswith(_SCANS)
    if pool == "none" and not name.endswith(".npy"):
        raise click.UsageError(f"--pool none makes {directions} volumes: give --out NAME.npy")
    for option, value in (("speed", speed), ("duration", duration)):
        if value is not None and not video:
            raise click.UsageError(f"--{option} {value:g} is of a video: give --video too")
    if video and part not in (None, "energy"):
        raise click.UsageError(f"--part {part}: motion has energy alone; leave it out")
    if video and scan_out:
        raise click.UsageError(f"--out {out} holds a scan, and a video is none: give .npy or .tif")
    volume = _read(source)
    if video and isinstance(volume, gk.Volume):
        volume = volume.values
    if scan_out and not isinstance(volume, gk.Volume):
        raise click.UsageError(
            f"--out {out}: {source} does not say the size of its voxels: give .npy or .tif"
        )
    width = wavelength / 2 if sigma is None else sigma
    part = "energy" if video else part or "magnitude"
    kernels: list[Any]
    # A round kernel reaches as many sigmas in time as in space.
    grid = (width / (2.0 if duration is None else duration), 1.0, 1.0) if video else None
    if video:
        kernels = gk.volumes.motion_kernels(
            directions,
            1.0 if speed is None else speed,
            wavelength=wavelength,
            sigma=width,
            duration=2.0 if duration is None else duration,
        )
    else:
        kernels = [
            gk.volumes.GaborKernel3D.along(v, wavelength=wavelength, sigma=width)
            for v in gk.volumes.directions(directions)
        ]
    # A response that is too large is told below.
    with about(source), np.errstate(over="ignore", invalid="ignore"):
        if pool == "none":
            result = gk.volumes.filter_volume(
                kernels, volume, part=part, boundary=boundary, spacing=grid
            )
        else:
            result = _pooled(kernels, volume, pool, part=part, boundary=boundary, spacing=grid)
    description = {
        "gaborkit": gk.__version__,
        "input": source,
        "wavelength": wavelength,
        "sigma": width,
        "directions": directions,
        "part": part,
        "pool": pool,
        "spacing": list(volume.spacing) if isinstance(volume, gk.Volume) else None,
        "shape": list(result.shape),
    }
    mean = float(np.mean(result, dtype=np.float64))
    if not math.isfinite(mean):
        raise gk.ImageError(f"{source}: responses are too large for their precision")
    if scan_out:
        gk.write_volume(out, volume.with_values(result))
    else:
        gk.write_image(out, np.asarray(result), description)
    if as_json:
        click.echo(json.dumps({"out": out, **description, "mean": mean}))
    else:
        shape = " x ".join(map(str, result.shape))
        click.echo(f"{out}: {part}, {directions} directions, {shape}, mean {mean:.4g}")


def _read(source: str) -> Any:
    """A Volume of a scan, or an array (Z, Y, X) of a stack."""
    path, _ = split_page(source)
    if Path(path).is_dir() or suffix_of(path) in (*_SCANS, ".dcm"):
        return gk.read_volume(source)
    stack = gk.read_image(source)
    # A last axis of up to four is colour in pictures; an .npy says nothing of colour.
    coloured = stack.shape[-1] <= 4 and not source.lower().endswith(".npy")
    if stack.ndim != 3 or coloured:
        raise gk.ImageError(
            f"{source}: an array of shape {stack.shape} is no volume; give a stack of pages, an "
            ".npy of three axes, NIfTI, or a folder of a DICOM series"
        )
    return stack


def _pooled(kernels: list[Any], volume: Any, pool: str, **options: Any) -> Any:
    """The largest or the mean response, of which few are held at once."""
    result: Any = None
    for start in range(0, len(kernels), _HELD):
        responses = gk.volumes.filter_volume(kernels[start : start + _HELD], volume, **options)
        pooled = responses.max(0) if pool == "max" else responses.sum(0)
        if result is None:
            result = pooled
        else:
            result = np.maximum(result, pooled) if pool == "max" else result + pooled
    return result if pool == "max" else result / len(kernels)
