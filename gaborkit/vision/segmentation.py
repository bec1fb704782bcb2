"""Unsupervised texture segmentation, after Jain and Farrokhnia (1991).

A bank's local energies are maps; standardised, reduced to their principal components and joined by
the pixel's coordinates they are clustered. The article's own choices are :data:`JAIN_FARROKHNIA`.
The defaults differ where that was measured to be better: wider windows, principal components, on
top of k-means, whose clusters are round, a mixture of Gaussians, whose clusters may be long, and
borders of a second rule with narrower windows.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.energy import smoothed
from ..features.table import Features
from ..filtering.labelled import keeps_labels
from ..filtering.normalizing import ordinary
from ..types import Array, Outside, RealArray
from .mixture import Mixture
from .refinement import refined
from .texture_maps import (
    Nonlinearity,
    coordinates,
    dyadic_bank,
    one_thread,
    planes_within,
    principal_components,
    sampled,
    standardized,
    strongest_kernels,
    texture_maps,
)

Clustering = Literal["mixture", "kmeans"]
CLUSTERINGS: tuple[str, ...] = get_args(Clustering)

#: What :func:`segment_textures` takes to do as the article does.
JAIN_FARROKHNIA: Mapping[str, Any] = {
    "nonlinearity": "tanh",
    "window": 0.5,
    "least": 0.0,
    "share": 0.95,
    "clustering": "kmeans",
    "refine": False,
    "smoothing": 0.0,
}

#: Pixels along the shorter side of the grid on which clusters are found.
GRID = 64

#: Label of what lies outside a mask.
OUTSIDE = 255

#: Pixels among which the silhouette is computed, and starts of the mixture.
SILHOUETTE, STARTS = 2000, 6

#: Steps of each start of a mixture, of which the best goes on, and its steps.
SHORT, STEPS = 10, 200

#: Added to a Gaussian's variances, as a share of that of the first component.
RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A picture's textures.

    Attributes
    ----------
    labels : uint8 array (H, W)
        Texture of each pixel, from 0, in the order of first appearance, row by row; 255 outside a
        mask.
    probabilities : float32 array (count, H, W)
        Of each texture, summing to 1, or 0 outside a mask; 0 and 1 of ``clustering="kmeans"`` where
        nothing is refined and smoothed.
    features : Features
        The maps that were clustered, before they were standardised.
    silhouettes : dict of int to float
        For each number of textures that was tried, how well it fits; empty if it was given.
    """

    labels: NDArray[np.uint8]
    probabilities: RealArray
    features: Features
    silhouettes: dict[int, float]

    @property
    def count(self) -> int:
        """Number of textures."""
        return len(self.probabilities)


@keeps_labels("texture")
def segment_textures(
    image: Array,
    count: int | None = None,
    *,
    counts: Iterable[int] = range(2, 9),
    bank: GaborBank | None = None,
    nonlinearity: Nonlinearity = "tanh",
    window: float = 1.5,
    least: float = 8.0,
    share: float = 1.0,
    position: float = 1.0,
    clustering: Clustering = "mixture",
    refine: bool = True,
    smoothing: float = 6.0,
    seed: int = 0,
    channel_axis: int | None = None,
    mask: Any = None,
    outside: Outside = "nearest",
) -> Segmentation:
    """Divide a picture into its textures (needs scikit-learn).

    Parameters
    ----------
    image : real array or tensor (H, W), or with colour
    count : int, optional
        Number of textures; if None, the one of ``counts`` with the largest mean silhouette
        (Rousseeuw, 1987) of components and coordinates. If that is the largest that was tried,
        there may be more.
    counts : iterable of int
        Numbers to be tried. One texture has no silhouette, so 2 is the least.
    bank, nonlinearity, window, least
        See :func:`texture_maps`.
    share : float
        Of the energy, which the kernels taken hold; 1 takes all. See :func:`strongest_kernels`.
    position : float
        Weight of the coordinates beside the first component; 0 leaves them out. A mixture starts
        from clusters with coordinates and goes on without.
    clustering : {"mixture", "kmeans"}
        ``mixture`` fits Gaussians with full covariances (maximum likelihood, the best of several
        starts) to the clusters of k-means.
    refine : bool
        Learn a second rule from the middle of the segments, which finds their borders with narrower
        windows.
    smoothing : float
        Deviation in pixels of the Gaussian by which probabilities are averaged.
    seed : int
        Of k-means and of the pixels whose silhouette is computed.
    channel_axis : int, optional
        Axis of colour; the maps of all channels are taken together.
    mask, outside
        As in :meth:`GaborBank.filter`: the part of the picture that is divided, in which values
        outside have no part.

    Returns
    -------
    Segmentation

    Raises
    ------
    ImageError, FilterError
        As :meth:`GaborBank.filter`.
    FeatureError
        If an option is out of range, or the picture has the same texture energy everywhere.

    References
    ----------
    Jain and Farrokhnia (1991), "Unsupervised texture segmentation using Gabor filters", Pattern
    Recognition 24(12), 1167-1186.
    Biernacki, Celeux and Govaert (2003), "Choosing starting values for the EM algorithm",
    Computational Statistics & Data Analysis 41, 561-575, for short runs of which one goes on.

    Examples
    --------
    >>> y, x = np.mgrid[:96, :96]
    >>> stripes = np.cos(2 * np.pi / 8 * np.where(x < 48, x, y))
    >>> found = segment_textures(stripes, 2)
    >>> found.labels[::32, ::32]
    array([[0, 0, 1],
           [0, 0, 1],
           [0, 0, 1]], dtype=uint8)
    """
    if clustering not in CLUSTERINGS:
        raise FeatureError(
            f"clustering={clustering!r} is unknown; choose one of {', '.join(CLUSTERINGS)}"
        )
    for name, value in (("position", position), ("smoothing", smoothing)):
        if not (math.isfinite(value) and value >= 0):
            raise FeatureError(f"{name}={value!r} is out of range; give 0 or more")
    tried = [_count("count", count)] if count is not None else _counts(counts)
    planes, part = planes_within(image, channel_axis, mask, outside)
    # One unit for all channels, in which squares are numbers of the precision.
    planes = ordinary(planes.reshape(-1, planes.shape[-1])).reshape(planes.shape)
    inside = np.ones(planes.shape[-2:], bool) if part.inside is None else part.inside
    _check_enough(int(inside.sum()), max(tried))
    masked: dict[str, Any] = {"mask": part.inside, "outside": outside}
    bank = strongest_kernels(planes, bank or dyadic_bank(planes.shape[-2:]), share, **masked)
    features = texture_maps(
        planes if channel_axis is not None else planes[0],
        bank=bank,
        nonlinearity=nonlinearity,
        window=window,
        least=least,
        channel_axis=None if channel_axis is None else 0,
        **masked,
    )
    maps = principal_components(standardized(features.to_numpy(), part.inside), part.inside)
    if not len(maps):
        raise FeatureError(
            "the picture has the same texture energy everywhere, as a constant one has; there is "
            "nothing to be divided"
        )
    places = coordinates(maps.shape[-2:], maps.dtype, part.inside)
    everything = np.concatenate([maps, places * position * maps[0][inside].std()])
    chosen = sampled(inside, GRID, 10 * max(tried))
    sample, placed = (np.ascontiguousarray(values[:, chosen].T) for values in (maps, everything))
    with one_thread():  # around all, as to limit them takes 4 ms
        fits = {k: _fit(sample, placed, k, clustering, seed) for k in tried}
        silhouettes = {} if count is not None else _silhouettes(placed, sample, fits, seed)
        best = max(silhouettes, key=silhouettes.__getitem__) if silhouettes else tried[0]
        seen = everything if clustering == "kmeans" else maps
        probabilities = _probabilities(fits[best], seen, best)
        probabilities = smoothed(probabilities, smoothing, inside=part.inside)
        if refine:
            probabilities = refined(
                planes, probabilities, bank, smoothing=smoothing, seed=seed, **masked
            )
    labels, probabilities = _in_order(probabilities, inside)
    return Segmentation(
        part.put_back(labels + 1) - 1,  # outside, 0 - 1 is OUTSIDE
        part.put_back(probabilities * inside),
        Features(part.put_back(features.values), features.names, maps=True),
        silhouettes,
    )


# ---- clusters ----


def _fit(sample: RealArray, placed: RealArray, count: int, clustering: str, seed: int) -> Any:
    """Clusters of sampled pixels: a mixture without coordinates, or scikit-learn's k-means with."""
    from sklearn.cluster import KMeans

    if clustering == "kmeans":
        return KMeans(count, n_init=10, random_state=seed % 2**32).fit(placed)
    starts = {  # those that differ in names alone, once
        _renamed(
            KMeans(count, n_init=1, random_state=(seed + start) % 2**32).fit_predict(placed)
        ).tobytes()
        for start in range(STARTS)
    }
    samples = np.ascontiguousarray(sample.T)
    ridge = RIDGE * float(samples[0].var())
    tried = [
        Mixture.of_shares(samples, np.eye(count)[:, np.frombuffer(labels, np.uint8)], ridge).fitted(
            samples, ridge, SHORT
        )
        for labels in sorted(starts)
    ]
    best = max(tried, key=lambda fit: fit.likelihood)
    # Where two textures are hardly apart the likelihood creeps on; the clusters hold still.
    return best if best.converged else best.fitted(samples.astype(np.float64), ridge, STEPS)


def _renamed(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Labels in the order of their first appearance."""
    _, first, places = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first)).astype(np.uint8)[places]


def _silhouettes(
    placed: RealArray, sample: RealArray, fits: Mapping[int, Any], seed: int
) -> dict[int, float]:
    from sklearn.metrics import silhouette_score

    few = np.random.default_rng(seed).permutation(len(placed))[:SILHOUETTE]
    silhouettes = {}
    for count, fit in fits.items():
        if isinstance(fit, Mixture):
            labels = fit.scores(sample[few].T).argmax(0)
        else:
            labels = fit.predict(placed[few])
        several = 1 < len(set(labels.tolist())) < len(few)
        silhouettes[count] = float(silhouette_score(placed[few], labels)) if several else -1.0
    return silhouettes


def _probabilities(fit: Any, maps: RealArray, count: int) -> RealArray:
    """Of each cluster (count, H, W), by bands of rows that stay in the caches."""
    height, width = maps.shape[-2:]
    probabilities = np.empty((count, height, width), np.float32)
    band = max(1, 2**13 // width)
    for top in range(0, height, band):
        rows = maps[:, top : top + band]
        flat = rows.reshape(len(rows), -1)
        if isinstance(fit, Mixture):
            values = fit.probabilities(flat)
        else:
            values = np.eye(count)[fit.predict(flat.T)].T
        probabilities[:, top : top + band] = values.reshape(count, *rows.shape[1:])
    return probabilities


def _in_order(
    probabilities: RealArray, inside: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], RealArray]:
    """Labels by first appearance, and the probabilities in that order; none for unseen ones."""
    raw = probabilities.argmax(0)
    present, first = np.unique(raw[inside], return_index=True)
    absent = sorted(set(range(len(probabilities))) - set(present.tolist()))
    order = [*present[np.argsort(first)].tolist(), *absent]
    rank = np.empty(len(order), np.uint8)
    rank[order] = np.arange(len(order))
    return rank[raw], probabilities[order]


# ---- checks ----


def _count(name: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise FeatureError(f"{name}={value!r} is not a whole number; try 3") from None
    if not 2 <= number <= 255:
        raise FeatureError(f"{name}={number} textures: give 2 to 255")
    return number


def _counts(values: Iterable[int]) -> list[int]:
    numbers = sorted({_count("counts", value) for value in values})
    if not numbers:
        raise FeatureError("counts is empty; give numbers of textures to be tried, as range(2, 9)")
    return numbers


def _check_enough(pixels: int, count: int) -> None:
    if pixels < 10 * count:
        raise FeatureError(
            f"{count} textures in a picture of {pixels} pixels: give a larger one, or fewer"
        )
