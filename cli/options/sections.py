"""Options under headings in the help text: those of a command first, those of all of them last."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

#: The heading of a command's own options, and of those that nearly every command has.
OWN, COMMON = "Options", "Common options"


class Option(click.Option):
    """An option that knows its heading in the help text."""

    def __init__(self, *declaration: Any, section: str = OWN, **fields: Any) -> None:
        self.section = section
        super().__init__(*declaration, **fields)


def option_of(section: str) -> Callable[..., Callable[[Any], Any]]:
    """:func:`click.option` for options under a heading."""
    return functools.partial(click.option, cls=Option, section=section)


class Command(click.Command):
    """A command whose help text lists its options under their headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list for each heading, in the order in which they first come."""
        for title, records in sections(self, ctx).items():
            with formatter.section(title):
                formatter.write_dl(records)


def sections(command: click.Command, ctx: click.Context) -> dict[str, list[tuple[str, str]]]:
    """Options of a command and what they do, by their headings."""
    records: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None and isinstance(parameter, click.Option):
            common = parameter is command.get_help_option(ctx)
            title = getattr(parameter, "section", COMMON if common else OWN)
            records.setdefault(title, []).append(record)
    if COMMON in records:
        records[COMMON] = records.pop(COMMON)
    return records
