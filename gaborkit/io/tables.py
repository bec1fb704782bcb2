"""Tables and lines of text that fit a terminal: ``COLUMNS`` of the environment, or 80."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Collection, Sequence

#: Least width that a column of text is squeezed to.
NARROW = 8


def columns_of_terminal() -> int:
    """Characters that a line may have: of ``COLUMNS``, the terminal, or else 80."""
    return max(shutil.get_terminal_size((80, 24)).columns, 40)


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number and what it counts, which is the plural but for one.

    Parameters
    ----------
    count : int
    noun : str
        The singular.
    plural : str, optional
        By default the singular with an s.

    Examples
    --------
    >>> counted(1, "picture"), counted(0, "picture"), counted(2000, "class", "classes")
    ('1 picture', '0 pictures', '2,000 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def fold(text: str, hanging: int = 4) -> str:
    """A line as one or several that fit, the further ones indented.

    Examples
    --------
    >>> print(fold("  1 kernel of radius 11: " + 12 * "fourier "))
      1 kernel of radius 11: fourier fourier fourier fourier fourier fourier fourier
        fourier fourier fourier fourier fourier
    """
    indent = " " * hanging
    return "\n".join(
        textwrap.wrap(
            text.rstrip(),
            columns_of_terminal(),
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        or [""]
    )


def table(
    rows: Sequence[Sequence[str]], *, right: Collection[int] = (), indent: int = 0
) -> list[str]:
    r"""Lines of columns two blanks apart; what is too wide together is wrapped within its column.

    Parameters
    ----------
    rows : sequence of sequence of str
        The first one may be the head.
    right : collection of int
        Columns that are aligned to the right: numbers, which are never wrapped.
    indent : int
        Blanks before each line.

    Examples
    --------
    >>> print(*table([("figure", "value"), ("Recall", "0.75")], right=[1]), sep="\n")
    figure  value
    Recall   0.75
    """
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    spare = columns_of_terminal() - indent - 2 * (len(widths) - 1) - sum(widths)
    while spare < 0:
        # The widest gives way first.
        width, widest = max(((w, k) for k, w in enumerate(widths) if k not in right))
        if width <= NARROW:
            break
        widths[widest] -= 1
        spare += 1
    lines = []
    for row in rows:
        cells = [
            textwrap.wrap(cell, max(width, 1), break_on_hyphens=False) or [""]
            for cell, width in zip(row, widths, strict=True)
        ]
        for number in range(max(map(len, cells))):
            parts = [
                _aligned(cell[number] if number < len(cell) else "", width, k in right)
                for k, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append((" " * indent + "  ".join(parts)).rstrip())
    return lines


def _aligned(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
