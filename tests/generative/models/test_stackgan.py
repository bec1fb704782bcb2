"""StackGAN: what is drawn around a condition, stages, pairs that do not match, vectors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from commands_for_tests import run
from torch.distributions import Normal, kl_divergence

from gaborkit.errors import DataError, GaborkitError, ModelError, TrainingError
from gaborkit.generative import Dataset, Gabor, ImageModel, Recipe, resume, start
from gaborkit.generative.data import Split
from gaborkit.generative.evaluation import evaluate
from gaborkit.generative.models.augmentation import Augmentation
from gaborkit.generative.models.drawn import LastLayer
from gaborkit.generative.models.gan_losses import GAN_LOSSES
from gaborkit.generative.models.seen import FirstLayer
from gaborkit.generative.models.stackgan import StackGAN, StackGANConfig
from gaborkit.generative.space import Space

TINY = {
    **{"latent": 3, "augmented": 2, "compressed": 2},
    **{"width": 2, "blocks": 1, "discriminator_width": 2},
}
SPACE = Space(2, 20, 28, "symmetric")
#: Four pictures' classes, and vectors.
CONDITIONS = {
    "classes": (torch.tensor([0, 1, 2, 0]), {}, 3),
    "vectors": (torch.randn(4, 5), {"condition_length": 5}, 0),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def model(space=SPACE, classes=3, **fields):
    torch.manual_seed(0)
    return StackGAN(StackGANConfig(**{**TINY, **fields}), space, classes)


def batch(count=4):
    return torch.randn(count, *SPACE.shape, generator=generator(5)).tanh()


@pytest.mark.parametrize("loss", GAN_LOSSES)
@pytest.mark.parametrize("kind", CONDITIONS)
def test_the_loss_of_a_part_has_gradients_for_exactly_that_part(kind, loss):
    labels, fields, classes = CONDITIONS[kind]
    network = model(classes=classes, loss=loss, packing=2, **fields)
    assert [network.turn(step) for step in range(5)] == [
        *("discriminator 10x14", "generator 10x14", "discriminator 20x28", "generator 20x28"),
        "discriminator 10x14",
    ]
    for part in network.parts:
        network.zero_grad(set_to_none=True)
        result = network(batch(), labels, generator(), part)
        result.total.backward()
        for other, module in network.parts.items():
            slopes = [weight.grad for weight in module.parameters()]
            if other == part:
                assert all(slope.isfinite().all() for slope in slopes)
            else:
                assert all(slope is None for slope in slopes)
    weights = {id(weight) for module in network.parts.values() for weight in module.parameters()}
    assert weights == {id(weight) for weight in network.parameters()}


@pytest.mark.parametrize("kind", CONDITIONS)
def test_the_divergence_is_that_of_the_normal_distributions(kind):
    labels, _, classes = CONDITIONS[kind]
    torch.manual_seed(0)
    augmentation = Augmentation(classes, 5, 6)
    mean, log_variance = augmentation.moments(labels)
    around = Normal(mean, (log_variance / 2).exp())
    wanted = kl_divergence(around, Normal(torch.zeros(()), torch.ones(()))).mean()
    assert torch.allclose(augmentation.divergence(labels), wanted, atol=1e-6)
    noise = torch.randn(20_000, 6, generator=generator())
    drawn = augmentation(labels[:1].expand(20_000, *labels.shape[1:]), noise)
    assert torch.allclose(drawn.mean(0), around.mean[0], atol=0.05)
    assert torch.allclose(drawn.std(0), around.stddev[0], rtol=0.05)


def test_the_loss_of_a_generator_is_the_adversarial_one_and_the_weighted_divergence():
    labels = CONDITIONS["classes"][0]
    for weight in (0.0, 3.0):
        network = model(augmentation_weight=weight)
        for stage, pair in network.stages.items():
            loss = network(batch(), labels, generator(), f"generator {stage}")
            beside = weight * pair.generator.augmentation.divergence(labels)
            assert torch.allclose(loss.figures[f"augmentation {stage} loss"], beside)
            adversarial = loss.figures[f"adversarial {stage} loss"]
            assert torch.allclose(loss.total, adversarial + beside)


@pytest.mark.parametrize("loss", ["non-saturating", "hinge"])
@pytest.mark.parametrize("kind", CONDITIONS)
def test_discriminators_refuse_real_pictures_with_conditions_of_others(kind, loss):
    labels, fields, classes = CONDITIONS[kind]
    # The last and the first picture have one condition: that pair matches, and is not refused.
    labels = torch.cat([labels[:3], labels[:1]])
    network = model(classes=classes, loss=loss, **fields)
    features = batch()
    for stage, (_, discriminator) in network.stages.items():
        total = network(features, labels, generator(), f"discriminator {stage}").total
        real = network.target(stage, features)
        drawn = network.drawn(stage, features, labels, generator()).detach()
        others = labels[[3, 0, 1, 2]]
        if network.config.norm == "batch":
            pairs = [(real, labels), (drawn, labels), (real, others)]
            scores = [discriminator(pictures, some) for pictures, some in pairs]
        else:
            scores = discriminator(
                torch.cat([real, drawn, real]), torch.cat([labels, labels, others])
            ).chunk(3)
        refused = torch.cat([scores[1][:1], scores[2][1:]])
        judged = GAN_LOSSES[loss].discriminator
        wanted = (judged(scores[0], scores[1]) + judged(scores[0], refused)) / 2
        # Spectral norms follow their layers by a step each time.
        assert torch.allclose(total, wanted, atol=1e-5 if loss == "non-saturating" else 0.3)


def test_stages_draw_pictures_of_their_size_and_samples_pass_both():
    network, labels = model(width=8), torch.tensor([0, 1, 2, 0])
    for part in network.parts:  # running statistics that are not 0 and 1
        network(batch(), labels, generator(), part)
    for stage, size in zip(network.stages, [(10, 14), (20, 28)], strict=True):
        assert network.drawn(stage, batch(), labels, generator()).shape == (4, 2, *size)
        assert network.target(stage, batch()).shape == (4, 2, *size)
        flat = torch.full((1, *SPACE.shape), 0.25)
        assert torch.allclose(network.target(stage, flat), flat[..., : size[0], : size[1]])
    whole = network.sample(4, labels, generator())
    assert float(whole.abs().max()) <= 1
    network.eval()
    noise = network.noise(4, generator())
    coarse = network.generators[0](noise[0], noise[1], labels)
    assert torch.equal(whole, network.generators[1](coarse, noise[2], labels))
    other = network.sample(4, labels.flip(0), generator())
    assert torch.equal(other[0], whole[0])  # both of class 0
    assert not torch.equal(other[1], whole[1])


def test_the_second_stage_sees_and_draws_through_the_frame():
    pictures = batch(6) / 2 + 0.5
    space = Gabor((2, 20, 28), "symmetric", scales=1, orientations=2, synthesis=True).fit(pictures)
    network = model(space.space)
    for kind, modules in ((LastLayer, network.generators), (FirstLayer, network.discriminators)):
        has = [any(isinstance(m, kind) for m in stage.modules()) for stage in modules]
        assert has == [False, True]


@pytest.mark.parametrize("options", [[], ["--features", "gabor", "--scales", 1]])
def test_commands(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["train", "stackgan", *(f"--set={name}={value}" for name, value in TINY.items())]
    words += ["--size", 8, "--limit", 30, "--steps", 4, "--batch-size", 4, "--device", "cpu"]
    assert run(*words, *options, "--quiet", "--out", "run").exit_code == 0
    assert run("sample", "run", "--count", 3, "--classes", "7", "--out", "grid.png").exit_code == 0
    drawn = ImageModel.from_pretrained("run", "cpu")
    assert drawn.model.classes == 10
    assert torch.equal(drawn.sample(3, 4, seed=1), drawn.sample(3, [4, 4, 4], seed=1))


# ---- vectors ----


def own_data(length=4, labels=False):
    """Pictures whose brightness is the first number of their vector."""
    rng = np.random.default_rng(0)
    vectors = rng.random((60, length))
    images = np.broadcast_to(vectors[:, :1, None], (60, 8, 8))
    named = list("ab" * 30) if labels else None
    return Dataset.from_arrays(images, named, conditions=vectors, name="grey")


def vector_recipe(length=4, steps=3):
    training = {"steps": steps, "batch_size": 8, "checkpoint_every": 2}
    return Recipe("stackgan", config={**TINY, "condition_length": length}, training=training)


def test_vectors_travel_with_their_pictures():
    data = own_data()
    for split in (data.train, data.validation, data.test):
        brightness = split.images[:, 0, 0, 0] / 255
        assert torch.allclose(split.conditions[:, 0], brightness, atol=1 / 255)
    assert "conditions of length 4" in data.describe()
    assert "conditions of length 4" in repr(data.train)
    part = data.train.conditions
    other = dataclasses.replace(data, train=dataclasses.replace(data.train, conditions=part + 1))
    assert other.digest() != data.digest()


@pytest.mark.parametrize("labels", [False, True])
def test_a_model_of_vectors_is_trained_goes_on_and_draws(labels, tmp_path):
    data = own_data(labels=labels)
    whole = start(vector_recipe(), tmp_path / "run", dataset=data, device="cpu")
    assert (whole.model.classes, whole.model.condition_length) == (0, 4)
    start(vector_recipe(steps=2), tmp_path / "short", dataset=data, device="cpu")
    (tmp_path / "short/model.safetensors").unlink()
    stored = ImageModel.from_pretrained(tmp_path / "run", "cpu")
    vectors = data.test.conditions[:3]
    drawn = stored.sample(3, conditions=vectors, seed=1)
    assert torch.equal(drawn, whole.sample(3, conditions=vectors.double().numpy(), seed=1))
    one = stored.sample(3, conditions=vectors[0], seed=1)
    assert torch.equal(one, stored.sample(3, conditions=vectors[:1].expand(3, -1), seed=1))
    assert not torch.equal(one, drawn)
    evaluation = evaluate(stored, data, samples=10)
    assert evaluation.model == "conditional stackgan, raw features"
    resume(tmp_path / "run", dataset=data, device="cpu")
    with pytest.raises(ModelError, match=r"give conditions, floats \(3, 4\)"):
        stored.sample(3)
    with pytest.raises(ModelError, match="classes=1: this stackgan is conditioned on vectors"):
        stored.sample(3, 1)
    for wrong, message in (
        (np.zeros((2, 4)), r"shape \(2, 4\) and torch.float32 do not fit; floats \(3, 4\) work"),
        (np.zeros(5), r"shape \(3, 5\)"),
        (np.full(4, np.nan), "NaN or infinity"),
        (["a", "b"], "are no vectors"),
    ):
        with pytest.raises(ModelError, match=message):
            stored.sample(3, conditions=wrong)
    with pytest.raises(ModelError, match="vectors of length 4, and grey has those of length 5"):
        evaluate(stored, own_data(5), samples=10)
    result = run("sample", tmp_path / "run", "--out", tmp_path / "grid.png")
    assert result.exit_code == 2
    assert "conditioned on vectors of length 4" in result.stderr
    assert "notebook" not in stored._repr_html_()


def test_what_does_not_fit_vectors(tmp_path):
    data = own_data()
    with pytest.raises(TrainingError, match="condition_length=5: the conditions of grey have"):
        start(vector_recipe(5), tmp_path / "run", dataset=data, device="cpu")
    assert not (tmp_path / "run").exists()
    with pytest.raises(TrainingError, match="classes=True and condition_length=4"):
        dataclasses.replace(vector_recipe(), classes=True)
    with pytest.raises(TrainingError, match="grey has 0 classes; sort its images into"):
        start(Recipe("stackgan", config=TINY), tmp_path / "run", dataset=data, device="cpu")
    with pytest.raises(ModelError, match="not conditioned on vectors; leave conditions out"):
        start(
            Recipe("gan", training={"steps": 1, "batch_size": 4}),
            *(tmp_path / "gan",),
            dataset=data,
            device="cpu",
        ).sample(1, conditions=np.zeros(4))
    network = model(classes=0, condition_length=5)
    with pytest.raises(ModelError, match="conditions hold NaN or infinity"):
        network.sample(1, torch.full((1, 5), float("inf")))
    with pytest.raises(ModelError, match=r"torch\.int64 do not fit"):
        network.sample(1, torch.zeros(1, 5, dtype=torch.int64))


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (np.zeros(20), r"conditions of shape \(20,\) and float64 are no vectors"),
        (np.zeros((20, 2), complex), "complex128 are no vectors"),
        (np.full((20, 2), 1e300), "conditions hold NaN or infinity"),
        (np.zeros((19, 2)), r"shape \(19, 2\) and torch.float32 do not fit 20 images"),
        (np.zeros((20, 0)), r"do not fit 20 images; finite float32 \(20, D\) works"),
    ],
)
def test_conditions_that_are_none(conditions, message):
    with pytest.raises(DataError, match=message):
        Dataset.from_arrays(np.zeros((20, 8, 8)), conditions=conditions)


def test_splits_have_conditions_of_one_length():
    data = own_data()
    with pytest.raises(DataError, match="validation images have length 0, of training images 4"):
        dataclasses.replace(data, validation=Split(data.validation.images, None))


@pytest.mark.parametrize(
    ("fields", "classes", "message"),
    [
        ({"output": "linear"}, 3, "output='linear': the second stage takes pixels"),
        ({"condition_length": -1}, 3, "condition_length=-1 is no length"),
        ({"condition_length": 4}, 3, "classes=3 and condition_length=4"),
        ({}, 0, "stackgan draws pictures of a condition"),
        ({"blocks": 0}, 3, "blocks=0 is no count"),
        ({"augmented": 0}, 3, "augmented=0 is no count"),
        ({"augmentation_weight": float("nan")}, 3, "augmentation_weight=nan is no weight"),
    ],
)
def test_configurations_out_of_range(fields, classes, message):
    with pytest.raises(GaborkitError, match=message):
        model(classes=classes, **fields)


def test_pictures_that_are_too_small():
    with pytest.raises(ModelError, match="images of 7 x 9 are too small for two stages; give 8"):
        model(Space(1, 7, 9, "symmetric"))
