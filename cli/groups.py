"""A command of commands, as :mod:`click` has it but for three habits."""

from __future__ import annotations

import click

from gaborkit.errors import closest

from .options.sections import Command


class Group(click.Group):
    """Subcommands in the order of their definition; without arguments, the help.

    For a wrong name, the one that is most like it is offered.
    """

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the help text."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a subcommand, or say which one may be meant."""
        name, names = args[0], self.list_commands(ctx)
        if name in names or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)

        raise click.UsageError(f"No such command {name!r}{closest(name, names)}", ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help where nothing else is asked for."""
        return super().parse_args(ctx, args or ["--help"])
