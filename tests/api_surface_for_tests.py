"""The public names, their kinds and signatures, and the commands with their options, as JSON.

``python tests/api_surface_for_tests.py`` writes ``api_surface.json`` anew; ``test_api_surface.py``
compares. A line that goes or changes there is a change that users notice.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

import click
from gaborkit_cli.main import main

FILE = Path(__file__).with_name("api_surface.json")

PACKAGES = (
    "gaborkit",
    *("gaborkit.estimators", "gaborkit.features", "gaborkit.filtering", "gaborkit.generative"),
    "gaborkit.large",
    *("gaborkit.nn", "gaborkit.plotting", "gaborkit.vision"),
)


def signature(value: Any) -> str:
    """How something is called; without addresses, which differ from run to run."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(inspect.signature(value)))


def members(kind: type) -> dict[str, str]:
    """Public methods and properties that gaborkit gives a class, those of its bases included."""
    found = {}
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        function = getattr(value, "__func__", value)
        home = getattr(getattr(function, "fget", function), "__module__", None) or ""
        if name.startswith("_") or home.partition(".")[0] != "gaborkit":
            continue
        if isinstance(value, property):
            found[name] = "property"
        elif callable(function):
            how = {classmethod: "class method ", staticmethod: "static method "}
            found[name] = f"{how.get(type(value), '')}{signature(function)}"
    return found


def described(value: Any) -> Any:
    """What a public name is."""
    if inspect.ismodule(value):
        return "module"
    if inspect.isclass(value):
        try:
            made = signature(value)
        except ValueError:  # of exceptions and warnings
            made = ""
        bases = [base.__name__ for base in value.__bases__ if base is not object]
        return {"class": made, "bases": bases, **members(value)}
    return f"function {signature(value)}" if callable(value) else f"{type(value).__name__}"


def commands(command: click.Command, path: str) -> dict[str, list[str]]:
    """Arguments and options of a command and of those below it."""
    listed = {
        path: sorted(
            "/".join([*parameter.opts, *parameter.secondary_opts]) for parameter in command.params
        )
    }
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            listed |= commands(below, f"{path} {name}")
    return listed


def surface() -> dict[str, Any]:
    """All of it."""
    names = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        names[package] = {name: described(getattr(module, name)) for name in sorted(module.__all__)}
    return {"names": names, "commands": commands(main, "gaborkit")}


if __name__ == "__main__":
    FILE.write_text(json.dumps(surface(), indent=1) + "\n", encoding="utf-8")
