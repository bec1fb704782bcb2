"""Errors and warnings as one line of text, and the option that shows more."""

from __future__ import annotations

import traceback

import click

from gaborkit.errors import GaborkitError
from gaborkit.extras import hint

from .commands import GENERATIVE
from .options.sections import COMMON, option_of

_DEBUG = "gaborkit.debug"

#: Characters of a word and of a line that are echoed; what is longer is cut in its middle.
LONGEST_WORD, LONGEST_LINE = 300, 1500


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_DEBUG] = True  # shared by the contexts of a command and its subcommands


debug_option = option_of(COMMON)(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember,
    help="Show the traceback of an error.",
)


def show_traceback() -> None:
    """Print the traceback of the exception that is being handled, if ``--debug`` was given."""
    if click.get_current_context().meta.get(_DEBUG):
        click.echo(traceback.format_exc(), err=True, nl=False)


def one_line(message: object) -> str:
    r"""The text of an exception or warning in one line that fits a screen, or else its type.

    Examples
    --------
    >>> one_line("no\nsuch file")
    'no such file'
    >>> one_line("no " + 1000 * "x" + " here")[:8], len(one_line(1000 * "x"))
    ('no xxxxx', 300)
    >>> one_line("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    text = str(message)
    words = text.split() if len(text) < 100 * LONGEST_LINE else [text]
    line = " ".join(_cut(word, LONGEST_WORD) for word in words)
    line = _cut(line, LONGEST_LINE) or type(message).__name__
    # A terminal would obey what is not printable.
    return "".join(
        x if x.isprintable() else x.encode("unicode_escape", "surrogatepass").decode() for x in line
    )


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}...{text[head + 3 - longest :]}"


def report(problem: object, word: str = "error") -> None:
    """Print one line about a problem that does not end the command."""
    click.echo(f"{word}: {one_line(problem)}", err=True)


def reason(error: BaseException) -> str:
    """Say in one line what went wrong and what would work.

    Examples
    --------
    >>> reason(FileNotFoundError(2, "No such file or directory", "a.png"))
    'a.png: No such file or directory'
    >>> reason(ModuleNotFoundError("No module named 'torch'", name="torch"))
    'this needs torch, which is not installed; pip install "gaborkit[torch]" brings it'
    """
    match error:
        case click.ClickException():
            return one_line(error.format_message())
        case GaborkitError():
            return one_line(error)
        case ModuleNotFoundError(name=str(name)) if text := hint(name, generative=_generative()):
            return text
        case OSError(strerror=str(strerror)):
            return one_line(f"{error.filename}: {strerror}" if error.filename else strerror)
        case MemoryError():
            return f"not enough memory ({one_line(error)}); a smaller picture or bank would work"
        case RuntimeError() if "DefaultCPUAllocator: can't allocate memory" in str(
            error
        ):  # torch's
            return "not enough memory; smaller or fewer images, or a smaller model would work"
        case RuntimeError() if type(error).__name__ == "OutOfMemoryError":  # torch's, of a GPU
            return (
                "the device has not enough memory; a smaller batch, fewer samples or --device cpu "
                "would work"
            )
        case _:
            return (
                f"gaborkit failed unexpectedly ({type(error).__name__}: {one_line(error)}); "
                "please report what --debug prints"
            )


def _generative() -> bool:
    """Whether the command that runs is one of the generative part."""
    context = click.get_current_context(silent=True)
    return context is not None and context.find_root().invoked_subcommand in GENERATIVE
