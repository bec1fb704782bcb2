"""Modes of stacked digits: how many of the thousand a generator draws, and how evenly."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ModelError
from ...io.tables import counted
from ..data import Dataset
from .classifier import DigitClassifier
from .figures import Figure
from .modes import class_histogram, count_modes, histogram_divergence
from .shipped import digit_classifier, judge

#: How many modes there are.
MODES = 1000

#: Samples that the published figures are of.
PUBLISHED_SAMPLES = 26_000


def stacks(dataset: Dataset) -> bool:
    """Whether the pictures are three digits each, as the shipped classifier knows them."""
    return dataset.name == "stacked" and dataset.image_shape == (3, 28, 28)


def modes_of(images: Tensor, classifier: DigitClassifier | None = None) -> Tensor:
    """Mode of each picture, int64 (N,): the digits that the classifier finds in its colours.

    Parameters
    ----------
    images : uint8 or float tensor (N, 3, 28, 28)
        Floats in [0, 1].
    classifier : DigitClassifier, optional
        Instead of the shipped one.

    Raises
    ------
    ModelError
        If the shape is not that of three digits.

    Examples
    --------
    >>> from gaborkit.generative import load_dataset
    >>> some = load_dataset("stacked", limit=1000).train.take(torch.arange(20))
    >>> int((modes_of(some.images) == some.labels).sum())
    20
    """
    if images.ndim != 4 or tuple(images.shape[1:]) != (3, 28, 28):
        raise ModelError(
            f"images of shape {tuple(images.shape)} are not stacked digits, which are "
            "(N, 3, 28, 28); there are no modes of others"
        )
    single = images.flatten(0, 1)[:, None]
    digits = judge(single, classifier or digit_classifier()).classes.view(-1, 3)
    return digits @ torch.tensor([100, 10, 1])


def mode_figures(drawn: Tensor, dataset: Dataset) -> tuple[list[Figure], list[str]]:
    """Modes found in samples (N, 3, 28, 28), and the divergence of their frequencies.

    Of a perfect generator, N samples miss 1,000 exp(-N / 1,000) modes, and the divergence is
    999 / 2N nats where N is many times 1,000: figures compare at the same N alone.

    References
    ----------
    A. Srivastava et al. (2017), "VEEGAN: Reducing Mode Collapse in GANs using Implicit Variational
    Learning", section 4; Z. Lin, A. Khetan, G. Fanti and S. Oh (2018), "PacGAN", section 4.2.
    """
    assert dataset.train.labels is not None
    histogram = class_histogram(modes_of(drawn), MODES)
    data = class_histogram(dataset.train.labels, MODES)
    by = f"{counted(len(drawn), 'sample')}, three digits each, found by the digit classifier"
    figures = [
        Figure(
            "Modes found",
            count_modes(histogram),
            unit=f"of {MODES:,}",
            protocol=by,
            better="higher",
        ),
        Figure(
            "Mode divergence",
            histogram_divergence(histogram, data),
            unit="nats",
            protocol=f"{by}, KL from those of the training images",
            better="lower",
        ),
    ]
    if len(drawn) == PUBLISHED_SAMPLES:
        return figures, []
    expected = MODES * (1 - (1 - 1 / MODES) ** len(drawn))
    note = (
        f"Modes: {counted(len(drawn), 'sample')} of a perfect generator show {expected:.0f}; "
        f"published figures are of {PUBLISHED_SAMPLES:,} samples"
    )
    return figures, [note]
