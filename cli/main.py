"""The command ``gaborkit``: which subcommands there are, and what becomes of their errors.

Subcommands are imported when they are named, so that ``--help`` answers at once. What takes long to
load, such as recipes, plots and torch, they find at first use through gaborkit's lazy names.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import click
from click.shell_completion import CompletionItem

import gaborkit as gk
from gaborkit.filtering.engines import structures

from .commands import COMMANDS, SECTIONS
from .errors import debug_option, one_line, reason, show_traceback
from .groups import Group
from .options.arguments import Word


class CommandLine(Group):
    """Subcommands by name; every error is one line on stderr and an exit code.

    The codes are 2 where the command line is wrong, 1 for a file or the machine, 130 for Ctrl-C.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of the help text."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a subcommand."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".commands.{cmd_name}", __package__)
        command: click.Command = module.command
        command.short_help = COMMANDS[cmd_name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the lists of commands, without importing them."""
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", text) for name, text in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands that begin so, without importing them, and options."""
        names = [
            CompletionItem(name, help=text)
            for name, text in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(  # type: ignore[override]  # click's overloads say no more
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run, print what went wrong in one line, and exit."""
        if not extra.pop("standalone_mode", True):
            return super().main(args, prog_name, standalone_mode=False, **extra)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # Names of files are bytes, which may be no text; where they can, they stay as they are.
            utf8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
            sys.stdout.reconfigure(errors="surrogateescape" if utf8 else "backslashreplace")
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        except click.ClickException as error:
            code = error.exit_code
            # Under a launcher, all processes are given the same wrong command line.
            if not (isinstance(error, click.UsageError) and os.environ.get("RANK", "0") != "0"):
                click.echo(f"error: {_explain(error)}", err=True)
        except click.Abort:
            code = 130
            click.echo("interrupted", err=True)
        except OSError as error:  # of printing the help
            code = 1
            click.echo(f"error: standard output: {reason(error)}", err=True)
        sys.exit(_flushed(code))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand with warnings and errors in one line each."""
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning
            try:
                super().invoke(ctx)
            except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
                raise  # click ends quietly where nobody reads the output any more
            except KeyboardInterrupt:
                raise click.Abort from None
            except Exception as error:
                show_traceback()
                raise click.ClickException(reason(error)) from error
        return 0


def _flushed(code: int) -> int:
    """The exit code once all that was printed is written, which a full disk prevents."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would try again as it ends, and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not code and not isinstance(error, BrokenPipeError):
            click.echo(f"error: standard output: {reason(error)}", err=True)
        return code or 1
    return code


def _explain(error: click.ClickException) -> str:
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{reason(error).rstrip('.')}; see {error.ctx.command_path} --help"
    return reason(error)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    click.echo(f"warning: {one_line(message)}", err=True)


class Module(Word):
    """A Python module, which is imported."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Import it, or fail with what would work."""
        if "" not in sys.path:
            sys.path.insert(0, "")  # modules of the working folder, as with python -m
        try:
            importlib.import_module(value)
        except (Exception, SystemExit) as error:
            show_traceback()
            remedy = "give a module of the working folder or one that is installed"
            if value.endswith(".py"):
                remedy = f"give the name of the module, {Path(value).stem}, and run in its folder"
            raise click.BadParameter(
                f"{value} cannot be imported ({type(error).__name__}: {one_line(error)}); {remedy}",
                ctx,
                param,
            ) from error
        return str(value)


def _show_version(context: click.Context, option: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    click.echo(f"gaborkit {gk.__version__}, fast engines: {structures.performers().state}")
    context.exit()


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version, whether the fast engines are there, and exit.",
)
@click.option(
    "--import",
    type=Module(),
    metavar="MODULE",
    multiple=True,
    is_eager=True,
    expose_value=False,
    help="Import a Python module first, such as one that registers models of your own.",
)
@debug_option
def main() -> None:
    """Filter pictures with Gabor wavelets, draw the wavelets, and learn to make new pictures.

    Angles are in degrees, lengths in pixels. Each command has its own --help, with examples.

    \b
    Examples:
      gaborkit filter sample:camera --sigma 4 --wavelength 8 --out out.png
      gaborkit train vae --features gabor
    """  # noqa: D301


if __name__ == "__main__":
    main()
