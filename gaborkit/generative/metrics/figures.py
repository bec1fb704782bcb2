"""Measured figures, each with its protocol, and tables of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...errors import ModelError, StoreError
from ...io.tables import fold, table
from .. import configuration


@dataclass(frozen=True)
class Figure:
    """One number, and how it came about.

    Attributes
    ----------
    name : str
    value : float
    standard_error : float or None
        Over images.
    unit : str
        Empty for a pure number, ``of N`` for a count of N.
    protocol : str
        Everything that a second measurement needs to be comparable; of a likelihood the domain
        first.
    better : str or None
        ``higher``, ``lower``, or None where neither is.
    domain : str or None
        Of a likelihood: of what variable, and of which test images. None for all others.
    repeat_error : float or None
        Standard error over repeated encodings or latent draws, the test images being fixed.
    """

    name: str
    value: float
    standard_error: float | None = None
    unit: str = ""
    protocol: str = ""
    better: Literal["higher", "lower"] | None = None
    domain: str | None = None
    repeat_error: float | None = None

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" ± {self.standard_error:.2g}"
        if self.repeat_error is not None:
            error += f" (± {self.repeat_error:.2g} over repeats)"
        unit = "%" if self.unit == "%" else f" {self.unit}" if self.unit else ""
        digits = 0 if self.unit.startswith("of ") else _digits(self.value)
        return f"{self.value:.{digits}f}{error}{unit}"


@dataclass(frozen=True)
class Evaluation:
    """All figures of one model.

    Attributes
    ----------
    model : str
        Its name and features, such as ``vae, raw features``.
    data : str
        Name of the data set.
    figures : tuple of Figure
    notes : tuple of str
        What was left out and why, and figures of real images to compare with.

    Examples
    --------
    >>> figure = Figure("Recall", 0.75, protocol="1,000 samples", better="higher")
    >>> print(Evaluation("vae, raw features", "mini", (figure,)))
    vae, raw features, on mini
      figure  value  better  protocol
      Recall  0.7500 higher  1,000 samples
    """

    model: str
    data: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> Figure:
        """Figure of that name."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        known = ", ".join(figure.name for figure in self.figures)
        raise ModelError(f"there is no figure {name!r}; there are {known or 'none'}")

    def __str__(self) -> str:
        rows = [
            (figure.name, str(figure), figure.better or "", figure.protocol)
            for figure in self.figures
        ]
        lines = table([("figure", "value", "better", "protocol"), *rows], indent=2)
        return "\n".join([f"{self.model}, on {self.data}", *lines, *map(fold, self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Description that :meth:`from_dict` reads, for JSON."""
        return {
            "model": self.model,
            "data": self.data,
            "figures": [configuration.to_dict(figure) for figure in self.figures],
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: object) -> Evaluation:
        """Evaluation from what :meth:`to_dict` gave.

        Raises
        ------
        StoreError
            If it is damaged.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("figures"), Sequence):
            raise StoreError("metrics: there is no list of figures; evaluate the model again")
        figures = tuple(
            configuration.from_dict(Figure, item, "metrics", StoreError) for item in data["figures"]
        )
        texts = configuration.from_dict(
            _Texts, {key: data[key] for key in data if key != "figures"}, "metrics", StoreError
        )
        return cls(texts.model, texts.data, figures, texts.notes)


@dataclass(frozen=True)
class _Texts:
    model: str
    data: str
    notes: tuple[str, ...]


def compare(evaluations: Mapping[str, Evaluation], *, likelihoods: bool = True) -> str:
    """Table of several evaluations: a row a figure, a column a model.

    Figures whose protocols differ are left out, and a line below the table says so; likelihoods
    whose protocols differ are refused, for they look comparable and are not.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation
        By the heading of the column.
    likelihoods : bool
        False leaves likelihoods out.

    Raises
    ------
    ModelError
        If two columns hold likelihoods of different domains or protocols.

    Examples
    --------
    >>> exact = Figure("NLL, exact", 0.8, unit="bits", protocol="raster", domain="8-bit pixels")
    >>> bound = Figure("NLL, ELBO", 85.0, unit="nats", domain="binarized pixels")
    >>> compare({"a": Evaluation("m", "d", (exact,)), "b": Evaluation("m", "d", (bound,))})
    Traceback (most recent call last):
    gaborkit.errors.ModelError: likelihoods of different domains do not compare: a is of 8-bit
    pixels, b of binarized pixels; leave likelihoods out
    """
    if likelihoods:
        _check_domains(evaluations)
    names = dict.fromkeys(
        figure.name
        for evaluation in evaluations.values()
        for figure in evaluation.figures
        if likelihoods or figure.domain is None
    )
    rows, dropped = [], []
    for name in names:
        figures = {
            column: next((figure for figure in evaluation.figures if figure.name == name), None)
            for column, evaluation in evaluations.items()
        }
        if len({figure.protocol for figure in figures.values() if figure}) > 1:
            dropped.append(f"{name} is left out: its protocols differ")
            continue
        rows.append((name, *("" if figure is None else str(figure) for figure in figures.values())))
    return "\n".join([*table([("figure", *evaluations), *rows], indent=2), *dropped])


def _check_domains(evaluations: Mapping[str, Evaluation]) -> None:
    domains: dict[str, str] = {}
    protocols: dict[str, tuple[str, str]] = {}
    for column, evaluation in evaluations.items():
        for figure in evaluation.figures:
            if figure.domain is None:
                continue
            for other, domain in domains.items():
                if domain != figure.domain:
                    raise ModelError(
                        f"likelihoods of different domains do not compare: {other} is of {domain}, "
                        f"{column} of {figure.domain}; leave likelihoods out"
                    )
            domains[column] = figure.domain
            other, protocol = protocols.setdefault(figure.name, (column, figure.protocol))
            if protocol != figure.protocol:
                raise ModelError(
                    f"{figure.name} under different protocols does not compare: {other} by "
                    f"{protocol}, {column} by {figure.protocol}; leave likelihoods out"
                )


def _digits(value: float) -> int:
    """Decimals that leave about four digits."""
    return 4 if abs(value) < 1 else 3 if abs(value) < 10 else 2
