"""Stacked digits: three digits as the colours of one picture, a thousand modes to be found."""

from __future__ import annotations

import torch
from torch import Tensor

from ..randomness import generator_of
from .dataset import Dataset, Split

#: Pictures of each of the 1,000 modes.
PER_MODE = {"train": 25, "validation": 1, "test": 5}


def stacked(digits: Dataset, seed: int = 0) -> Dataset:
    """A data set of three digits a picture, as red, green and blue; each of 1,000 modes equally.

    The mode of a picture is its class: ``"407"`` is a 4 in red, a 0 in green, a 7 in blue. Digits
    of each split are taken from that split, at random.

    Parameters
    ----------
    digits : Dataset
        Grey, of ten classes.
    seed : int
        Of the draws.

    Returns
    -------
    Dataset
        25,000 training, 1,000 validation and 5,000 test pictures.

    References
    ----------
    L. Metz, B. Poole, D. Pfau and J. Sohl-Dickstein (2017), Unrolled Generative Adversarial
    Networks, section 3.3.1.
    """
    splits = {
        name: _stacked(getattr(digits, name), count, seed, name) for name, count in PER_MODE.items()
    }
    return Dataset("stacked", class_names=tuple(f"{mode:03d}" for mode in range(1000)), **splits)


def _stacked(split: Split, count: int, seed: int, name: str) -> Split:
    assert split.labels is not None
    generator = generator_of(torch.device("cpu"), seed, "stacked", name)
    modes = torch.arange(1000).repeat(count)
    modes = modes[torch.randperm(len(modes), generator=generator)]
    wanted = digits_of(modes)  # (N, 3)
    order, sizes = split.labels.argsort(stable=True), split.labels.bincount(minlength=10)
    first = sizes.cumsum(0) - sizes
    share = torch.rand(wanted.shape, generator=generator, dtype=torch.float64)
    chosen = order[first[wanted] + (share * sizes[wanted]).long()]
    return Split(split.images[chosen, 0], modes)


def digits_of(modes: Tensor) -> Tensor:
    """Digits (N, 3), red, green and blue, of modes (N,).

    Examples
    --------
    >>> digits_of(torch.tensor([407, 12]))
    tensor([[4, 0, 7],
            [0, 1, 2]])
    """
    return modes[:, None] // torch.tensor([100, 10, 1]) % 10
