"""``gaborkit push``: send a trained model to the Hugging Face Hub."""

from __future__ import annotations

import click

from ..errors import debug_option
from ..options.arguments import Word
from ..options.path_arguments import Input
from ..options.sections import Command


@click.command("push", cls=Command)
@click.argument("run", type=Input(whole=True), metavar="RUN")
@click.argument("repository", type=Word(), metavar="OWNER/NAME")
@click.option(
    "--licence",
    type=Word(),
    default="unknown",
    show_default=True,
    metavar="ID",
    help="What the card says, as the Hub lists them: mit, cc-by-sa-4.0.",
)
@click.option("--private", is_flag=True, help="Of a repository that is made now.")
@debug_option
def command(run: str, repository: str, licence: str, private: bool) -> None:
    """Send the model in the folder RUN to the Hugging Face Hub.

    Its weights, description, figures and samples are sent, with a card; no checkpoint, no log, and
    of the folder of its data no more than the name. Log in by `hf auth login` first. Commands take
    hf://OWNER/NAME in the place of RUN then.

    \b
    Examples:
      gaborkit push runs/vae-gabor-mini user/digits --licence cc-by-sa-3.0
      gaborkit push runs/digits user/digits --private
    """  # noqa: D301
    from gaborkit.generative.hub import push_to_hub

    click.echo(push_to_hub(run, repository, licence=licence, private=private))
