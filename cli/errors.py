"""Errors and warnings as one line of text, and the option that shows more."""

from __future__ import annotations

import traceback

import click

_DEBUG = "gaborkit.debug"

#: Of ``gaborkit[all]``, by the names that they are imported by.
_OPTIONAL = (
    *("torch", "torchvision", "accelerate", "safetensors", "tensorboard", "tqdm"),
    *("sklearn", "joblib", "threadpoolctl", "pandas", "pyarrow", "xarray"),
)


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_DEBUG] = True  # shared by the contexts of a command and its subcommands


debug_option = click.option(
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
    """The text of an exception or warning without line breaks, or else its type."""
    return " ".join(str(message).split()) or type(message).__name__


def reason(error: BaseException) -> str:
    """Say in one line what went wrong and what would work.

    Examples
    --------
    >>> reason(FileNotFoundError(2, "No such file or directory", "a.png"))
    'a.png: No such file or directory'
    >>> reason(ModuleNotFoundError("No module named 'torch'", name="torch"))
    'this needs torch, which is not installed; pip install "gaborkit[all]" brings it'
    """
    from gaborkit import GaborkitError

    match error:
        case click.ClickException():
            return one_line(error.format_message())
        case GaborkitError():
            return one_line(error)
        case ModuleNotFoundError(name=str(name)) if name.split(".")[0] in _OPTIONAL:
            missing = name.split(".")[0]
            return (
                f'this needs {missing}, which is not installed; pip install "gaborkit[all]" '
                "brings it"
            )
        case OSError(strerror=str(strerror)):
            return f"{error.filename}: {strerror}" if error.filename else strerror
        case MemoryError():
            return f"not enough memory ({one_line(error)}); a smaller picture or bank would work"
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
