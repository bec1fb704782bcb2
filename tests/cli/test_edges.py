"""``gaborkit edges``: pictures and numbers equal to the library's."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
from commands_for_tests import COLOUR, GREY, examples, run

import gaborkit as gk
from gaborkit.features import phase_congruency
from gaborkit.vision import find_edges

pytestmark = pytest.mark.usefixtures("folder")


def edges(*arguments):
    result = run("edges", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_picture_of_thin_lines_and_one_of_their_kinds():
    found = find_edges(GREY)
    counts = [int((found.kind == kind).sum()) for kind in (1, 2, 3)]
    text = edges("grey.png", "--out", "out.png")
    assert text == (
        f"out.png: {counts[0]} pixels of edges, {counts[1]} of bright lines, {counts[2]} of dark "
        "lines\n"
    )
    assert np.array_equal(gk.read_image("out.png"), 255 * found.thin)
    said = json.loads(edges("grey.png", "--kinds", "--json", "--out", "kinds.webp"))
    assert [said[name] for name in ("edges", "bright_lines", "dark_lines")] == counts
    inks = gk.read_image("kinds.webp")
    assert len({tuple(inks[found.kind == kind][0]) for kind in range(4)}) == 4
    assert (inks[~found.thin] == 255).all()


def test_numbers():
    bank = gk.GaborBank.grid(wavelength=3)
    options = ("--by", "congruency", "--low", 0.1, "--high", 0.3, "--boundary", "wrap")
    edges("colour.png", "--wavelength", 3, *options, "--out", "out.npz")
    found = find_edges(
        gk.luminance(COLOUR), bank, measure="congruency", low=0.1, high=0.3, boundary="wrap"
    )
    with np.load("out.npz", allow_pickle=False) as arrays:
        assert len(arrays) == 8
        for name in ("thin", "kind", "strength", "offset"):
            np.testing.assert_array_equal(arrays[name], getattr(found, name))
        for name in ("angle", "direction", "phase"):
            np.testing.assert_allclose(
                np.radians(arrays[f"{name}_degrees"]), getattr(found, name), rtol=1e-5
            )
        np.testing.assert_allclose(arrays["points"], found.points())


def test_congruency_takes_kovesis_bank_and_its_options():
    """As ``phase_congruency`` does by itself, and not the two scales of energy."""
    edges("grey.png", "--by", "congruency", "--out", "out.npz")
    with np.load("out.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["strength"], phase_congruency(GREY).edge)
    words = ("--noise", "mode", "--deviations", 3.5, "--cutoff", 0.4, "--sharpness", 5)
    edges("grey.png", "--by", "congruency", *words, "--out", "out.npz")
    options = {"noise": "mode", "deviations": 3.5, "cutoff": 0.4, "sharpness": 5}
    with np.load("out.npz", allow_pickle=False) as arrays:
        expected = find_edges(GREY, measure="congruency", **options)
        np.testing.assert_array_equal(arrays["strength"], expected.strength)
        np.testing.assert_array_equal(expected.strength, phase_congruency(GREY, **options).edge)
    edges("grey.png", "--by", "congruency", "--noise", 2.5, "--out", "out.npz")
    with np.load("out.npz", allow_pickle=False) as arrays:
        expected = phase_congruency(GREY, noise=2.5).edge
        np.testing.assert_array_equal(arrays["strength"], expected)


@pytest.mark.parametrize("example", examples("edges"))
def test_examples(example):
    assert run(*shlex.split(example)[1:]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["grey.png", "--out", "out.tif"], 2, "--out out.tif: .tif is unknown: give .png"),
        (["grey.png", "--out", "out"], 2, "the name has no suffix"),
        (["grey.png", "--kinds", "--out", "out.npz"], 2, ".npz holds the kinds already"),
        (["grey.png", "--low", 0.5, "--high", 0.3, "--out", "o.png"], 2, "--low 0.5 is above"),
        (["grey.png", "--low", 0.5, "--out", "o.png"], 1, "low=0.5 is above high=0.2"),
        (["grey.png", "--high", 3, "--out", "o.png"], 2, "3 is not a number above 0 and below 1"),
        (["grey.png", "--noise", "mode", "--out", "o.png"], 2, "--noise is of --by congruency"),
        (["grey.png", "--cutoff", 0, "--out", "o.png"], 2, "--cutoff is of --by congruency"),
        (
            ["grey.png", "--by", "congruency", "--noise", "loud", "--out", "o.png"],
            2,
            "'loud' is not a number of at least 0, median, mode",
        ),
        (["grey.png", "--by", "congruency", "--deviations", -1, "--out", "o.png"], 2, "-1"),
        (["none.png", "--out", "out.png"], 1, "none.png: there is no such file"),
        (["grey.png", "--out", "none/out.png"], 1, "the folder none does not exist"),
    ],
)
def test_errors_are_one_line(arguments, code, message, unchanged):
    result = run("edges", *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_stack_is_not_one_picture():
    gk.write_image("stack.npy", np.zeros((5, 20, 20)))
    result = run("edges", "stack.npy", "--out", "out.png")
    assert result.exit_code == 1
    assert "a stack of shape (5, 20, 20)" in result.stderr
