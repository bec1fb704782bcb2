"""``gaborkit evaluate``: how good a trained model is, by figures with their protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import debug_option
from ..generating import (
    data_options,
    dataset_of,
    device_option,
    drawing_options,
    load,
    run_argument,
    seed_option,
)
from ..options.arguments import Whole
from ..options.sections import Command
from ..progress import meter

#: Fewer samples are not measured.
FEWEST = 10


@click.command("evaluate", cls=Command)
@run_argument
@click.option("--samples", type=Whole(FEWEST, 10**6), help="How many images are drawn.")
@click.option(
    "--importance-samples",
    type=Whole(1, 10**6),
    help="K of the IWAE bound on a VAE's likelihood.",
)
@click.option(
    "--repeats",
    type=Whole(1, 1000),
    help="How often a figure with chance in it is measured.",
)
@click.option(
    "--test-images", type=Whole(1, 10**6), help="For the likelihood; fewer take less time."
)
@drawing_options
@seed_option
@data_options
@device_option
@debug_option
def command(
    run: str,
    samples: int | None,
    importance_samples: int | None,
    repeats: int | None,
    test_images: int | None,
    temperature: float | None,
    guidance: float | None,
    seed: int,
    data: str | None,
    data_dir: str | None,
    device: str,
) -> None:
    """Print figures of the model in RUN, and write them to RUN/metrics.json.

    An autoregressive model has an exact likelihood, a VAE two bounds on it; of every model,
    samples are judged as pictures. Each figure comes with how it was measured.

    \b
    Examples:
      gaborkit evaluate runs/vae-gabor-mini
      gaborkit evaluate runs/digits --samples 10000 --repeats 3
    """  # noqa: D301
    from gaborkit.generative.evaluation import evaluate
    from gaborkit.generative.store import write_metrics

    arguments: dict[str, Any] = {
        "samples": samples,
        "importance_samples": importance_samples,
        "repeats": repeats,
        "test_images": test_images,
        "temperature": temperature,
        "guidance": guidance,
    }
    model = load(run, device)
    dataset = dataset_of(model, data, data_dir)
    with meter("evaluating") as progress:
        evaluation = evaluate(
            model,
            dataset,
            seed=seed,
            progress=progress,
            **{name: value for name, value in arguments.items() if value is not None},
        )
    write_metrics(Path(run), evaluation.to_dict())
    click.echo(evaluation)
    click.echo(f"{Path(run) / 'metrics.json'}: these figures")
