"""``gaborkit explore``: a page to play with, in a browser of this machine."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from gaborkit.extras import optional

from ..errors import debug_option
from ..options.arguments import Whole
from ..options.path_arguments import IN, Input
from ..options.sections import Command


@click.command("explore", cls=Command)
@click.argument("source", type=IN, metavar="[PICTURE]", required=False)
@click.option(
    "--port", type=Whole(0, 65535), default=0, help="Of the address.  [default: any that is free]"
)
@click.option(
    "--runs",
    type=Input(folder=True),
    default="runs",
    show_default=True,
    metavar="DIR",
    help="Folder of the trained models to look into.",
)
@click.option(
    "--browser/--no-browser",
    default=True,
    show_default=True,
    help="Open the page, or only print its address.",
)
@debug_option
def command(source: str | None, port: int, runs: str, browser: bool) -> None:
    """Play with kernels, banks, pictures and models on a page in a browser.

    Sliders for every parameter of a kernel; what a bank covers; responses of your own picture,
    dropped on the page; recipes, with scribbles painted on it; a trained model's latents. Each
    view's values are in the address, and a button shows the Python and the command that make
    the same.

    The page is served to this machine alone, at an address with a random token, until Ctrl-C. It
    asks no other host, and needs no network. Needs pip install "gaborkit[explore]".

    \b
    Examples:
      gaborkit explore
      gaborkit explore photo.jpg --port 8000 --no-browser
    """  # noqa: D301
    for module in ("starlette", "uvicorn"):
        optional(module)
    from ..explore.desk import Desk
    from ..explore.server import serve

    desk = Desk(source, Path(runs))
    if source is not None:
        desk.plane(source)

    def ready(address: str) -> None:
        click.echo(f"{address}\nCtrl-C ends it.")
        if browser and not webbrowser.open(address):
            click.echo("note: no browser could be opened; open this address in one", err=True)

    try:
        serve(desk, port, ready)
    except OSError as error:
        raise click.ClickException(
            f"--port {port}: {error.strerror}; leave it out to take one that is free"
        ) from error
    except KeyboardInterrupt:
        click.echo("ended")
