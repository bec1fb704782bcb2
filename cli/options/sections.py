"""Options under headings, for a command that has many."""

from __future__ import annotations

from typing import Any

import click


class Option(click.Option):
    """An option that knows its heading in the help text."""

    def __init__(self, *declaration: Any, section: str = "Options", **fields: Any) -> None:
        self.section = section
        super().__init__(*declaration, **fields)


class Command(click.Command):
    """A command whose help text lists its options under their headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list for each heading, in the order in which they first come."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "section", "Options")
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)
