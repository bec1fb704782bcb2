"""Types of arguments and options: what each accepts, and what a shell completes.

Nothing here imports gaborkit before a value is there to be judged.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from gaborkit.errors import AngleWarning, closest
from gaborkit.io.strict_json import parse


class Choice(click.Choice):  # type: ignore[type-arg]  # not generic before click 8.4
    """A word of a list; the one that is most like a wrong one is offered."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The word, or fail with what would work."""
        if value in self.choices:
            return value

        known = [str(choice) for choice in self.choices]
        self.fail(
            f"{value!r} is not one of {', '.join(known)}{closest(str(value), known)}", param, ctx
        )


class Whole(click.IntRange):
    """A whole number from ``least`` to ``most``: every one has a largest."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse, or fail with what would work."""
        wanted = f"a whole number from {self.min:,} to {self.max:,}"
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not {wanted}", param, ctx)
        if not (self.min or 0) <= number <= (self.max or 0):
            self.fail(f"{value} is not {wanted}", param, ctx)
        return number


class Number(click.types.FloatParamType):
    """A finite number, from ``least`` to ``most`` or between ``above`` and ``below``, or a word.

    Its ``unit`` is named where it is refused.
    """

    def __init__(
        self,
        least: float = -math.inf,
        most: float = math.inf,
        *,
        above: float = -math.inf,
        below: float = math.inf,
        words: Sequence[str] = (),
        unit: str = "",
    ) -> None:
        self.words = tuple(words)
        self.least, self.most, self.above, self.below = least, most, above, below
        low = f"above {above:g}" if above > least else f"of at least {least:g}"
        high = f"below {below:g}" if below < most else f"at most {most:g}"
        bounds = " and ".join(text for text in (low, high) if "inf" not in text)
        wanted = f"a number {bounds}" if bounds else "a finite number"
        wanted += f" of {unit}" if unit else ""
        self.wanted = ", ".join([wanted, *words])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse, or fail with what would work."""
        if value in self.words:
            return value
        try:
            number = float(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not {self.wanted}", param, ctx)
        if not (
            math.isfinite(number)
            and self.least <= number <= self.most
            and self.above < number < self.below
        ):
            self.fail(f"{value} is not {self.wanted}", param, ctx)
        return number

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer the words."""
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


class Degrees(Number):
    """An angle in degrees."""

    def __init__(self) -> None:
        super().__init__(unit="degrees, such as 45")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse; warn of what is a known angle in radians."""
        degrees = super().convert(value, param, ctx)
        # Multiples of pi / 12, to three digits or more: no one means 1.571 degrees.
        meant = 15 * round(degrees / (math.pi / 12)) if abs(degrees) < 7 else 0
        if meant and abs(degrees - math.radians(meant)) < 5e-4:
            option = "--theta" if param is None else param.opts[0]
            warnings.warn(
                f"{option} {value} is in degrees; for so many radians give {meant}",
                AngleWarning,
                stacklevel=2,
            )
        # Whole turns are left out: radians of so many would be taken for degrees.
        return math.fmod(degrees, 360)


class Classes(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.3
    """Classes as ``0-9``, ``3,7`` or ``circle,square``: a tuple of whole numbers and names.

    What is no number or range of numbers is a name, and only the model knows those.
    """

    name = "classes"
    #: How many are taken: more than any model has.
    most = 10_000

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | str, ...]:
        """Parse, or fail with what would work."""
        if not isinstance(value, str):
            return tuple(value)
        classes: list[int | str] = []
        for part in value.split(","):
            limits = re.fullmatch(r"\s*([0-9]{1,6})\s*(?:-\s*([0-9]{1,6})\s*)?", part)
            if limits is None:
                if not part.strip():
                    self.fail(
                        f"{value!r} is no list of classes, such as 0-9 or circle,square", param, ctx
                    )
                classes.append(part.strip())
                continue
            first, last = int(limits[1]), int(limits[2] or limits[1])
            if last < first:
                self.fail(f"{part.strip()} is empty: give the lower class first", param, ctx)
            if len(classes) + last - first >= self.most:
                self.fail(f"{value!r} are more than {self.most:,}: give fewer", param, ctx)
            classes += range(first, last + 1)
        return tuple(classes)


class Numbers(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.3
    """Finite numbers with commas between them, as ``0.5,-1``."""

    name = "numbers"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Parse, or fail with what would work.

        Examples
        --------
        >>> Numbers().convert("0.5,-1", None, None)
        (0.5, -1.0)
        """
        if not isinstance(value, str):
            return tuple(value)
        try:
            numbers = tuple(float(part) for part in value.split(","))
        except ValueError:
            numbers = (math.nan,)
        if not all(map(math.isfinite, numbers)):
            self.fail(f"{value!r} are no finite numbers with commas, such as 0.5,-1", param, ctx)
        return numbers


class Setting(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.3
    """``NAME=VALUE`` as a name and a value, which is JSON or else a word."""

    name = "setting"

    def __init__(self, example: str) -> None:
        self.example = example

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        """Parse, or fail with what would work.

        Examples
        --------
        >>> Setting("latent=2").convert("blocks=[2, 3]", None, None)
        ('blocks', [2, 3])
        >>> Setting("latent=2").convert("pooling=max", None, None)
        ('pooling', 'max')
        """
        if not isinstance(value, str):
            return tuple(value)
        name, sign, text = value.partition("=")
        if not (sign and name):
            self.fail(f"{value} is not NAME=VALUE, such as {self.example}", param, ctx)

        try:
            return name, parse(text)
        except ValueError:
            return name, text


class Word(click.ParamType):  # type: ignore[type-arg]  # not generic before click 8.3
    """A free text, for which some words are offered."""

    name = "text"

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is."""
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Offer the words."""
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


#: What chance starts from.
SEED = Whole(0, 2**63 - 1)
