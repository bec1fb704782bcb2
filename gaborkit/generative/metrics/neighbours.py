"""Measures by nearest neighbours: precision, recall, density, coverage, duplicates, copies.

Distances are computed a few rows at a time, so memory stays bounded for any number of images.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import ModelError
from ..pixels import to_floats
from .quality import check_features

#: Distances held at once.
BUDGET = 2**24

#: Root mean square difference of pixels in [0, 1] below which two images count as the same. Among
#: 10,000 training digits of MNIST, 4 have a neighbour so near.
IDENTICAL = 0.04


class PrecisionRecall(NamedTuple):
    """Shares: of generated images that look real, and of real images that can be generated."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How densely generated images lie among real ones, and the share of real ones they reach."""

    density: float
    coverage: float


def precision_recall(*, real: Tensor, generated: Tensor, neighbours: int = 3) -> PrecisionRecall:
    """Improved precision and recall.

    The manifold of a set is the union of balls around its points, each reaching to the point's
    k-th nearest neighbour in the set. Precision is the share of generated points in the manifold
    of the real ones, recall the share of real points in the manifold of the generated ones. A
    collapsed generator has high precision and low recall.

    Parameters
    ----------
    real, generated : tensor (N, F), (M, F)
        Features; equal counts, so that the two manifolds are alike in fineness.
    neighbours : int
        k.

    Raises
    ------
    ModelError
        If a set is no matrix, holds NaN, or has no ``neighbours + 1`` points.

    References
    ----------
    Kynkäänniemi, Karras, Laine, Lehtinen and Aila (2019), "Improved precision and recall metric
    for assessing generative models", eq. 1 and 2.

    Examples
    --------
    >>> real = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    >>> collapsed = real[:1] + 0.001 * torch.arange(200)[:, None]
    >>> precision, recall = precision_recall(real=real, generated=collapsed)
    >>> precision > 0.5 > recall
    True
    """
    real, generated = _checked(real, generated, neighbours)
    precision = _inside(generated, real, _radii(real, neighbours)) > 0  # (M,)
    recall = _inside(real, generated, _radii(generated, neighbours)) > 0  # (N,)
    return PrecisionRecall(_share(precision), _share(recall))


def density_coverage(*, real: Tensor, generated: Tensor, neighbours: int = 5) -> DensityCoverage:
    """Density and coverage.

    Both by the balls around real points that reach to their k-th nearest real neighbour. Density
    is the mean number of balls in which a generated point lies, divided by k: about 1 for real
    points, and more where generated ones crowd where real ones are dense. Coverage is the share of
    balls in which some generated point lies.

    Parameters
    ----------
    real, generated : tensor (N, F), (M, F)
    neighbours : int
        k.

    Raises
    ------
    ModelError
        As :func:`precision_recall`.

    References
    ----------
    Naeem, Oh, Uh, Choi and Yoo (2020), "Reliable fidelity and diversity metrics for generative
    models", section 3.

    Examples
    --------
    >>> real = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    >>> density_coverage(real=real, generated=real).coverage
    1.0
    """
    real, generated = _checked(real, generated, neighbours)
    radii = _radii(real, neighbours)
    density = _inside(generated, real, radii).double().mean() / neighbours
    nearest = torch.cat([rows.amin(1) for rows in _distances(real, generated)])  # (N,)
    return DensityCoverage(float(density), _share(nearest <= radii))


def nearest_distances(images: Tensor, others: Tensor | None = None) -> Tensor:
    """Distance of each image to the nearest of others, as root mean square difference of pixels.

    Parameters
    ----------
    images : uint8 or float tensor (N, colours, h, w)
        Floats in [0, 1].
    others : the same (M, colours, h, w), optional
        None: the other images of the same set.

    Returns
    -------
    float32 tensor (N,), in [0, 1]

    Raises
    ------
    ModelError
        If the images are of different shapes, or there is nothing to compare with.

    Examples
    --------
    >>> images = torch.tensor([0.0, 0.5, 1.0])[:, None, None, None].expand(3, 1, 4, 4)
    >>> nearest_distances(images, images[:1])
    tensor([0.0000, 0.5000, 1.0000])
    >>> nearest_distances(images)
    tensor([0.5000, 0.5000, 0.5000])
    """
    targets = images if others is None else others
    if images.shape[1:] != targets.shape[1:]:
        raise ModelError(
            f"images of shapes {tuple(images.shape[1:])} and {tuple(targets.shape[1:])} do not "
            "compare; bring them to one size"
        )
    if len(targets) < (2 if others is None else 1):
        raise ModelError("there is no other image to compare with; draw more")
    rows, columns = to_floats(images).flatten(1).cpu(), to_floats(targets).flatten(1).cpu()
    nearest = [part.amin(1) for part in _distances(rows, columns, itself=others is None)]
    return torch.cat(nearest) / rows.shape[1] ** 0.5


def duplicates_share(images: Tensor, threshold: float = IDENTICAL) -> float:
    """Share of images that are near-identical to another one of the set.

    Parameters
    ----------
    images : uint8 or float tensor (N, colours, h, w)
    threshold : float
        Largest root mean square difference of pixels in [0, 1] between near-identical images.

    Examples
    --------
    >>> duplicates_share(torch.tensor([0, 0, 99, 200], dtype=torch.uint8)[:, None, None, None])
    0.5
    """
    return _share(nearest_distances(images) <= threshold)


def _distances(rows: Tensor, columns: Tensor, *, itself: bool = False) -> Iterator[Tensor]:
    """Euclidean distances of some rows (N, F) at a time to all columns (M, F).

    ``itself`` says that the two are one set; a point's distance to itself is then infinite.
    """
    squares = columns.square().sum(1)  # (M,)
    start = 0
    for chunk in rows.split(max(BUDGET // len(columns), 1)):
        # (B, M)
        products = torch.addmm(squares, chunk, columns.T, alpha=-2)
        distances = products.add_(chunk.square().sum(1)[:, None]).clamp_(min=0).sqrt_()
        if itself:
            distances[:, start : start + len(chunk)].fill_diagonal_(torch.inf)
        start += len(chunk)
        yield distances


def _radii(points: Tensor, neighbours: int) -> Tensor:
    """Distance (N,) of each point to its k-th nearest neighbour, itself not counted."""
    parts = _distances(points, points, itself=True)
    return torch.cat([part.kthvalue(neighbours, 1).values for part in parts])


def _inside(points: Tensor, centres: Tensor, radii: Tensor) -> Tensor:
    """In how many of the balls each point lies, int64 (N,)."""
    return torch.cat([(part <= radii).sum(1) for part in _distances(points, centres)])


def _share(flags: Tensor) -> float:
    return float(flags.double().mean())


def _checked(real: Tensor, generated: Tensor, neighbours: int) -> tuple[Tensor, Tensor]:
    if neighbours < 1:
        raise ModelError(f"neighbours={neighbours} is no count; give 1 or more")
    real, generated = (check_features(part, neighbours + 1) for part in (real, generated))
    if real.shape[1] != generated.shape[1]:
        raise ModelError(
            f"features of lengths {real.shape[1]} and {generated.shape[1]} do not compare; take "
            "both from one classifier"
        )
    return real, generated
