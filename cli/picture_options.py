"""Options that commands which read or describe pictures share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

#: Descriptors of pictures by name; a test holds them equal to the library's.
DESCRIPTORS = ("texture", "energy", "invariant", "spectrum", "gist", "scattering")


def _allow_pixels(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    if value is not None:
        from gaborkit.images import pixel_limit

        ctx.with_resource(pixel_limit(value))


max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    metavar="N",
    expose_value=False,
    callback=_allow_pixels,
    help="Read compressed pictures of so many pixels.  [default: 90000000]",
)
recursive_option = click.option(
    "--recursive", "-r", is_flag=True, help="Look into the folders inside folders."
)
progress_option = click.option(
    "--progress/--no-progress",
    default=None,
    help="Show how far it is, on stderr.  [default: on a terminal, with several pictures]",
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Pictures at a time.  [default: one for each core]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print a line of JSON.")
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of chance."
)
set_option = click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the features; may be given several times.",
)


def parameters_from(settings: Sequence[str]) -> dict[str, Any]:
    """What ``--set NAME=VALUE`` said; each value is JSON or else a word.

    Raises
    ------
    click.UsageError
        If one has no name or no value.

    Examples
    --------
    >>> parameters_from(["pooling=max", "blocks=2"])
    {'pooling': 'max', 'blocks': 2}
    """
    return dict(map(_parameter, settings))


def _parameter(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.UsageError(f"--set {text}: give NAME=VALUE, such as pooling=max")
    try:
        found = json.loads(value)
    except ValueError:
        return name, value
    return name, tuple(found) if isinstance(found, list) else found
