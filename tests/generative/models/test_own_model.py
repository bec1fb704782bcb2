"""Models of the user's own, known by their names once they are registered."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from commands_for_tests import run
from processes_for_tests import last, recipe, resume, start
from torch import nn

from gaborkit.errors import ModelError, StoreError, TrainingError
from gaborkit.generative import MODELS, ImageModel, Loss, Model, Recipe, register
from gaborkit.generative.training.trainer import Trainer


@dataclass(frozen=True)
class MeanConfig:
    deviation: float = 0.1


class MeanImage(Model):
    """Draws the mean image, with noise."""

    name = "mean-image"
    Config = MeanConfig
    presets = {("small", "raw"): (MeanConfig(), {"steps": 6, "batch_size": 8})}  # noqa: RUF012

    def __init__(self, config, space, classes=0):
        super().__init__(config, space, classes)
        self.mean = nn.Parameter(torch.zeros(space.shape))

    @classmethod
    def scaling(cls, config):
        return "unit"

    def forward(self, features, labels, generator, part):
        loss = (features - self.mean).square().mean()
        return Loss(loss, {"squared error": loss.detach()})

    def sample(self, count, labels=None, generator=None, progress=None):
        noise = torch.randn(count, *self.space.shape, generator=generator)
        return self.mean.detach() + self.config.deviation * noise


@pytest.fixture
def registered():
    register(MeanImage)
    yield MeanImage
    MODELS.pop("mean-image", None)


def test_a_registered_model_is_trained_resumed_stored_and_drawn_from(registered, tmp_path):
    model = start(Recipe("mean-image", limit=40), tmp_path / "run")
    again = ImageModel.from_pretrained(tmp_path / "run", "cpu")
    assert isinstance(again.model, MeanImage)
    assert torch.equal(again.sample(2), model.sample(2))
    assert resume(tmp_path / "run", steps=8).model.mean.abs().max() > 0
    # A process that has not registered it says what to do.
    del MODELS["mean-image"]
    with pytest.raises(StoreError, match=r"'mean-image' is unknown; .*--import MODULE"):
        ImageModel.from_pretrained(tmp_path / "run", "cpu")
    with pytest.raises(TrainingError, match="model='mean-image' is unknown"):
        Recipe("mean-image")


def test_registering_again_replaces(registered):
    @dataclass(frozen=True)
    class Other:
        pass

    class Namesake(MeanImage):
        Config = Other

    Namesake.__qualname__ = MeanImage.__qualname__
    assert register(Namesake) is Namesake
    assert MODELS["mean-image"] is Namesake


@dataclass
class Thawed:
    deviation: float = 0.1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("vae", "'vae' is no model"),
        (nn.Linear, "is no model"),
        (type("Abstract", (Model,), {"name": "abstract"}), "Abstract lacks .*forward.*sample"),
        (type("Nameless", (MeanImage,), {"name": None}), "name=None is no name"),
        (type("Shouting", (MeanImage,), {"name": "My VAE"}), "name='My VAE' is no name"),
        (type("Loose", (MeanImage,), {"name": "loose", "Config": Thawed}), "no frozen dataclass"),
        (type("Loose", (MeanImage,), {"name": "loose", "Config": int}), "no frozen dataclass"),
        (type("Bare", (MeanImage,), {"name": "bare", "presets": {}}), "presets lack"),
        (type("Thief", (MeanImage,), {"name": "vae"}), "'vae' is the name of VAE already"),
    ],
)
def test_what_is_no_model_is_refused(model, message):
    before = dict(MODELS)
    with pytest.raises(ModelError, match=message):
        register(model)
    assert before == MODELS


def test_configurations_of_own_models_are_checked(registered):
    with pytest.raises(ModelError, match="'width' is unknown"):
        Recipe("mean-image", config={"width": 3})
    noisy = Recipe("mean-image", config={"deviation": 0.5})
    assert dataclasses.asdict(noisy.configuration()) == {"deviation": 0.5}


MODULE = """
from dataclasses import dataclass
import torch
from torch import nn
from gaborkit import generative

@dataclass(frozen=True)
class Config:
    pass

@generative.register
class Flat(generative.Model):
    name = "flat"
    Config = Config
    presets = {("small", "raw"): (Config(), {"steps": 2, "batch_size": 8})}

    def __init__(self, config, space, classes=0):
        super().__init__(config, space, classes)
        self.level = nn.Parameter(torch.tensor(0.5))

    @classmethod
    def scaling(cls, config):
        return "unit"

    def forward(self, features, labels, generator, part):
        loss = (features - self.level).square().mean()
        return generative.Loss(loss, {"squared error": loss.detach()})

    def sample(self, count, labels=None, generator=None, progress=None):
        return self.level.detach().expand(count, *self.space.shape).clone()
"""


def test_commands_import_a_module_that_registers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("flat_models.py").write_text(MODULE)
    try:
        options = ["--limit", 20, "--device", "cpu", "--out", "run"]
        assert "'flat' is not one of" in run("train", "flat", *options).stderr
        result = run("--import", "flat_models", "train", "flat", *options)
        assert result.exit_code == 0, result.output
        result = run("--import", "flat_models", "sample", "run", "--out", "grid.png")
        assert (result.exit_code, Path("grid.png").is_file()) == (0, True)
        Path("broken_models.py").write_text("1 / 0")
        Path("leaving.py").write_text("raise SystemExit('bye')")
        Path("thief.py").write_text(MODULE.replace('"flat"', '"vae"'))
        for name, reason in (
            ("no_such_module", "ModuleNotFoundError"),
            ("broken_models", "Zero"),
            ("leaving", "SystemExit: bye"),
            ("thief", "ModelError: 'vae' is the name of VAE already"),
            ("flat_models.py", "ModuleNotFoundError"),
        ):
            result = run("--import", name, "runs")
            assert result.exit_code == 2
            assert f"{name} cannot be imported ({reason}" in result.stderr
            assert ("give the name of the module, flat_models" in result.stderr) == (
                name == "flat_models.py"
            )
            assert result.stderr.count("\n") == 1
    finally:
        MODELS.pop("flat", None)
        sys.modules.pop("flat_models", None)


def test_a_warm_start(tmp_path):
    first = recipe("vae", steps=6)
    model = start(first, tmp_path / "first").model
    second = dataclasses.replace(first, init=str(tmp_path / "first"), limit=30)
    still = dataclasses.replace(second, training={**second.training, "learning_rate": 1e-12})
    warm = start(still, tmp_path / "second").model
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(warm.state_dict()[name], weight, rtol=0, atol=1e-6)


def test_a_warm_start_that_is_killed_before_its_first_checkpoint(tmp_path, monkeypatch):
    start(recipe("vae", steps=2), tmp_path / "first")
    warm = dataclasses.replace(recipe("vae"), init=str(tmp_path / "first"))
    start(warm, tmp_path / "whole")

    def killed(self, step):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_update", killed)
        with pytest.raises(KeyboardInterrupt):
            start(warm, tmp_path / "broken")
    shutil.rmtree(tmp_path / "first")  # is not needed any more
    resume(tmp_path / "broken")
    for name, tensor in last(tmp_path / "broken")[0].items():
        assert torch.equal(tensor, last(tmp_path / "whole")[0][name])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "ae"}, "its model is vae, and ae is asked for"),
        (
            {"config": {"hidden": [9], "latent": 2}},
            r"its hidden is \[8\], and \[9\] is asked for; give hidden as it is, .*--set hidden=",
        ),
        ({"classes": True}, "its number of classes is 0, and 10"),
        ({"size": 12}, r"its shape of images is \(1, 28, 28\), and \(1, 12, 12\)"),
    ],
)
def test_a_warm_start_from_another_kind_is_refused(fields, message, tmp_path):
    first = recipe("vae", steps=1)
    start(first, tmp_path / "first")
    other = dataclasses.replace(first, init=str(tmp_path / "first"), **fields)
    with pytest.raises(TrainingError, match=message):
        start(other, tmp_path / "second")
    assert not (tmp_path / "second").exists()
