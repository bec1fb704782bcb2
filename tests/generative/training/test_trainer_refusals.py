"""Training: recipes, settings, devices and runs that do not fit are refused in a line."""

from __future__ import annotations

import dataclasses
import json
import sys

import pytest
import torch
from processes_for_tests import last, recipe, resume, start

from gaborkit.errors import DataError, GaborkitError, ModelError, StoreError, TrainingError
from gaborkit.generative.training import checkpoint, processes, session

# ---- before a run ----


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"model": "vqvae"}, "model='vqvae' is unknown; choose"),
        ({"features": "scattering"}, "features='scattering' is unknown; choose raw, gabor"),
        ({"epochs": 0}, "epochs=0 is no count"),
        ({"epochs": 2, "training": {"steps": 5}}, "epochs=2 and steps=5 say the same thing"),
        ({"config": {"lantern": 2}}, "'lantern' is unknown"),
        ({"training": {"steps": 0}}, "steps=0 is no count"),
        ({"training": {"stops": 1}}, "'stops' is unknown"),
    ],
)
def test_recipes_that_do_not_fit(fields, text):
    with pytest.raises(GaborkitError, match=text):
        session.Recipe(**{"model": "vae", "preset": "small", **fields})


@pytest.mark.parametrize(
    ("run", "error", "text"),
    [
        (recipe("gan", patience=1, validate_every=1), TrainingError, "gan has no validation loss"),
        (recipe("vae", precision="fp16"), TrainingError, "precision='fp16' needs a GPU"),
        (
            recipe("gan", compile=True, config={"loss": "wgan-gp"}),
            TrainingError,
            "compile=True: loss='wgan-gp'",
        ),
        (recipe("gan", batch_size=1), TrainingError, "batch_size=1: a batch of 1 image has no"),
        (recipe("vae", representation={"scales": 2}), TrainingError, "representation: .*scales"),
        (dataclasses.replace(recipe("vae"), data="/missing"), DataError, "missing"),
    ],
)
def test_runs_that_do_not_fit(run, error, text, tmp_path):
    with pytest.raises(error, match=text):
        start(run, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_tensorboard(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ModuleNotFoundError, match="tensorboard"):
        start(recipe("vae", tensorboard=True), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_classes_of_unlabelled_images(tmp_path, monkeypatch):
    dataset = recipe("vae").dataset()
    splits = {
        name: dataclasses.replace(getattr(dataset, name), labels=None)
        for name in ("train", "validation", "test")
    }
    unlabelled = dataclasses.replace(dataset, class_names=(), **splits)
    monkeypatch.setattr(session.Recipe, "dataset", lambda self, progress=None: unlabelled)
    with pytest.raises(TrainingError, match="classes=True: mini has 0 classes; train without"):
        start(recipe("vae", classes=True), tmp_path / "run")


def test_a_launcher_that_cuts_models_up(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "REPLICATED", ())
    with pytest.raises(TrainingError, match="the launcher asks for NO, and gaborkit gives each"):
        start(recipe("vae"), tmp_path / "run")


def test_devices(tmp_path):
    for name in ("abacus", "cuda:99", "cpu:one"):
        with pytest.raises(ModelError, match=f"device='{name}' is not on this machine; choose"):
            session.start(recipe("vae"), tmp_path / "run", device=name)


# ---- runs that cannot go on ----


def changed(out, edit):
    path = out / "config.json"
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


def test_runs_that_cannot_go_on(tmp_path):
    out = tmp_path / "run"
    start(recipe("vae", steps=6, schedule="cosine"), out)
    with pytest.raises(TrainingError, match="steps=9: the cosine schedule of this run ends at"):
        resume(out, steps=9)
    config = (out / "config.json").read_text()
    for edit, text in (
        (
            lambda d: d["provenance"]["training"].update(learning_rate=0.5),
            "learning_rate was 0.001",
        ),
        (lambda d: d["provenance"]["training"].update(steps=3), "has done 6 already; give more"),
        (
            lambda d: d["provenance"]["recipe"].update(limit=30),
            "these are not the images that this model",
        ),
        (lambda d: d["config"].update(latent=3), "another run: config.latent was 2 and is 3"),
        (lambda d: d["provenance"].pop("recipe"), "has no recipe, so that this model cannot be"),
        (lambda d: d["provenance"]["recipe"].update(config=3), "config=3 is not an object"),
        (lambda d: d["provenance"]["training"].update(steps="x"), "steps='x' is not int"),
        (lambda d: d["provenance"]["recipe"].update(model="vqvae"), "model='vqvae' is unknown"),
    ):
        changed(out, edit)
        with pytest.raises(GaborkitError, match=text) as problem:
            resume(out)
        assert "\n" not in str(problem.value)
        (out / "config.json").write_text(config)
    with pytest.raises(StoreError, match=r"config.json: does not exist"):
        resume(tmp_path / "missing")


def test_a_checkpoint_of_other_tensors(tmp_path):
    out = tmp_path / "run"
    start(recipe("gan", steps=5), out)
    tensors, state = last(out)
    name = "optimizer/discriminator/0/exp_avg"
    state |= {"seconds": 0.0}
    for change in (
        {"model/generator.extra": torch.ones(1)},
        {name: torch.ones(3)},
        {"optimizer/discriminator/99/exp_avg": torch.ones(3)},
    ):
        checkpoint.write_step(out / "checkpoints", {**tensors, **change}, state)
        with pytest.raises(StoreError, match="the checkpoint does not fit the model"):
            resume(out)
