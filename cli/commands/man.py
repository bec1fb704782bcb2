"""``gaborkit man``: a manual page for each command."""

from __future__ import annotations

from pathlib import Path

import click

from gaborkit.io.files import atomic_write

from ..errors import debug_option
from ..manual import pages
from ..options.path_arguments import Output
from ..options.sections import Command


@click.command("man", cls=Command)
@click.option(
    "--out", required=True, type=Output(folder=True), metavar="DIR", help="Folder to write into."
)
@debug_option
def command(out: str) -> None:
    """Write manual pages: gaborkit.1, gaborkit-filter.1, ..., one for each command.

    They say what --help does. man finds those in share/man/man1 beside a bin of the PATH: of an
    environment that is active, or of ~/.local.

    \b
    Examples:
      gaborkit man --out ~/.local/share/man/man1
      gaborkit man --out "$VIRTUAL_ENV/share/man/man1"
      man gaborkit-filter
    """  # noqa: D301
    root = click.get_current_context().find_root().command
    written = pages(root)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        with atomic_write(folder / name) as path:
            path.write_text(text, encoding="utf-8")
    click.echo(f"{len(written)} pages in {out}")
