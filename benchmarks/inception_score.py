"""The Inception Score of the shipped digit classifier beside those of classifiers trained apart.

    python benchmarks/inception_score.py --data-dir FOLDER --before WEIGHTS RUN ...

FOLDER holds the four IDX files of MNIST, WEIGHTS an earlier digits.safetensors, each RUN a
trained model of digits. Prints a table in Markdown: real test digits, blurred and noisy ones,
samples of the runs; the shipped classifier before and after, a LeNet and a perceptron trained here
on clean digits, and the one that ``gaborkit evaluate`` trains on mini for a second opinion.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from train_classifier import Digits, blurred, digits, noisy

from gaborkit.generative import ImageModel, load_dataset, metrics
from gaborkit.generative.evaluation import STEPS
from gaborkit.generative.metrics.classes import DISAGREEMENT
from gaborkit.generative.metrics.classifier import DigitClassifier
from gaborkit.generative.metrics.train_on_samples import class_probabilities, train_classifier

COUNT, BATCH = 1000, 128
BLURS, NOISES = (0.5, 0.8, 1.2), (0.02, 0.05, 0.1)


def lenet() -> nn.Sequential:
    """LeCun et al. (1998) with today's activations."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def perceptron() -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10),
    )  # fmt: skip


def trained(make, data: Digits, epochs: int, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    network = make()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(epochs):
        for chosen in torch.randperm(len(data.images)).split(BATCH):
            loss = functional.cross_entropy(network(data.images[chosen]), data.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


def judged(network: DigitClassifier):
    return lambda images: metrics.judge(images, network).probabilities


def plainly(network: nn.Module):
    return lambda images: class_probabilities(network, images)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("runs", nargs="*", type=Path)
    options = parser.parse_args()
    data, test = digits(options.data_dir, "train"), digits(options.data_dir, "t10k")
    before = DigitClassifier()
    before.load_state_dict(load_file(options.before))
    mini = load_dataset("mini").train
    classifiers = {
        "before": judged(before.eval()),
        "shipped": judged(metrics.digit_classifier()),
        "LeNet": plainly(trained(lenet, data, options.epochs, seed=11)),
        "perceptron": plainly(trained(perceptron, data, 2 * options.epochs, seed=12)),
        "second opinion": plainly(train_classifier(mini.images, mini.labels, steps=3 * STEPS)),
    }
    some, every = test.images[:COUNT], torch.ones(COUNT)
    generator = torch.Generator().manual_seed(0)
    sets: dict[str, Tensor] = {"real test digits": some}
    sets |= {f"blurred, {blur:g} px": blurred(some, blur * every) for blur in BLURS}
    sets |= {f"noise of {noise:.0%}": noisy(some, noise * every, generator) for noise in NOISES}
    for run in options.runs:
        sets[f"samples, {run.name}"] = ImageModel.from_pretrained(run, "cpu").sample(COUNT)
    images, labels = test.images[:5000], test.labels[:5000]
    right = {
        name: float((probabilities(images).argmax(1) == labels).double().mean())
        for name, probabilities in classifiers.items()
    }
    print(f"| {COUNT} images each | " + " | ".join(classifiers) + " | shipped is apart from |")
    print("| --- |" + " ---: |" * len(classifiers) + " --- |")
    for name, images in sets.items():
        scores = {
            key: metrics.inception_score(probabilities(images))
            for key, probabilities in classifiers.items()
        }
        apart = [
            f"{key} by {abs(scores['shipped'] / scores[key] - 1):.0%}"
            for key in list(classifiers)[2:]
            if abs(scores["shipped"] / scores[key] - 1) > DISAGREEMENT
        ]
        cells = " | ".join(f"{score:.2f}" for score in scores.values())
        print(f"| {name} | {cells} | {', '.join(apart)} |", flush=True)
    print(
        "| test digits right | " + " | ".join(f"{share:.1%}" for share in right.values()) + " | |"
    )


if __name__ == "__main__":
    main()
