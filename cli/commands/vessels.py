"""``gaborkit vessels``: the vessels of a fundus, by lines and Gabor wavelets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

import gaborkit as gk

from ..each import Files, files_of, find_in_each, source_of, write_marks
from ..jobs import masks_of, one_for_each
from ..options.arguments import Choice, Number
from ..options.path_arguments import IN, Input, Output
from ..options.reading import progress_option, recursive_option, report_options
from ..options.sections import Command
from ..responding import about, mask_of, one_picture

_MASK = (".png", ".tif", ".tiff", ".npy", ".npz")


@click.command("vessels", cls=Command)
@click.argument("sources", type=IN, metavar="IN...", nargs=-1, required=True)
@click.option(
    "--out", type=Output(_MASK, folder=True), required=True, metavar="OUT", help="Mask to write."
)
@click.option(
    "--score",
    type=Output((".png", ".tif", ".tiff", ".npy"), folder=True),
    metavar="OUT",
    help="Write scores.",
)
@click.option(
    "--overlay",
    type=Output((".png", ".jpg", ".webp"), folder=True),
    metavar="OUT",
    help="Write outlines.",
)
@click.option(
    "--field",
    type=Input(),
    metavar="FILE",
    help="Field of view, what is not 0.  [default: the lit part]",
)
@click.option(
    "--method",
    type=Choice(("line", "gabor", "both")),
    help="Lines (Nguyen et al.), wavelets (Soares et al.) or both.  [default: both]",
)
@click.option("--vessels", type=Choice(("dark", "bright")), help="Of the ground.  [default: dark]")
@click.option(
    "--width",
    type=Number(3.5, 1000),
    help="Of the widest vessels, pixels.  [default: 1/77 of the field's diameter]",
)
@click.option("--threshold", type=Number(), help="Of the score.  [default: Otsu's; model 0.5]")
@click.option(
    "--truth",
    type=Input(),
    metavar="FILE",
    help="Known vessels, what is not 0: says how well they are found.",
)
@click.option(
    "--save", type=Output((".npz",)), metavar="MODEL", help="Learn from IN and --truth, and write."
)
@click.option("--model", type=Input(), metavar="MODEL", help="Find by what --save wrote.")
@recursive_option
@progress_option
@report_options
def command(
    sources: tuple[str, ...],
    out: str,
    score: str | None,
    overlay: str | None,
    field: str | None,
    method: Any,
    vessels: Any,
    width: float | None,
    threshold: float | None,
    truth: str | None,
    save: str | None,
    model: str | None,
    recursive: bool,
    progress: bool | None,
    as_json: bool,
) -> None:
    """Find the vessels of a fundus within its field of view.

    IN is a picture, several, or a folder of them. Without a model, the score is the mean of line
    detectors of eight lengths (Nguyen et al., 2013) and of the magnitudes of Gabor wavelets at four
    scales (Soares et al., 2006); with one, the probability of a logistic regression on them. Of a
    colour picture, the green channel is taken. Of several pictures, OUT and the others are folders,
    and --truth, and --field if it is not one for all, folders of pictures that are called alike.

    \b
    OUT      vessels white (255; in .npy and .npz true)
    --score  values as they are; of a png 0 to the largest
    --truth  prints the area under the ROC curve, and the accuracy, in the field

    \b
    Examples:
      gaborkit vessels photo.jpg --out vessels.png --overlay outlined.png
      gaborkit vessels photo.jpg --method line --width 9 --out vessels.png
      gaborkit vessels sample:retina --out vessels.png
      gaborkit vessels photos --truth drawn --save model.npz --out vessels
    """  # noqa: D301
    if save and not truth:
        raise click.UsageError(f"--save {save} learns from known vessels: give --truth too")
    if save and model:
        raise click.UsageError("--save learns a model and --model takes one: give one of them")
    if model and method:
        raise click.UsageError(f"--method {method} is of the model {model}: leave it out")
    if model and vessels:
        raise click.UsageError(f"--vessels {vessels} is of the model {model}: leave it out")
    jobs = files_of(
        sources, {"out": out, "score": score, "overlay": overlay}, "vessels", recursive=recursive
    )
    pictures = [source_of(job) for job in jobs]
    fields = masks_of(pictures, sources, field, "field") if field else {}
    truths = one_for_each(pictures, sources, truth, "truth") if truth else {}
    chosen = {"method": method, "vessels": vessels, "width": width}
    settings = {name: value for name, value in chosen.items() if value is not None}
    rule = gk.vision.VesselModel.load(model).with_width(width) if model else None
    read: dict[str, _Fundus] = {}
    if save:
        read = {picture: _read(picture, fields, truths) for picture in pictures}
        examples = ((one.green, one.inside, one.known) for one in read.values())
        greens, inside, known = zip(*examples, strict=True)
        with about(pictures[0] if len(pictures) == 1 else f"{len(pictures)} pictures"):
            rule = gk.vision.fit_vessels(greens, known, inside, **settings)
        rule.save(save)

    def find(job: Files) -> dict[str, Any]:
        """Find the vessels of one picture, and write what is asked for."""
        fundus = read.get(source_of(job)) or _read(source_of(job), fields, truths)
        with about(fundus.source):
            if rule is not None:
                limit = 0.5 if threshold is None else threshold
                result = rule.predict(fundus.green, mask=fundus.inside, threshold=limit)
            else:
                result = gk.vision.find_vessels(
                    fundus.green, mask=fundus.inside, threshold=threshold, **settings
                )
        description: dict[str, Any] = {
            "gaborkit": gk.__version__,
            "input": fundus.source,
            "channel": "green" if fundus.coloured else "grey",
            "model": model or save,
            "width": width or gk.vision.widest_vessel(fundus.inside),
            "threshold": result.threshold,
            "share": float(result.mask[fundus.inside].mean()),
        }
        if fundus.known is not None:
            scores, known = result.score[fundus.inside], fundus.known[fundus.inside]
            with about(truths[fundus.source]):
                description["auc"] = gk.vision.area_under_roc(scores, known)
            description["accuracy"] = float((result.mask[fundus.inside] == known).mean())
        write_marks(job, fundus.picture, result.mask, result.score, description)
        return description

    def of_one(said: dict[str, Any]) -> str:
        known = f"; AUC {said['auc']:.4f}, accuracy {said['accuracy']:.4f}" if truth else ""
        return f"vessels are {said['share']:.1%} of the field of view{known}"

    def of_several(said: list[dict[str, Any]]) -> str:
        text = f"vessels of {len(said)} pictures"
        if not truth:
            return text
        names = ("auc", "accuracy")
        auc, accuracy = (sum(one[name] for one in said) / len(said) for name in names)
        return f"{text}; mean AUC {auc:.4f}, accuracy {accuracy:.4f}"

    find_in_each(
        jobs,
        sources,
        find,
        "finding vessels",
        of_one=of_one,
        of_several=of_several,
        out=out,
        as_json=as_json,
        progress=progress,
    )


class _Fundus(NamedTuple):
    """A picture as it was read, what is looked at, where, and which vessels are known."""

    source: str
    picture: NDArray[Any]
    coloured: bool
    green: NDArray[Any]
    inside: NDArray[np.bool_]
    known: NDArray[np.bool_] | None


def _read(source: str, fields: Mapping[str, str], truths: Mapping[str, str]) -> _Fundus:
    picture = gk.read_image(source)
    coloured = picture.ndim == 3 and picture.shape[-1] in (3, 4)
    green = picture[..., 1] if coloured else one_picture(source)[0]
    field, truth = fields.get(source), truths.get(source)
    inside = mask_of(field, green.shape) if field else gk.vision.field_of_view(green)
    if not inside.any():
        raise gk.FeatureError(f"{field or source}: there is no field of view; give another --field")
    known = mask_of(truth, green.shape) if truth else None
    return _Fundus(source, picture, coloured, green, inside, known)
