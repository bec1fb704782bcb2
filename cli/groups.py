"""A command of commands, as :mod:`click` has it but for two habits."""

from __future__ import annotations

import click


class Group(click.Group):
    """Subcommands in the order of their definition; without arguments, the help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the help text."""
        return list(self.commands)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where nothing else is asked for."""
        return super().parse_args(ctx, args or ["--help"])
