"""A palette: the colours that k-means chooses for pixels."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.cluster.vq import kmeans2
from torch import Tensor

from ...errors import RepresentationError

#: Pixels that k-means sees, and how often it moves its centres.
SAMPLED, ITERATIONS = 2**16, 20


class Palette:
    """Colours (K, C) in [0, 1], as which pixels are coded by the number of the nearest.

    Parameters
    ----------
    colours : array-like (K, C)

    Raises
    ------
    RepresentationError
        If they are no finite colours in [0, 1].

    References
    ----------
    Chen et al. (2020), "Generative pretraining from pixels", section 3.2: k-means with 512
    clusters.

    Examples
    --------
    >>> palette = Palette([[0, 0, 0], [1, 0, 0], [1, 1, 1]])
    >>> pixels = torch.tensor([0.9, 0.2, 0.1]).view(1, 3, 1, 1)
    >>> int(palette.codes(pixels)), palette.pixels(palette.codes(pixels)).flatten().tolist()
    (1, [1.0, 0.0, 0.0])
    """

    def __init__(self, colours: ArrayLike) -> None:
        table = np.asarray(colours, np.float64)
        if table.ndim != 2 or not table.size or not ((table >= 0) & (table <= 1)).all():
            raise RepresentationError(
                f"a palette of shape {table.shape} is none of colours in [0, 1], one a row"
            )
        self.colours: Tensor = torch.from_numpy(table).float()

    @classmethod
    def fit(cls, images: Tensor, count: int) -> Palette:
        """Cluster the pixels of images (N, C, h, w), floats in [0, 1], into ``count`` colours.

        Where there are no more colours than that, the palette has all of them; the rest repeats.
        """
        pixels = images.movedim(1, -1).flatten(0, 2).cpu().double().numpy()  # (n, C)
        rng = np.random.default_rng(0)
        if len(pixels) > SAMPLED:
            pixels = pixels[rng.choice(len(pixels), SAMPLED, replace=False)]
        distinct = np.unique(pixels, axis=0)
        if len(distinct) <= count:
            missing = np.repeat(distinct[-1:], count - len(distinct), 0)
            return cls(np.concatenate([distinct, missing]))
        start = distinct[rng.choice(len(distinct), count, replace=False)]  # all centres apart
        with warnings.catch_warnings():
            # A centre that no pixel is nearest to stays where it is.
            warnings.filterwarnings("ignore", message="One of the clusters is empty")
            centres, _ = kmeans2(pixels, start, iter=ITERATIONS, minit="matrix")
        return cls(centres.clip(0, 1))

    def codes(self, images: Tensor) -> Tensor:
        """Numbers of the nearest colours, int64 (B, 1, h, w), of images (B, C, h, w)."""
        colours = self.colours.to(images.device)
        parts = []
        for image in images:  # one by one, which bounds the memory
            pixels = image.flatten(1).t()  # (h * w, C)
            parts.append(torch.cdist(pixels, colours).argmin(1).view(1, *image.shape[1:]))
        return torch.stack(parts) if parts else images[:, :1].long()

    def pixels(self, codes: Tensor) -> Tensor:
        """Images (B, C, h, w) of codes (B, 1, h, w)."""
        return self.colours.to(codes.device)[codes[:, 0].long()].movedim(-1, 1)
