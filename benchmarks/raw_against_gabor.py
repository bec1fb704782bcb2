"""Networks that see pixels as they are, and through a Gabor frame: paired runs, samples compared.

    python benchmarks/raw_against_gabor.py --out FOLDER [--models vae,dcgan] [--images 500]
        [--data fashion --data-dir GARMENTS] [--longer 1.4]

For each model the width of the raw one is chosen so that both have equally many parameters, to two
per cent; both are trained on ``mini``, or on as many of its digits as ``--images`` says, with equal
settings (of a GAN, each by the loss of its preset), for equally many steps of as many images; with
``--longer`` the raw one for so many times more, since its steps cost less. Both are models of
pixels, so that likelihoods compare too. Prints one table a model: CPU time of training, the mean of
each figure over seeds, and the mean paired difference with a 95 % interval of Student's t. Runs
that FOLDER holds are not trained again.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from gaborkit import generative
from gaborkit.generative.data.dataset import balanced
from gaborkit.generative.models import MODELS


def recipe(
    name: str, features: str, seed: int, steps: int | None = None, longer: float = 1.0
) -> generative.Recipe:
    """What a run of the comparison is made of: steps in place of its own, longer if raw."""
    options = RUNS[name]
    training = {**options["training"], "seed": seed}
    training["steps"] = steps or training["steps"]
    if features == "raw":
        training["steps"] = round(longer * training["steps"])
    return generative.Recipe(
        options.get("model", name),
        features=features,
        config=options.get(features, {}),
        representation=options.get("representation", {}) if features == "gabor" else {},
        training=training,
    )


#: Widths are such that the two have equally many parameters.
RUNS: dict[str, dict[str, Any]] = {
    "vae": {
        "raw": {"network": "mlp", "hidden": [400]},
        "gabor": {"network": "mlp", "hidden": [345]},
        "training": {
            "steps": 1200,
            "batch_size": 64,
            "learning_rate": 2e-3,
            "schedule": "cosine",
        },
    },
    "vae-conv": {
        "model": "vae",
        "raw": {"network": "conv", "hidden": [40, 64]},
        "gabor": {"network": "conv", "hidden": [40, 64]},
        "training": {
            "steps": 1200,
            "batch_size": 64,
            "learning_rate": 2e-3,
            "schedule": "cosine",
        },
    },
    "gan": {
        "raw": {"discriminator_hidden": [280, 128]},
        "gabor": {"discriminator_hidden": [218, 128]},
        "training": {
            "steps": 3000,
            "batch_size": 32,
            "learning_rate": 2e-3,
            "schedule": "linear",
            "ema": 0.999,
        },
    },
    "dcgan": {
        "raw": {"width": 17},
        "gabor": {"width": 17},
        "training": {
            "steps": 1500,
            "batch_size": 32,
            "schedule": "linear",
            "ema": 0.99,
            "learning_rate": 5e-4,
            "betas": [0.5, 0.999],
        },
    },
    "pixelcnn": {"training": {"steps": 1500, "batch_size": 8}},
    "gated-pixelcnn": {"training": {"steps": 1500, "batch_size": 8}},
    "imagegpt": {"training": {"steps": 1000, "batch_size": 4}},
}


def interval(differences: list[float]) -> float:
    """Half the width of the 95 % interval of the mean difference."""
    count = len(differences)
    spread = float(np.std(differences, ddof=1)) / math.sqrt(count)
    return float(stats.t.ppf(0.975, count - 1)) * spread


def main() -> None:
    """Train all, evaluate all, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", default=",".join(RUNS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--data", default="mini", help="name or folder of a data set")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--size", type=int, help="of the sides, where the data are a folder")
    parser.add_argument("--images", type=int, help="to learn from, of all classes")
    parser.add_argument("--steps", type=int, help="in place of those of RUNS")
    parser.add_argument("--longer", type=float, default=1.0, help="steps of raw, as a multiple")
    options = parser.parse_args()
    data = generative.load_dataset(options.data, data_dir=options.data_dir, size=options.size)
    if options.images is not None:
        data = replace(data, train=balanced(data.train, options.images, seed=0))
    for name in options.models.split(","):
        found: dict[str, list[Any]] = {"raw": [], "gabor": []}
        parameters, seconds = {}, {"raw": 0.0, "gabor": 0.0}
        for seed in range(options.seeds):
            for features, evaluations in found.items():
                out = options.out / f"{name}-{features}-{seed}"
                if (out / "model.safetensors").exists():
                    trained = generative.ImageModel.from_pretrained(out)
                else:
                    began = time.process_time()
                    made = recipe(name, features, seed, options.steps, options.longer)
                    trained = generative.start(made, out, dataset=data)
                    seconds[features] += (time.process_time() - began) / options.seeds
                count = sum(
                    weights.numel()
                    for name, weights in trained.model.named_parameters()
                    if not name.startswith("context.")  # fixed
                )
                parameters[features] = count
                evaluations.append(
                    generative.evaluate(trained, data, samples=options.samples, seed=seed)
                )
        steps = options.steps or RUNS[name]["training"]["steps"]
        print(
            f"\n{name}: {parameters['raw']:,} parameters raw, {parameters['gabor']:,} gabor; "
            f"{len(data.train):,} images, {steps:,} steps, "
            f"{options.seeds} seeds, "
            f"{options.samples:,} samples each; CPU of a training, where it ran now: "
            f"{seconds['raw']:.0f} s raw, {seconds['gabor']:.0f} s gabor\n"
        )
        print("| figure | better | raw | gabor | gabor - raw, 95 % interval |")
        print("| --- | --- | --- | --- | --- |")
        shared = [
            figure.name
            for figure in found["raw"][0].figures
            if figure.name in [other.name for other in found["gabor"][0].figures]
        ]
        for figure in shared:
            raw, gabor = ([e[figure].value for e in found[key]] for key in ("raw", "gabor"))
            differences = [b - a for a, b in zip(raw, gabor, strict=True)]
            print(
                f"| {figure} | {found['raw'][0][figure].better or ''} | {np.mean(raw):.4g} | "
                f"{np.mean(gabor):.4g} | {np.mean(differences):+.3g} ± "
                f"{interval(differences):.2g} |",
                flush=True,
            )


if __name__ == "__main__":
    assert {run.get("model", name) for name, run in RUNS.items()} <= set(MODELS)
    main()
