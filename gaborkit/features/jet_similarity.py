"""How alike two Gabor jets are, and how far apart.

The response of a wave vector k turns by -k . d where the picture moves by d, so two jets of
magnitudes a, b and phases p, q are compared with the displacement d left out (Wiskott et al.)::

    S_a = sum a b / sqrt(sum a^2 sum b^2)
    S_phi(d) = sum a b cos(p - q - d . k) / sqrt(sum a^2 sum b^2)
    d = G^-1 sum a b (p - q) k,    G = sum a b k k^T

bob.ip.gabor calls S_a ``ScalarProduct``, S_phi(0) ``PhaseDiff`` and S_phi(d) ``Disparity``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bank import GaborBank
from ..errors import FeatureError
from ..filtering.backend import library_of
from ..filtering.parts import part_of
from ..kernels.parameters import number
from ..types import Array, ArrayT
from .bank_grid import CLOSE, default_bank


def magnitude_similarity(first: ArrayT, second: ArrayT) -> ArrayT:
    """Alikeness of jets by magnitudes alone, 0 to 1: slow to change where the picture moves.

    Parameters
    ----------
    first, second : complex array or tensor (..., K)
        Jets, broadcast against each other.

    Returns
    -------
    array or tensor (...)
        The normalised dot product of the magnitudes, S_a; 0 for a jet of zeros.

    Raises
    ------
    FeatureError
        If the jets do not fit together.

    Examples
    --------
    >>> from gaborkit.features import jets
    >>> found = jets(np.random.default_rng(0).random((60, 80)), [(30, 40), (31, 40)])
    >>> round(float(magnitude_similarity(found[0], found[1])), 3)
    0.996
    """
    _check_jets(first, second)
    first, second = _unit(first), _unit(second)
    product, norm = (abs(first) * abs(second)).sum(-1), _norm(first, second)
    return product / (norm + (norm == 0))


def phase_similarity(
    first: ArrayT,
    second: ArrayT,
    bank: GaborBank | None = None,
    *,
    displacement: Any = None,
) -> ArrayT:
    """Alikeness of jets by magnitudes and phases, -1 to 1: falls fast where the picture moves.

    Parameters
    ----------
    first, second : complex array or tensor (..., K)
        Jets, broadcast against each other.
    bank : GaborBank, optional
        That made them; ``GaborBank.preset("bob")`` by default.
    displacement : array (..., 2), "estimate", or None
        (dy, dx) by which the second picture is moved against the first, which is allowed for;
        ``estimate`` takes :func:`jet_displacement`'s; None allows for nothing.

    Returns
    -------
    array or tensor (...)
        S_phi; 0 for a jet of zeros.

    Raises
    ------
    FeatureError
        If the jets, the bank or the displacement do not fit together.

    Examples
    --------
    >>> from gaborkit.features import jets
    >>> image = np.random.default_rng(0).random((60, 80))
    >>> first, second = jets(image, [(30, 40)]), jets(np.roll(image, 1, 1), [(30, 40)])
    >>> round(float(phase_similarity(first, second)[0]), 2)
    0.67
    >>> round(float(phase_similarity(first, second, displacement="estimate")[0]), 2)
    0.99
    """
    bank = default_bank("bob") if bank is None else bank
    _check_jets(first, second, bank)
    first, second = _unit(first), _unit(second)
    product, norm = first * second.conj(), _norm(first, second)
    if displacement is not None:
        if isinstance(displacement, str):
            if displacement != "estimate":
                raise FeatureError(
                    f"displacement={displacement!r} is neither 'estimate' nor (dy, dx) in pixels"
                )
            displacement = jet_displacement(first, second, bank)
        product = product * _turned(first, displacement, bank).conj()
    similarity: Array = product.real.sum(-1) / (norm + (norm == 0))
    return similarity


def jet_displacement(first: ArrayT, second: ArrayT, bank: GaborBank | None = None) -> ArrayT:
    """How far the second picture is moved against the first, from two jets at one place.

    From coarse to fine: the lowest frequency's phases tell half of its wavelength apart, and each
    further frequency corrects what those before it have found.

    Parameters
    ----------
    first, second : complex array or tensor (..., K)
        Jets of two pictures, taken at the same point, broadcast against each other.
    bank : GaborBank, optional
        That made them; ``GaborBank.preset("bob")`` by default.

    Returns
    -------
    array or tensor (..., 2)
        (dy, dx) in pixels: what the first jet sees at p lies at p + d in the second picture.

    Raises
    ------
    FeatureError
        If the jets or the bank do not fit, or all wave vectors are parallel.

    References
    ----------
    Fleet and Jepson (1990), "Computation of component image velocity from local phase information",
    IJCV 5(1), 77-104; Wiskott et al. (1997), equations 5 to 8, whose ``focus`` grows here.

    Examples
    --------
    >>> from gaborkit.features import jets
    >>> y, x = np.mgrid[:80, :80]
    >>> pictures = [np.exp(-((y - 40 - d) ** 2 + (x - 38 - d) ** 2) / 30) for d in (0, 0.5)]
    >>> first, second = jets(np.stack(pictures), [(40, 40)])
    >>> jet_displacement(first, second).round(1).tolist()
    [[0.5, 0.5]]
    """
    bank = default_bank("bob") if bank is None else bank
    _check_jets(first, second, bank)
    waves = _waves(bank)
    length = np.hypot(*waves.T)
    if np.linalg.matrix_rank(waves, tol=CLOSE * length.max()) < 2:
        raise FeatureError(
            "wave vectors of one direction tell no displacement across it; add others"
        )
    library = library_of(first)
    product = _unit(first) * _unit(second).conj()
    weight = abs(product)
    ky, kx = (library.constant(k, library.double(product.real), real=True) for k in waves.T)
    dy = dx = 0 * weight[..., 0]
    for limit in np.unique(np.round(length, 9)):
        if np.linalg.matrix_rank(waves[length <= limit + CLOSE], tol=CLOSE * limit) < 2:
            continue
        used = weight * library.constant(length <= limit + CLOSE, library.double(weight), real=True)
        turned = product * _turned(first, library.stack([dy, dx], dy.ndim), bank).conj()
        apart = used * part_of(turned, "phase")
        phi_y, phi_x = (apart * ky).sum(-1), (apart * kx).sum(-1)
        yy, yx, xx = ((used * one * two).sum(-1) for one, two in ((ky, ky), (ky, kx), (kx, kx)))
        determinant = yy * xx - yx**2
        determinant = determinant + (determinant == 0)
        dy = dy + (xx * phi_y - yx * phi_x) / determinant
        dx = dx + (yy * phi_x - yx * phi_y) / determinant
    return library.stack([dy, dx], dy.ndim)


def _waves(bank: GaborBank) -> NDArray[np.float64]:
    """Wave vectors (K, 2) as (ky, kx), in radians per pixel."""
    angles = np.array([number(kernel.theta) for kernel in bank])
    lengths = 2 * math.pi * np.array([kernel.frequency for kernel in bank])
    return np.stack([lengths * np.sin(angles), lengths * np.cos(angles)], 1)


def _turned(like: Array, displacement: Any, bank: GaborBank) -> Array:
    """exp(i d . k) for each kernel, (..., K)."""
    library = library_of(like)
    double = library.double(like.real)
    moved = library.constant(displacement, double, real=True)
    if moved.ndim < 1 or moved.shape[-1] != 2:
        raise FeatureError(
            f"a displacement of shape {tuple(moved.shape)} is not (..., 2): (dy, dx) in pixels"
        )
    waves = library.constant(_waves(bank), double, real=True)
    angle = moved[..., :1] * waves[:, 0] + moved[..., 1:] * waves[:, 1]
    return np.exp(1j * angle) if isinstance(angle, np.ndarray) else (1j * angle).exp()


def _unit(jet: Array) -> Array:
    """A jet whose largest magnitude is 1: its products are numbers, whatever the picture's size."""
    magnitude = abs(jet)
    if isinstance(jet, np.ndarray):
        largest = magnitude.max(-1, keepdims=True)
    else:
        largest = magnitude.detach().amax(-1, keepdim=True)
    return jet / (largest + (largest == 0))


def _norm(first: Array, second: Array) -> Array:
    return ((abs(first) ** 2).sum(-1) * (abs(second) ** 2).sum(-1)) ** 0.5


def _check_jets(first: Array, second: Array, bank: GaborBank | None = None) -> None:
    for jet in (first, second):
        if "complex" not in str(jet.dtype) or jet.ndim < 1:
            raise FeatureError(f"{jet.dtype} of shape {tuple(jet.shape)} is no jet; give jets()'s")
        if jet.shape[-1] != (first.shape[-1] if bank is None else len(bank)):
            wanted = first.shape[-1] if bank is None else len(bank)
            raise FeatureError(f"a jet of {jet.shape[-1]} responses does not fit one of {wanted}")
