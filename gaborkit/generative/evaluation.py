"""All figures of a trained model: likelihood, quality and diversity of samples, copies."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import ModelError
from .data import Dataset, Split
from .metrics.classifier import DigitClassifier
from .metrics.figures import Evaluation, Figure, compare
from .metrics.likelihood import likelihood_figures
from .metrics.modes import class_histogram, count_modes, histogram_divergence
from .metrics.neighbours import (
    IDENTICAL,
    density_coverage,
    duplicates_share,
    nearest_distances,
    precision_recall,
)
from .metrics.quality import frechet_distance, inception_score
from .metrics.shipped import DIGITS, Judgement, digit_classifier, judge, knows
from .metrics.synthetic import train_on_synthetic
from .progress import Progress

if TYPE_CHECKING:
    from .image_model import ImageModel

__all__ = ["Evaluation", "Figure", "compare", "evaluate"]

#: Of the classifier that is trained on the samples.
STEPS = 400

#: Fewer samples have no k-th neighbours to speak of.
FEWEST = 10

#: Test images of the round trip, which takes long where phases are searched for.
TRAVELLING = 1000


def evaluate(
    image_model: ImageModel,
    dataset: Dataset,
    *,
    samples: int = 1000,
    importance_samples: int = 50,
    repeats: int = 3,
    test_images: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a model by everything that applies to it.

    Parameters
    ----------
    image_model : ImageModel
    dataset : Dataset
        In the image size of the model. Its test images are what samples are held against.
    samples : int
        Images to draw. A conditional model is asked for the classes of random training images.
    importance_samples : int
        For the bound on the likelihood of a VAE.
    repeats : int
        Of that bound, and of random encodings.
    test_images : int, optional
        How many test images the likelihood is taken of, chosen at random; None: all.
    seed : int
        Of every draw.
    progress : callable, optional
        Called with how much is done and how much there is in all.

    Returns
    -------
    Evaluation
        ``str()`` of it is a table. Classifier-based figures are there for digits only.

    Raises
    ------
    ModelError
        If a count is too small, or the model is conditional and the data have no labels.
    StoreError
        If the shipped classifier is damaged.
    """
    if samples < FEWEST:
        raise ModelError(f"samples={samples} are too few to measure; give {FEWEST} or more")
    if test_images is not None and test_images < 1:
        raise ModelError(f"test_images={test_images} is no count; give 1 or more")
    model, representation = image_model.model, image_model.representation
    if model.classes and dataset.test.labels is None:
        raise ModelError(
            f"this {model.name} is conditional and {dataset.name} has no labels; evaluate it on "
            "data with labels"
        )
    generator = torch.Generator().manual_seed(seed)
    test = _chosen(dataset.test, test_images, generator)
    bars = _Progress(progress, samples + repeats * len(test))

    travelling = _chosen(dataset.test, TRAVELLING, generator)
    figures = [
        Figure(
            "Round-trip PSNR",
            representation.psnr(travelling.images, generator),
            unit="dB",
            protocol=f"{len(travelling):,} test images through encode and decode",
            better="higher",
        )
    ]
    likelihoods, notes = likelihood_figures(
        model,
        representation,
        test,
        name=f"{dataset.name} test" + ("" if len(test) == len(dataset.test) else f", seed {seed}"),
        importance_samples=importance_samples,
        repeats=repeats,
        seed=seed,
        progress=bars.part(0, repeats * len(test)),
    )
    figures += likelihoods

    asked = None
    if model.classes:
        assert dataset.train.labels is not None
        chosen = torch.randint(len(dataset.train), (samples,), generator=generator)
        asked = dataset.train.labels[chosen]
    drawn = image_model.sample(
        samples,
        classes=None if asked is None else asked.tolist(),
        seed=seed,
        progress=bars.part(repeats * len(test), samples),
    )
    if bool(((drawn == 0) | (drawn == 1)).all()):
        notes.append("Samples are black and white: figures against grey test images include that")
    figures += _copies(drawn, dataset)
    judgement = None
    if knows(dataset) and tuple(drawn.shape[1:]) == dataset.image_shape:
        classifier = digit_classifier()
        judgement = judge(drawn, classifier)
        found, lines = _judged(judgement, dataset, asked, classifier, generator)
        figures += found
        notes += lines
    else:
        notes.append(
            f"{dataset.name}: Fréchet distance, Inception Score, precision and recall, density and "
            f"coverage and class counts need 28 x 28 digits ({', '.join(DIGITS)}); left out"
        )
    labels = asked if asked is not None else judgement.classes if judgement else None
    if labels is not None:
        how = "classes asked for" if asked is not None else "classes found by the classifier"
        found, lines = _learned(drawn, labels, how, dataset, generator, seed)
        figures += found
        notes += lines
    name = f"{'conditional ' if model.classes else ''}{model.name}, {representation.name} features"
    # JSON knows no infinity: KL has it where samples are of a class that the training images lack.
    notes += [f"{item.name} is {item.value}" for item in figures if not math.isfinite(item.value)]
    finite = tuple(item for item in figures if math.isfinite(item.value))
    return Evaluation(name, dataset.name, finite, tuple(notes))


def _copies(drawn: Tensor, dataset: Dataset) -> list[Figure]:
    """Of pixels alone: samples like each other, and samples like training images."""
    train = dataset.train.images
    distances = nearest_distances(drawn, train)
    # What an unseen image has, at the same count of training images.
    unseen = float(nearest_distances(dataset.test.images[: len(drawn)], train).mean())
    same = f"RMS pixel difference at most {IDENTICAL}"
    many = f"{len(drawn):,} samples"
    against = f"{many}, {len(train):,} training images"
    figures = [
        Figure(
            "Duplicates",
            100 * duplicates_share(drawn),
            unit="%",
            protocol=f"{many}, near-identical to another: {same}",
            better="lower",
        ),
        Figure(
            "Copies of training images",
            100 * float((distances <= IDENTICAL).double().mean()),
            unit="%",
            protocol=f"{against}, {same}",
            better="lower",
        ),
    ]
    if unseen > 0:
        figures.append(
            Figure(
                "Distance to training images",
                float(distances.mean()) / unseen,
                protocol=f"{against}, RMS pixel difference to the nearest; test images have 1",
            )
        )
    return figures


def _judged(
    judgement: Judgement,
    dataset: Dataset,
    asked: Tensor | None,
    classifier: DigitClassifier,
    generator: torch.Generator,
) -> tuple[list[Figure], list[str]]:
    """Figures by the features and classes of the digit classifier."""
    count = len(judgement.features)
    real = judge(dataset.test.images, classifier)
    equal = min(count, len(real.features))
    chosen = torch.randperm(len(real.features), generator=generator)[:equal]
    reference = real.features[chosen]

    def scores(found: Judgement) -> dict[str, tuple[float, str]]:
        features = found.features[:equal]
        precision, recall = precision_recall(real=reference, generated=features)
        density, coverage = density_coverage(real=reference, generated=features)
        distance = frechet_distance(real=real.features, generated=found.features)
        pairs = f"{equal:,} samples, {equal:,} test images, digit classifier"
        return {
            "Fréchet distance": (
                distance,
                f"{count:,} samples, {len(real.features):,} test images, digit classifier",
            ),
            "Inception Score": (
                inception_score(found.probabilities),
                f"{count:,} samples, digit classifier, one split",
            ),
            "Precision": (precision, f"{pairs}, k = 3"),
            "Recall": (recall, f"{pairs}, k = 3"),
            "Density": (density, f"{pairs}, k = 5"),
            "Coverage": (coverage, f"{pairs}, k = 5"),
        }

    figures = [
        Figure(
            name,
            value,
            protocol=protocol,
            better="lower" if name == "Fréchet distance" else "higher",
        )
        for name, (value, protocol) in scores(judgement).items()
    ]
    histogram = class_histogram(judgement.classes)
    assert dataset.train.labels is not None
    data = class_histogram(dataset.train.labels)
    least = max(count // 100, 1)
    by = f"{count:,} samples, classes found by the digit classifier"
    figures += [
        Figure(
            "Classes found",
            count_modes(histogram, least),
            unit=f"of {len(histogram)}",
            protocol=f"{by}, at least {least} samples each",
            better="higher",
        ),
        Figure(
            "Class divergence",
            histogram_divergence(histogram, data),
            unit="nats",
            protocol=f"{by}, KL from those of the training images",
            better="lower",
        ),
    ]
    if asked is not None:
        right = (judgement.classes == asked).double()
        figures.append(
            Figure(
                "Asked class found",
                100 * float(right.mean()),
                100 * float(right.std() / count**0.5),
                "%",
                by,
                "higher",
            )
        )
    train = judge(_chosen(dataset.train, count, generator).images, classifier)
    notes = [
        "Samples of each class: "
        + ", ".join(f"{digit}: {number}" for digit, number in enumerate(histogram.tolist()))
    ]
    if len(train.features) == count:
        values = (f"{name} {value:.3f}" for name, (value, _) in scores(train).items())
        notes.append(f"As many training images in place of samples: {', '.join(values)}")
    return figures, notes


def _learned(
    drawn: Tensor,
    labels: Tensor,
    how: str,
    dataset: Dataset,
    generator: torch.Generator,
    seed: int,
) -> tuple[list[Figure], list[str]]:
    """Accuracy on test images of a classifier trained on the samples, and on real images."""
    test = dataset.test
    real = _chosen(dataset.train, len(drawn), generator)
    assert test.labels is not None
    assert real.labels is not None
    learn = partial(
        train_on_synthetic,
        test_images=test.images,
        test_labels=test.labels,
        classes=len(dataset.class_names),
        steps=STEPS,
        seed=seed,
    )
    share = learn(drawn, labels)
    figure = Figure(
        "Accuracy, trained on samples",
        100 * share,
        100 * (share * (1 - share) / len(test)) ** 0.5,
        "%",
        f"{len(drawn):,} samples, {how}, {STEPS} steps of 64, {len(test):,} test images",
        "higher",
    )
    baseline = learn(real.images, real.labels)
    note = f"Accuracy, trained on {len(real):,} training images instead: {100 * baseline:.2f}%"
    return [figure], [note]


def _chosen(split: Split, count: int | None, generator: torch.Generator) -> Split:
    """Random ``count`` images of a split; all where there are no more."""
    if count is None or count >= len(split):
        return split
    return split.take(torch.randperm(len(split), generator=generator)[:count])


class _Progress:
    """One bar over several stages."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total = progress, total

    def part(self, start: int, length: int) -> Progress | None:
        """What a stage calls, whatever it counts in."""
        progress, total = self.progress, self.total
        if progress is None:
            return None
        return lambda done, whole: progress(start + length * done // max(whole, 1), total)
