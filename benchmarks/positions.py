"""What a PixelCNN gains from knowing where it is: exact bits a dimension at equal steps.

    python benchmarks/positions.py --out FOLDER [--steps 300] [--seeds 3] [--model gated-pixelcnn]

Trains the preset ``small`` on ``mini`` for equally many steps, each with the same seeds: without a
class, with and without a bias for each location; with classes, with a bias for each location, and
with one for each class and location too. Prints the mean over seeds of the exact negative
log-likelihood of the test images, in bits a dimension, and the mean paired difference with a 95 %
interval of Student's t. Runs that FOLDER holds already are not trained again.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from gaborkit import generative

BARE: dict[str, Any] = {"class_position": False, "class_dropout": 0.0, "guidance": 1.0}

#: By name: whether the model knows classes, and what its configuration lacks of the preset's.
VARIANTS: dict[str, tuple[bool, dict[str, Any]]] = {
    "no position": (False, {**BARE, "position": False}),
    "position": (False, BARE),
    "classes, position": (True, BARE),
    "classes, class position": (True, {"class_dropout": 0.0, "guidance": 1.0}),
}

PAIRS = (("no position", "position"), ("classes, position", "classes, class position"))


def bits(model: str, variant: str, steps: int, seed: int, out: Path) -> float:
    """Exact bits a dimension of the test images, of a run that is trained if there is none."""
    classes, config = VARIANTS[variant]
    folder = out / f"{model}-{variant.replace(', ', '-').replace(' ', '-')}-{steps}-{seed}"
    if (folder / "model.safetensors").exists():
        trained = generative.ImageModel.from_pretrained(folder, "cpu")
    else:
        recipe = generative.Recipe(
            model, classes=classes, config=config, training={"steps": steps, "seed": seed}
        )
        trained = generative.start(recipe, folder, device="cpu")
    test = generative.load_dataset("mini").test
    features = trained.representation.encode(test.images, torch.Generator().manual_seed(0))
    network: Any = trained.model
    assert test.labels is not None
    with torch.no_grad():
        nats = [
            -network.log_likelihood(some, labels if classes else None)
            for some, labels in zip(features.split(100), test.labels.split(100), strict=True)
        ]
    return float(torch.cat(nats).double().mean()) / (network.space.size * math.log(2))


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--model", default="gated-pixelcnn")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    figures: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for seed in range(options.seeds):
        for name in VARIANTS:
            figures[name].append(bits(options.model, name, options.steps, seed, options.out))
            print(f"seed {seed}, {name}: {figures[name][-1]:.4f}", flush=True)
    print(f"\n| {options.model}, {options.steps} steps | without | with | with - without |")
    print("| --- | ---: | ---: | ---: |")
    for without, having in PAIRS:
        first, second = np.array(figures[without]), np.array(figures[having])
        change = second - first
        width = stats.t.ppf(0.975, len(change) - 1) * change.std(ddof=1) / len(change) ** 0.5
        means = f"{first.mean():.4f} | {second.mean():.4f} | {change.mean():+.4f} ± {width:.4f}"
        print(f"| {having} | {means} |")


if __name__ == "__main__":
    main()
