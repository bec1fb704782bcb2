"""``gaborkit defects``: where a regular texture is unlike itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np

import gaborkit as gk

from ..each import Files, files_of, find_in_each, source_of, write_marks
from ..jobs import masks_of
from ..options.arguments import Number, Whole
from ..options.kernels import bank_options_with
from ..options.path_arguments import IN, Output
from ..options.reading import (
    mask_options,
    progress_option,
    recursive_option,
    report_options,
    seed_option,
)
from ..options.sections import Command
from ..responding import about, mask_keywords, one_picture
from .segment import PAINTED

if TYPE_CHECKING:
    from gaborkit import GaborBank

MASKS = (".png", ".webp", ".tif", ".tiff", ".npy", ".npz")


@click.command("defects", cls=Command)
@click.argument("sources", type=IN, metavar="IN...", nargs=-1, required=True)
@click.option(
    "--out",
    required=True,
    type=Output(MASKS, folder=True),
    metavar="MASK",
    help="File or folder to write.",
)
@click.option(
    "--reference", type=IN, metavar="FILE", help="Picture of the texture without defects."
)
@click.option(
    "--score",
    type=Output((".tif", ".tiff", ".npy", ".npz", ".png"), folder=True),
    metavar="FILE",
    help="Write how unlike each pixel is: .tif, .npy or .png.",
)
@click.option(
    "--overlay",
    type=Output((*PAINTED, ".jpg", ".jpeg"), folder=True),
    metavar="FILE",
    help="Write the picture with the defects outlined.",
)
@click.option(
    "--false-alarms",
    type=Number(above=0, below=1),
    default=0.05,
    show_default=True,
    help="Probability of finding something where there is nothing.",
)
@click.option(
    "--margin",
    type=Whole(0, 10**6),
    help="Pixels at the borders that are not judged.  [default: 0.7 of the longest wavelength; "
    "with --mask, all of it]",
)
@mask_options
@bank_options_with("grid", always=False)
@seed_option
@recursive_option
@progress_option
@report_options
def command(
    sources: tuple[str, ...],
    out: str,
    reference: str | None,
    score: str | None,
    overlay: str | None,
    false_alarms: float,
    margin: int | None,
    mask: str | None,
    outside: str | None,
    bank: GaborBank | None,
    seed: int,
    recursive: bool,
    progress: bool | None,
    as_json: bool,
) -> None:
    """Find defects of a regular texture: cloth, tiles, wood, brushed metal.

    IN is a picture, several, or a folder of them. Each pixel's energies in a Gabor bank (of
    wavelengths 2.8, 5.7 and 11.3 pixels, if none is given) are compared with those of the larger
    part of the picture, or with a --reference that was taken alike. Of a colour picture, the
    luminance is taken. What is outside --mask, one for all or a folder of masks that are called
    like the pictures, is neither judged nor seen. MASK is white (255; in .npy and .npz true) where
    there is a defect; MASK.json tells the threshold, and of each defect box, centre (y, x), pixels
    and largest score. Of several pictures, MASK and the others are folders.

    \b
    Examples:
      gaborkit defects cloth.png --out found.png --overlay marked.png
      gaborkit defects cloth.png --reference good.png --out found.png
      gaborkit defects cloth.png --mask mask.png --out found.png
      gaborkit defects cloths --reference good.png --out found --overlay marked
    """  # noqa: D301
    jobs = files_of(
        sources, {"out": out, "score": score, "overlay": overlay}, "defects", recursive=recursive
    )
    pictures = [source_of(job) for job in jobs]
    masks = masks_of(pictures, sources, mask) if mask else {}
    good = None if reference is None else one_picture(reference)[0]

    def find(job: Files) -> dict[str, Any]:
        """Find the defects of one picture, and write what is asked for."""
        source = source_of(job)
        planes, colour = one_picture(source)
        masked = mask_keywords(masks.get(source), outside, planes.shape)
        options: dict[str, Any] = {"bank": bank, "margin": margin, "seed": seed, **masked}
        with about(source):
            defects = gk.vision.find_defects(planes, good, false_alarms=false_alarms, **options)
        places = [place._asdict() for place in defects.places()]
        description = {
            "gaborkit": gk.__version__,
            "input": source,
            "reference": reference,
            **({"mask": masks[source], "outside": outside or "nearest"} if mask else {}),
            "colour": colour,
            "threshold": defects.threshold,
            "false_alarms": false_alarms,
            "regions": len(places),
            "places": places,
            "share": float(defects.mask.sum() / masked.get("mask", np.ones(planes.shape)).sum()),
        }
        picture = gk.read_image(source) if "overlay" in job else planes
        write_marks(job, picture, defects.mask, defects.score, description)
        return description

    def of_one(said: dict[str, Any]) -> str:
        whole = "mask" if mask else "picture"
        return f"{_count(said['regions'], 'place')}, {100 * said['share']:.2f} % of the {whole}"

    def of_several(said: list[dict[str, Any]]) -> str:
        places, marked = (sum(f(one["regions"]) for one in said) for f in (int, bool))
        return f"{_count(places, 'place')} in {marked} of {len(said)} pictures"

    find_in_each(
        jobs,
        sources,
        find,
        "finding defects",
        of_one=of_one,
        of_several=of_several,
        out=out,
        as_json=as_json,
        progress=progress,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
