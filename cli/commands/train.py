"""``gaborkit train``: a model from images, or more steps of one."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import debug_option
from ..generating import device_option
from ..options.path_arguments import RUN, Output
from ..options.reading import max_pixels_option
from ..options.sections import Command, Option
from ..options.training import (
    MODELS,
    ModelName,
    absolute,
    flag_of,
    free_folder,
    model_names,
    recipe_from,
    training_options,
)
from ..progress import meter


@click.command("train", cls=Command)
@click.argument("model", type=ModelName(*MODELS), metavar="MODEL", required=False)
@click.option(
    "--out",
    cls=Option,
    type=Output(folder=True),
    section="Run",
    metavar="RUN",
    help="Folder to make.  [default: runs/MODEL-FEATURES-DATA, with a number where taken]",
)
@click.option(
    "--resume",
    cls=Option,
    section="Run",
    type=RUN,
    metavar="RUN",
    help="Go on with a run instead; no MODEL, and of the options below only --steps, and --data "
    "and --data-dir where the pictures were moved.",
)
@device_option
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@training_options
@max_pixels_option
@debug_option
def command(
    model: str | None,
    out: str | None,
    resume: str | None,
    device: str,
    quiet: bool,
    **options: Any,
) -> None:
    """Train a generative model of raw pixels or of Gabor coefficients.

    MODEL is pixelcnn, gated-pixelcnn, pixelrnn, pixelsnail, imagegpt, vae, ae, vq-vae, gan, dcgan,
    lapgan, stackgan or srgan.
    What no option says, the preset does. Without --data, 5,000 digits that come with gaborkit
    are learnt: no download.

    The folder RUN gets the model, its configuration, checkpoints, a log and grids of samples.
    Ctrl-C saves; --resume goes on with exactly the steps that were left. Several processes:
    torchrun --nproc-per-node 2 -m gaborkit train ..., or accelerate launch --multi_gpu
    --num_processes 2 alike; on CPUs too, with --device cpu where there are GPUs.

    \b
    Examples:
      gaborkit train vae --features gabor
      gaborkit train gated-pixelcnn --data mnist --classes --out runs/digits
      gaborkit train vae --set latent=2 --steps 500 --seed 3
      gaborkit train --resume runs/vae-gabor-mini
      gaborkit train vae --init runs/vae-raw-mini --steps 2000
      gaborkit train vq-vae
      gaborkit train gated-pixelcnn --codes runs/vq-vae-raw-mini
    """  # noqa: D301
    from gaborkit.generative.training import session

    chosen = {name: value for name, value in options.items() if value not in (None, ())}
    if resume is None:
        if model is None:
            raise click.UsageError(
                f"which MODEL? choose {', '.join(model_names())}, or --resume RUN"
            )
        recipe = recipe_from(model, chosen)
        folder = Path(out) if out is not None else free_folder(recipe)
    else:
        _check_resume(model, out, chosen)
        folder = Path(resume)

    # Under a launcher one process speaks for all.
    silent = quiet or os.environ.get("RANK", "0") != "0"
    talk: dict[str, Any] = {
        "device": device,
        "say": None if silent else click.echo,
    }
    try:
        with meter("training", False if silent else None) as show:
            if resume is None:
                trained = session.start(recipe, folder, progress=show, **talk)
            else:
                trained = session.resume(
                    folder, **{**chosen, **absolute(chosen)}, progress=show, **talk
                )
    except session.Interrupted as stop:
        if os.environ.get("RANK", "0") == "0":
            click.echo(
                f"interrupted at step {stop.step:,}, and saved; to go on: "
                f"{resume_command(stop.run, device)}",
                err=True,
            )
        raise click.exceptions.Exit(130) from None
    except BaseException:
        if resume is None and out is None:
            with contextlib.suppress(OSError):
                folder.rmdir()  # made for this run, and still empty
        raise
    if not silent:
        _say_what_next(folder, trained.model.takes_pictures, click.echo)


def _check_resume(model: str | None, out: str | None, chosen: dict[str, Any]) -> None:
    if model is not None:
        raise click.UsageError(
            f"--resume goes on with the model that the run has: leave out {model}"
        )
    if out is not None:
        raise click.UsageError(f"--resume goes on in its own folder: leave out --out {out}")
    for name, value in chosen.items():
        if name not in ("steps", "data", "data_dir"):
            raise click.UsageError(
                f"{flag_of(name, value)} does not go with --resume: a run goes on as it was "
                "started; only --steps can change, and the place of its data (--data, --data-dir)"
            )


def resume_command(run: Path, device: str = "auto") -> str:
    """What to type to go on with a run, quoted for a shell, with as many processes as now.

    Examples
    --------
    >>> resume_command(Path("runs/my digits"))
    "gaborkit train --resume 'runs/my digits'"
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    launcher = (
        ["gaborkit"]
        if processes == 1
        else ["torchrun", "--nproc-per-node", str(processes), "-m", "gaborkit"]
    )
    words = [*launcher, "train", "--resume", str(run)]
    return shlex.join([*words, "--device", device] if device != "auto" else words)


def _say_what_next(run: Path, takes_pictures: bool, say: Callable[[str], None]) -> None:
    name = shlex.quote(str(run))
    say(f"{run / 'samples.png'}: samples")
    say(f"{run}: the model, its log and its checkpoints")
    use = f"upscale IN --model {name}" if takes_pictures else f"sample {name}"
    say(f"next: gaborkit {use}; gaborkit evaluate {name}")
