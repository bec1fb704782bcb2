"""All figures of a trained model: likelihood, quality and diversity of samples, copies."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..errors import ModelError
from ..io.tables import counted
from ..whole_numbers import is_whole
from .data import Dataset, Split
from .data.dataset import check_dataset, length_of
from .metrics.classes import class_figures, inception_figures
from .metrics.embedding import SMALLEST, scattering_embedding
from .metrics.figures import Evaluation, Figure, compare
from .metrics.likelihood import likelihood_figures
from .metrics.neighbours import (
    IDENTICAL,
    duplicates_share,
    nearest_distances,
)
from .metrics.reconstruction import reconstruction_figures
from .metrics.sets import left_out, set_figures
from .metrics.shipped import digit_classifier, features_of, judge, knows
from .metrics.stacked import mode_figures, stacks
from .metrics.train_on_samples import train_on_synthetic
from .metrics.upscaling import likeness_figures, there_and_back
from .progress import Progress

if TYPE_CHECKING:
    from .image_model import ImageModel

__all__ = ["Evaluation", "Figure", "compare", "evaluate"]

#: Of the classifier that is trained on the samples. The second one of the Inception Score, which is
#: to know digits well, has three times as many.
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
    temperature: float | None = None,
    guidance: float | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a model by everything that applies to it.

    Parameters
    ----------
    image_model : ImageModel
    dataset : Dataset
        In the image size of the model. Its test images are what samples are held against.
    samples : int
        Images to draw. A conditional model is asked for the classes of random training images. Of
        a model that upscales, test pictures that are made smaller for it.
    importance_samples : int
        For the bound on the likelihood of a VAE.
    repeats : int
        Of that bound, and of random encodings.
    test_images : int, optional
        How many test images the likelihood is taken of, chosen at random; None: all.
    seed : int
        Of every draw.
    temperature, guidance : float, optional
        Of the samples: see :meth:`~.image_model.ImageModel.sample`. A note names them.
    progress : callable, optional
        Called with how much is done and how much there is in all.

    Returns
    -------
    Evaluation
        ``str()`` of it is a table. Fréchet distance, precision, recall, density and coverage are
        taken by Gabor scattering features (:func:`~.metrics.scattering_embedding`) for all
        data, and for digits by a classifier of digits too, which counts the modes of the data set
        ``stacked``. Both sides are of one size: the samples or the test images, whichever are
        fewer. All depend on it, and a line has what as many training images get in place of
        samples.

    Raises
    ------
    ModelError
        If a count is too small, the model is conditional and the data have no labels, or it has no
        such temperature or guidance.
    StoreError
        If the shipped classifier is damaged.
    """
    if not is_whole(samples, FEWEST):
        raise ModelError(f"samples={samples} are too few to measure; give {FEWEST} or more")
    if test_images is not None and not is_whole(test_images, 1):
        raise ModelError(f"test_images={test_images} is no count; give 1 or more")
    check_dataset(dataset)
    if not hasattr(image_model, "representation"):
        raise ModelError(
            f"image_model is {type(image_model).__name__}, no ImageModel; "
            "ImageModel.from_pretrained(folder) reads one"
        )
    model, representation = image_model.model, image_model.representation
    options = model.check_draw(temperature=temperature, guidance=guidance)
    drawn_with = model.drawn_with(**options)
    if model.classes and dataset.test.labels is None:
        raise ModelError(
            f"this {model.name} is conditional and {dataset.name} has no labels; evaluate it on "
            "data with labels"
        )
    length = length_of(dataset.train.conditions)
    if model.condition_length and model.condition_length != length:
        raise ModelError(
            f"this {model.name} is conditioned on vectors of length {model.condition_length}, and "
            f"{dataset.name} has {f'those of length {length}' if length else 'none'}; evaluate it "
            "on data with such conditions"
        )
    generator = torch.Generator().manual_seed(seed)
    if model.takes_pictures:
        return _of_pictures(image_model, dataset, samples, generator, progress)
    test = _chosen(dataset.test, test_images, generator)
    bars = _Progress(progress, samples + repeats * len(test))

    travelling = _chosen(dataset.test, TRAVELLING, generator)
    figures = [
        Figure(
            "Round-trip PSNR",
            representation.psnr(travelling.images, generator),
            unit="dB",
            protocol=f"{counted(len(travelling), 'test image')} through encode and decode",
            better="higher",
        )
    ]
    figures += reconstruction_figures(
        model, representation, travelling.images, travelling.labels, seed
    )
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

    asked = conditions = None
    if model.conditional:
        chosen = torch.randint(len(dataset.train), (samples,), generator=generator)
        told = model.labels_for(dataset.train)
        assert told is not None
        if model.classes:
            asked = told[chosen]
        else:
            conditions = told[chosen]
    drawn = image_model.sample(
        samples,
        classes=None if asked is None else asked.tolist(),
        conditions=conditions,
        seed=seed,
        progress=bars.part(repeats * len(test), samples),
        **options,
    )
    if bool(((drawn == 0) | (drawn == 1)).all()):
        notes.append("Samples are black and white: figures against grey test images include that")
    if drawn_with is not None:
        notes.append(
            f"Samples are drawn with {drawn_with}: their figures include that, likelihoods do not"
        )
    figures += _copies(drawn, dataset)
    reference = _chosen(dataset.test, samples, generator)
    baseline = _chosen(dataset.train, len(reference), generator)
    notes += filter(None, [left_out(len(reference))])
    parts = [_scattered(drawn, reference, baseline)]
    labels, how = asked, "classes asked for"
    if knows(dataset):
        classifier = digit_classifier()
        judgement = judge(drawn, classifier)
        if labels is None:
            labels, how = judgement.classes, "classes found by the classifier"
        embed = partial(features_of, classifier=classifier)
        parts += [
            _compared(embed, drawn, reference, baseline, "digit classifier"),
            inception_figures(judgement, dataset, drawn, steps=3 * STEPS, seed=seed),
            class_figures(judgement, dataset, asked),
        ]
    if stacks(dataset):
        parts.append(mode_figures(drawn, dataset))
    if labels is not None:
        parts.append(_learned(drawn, labels, how, dataset, generator, seed))
    for some, lines in parts:
        figures += some
        notes += lines
    name = (
        f"{'conditional ' if model.conditional else ''}{model.name}, {representation.name} features"
    )
    # JSON knows no infinity: KL has it where samples are of a class that the training images lack.
    notes += [f"{item.name} is {item.value}" for item in figures if not math.isfinite(item.value)]
    finite = tuple(item for item in figures if math.isfinite(item.value))
    return Evaluation(name, dataset.name, finite, tuple(notes))


def _of_pictures(
    image_model: ImageModel,
    dataset: Dataset,
    count: int,
    generator: torch.Generator,
    progress: Progress | None,
) -> Evaluation:
    """Figures of a model that makes pictures of pictures, beside those of a bicubic enlargement."""
    reference = _chosen(dataset.test, count, generator)
    baseline = _chosen(dataset.train, len(reference), generator)
    bicubic, upscaled, originals = there_and_back(image_model, reference, progress)
    figures: list[Figure] = []
    notes = [*filter(None, [left_out(len(reference))])]
    for name, drawn in (("", upscaled), (", bicubic", bicubic)):
        figures += likeness_figures(drawn, originals, name)
        parts = [_scattered(drawn, reference, baseline, name)]
        if knows(dataset):
            embed = partial(features_of, classifier=digit_classifier())
            parts.append(_compared(embed, drawn, reference, baseline, "digit classifier", name))
        for some, lines in parts:
            figures += [item for item in some if not name or item.name.startswith("Fréchet")]
            notes += [line for line in lines if line not in notes and not name]
    model, features = image_model.model.name, image_model.representation.name
    return Evaluation(f"{model}, {features} features", dataset.name, tuple(figures), tuple(notes))


def _copies(drawn: Tensor, dataset: Dataset) -> list[Figure]:
    """Of pixels alone: samples like each other, and samples like training images."""
    train = dataset.train.images
    distances = nearest_distances(drawn, train)
    # What an unseen image has, at the same count of training images.
    unseen = float(nearest_distances(dataset.test.images[: len(drawn)], train).mean())
    same = f"RMS pixel difference at most {IDENTICAL}"
    many = counted(len(drawn), "sample")
    against = f"{many}, {counted(len(train), 'training image')}"
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


def _scattered(
    drawn: Tensor, reference: Split, baseline: Split, suffix: str = ""
) -> tuple[list[Figure], list[str]]:
    """Figures by features that need no training, of pictures of any kind."""
    suffix += ", scattering"
    if min(drawn.shape[2:]) < SMALLEST:
        return [], [f"Figures by scattering need {SMALLEST} pixels a side or more: left out"]
    by = "{} Gabor scattering features"
    if drawn.shape[1] == 3:
        by += " of luminance and chroma"
    return _compared(scattering_embedding, drawn, reference, baseline, by, suffix)


def _compared(
    embed: Callable[[Tensor], Tensor],
    drawn: Tensor,
    reference: Split,
    baseline: Split,
    by: str,
    suffix: str = "",
) -> tuple[list[Figure], list[str]]:
    """Figures of as many samples as test images by their features, and those of training images."""
    real = embed(reference.images)
    by = by.format(real.shape[1])
    figures = set_figures(real=real, generated=embed(drawn[: len(real)]), by=by, suffix=suffix)
    notes = []
    if len(baseline) == len(real):
        usual = set_figures(real=real, generated=embed(baseline.images), by=by, suffix=suffix)
        values = ", ".join(f"{item.name} {item.value:.3f}" for item in usual)
        if values:
            notes.append(f"As many training images in place of samples: {values}")
    if 1 < len(real) <= real.shape[1]:
        notes.append(
            f"Fréchet distance{suffix}: {len(real):,} images a side for {real.shape[1]} features "
            "make most of it bias, as the line of the training images shows; compare it at this "
            f"count alone, or have more than {real.shape[1]} samples and test images"
        )
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
        f"{counted(len(drawn), 'sample')}, {how}, {STEPS} steps of 64, "
        f"{counted(len(test), 'test image')}",
        "higher",
    )
    baseline = learn(real.images, real.labels)
    note = (
        f"Accuracy, trained on {counted(len(real), 'training image')} instead: "
        f"{100 * baseline:.2f}%"
    )
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
