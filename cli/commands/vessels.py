"""``gaborkit vessels``: the vessels of a fundus, by lines and Gabor wavelets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

import gaborkit as gk

from ..labels import outlined
from ..options.arguments import Choice, Number
from ..options.path_arguments import IN, Input, Output
from ..options.reading import report_options
from ..options.sections import Command
from ..quantization import quantize
from ..responding import about, mask_of, one_picture

_MASK = (".png", ".tif", ".tiff", ".npy", ".npz")


@click.command("vessels", cls=Command)
@click.argument("source", type=IN, metavar="IN")
@click.option("--out", type=Output(_MASK), required=True, metavar="OUT", help="Mask to write.")
@click.option(
    "--score", type=Output((".png", ".tif", ".tiff", ".npy")), metavar="OUT", help="Write scores."
)
@click.option(
    "--overlay", type=Output((".png", ".jpg", ".webp")), metavar="OUT", help="Write outlines."
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
@report_options
def command(
    source: str,
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
    as_json: bool,
) -> None:
    """Find the vessels of a fundus within its field of view.

    Without a model, the score is the mean of line detectors of eight lengths (Nguyen et al., 2013)
    and of the magnitudes of Gabor wavelets at four scales (Soares et al., 2006); with one, the
    probability of a logistic regression on them. Of a colour picture, the green channel is taken.

    \b
    OUT      vessels white (255; in .npy and .npz true)
    --score  values as they are; of a png 0 to the largest
    --truth  prints the area under the ROC curve, and the accuracy, in the field

    \b
    Examples:
      gaborkit vessels photo.jpg --out vessels.png --overlay outlined.png
      gaborkit vessels photo.jpg --method line --width 9 --out vessels.png
      gaborkit vessels sample:retina --out vessels.png
    """  # noqa: D301
    if save and not truth:
        raise click.UsageError(f"--save {save} learns from known vessels: give --truth too")
    if save and model:
        raise click.UsageError("--save learns a model and --model takes one: give one of them")
    chosen = {"method": method, "vessels": vessels, "width": width}
    if model and method:
        raise click.UsageError(f"--method {method} is of the model {model}: leave it out")
    if model and vessels:
        raise click.UsageError(f"--vessels {vessels} is of the model {model}: leave it out")
    picture = gk.read_image(source)
    colour = picture.ndim == 3 and picture.shape[-1] in (3, 4)
    green = picture[..., 1] if colour else one_picture(source)[0]
    inside = mask_of(field, green.shape) if field else gk.vision.field_of_view(green)
    if not inside.any():
        raise gk.FeatureError(f"{field or source}: there is no field of view; give another --field")
    known = mask_of(truth, green.shape) if truth else None
    with about(source):
        if model:
            rule = gk.vision.VesselModel.load(model).with_width(width)
        else:
            settings = {name: value for name, value in chosen.items() if value is not None}
            if save and known is not None:
                rule = gk.vision.fit_vessels([green], [known], [inside], **settings)
                rule.save(save)
        if model or save:
            limit = 0.5 if threshold is None else threshold
            result = rule.predict(green, mask=inside, threshold=limit)
        else:
            result = gk.vision.find_vessels(green, mask=inside, threshold=threshold, **settings)
    description: dict[str, Any] = {
        "gaborkit": gk.__version__,
        "input": source,
        "channel": "green" if colour else "grey",
        "model": model or save,
        "width": width or gk.vision.widest_vessel(inside),
        "threshold": result.threshold,
        "share": float(result.mask[inside].mean()),
    }
    if known is not None:
        with about(str(truth)):
            description["auc"] = gk.vision.area_under_roc(result.score[inside], known[inside])
        description["accuracy"] = float((result.mask == known)[inside].mean())
    gk.write_image(out, result.mask, description)
    if score:
        values, says = result.score, dict(description)
        if Path(score).suffix.lower() == ".png":
            values, mapping = quantize(values.clip(0), "energy")
            says["mapping"] = {"value": "offset + gain * stored", **mapping}
        gk.write_image(score, values, says)
    if overlay:
        gk.write_image(overlay, outlined(picture, result.mask))
    if as_json:
        click.echo(json.dumps({"out": out, **description}))
        return
    text = f"{out}: vessels are {description['share']:.1%} of the field of view"
    if known is not None:
        text += f"; AUC {description['auc']:.4f}, accuracy {description['accuracy']:.4f}"
    click.echo(text)
