"""Steps a second of gaborkit's training loop against a bare PyTorch loop of the same network.

    python benchmarks/throughput.py [--models vae,gan] [--features raw] [--steps 50] [--repeats 7]

Both loops run in this process, in turns, first the one and then the other, from the same weights,
with the same optimizer, on the same features in memory, without an average of weights. The bare
loop has batches, forward, backward, clipping where the preset asks for it, and step; gaborkit's has
the seeds of each step, the log and signals too.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from gaborkit.generative import MODELS, Recipe
from gaborkit.generative.device import choose_device
from gaborkit.generative.randomness import initialised
from gaborkit.generative.training.trainer import Trainer


def bare(model, features, batch_size, training, steps):
    """Seconds of a loop as one would write it."""
    generator = torch.Generator(features.device).manual_seed(0)
    optimizers = {
        name: torch.optim.AdamW(
            part.parameters(), training.learning_rate, training.betas, fused=True
        )
        for name, part in model.parts.items()
    }
    order = torch.randperm(len(features), device=features.device)
    wait(features.device)
    started = time.perf_counter()
    for step in range(steps):
        if (step + 1) * batch_size % len(features) < batch_size:
            order = torch.randperm(len(features), device=features.device)
        begin = step * batch_size % max(len(features) - batch_size, 1)
        batch = features[order[begin : begin + batch_size]]
        part = model.turn(step)
        optimizer = optimizers[part]
        optimizer.zero_grad(set_to_none=True)
        model(batch, None, generator, part).total.backward()
        if training.clip:
            torch.nn.utils.clip_grad_norm_(model.parts[part].parameters(), training.clip)
        optimizer.step()
    wait(features.device)
    return time.perf_counter() - started


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure(name, options, folder):
    """Milliseconds a step: bare, gaborkit; and the median of the ratios of neighbours."""
    device = choose_device(options.device)
    recipe = Recipe(
        name,
        features=options.features,
        preset=options.preset,
        training={
            "steps": options.steps,
            "checkpoint_every": 0,
            "sample_every": 0,
            "validate_every": 0,
            "patience": 0,
            "ema": 0.0,
        },
    )
    dataset, config, training = recipe.dataset(), recipe.configuration(), recipe.settings()
    representation = recipe.represented(config, dataset.train.images)
    with initialised(0):
        model = recipe.kind(config, representation.space, 0)
    first = {key: value.clone() for key, value in model.state_dict().items()}

    def ours():
        model.load_state_dict(first)
        trainer = Trainer(model, representation, dataset, training, run=Path(folder), device=device)
        # What is done once, at the end, is no part of a step.
        trainer._validate, trainer.save = lambda: 0.0, lambda: None
        (Path(folder) / "log.csv").unlink(missing_ok=True)
        started = time.perf_counter()
        trainer.train()
        wait(device)
        return time.perf_counter() - started

    features = representation.encode(dataset.train.images)

    def plain():
        model.load_state_dict(first)
        model.train()
        return bare(model, features, training.batch_size, training, options.steps)

    times = []
    for repeat in range(options.repeats + 1):
        seconds = (plain(), ours()) if repeat % 2 else (ours(), plain())[::-1]
        if repeat:  # the first warms up
            times.append(seconds)
    scale = 1000 / options.steps
    return (
        scale * statistics.median(plain for plain, _ in times),
        scale * statistics.median(ours for _, ours in times),
        statistics.median(plain / ours for plain, ours in times),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--features", default="raw")
    parser.add_argument("--preset", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    print("| model | bare, ms a step | gaborkit, ms a step | throughput, gaborkit / bare |")
    print("| --- | ---: | ---: | ---: |")
    for name in options.models.split(","):
        with tempfile.TemporaryDirectory() as folder:
            plain, ours, ratio = measure(name, options, folder)
        print(f"| {name} | {plain:.2f} | {ours:.2f} | {ratio:.3f} |", flush=True)


if __name__ == "__main__":
    main()
