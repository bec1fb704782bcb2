"""How far a run over several pictures is, on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from gaborkit.features import Described

T = TypeVar("T")


def shown(
    results: Iterable[T], count: int, progress: bool | None, name: Callable[[T], str]
) -> Iterator[T]:
    """Pass results on, with a bar on a terminal or, where asked for elsewhere, a line each."""
    if sys.stderr.isatty() and progress is not False:
        with click.progressbar(
            results,
            length=count,
            file=sys.stderr,
            show_pos=True,
            item_show_func=lambda result: None if result is None else name(result),
        ) as bar:
            yield from bar
        return
    for number, result in enumerate(results, 1):
        if progress:
            click.echo(f"[{number}/{count}] {name(result)}", err=True)
        yield result


@contextlib.contextmanager
def counted(
    progress: bool | None = None, count: int | None = None
) -> Iterator[Callable[[int, int, Described], None] | None]:
    """What the library calls after each picture: it moves a bar on a terminal, or writes a line.

    None where nothing is to be shown: elsewhere, and for a single picture, unless asked for.
    """
    if sys.stderr.isatty() and progress is not False and (progress or count != 1):
        with click.progressbar(length=count or 1, file=sys.stderr, show_pos=True) as bar:

            def show(done: int, total: int, described: Described) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            yield show
    elif progress:
        yield lambda done, total, described: click.echo(
            f"[{done}/{total}] {described.source}", err=True
        )
    else:
        yield None
