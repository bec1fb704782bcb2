"""How discriminators judge: normalised layers, a score that knows of classes, images in packs."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ..space import Space
from .adversarial_config import Norm

M = TypeVar("M", bound=nn.Module)


def normalized(layer: M, norm: Norm) -> M:
    """The layer, or all in it, with the largest singular value kept at 1, if the norm is spectral.

    References
    ----------
    T. Miyato et al. (2018), Spectral Normalization for Generative Adversarial Networks.
    """
    if norm == "spectral":
        for module in list(layer.modules()):
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                spectral_norm(module)
    return layer


class Scorer(nn.Module):
    """Last layer of a discriminator: a linear score, and for classes the projection.

    To the score is added the product of the hidden vector with a vector of the class; where several
    images are judged together, of the class of each, and each position has vectors of its own.

    References
    ----------
    T. Miyato and M. Koyama (2018), cGANs with Projection Discriminator, eq. 5.
    """

    score: nn.Linear
    projection: nn.Linear | None

    def __init__(self, inputs: int, classes: int, norm: Norm, packing: int = 1) -> None:
        super().__init__()
        self.packing = packing
        self.score = normalized(nn.Linear(inputs, 1), norm)
        projection = nn.Linear(inputs, packing * classes, bias=False) if classes else None
        self.projection = None if projection is None else normalized(projection, norm)

    def forward(self, hidden: Tensor, labels: Tensor | None) -> Tensor:
        """Scores (B,) of hidden vectors (B, D), with labels (B * packing,) of all images."""
        scores: Tensor = self.score(hidden).squeeze(1)
        if self.projection is not None and labels is not None:
            products = self.projection(hidden).unflatten(1, (self.packing, -1))
            each = labels.view(-1, self.packing, 1)
            scores = scores + products.gather(2, each).sum((1, 2))
        return scores


def pack(features: Tensor, packing: int) -> Tensor:
    """Features (B / packing, packing * C, H, W): images of (B, C, H, W), some joined at a time.

    References
    ----------
    Z. Lin, A. Khetan, G. Fanti and S. Oh (2018), PacGAN: The Power of Two Samples in Generative
    Adversarial Networks, section 2.

    Examples
    --------
    >>> import torch
    >>> pack(torch.arange(4.0).view(4, 1, 1, 1), 2).flatten(1)
    tensor([[0., 1.],
            [2., 3.]])
    """
    return features.unflatten(0, (-1, packing)).flatten(1, 2)


def packed_space(space: Space, packing: int) -> Space:
    """The space of what :func:`pack` gives, with the view of it."""
    view = space.view
    if view is not None:
        # Of each colour in turn, so that of several images they follow one another.
        view = replace(view, mean=view.mean * packing, deviation=view.deviation * packing)
    return replace(space, channels=space.channels * packing, view=view)
