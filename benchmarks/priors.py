"""Priors over the codes of a VQ-VAE beside models of pixels: their samples, and the time they take.

    python benchmarks/priors.py RUN ... [--samples 1000] [--timed 64 256] [--out FOLDER]

Of each run on ``mini`` a row of a table: Fréchet distance, precision and recall of samples against
the test images, by the shipped classifier of digits and by Gabor scattering, and the processor time
of drawing a sample, decoder included, in one thread: the best of five of so many at once as
``--timed`` says. Of a prior over codes, and of the model of codes itself, a second table has the
squared error of reconstructions of the test images and how many codes they use. With ``--out``, a
grid of 100 samples of each, a column for each class of a conditional model.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from gaborkit import generative, write_image
from gaborkit.generative.image_codes import Codes
from gaborkit.generative.metrics.embedding import scattering_embedding
from gaborkit.generative.metrics.likelihood import likelihood_figures
from gaborkit.generative.metrics.reconstruction import reconstruction_figures
from gaborkit.generative.metrics.sets import set_figures
from gaborkit.generative.metrics.shipped import digit_classifier, features_of
from gaborkit.generative.models.coder import Coder
from gaborkit.generative.montage import image_grid
from gaborkit.io.tables import counted

SAMPLES = (*("Fréchet distance", "precision", "recall", "Fréchet distance, scattering"),)
CODES = ("run", "codes", "grid", "perplexity", "squared error", "NLL of codes, nats")


def drawing(model: generative.ImageModel, count: int) -> float:
    """Processor seconds of one of ``count`` samples."""
    started = time.process_time()
    model.sample(count, seed=1)
    return (time.process_time() - started) / count


def samples_row(
    name: str, model: generative.ImageModel, drawn: Tensor, test: Tensor, timed: list[int]
) -> list[str]:
    """How good samples are, and how long one takes."""
    times = [f"{1e3 * min(drawing(model, count) for _ in range(5)):.2f}" for count in timed]
    count = sum(weight.numel() for weight in model.model.parameters())
    if isinstance(model.representation, Codes):
        count += sum(weight.numel() for weight in model.representation.coder.parameters())
    embed = partial(features_of, classifier=digit_classifier())
    figures = {
        figure.name: figure.value
        for figure in set_figures(real=embed(test), generated=embed(drawn), by="digits")
    }
    scattered = set_figures(
        real=scattering_embedding(test), generated=scattering_embedding(drawn), by="scattering"
    )
    values = [f"{figures[key]:.2f}" for key in ("Fréchet distance", "Precision", "Recall")]
    return [name, f"{count:,}", *times, *values, f"{scattered[0].value:.3f}"]


def codes_row(name: str, model: generative.ImageModel, split: generative.Split) -> list[str]:
    """What codes leave of images; of a prior, the likelihood of codes too."""
    figures = {
        figure.name: figure.value
        for figure in reconstruction_figures(
            model.model, model.representation, split.images, split.labels, seed=0
        )
    }
    nats = ""
    if isinstance(model.representation, Codes):
        likelihoods, _ = likelihood_figures(model.model, model.representation, split)
        nats = f"{likelihoods[0].value:.1f} ± {likelihoods[0].standard_error:.1f}"
        space = model.representation.space
        drawn = model.representation.decode(model.representation.encode(split.images))
        error = float((drawn - split.images / 255).square().mean())
    else:
        assert isinstance(model.model, Coder)
        space, error = model.model.code_space, figures["Reconstruction, squared error"]
    grid, used = f"{space.height} x {space.width}", f"{figures['Perplexity of codes']:.1f}"
    return [name, f"{space.levels}", grid, used, f"{error:.4f}", nats]


def printed(headings: tuple[str, ...], rows: list[list[str]]) -> None:
    """A table in Markdown."""
    print("| " + " | ".join(headings) + " |")
    print("| --- |" + " ---: |" * (len(headings) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--timed", type=int, nargs="+", default=[64, 256], help="at once")
    parser.add_argument("--out", type=Path, help="folder for grids")
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="against the validation images, by which settings may be chosen",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = generative.load_dataset("mini")
    split = data.validation if options.held_out else data.test
    images = split.images[: options.samples]
    samples, codes = [], []
    for run in options.runs:
        model = generative.ImageModel.from_pretrained(run, "cpu")
        drawn = model.sample(options.samples, seed=0)
        samples.append(samples_row(run.name, model, drawn[: len(images)], images, options.timed))
        if isinstance(model.model, Coder) or isinstance(model.representation, Codes):
            codes.append(codes_row(run.name, model, split))
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            grid = image_grid(model.sample(100, seed=0), columns=10, zoom=2)
            write_image(options.out / f"{run.name}.png", grid)
    kind = "held-out image" if options.held_out else "test image"
    print(f"{counted(options.samples, 'sample')}, {counted(len(images), kind)}.\n")
    times = tuple(f"CPU, ms a sample of {count}" for count in options.timed)
    printed(("run", "parameters", *times, *SAMPLES), samples)
    printed(CODES, codes)


if __name__ == "__main__":
    main()
