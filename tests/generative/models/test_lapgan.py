"""LAPGAN: stages, what each draws from and its discriminator sees, samples through all of them."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from commands_for_tests import run
from runs_for_tests import TINY

from gaborkit.errors import ModelError
from gaborkit.generative import Gabor, ImageModel
from gaborkit.generative.models import dcgan, gan
from gaborkit.generative.models.drawn import LastLayer
from gaborkit.generative.models.gan_losses import GAN_LOSSES
from gaborkit.generative.models.lapgan import LAPGAN, LAPGANConfig
from gaborkit.generative.models.seen import FirstLayer
from gaborkit.generative.space import Space

SMALL = LAPGANConfig(
    latent=3, generator_hidden=(6,), discriminator_hidden=(6,), width=3, discriminator_width=2
)
SPACE = Space(2, 20, 28, "symmetric")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def model(space=SPACE, classes=0, **fields):
    torch.manual_seed(0)
    return LAPGAN(dataclasses.replace(SMALL, **fields), space, classes)


def batch(count=4):
    return torch.randn(count, *SPACE.shape, generator=generator(5)).tanh()


def test_stages_take_turns_from_coarse_to_fine():
    network = model(discriminator_steps=2)
    wanted = [
        f"{role} {size}"
        for size in ("5x7", "10x14", "20x28")
        for role in ("discriminator", "discriminator", "generator")
    ]
    assert [network.turn(step) for step in range(12)] == wanted + wanted[:3]
    assert list(network.parts) == [
        f"{role} {size}"
        for size in ("5x7", "10x14", "20x28")
        for role in ("generator", "discriminator")
    ]


def test_the_coarsest_stage_has_several_turns():
    network = model(coarse_turns=3, discriminator_steps=1)
    sizes = [network.turn(step).split()[1] for step in range(0, 20, 2)]
    assert sizes == ["5x7"] * 3 + ["10x14", "20x28"] + ["5x7"] * 3 + ["10x14", "20x28"]


@pytest.mark.parametrize("loss", GAN_LOSSES)
@pytest.mark.parametrize("pyramid", ["laplacian", "gabor"])
def test_the_loss_of_a_part_has_gradients_for_exactly_that_part(pyramid, loss):
    network = model(pyramid=pyramid, loss=loss, classes=3, packing=2)
    labels = torch.tensor([0, 1, 2, 0])
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
        assert f"{part} loss" in result.figures
    weights = {id(weight) for module in network.parts.values() for weight in module.parameters()}
    assert weights == {id(weight) for weight in network.parameters()}


@pytest.mark.parametrize(("pyramid", "below_noise"), [("laplacian", 0.5), ("gabor", 0.0)])
def test_discriminators_see_pictures_real_and_drawn_upon_real(pyramid, below_noise):
    network, features = model(pyramid=pyramid, below_noise=below_noise), batch()
    versions = network.pyramid.coarser(features)
    for number, stage in enumerate(network.stages):
        real = network.shown(stage, network.target(stage, features), features)
        assert torch.allclose(real, versions[number].clamp(-1, 1), atol=1e-5)
        drawn = network.drawn(stage, features, None, generator())
        assert drawn.shape == versions[number].shape
        if number:
            below = network.pyramid.up(number - 1, versions[number - 1])
            noise = torch.randn(4, 1 + 2, *drawn.shape[2:], generator=generator())
            seen = below + below_noise * noise[:, 1:]
            band = network.generators[number](seen, noise[:, :1], None)
            assert torch.allclose(drawn, band, atol=1e-5)
            shown = network.shown(stage, 9 * drawn, features)
            assert torch.allclose(shown, (below + 9 * band).clamp(-1, 1), atol=1e-5)
            assert bool(((below + 9 * band).abs() > 1).any())


@pytest.mark.parametrize("below_noise", [0.0, 0.5])
def test_samples_pass_all_stages(below_noise, monkeypatch):
    network, done = model(classes=3, below_noise=below_noise), []
    labels = torch.tensor([0, 1, 2, 0, 1])
    for part in network.parts:  # running statistics that are not 0 and 1
        network(batch(), labels[:4], generator(), part)
    whole = network.sample(5, labels, generator())
    assert network.training
    assert (float(whole.min()) >= -1, float(whole.max()) <= 1) == (True, True)
    network.eval()
    noise = network.noise(5, generator())
    images = network.generators[0](noise[0], labels)
    for number in (1, 2):
        below = network.pyramid.up(number - 1, images)
        images = (below + network.generators[number](below, noise[number], labels)).clamp(-1, 1)
    assert torch.allclose(whole, images, atol=1e-5)
    monkeypatch.setattr("gaborkit.generative.models.adversarial.CHUNK", 2)
    parts = network.sample(5, labels, generator(), lambda *steps: done.append(steps))
    assert torch.allclose(parts, whole, atol=1e-5)
    assert done == [(2, 5), (4, 5), (5, 5)]
    other = network.sample(5, labels.flip(0), generator())
    assert not torch.allclose(other[0], whole[0], atol=1e-4)
    assert torch.allclose(other[2], whole[2], atol=1e-5)


def test_the_coarsest_stage_is_fully_connected_or_a_dcgan():
    space = Space(1, 16, 20, "symmetric")
    for width, kind in ((0, gan), (3, dcgan)):
        network = model(space, bands=1, coarse_width=width)
        stage = network.stages["8x10"]
        assert isinstance(stage.generator, kind.Generator)
        assert isinstance(stage.discriminator, kind.Discriminator)
        assert network.sample(2, None, generator()).shape == (2, 1, 16, 20)


def test_the_finest_stage_sees_and_draws_through_the_frame():
    pictures = batch(6) / 2 + 0.5
    space = Gabor((2, 20, 28), "symmetric", scales=1, orientations=2, synthesis=True).fit(pictures)
    network = model(space.space)
    for kind, modules in ((LastLayer, network.generators), (FirstLayer, network.discriminators)):
        has = [any(isinstance(m, kind) for m in stage.modules()) for stage in modules]
        assert has == [False, False, True]
    for part in network.parts:
        assert network(batch(), None, generator(), part).total.isfinite()


@pytest.mark.parametrize("options", [[], ["--features", "gabor", "--scales", 1, "--classes"]])
def test_commands(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["train", "lapgan", *TINY["lapgan"], "--set", "pyramid=gabor", "--size", 16]
    words += ["--limit", 30, "--steps", 4, "--batch-size", 4, "--device", "cpu", "--quiet"]
    assert run(*words, *options, "--out", "run").exit_code == 0
    assert run("sample", "run", "--count", 3, "--out", "grid.png").exit_code == 0
    result = run("evaluate", "run", "--samples", 10)
    assert (result.exit_code, result.stderr) == (0, "")
    drawn = ImageModel.from_pretrained("run", "cpu")
    assert torch.equal(drawn.sample(3, seed=1), drawn.sample(3, seed=1))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pyramid": "steerable"}, "pyramid='steerable' is unknown; choose laplacian, gabor"),
        ({"output": "linear"}, "output='linear': a pyramid is of pixels"),
        ({"bands": 0}, "bands=0 is no count"),
        ({"coarse_turns": 0}, "coarse_turns=0 is no count"),
        ({"coarse_width": -1}, "coarse_width=-1 is no count"),
        ({"below_noise": float("inf")}, "below_noise=inf is no deviation"),
        ({"layers": 0}, "layers=0 is no count"),
        ({"generator_hidden": ()}, r"generator_hidden=\(\) are no widths"),
    ],
)
def test_configurations_out_of_range(fields, message):
    with pytest.raises(ModelError, match=message):
        dataclasses.replace(SMALL, **fields)


def test_pictures_that_are_too_small():
    with pytest.raises(ModelError, match="bands=2 halve pictures of 12 x 28 to 3 x 7"):
        model(Space(1, 12, 28, "symmetric"))
    with pytest.raises(ModelError, match="bands=1 make a stage of 7 x 7, too small for strided"):
        model(Space(1, 7, 7, "symmetric"), bands=1)
    with pytest.raises(ModelError, match="bands=2 leave a coarsest picture of 5 x 7, too small"):
        model(coarse_width=2)


def test_the_discriminator_of_a_coarse_dcgan_is_shown_pictures_enlarged():
    space = Space(1, 16, 16, "symmetric")
    config = LAPGANConfig(bands=1, width=4, discriminator_width=4, latent=4, coarse_width=4)
    lapgan = LAPGAN(config, space)
    coarse, features = torch.rand(3, 1, 8, 8), torch.rand(3, 1, 16, 16)
    shown = lapgan.shown("8x8", coarse, features)
    torch.testing.assert_close(shown, lapgan.pyramid.up(0, coarse))
    assert lapgan.discriminators[0](shown, None).shape == (3,)
    plain = LAPGAN(dataclasses.replace(config, coarse_width=0), space)
    assert plain.shown("8x8", coarse, features) is coarse
