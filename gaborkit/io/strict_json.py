"""The one reader of JSON: files and texts that may be anything, with bounds on size and depth."""

from __future__ import annotations

import json
import math
import os
import re
import stat
from pathlib import Path
from typing import Any, NoReturn

from ..errors import GaborkitError
from .files import StrPath

#: Largest file that is read, bytes, and the most brackets inside each other.
LARGEST, DEEPEST = 16 * 1024**2, 64

#: Digits of a whole number: as many as 64 bits have.
_DIGITS = 20


def parse(text: str, *, finite: bool = True) -> Any:
    """What a JSON text says.

    Parameters
    ----------
    text : str
    finite : bool
        Refuse infinity and NaN, which JSON does not know and Python writes.

    Raises
    ------
    ValueError
        If it is not JSON, is nested more deeply than any description needs, or holds a number
        that is not finite, or a whole number of more than 64 bits.

    Examples
    --------
    >>> parse('{"sigma": [2, 0.5]}')
    {'sigma': [2, 0.5]}
    >>> parse("[" * 5000 + "]" * 5000)
    Traceback (most recent call last):
    ValueError: it is nested more than 64 deep
    >>> parse("1e999")
    Traceback (most recent call last):
    ValueError: 1e999 is not a finite number
    """
    _check_depth(text)
    if not finite:
        return json.loads(text, parse_int=_whole)
    return json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=_constant)


def read(
    path: StrPath,
    error: type[GaborkitError],
    advice: str = "give an intact file",
    largest: int = LARGEST,
) -> Any:
    """What a JSON file says.

    Parameters
    ----------
    path : path
    error : subclass of GaborkitError
        What to raise.
    advice : str
        What would work, for the error.
    largest : int
        Bytes.

    Raises
    ------
    error
        If the file is missing, not a regular one, too large, or holds no JSON; see :func:`parse`.
    """
    text = read_text(path, error, advice, largest)
    try:
        return parse(text)
    except ValueError as cause:
        raise error(f"{os.fspath(path)}: is not JSON ({cause}); {advice}") from cause


def read_object(
    path: StrPath,
    error: type[GaborkitError],
    advice: str = "give an intact file",
    largest: int = LARGEST,
) -> dict[str, Any]:
    """The object that a JSON file holds; see :func:`read`.

    Raises
    ------
    error
        Also if the file holds something else.
    """
    data = read(path, error, advice, largest)
    if not isinstance(data, dict):
        kind = type(data).__name__
        raise error(f"{os.fspath(path)}: holds {kind}, not an object of names and values; {advice}")
    return data


def read_text(
    path: StrPath,
    error: type[GaborkitError],
    advice: str = "give an intact file",
    largest: int = LARGEST,
) -> str:
    """The text of a regular file of at most ``largest`` bytes, UTF-8.

    Raises
    ------
    error
    """
    name = os.fspath(path)
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            # A pipe or a device would never end.
            kind = "is a folder" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
            raise error(f"{name}: {kind}; {advice}")
        if status.st_size > largest:
            raise error(
                f"{name}: has {status.st_size:,} bytes, more than any description needs; {advice}"
            )
        return Path(path).read_text(encoding="utf-8")
    except OSError as cause:
        raise error(f"{name}: {cause.strerror or cause}; {advice}") from cause
    except ValueError as cause:  # no UTF-8, or a null character in the name
        if isinstance(cause, GaborkitError):
            raise
        raise error(f"{name}: is not JSON ({cause}); {advice}") from cause


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the parser recurses into it."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for token in _TOKENS.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} deep")


# Brackets, and strings, in which brackets do not count; one without an end ends with the text.
_TOKENS = re.compile(r"""[\[{\]}]|"[^"\\]*+(?:\\.?[^"\\]*+)*+(?:"|\Z)""", re.DOTALL)


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > _DIGITS:
        raise ValueError(f"{text[:_DIGITS]}... is a whole number of more than 64 bits")
    return int(text)


def _real(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.40} is not a finite number")
    return number


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
