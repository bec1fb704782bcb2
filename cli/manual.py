"""Manual pages (man 7) of a command and of those below it, from what their help texts say."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from gaborkit import __version__

from .options.sections import sections


def pages(root: click.Command, name: str = "gaborkit") -> dict[str, str]:
    r"""Texts of pages by the names of their files, such as ``gaborkit-filter.1``.

    Examples
    --------
    >>> command = click.Command("draw", help="Draw a kernel.", params=[click.Option(["--sigma"])])
    >>> page = pages(command, "draw")["draw.1"]
    >>> print(page[: page.index(".SH SYN")])
    .TH "DRAW" "1" "" "gaborkit 0.1.0" "gaborkit"
    .SH NAME
    draw \- Draw a kernel
    <BLANKLINE>
    """
    return dict(_pages(root.make_context(name, [], resilient_parsing=True)))


def _pages(ctx: click.Context) -> Iterator[tuple[str, str]]:
    name = ctx.command_path.replace(" ", "-")
    yield f"{name}.1", "\n".join(_lines(ctx, name)) + "\n"
    for word, command in _below(ctx):
        yield from _pages(click.Context(command, info_name=word, parent=ctx))


def _below(ctx: click.Context) -> Iterator[tuple[str, click.Command]]:
    group = ctx.command
    if isinstance(group, click.Group):
        for word in group.list_commands(ctx):
            command = group.get_command(ctx, word)
            if command is not None:
                yield word, command


def _lines(ctx: click.Context, name: str) -> Iterator[str]:
    command = ctx.command
    short = command.get_short_help_str(200).rstrip(".")
    yield f'.TH "{name.upper()}" "1" "" "gaborkit {__version__}" "gaborkit"'
    yield from (".SH NAME", f"{name} \\- {_roff(short)}", ".SH SYNOPSIS")
    pieces = " ".join(command.collect_usage_pieces(ctx))
    yield f"\\fB{_roff(ctx.command_path)}\\fR {_roff(pieces)}"
    yield ".SH DESCRIPTION"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield from _paragraph(paragraph)
    for title, records in sections(command, ctx).items():
        yield from _list(title, records)
    below = list(_below(ctx))
    if below:
        yield from _list("Commands", [(w, c.get_short_help_str(200)) for w, c in below])
        related = [f"{name}-{word}" for word, _ in below]
    else:
        related = [] if ctx.parent is None else [ctx.parent.command_path.replace(" ", "-")]
    if related:
        yield from (".SH SEE ALSO", ", ".join(f"\\fB{_roff(x)}\\fR(1)" for x in related))


def _paragraph(text: str) -> Iterator[str]:
    r"""Lines that stay as they are after ``\b``, as click has it; else filled ones."""
    fixed = text.startswith("\b\n")
    lines = text.removeprefix("\b\n").splitlines()
    if fixed and lines[0] in ("Examples:", "Example:"):
        yield ".SH EXAMPLES"
        lines = inspect.cleandoc("\n".join(["", *lines[1:]])).splitlines()
    else:
        yield ".PP"
    yield from [".nf", *map(_roff, lines), ".fi"] if fixed else map(_roff, lines)


def _list(title: str, records: list[tuple[str, str]]) -> Iterator[str]:
    yield f".SH {title.upper()}"
    for term, text in records:
        yield from (".TP", f"\\fB{_roff(term)}\\fR", _roff(text) or ".PP")


def _roff(text: str) -> str:
    r"""Text as roff shows it: nothing in it is a command, and hyphens can be copied.

    Examples
    --------
    >>> print(_roff(".png --out"))
    \&.png \-\-out
    """
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
