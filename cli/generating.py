"""What the commands that use a trained model share: options, the model, its images, a bar."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .sections import Option

if TYPE_CHECKING:
    from gaborkit.generative.data import Dataset
    from gaborkit.generative.image_model import ImageModel

run_argument = click.argument("run", metavar="RUN")

device_option = click.option(
    "--device",
    cls=Option,
    section="Run",
    default="auto",
    show_default=True,
    metavar="DEVICE",
    help="cpu, cuda, cuda:1, mps; auto is a GPU if there is one.",
)

seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of every draw."
)

columns_option = click.option(
    "--columns", type=click.IntRange(min=1), help="Of the grid.  [default: about square]"
)


def zoom_option(default: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add ``--zoom``."""
    return click.option(
        "--zoom",
        type=click.IntRange(1, 64),
        default=default,
        show_default=True,
        help="Side of the square that a pixel of an image becomes.",
    )


class Classes(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.3
    """Classes as ``0-9``, ``3,7`` or ``0-2,8``: a tuple of whole numbers."""

    name = "classes"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Parse, or fail with what would work."""
        if not isinstance(value, str):
            return tuple(value)
        classes: list[int] = []
        for part in value.split(","):
            found = re.fullmatch(r"\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?", part)
            if found is None:
                self.fail(f"{value!r} is no list of classes, such as 0-9 or 3,7", param, ctx)
            first, last = int(found[1]), int(found[2] or found[1])
            if last < first:
                self.fail(f"{part.strip()} is empty: give the lower class first", param, ctx)
            classes += range(first, last + 1)
        return tuple(classes)


def classes_option(help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add ``--classes``."""
    return click.option("--classes", type=Classes(), metavar="0-9|3,7", help=help_text)


def load(run: str, device: str) -> ImageModel:
    """The model of a run."""
    from gaborkit.generative.image_model import ImageModel

    return ImageModel.from_pretrained(run, device=device)


def dataset_of(model: ImageModel, data_dir: str | None = None) -> Dataset:
    """The data that a model was trained on, in the size of its images.

    Raises
    ------
    GaborkitError
        If the model does not say, or the data are not there any more.
    """
    from gaborkit import DataError
    from gaborkit.generative import load_dataset

    recipe = model.provenance.get("recipe")
    if not isinstance(recipe, dict) or not isinstance(recipe.get("data"), str):
        raise DataError(
            "this model does not say what it was trained on, so that there are no test images; "
            "give pictures, or train one with gaborkit train"
        )
    colours, height, _ = model.representation.image_shape
    with bar("reading the data") as progress:
        return load_dataset(
            recipe["data"],
            data_dir=data_dir or recipe.get("data_dir"),
            size=height,
            fit=recipe.get("fit", "crop"),
            colour=colours == 3,
            limit=recipe.get("limit"),
            progress=progress,
        )


def labels_of(model: ImageModel, classes: Sequence[int] | None, count: int) -> list[int] | None:
    """Classes of ``count`` samples, in turn; None for a model without classes.

    Raises
    ------
    click.UsageError
        If there is no such class.
    """
    known = model.model.classes
    check_classes(known, classes)
    if not known:
        return None
    return [(classes or range(known))[k % len(classes or range(known))] for k in range(count)]


def check_classes(known: int, classes: Sequence[int] | None) -> None:
    """Refuse classes that a model of ``known`` classes does not have.

    Raises
    ------
    click.UsageError
        If there is no such class.
    """
    if classes is None:
        return
    text = ",".join(map(str, classes))
    if not known:
        raise click.UsageError(
            f"--classes {text}: this model was trained without classes; train one with --classes"
        )
    if max(classes) >= known:
        raise click.UsageError(f"--classes {text}: the model's classes are 0 to {known - 1}")


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


def suffix_of(out: str, suffixes: Sequence[str], folder: bool = False) -> str:
    """The suffix of a file to write, or an empty string for a folder.

    Raises
    ------
    click.UsageError
        If it is none of ``suffixes``.
    GaborkitError
        If the file cannot be written; before the work rather than after it.
    """
    from gaborkit.files import check_target

    path, suffix = Path(out), Path(out).suffix.lower()
    wanted = ", ".join(suffixes) + (", or a folder" if folder else "")
    if folder and (path.is_dir() or out.endswith("/") or not suffix):
        if path.exists() and not path.is_dir():
            raise click.UsageError(f"--out {out} is an existing file, not a folder")
        return ""
    if suffix not in suffixes:
        raise click.UsageError(f"--out {out}: {suffix or 'no suffix'} is unknown: give {wanted}")
    check_target(out)
    return suffix


@contextlib.contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on a terminal, to be called with what is done and what there is in all."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1, file=sys.stderr, label=label) as shown:

        def progress(done: int, total: int) -> None:
            shown.length = total
            shown.update(done - shown.pos)

        yield progress
