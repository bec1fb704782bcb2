"""The public surface is what api_surface.json says, until someone means to change it."""

from __future__ import annotations

import json

import click
from api_surface_for_tests import FILE, commands, described, surface


def lines(value, path=()):
    """A line for each name, so that what differs is told by name."""
    if isinstance(value, dict):
        return [line for name, inner in value.items() for line in lines(inner, (*path, name))]
    return [f"{' > '.join(path)}: {value}"]


def test_the_surface_is_the_one_in_the_file():
    expected, actual = (set(lines(x)) for x in (json.loads(FILE.read_text("utf-8")), surface()))
    gone, new = sorted(expected - actual), sorted(actual - expected)
    assert (gone, new) == ([], []), "if it is meant: python tests/api_surface_for_tests.py"


def test_that_test_would_notice():
    class Kernel:
        """As one of the library."""

        def filter(self, image, *, part="complex"):
            """Public."""

        def _hidden(self):
            """Not public."""

    Kernel.__module__ = Kernel.filter.__module__ = Kernel._hidden.__module__ = "gaborkit.kernels"
    assert described(Kernel) == {
        "class": "()", "bases": [], "filter": "(self, image, *, part='complex')"
    }  # fmt: skip
    assert described(json) == "module"
    assert described(1e-5) == "float"

    @click.command()
    @click.option("--bits/--no-bits", "-b")
    def command(bits):
        """Say bits."""

    assert commands(command, "x") == {"x": ["--bits/-b/--no-bits"]}
