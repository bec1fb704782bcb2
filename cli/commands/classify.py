"""``gaborkit classify``: learn classes of pictures from folders, and name those of others."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

import gaborkit as gk
from gaborkit.errors import GaborkitError, PictureError
from gaborkit.io.files import as_text, atomic_write

from ..errors import debug_option, report
from ..groups import Group
from ..jobs import pictures_in
from ..options.arguments import SEED, Choice, Whole
from ..options.path_arguments import IN, Input, Output
from ..options.reading import (
    DESCRIPTORS,
    jobs_option,
    max_pixels_option,
    parameters_from,
    recursive_option,
    set_option,
)
from ..progress import meter

if TYPE_CHECKING:
    from gaborkit.estimators.picture_classifier import Predicted, Trained

CLASSIFIERS = ("svm", "affine", "linear")


@click.group("classify", cls=Group)
@debug_option
def command() -> None:
    """Learn classes of pictures from a folder of folders, and name the classes of others.

    \b
    Examples:
      gaborkit classify train textures --out model
      gaborkit classify predict model photo.jpg
    """  # noqa: D301


@command.command("train", short_help="Learn from a folder whose subfolders are the classes.")
@click.argument("folder", type=Input(closed=True), metavar="FOLDER")
@click.option(
    "--out",
    required=True,
    type=Output(folder=True),
    metavar="MODEL",
    help="Folder to write.",
)
@click.option(
    "--features",
    type=Choice(DESCRIPTORS),
    default="texture",
    show_default=True,
    help="What pictures are described by; gaborkit features --help tells of each.",
)
@set_option
@click.option(
    "--classifier",
    type=Choice(CLASSIFIERS),
    default="svm",
    show_default=True,
    help="How classes are told apart.",
)
@click.option(
    "--size",
    type=Whole(1, 2**14),
    help="Bring pictures to so many pixels a side first.  [default: leave them]",
)
@click.option(
    "--cross-validate",
    "folds",
    type=Whole(0, 1000),
    default=5,
    show_default=True,
    metavar="FOLDS",
    help="Measure on folds that are left out in turn; 0 does not.",
)
@click.option("--seed", type=SEED, default=0, help="Of the folds.  [default: 0]")
@jobs_option
@max_pixels_option
@debug_option
def train(
    folder: str,
    out: str,
    features: str,
    settings: tuple[tuple[str, Any], ...],
    classifier: str,
    size: int | None,
    folds: int,
    seed: int,
    jobs: int | None,
) -> None:
    """Learn to classify pictures from FOLDER, whose subfolders are the classes.

    Prints how well it does on pictures that it did not learn from, and what is taken for what.
    Pictures that cannot be read are named and left out.

    \b
    svm     support vector machine of whitened features: a good first choice
    affine  an affine space for each class: for few pictures, many features
    linear  logistic regression

    MODEL holds a description (JSON) and arrays (npz), and nothing that could be executed.

    \b
    Examples:
      gaborkit classify train textures --out model
      gaborkit classify train digits --classifier affine --out model
    """  # noqa: D301
    from gaborkit.estimators.classifier_store import claimed, write_classifier
    from gaborkit.estimators.picture_classifier import train_on_folder

    if folds < 0 or folds == 1:
        raise click.UsageError(f"--cross-validate {folds}: give 2 or more folds, or 0 for none")
    try:
        chosen = gk.features.descriptor(features, **parameters_from(settings))
    except GaborkitError as error:
        raise click.UsageError(f"--features {features}: {error}") from error
    with claimed(out):
        with meter("describing the pictures") as show:
            trained = train_on_folder(
                folder,
                chosen,
                method=classifier,
                size=size,
                folds=folds,
                seed=seed,
                jobs=jobs,
                progress=lambda done, total, one: show(done, total, one.source),
            )
        for failed in trained.failed:
            report(failed.error, "left out")
        write_classifier(out, trained)
    pictures, classes = sum(trained.counts.values()), len(trained.counts)
    click.echo(
        f"{pictures} pictures of {classes} classes, {len(trained.model.names)} features each "
        f"({features}, {classifier})"
    )
    if trained.confusion is not None:
        click.echo("\n".join(_report(trained)))
    elif folds:
        click.echo("no cross-validation: a class has one picture only")
    click.echo(f"{out}: the trained classifier")


@command.command("predict", short_help="Name the classes of pictures.")
@click.argument("model", type=Input(whole=True), metavar="MODEL")
@click.argument("pictures", type=IN, metavar="PICTURES...", nargs=-1, required=True)
@click.option(
    "--out",
    type=Output((".csv",)),
    metavar="CSV",
    help="File to write instead of printing: .csv.",
)
@recursive_option
@jobs_option
@max_pixels_option
@debug_option
def predict(
    model: str, pictures: tuple[str, ...], out: str | None, recursive: bool, jobs: int | None
) -> None:
    """Name the classes of PICTURES by the classifier in MODEL.

    PICTURES are files, folders of them, and samples such as sample:brick. One line each: the
    picture and its class; --out writes CSV with a score for each class beside. Scores compare the
    classes of one picture. A picture that cannot be read does not stop the others.

    \b
    Examples:
      gaborkit classify predict model photo.jpg
      gaborkit classify predict model photos sample:brick --out predictions.csv
    """  # noqa: D301
    from gaborkit.estimators.classifier_store import read_classifier

    classifier = read_classifier(model)
    sources = pictures_in(pictures, out or "", recursive=recursive)
    predictions = classifier.predict(sources, jobs=jobs)
    failed = (
        _printed(predictions) if out is None else _written(out, predictions, classifier.classes)
    )
    if failed:
        raise click.ClickException(f"{failed} of {len(sources)} pictures could not be classified")
    if out is not None:
        click.echo(f"{out}: classes of {len(sources)} pictures")


def _printed(predictions: Iterable[Predicted]) -> int:
    """Print each result; the number of pictures without one."""
    failed = 0
    for one in predictions:
        if one.error is not None:
            failed += 1
            report(one.error)
        else:
            click.echo(f"{one.source}: {one.label}")
    return failed


def _written(out: str, predictions: Iterable[Predicted], classes: Sequence[str]) -> int:
    """Write a table of results; the number of pictures without one."""
    failed = 0
    with (
        atomic_write(out, PictureError) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        table = csv.writer(stream)
        table.writerow(["picture", "class", *(f"score {as_text(name)}" for name in classes)])
        for one in predictions:
            if one.scores is None:
                failed += 1
                report(one.error)
            else:
                names = as_text(one.source), as_text(str(one.label))
                table.writerow([*names, *map("{:.6g}".format, one.scores)])
    return failed


def _report(trained: Trained) -> list[str]:
    """Lines on cross-validation: the accuracy, and what is taken for what."""
    confusion, names = trained.confusion, list(trained.counts)
    assert confusion is not None
    right, of = int(confusion.trace()), int(confusion.sum())
    share = f"{100 * right / of:.1f} % right ({right} of {of})"
    width = max(*map(len, names), len(str(of)))
    first = max(map(len, names)) + 2
    lines = [
        f"cross-validation, {trained.folds} folds: {share}",
        "",
        " " * first + "  ".join(f"{name:>{width}}" for name in names) + "  <- taken for",
    ]
    for name, row in zip(names, confusion.tolist(), strict=True):
        lines.append(f"{name:<{first}}" + "  ".join(f"{count or '.':>{width}}" for count in row))
    return [*lines, ""]
