"""Which classes samples fall into, and how far that is from the data."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...errors import ModelError


def class_histogram(classes: Tensor, count: int = 10) -> Tensor:
    """How many of each class, int64 (count,).

    Parameters
    ----------
    classes : int64 tensor (N,)
        0 to ``count - 1``.
    count : int
        Of classes.

    Raises
    ------
    ModelError
        If a class is out of range.

    Examples
    --------
    >>> class_histogram(torch.tensor([1, 1, 3]), 4)
    tensor([0, 2, 0, 1])
    """
    if len(classes) and not 0 <= int(classes.min()) <= int(classes.max()) < count:
        raise ModelError(
            f"classes from {int(classes.min())} to {int(classes.max())} are not all in 0 to "
            f"{count - 1}"
        )
    return torch.bincount(classes.cpu(), minlength=count)


def count_modes(histogram: Tensor, least: int = 1) -> int:
    """Count the classes with at least ``least`` samples.

    References
    ----------
    Srivastava, Valkov, Russell, Gutmann and Sutton (2017), "VEEGAN: reducing mode collapse in GANs
    using implicit variational learning", section 4.

    Examples
    --------
    >>> count_modes(torch.tensor([0, 2, 0, 1])), count_modes(torch.tensor([0, 2, 0, 1]), least=2)
    (2, 1)
    """
    return int((histogram >= least).sum())


def histogram_divergence(samples: Tensor, data: Tensor) -> float:
    """Divergence KL(samples || data) of the histograms of classes, in nats.

    ln 2 where the samples hold half of equally frequent classes, evenly. For n samples of K
    classes drawn as the data are, (K - 1) / 2n on average.

    Parameters
    ----------
    samples, data : tensor (K,)
        Counts.

    Returns
    -------
    float
        Infinity if samples hold a class that the data do not.

    Raises
    ------
    ModelError
        If the histograms differ in length or one is empty.

    References
    ----------
    Srivastava et al. (2017), section 4; Lin, Khetan, Fanti and Oh (2018), "PacGAN", section 4.

    Examples
    --------
    >>> round(histogram_divergence(torch.tensor([5, 5, 0, 0]), torch.tensor([1, 1, 1, 1])), 4)
    0.6931
    """
    if samples.shape != data.shape or samples.sum() <= 0 or data.sum() <= 0:
        raise ModelError(
            f"histograms {samples.tolist()} and {data.tolist()} do not compare: they need one "
            "length and counts above 0"
        )
    frequencies = samples.double() / samples.sum()
    wanted = data.double() / data.sum()
    if ((frequencies > 0) & (wanted == 0)).any():
        return math.inf
    terms = torch.special.xlogy(frequencies, frequencies) - torch.special.xlogy(frequencies, wanted)
    return max(float(terms.sum()), 0.0)
