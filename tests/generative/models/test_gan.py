"""GAN and DCGAN: shapes, turns, gradients, classes, determinism, presets."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from gaborkit.errors import ModelError
from gaborkit.generative.configuration import from_dict, to_dict
from gaborkit.generative.models.adversarial_config import LatentConfig
from gaborkit.generative.models.dcgan import DCGAN, DCGANConfig, halvings
from gaborkit.generative.models.gan import GAN, GANConfig
from gaborkit.generative.models.gan_losses import GAN_LOSSES
from gaborkit.generative.models.scoring import Scorer
from gaborkit.generative.space import Space
from gaborkit.generative.training.settings import Training

SPACE = Space(2, 9, 10, "symmetric")
MODELS = {"gan": GAN, "dcgan": DCGAN}
CASES = [(name, loss) for name in MODELS for loss in GAN_LOSSES]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def model(name, space=SPACE, classes=0, seed=0, **options):
    sizes = {
        "gan": {"generator_hidden": (8, 9), "discriminator_hidden": (8, 7)},
        "dcgan": {"width": 3},
    }
    cls = MODELS[name]
    torch.manual_seed(seed)
    return cls(cls.Config(latent=4, **{**sizes[name], **options}), space, classes)


def batch(space=SPACE, count=6):
    return torch.randn(count, *space.shape, generator=generator(5)).tanh()


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 15, 23), (18, 28, 28), (4, 33, 8)])
@pytest.mark.parametrize("name", list(MODELS))
def test_any_size_and_number_of_channels(name, shape):
    space = Space(*shape, "symmetric")
    network = model(name, space)
    features = network.sample(3, generator=generator())
    assert features.shape == (3, *shape)
    assert features.dtype == torch.float32
    assert float(features.abs().max()) <= 1
    for part in network.parts:
        assert network(batch(space), None, generator(), part).total.isfinite()


@pytest.mark.parametrize("size", range(8, 70))
def test_halvings_end_at_four_to_seven(size):
    sizes = halvings(size, 100)
    assert sizes[0] == (size, 100)
    assert 4 <= sizes[-1][0] <= 7
    assert len(sizes) >= 2


def test_a_linear_output_models_whitened_features():
    network = model("gan", Space(1, 4, 4, "white"), output="linear")
    with torch.no_grad():
        network.generator.layers[-1].bias += 10
    assert float(network.sample(4, generator=generator()).min()) > 1


def test_turns():
    network = model("gan", discriminator_steps=3)
    turns = [network.turn(step) for step in range(8)]
    assert turns == [*["discriminator"] * 3, "generator"] * 2
    assert model("gan").turn(0) == "discriminator"
    assert model("gan").turn(1) == "generator"
    assert not network.has_validation_loss


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize(("name", "loss"), CASES)
def test_the_loss_of_a_part_has_gradients_for_exactly_that_part(name, loss, classes):
    network = model(name, classes=classes, loss=loss)
    labels = torch.tensor([0, 1, 2, 0, 1, 2]) if classes else None
    for part in network.parts:
        network.zero_grad(set_to_none=True)
        network(batch(), labels, generator(), part).total.backward()
        for other, module in network.parts.items():
            for weight in module.parameters():
                if other == part:
                    assert weight.grad is not None
                    assert weight.grad.isfinite().all()
                else:
                    assert weight.grad is None
    weights = {id(weight) for module in network.parts.values() for weight in module.parameters()}
    assert weights == {id(weight) for weight in network.parameters()}


@pytest.mark.parametrize("name", list(MODELS))
def test_the_gradient_of_the_generator_passes_the_discriminator_as_it_is(name):
    network = model(name, loss="wgan-gp", classes=3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    network(batch(), labels, generator(), "generator").total.backward()
    found = [weight.grad.clone() for weight in network.generator.parameters()]
    network.zero_grad()
    noise = torch.randn(6, 4, generator=generator())
    fakes = network.generator(noise, labels)
    (-network.discriminator(fakes, labels).mean()).backward()
    for grad, weight in zip(found, network.generator.parameters(), strict=True):
        assert torch.allclose(grad, weight.grad, atol=1e-7)


@pytest.mark.parametrize(("name", "loss"), CASES)
def test_a_step_is_a_function_of_weights_batch_and_generator(name, loss):
    def step(seed):
        network = model(name, loss=loss)
        torch.manual_seed(seed)  # must not matter
        totals = [network(batch(), None, generator(1), part).total for part in network.parts]
        drawn = network.sample(3, generator=generator(2))
        return torch.cat([torch.stack(totals).detach(), drawn.flatten()])

    assert torch.equal(step(1), step(2))
    network = model(name, loss=loss)
    one, other = (network(batch(), None, generator(seed), "generator").total for seed in (0, 1))
    assert not torch.equal(one, other)


def test_figures():
    network = model("gan")
    figures = network(batch(), None, generator(), "discriminator").figures
    assert set(figures) == {"discriminator loss", "D(real)", "D(fake)"}
    assert all(0 < float(figures[key]) < 1 for key in ("D(real)", "D(fake)"))
    assert not any(value.requires_grad for value in figures.values())
    assert set(network(batch(), None, generator(), "generator").figures) == {"generator loss"}
    penalized = model("gan", loss="wgan-gp", penalty=3)
    total, figures = penalized(batch(), None, generator(), "discriminator")
    distance = figures["D(fake)"] - figures["D(real)"]
    assert float(total.detach()) == pytest.approx(
        float(distance + 3 * figures["gradient penalty"]), rel=1e-5
    )


@pytest.mark.parametrize("name", list(MODELS))
def test_samples_use_running_statistics_and_leave_the_mode(name):
    network = model(name)
    for _ in range(3):
        network(batch(), None, generator(), "generator")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    many = network.sample(5, generator=generator())
    assert network.generator.training
    network.eval()
    noise = torch.randn(5, 4, generator=generator())
    assert torch.allclose(network.generator(noise[:2], None), many[:2], atol=1e-6)
    assert torch.equal(network.sample(5, generator=generator()), many)
    assert not network.generator.training
    after = network.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


def test_samples_in_chunks(monkeypatch):
    network, seen = model("gan", classes=3), []
    labels = torch.tensor([0, 1, 2, 0, 1])
    whole = network.sample(5, labels, generator())
    monkeypatch.setattr("gaborkit.generative.models.adversarial.CHUNK", 2)
    parts = network.sample(5, labels, generator(), lambda *done: seen.append(done))
    assert torch.allclose(parts, whole, atol=1e-6)
    assert seen == [(2, 5), (4, 5), (5, 5)]
    assert network.sample(0, labels[:0]).shape == (0, *SPACE.shape)


def test_only_the_generator_has_running_statistics():
    for name in MODELS:
        for norm in ("none", "batch", "spectral"):
            network = model(name, discriminator_norm=norm)
            names = [key for key, _ in network.named_buffers() if "running" in key]
            assert names
            assert all(key.startswith("generator") for key in names)


def test_batch_norm_in_the_discriminator_keeps_real_and_generated_apart():
    network = model("gan", discriminator_norm="batch")
    loss = network(batch(), None, generator(), "discriminator")
    noise = torch.randn(6, 4, generator=generator())
    fakes = network.generator(noise, None)
    apart = [network.discriminator(features, None) for features in (batch(), fakes)]
    wanted = GAN_LOSSES["non-saturating"].discriminator(*apart)
    assert float(loss.total.detach()) == pytest.approx(float(wanted.detach()), rel=1e-6)
    norms = [m for m in network.discriminator.modules() if isinstance(m, nn.BatchNorm1d)]
    assert len(norms) == 1  # not in the first layer


def test_spectral_norm_bounds_every_layer():
    network = model("dcgan", loss="hinge", classes=3, width=4)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    for _ in range(50):
        network(batch(), labels, generator(), "discriminator")
    network.eval()
    layers = [m for m in network.discriminator.modules() if hasattr(m, "parametrizations")]
    assert len(layers) == 3  # a convolution, the score, the projection
    for layer in layers:
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        assert float(largest.detach()) == pytest.approx(1, abs=1e-3)
    assert not any("parametrizations" in key for key in network.generator.state_dict())


# ---- classes ----


def test_the_projection_adds_the_vector_of_the_class():
    scorer = Scorer(5, 3, "none")
    hidden, labels = torch.randn(4, 5, generator=generator()), torch.tensor([2, 0, 1, 2])
    wanted = scorer.score(hidden)[:, 0] + (hidden * scorer.projection.weight[labels]).sum(1)
    assert torch.allclose(scorer(hidden, labels), wanted, atol=1e-6)


@pytest.mark.parametrize("name", list(MODELS))
def test_samples_depend_on_the_class(name):
    network = model(name, classes=3)
    one, other = (network.sample(2, torch.tensor([k, 1]), generator()) for k in (0, 2))
    assert not torch.allclose(one[0], other[0])
    assert torch.allclose(one[1], other[1], atol=1e-6)


def test_an_unconditional_model_ignores_the_labels_of_the_batch():
    network = model("gan")
    labelled = network(batch(), torch.arange(6), generator(), "generator").total
    assert torch.equal(labelled, network(batch(), None, generator(), "generator").total)


# ---- precision, processes ----


@pytest.mark.parametrize(("name", "loss"), CASES)
def test_bfloat16(name, loss):
    network = model(name, loss=loss)
    for part in network.parts:
        with torch.autocast("cpu", torch.bfloat16):
            result = network(batch(), None, generator(), part)
        assert result.total.dtype == torch.float32
        result.total.backward()
        for weight in network.parts[part].parameters():
            assert weight.grad.isfinite().all()


@pytest.fixture
def process_group(tmp_path):
    place = f"file://{tmp_path / 'store'}"
    torch.distributed.init_process_group("gloo", init_method=place, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize(("name", "loss"), CASES)
def test_distributed_data_parallel(process_group, name, loss):
    alone, wrapped = model(name, loss=loss), model(name, loss=loss)
    parallel = DistributedDataParallel(wrapped, find_unused_parameters=True)
    for step in range(4):
        for network, call in ((alone, alone), (wrapped, parallel)):
            part = network.turn(step)
            network.zero_grad(set_to_none=True)
            call(batch(), None, generator(step), part).total.backward()
            with torch.no_grad():
                for weight in network.parts[part].parameters():
                    weight -= 0.01 * weight.grad
    for one, other in zip(alone.parameters(), wrapped.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


# ---- learning ----


@pytest.mark.parametrize(("loss", "k", "steps"), [("non-saturating", 1, 900), ("wgan-gp", 2, 2400)])
def test_a_tiny_gan_learns_two_points(loss, k, steps):
    space = Space(1, 1, 2, "symmetric")
    points = torch.tensor([[[[0.6, 0.2]]], [[[-0.5, 0.5]]]])
    sizes = {"generator_hidden": (16, 16), "discriminator_hidden": (32, 32)}
    network = model("gan", space, loss=loss, discriminator_steps=k, **sizes)
    adam = {
        key: torch.optim.Adam(part.parameters(), 2e-3, betas=(0.5, 0.99), fused=True)
        for key, part in network.parts.items()
    }
    for step in range(steps):
        part = network.turn(step)
        draw = generator(step)
        real = points[torch.randint(2, (64,), generator=draw)]
        adam[part].zero_grad()
        network(real, None, draw, part).total.backward()
        adam[part].step()
    found = network.sample(400, generator=generator())
    distances = torch.cdist(found.flatten(1), points.flatten(1))  # (400, 2)
    near, which = distances.min(1)
    assert float(near.mean()) < 0.15
    assert 100 < int(which.sum()) < 300


# ---- presets and configurations ----


@pytest.mark.parametrize("features", ["raw", "gabor", "coefficients"])
@pytest.mark.parametrize("preset", ["small", "article", "large"])
@pytest.mark.parametrize("name", list(MODELS))
def test_presets(name, preset, features):
    cls = MODELS[name]
    config, settings = cls.preset(preset, features)
    assert from_dict(cls.Config, json.loads(json.dumps(to_dict(config)))) == config
    assert Training(**settings).steps > 0
    bounded = (preset, features) != ("small", "coefficients")
    assert cls.scaling(config) == ("symmetric" if bounded else "white")
    settings["steps"] = 1  # a copy
    assert cls.preset(preset, features)[1]["steps"] > 1


def test_the_article():
    config, settings = GAN.preset("article", "raw")
    network = GAN(config, Space(1, 28, 28, "symmetric"))
    widths = {
        key: [(m.in_features, m.out_features) for m in part.modules() if isinstance(m, nn.Linear)]
        for key, part in network.parts.items()
    }
    assert widths["generator"] == [(100, 128), (128, 256), (256, 512), (512, 1024), (1024, 784)]
    assert widths["discriminator"] == [(784, 512), (512, 256), (256, 1)]
    kinds = [type(layer).__name__ for layer in network.generator.layers]
    block = ["Linear", "BatchNorm1d", "LeakyReLU"]
    assert kinds == ["Linear", "LeakyReLU", *3 * block, "Linear"]
    assert isinstance(network.generator.bounded, nn.Tanh)
    assert config.loss == "non-saturating"
    assert (config.slope, config.discriminator_steps, config.norm) == (0.2, 20, "none")
    assert (settings["learning_rate"], settings["betas"]) == (2e-4, (0.5, 0.999))
    assert settings["batch_size"] == 64


def test_normalisation_that_goes_with_the_loss():
    assert [GANConfig(loss=loss).norm for loss in GAN_LOSSES] == ["none", "spectral", "none"]
    assert [DCGANConfig(loss=loss).norm for loss in GAN_LOSSES] == ["batch", "spectral", "none"]
    assert GANConfig(loss="hinge", discriminator_norm="none").norm == "none"
    assert DCGANConfig(discriminator_norm="none").norm == "none"


def test_what_compiles():
    assert model("gan").compilable is None
    assert "twice" in model("gan", loss="wgan-gp").compilable


# ---- errors ----


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "least-squares"}, "loss='least-squares' is unknown"),
        ({"discriminator_norm": "layer"}, "discriminator_norm='layer' is unknown"),
        ({"output": "sigmoid"}, "output='sigmoid' is unknown; choose tanh, linear"),
        ({"latent": 0}, "latent=0 is no count"),
        ({"discriminator_steps": 0}, "discriminator_steps=0 is no count"),
        ({"slope": 1.0}, "slope=1.0 is out of range"),
        ({"instance_noise": -1.0}, "instance_noise=-1.0 is no deviation"),
        ({"penalty": 0.0}, "penalty=0.0 is not positive"),
        ({"penalty": float("nan")}, "penalty=nan is not positive"),
        ({"loss": "wgan-gp", "discriminator_norm": "batch"}, "does not go with loss='wgan-gp'"),
    ],
)
def test_configurations_out_of_range(options, words):
    for cls in (LatentConfig, GANConfig, DCGANConfig):
        with pytest.raises(ModelError, match=words):
            cls(**options)


def test_widths_out_of_range():
    with pytest.raises(ModelError, match=r"generator_hidden=\(\) are no widths"):
        GANConfig(generator_hidden=())
    with pytest.raises(ModelError, match=r"discriminator_hidden=\(4, 0\) are no widths"):
        GANConfig(discriminator_hidden=(4, 0))
    with pytest.raises(ModelError, match="width=0 is no count"):
        DCGANConfig(width=0)


def test_what_a_model_refuses():
    with pytest.raises(ModelError, match="7 x 30 are too small for strided convolutions"):
        model("dcgan", Space(1, 7, 30, "symmetric"))
    with pytest.raises(ModelError, match="scaled as 'white', not 'symmetric'"):
        model("gan", output="linear")
    network = model("gan")
    with pytest.raises(ModelError, match="part='model' is unknown"):
        network(batch(), None, generator(), "model")
    with pytest.raises(ModelError, match="batch of 1 image has no statistics"):
        network(batch(count=1), None, generator(), "generator")
    with pytest.raises(ModelError, match="conditional and learns from labelled images only"):
        model("gan", classes=3)(batch(), None, generator(), "generator")
    with pytest.raises(ModelError, match="was trained without classes"):
        network.sample(1, torch.tensor([0]))
    with pytest.raises(ModelError, match="say which of its 3 classes"):
        model("gan", classes=3).sample(1)
    with pytest.raises(ModelError, match=r"gan has no preset 'tiny' for 'raw' .* choose small"):
        GAN.preset("tiny", "raw")
    with pytest.raises(ModelError, match="for 'dct' features; choose features raw, coeff"):
        DCGAN.preset("small", "dct")
