"""``gaborkit train --codes``: a prior over the codes of another run."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands_for_tests import run
from gaborkit_cli.options import training as choices
from runs_for_tests import TRAINED

from gaborkit.generative import store
from gaborkit.generative.training import session


@pytest.fixture
def called(monkeypatch, empty_folder):
    """What the command asked of the library, which does nothing here."""
    calls = []
    monkeypatch.setattr(
        session, "start", lambda *arguments, **_: calls.append(arguments) or TRAINED
    )
    return calls


def recipe_of(called, *arguments):
    result = run("train", *arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return called[-1][0]


@pytest.fixture
def coded(monkeypatch, empty_folder):
    """A run that was trained on a folder of pictures of 16 pixels."""
    recipe = {"data": "shapes", "size": 16, "limit": 9, "colour": None, "fit": "pad", "classes": 1}
    monkeypatch.setattr(
        store, "read_config", lambda folder: {"model": "pixelcnn", "provenance": {"recipe": recipe}}
    )
    Path("shapes").mkdir()
    return Path("runs/coder").resolve()


def test_a_prior_is_of_the_data_of_its_codes(called, coded):
    recipe = recipe_of(called, "gated-pixelcnn", "--codes", "runs/coder")
    assert (recipe.codes, recipe.features, recipe.classes) == (str(coded), "codes", False)
    shapes = str(Path("shapes").resolve())
    assert (recipe.data, recipe.size, recipe.limit, recipe.fit) == (shapes, 16, 9, "pad")
    assert called[-1][1].name == "gated-pixelcnn-codes-shapes"
    recipe = recipe_of(called, "imagegpt", "--codes", "runs/coder", "--limit", 3, "--classes")
    assert (recipe.data, recipe.limit, recipe.classes) == (shapes, 3, True)
    recipe = recipe_of(called, "imagegpt", "--codes", "runs/coder", "--data", "mini")
    assert (recipe.data, recipe.size, recipe.limit, recipe.fit) == ("mini", None, None, "crop")


@pytest.mark.parametrize("model", [name for name in choices.MODELS if name not in choices.LEVELLED])
def test_codes_are_for_models_of_levels(model, coded):
    result = run("train", model, "--codes", "runs/coder")
    assert result.exit_code == 2
    assert "--codes runs/coder is for autoregressive models (pixelcnn, gated-" in result.stderr
    assert f"not for {model}: leave it out" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--features", "gabor"],
        ["--features", "raw"],
        ["--levels", 16],
        ["--binarize", "static"],
        ["--palette"],
        ["--no-analysis"],
        ["--scales", 2],
    ],
)
def test_options_of_pixels_do_not_go_with_codes(options, coded):
    result = run("train", "gated-pixelcnn", "--codes", "runs/coder", *options)
    assert result.exit_code == 2
    text = f"{options[0]} does not go with --codes runs/coder: what is seen of pixels was chosen"
    assert text in result.stderr


def test_codes_that_are_not_there(empty_folder):
    result = run("train", "gated-pixelcnn", "--codes", "runs/coder")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "runs/coder/config.json: does not exist; give the folder of a trained" in result.stderr
    assert not Path("runs").exists()
