"""Scattering as features of sets: what Fréchet distance, precision and recall say of known ones."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter

from gaborkit.errors import ModelError
from gaborkit.generative import load_dataset, metrics
from gaborkit.generative.metrics import embedding
from gaborkit.generative.metrics.sets import left_out

#: Images on each side, more than features.
COUNT = 240


@pytest.fixture(scope="module")
def digits():
    """Two sets of training digits, floats."""
    train = load_dataset("mini").train
    images = train.images[: 2 * COUNT] / 255
    return images[:COUNT], images[COUNT:]


def figures(real, generated):
    both = map(metrics.scattering_embedding, (real, generated))
    found = metrics.set_figures(**dict(zip(("real", "generated"), both, strict=True)), by="")
    return {figure.name: figure.value for figure in found}


def coloured(images, seed=0):
    """The same shapes, each in a colour of its own."""
    shade = torch.rand(len(images), 3, 1, 1, generator=torch.Generator().manual_seed(seed))
    return images * shade


def blurred(images, deviation):
    return torch.from_numpy(gaussian_filter(images.numpy(), (0, 0, deviation, deviation)))


def noisy(images, deviation):
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(3))
    return (images + deviation * noise).clamp(0, 1)


def test_the_length_goes_by_the_shape():
    lengths = {
        shape: metrics.scattering_embedding(torch.zeros(1, *shape)).shape[1]
        for shape in [(1, 28, 28), (3, 32, 32), (1, 45, 23), (1, 64, 64), (3, 4, 4), (1, 5, 9)]
    }
    assert lengths == {
        (1, 28, 28): 100,
        (3, 32, 32): 132,
        (1, 45, 23): 100,
        (1, 64, 64): 164,
        (3, 4, 4): 36,
        (1, 5, 9): 20,
    }


def test_bytes_are_floats_and_chunks_do_not_show(monkeypatch):
    images = torch.randint(0, 256, (7, 3, 16, 16), dtype=torch.uint8)
    whole = metrics.scattering_embedding(images)
    assert torch.equal(metrics.scattering_embedding(images / 255), whole)
    monkeypatch.setattr(embedding, "CHUNK", 2 * 3 * 16 * 16)
    assert torch.equal(metrics.scattering_embedding(images), whole)


def test_grey_in_three_channels_has_no_colour():
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    grey = metrics.scattering_embedding(images)
    triple = metrics.scattering_embedding(images.expand(3, 3, 28, 28))
    assert torch.allclose(triple[:, :100], grey, atol=1e-5)
    assert triple[:, 100:].abs().max() < 1e-4


@pytest.mark.parametrize("paint", [lambda images: images, coloured])
def test_halves_of_real_images_are_alike(digits, paint):
    one, two = paint(digits[0]), paint(digits[1])
    alike = figures(one, two)
    scale = float(metrics.scattering_embedding(one).var(0).sum())
    assert alike["Fréchet distance"] < 0.05 * scale
    assert alike["Precision"] > 0.7
    assert alike["Recall"] > 0.7
    assert figures(one, one)["Fréchet distance"] == pytest.approx(0, abs=1e-9)


def test_the_distance_is_symmetric_and_repeats_to_the_bit(digits):
    one, two = digits[0], noisy(digits[1], 0.1)
    there, back = figures(one, two)["Fréchet distance"], figures(two, one)["Fréchet distance"]
    assert there == pytest.approx(back, rel=1e-9)
    assert figures(one, two)["Fréchet distance"] == there
    order = torch.randperm(len(two), generator=torch.Generator().manual_seed(0))
    assert figures(one, two[order])["Fréchet distance"] == pytest.approx(there, rel=1e-9)


@pytest.mark.parametrize(
    ("worse", "strengths", "paint"),
    [
        (blurred, (0.0, 0.5, 0.8, 1.2, 2.0), lambda images: images),
        (noisy, (0.0, 0.02, 0.05, 0.1, 0.2), lambda images: images),
        (blurred, (0.0, 0.6, 1.2), coloured),
        (noisy, (0.0, 0.05, 0.2), coloured),
    ],
)
def test_the_distance_grows_with_blur_and_noise(digits, worse, strengths, paint):
    found = [figures(paint(digits[0]), worse(paint(digits[1]), s)) for s in strengths]
    distances = [each["Fréchet distance"] for each in found]
    assert distances == sorted(distances)
    assert distances[-1] > 5 * distances[0]
    assert found[-1]["Recall"] < 0.5 * found[0]["Recall"]


def test_the_distance_grows_and_recall_falls_as_classes_are_missing():
    train = load_dataset("mini").train
    real = train.images[:COUNT] / 255
    later, labels = train.images[COUNT:], train.labels[COUNT:]
    found = [figures(real, later[labels < classes][:COUNT] / 255) for classes in (10, 6, 3, 1)]
    distances = [each["Fréchet distance"] for each in found]
    recalls = [each["Recall"] for each in found]
    assert distances == sorted(distances)
    assert recalls == sorted(recalls, reverse=True)
    assert recalls[-1] < 0.6 * recalls[0]
    assert min(each["Precision"] for each in found) > 0.7


def test_recall_falls_with_duplicates(digits):
    real, other = digits
    found = [figures(real, other[torch.arange(COUNT) % count]) for count in (240, 120, 30, 8)]
    recalls = [each["Recall"] for each in found]
    assert recalls == sorted(recalls, reverse=True)
    assert recalls[0] > 0.7
    assert recalls[2] == 0  # eight of each: the nearest neighbours is the same picture
    assert found[-1]["Fréchet distance"] > 2 * found[0]["Fréchet distance"]


def test_another_colour_is_seen(digits):
    real = coloured(digits[0])
    turned = coloured(digits[1])[:, [1, 2, 0]] * torch.tensor([1.0, 0.3, 0.1])[:, None, None]
    alike = figures(real, coloured(digits[1], seed=1))["Fréchet distance"]
    assert figures(real, turned)["Fréchet distance"] > 10 * alike


@pytest.mark.parametrize("shape", [(28, 28), (2, 2, 28, 28), (2, 1, 3, 28), (2, 1, 28, 3)])
def test_what_is_no_picture(shape):
    with pytest.raises(ModelError, match=r"have no scattering features; \(N, 1 or 3, h, w\)"):
        metrics.scattering_embedding(torch.zeros(shape))


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite(value):
    images = torch.zeros(2, 1, 8, 8)
    images[1, 0, 3, 3] = value
    with pytest.raises(ModelError, match="images hold NaN or infinity"):
        metrics.scattering_embedding(images)


def test_what_is_left_out_of_few():
    texts = [left_out(count) for count in (0, 1, 2, 4, 6)]
    assert [text and text.split(" need ")[0] for text in texts] == [
        "Fréchet distance, precision and recall, density and coverage",
        "Fréchet distance, precision and recall, density and coverage",
        "Precision and recall, density and coverage",
        "Density and coverage",
        None,
    ]
