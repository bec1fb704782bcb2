"""Models of the user's own, known by their names once they are registered."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest
import torch
from processes_for_tests import resume, start
from torch import nn

from gaborkit.errors import ModelError, StoreError, TrainingError
from gaborkit.generative import MODELS, ImageModel, Loss, Model, Recipe, register


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
    recipe = Recipe("mean-image", limit=40)
    model = start(recipe, tmp_path / "run")
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
    recipe = Recipe("mean-image", config={"deviation": 0.5})
    assert dataclasses.asdict(recipe.configuration()) == {"deviation": 0.5}
