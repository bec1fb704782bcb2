"""Texture by means and deviations of magnitudes (Manjunath and Ma, 1996), and its distance."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import library_of
from ..filtering.padding import check_boundary
from ..types import Array, Boundary
from .bank_grid import channel_names
from .base import Descriptor
from .table import Features


@dataclass(frozen=True)
class Texture(Descriptor):
    """Mean and standard deviation of every channel's magnitude: 2 K values.

    The responses are never held: the compiled engines add up a row at a time.

    Parameters
    ----------
    bank : GaborBank
        K kernels; by default Manjunath and Ma's 24, which give 48 values.
    boundary : {"reflect", "mirror", "nearest", "constant", "wrap"}

    References
    ----------
    Manjunath and Ma (1996), "Texture features for browsing and retrieval of image data", IEEE
    TPAMI 18(8), 837-842, equation 8: mean and deviation of each channel side by side.

    Examples
    --------
    >>> import numpy as np
    >>> features = Texture().describe(np.eye(64))
    >>> len(features), features.names[:2]
    (48, ('mean 2.5 px, 0°', 'deviation 2.5 px, 0°'))
    """

    bank: GaborBank = field(default_factory=lambda: GaborBank.preset("manjunath"))
    boundary: Boundary = "reflect"

    def __post_init__(self) -> None:
        check_boundary(self.boundary)

    def names(self, shape: tuple[int, int]) -> tuple[str, ...]:
        """``mean`` and ``deviation`` before each of the bank's labels."""
        labels = channel_names(self.bank)
        return tuple(f"{what} {label}" for label in labels for what in ("mean", "deviation"))

    def values(self, planes: Array, inside: NDArray[np.bool_] | None = None) -> Array:
        """Means and deviations in turn, (..., 2 K)."""
        statistics = self.bank.statistics(planes, boundary=self.boundary, mask=inside)
        pairs = library_of(statistics.mean).stack(list(statistics), statistics.mean.ndim)
        return pairs.reshape(*pairs.shape[:-2], 2 * len(self.bank))


def texture_distances(
    pictures: Array | Features, database: Array | Features, deviation: Array | None = None
) -> Array:
    """Distance of each picture from each of a data base, every feature in its own deviations.

    The sum over the features of ``|one - other| / deviation``.

    Parameters
    ----------
    pictures : array, tensor or Features (..., F)
    database : array, tensor or Features (M, F)
        Of the same library.
    deviation : array or tensor (F,), optional
        Standard deviation of each feature; over the data base by default. A feature whose deviation
        is 0 tells nothing apart, and is left out.

    Returns
    -------
    array or tensor (..., M)
        Tensors pass gradients.

    Raises
    ------
    FeatureError
        If the shapes do not fit, or the deviation is wanted of less than two pictures.

    References
    ----------
    Manjunath and Ma (1996), equations 9 and 10.

    Examples
    --------
    >>> import numpy as np
    >>> database = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> texture_distances(database, database)
    array([[0., 4.],
           [4., 0.]])
    """
    one, other = (x.values if isinstance(x, Features) else x for x in (pictures, database))
    if other.ndim != 2 or one.ndim < 1 or one.shape[-1] != other.shape[-1]:
        raise FeatureError(
            f"features of shapes {tuple(one.shape)} and {tuple(other.shape)} cannot be compared; "
            "give (..., F) and (M, F)"
        )
    if deviation is None:
        if len(other) < 2:
            raise FeatureError(
                f"a data base of {len(other)} pictures has no deviation; give deviation="
            )
        deviation = (
            other.std(0) if library_of(other).name == "numpy" else other.std(0, correction=0)
        )
    if tuple(deviation.shape) != tuple(other.shape[1:]):
        raise FeatureError(
            f"a deviation of shape {tuple(deviation.shape)} does not fit {other.shape[1]} features"
        )
    # 1 / deviation, and 0 for 0.
    weights = (deviation > 0) / (deviation + (deviation == 0))
    return _city_block(one * weights, other * weights)


def _city_block(one: Array, other: Array) -> Array:
    rows = one.reshape(-1, one.shape[-1])
    if library_of(one).name == "torch":
        import torch

        distances = torch.cdist(rows, other, p=1)
    else:
        distances = scipy.spatial.distance.cdist(rows, other, "cityblock")
    return distances.reshape(*one.shape[:-1], len(other))
