"""The Python and the command that make what a tab shows, written out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from .controls import plain

#: What is in degrees on the page and in commands, and in radians in Python.
ANGLES = ("theta", "phase")


class Source(str):
    """A piece of Python, as it stands."""


def literal(name: str, value: Any) -> str:
    """A value of a parameter in Python.

    Examples
    --------
    >>> literal("theta", 45.0), literal("sigma", 2.0), literal("norm", "l1")
    ('math.radians(45)', '2', "'l1'")
    """
    if isinstance(value, Source):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return repr(value)
    return f"math.radians({plain(value)})" if name in ANGLES else plain(value)


def call(function: str, *arguments: Any, **fields: Any) -> str:
    """A call in Python, on one line or, where that is long, a line an argument.

    Examples
    --------
    >>> call("gk.GaborKernel", wavelength=8.0, theta=30.0)
    'gk.GaborKernel(wavelength=8, theta=math.radians(30))'
    """
    parts = [literal("", value) for value in arguments]
    parts += [f"{name}={literal(name, value)}" for name, value in fields.items()]
    line = f"{function}({', '.join(parts)})"
    if len(line) <= 80:
        return line
    return "\n".join([f"{function}(", *(f"    {part}," for part in parts), ")"])


def program(*lines: str, imports: Sequence[str] = ()) -> str:
    """A program of these lines, which begins with what they need, and with further imports."""
    text = "\n".join(lines)
    needed = ["import math"] if "math." in text else []
    needed += ["import numpy as np"] if "np." in text else []
    needed += ["import torch"] if "torch." in text else []
    return "\n".join([*needed, "import gaborkit as gk", *imports, "", text]) + "\n"


def options(fields: Mapping[str, Any]) -> list[str]:
    """Options of a command; of True the flag alone, of False and None nothing.

    Examples
    --------
    >>> options({"theta": 45.0, "false_alarms": 0.05, "dc_free": False, "lines": True})
    ['--theta', '45', '--false-alarms', '0.05', '--plain', '--lines']
    """
    words: list[str] = []
    for name, value in fields.items():
        flag = f"--{name.replace('_', '-')}"
        if name == "dc_free":
            words += [] if value else ["--plain"]
        elif isinstance(value, bool) or value is None:
            words += [flag] if value else []
        else:
            words += [flag, plain(value) if isinstance(value, (int, float)) else str(value)]
    return words


def shell(*words: str) -> str:
    """A line for a shell of these words."""
    return shlex.join(["gaborkit", *words])


def command(*words: str, **fields: Any) -> str:
    """A line for a shell.

    Examples
    --------
    >>> command("filter", "my photo.jpg", sigma=2.0, out="out.png")
    "gaborkit filter 'my photo.jpg' --sigma 2 --out out.png"
    """
    # A name that begins like an option is none behind a folder.
    named = [f"./{word}" if word.startswith("-") else word for word in words]
    return shell(*named, *options(fields))


def changed(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values named in ``defaults`` that differ from these."""
    return {
        name: values[name] for name, value in defaults.items() if values.get(name, value) != value
    }
