"""Commands that write files about one picture, or about each of several, one after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

import gaborkit as gk

from .errors import reason, report, show_traceback
from .jobs import PictureFiles, jobs_of
from .labels import outlined
from .progress import followed
from .quantization import quantize

#: The files of one picture by the option that asks for them; ``out`` is always there.
Files = dict[str, PictureFiles]

Item = TypeVar("Item")
Result = TypeVar("Result")


def files_of(
    sources: Sequence[str],
    outs: Mapping[str, str | None],
    name: str,
    *,
    suffix: str | None = None,
    recursive: bool = False,
) -> list[Files]:
    """For each picture, what is written about it.

    Parameters
    ----------
    sources, suffix, recursive
        As of :func:`~.jobs.jobs_of`.
    outs : dict of str to str
        File or folder by its option; None is not asked for.
    name : str
        Of what is found.

    Raises
    ------
    click.UsageError, PictureError
        As :func:`~.jobs.jobs_of`.
    """
    asked = {option: out for option, out in outs.items() if out is not None}
    several = {
        option: jobs_of(
            sources,
            out,
            [name],
            option=option,
            suffix=suffix,
            recursive=recursive,
            beside=list(asked.values()),
        )
        for option, out in asked.items()
    }
    return [dict(zip(several, jobs, strict=True)) for jobs in zip(*several.values(), strict=True)]


def is_single(jobs: Sequence[Files], sources: Sequence[str]) -> bool:
    """Whether one picture was named, and not its folder."""
    return len(jobs) == 1 and source_of(jobs[0]) == sources[0]


def file_of(files: PictureFiles) -> Path:
    """The one file of an option, whose folder is made."""
    (target,) = files.targets
    if files.new_folder:
        target.parent.mkdir(parents=True, exist_ok=True)
    return target


def for_each(
    items: Sequence[Item],
    work: Callable[[Item], Result],
    name: Callable[[Item], str],
    doing: str,
    progress: bool | None = None,
) -> tuple[list[Result], list[str]]:
    """What ``work`` makes of several things, and what was wrong with those that failed."""
    made: list[Result] = []
    problems: list[str] = []

    def names() -> Iterator[str]:
        for item in items:
            try:
                made.append(work(item))
            except (gk.GaborkitError, OSError, MemoryError) as error:
                show_traceback()
                problems.append(reason(error))
            yield name(item)

    for _ in followed(names(), len(items), doing, str, progress):
        pass
    return made, problems


def refuse(problems: Sequence[str], of: str, done: str) -> None:
    """Tell each problem in a line, and raise click.ClickException if there are any.

    Examples
    --------
    >>> refuse([], "3 pictures", "searched")
    """
    for problem in problems:
        report(problem)
    if problems:
        raise click.ClickException(f"{len(problems)} of {of} could not be {done}")


def source_of(job: Files) -> str:
    """The picture that files are about."""
    return job["out"].source


def find_in_each(
    jobs: Sequence[Files],
    sources: Sequence[str],
    find: Callable[[Files], dict[str, Any]],
    doing: str,
    *,
    of_one: Callable[[dict[str, Any]], str],
    of_several: Callable[[list[dict[str, Any]]], str],
    out: str,
    as_json: bool,
    progress: bool | None,
) -> None:
    """Find something in one picture or in several, and print it as a line of text or of JSON.

    Parameters
    ----------
    find : callable
        Writes the files of a picture; returns what is said of it.
    of_one, of_several : callable
        The text about what ``find`` returned.

    Raises
    ------
    click.ClickException
        If some of several pictures could not be searched.
    """
    if is_single(jobs, sources):
        said = find(jobs[0])
        click.echo(json.dumps({"out": out, **said}) if as_json else f"{out}: {of_one(said)}")
        return
    several, problems = for_each(jobs, find, source_of, doing, progress)
    refuse(problems, f"{len(jobs)} pictures", "searched")
    said = {"out": out, "pictures": several}
    click.echo(json.dumps(said) if as_json else f"{out}: {of_several(several)}")


def write_marks(
    job: Files,
    picture: NDArray[Any],
    mask: NDArray[np.bool_],
    score: NDArray[Any],
    description: Mapping[str, Any],
) -> None:
    """Write what was found: its mask, and scores and outlines if they are asked for."""
    gk.write_image(file_of(job["out"]), mask, description)
    if "score" in job:
        target, says = file_of(job["score"]), dict(description)
        if target.suffix.lower() == ".png":
            score, mapping = quantize(score.clip(0), "energy")
            says["mapping"] = {"value": "offset + gain * stored", **mapping}
        gk.write_image(target, score, says)
    if "overlay" in job:
        gk.write_image(file_of(job["overlay"]), outlined(picture, mask))
