"""Grids of trained models, and what they are worth: classes, spread, ink where digits end.

    python benchmarks/grids.py RUN ... --out FOLDER [--samples 1000]

Of each run on ``mini``: a row of a table, and a grid of 100 samples in FOLDER, a column for each
class of a conditional model. Samples are judged by the shipped classifier of digits; the Fréchet
distance is against the test images. The spread within a class is the variance of the pixels within
each class asked for, summed over pixels and averaged over classes, as a share of that of the
training digits. The last row has as many training digits in place of samples.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from gaborkit import generative, write_image
from gaborkit.generative.metrics.classifier import DigitClassifier
from gaborkit.generative.metrics.neighbours import duplicates_share
from gaborkit.generative.metrics.quality import frechet_distance
from gaborkit.generative.metrics.shipped import digit_classifier, judge
from gaborkit.generative.montage import image_grid
from gaborkit.generative.pixels import to_floats

HEADINGS = (
    "model",
    "duplicates",
    "class asked for",
    "spread in a class",
    "ink in the last three rows",
    "reach the last row",
    "Fréchet distance",
)


def spread(images: Tensor, labels: Tensor) -> float:
    """Variance of the pixels within a class, summed over pixels, averaged over classes."""
    return float(
        torch.stack([images[labels == k].flatten(1).var(0).sum() for k in labels.unique()]).mean()
    )


def row(
    name: str,
    images: Tensor,
    asked: Tensor | None,
    data: generative.Dataset,
    classifier: DigitClassifier,
) -> str:
    """One row of the table."""
    judgement = judge(images, classifier)
    real = judge(data.test.images, classifier)
    cells = [name, f"{100 * duplicates_share(images):.1f} %"]
    if asked is None:
        cells += ["", ""]
    else:
        assert data.train.labels is not None
        right = float((judgement.classes == asked).double().mean())
        train = spread(to_floats(data.train.images), data.train.labels)
        cells += [f"{100 * right:.1f} %", f"{spread(images, asked) / train:.2f}"]
    reaching = float((images[:, :, -1].amax((1, 2)) > 0.5).double().mean())
    cells += [f"{float(images[:, :, -3:].mean()):.4f}", f"{100 * reaching:.1f} %"]
    cells += [f"{frechet_distance(real=real.features, generated=judgement.features):.2f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Draw, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=1000)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    data, classifier = generative.load_dataset("mini"), digit_classifier()
    print(f"| {' | '.join(HEADINGS)} |")
    print(f"| {' | '.join(['---', *['---:'] * (len(HEADINGS) - 1)])} |")
    for run in options.runs:
        trained = generative.ImageModel.from_pretrained(run, "cpu")
        classes = trained.model.classes
        asked = torch.arange(options.samples) % classes if classes else None
        images = trained.sample(options.samples, None if asked is None else asked.tolist(), seed=0)
        name = f"{trained.model.name}{' --classes' if classes else ''}"
        print(row(name, images, asked, data, classifier), flush=True)
        path = options.out / f"{trained.model.name}{'-classes' if classes else ''}.png"
        write_image(path, image_grid(images[:100], columns=10, zoom=1))
    chosen = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))
    real = data.train.take(chosen[: options.samples])
    print(row("training digits", to_floats(real.images), real.labels, data, classifier))


if __name__ == "__main__":
    main()
