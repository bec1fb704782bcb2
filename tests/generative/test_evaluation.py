"""The evaluation of a whole model: which figures there are, and what they say of known samples."""

from __future__ import annotations

import dataclasses
import json
import math
from types import SimpleNamespace

import pytest
import torch

from gaborkit.errors import ModelError, RepresentationError
from gaborkit.generative import evaluation, load_dataset, metrics
from gaborkit.generative.data import Dataset, Split
from gaborkit.generative.evaluation import evaluate
from gaborkit.generative.image_model import ImageModel
from gaborkit.generative.metrics import classes
from gaborkit.generative.models.gan import GAN
from gaborkit.generative.models.pixelcnn import PixelCNN, PixelCNNConfig
from gaborkit.generative.models.vae import VAE, VAEConfig
from gaborkit.generative.representation import Coefficients, Raw

DIGITS_ONLY = {
    "Fréchet distance",
    "Inception Score",
    "Inception Score, second",
    "Precision",
    "Recall",
    "Density",
    "Coverage",
    "Classes found",
    "Class divergence",
}
ALWAYS = {
    "Round-trip PSNR",
    "Duplicates",
    "Copies of training images",
    "Distance to training images",
    "Fréchet distance, scattering",
    "Precision, scattering",
    "Recall, scattering",
    "Density, scattering",
    "Coverage, scattering",
}


@pytest.fixture(scope="module")
def whole():
    return load_dataset("mini")


@pytest.fixture(scope="module")
def digits(whole):
    some = torch.arange(200)
    train, test = whole.train.take(torch.arange(600)), whole.test.take(some)
    return Dataset("mini", train, test, test, whole.class_names)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few steps for the classifier that is trained on samples."""
    monkeypatch.setattr(evaluation, "STEPS", 10)


def names(evaluation):
    return {figure.name for figure in evaluation.figures}


def drawing(model, representation, draw):
    """An image model whose samples are known."""
    return SimpleNamespace(
        model=model,
        representation=representation,
        sample=lambda count, classes=None, conditions=None, seed=0, progress=None: draw(
            count, classes
        ),
    )


def vae(digits, classes=0):
    raw = Raw((1, 28, 28), binarize="dynamic").fit(digits.train.images)
    return VAE(VAEConfig(hidden=(8,), latent=2), raw.space, classes), raw


def test_a_vae_has_bounds_and_all_figures_of_digits(digits):
    found = evaluate(ImageModel(*vae(digits)), digits, samples=40, importance_samples=5, repeats=2)
    bounds = {"NLL, ELBO bound", "NLL, IWAE-5 bound", "NLL, IWAE-5 bound, bits"}
    others = {"Accuracy, trained on samples", "Reconstruction, squared error"}
    assert names(found) == ALWAYS | DIGITS_ONLY | bounds | others
    assert all(figure.protocol for figure in found.figures)
    assert found["NLL, ELBO bound"].domain == (
        "dynamically binarized pixels of 200 images of mini test"
    )
    assert "classes found by the classifier" in found["Accuracy, trained on samples"].protocol
    assert found.model == "vae, raw features"
    json.dumps(found.to_dict(), allow_nan=False)


def test_unseen_digits_as_samples_are_good_and_no_copies(digits, whole, monkeypatch):
    monkeypatch.setattr(evaluation, "STEPS", 80)
    unseen = whole.test.images[300:600] / 255
    model = drawing(*vae(digits), lambda count, _: unseen[:count])
    found = evaluate(model, digits, samples=300, importance_samples=1, repeats=1, test_images=5)
    for name, least in (("Precision", 0.6), ("Recall", 0.6), ("Coverage", 0.8), ("Density", 0.6)):
        assert found[name].value > least
    assert found["Fréchet distance"].value < 0.5
    assert found["Inception Score"].value > 8
    assert found["Classes found"].value == 10
    assert found["Class divergence"].value < 0.1
    assert found["Copies of training images"].value < 2
    assert found["Distance to training images"].value == pytest.approx(1, abs=0.1)
    assert found["Accuracy, trained on samples"].value > 70


def test_training_images_as_samples_are_copies(digits):
    images = digits.train.images[:50] / 255
    model = drawing(*vae(digits), lambda count, _: images[:count])
    found = evaluate(model, digits, samples=50, importance_samples=1, repeats=1, test_images=5)
    assert found["Copies of training images"].value == 100
    assert found["Distance to training images"].value < 0.01


def test_a_collapsed_generator(digits):
    ones = digits.test.images[digits.test.labels == 1][:1] / 255
    model = drawing(*vae(digits), lambda count, _: ones.expand(count, 1, 28, 28))
    found = evaluate(model, digits, samples=60, importance_samples=1, repeats=1, test_images=5)
    # All lie in one place, among the real digits.
    assert found["Precision"].value == 1
    assert found["Recall"].value < 0.1
    assert found["Duplicates"].value == 100
    assert str(found["Classes found"]) == "1 of 10"
    assert found["Class divergence"].value == pytest.approx(math.log(10), rel=0.05)


def test_a_conditional_model_is_asked_for_the_classes_of_the_data(digits):
    asked = []

    def draw(count, classes):
        asked.extend(classes)
        pool = digits.train
        chosen = [int((pool.labels == digit).nonzero()[k % 9]) for k, digit in enumerate(classes)]
        return pool.images[chosen] / 255

    found = evaluate(
        drawing(*vae(digits, classes=10), draw),
        digits,
        samples=100,
        importance_samples=1,
        repeats=1,
        test_images=5,
    )
    assert len(asked) == 100
    assert set(asked) <= set(range(10))
    assert found["Asked class found"].value > 95
    assert "classes asked for" in found["Accuracy, trained on samples"].protocol
    assert found.model == "conditional vae, raw features"


def test_a_pixelcnn_of_gabor_coefficients(digits):
    gabor = Coefficients((1, 28, 28), "levels", 8, scales=1, orientations=2).fit(
        digits.train.images
    )
    config = PixelCNNConfig(channels=4, layers=1, first_size=3, size=3, hidden=2, levels=8)
    model = drawing(
        PixelCNN(config, gabor.space), gabor, lambda count, _: digits.train.images[:count] / 255
    )
    found = evaluate(model, digits, samples=20, test_images=6)
    exact, bits = found["NLL, exact"], found["NLL, exact, bits"]
    assert exact.domain.startswith("Gabor coefficients (")
    assert exact.domain.endswith("quantised to 8 levels of 6 images of mini test, seed 0")
    assert bits.value == pytest.approx(exact.value / (gabor.space.size * math.log(2)))
    assert any("says nothing of pixels" in note for note in found.notes)


def test_guidance_of_the_samples_is_named(digits):
    raw = Raw((1, 28, 28), "levels", 8).fit(digits.train.images)
    small = PixelCNNConfig(channels=4, layers=1, first_size=3, size=3, levels=8, class_dropout=0.1)
    for guidance, notes in ((1.0, []), (1.5, ["Samples are drawn with guidance 1.5"])):
        network = PixelCNN(dataclasses.replace(small, guidance=guidance), raw.space, 10)
        model = drawing(network, raw, lambda count, _: digits.train.images[:count] / 255)
        found = evaluate(model, digits, samples=20, test_images=6)
        assert [note.split(":")[0] for note in found.notes if "drawn with" in note] == notes
    options = {"guidance": 3.0, "temperature": 0.5}
    model.sample = lambda count, classes, conditions, seed, progress, **given: (
        given == options and digits.train.images[:count] / 255
    )
    found = evaluate(model, digits, samples=20, test_images=6, **options)
    assert any("drawn with guidance 3 and temperature 0.5:" in note for note in found.notes)
    with pytest.raises(
        ModelError, match=r"guidance=3.0: vae has none; it is for autoregressive models"
    ):
        evaluate(
            SimpleNamespace(**dict(zip(("model", "representation"), vae(digits), strict=True))),
            digits,
            guidance=3.0,
        )


def test_a_gan_has_no_likelihood(digits):
    raw = Raw((1, 28, 28), "symmetric").fit(digits.train.images)
    found = evaluate(ImageModel(GAN(GAN.Config(), raw.space), raw), digits, samples=20)
    assert not any(figure.domain for figure in found.figures)
    assert "a model of kind gan has no likelihood" in found.notes


def test_black_and_white_samples_are_named(digits):
    model = drawing(*vae(digits), lambda count, _: (digits.train.images[:count] > 127).float())
    found = evaluate(model, digits, samples=20, importance_samples=1, repeats=1, test_images=5)
    assert any(note.startswith("Samples are black and white") for note in found.notes)


def folder(labels=False):
    generator = torch.Generator().manual_seed(0)

    def part(count):
        images = torch.randint(0, 256, (count, 3, 12, 12), generator=generator, dtype=torch.uint8)
        return Split(images, torch.arange(count) % 2 if labels else None)

    return Dataset("pictures/", part(40), part(5), part(20), ("cat", "dog") if labels else ())


def evaluated_folder(data, samples=12):
    raw = Raw(data.image_shape, binarize="dynamic").fit(data.train.images)
    model = VAE(VAEConfig(hidden=(8,), latent=2), raw.space)
    return evaluate(ImageModel(model, raw), data, samples=samples, importance_samples=2, repeats=1)


def test_other_images_than_digits_go_without_the_classifier():
    found = evaluated_folder(folder())
    assert names(found) >= ALWAYS
    assert not names(found) & (DIGITS_ONLY | {"Accuracy, trained on samples"})
    by = "12 samples, 12 test images, 76 Gabor scattering features of luminance and chroma"
    assert found["Fréchet distance, scattering"].protocol == by
    assert found["Recall, scattering"].protocol == f"{by}, k = 3"
    usual, few = found.notes
    assert usual.startswith("As many training images in place of samples: Fréchet distance, sca")
    assert few.startswith("Fréchet distance, scattering: 12 images a side for 76 features make")


def test_both_sides_are_of_the_size_of_the_smaller_one():
    found = evaluated_folder(folder(), samples=30)
    assert "20 samples, 20 test images" in found["Fréchet distance, scattering"].protocol


@pytest.mark.parametrize(
    ("count", "having", "message"),
    [
        (1, set(), "Fréchet distance, precision and recall, density and coverage"),
        (2, {"Fréchet distance"}, "Precision and recall, density and coverage"),
        (4, {"Fréchet distance", "Precision", "Recall"}, "Density and coverage"),
        (6, {"Fréchet distance", "Precision", "Recall", "Density", "Coverage"}, None),
    ],
)
def test_fewer_test_images_than_neighbours(count, having, message):
    data = folder()
    data = Dataset(data.name, data.train, data.validation, data.test.take(torch.arange(count)), ())
    found = evaluated_folder(data)
    suffix = ", scattering"
    assert {name for name in names(found) if name.endswith(suffix)} == {
        name + suffix for name in having
    }
    there = "is 1" if count == 1 else f"are {count}"
    left = [note for note in found.notes if note.endswith("left out")]
    wanted = f"{message} need 6 test images or more, and there {there}: left out"
    assert left == ([wanted] if message else [])


def test_pictures_too_small_for_scattering():
    images = torch.arange(40, dtype=torch.uint8)[:, None, None, None].expand(40, 1, 3, 5)
    split = Split(images.contiguous(), None)
    found = evaluated_folder(Dataset("tiny", split, split, split, ()))
    assert "Figures by scattering need 4 pixels a side or more: left out" in found.notes
    assert not any("scattering" in name for name in names(found))


def test_scores_that_disagree_are_named(digits, monkeypatch):
    """A second classifier that has learnt nothing is unsure of everything."""
    monkeypatch.setattr(evaluation, "STEPS", 1)
    model = drawing(*vae(digits), lambda count, _: digits.train.images[:count] / 255)
    options = {"samples": 30, "importance_samples": 1, "repeats": 1, "test_images": 5}
    found = evaluate(model, digits, **options)
    assert found["Inception Score, second"].value < 1.5 < found["Inception Score"].value
    (note,) = (note for note in found.notes if note.startswith("Inception Score: "))
    assert note.endswith("compares with nothing published")


def test_scores_that_agree_are_not(digits, monkeypatch):
    monkeypatch.setattr(classes, "class_probabilities", lambda network, images: same[0])
    model = drawing(*vae(digits), lambda count, _: digits.train.images[:count] / 255)
    same = [metrics.judge(digits.train.images[:30], metrics.digit_classifier()).probabilities]
    options = {"samples": 30, "importance_samples": 1, "repeats": 1, "test_images": 5}
    found = evaluate(model, digits, **options)
    assert found["Inception Score, second"].value == found["Inception Score"].value
    assert not any(note.startswith("Inception Score: ") for note in found.notes)


def test_labelled_pictures_still_teach_a_classifier():
    data = folder(labels=True)
    raw = Raw((3, 12, 12), binarize="dynamic").fit(data.train.images)
    model = VAE(VAEConfig(hidden=(8,), latent=2), raw.space, 2)
    found = evaluate(ImageModel(model, raw), data, samples=12, importance_samples=2, repeats=1)
    assert "Accuracy, trained on samples" in names(found)


def test_the_seed_decides(digits):
    model = ImageModel(*vae(digits))
    options = {"samples": 12, "importance_samples": 2, "repeats": 1, "test_images": 20}
    assert evaluate(model, digits, **options) == evaluate(model, digits, **options)
    other = evaluate(model, digits, **options, seed=1)
    assert other["NLL, ELBO bound"].value != evaluate(model, digits, **options).figures[1].value


def test_progress_reaches_its_end_and_never_turns_back(digits):
    calls = []
    evaluate(
        ImageModel(*vae(digits)),
        digits,
        samples=30,
        importance_samples=1,
        repeats=2,
        test_images=20,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert {total for _, total in calls} == {70}
    done = [done for done, _ in calls]
    assert done == sorted(done)
    assert done[-1] == 70


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 9}, "samples=9 are too few to measure; give 10 or more"),
        ({"test_images": 0}, "test_images=0 is no count"),
        ({"importance_samples": 0}, "give 1 or more of each"),
    ],
)
def test_counts_out_of_range(digits, options, message):
    with pytest.raises(ModelError, match=message):
        evaluate(ImageModel(*vae(digits)), digits, **options)


def test_a_conditional_model_on_data_without_labels(digits):
    bare = Split(digits.train.images, None)
    data = Dataset("digits/", bare, bare, bare, ())
    with pytest.raises(ModelError, match="digits/ has no labels; evaluate it on data with labels"):
        evaluate(ImageModel(*vae(digits, classes=10)), data)


def test_images_of_another_size(digits):
    with pytest.raises(RepresentationError, match="do not fit this representation"):
        evaluate(ImageModel(*vae(digits)), folder())


def test_what_is_not_finite_is_a_note(digits):
    zeros = digits.train.take((digits.train.labels == 0).nonzero()[:, 0])
    data = Dataset("mini", zeros, digits.validation, digits.test, digits.class_names)
    model = drawing(*vae(digits), lambda count, _: digits.train.images[:count] / 255)
    found = evaluate(model, data, samples=30, importance_samples=1, repeats=1, test_images=5)
    assert "Class divergence" not in names(found)
    assert "Class divergence is inf" in found.notes
