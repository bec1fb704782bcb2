"""Figures of samples by the classes that classifiers find in them."""

from __future__ import annotations

from torch import Tensor

from ...io.tables import counted
from ..data import Dataset
from .figures import Figure
from .modes import class_histogram, count_modes, histogram_divergence
from .quality import inception_score
from .shipped import Judgement
from .train_on_samples import accuracy, class_probabilities, train_classifier

#: Share by which two classifiers may disagree before their Inception Scores stand for nothing else.
DISAGREEMENT = 0.1


def class_figures(
    judgement: Judgement, dataset: Dataset, asked: Tensor | None = None
) -> tuple[list[Figure], list[str]]:
    """Figures by the classes that the digit classifier finds in samples.

    Parameters
    ----------
    judgement : Judgement
        Of the samples.
    dataset : Dataset
        Of digits, with labels.
    asked : int64 tensor (N,), optional
        The classes that the samples were asked for.

    Returns
    -------
    list of Figure, list of str
        Those, and notes.
    """
    count = len(judgement.classes)
    histogram = class_histogram(judgement.classes)
    assert dataset.train.labels is not None
    data = class_histogram(dataset.train.labels)
    least = max(count // 100, 1)
    by = f"{counted(count, 'sample')}, classes found by the digit classifier"
    figures = [
        Figure(
            "Classes found",
            count_modes(histogram, least),
            unit=f"of {len(histogram)}",
            protocol=f"{by}, at least {counted(least, 'sample')} each",
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
    note = "Samples of each class: " + ", ".join(
        f"{digit}: {number}" for digit, number in enumerate(histogram.tolist())
    )
    return figures, [note]


def inception_figures(
    judgement: Judgement, dataset: Dataset, drawn: Tensor, *, steps: int, seed: int
) -> tuple[list[Figure], list[str]]:
    """The Inception Score, and that of a second classifier, trained here, which may disagree.

    Parameters
    ----------
    judgement : Judgement
        Of the samples.
    dataset : Dataset
        Of digits, with labels. Its training images are what the second classifier learns from.
    drawn : tensor (N, 1, 28, 28)
        The samples.
    steps, seed : int
        Of the second classifier.

    Returns
    -------
    list of Figure, list of str
        The two, and a note where they disagree by more than a tenth.
    """
    train, test = dataset.train, dataset.test
    assert train.labels is not None
    assert test.labels is not None
    network = train_classifier(
        train.images, train.labels, classes=len(dataset.class_names), steps=steps, seed=seed
    )
    score = inception_score(judgement.probabilities)
    other = inception_score(class_probabilities(network, drawn))
    many = counted(len(drawn), "sample")
    figures = [
        Figure(
            "Inception Score",
            score,
            protocol=f"{many}, digit classifier, one split",
            better="higher",
        ),
        Figure(
            "Inception Score, second",
            other,
            protocol=f"{many}, classifier of {steps} steps on {len(train):,} training images",
            better="higher",
        ),
    ]
    if abs(score / other - 1) <= DISAGREEMENT:
        return figures, []
    right = accuracy(network, test.images, test.labels)
    note = (
        f"Inception Score: the second classifier ({right:.1%} of the test images right) is "
        f"{abs(score / other - 1):.0%} away: the score is this classifier's and compares with "
        "nothing published"
    )
    return figures, [note]
