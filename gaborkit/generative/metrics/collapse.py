"""A watch on mode collapse: speaks up while a generator trains."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ModelError
from .classifier import DigitClassifier
from .modes import class_histogram, histogram_divergence
from .neighbours import duplicates_share
from .shipped import digit_classifier, judge

#: Divergence of the samples' classes from the data's, in nats, that counts as collapse: as where
#: four of ten equally frequent classes are missing.
DIVERGENCE = 0.5

#: Share of near-identical samples that counts as collapse.
DUPLICATES = 0.1

#: The sentence names the most frequent classes until they hold this share of the samples.
NAMED = 0.5


@dataclass(frozen=True)
class Collapse:
    """What the watch found.

    Attributes
    ----------
    histogram : tuple of int
        Samples of each class; empty where the data are not digits.
    divergence : float or None
        KL of the samples' classes from the data's, in nats; None where the data are not digits.
    duplicates : float
        Share of samples that are near-identical to another.
    message : str or None
        One sentence if the generator has collapsed, None if not.
    """

    histogram: tuple[int, ...]
    divergence: float | None
    duplicates: float
    message: str | None


class CollapseWatch:
    """Judges samples by the classes they fall into and by how many are alike.

    Parameters
    ----------
    labels : int64 tensor (N,), optional
        Classes of the training digits. None: the data are not digits, and the watch goes by
        duplicates alone.
    divergence, duplicates : float
        From which value on the generator counts as collapsed: nats, and a share.
    classifier : DigitClassifier, optional
        Instead of the shipped one.

    Raises
    ------
    ModelError
        If a label is not a digit or a threshold is negative.
    StoreError
        If the shipped classifier is damaged.

    Examples
    --------
    >>> watch = CollapseWatch(labels=torch.arange(10))
    >>> found = watch(torch.zeros(16, 1, 28, 28))
    >>> found.duplicates, "mode collapse: 100% of 16 samples are " in found.message
    (1.0, True)
    """

    divergence: float
    duplicates: float

    def __init__(
        self,
        labels: Tensor | None = None,
        *,
        divergence: float = DIVERGENCE,
        duplicates: float = DUPLICATES,
        classifier: DigitClassifier | None = None,
    ) -> None:
        for name, value in (("divergence", divergence), ("duplicates", duplicates)):
            if not value >= 0:
                raise ModelError(f"{name}={value} is no threshold; give 0 or more")
        self.divergence, self.duplicates = divergence, duplicates
        self._data: Tensor | None = None
        if labels is not None:
            self._data = class_histogram(labels)
            self._classifier = classifier or digit_classifier()

    def __call__(self, images: Tensor) -> Collapse:
        """Judge a few hundred samples (B, channels, h, w), B of 2 or more, in [0, 1]."""
        images = images.detach().cpu()
        duplicates = duplicates_share(images)
        histogram: tuple[int, ...] = ()
        divergence, message = None, None
        if duplicates > self.duplicates:
            message = (
                f"mode collapse: {duplicates:.0%} of {len(images)} samples are near-identical to "
                "another"
            )
        if self._data is not None:
            counts = class_histogram(judge(images, self._classifier).classes)
            histogram = tuple(counts.tolist())
            divergence = histogram_divergence(counts, self._data)
            # Where all are alike, their class says less, and may be the one that was asked for.
            if divergence > self.divergence and message is None:
                message = _sentence(counts)
        return Collapse(histogram, divergence, duplicates, message)


def _sentence(counts: Tensor) -> str:
    """Which few classes most samples are of."""
    total = int(counts.sum())
    order = torch.argsort(counts, descending=True, stable=True)
    shares = counts[order].cumsum(0) / total
    needed = int((shares < NAMED).sum()) + 1
    names = [str(int(number)) for number in order[:needed]]
    listed = " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"mode collapse: {float(shares[needed - 1]):.0%} of {total} samples are {listed}"
