"""SRGAN: any size, tiles without a seam, content, weights of the losses, warm start, refusals."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from gaborkit import GaborBank
from gaborkit.errors import ModelError, TrainingError
from gaborkit.features import Scattering
from gaborkit.generative import Gabor, ImageModel, Raw, Recipe, load_dataset, start
from gaborkit.generative.models import srgan as module
from gaborkit.generative.models.content import (
    DIRECTIONS,
    OCTAVES,
    ORIENTATIONS,
    SCALES,
    WAVELENGTH,
    ContentLoss,
)
from gaborkit.generative.models.srgan import SRGAN, SRGANConfig
from gaborkit.generative.pixels import enlarged, shrunk
from gaborkit.generative.space import Space
from gaborkit.nn import GaborFrame2d

TINY = SRGANConfig(width=4, blocks=1, discriminator_width=2, dense=4)
SPACE = Space(3, 16, 20, "unit")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def model(space=SPACE, classes=0, *, random=True, **fields):
    torch.manual_seed(0)
    network = SRGAN(dataclasses.replace(TINY, **fields), space, classes)
    if random:  # it starts as a bicubic enlargement
        network.generator.last[-1].weight.data.normal_(std=0.05)
    return network


def batch(count=4, space=SPACE):
    return torch.rand(count, *space.shape, generator=generator(5))


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("size", [(5, 9), (1, 1), (40, 3)])
def test_pictures_of_any_size(factor, size):
    network = model(factor=factor)
    small = torch.rand(2, 3, *size, generator=generator())
    large = network.upscale(small)
    assert large.shape == (2, 3, factor * size[0], factor * size[1])
    assert 0 <= float(large.min()) <= float(large.max()) <= 1
    assert network.generator.training  # as it was
    assert torch.allclose(network.upscale(small[:1]), large[:1], atol=1e-5)


@pytest.mark.parametrize("factor", [2, 4])
def test_tiles_leave_no_seam(factor, monkeypatch):
    network = model(factor=factor, blocks=2)
    network(batch(), None, generator(), "generator")  # running statistics that are not 0 and 1
    small, done = torch.rand(1, 3, 50, 37, generator=generator()), []
    whole = network.upscale(small)
    monkeypatch.setattr(module, "TILE", 16)
    tiled = network.upscale(small, progress=lambda *steps: done.append(steps))
    assert torch.allclose(whole, tiled, atol=1e-5)
    assert done == [(k, 12) for k in range(1, 13)]


def test_it_starts_from_a_bicubic_enlargement():
    small = torch.rand(2, 3, 9, 7, generator=generator())
    assert torch.equal(model(random=False).upscale(small), enlarged(small, 2))
    network = model(bicubic=False)
    assert not torch.allclose(network.upscale(small), enlarged(small, 2), atol=0.05)


def test_what_it_learns_from_is_the_picture_made_smaller():
    network = model()
    features = batch()
    small = shrunk(features, 2)
    assert small.shape == (4, 3, 8, 10)
    drawn = network.drawn("", features, None, generator())
    assert torch.allclose(drawn, network.generator(small, None), atol=1e-6)
    flat = torch.full((1, 1, 8, 8), 0.25)
    assert torch.allclose(enlarged(shrunk(flat, 2), 2), flat, atol=1e-6)


# ---- content ----


def test_content_of_a_frame_by_hand():
    one, other = batch(2), batch(2).flip(0)
    bank = GaborBank.grid(scales=SCALES, orientations=ORIENTATIONS, wavelength=WAVELENGTH)
    frame = GaborFrame2d(bank, SPACE.shape[1:])
    described = []
    for images in (one, other):
        channels = frame.analyze(images).unflatten(1, (3, -1))  # (B, C, 2 K + 2, H, W)
        pairs = channels[:, :, :-2].unflatten(2, (-1, 2))
        described.append((pairs.square().sum(3).sqrt(), channels[:, :, -2:]))
    total = sum((a - b).square().sum((1, 2)).mean() for a, b in zip(*described, strict=True))
    found = ContentLoss("gabor", SPACE.shape)(one, other)
    assert float(found) == pytest.approx(float(total) / 3, rel=1e-3)


def test_a_chequer_is_no_content_for_nothing():
    rows, columns = torch.meshgrid(torch.arange(16), torch.arange(20), indexing="ij")
    chequer = (0.5 + 0.1 * (-1.0) ** (rows + columns)).expand(1, *SPACE.shape)
    flat = torch.full_like(chequer, 0.5)
    by_pixels = ContentLoss("pixels", SPACE.shape)(chequer, flat)
    assert float(ContentLoss("gabor", SPACE.shape)(chequer, flat)) >= 0.99 * float(by_pixels)


def test_it_starts_without_a_chequer():
    network = model(bicubic=False, factor=4)
    flat = torch.full((1, 3, 24, 24), 0.3)
    inside = network.upscale(flat)[..., 40:-40, 40:-40]
    assert float((inside - inside.mean((2, 3), keepdim=True)).abs().max()) < 1e-5


def test_content_of_scattering_by_the_library():
    one, other = batch(2), batch(2).flip(0)
    scattering = Scattering(OCTAVES, DIRECTIONS)
    a, b = (torch.from_numpy(scattering.transform(x.numpy())) for x in (one, other))
    wanted = (a - b).square().flatten(1, -3).sum(1).mean() / 3
    found = ContentLoss("scattering", SPACE.shape)(one, other)
    assert float(found) == pytest.approx(float(wanted), rel=1e-3)


def test_content_of_pixels_is_their_mean_square():
    one, other = batch(2), batch(2).flip(0)
    found = ContentLoss("pixels", SPACE.shape)(one, other)
    assert float(found) == pytest.approx(float((one - other).square().mean()), rel=1e-5)


@pytest.mark.parametrize("content", ["pixels", "gabor", "scattering"])
def test_content_has_a_slope_and_no_weights(content):
    loss = ContentLoss(content, SPACE.shape)
    images = batch(2).requires_grad_()
    loss(images, batch(2).flip(0)).backward()
    assert images.grad.isfinite().all()
    assert float(images.grad.abs().max()) > 0
    assert list(loss.parameters()) == [] == list(loss.state_dict())


# ---- losses ----


@pytest.mark.parametrize("loss", ["non-saturating", "hinge", "wgan-gp"])
@pytest.mark.parametrize("classes", [0, 3])
def test_each_part_learns_from_its_loss(loss, classes):
    network = model(loss=loss, classes=classes, packing=2)
    labels = torch.tensor([0, 2, 1, 0]) if classes else None
    for part, module_ in network.parts.items():
        network.zero_grad(set_to_none=True)
        network(batch(), labels, generator(), part).total.backward()
        assert all(weight.grad.isfinite().all() for weight in module_.parameters())
        others = [
            p for name, other in network.parts.items() if name != part for p in other.parameters()
        ]
        assert all(weight.grad is None for weight in others)


def test_the_loss_is_content_and_weighted_adversary():
    network = model(adversarial=0.25)
    total, figures = network(batch(), None, generator(), "generator")
    wanted = figures["content loss"] + 0.25 * figures["adversarial loss"]
    assert float(total.detach()) == pytest.approx(float(wanted))
    assert set(figures) == {"generator loss", "content loss", "adversarial loss"}


def test_without_an_adversary_it_is_srresnet():
    network = model(adversarial=0.0, content="pixels")
    assert {network.turn(step) for step in range(5)} == {"generator"}
    assert network.has_validation_loss
    total, figures = network(batch(), None, generator(), "generator")
    assert set(figures) == {"generator loss", "content loss"}
    drawn = network.drawn("", batch(), None, generator())
    assert float(total.detach()) == pytest.approx(
        float((drawn - batch()).square().mean().detach()), rel=1e-5
    )
    assert {model().turn(step) for step in range(2)} == {"generator", "discriminator"}
    assert not model().has_validation_loss


def test_classes_change_what_is_drawn():
    network = model(classes=3)
    small = torch.rand(2, 3, 8, 8, generator=generator())
    one, other = (network.upscale(small, torch.tensor([k, 1])) for k in (0, 2))
    assert not torch.allclose(one[0], other[0])
    assert torch.allclose(one[1], other[1], atol=1e-6)
    with pytest.raises(ModelError, match="say which of its 3 classes"):
        network.upscale(small)


def test_it_learns_to_beat_what_it_starts_from():
    digits = load_dataset("mini", limit=400, size=16)
    train, test = (
        Raw((1, 16, 16)).fit(s.images).encode(s.images) for s in (digits.train, digits.test)
    )
    network = model(
        Space(1, 16, 16, "unit"), random=False, width=8, adversarial=0.0, content="pixels"
    )
    adam = torch.optim.Adam(network.generator.parameters(), 4e-3)
    for step in range(50):
        chosen = torch.randint(len(train), (8,), generator=generator(step))
        adam.zero_grad()
        network(train[chosen], None, generator(step), "generator").total.backward()
        adam.step()
    small = shrunk(test[:100], 2)
    errors = [
        float((x - test[:100]).square().mean())
        for x in (network.upscale(small), enlarged(small, 2))
    ]
    assert 10 * math.log10(errors[1] / errors[0]) > 0.5  # decibels


# ---- beside the model ----


def test_a_frame_shows_pictures_to_the_discriminator_alone():
    gabor = Gabor((3, 16, 20), scales=1, orientations=2).fit(batch())
    network = model(gabor.space)
    for part in network.parts:
        assert network(batch(), None, generator(), part).total.isfinite()
    assert not any("frame" in name for name, _ in network.generator.named_modules())
    both = Gabor((3, 16, 20), scales=1, orientations=2, synthesis=True).fit(batch())
    with pytest.raises(ModelError, match="which no one frame draws; leave out synthesis"):
        model(both.space)


def test_an_image_model_upscales_pictures_of_bytes_and_floats(monkeypatch):
    image_model = ImageModel(model(), Raw((3, 16, 20)).fit(batch()))
    pictures = torch.randint(0, 256, (5, 3, 6, 7), dtype=torch.uint8, generator=generator())
    large = image_model.upscale(pictures)
    assert large.shape == (5, 3, 12, 14)
    assert torch.equal(image_model.upscale(pictures.numpy()), large)
    monkeypatch.setattr("gaborkit.generative.image_model.UPSCALED", 90)  # two at once
    assert torch.allclose(image_model.upscale(pictures / 255), large, atol=1e-5)
    for wrong, message in (
        (pictures / 100, "images hold floats from 0 to 2.5"),
        (pictures.int(), "images of dtype torch.int32 are neither"),
        (pictures[:, :1], r"shape \(2, 1, 6, 7\) do not fit this srgan of \(B, 3, h, w\)"),
        (pictures[:0], "no images to upscale"),
    ):
        with pytest.raises(ModelError, match=message):
            image_model.upscale(wrong)
    with pytest.raises(ModelError, match="draws nothing from noise: it upscales pictures"):
        image_model.sample(2)


def test_srgan_goes_on_from_the_weights_of_srresnet(tmp_path):
    data = load_dataset("mini", limit=20)
    fields = {"width": 4, "blocks": 1, "discriminator_width": 2, "dense": 4}
    training = {"steps": 2, "batch_size": 4, "learning_rate": 1e-9}
    first = Recipe(
        "srgan", config={**fields, "content": "pixels", "adversarial": 0.0}, training=training
    )
    one = start(first, tmp_path / "srresnet", dataset=data, device="cpu")
    second = Recipe("srgan", config=fields, training=training, init=str(tmp_path / "srresnet"))
    other = start(second, tmp_path / "srgan", dataset=data, device="cpu")
    assert (other.model.config.content, other.model.config.adversarial) == ("gabor", 1e-3)
    for name, weight in one.model.generator.named_parameters():
        assert torch.allclose(
            weight, dict(other.model.generator.named_parameters())[name], atol=1e-6
        )
    third = dataclasses.replace(second, config={**fields, "width": 5})
    with pytest.raises(TrainingError, match="its width is 4, and 5 is asked for"):
        start(third, tmp_path / "other", dataset=data, device="cpu")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"factor": 3}, "factor=3 is not 2 or 4"),
        ({"content": "vgg"}, "content='vgg' is unknown; choose pixels, gabor, scattering"),
        ({"width": 0}, "width=0 is no count"),
        ({"dense": -1}, "dense=-1 is no count"),
        ({"adversarial": -1.0}, r"adversarial=-1\.0 is no weight"),
        ({"adversarial": math.nan}, "adversarial=nan is no weight"),
        ({"adversarial": math.inf}, "adversarial=inf is no weight"),
    ],
)
def test_configurations_out_of_range(fields, message):
    with pytest.raises(ModelError, match=message):
        dataclasses.replace(TINY, **fields)


@pytest.mark.parametrize(("shape", "factor"), [((1, 28, 27), 2), ((1, 30, 28), 4), ((1, 6, 28), 2)])
def test_pictures_that_are_not_made_smaller(shape, factor):
    height, width = shape[1:]
    with pytest.raises(ModelError, match=f"pictures of {height} x {width} are not made {factor} "):
        model(Space(*shape, "unit"), factor=factor)
