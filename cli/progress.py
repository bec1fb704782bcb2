"""How far a run over several pictures is, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import click

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
