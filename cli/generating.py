"""What the commands that use a trained model share: options, the model, its images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gaborkit.errors import DataError, closest
from gaborkit.generative.configuration import from_dict

from .errors import debug_option
from .file_paths import paths
from .options.arguments import SEED, Classes, Number, Whole, Word
from .options.path_arguments import HUB, RUN, Input, Output
from .options.reading import max_pixels_option
from .options.sections import Option
from .progress import meter

if TYPE_CHECKING:
    from gaborkit.generative.data import Dataset
    from gaborkit.generative.image_model import ImageModel

run_argument = click.argument("run", type=RUN, metavar="RUN")

device_option = click.option(
    "--device",
    cls=Option,
    section="Run",
    type=Word("auto", "cpu", "cuda", "mps"),
    default="auto",
    show_default=True,
    metavar="DEVICE",
    help="cpu, cuda, cuda:1, mps; auto is a GPU if there is one.",
)

seed_option = click.option("--seed", type=SEED, default=0, show_default=True, help="Of every draw.")

columns_option = click.option(
    "--columns", type=Whole(1, 10_000), help="Of the grid.  [default: about square]"
)


def data_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add ``--data`` and ``--data-dir``: where the data of a model lie by now."""
    for flag, kind, text in (
        ("--data-dir", Input(whole=True), "Where the files of the data set lie by now."),
        (
            "--data",
            Input(closed=True),
            "The folder of pictures that the model was trained on, if it has moved.",
        ),
    ):
        function = click.option(flag, type=kind, metavar="DIR", help=text)(function)
    return function


def grid_option(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add ``--out`` of a command that writes one grid of pictures."""
    return click.option(
        "--out",
        type=Output((".png",)),
        metavar="OUT",
        default=default,
        show_default=True,
        help="Grid to write (.png).",
    )


def zoom_option(default: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add ``--zoom``."""
    return click.option(
        "--zoom",
        type=Whole(1, 64),
        default=default,
        show_default=True,
        help="Side of the square that a pixel of an image becomes.",
    )


def picture_options(zoom: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add --zoom, where data and device are, --max-pixels and --debug: pictures of a model."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        function = max_pixels_option(debug_option(function))
        return zoom_option(zoom)(data_options(device_option(function)))

    return add


def classes_option(help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add ``--classes``."""
    return click.option("--classes", type=Classes(), metavar="0-9|NAME,...", help=help_text)


def drawing_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add ``--temperature`` and ``--guidance``, which autoregressive models draw with."""
    for flag, kind, text in (
        (
            "--guidance",
            Number(0, most=1000),
            "Of conditional autoregressive models: above 1 for more of the class and less variety; "
            "1 draws from the model.  [default: the model's]",
        ),
        (
            "--temperature",
            Number(above=0, most=1000),
            "Of each draw, of autoregressive models: below 1 for likelier images.  [default: 1]",
        ),
    ):
        function = click.option(flag, type=kind, help=text)(function)
    return function


def load(run: str, device: str) -> ImageModel:
    """The model of a run, or of ``hf://OWNER/NAME``; OWNER/NAME alone is a folder here."""
    from gaborkit.generative.image_model import ImageModel

    return ImageModel.from_pretrained(run if run.startswith(HUB) else Path(run), device=device)


@dataclass(frozen=True)
class Origin:
    """What a model says of its data: fields of its recipe.

    ``handed_in``: they were arrays, in Python.
    """

    data: str | None = None
    data_dir: str | None = None
    fit: Literal["crop", "stretch", "pad"] = "crop"
    limit: int | None = None
    handed_in: bool = False


def origin_of(model: ImageModel) -> Origin:
    """What a model says of its data; nothing, if it says nothing.

    Raises
    ------
    DataError
        If what it says is damaged.
    """
    recipe = model.provenance.get("recipe")
    if not isinstance(recipe, Mapping):
        return Origin()
    known = {name: recipe[name] for name in Origin.__dataclass_fields__ if name in recipe}
    known["handed_in"] = recipe.get("data", "") is None
    return from_dict(Origin, known, "the model's recipe", DataError)


def dataset_of(model: ImageModel, data: str | None = None, data_dir: str | None = None) -> Dataset:
    """The data that a model was trained on, in the size of its images.

    Parameters
    ----------
    model : ImageModel
    data, data_dir : str, optional
        Where they are by now.

    Raises
    ------
    click.UsageError
        If ``data_dir`` is given for data that it has no effect on.
    DataError
        If the model does not say what they are, or they are not there any more, or others.
    """
    from gaborkit.generative import load_dataset
    from gaborkit.generative.data.loading import DATASETS, SOURCES, check_there

    origin = origin_of(model)
    name = data or origin.data
    if name is None and origin.handed_in:
        raise DataError(
            "the images of this model were handed in from Python, so that there are no test "
            "images here; go on in Python, with evaluate(model, dataset) and others"
        )
    if name is None:
        raise DataError(
            "this model does not say what it was trained on, so that there are no test images; "
            "give pictures, or train one with gaborkit train"
        )
    check_data_dir(name, data_dir)
    check_there(name)
    if name not in DATASETS:
        paths().read(name, closed=True)
    colours, height, _ = model.representation.image_shape
    with meter("reading the data") as progress:
        dataset = load_dataset(
            name,
            data_dir=data_dir or origin.data_dir,
            size=height,
            fit=origin.fit,
            colour=colours == 3,
            limit=origin.limit,
            progress=progress,
        )
    flags = {"mini": "them as they were", **dict.fromkeys(SOURCES, "--data-dir DIR with them")}
    remedy = flags.get(str(origin.data), "--data DIR with them as they were")
    dataset.check_digest(model.provenance.get("data digest"), name, remedy)
    return dataset


def check_data_dir(data: str, data_dir: str | None) -> None:
    """Refuse ``--data-dir`` where it has no effect.

    Raises
    ------
    click.UsageError
        For the data set that comes with gaborkit, and for folders of pictures.
    """
    from gaborkit.generative.data.loading import SOURCES

    if data_dir is not None and data not in SOURCES:
        raise click.UsageError(
            f"--data-dir {data_dir} has no effect on --data {data}: it is for "
            f"{', '.join(SOURCES)}; leave it out"
        )


#: Classes as a user writes them: by number or by name.
Named = Sequence[int | str]


def labels_of(model: ImageModel, classes: Named | None, count: int) -> list[int] | None:
    """Classes of ``count`` samples, in turn; None for a model without classes.

    Raises
    ------
    click.UsageError
        If there is no such class.
    """
    if model.model.condition_length:
        raise click.UsageError(
            f"this model is conditioned on vectors of length {model.model.condition_length}, which "
            "no option gives; draw from Python: ImageModel.from_pretrained(RUN).sample(count, "
            "conditions=vectors)"
        )
    codes = codes_of(model, classes)
    if not model.model.classes:
        return None
    codes = codes or list(range(model.model.classes))
    return [codes[k % len(codes)] for k in range(count)]


def codes_of(model: ImageModel, classes: Named | None) -> list[int] | None:
    """Numbers of the classes that were asked for; a name goes before a number.

    Raises
    ------
    click.UsageError
        If the model has no classes, or not these.
    """
    if classes is None:
        return None
    text = ",".join(map(str, classes))
    known, names = model.model.classes, model.class_names
    if not known:
        raise click.UsageError(
            f"--classes {text}: this model was trained without classes; train one with --classes"
        )
    codes = []
    for item in classes:
        if str(item) in names:
            codes.append(names.index(str(item)))
        elif isinstance(item, int) and item < known:
            codes.append(item)
        else:
            listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")

            raise click.UsageError(
                f"--classes {text}: the model has no class {item!r}; its classes are 0 to "
                f"{known - 1}" + (f" ({listed})" if names else "") + closest(str(item), names)
            )
    return codes


def check_count(sources: Sequence[str], count: int | None) -> None:
    """Refuse a number of test images where pictures are given.

    Raises
    ------
    click.UsageError
        If both are there.
    """
    if sources and count is not None:
        raise click.UsageError(
            f"--count {count} is for test images, and {sources[0]} is given: leave one of them out"
        )
