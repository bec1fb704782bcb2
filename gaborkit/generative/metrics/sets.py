"""Figures of one set of features beside another, whatever the features are."""

from __future__ import annotations

from torch import Tensor

from ...io.tables import counted
from .figures import Figure
from .neighbours import density_coverage, precision_recall
from .quality import frechet_distance

#: k of precision and recall, and of density and coverage: as in the articles.
RECALL_NEIGHBOURS, COVERAGE_NEIGHBOURS = 3, 5


def set_figures(*, real: Tensor, generated: Tensor, by: str, suffix: str = "") -> list[Figure]:
    """Fréchet distance, precision, recall, density and coverage, as far as the counts allow.

    All of them depend on how many there are of each set, so that both have the same number.

    Parameters
    ----------
    real, generated : tensor (N, F)
        Features.
    by : str
        Of what the features are, for the protocol.
    suffix : str
        Behind each name.

    Raises
    ------
    ModelError
        If the features do not fit, or hold NaN.

    Examples
    --------
    >>> import torch
    >>> values = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    >>> for figure in set_figures(real=values, generated=values, by="pixels"):
    ...     print(figure.name, figure.protocol)
    Fréchet distance 50 samples, 50 test images, pixels
    Precision 50 samples, 50 test images, pixels, k = 3
    Recall 50 samples, 50 test images, pixels, k = 3
    Density 50 samples, 50 test images, pixels, k = 5
    Coverage 50 samples, 50 test images, pixels, k = 5
    """
    pairs = f"{counted(len(generated), 'sample')}, {counted(len(real), 'test image')}, {by}"
    both = {"real": real, "generated": generated}
    count = min(len(real), len(generated))
    values: dict[str, tuple[float, str]] = {}
    if count >= 2:
        values["Fréchet distance"] = frechet_distance(**both), pairs
    if count > (k := RECALL_NEIGHBOURS):
        shares = precision_recall(**both, neighbours=k)
        for name, value in zip(("Precision", "Recall"), shares, strict=True):
            values[name] = value, f"{pairs}, k = {k}"
    if count > (k := COVERAGE_NEIGHBOURS):
        for name, value in zip(
            ("Density", "Coverage"), density_coverage(**both, neighbours=k), strict=True
        ):
            values[name] = value, f"{pairs}, k = {k}"
    return [
        Figure(
            name + suffix,
            value,
            protocol=protocol,
            better="lower" if name == "Fréchet distance" else "higher",
        )
        for name, (value, protocol) in values.items()
    ]


def left_out(count: int) -> str | None:
    """What :func:`set_figures` leaves out of ``count`` images on each side, in a sentence.

    Examples
    --------
    >>> left_out(5)
    'Density and coverage need 6 test images or more, and there are 5: left out'
    >>> left_out(6) is None
    True
    """
    names = [
        name
        for name, least in (
            ("Fréchet distance", 2),
            ("precision and recall", RECALL_NEIGHBOURS + 1),
            ("density and coverage", COVERAGE_NEIGHBOURS + 1),
        )
        if count < least
    ]
    if not names:
        return None
    text = ", ".join(names)
    there = "is 1" if count == 1 else f"are {count}"
    return (
        f"{text[0].upper()}{text[1:]} need {COVERAGE_NEIGHBOURS + 1} test images or more, and "
        f"there {there}: left out"
    )
