"""Recipes: presets, what replaces their fields, and what does not go together."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gaborkit.errors import GaborkitError, ModelError, TrainingError
from gaborkit.generative.models import MODELS
from gaborkit.generative.models.autoregressive import Autoregressive
from gaborkit.generative.representation import Representation
from gaborkit.generative.training.recipe import Recipe
from gaborkit.generative.training.settings import Training

IMAGES = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
AUTOREGRESSIVE = [name for name, model in MODELS.items() if issubclass(model, Autoregressive)]


def refused(error: type[GaborkitError], *parts: str, **fields: Any) -> None:
    with pytest.raises(error) as caught:
        Recipe(**{"model": "vae", **fields})
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, message


# ---- presets ----


@pytest.mark.parametrize(
    ("model", "preset", "features"),
    [(name, *key) for name, model in MODELS.items() for key in model.presets],
)
def test_every_preset_is_a_recipe(model: str, preset: str, features: str) -> None:
    codes = "runs/vq-vae" if features == "codes" else None
    recipe = Recipe(model, features, preset, codes=codes)
    config, training = recipe.kind.preset(preset, features)
    assert recipe.configuration() == config
    assert recipe.settings() == Training(**training)
    assert set(recipe.kind.preset_representations) <= set(recipe.kind.presets)


def test_fields_replace_those_of_the_preset() -> None:
    recipe = Recipe("vae", config={"latent": 2}, training={"batch_size": 7})
    config, training = recipe.kind.preset("small", "raw")
    assert (recipe.configuration().latent, recipe.configuration().hidden) == (2, config.hidden)
    assert (recipe.settings().batch_size, recipe.settings().steps) == (7, training["steps"])


def represented(recipe: Recipe) -> Representation:
    return recipe.represented(recipe.configuration(), (1, 28, 28)).fit(IMAGES)


def test_a_preset_may_ask_for_a_representation() -> None:
    recipe = Recipe("vae", preset="mlp-200-200-50")
    assert represented(recipe).to_dict()["binarize"] == "dynamic"
    own = Recipe("vae", preset="mlp-200-200-50", representation={"binarize": "threshold"})
    assert represented(own).to_dict()["binarize"] == "threshold"
    plain = Recipe("vae")
    assert represented(plain).to_dict()["binarize"] is None


def test_names_that_are_unknown() -> None:
    refused(TrainingError, "model='vqvae' is unknown; choose", "gated-pixelcnn", model="vqvae")
    refused(TrainingError, "features='dct' is unknown; choose raw, gabor", features="dct")
    refused(ModelError, "vae has no preset 'huge'", "choose small, article", preset="huge")
    refused(ModelError, "'lantern' is unknown", config={"lantern": 2})
    refused(TrainingError, "'stepps' is unknown", training={"stepps": 2})


def test_options_that_the_representation_does_not_have() -> None:
    recipe = Recipe("vae", representation={"scales": 2})
    with pytest.raises(TrainingError, match=r"representation: .*scales"):
        represented(recipe)


# ---- binarized pixels ----


@pytest.mark.parametrize("binarize", ["dynamic", "static", "threshold"])
@pytest.mark.parametrize("model", AUTOREGRESSIVE)
def test_binarized_pixels_have_two_levels_unless_given(model: str, binarize: str) -> None:
    recipe = Recipe(model, representation={"binarize": binarize})
    config = recipe.configuration()
    assert config.levels == 2
    assert represented(recipe).space.levels == 2
    given = Recipe(model, representation={"binarize": binarize}, config={"levels": 16})
    assert given.configuration().levels == 16
    assert Recipe(model, representation={"binarize": None}).configuration().levels > 2


# ---- pictures in colour ----


@pytest.mark.parametrize("model", MODELS)
def test_colour_is_modelled_exactly_by_default(model: str) -> None:
    shape, images = (3, 6, 6), torch.rand(20, 3, 6, 6)
    grey, recipe = Recipe(model).for_images((1, 6, 6)), Recipe(model).for_images(shape)
    assert grey == Recipe(model)
    if model not in AUTOREGRESSIVE:
        assert recipe == grey
        return
    config = recipe.configuration()
    representation = recipe.represented(config, shape).fit(images)
    space = representation.space
    if space.ordinal:
        assert (config.likelihood, space.channels, space.levels) == ("mixture", 3, 256)
    else:
        assert (space.channels, space.levels) == (1, 256)  # of a palette
    network = MODELS[model](config, space)
    features = representation.encode(images[:2])
    assert network(features, None, torch.Generator(), "model").total.isfinite()
    # What is said stays.
    said = Recipe(model, config={"levels": 8}, representation={"palette": False})
    said = said.for_images(shape)
    assert said.represented(said.configuration(), shape).space.levels == 8
    binarized = Recipe(model, representation={"binarize": "static"}).for_images(shape)
    assert binarized.configuration().levels == 2


@pytest.mark.parametrize("model", ["vae", "ae"])
def test_binarized_pixels_are_for_a_bernoulli(model: str) -> None:
    binarized = {"binarize": "dynamic"}
    Recipe(model, representation=binarized)
    for likelihood in ("continuous-bernoulli", "gaussian", "discretized-logistic"):
        refused(
            TrainingError,
            f"not for {model} with likelihood={likelihood}",
            "likelihood=bernoulli",
            model=model,
            representation=binarized,
            config={"likelihood": likelihood},
        )
    refused(
        TrainingError,
        "with likelihood=gaussian",
        preset="mlp-200-200-50",
        config={"likelihood": "gaussian"},
    )


@pytest.mark.parametrize("model", ["gan", "dcgan"])
def test_binarized_pixels_are_not_for_adversaries(model: str) -> None:
    wanted = (
        "they are for autoregressive models, and for a vae or ae with likelihood=bernoulli, "
        f"not for {model}"
    )
    refused(TrainingError, wanted, model=model, representation={"binarize": "threshold"})


# ---- epochs ----


def test_epochs_are_counted_of_the_data() -> None:
    recipe = Recipe("vae", epochs=3, training={"batch_size": 8})
    assert recipe.settings(20).steps == 8
    refused(TrainingError, "epochs=0 is no count", epochs=0)
    both = {"epochs": 2, "training": {"steps": 5}}
    refused(TrainingError, "epochs=2 and steps=5 say the same thing", **both)


def test_patience_counts_epochs_unless_said_otherwise() -> None:
    fields = {"patience": 2, "batch_size": 8}
    assert Recipe("vae", training=fields).settings(20).validate_every == 3
    said = Recipe("vae", training={**fields, "validate_every": 5})
    assert said.settings(20).validate_every == 5
    assert Recipe("vae", training={"batch_size": 8}).settings(20).validate_every == 0
    refused(TrainingError, "give validate_every", training={**fields, "validate_every": 0})
    refused(TrainingError, "batch_size=0", training={**fields, "batch_size": 0})
    refused(TrainingError, "patience='two'", training={"patience": "two"})
