"""Exact likelihoods of autoregressive models, at equal parameters and equal processor time.

    python benchmarks/likelihoods.py --out FOLDER [--seconds 240] [--models pixelcnn imagegpt]
    python benchmarks/likelihoods.py --out FOLDER --data mnist --data-dir DIR --binarize static

Widths are such that each has about 90,000 parameters; all else is the preset small, and the seed is
0. A model trains for as many steps as fill ``--seconds``, by the time of its first steps, along
its preset's schedule. Prints a table in Markdown: nats of held-out and of test images. A run that
FOLDER holds is gone on with.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from gaborkit.generative import Dataset, ImageModel, Recipe, resume, start
from gaborkit.generative.metrics.likelihood import likelihood_figures

#: By what the table calls them: the model, and fields that give it about 90,000 parameters.
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "pixelcnn": ("pixelcnn", {}),
    "gated-pixelcnn": ("gated-pixelcnn", {}),
    "pixelrnn, row": ("pixelrnn", {"lstm": "row", "channels": 27}),
    "pixelrnn, diagonal": ("pixelrnn", {"lstm": "diagonal", "channels": 26}),
    "pixelsnail": ("pixelsnail", {"channels": 40}),
    "imagegpt": ("imagegpt", {"channels": 46}),
}
TIMED_STEPS = 14
#: Of the checkpoints of a run.
PARTS = 10

HEADINGS = (
    "model",
    "parameters",
    "steps x batch",
    "CPU, s",
    "images seen",
    "held out, nats",
    "test, nats",
    "bits a dimension",
)


class Clock:
    """Processor seconds of a run's steps, kept in a file beside it from one start to the next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds: float = json.loads(path.read_text()) if path.exists() else 0.0
        self.last: float | None = None

    def __call__(self, done: int, total: int, what: str) -> None:
        """After each step; the file follows every twenty."""
        now = time.process_time()
        if self.last is not None:
            self.seconds += now - self.last
        self.last = now
        if done % 20 == 0 or done == total:
            self.path.write_text(json.dumps(self.seconds))


def step_time(recipe: Recipe, data: Dataset) -> float:
    """Median processor seconds of a step."""
    moments: list[float] = []
    short = replace(recipe, training={"steps": TIMED_STEPS})
    with tempfile.TemporaryDirectory() as folder:
        start(
            short,
            Path(folder) / "run",
            dataset=data,
            device="cpu",
            progress=lambda *_: moments.append(time.process_time()),
        )
    times = [after - before for before, after in pairwise(moments)]
    return statistics.median(times[2:-1])  # the last saves


def trained(
    recipe: Recipe, data: Dataset, folder: Path, seconds: float
) -> tuple[ImageModel, float]:
    """The model, and processor seconds of its steps."""
    clock = Clock(folder.with_suffix(".seconds"))
    if (folder / "config.json").is_file():
        return resume(folder, dataset=data, device="cpu", progress=clock), clock.seconds
    steps = max(PARTS, round(seconds / step_time(recipe, data)))
    training = {"steps": steps, "checkpoint_every": steps // PARTS}
    recipe = replace(recipe, training=training)
    return start(recipe, folder, dataset=data, device="cpu", progress=clock), clock.seconds


def row(
    name: str, image_model: ImageModel, data: Dataset, seconds: float, images: int
) -> list[str]:
    """Of the table."""
    count = sum(weights.numel() for weights in image_model.model.parameters())
    settings = image_model.provenance["training"]
    steps, batch = settings["steps"], settings["batch_size"]
    held_out, test = (
        likelihood_figures(image_model.model, image_model.representation, split)[0]
        for split in (data.validation, data.test.take(torch.arange(min(images, len(data.test)))))
    )
    return [
        name,
        f"{count:,}",
        f"{steps:,} x {batch}",
        f"{seconds:.0f}",
        f"{steps * batch:,}",
        f"{held_out[0].value:.1f}",
        f"{test[0].value:.1f} ± {test[0].standard_error:.1f}",
        f"{test[1].value:.3f}",
    ]


def main() -> None:
    """Train all that is not there, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=240.0, help="of a processor, each")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--data", default="mini")
    parser.add_argument("--data-dir")
    parser.add_argument("--binarize", choices=["dynamic", "static", "threshold"])
    parser.add_argument("--test-images", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    representation = {"binarize": options.binarize} if options.binarize else {}
    print("| " + " | ".join(HEADINGS) + " |")
    print("| --- |" + " ---: |" * (len(HEADINGS) - 1))
    data = Recipe("pixelcnn", data=options.data, data_dir=options.data_dir).dataset()
    for name in options.models:
        model, config = MODELS[name]
        recipe = Recipe(model, data=None, config=config, representation=representation)
        folder = options.out / name.replace(", ", "-")
        image_model, seconds = trained(recipe, data, folder, options.seconds)
        cells = row(name, image_model, data, seconds, options.test_images)
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
