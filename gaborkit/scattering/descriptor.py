"""Scattering as a descriptor: as many values for a picture of any size."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..features.base import Descriptor
from ..filtering.backend import library_of
from ..types import Array, Boundary
from .normalization import logarithms, normalized
from .scattering import Scattering


@dataclass(frozen=True)
class ScatteringDescriptor(Descriptor):
    """Means of all scattering coefficients over the picture, or over parts of it.

    Parameters
    ----------
    J, L, order, bank, tight, boundary
        As in :class:`Scattering`.
    cells : int
        Means over ``cells`` by ``cells`` equal parts; 1 for the whole.
    relative : bool
        Divide order 2 by order 1; see :func:`normalized`.
    log : bool
        Logarithms of all but order 0; see :func:`logarithms`.

    Raises
    ------
    FeatureError
        If a parameter is out of range.

    References
    ----------
    Bruna and Mallat (2013), "Invariant scattering convolution networks", IEEE TPAMI 35(8),
    1872-1886, section 3.1: expected scattering of stationary textures.

    Examples
    --------
    >>> import numpy as np
    >>> features = ScatteringDescriptor(J=2, L=4).describe(np.eye(50))
    >>> features.shape, features.names[:2]
    ((25,), ('order 0', '2.667 px, 0°'))
    """

    J: int = 4
    L: int = 8
    order: int = 2
    bank: GaborBank | None = None
    tight: bool = True
    boundary: Boundary = "reflect"
    cells: int = 1
    relative: bool = False
    log: bool = True

    def __post_init__(self) -> None:
        if self.cells is None:
            raise FeatureError("cells=None makes no means; use 1 for the whole picture")
        _ = self.scattering  # which checks the rest

    @functools.cached_property
    def scattering(self) -> Scattering:
        """The transform that is averaged."""
        return Scattering(
            self.J,
            self.L,
            self.order,
            self.bank,
            tight=self.tight,
            boundary=self.boundary,
            cells=self.cells,
        )

    def names(self, shape: tuple[int, int]) -> tuple[str, ...]:
        """Names of the paths; of parts, with row and column."""
        paths = [path.name for path in self.scattering.paths]
        if self.cells == 1:
            return tuple(paths)
        places = [(y, x) for y in range(self.cells) for x in range(self.cells)]
        return tuple(f"{path}, row {y}, column {x}" for path in paths for y, x in places)

    def values(self, planes: Array, inside: NDArray[np.bool_] | None = None) -> Array:
        """Means (..., C * cells * cells); of an object, of its bounding box where cells are many.

        One cell of a ragged object weighs coefficients by how much of it they see.
        """
        if inside is None or inside.all() or self.cells > 1:
            coefficients = self.scattering(planes)
        else:
            local = dataclasses.replace(self.scattering, cells=None)
            library = library_of(planes)
            mask = library.constant(inside, library.double(planes), real=True)
            weights = dataclasses.replace(local, order=0)(mask)
            weights = weights * (weights > 0) / (weights * (weights > 0)).sum()
            coefficients = (local(planes) * weights).sum((-2, -1))[..., None, None]
        if self.relative:
            coefficients = normalized(coefficients, self.scattering)
        if self.log:
            coefficients = logarithms(coefficients, self.scattering)
        return coefficients.reshape(*coefficients.shape[:-3], -1)
