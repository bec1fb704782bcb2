"""Trained models: a VAE's latents by sliders and ways between pictures, and drawings completed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

import gaborkit as gk

from . import code, panels
from .controls import Choice, Control, Numbers, Slider, Values, plain
from .desk import Desk
from .sliders import PEN
from .strokes import Strokes, paint

if TYPE_CHECKING:
    from torch import Tensor

    from gaborkit.generative.image_model import ImageModel

#: Drawn pixels of a pixel of an image, along a side; and the file of the drawing.
FINER, DRAWING = 10, "drawing.png"

#: The name of what is slow to show.
COMPLETED = "a completed drawing"

#: Zoom of pictures, and pictures of a way.
ZOOM, STEPS = 4, 9


@dataclass(frozen=True)
class Run:
    """What of a trained model decides which controls it has.

    Attributes
    ----------
    folder : path
    latents : int
        0 where it has none.
    completes : bool
    classes : int
    """

    folder: Path
    latents: int
    completes: bool
    classes: int

    @property
    def views(self) -> list[str]:
        """What can be done with it."""
        views = ["one picture", "a way between two"] if self.latents else []
        return views + [COMPLETED] * self.completes


def runs_of(desk: Desk) -> dict[str, Run]:
    """Models that have latents, or complete pictures, by the names of their folders."""
    folders = desk.models()
    if not folders:
        return {}
    # Only now: this loads torch.
    from gaborkit.generative.models import MODELS
    from gaborkit.generative.models.autoencoder import Autoencoder
    from gaborkit.generative.store import read_config

    runs = {}
    for folder in folders:
        try:
            config = read_config(folder)
        except gk.GaborkitError:
            continue  # of another program, or damaged: commands say so
        kind = MODELS[config["model"]]
        latents = config["config"].get("latent", 0) if issubclass(kind, Autoencoder) else 0
        run = Run(folder, latents, hasattr(kind, "complete"), config["classes"])
        if run.views:
            runs[str(folder)] = run
    return runs


def controls(desk: Desk) -> Sequence[Control]:
    """A model, what to do with it, and what that takes."""
    runs = runs_of(desk)
    if not runs:
        return ()
    names = list(runs)
    declared: list[Control] = [
        Choice(name="run", label="Model", default=names[0], options=names),
    ]
    views: dict[tuple[str, ...], list[str]] = {}
    for name, run in runs.items():
        views.setdefault(tuple(run.views), []).append(name)
    declared += [
        Choice(name="view", label="Show", default=one[0], options=one, when={"run": names})
        for one, names in views.items()
    ]
    declared += [
        Slider(
            name="label",
            label="Class",
            default=0,
            least=0,
            most=run.classes - 1,
            step=1,
            when={"run": [name], "view": ["one picture", COMPLETED]},
        )
        for name, run in runs.items()
        if run.classes
    ]
    declared += [
        Numbers(
            name="at",
            label="Latents",
            default=(0.0,) * run.latents,
            count=run.latents,
            least=-4,
            most=4,
            step=0.05,
            when={"run": [name], "view": ["one picture"]},
            help="In deviations from their mean.",
        )
        for name, run in runs.items()
        if run.latents
    ]
    way, completed = {"view": ["a way between two"]}, {"view": [COMPLETED]}
    for name, label, default in (("a", "From test image", 0), ("b", "To test image", 1)):
        declared.append(
            Slider(name=name, label=label, default=default, least=0, most=999, step=1, when=way)
        )
    declared += [
        Slider(name="seed", label="Seed", default=0, least=0, most=999, step=1, when=completed),
        Slider(name="draws", label="Draws", default=4, least=1, most=16, step=1, when=completed),
        dataclasses.replace(PEN, default=18, when=completed),
        Strokes(name="strokes", label="Strokes", default=(), when=completed),
    ]
    return declared


def show(values: Values, desk: Desk) -> panels.Shown:
    """Pictures of a model.

    Raises
    ------
    click.UsageError
        If there is no model, or no such test image.
    GaborkitError
        If it cannot be read.
    """
    if not values:
        raise click.UsageError(
            f"there is no trained model in {desk.runs}/: gaborkit train vae --out "
            f"{desk.runs}/vae makes one, in minutes"
        )
    run, model = _chosen(values, desk)
    return {
        "one picture": _point,
        "a way between two": _way,
        COMPLETED: _completed,
    }[values["view"]](values, run, model)


def preview(values: Values, desk: Desk) -> panels.Shown | None:
    """A drawing without its completions, which are drawn pixel by pixel; None where there is none.

    What a model decodes takes no longer than its preview would.
    """
    import torch

    if values.get("view") != COMPLETED:
        return None
    _, model = _chosen(values, desk)
    image, rows, sheet = _sheet(values, model)
    upper = image.clone()
    upper[:, rows:] = 0
    words = "Preview without completions; they follow."
    alt = "The drawing, and its upper half before the model completes it"
    row = _row(image, torch.stack([upper / 255] * values["draws"]))
    shown = panels.picture("Completed", row, alt, wide=True, legend=words)
    return panels.Shown([sheet, shown], "", "", preview=words)


def _chosen(values: Values, desk: Desk) -> tuple[Run, ImageModel]:
    run = runs_of(desk)[values["run"]]
    return run, loaded(run.folder, (run.folder / "config.json").stat().st_mtime_ns)


@functools.lru_cache(maxsize=2)
def loaded(folder: Path, changed: int) -> ImageModel:
    """The model of a folder as it was at a time of its change."""
    from gaborkit.generative import ImageModel

    return ImageModel.from_pretrained(folder, device="cpu")


def _program(run: Run, *lines: str, imports: Sequence[str] = ()) -> str:
    read = code.call("gk.generative.ImageModel.from_pretrained", str(run.folder), device="cpu")
    return code.program(f"model = {read}", *lines, imports=imports)


def _point(values: Values, run: Run, model: ImageModel) -> panels.Shown:
    from gaborkit.generative import latent
    from gaborkit.generative.montage import image_grid

    label = values.get("label")
    image = latent.image_at(model, values["at"], label)
    pixels = image_grid(image[None], columns=1, gap=0, zoom=ZOOM)
    told = ",".join(map(plain, values["at"]))
    python = _program(
        run,
        f"image = latent.image_at(model, [{told}], {label})",
        f"picture = image_grid(image[None], columns=1, gap=0, zoom={ZOOM})",
        'gk.write_image("latent.png", picture)',
        imports=["from gaborkit.generative import image_grid, latent"],
    )
    words = [
        "latent",
        str(run.folder),
        f"--at={told}",
        *([] if label is None else ["--classes", str(label)]),
    ]
    alt = "The picture that the model decodes from these latents"
    return panels.Shown(
        [panels.picture("Decoded", pixels, alt)],
        python,
        code.shell(*words, *code.options({"zoom": ZOOM, "device": "cpu", "out": "latent.png"})),
    )


def _way(values: Values, run: Run, model: ImageModel) -> panels.Shown:
    from gaborkit.generative import latent
    from gaborkit.generative.montage import strip

    from ..model_images import classes_of, pictures_of

    numbers = (values["a"], values["b"])
    (a, b), labels = pictures_of(model, [str(number) for number in numbers])
    ends = classes_of(model, labels, None)
    classes = None if ends is None else (ends[0], ends[1])
    images = latent.interpolate(model, a, b, STEPS, classes=classes)
    source = model.provenance["recipe"]["data"]
    python = _program(
        run,
        f"test = gk.generative.load_dataset({source!r}, size={a.shape[1]}).test",
        f"a, b = test.images[{numbers[0]}], test.images[{numbers[1]}]",
        f"images = latent.interpolate(model, a, b, {STEPS}, classes={classes})",
        f'gk.write_image("interpolation.png", strip(images, zoom={ZOOM}))',
        imports=[
            "from gaborkit.generative import latent",
            "from gaborkit.generative.montage import strip",
        ],
    )
    alt = f"From test image {numbers[0]} to test image {numbers[1]} through the latent space"
    panel = panels.picture("A way", strip(images, zoom=ZOOM), alt, wide=True)
    command = code.command(
        "interpolate",
        str(run.folder),
        *map(str, numbers),
        steps=STEPS,
        zoom=ZOOM,
        device="cpu",
        out="interpolation.png",
    )
    return panels.Shown([panel], python, command)


def _sheet(values: Values, model: ImageModel) -> tuple[Tensor, int, panels.Panel]:
    """A drawing (C, H, W) from 0 to 255, how many of its rows count, and what is drawn on."""
    import torch

    colours, height, width = model.representation.image_shape
    fine = paint(values["strokes"], (height * FINER, width * FINER), values["width"])
    drawing, rows = drawn(fine), height // 2
    sheet = panels.picture(
        "Draw the upper half",
        np.repeat(np.repeat(drawing, FINER, 0), FINER, 1) // 2,
        f"The drawing; what is below row {rows} does not count",
        legend=f"The upper {rows} of {height} rows count.",
        draw="strokes",
        pens=["rgb(255 255 255)"],
        pen_width="width",
    )
    return torch.from_numpy(drawing)[None].repeat(colours, 1, 1), rows, sheet


def _row(image: Tensor, completed: Tensor) -> NDArray[np.uint8]:
    """A drawing (C, H, W) from 0 to 255, and what becomes of it (N, C, H, W), side by side."""
    import torch

    from gaborkit.generative.montage import image_grid

    everything = torch.cat([image[None] / 255, completed])
    return image_grid(everything, columns=len(everything), zoom=ZOOM)


def _completed(values: Values, run: Run, model: ImageModel) -> panels.Shown:
    draws, label = values["draws"], values.get("label")
    image, rows, sheet = _sheet(values, model)
    colours = len(image)
    labels = None if label is None else [label] * draws
    completed = model.complete(
        image[None].repeat(draws, 1, 1, 1), rows, labels, seed=values["seed"]
    )
    python = _program(
        run,
        f'drawing = torch.from_numpy(gk.read_image("{DRAWING}"))[None].repeat({colours}, 1, 1)',
        f"images = drawing[None].repeat({draws}, 1, 1, 1)",
        f"completed = model.complete(images, {rows}, {labels}, seed={values['seed']})",
        "everything = torch.cat([drawing[None] / 255, completed])",
        f"picture = image_grid(everything, columns={1 + draws}, zoom={ZOOM})",
        'gk.write_image("completed.png", picture)',
        imports=["from gaborkit.generative import image_grid"],
    )
    told: dict[str, Any] = {"rows": rows, "draws": draws, "seed": values["seed"], "zoom": ZOOM}
    if label is not None:
        told["classes"] = label
    # The command lays each completion below its picture; one row is what the page shows.
    alt = "The drawing, then what the model makes of its upper half"
    shown = panels.picture("Completed", _row(image, completed), alt, wide=True)
    return panels.Shown(
        [sheet, shown],
        python,
        code.command(
            "complete", str(run.folder), DRAWING, **told, device="cpu", out="completed.png"
        ),
        {DRAWING: panels.png(image[0].numpy())},
    )


def drawn(fine: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """White strokes on black, uint8 (h, w), of what pens cover in finer pixels."""
    height, width = (side // FINER for side in fine.shape)
    covered = (fine > 0).reshape(height, FINER, width, FINER).mean((1, 3))
    return np.rint(255 * covered).astype(np.uint8)
