"""``gaborkit retrieve``: pictures of a collection whose texture is like that of another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import gaborkit as gk
from gaborkit.errors import GaborkitError

from ..errors import report
from ..jobs import pictures_in
from ..options.arguments import Choice, Whole
from ..options.path_arguments import IN, TABLES, Output
from ..options.reading import (
    DESCRIPTORS,
    jobs_option,
    parameters_from,
    recursive_option,
    report_options,
    set_option,
)
from ..options.sections import Command

if TYPE_CHECKING:
    from gaborkit.vision import TextureIndex


@click.command("retrieve", cls=Command)
@click.argument("query", type=IN, metavar="QUERY")
@click.argument("collection", type=IN, metavar="COLLECTION...", nargs=-1, required=True)
@click.option(
    "--count",
    type=Whole(1, 10**6),
    default=10,
    show_default=True,
    help="How many pictures to show.",
)
@click.option(
    "--features",
    "name",
    type=Choice(DESCRIPTORS),
    help="How pictures are described; see gaborkit features.  [default: texture]",
)
@set_option
@recursive_option
@click.option(
    "--save",
    type=Output(TABLES),
    metavar="FILE",
    help="Keep the features, to be searched again: .npz, ...",
)
@jobs_option
@report_options
def command(
    query: str,
    collection: tuple[str, ...],
    count: int,
    name: str | None,
    settings: tuple[tuple[str, Any], ...],
    recursive: bool,
    save: str | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Find the pictures of a collection that are most like QUERY, by means and deviations of
    Gabor magnitudes (Manjunath and Ma, 1996).

    QUERY is a picture, or sample:NAME. COLLECTION is pictures and folders, or a table that --save
    or gaborkit features has written, such as index.npz, which is searched at once. Each line is a
    distance, in deviations over the collection, and a picture.

    \b
    Examples:
      gaborkit retrieve sample:brick sample:grass sample:gravel sample:camera
      gaborkit retrieve sample:grass sample:gravel sample:camera --save index.npz
    """  # noqa: D205, D301
    stored = len(collection) == 1 and Path(collection[0]).suffix.lower() in TABLES
    failed = 0
    if stored:
        for option, value in (("features", name), ("set", settings), ("save", save)):
            if value:
                raise click.UsageError(
                    f"--{option} does not go with the table {collection[0]}, which says how its "
                    "pictures are described"
                )
        index = gk.vision.TextureIndex.load(collection[0])
    else:
        try:
            index = gk.vision.TextureIndex(
                gk.features.descriptor(name or "texture", **parameters_from(settings))
            )
        except GaborkitError as error:
            raise click.UsageError(f"--features {name or 'texture'}: {error}") from error
        pictures = pictures_in(collection, save or "", recursive=recursive)
        failed = _fill(index, pictures, jobs)
        if not len(index):
            raise click.ClickException(f"none of {len(pictures)} pictures could be described")
        if save:
            index.save(save)
    matches = index.search(query, count)
    if as_json:
        rows: list[dict[str, Any]] = [match._asdict() for match in matches]
        click.echo(json.dumps({"query": query, "pictures": len(index), "matches": rows}))
    else:
        for match in matches:
            # Of a query that is unlike all pictures the distance has hundreds of digits.
            places = ".3f" if match.distance < 1e9 else ".3e"
            click.echo(f"{match.distance:10{places}}  {match.picture}")
    if failed:
        raise click.ClickException(
            f"{failed} of {failed + len(index)} pictures could not be described"
        )


def _fill(index: TextureIndex, pictures: list[str], jobs: int | None) -> int:
    """Describe pictures; how many could not be."""
    failed = 0
    for described in index.add_files(pictures, jobs=jobs):
        if described.error is not None:
            report(described.error)
            failed += 1
    return failed
