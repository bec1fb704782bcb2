"""What a page asks for: a value with a name, limits and a default, as text in the page's address.

A tab declares its controls; the page draws them, and the server parses what comes back.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import click

Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Control(ABC):
    """A value that a person sets.

    Attributes
    ----------
    name : str
        In the address, and of the option of the command that it is.
    label : str
        On the page.
    default : object
    when : mapping
        Values of other controls, one of which each must have for this one to be shown.
    help : str
        A sentence for who wonders.
    """

    kind: ClassVar[str]
    name: str
    label: str
    default: Any
    when: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    help: str = ""

    @abstractmethod
    def parse(self, text: str) -> Any:
        """The value that a text says.

        Raises
        ------
        click.UsageError
            If it says none.
        """

    def text(self, value: Any) -> str:
        """The text of a value."""
        return str(value)

    def describe(self) -> dict[str, Any]:
        """What the page needs to draw it."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        when = {name: list(values) for name, values in self.when.items()}
        return {**fields, "kind": self.kind, "when": when, "default": self.text(self.default)}

    def applies(self, values: Values) -> bool:
        """Whether it is shown beside these values."""
        return all(values.get(name) in allowed for name, allowed in self.when.items())

    def refuse(self, text: str, wanted: str) -> click.UsageError:
        """What to raise for a text that says no value."""
        return click.UsageError(f"{self.name} {text:.60}: give {wanted}")


@dataclass(frozen=True, kw_only=True)
class Slider(Control):
    """A number between two others.

    Attributes
    ----------
    least, most, step : float
        A whole number if the step is one of the type int.
    unit : str
    log : bool
        Whether the slider's way is the number's logarithm.
    """

    kind = "slider"
    least: float
    most: float
    step: float
    unit: str = ""
    log: bool = False

    def parse(self, text: str) -> float:
        """The number, if it is within the limits."""
        wanted = f"{'a whole' if isinstance(self.step, int) else 'a'} number from {self.least:g} "
        wanted += f"to {self.most:g}"
        try:
            number = int(text) if isinstance(self.step, int) else float(text)
        except ValueError:
            raise self.refuse(text, wanted) from None
        if not self.least <= number <= self.most:  # NaN too
            raise self.refuse(text, wanted)
        return number

    def text(self, value: Any) -> str:
        """The shortest decimals that are the number."""
        return plain(value)


@dataclass(frozen=True, kw_only=True)
class Choice(Control):
    """One of some words."""

    kind = "choice"
    options: Sequence[str]

    def parse(self, text: str) -> str:
        """The word, if it is one of them."""
        if text not in self.options:
            raise self.refuse(text, f"one of {', '.join(self.options)}")
        return text


@dataclass(frozen=True, kw_only=True)
class Flag(Control):
    """Yes or no."""

    kind = "flag"

    def parse(self, text: str) -> bool:
        """True of 1, False of 0."""
        if text not in ("0", "1"):
            raise self.refuse(text, "0 or 1")
        return text == "1"

    def text(self, value: Any) -> str:
        """1 or 0."""
        return "1" if value else "0"


@dataclass(frozen=True, kw_only=True)
class Picture(Choice):
    """A picture that the server knows, or the page hands it."""

    kind = "picture"

    def parse(self, text: str) -> str:
        """The name, if the server knows such a picture."""
        if text not in self.options:
            raise click.UsageError(
                f"{text:.100}: is not here; drop the file on the page, or choose a sample"
            )
        return text


@dataclass(frozen=True, kw_only=True)
class Pixel(Control):
    """A pixel of a picture, (y, x); None is its middle."""

    kind = "pixel"

    def parse(self, text: str) -> tuple[int, int] | None:
        """Two whole numbers, or nothing."""
        if not text:
            return None
        y, comma, x = text.partition(",")
        if not (comma and y.isdecimal() and x.isdecimal() and len(text) < 20):
            raise self.refuse(text, "Y,X in pixels, such as 120,80")
        return int(y), int(x)

    def text(self, value: Any) -> str:
        """Both with a comma."""
        return "" if value is None else f"{value[0]},{value[1]}"


@dataclass(frozen=True, kw_only=True)
class Numbers(Control):
    """Several numbers of one kind, each with a slider of its own; missing ones are 0."""

    kind = "numbers"
    count: int
    least: float
    most: float
    step: float

    def parse(self, text: str) -> tuple[float, ...]:
        """Numbers with commas between them, at most as many as there are sliders."""
        wanted = f"at most {self.count} numbers from {self.least:g} to {self.most:g}"
        try:
            numbers = [float(part or 0) for part in text.split(",")] if text else []
        except ValueError:
            raise self.refuse(text, wanted) from None
        if len(numbers) > self.count or not all(self.least <= x <= self.most for x in numbers):
            raise self.refuse(text, wanted)
        return (*numbers, *[0.0] * (self.count - len(numbers)))

    def text(self, value: Any) -> str:
        """Numbers up to the last that is not 0."""
        return ",".join(map(plain, value)).rstrip(",0") if any(value) else ""


def parse_all(controls: Sequence[Control], texts: Mapping[str, str]) -> Values:
    """Values of all controls that apply: what the texts say, else the defaults.

    Raises
    ------
    click.UsageError
        If a text is no value, or there is no such control.
    """
    unknown = [name for name in texts if name not in {control.name for control in controls}]
    if unknown:
        raise click.UsageError(f"{unknown[0]:.60}: there is no such control here")
    values: Values = {}
    for control in controls:
        if control.applies(values):
            text = texts.get(control.name)
            values[control.name] = control.default if text is None else control.parse(text)
    return values


def plain(number: float) -> str:
    """The shortest decimals of a number, without a needless ``.0``.

    Examples
    --------
    >>> plain(8.0), plain(0.1), plain(3)
    ('8', '0.1', '3')
    """
    text = repr(number)
    return text.removesuffix(".0") if math.isfinite(number) else text
