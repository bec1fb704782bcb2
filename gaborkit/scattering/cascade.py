"""The cascade: wavelet, modulus, wavelet, modulus, and the low-pass of each modulus.

It is written once; NumPy and torch each say how they transform, multiply and average.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..types import Array
from .filters import Wavelets

#: Indices of the wavelets that a coefficient has gone through.
Indices = tuple[int, ...]


class CascadeSteps(Protocol):
    """How one library does the steps."""

    def spectra(self, values: Array) -> Array:
        """Transform of real values (..., H, W), complex and whole."""

    def moduli(self, spectra: Array, wavelets: Wavelets) -> Array:
        """Moduli (..., L, h, w) of the responses of wavelets, on their own grid."""

    def average(self, values: Array, step: int) -> Array:
        """Low-pass (..., h, w) of values at every ``step``-th pixel."""


def branch(
    steps: CascadeSteps, spectra: Array, first: Wavelets, following: list[Wavelets]
) -> Iterator[tuple[Indices, Array]]:
    """Coefficients (B, h, w), with their paths, that begin with wavelets of one scale.

    Parameters
    ----------
    steps : CascadeSteps
    spectra : complex array (B, H', W')
        Of the padded pictures.
    first : Wavelets
        L of them.
    following : list of Wavelets
        Of the lower scales, applied to the moduli of the first; none for order 1.
    """
    moduli = steps.moduli(spectra, first)  # (B, L, H1, W1)
    averages = steps.average(moduli, first.step)
    for i, n1 in enumerate(first.members):
        yield (n1,), averages[:, i]
    if not following:
        return
    spectra = steps.spectra(moduli)
    for second in following:
        averages = steps.average(steps.moduli(spectra, second), second.step)
        for i, n1 in enumerate(first.members):
            for k, n2 in enumerate(second.members):
                yield (n1, n2), averages[:, i, k]
