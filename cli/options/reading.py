"""Options that commands which read or describe pictures share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from gaborkit.choices import OUTSIDES

from ..errors import debug_option
from .arguments import SEED, Choice, Setting, Whole
from .path_arguments import IN
from .sections import COMMON, option_of

#: Descriptors of pictures by name; a test holds them equal to the library's.
DESCRIPTORS = ("texture", "energy", "invariant", "spectrum", "gist", "scattering")


class Pixels(Whole):
    """How many a picture may have while the command runs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read no more from now on."""
        from gaborkit.io.images import pixel_limit

        pixels = super().convert(value, param, ctx)
        if ctx is not None:
            ctx.with_resource(pixel_limit(pixels))
        return pixels


_common_option = option_of(COMMON)

max_pixels_option = _common_option(
    "--max-pixels",
    type=Pixels(1, 10**12),
    metavar="N",
    expose_value=False,
    help="Read compressed pictures of so many pixels.  [default: 90000000]",
)
recursive_option = click.option(
    "--recursive", "-r", is_flag=True, help="Look into the folders inside folders."
)
progress_option = _common_option(
    "--progress/--no-progress",
    default=None,
    help="Show how far it is, on stderr.  [default: on a terminal, with several pictures]",
)


def mask_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add --mask and --outside, of :meth:`gaborkit.GaborBank.filter`."""
    function = click.option(
        "--outside",
        type=Choice(OUTSIDES),
        help="With --mask: fill with the nearest pixels inside, or convolve normalised.  "
        "[default: nearest]",
    )(function)
    return mask_option(function)


mask_option = click.option(
    "--mask",
    type=IN,
    metavar="PATH",
    help="Look at what is not 0 in this picture alone.",
)
jobs_option = _common_option(
    "--jobs",
    type=Whole(1, 1024),
    metavar="N",
    help="Pictures at a time.  [default: one for each core]",
)
json_option = _common_option("--json", "as_json", is_flag=True, help="Print a line of JSON.")


def report_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add --json, --max-pixels and --debug, of commands that print what a picture shows."""
    return json_option(max_pixels_option(debug_option(function)))


seed_option = click.option("--seed", type=SEED, default=0, show_default=True, help="Of chance.")
colour_option = click.option(
    "--colour",
    type=Choice(("luminance", "channels")),
    default="luminance",
    show_default=True,
    help="Look at a colour picture's luminance, or at each channel.",
)
set_option = click.option(
    "--set",
    "settings",
    type=Setting("pooling=max"),
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the features; may be given several times.",
)


def parameters_from(settings: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Parameters of a descriptor, whose lists are tuples.

    Examples
    --------
    >>> parameters_from([("pooling", "max"), ("blocks", [2, 3])])
    {'pooling': 'max', 'blocks': (2, 3)}
    """
    return {name: tuple(x) if isinstance(x, list) else x for name, x in settings}
