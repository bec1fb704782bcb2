"""What every model of the registry does: trains, goes on, is stored, draws, refuses damage."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from commands_for_tests import run
from processes_for_tests import assert_equal_runs, resume
from runs_for_tests import TINY
from safetensors.torch import load_file, save_file

from gaborkit.errors import ModelError, StoreError
from gaborkit.generative import MODELS, ImageModel
from gaborkit.generative.models.autoregressive import Autoregressive
from gaborkit.generative.training.recipe import Recipe
from gaborkit.generative.training.trainer import Trainer

FAMILY = [name for name, model in MODELS.items() if issubclass(model, Autoregressive)]
DROPOUT = ["--set", "dropout=0.3"]


def train(name, out, *options):
    # Of batches as large as this, the 500 held-out images are seen in a few.
    words = ["--size", 8, "--limit", 30, "--steps", 6, "--batch-size", 25, "--ema", 0.5]
    words += ["--checkpoint-every", 2, "--device", "cpu", "--quiet", "--out", out]
    words += DROPOUT if hasattr(MODELS[name].Config(), "dropout") else []
    return run("train", name, *TINY[name], *words, *options)


def done(*words):
    result = run(*words)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run of a model, trained once, of classes where it may have them; not to be changed."""
    runs = {}

    def run_of(name):
        if name not in runs:
            runs[name] = tmp_path_factory.mktemp("runs") / name
            result = train(name, runs[name], *classes_of(name))
            assert (result.exit_code, result.stderr) == (0, ""), result.output
        return runs[name]

    return run_of


def classes_of(name):
    return ["--classes"] if name in FAMILY else []


def test_every_model_is_tried():
    assert set(TINY) == set(MODELS)


@pytest.mark.parametrize("count", [-1, 2.0, "two", True])
@pytest.mark.parametrize("name", MODELS)
def test_counts_that_are_none(name, count):
    kind, classes = MODELS[name], 2 * MODELS[name].always_conditional
    recipe = Recipe(name, classes=bool(classes))
    space = recipe.represented(recipe.configuration(), (1, 16, 16)).space
    with torch.device("meta"):
        model = kind(recipe.configuration(), space, classes)
    wanted = f"count={count!r} is no number of images; give 0 or more"
    with pytest.raises(ModelError, match="draws nothing" if kind.takes_pictures else wanted):
        model.sample(count)


@pytest.mark.parametrize("name", MODELS)
def test_an_interrupted_run_ends_as_one_that_is_left_alone(name, whole, tmp_path, monkeypatch):
    update = Trainer._update

    def stopped(self, step):
        if step == 3:
            raise ZeroDivisionError
        update(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_update", stopped)
        assert train(name, tmp_path / "broken", *classes_of(name)).exit_code == 1
    resume(tmp_path / "broken")
    assert_equal_runs(whole(name), tmp_path / "broken")


@pytest.mark.parametrize("features", ["raw", "gabor"])
@pytest.mark.parametrize("name", FAMILY)
def test_commands_take_every_autoregressive_model(name, features, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    view = ["--features", "gabor", "--scales", 1, "--orientations", 2] if features != "raw" else []
    assert train(name, "run", *view).exit_code == 0
    done("sample", "run", "--count", 3, "--out", "grid.png", "--temperature", 0.5)
    done("complete", "run", "--count", 2, "--rows", 4, "--draws", 1, "--out", "half.png")
    text = done("evaluate", "run", "--samples", 10, "--test-images", 4)
    assert "NLL, exact" in text
    model = ImageModel.from_pretrained("run", "cpu")
    assert torch.equal(model.sample(3, seed=1), model.sample(3, seed=1))
    assert f"# {name} of {features} features" in (tmp_path / "run/README.md").read_text()


@pytest.mark.parametrize("name", MODELS)
def test_folders_that_are_not_what_they_say_are_refused(name, whole, tmp_path):
    shutil.copytree(whole(name), tmp_path / "run")
    weights = load_file(tmp_path / "run/model.safetensors")
    some = max(weights, key=lambda key: weights[key].numel())
    damages = {
        "missing": {key: value for key, value in weights.items() if key != some},
        "shorter": {**weights, some: weights[some].flatten()[:-1].clone()},
        "more": {**weights, "stranger": torch.zeros(2)},
    }
    for damage, tensors in damages.items():
        folder = tmp_path / damage
        shutil.copytree(tmp_path / "run", folder)
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(StoreError) as caught:
            ImageModel.from_pretrained(folder, "cpu")
        assert "\n" not in str(caught.value)
    described = json.loads((tmp_path / "run/config.json").read_text())
    for field, value in described["config"].items():
        wrong = "three" if not isinstance(value, str) else 3
        described["config"][field] = wrong
        (tmp_path / "run/config.json").write_text(json.dumps(described))
        with pytest.raises(StoreError, match=f"{field}="):
            ImageModel.from_pretrained(tmp_path / "run", "cpu")
        described["config"][field] = value
