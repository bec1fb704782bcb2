"""Commands that write files about one picture, or about each of several, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import click

import gaborkit as gk

from .errors import reason, report, show_traceback
from .jobs import PictureFiles, jobs_of
from .progress import followed

#: The files of one picture by the option that asks for them; ``out`` is always there.
Files = dict[str, PictureFiles]

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
    several = {
        option: jobs_of(sources, out, [name], option=option, suffix=suffix, recursive=recursive)
        for option, out in outs.items()
        if out is not None
    }
    return [dict(zip(several, jobs, strict=True)) for jobs in zip(*several.values(), strict=True)]


def is_single(jobs: Sequence[Files], sources: Sequence[str]) -> bool:
    """Whether one picture was named, and not its folder."""
    return len(jobs) == 1 and jobs[0]["out"].source == sources[0]


def target_of(files: PictureFiles) -> Path:
    """The one file of an option, whose folder is made."""
    (target,) = files.targets
    if files.new_folder:
        target.parent.mkdir(parents=True, exist_ok=True)
    return target


def for_each(
    jobs: Sequence[Files],
    work: Callable[[Files], Result],
    doing: str,
    done: str,
    progress: bool | None = None,
) -> list[Result]:
    """What ``work`` makes of several pictures, of which some may fail while the others go on.

    Raises
    ------
    click.ClickException
        In the end, if any failed: each was told in a line.
    """

    def results() -> Iterator[tuple[str, Result | None, str | None]]:
        for job in jobs:
            source = job["out"].source
            try:
                result = work(job)
            except (gk.GaborkitError, OSError, MemoryError) as error:
                show_traceback()
                yield source, None, reason(error)
            else:
                yield source, result, None

    several = list(followed(results(), len(jobs), doing, lambda one: one[0], progress))
    problems = [problem for _, _, problem in several if problem is not None]
    for problem in problems:
        report(problem)
    if problems:
        raise click.ClickException(f"{len(problems)} of {len(jobs)} pictures could not be {done}")
    return [result for _, result, _ in several]  # type: ignore[misc]
