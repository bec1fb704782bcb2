"""Comparing two pictures, and ``gaborkit compare``."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
import torch
from commands_for_tests import COLOUR, GREY, examples, run
from scipy.ndimage import gaussian_filter

import gaborkit as gk
from gaborkit.features import (
    Gist,
    Texture,
    hamming_distance,
    jets,
    magnitude_similarity,
    phase_code,
    phase_similarity,
)
from gaborkit.vision import compare_pictures

rng = np.random.default_rng(0)
PICTURE = gaussian_filter(rng.normal(size=(64, 72)), 1)
OTHER = gaussian_filter(rng.normal(size=(64, 72)), 1)


def test_the_measures_by_their_formulas():
    found = compare_pictures(PICTURE, OTHER)
    one, other = (Texture().describe(p).values for p in (PICTURE, OTHER))
    expected = np.mean(abs(one - other) / (one + other))
    assert found["texture_distance"] == pytest.approx(expected)
    one, other = (Gist().describe(p).values for p in (PICTURE, OTHER))
    expected = np.linalg.norm(one - other) / (np.linalg.norm(one) + np.linalg.norm(other))
    assert found["gist_distance"] == pytest.approx(expected)
    points = [(y, x) for y in range(4, 64, 8) for x in range(4, 72, 8)]
    one, other = (jets(p, points) for p in (PICTURE, OTHER))
    weight = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    for name, similarity in (
        ("jets_magnitude", magnitude_similarity(one, other)),
        ("jets_phase", phase_similarity(one, other)),
        ("jets_moved", phase_similarity(one, other, displacement="estimate")),
    ):
        assert found[name] == pytest.approx(np.average(similarity, weights=weight))
    expected = hamming_distance(phase_code(PICTURE), phase_code(OTHER)).distance
    assert found["codes_distance"] == expected


def test_alike_moved_and_different_pictures():
    same = compare_pictures(PICTURE, PICTURE)
    moved = compare_pictures(PICTURE, np.roll(PICTURE, 2, 1), ["jets", "codes"])
    different = compare_pictures(PICTURE, OTHER)
    for name, value in same.items():
        assert value == pytest.approx(0 if "distance" in name else 1, abs=1e-12)
    assert moved["jets_magnitude"] > 0.9
    assert moved["jets_phase"] < 0.5
    assert moved["jets_moved"] > 0.8
    assert different["jets_moved"] < 0.5
    assert different["codes_distance"] == pytest.approx(0.5, abs=0.05)


def test_sizes_that_differ_leave_texture_and_gist():
    found = compare_pictures(PICTURE, OTHER[:40])
    assert list(found) == ["texture_distance", "gist_distance"]
    with pytest.raises(gk.FeatureError, match=r"jets compare place by place.*differ in size"):
        compare_pictures(PICTURE, OTHER[:40], ["texture", "jets"])


def test_pictures_of_any_size_and_contrast():
    for shape in ((1, 1), (1, 30), (30, 1), (4, 4), (7, 9)):
        found = compare_pictures(PICTURE[: shape[0], : shape[1]], OTHER[: shape[0], : shape[1]])
        assert list(found)[-1] == "codes_distance"
        assert np.isfinite(list(found.values())).all()
    usual = compare_pictures(PICTURE, OTHER)
    for contrast in (1e-300, 1e-160, 1e160, 1e300):
        found = compare_pictures(PICTURE * contrast, OTHER * contrast)
        assert found == pytest.approx(usual, rel=1e-5)


def test_blank_pictures_have_nothing_in_common():
    found = compare_pictures(np.zeros((40, 40)), np.ones((40, 40)))
    assert found["texture_distance"] < 1.01
    assert (found["gist_distance"], found["jets_magnitude"], found["codes_distance"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare_pictures(PICTURE, OTHER, "gist"), "by='gist' is no list"),
        (lambda: compare_pictures(PICTURE, OTHER, ["ssim"]), "by='ssim' is unknown"),
        (lambda: compare_pictures(PICTURE, torch.zeros(4, 4)), "arrays are compared"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(gk.FeatureError, match=message):
        call()


# ---- the command ----


@pytest.mark.usefixtures("folder")
def test_a_line_of_names_and_values():
    result = run("compare", "grey.png", "colour.png")
    expected = compare_pictures(GREY, gk.luminance(COLOUR))
    words = dict(word.split("=") for word in result.stdout.split())
    assert {name: float(word) for name, word in words.items()} == pytest.approx(expected, abs=1e-4)
    assert result.stdout.count("\n") == 1
    result = run("compare", "grey.png", "colour.png", "--by", "codes", "--by", "texture", "--json")
    found = json.loads(result.stdout)
    assert (found.pop("a"), found.pop("b")) == ("grey.png", "colour.png")
    assert found == {name: expected[name] for name in ("texture_distance", "codes_distance")}


@pytest.mark.parametrize("example", examples("compare"))
def test_examples(example):
    assert run(*shlex.split(example)[1:]).exit_code == 0


@pytest.mark.usefixtures("folder")
def test_errors_are_one_line():
    gk.write_image("small.png", GREY[:20])
    gk.write_image("stack.npy", np.zeros((5, 20, 20)))
    for arguments, code, message in (
        (["grey.png", "none.png"], 1, "none.png: there is no such file"),
        (["grey.png", "small.png", "--by", "jets"], 1, "differ in size"),
        (["grey.png", "stack.npy"], 1, "stack.npy: a stack of shape (5, 20, 20)"),
        (["grey.png", "grey.png", "--by", "ssim"], 2, "'ssim'"),
    ):
        result = run("compare", *arguments)
        assert result.exit_code == code
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
