"""What classifiers make of scattering coefficients first: ratios to the order below, logarithms."""

from __future__ import annotations

import numpy as np

from ..errors import FeatureError
from ..filtering.backend import library_of
from ..types import Array, ArrayT
from .scattering import Scattering


def normalized(
    coefficients: ArrayT, scattering: Scattering, *, axis: int = -3, floor: float = 1e-6
) -> ArrayT:
    """Divide order 2 by order 1: each coefficient by that of its first wavelet alone.

    What is left tells how a texture varies, apart from how strong it is.

    Parameters
    ----------
    coefficients : array or tensor
        Of ``scattering``; tensors pass gradients.
    scattering : Scattering
        Whose paths they are.
    axis : int
        The one of the coefficients.
    floor : float
        Added to the divisor.

    Raises
    ------
    FeatureError
        If the coefficients are not those of the paths, or the floor is not above 0.

    References
    ----------
    Bruna and Mallat (2013), "Invariant scattering convolution networks", IEEE TPAMI 35(8),
    1872-1886: normalised scattering.

    Examples
    --------
    >>> scattering = Scattering(J=2, L=2, cells=1)
    >>> one, twice = (normalized(scattering(k * np.eye(16)), scattering) for k in (1, 2))
    >>> bool(np.allclose(twice[5:], one[5:], rtol=1e-3))
    True
    """
    _check(coefficients, scattering, axis, floor)
    library = library_of(coefficients)
    last = library.moveaxis(coefficients, axis, -1)
    first = sum(path.order < 2 for path in scattering.paths)
    parents = [scattering.places[path.wavelets[:1]] for path in scattering.paths[first:]]
    divisors = library.take(last, np.array(parents, int), last.ndim - 1)
    ratios = library.concatenate(
        [last[..., :first], last[..., first:] / (_positive(divisors) + floor)], -1
    )
    return library.moveaxis(ratios, -1, axis)


def logarithms(
    coefficients: ArrayT, scattering: Scattering, *, axis: int = -3, floor: float = 1e-6
) -> ArrayT:
    """Natural logarithms of all orders but 0, which is no modulus; see :func:`normalized`.

    ``floor`` is added before.

    Examples
    --------
    >>> scattering = Scattering(J=2, L=2, cells=1)
    >>> logarithms(scattering(np.ones((16, 16))), scattering)[:2, 0, 0].round(3).tolist()
    [1.0, -13.816]
    """
    _check(coefficients, scattering, axis, floor)
    library = library_of(coefficients)
    last = library.moveaxis(coefficients, axis, -1)
    rest = _positive(last[..., 1:]) + floor
    rest = rest.log() if library.name == "torch" else np.log(rest)
    return library.moveaxis(library.concatenate([last[..., :1], rest], -1), -1, axis)


def _positive(values: Array) -> Array:
    """Coefficients but for the ripples below 0 of a low-pass that is cut in frequency."""
    return (values + abs(values)) / 2


def _check(coefficients: Array, scattering: Scattering, axis: int, floor: float) -> None:
    shape, count = tuple(coefficients.shape), len(scattering.paths)
    if not -len(shape) <= axis < len(shape) or shape[axis] != count:
        raise FeatureError(
            f"coefficients of shape {shape} do not have {count} paths along axis {axis}; give "
            "those of the same Scattering, and axis="
        )
    if not floor > 0:
        raise FeatureError(f"floor={floor!r} is not above 0; try 1e-6")
