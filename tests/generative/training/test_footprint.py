"""Memory of a training, before it starts, and the default for large images."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from gaborkit.errors import TrainingError
from gaborkit.generative import MODELS, Dataset, Recipe, start
from gaborkit.generative.space import Space
from gaborkit.generative.training import footprint
from gaborkit.generative.training.footprint import bytes_of_training, check_memory, parameters_of
from gaborkit.generative.training.settings import Training

CPU = torch.device("cpu")


def parts(name, side=28):
    kind = MODELS[name]
    config, training = kind.preset("small", "raw")
    scaling = kind.scaling(config)
    levels = config.levels if scaling == "levels" else 0
    return kind, config, Space(1, side, side, scaling, levels), Training(**training)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_parameters_are_those_of_the_model(name):
    kind, config, space, _ = parts(name)
    state = torch.random.get_rng_state()
    classes = 10 if kind.always_conditional else 0
    count = parameters_of(kind, config, space, classes)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert count == sum(weight.numel() for weight in kind(config, space, classes).parameters())


def test_counting_loads_nothing():
    """Draws on the meta device would import torch's decompositions, for seconds."""
    code = (
        "import sys; from gaborkit.generative import MODELS, Recipe; "
        "from gaborkit.generative.space import Space; "
        "from gaborkit.generative.training.footprint import parameters_of as count; "
        "kinds = [MODELS[name] for name in ('vae', 'ae', 'gan', 'dcgan')]; "
        "configs = [kind.preset('small', 'raw')[0] for kind in kinds]; "
        "[count(k, c, Space(1, 28, 28, k.scaling(c)), 0) for k, c in zip(kinds, configs)]; "
        "print('sympy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_bytes_by_hand():
    training = Training(batch_size=2)
    # Weights, gradients, two moments; a checkpoint's three twice; eight copies of the batch.
    assert bytes_of_training(1000, 10, training) == 4 * (4 + 6) * 1000 + 4 * 8 * 2 * 10
    averaged = Training(batch_size=2, ema=0.9)
    assert bytes_of_training(1000, 0, averaged) == 4 * (5 + 8) * 1000


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("vae", "network=conv, which is not fully connected, or a smaller size works"),
        ("ae", "network=conv, which is not fully connected, or a smaller size works"),
        ("gan", "a dcgan, which is not fully connected, or a smaller size works"),
        ("dcgan", "smaller layers or batches or a smaller size works"),
    ],
)
def test_too_large_for_what_is_free(monkeypatch, name, remedy):
    kind, config, space, training = parts(name, 512)
    monkeypatch.setattr(footprint, "available_memory", lambda: 10**8)
    with pytest.raises(TrainingError, match=r"0\.1 GB are free") as error:
        check_memory(kind, config, space, 0, training, CPU)
    assert str(error.value).endswith(remedy)
    assert "\n" not in str(error.value)


def test_what_is_large_is_said_and_what_is_small_is_not(monkeypatch):
    monkeypatch.setattr(footprint, "available_memory", lambda: 10**12)
    kind, config, space, training = parts("vae", 512)
    assert check_memory(kind, config, space, 0, training, CPU) == (
        "vae of 1 x 512 x 512 features: 210,002,184 parameters, training takes about 9.5 GB of "
        "memory"
    )
    assert check_memory(kind, config, Space(1, 28, 28, "unit"), 0, training, CPU) is None


def test_start_refuses_before_anything_is_made(monkeypatch, tmp_path):
    monkeypatch.setattr(footprint, "available_memory", lambda: 10**6)
    data = Dataset.from_arrays(torch.zeros(10, 28, 28), name="black")
    with pytest.raises(TrainingError, match=r"takes about 0\.0 GB of memory, and"):
        start(Recipe("vae"), tmp_path / "run", dataset=data, device="cpu")
    assert not (tmp_path / "run").exists()


def test_large_images_get_convolutions_by_default():
    large = (3, 512, 512)
    recipe = Recipe("vae").for_images(large)
    assert recipe.configuration().network == "conv"
    assert recipe.configuration().hidden == (16, 32, 64, 128, 128, 128)
    assert recipe.settings().batch_size == 8
    count = parameters_of(recipe.kind, recipe.configuration(), Space(*large, "unit"), 0)
    assert count < 2_000_000


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("vae", preset="article"),
        Recipe("vae", config={"network": "mlp"}),
        Recipe("vae", config={"hidden": [100]}),
        Recipe("vae", features="gabor"),
        Recipe("dcgan"),
    ],
)
def test_what_was_asked_for_stays(recipe):
    assert recipe.for_images((1, 512, 512)) is recipe


def test_batches_that_were_asked_for_stay():
    recipe = Recipe("ae", training={"batch_size": 5}).for_images((1, 100, 128))
    assert recipe.settings().batch_size == 5
    assert recipe.configuration().network == "conv"
