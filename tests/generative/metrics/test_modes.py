"""Class counts, the watch on mode collapse, and training on samples."""

from __future__ import annotations

import math

import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from gaborkit.errors import ModelError
from gaborkit.generative import load_dataset, metrics


@pytest.fixture(scope="module")
def digits():
    return load_dataset("mini")


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=2, max_size=12))
def test_divergence_is_scipys(pairs):
    samples, data = torch.tensor(pairs).T
    if samples.sum() == 0:
        samples = samples + 1
    found = metrics.histogram_divergence(samples, data)
    wanted = scipy.stats.entropy(samples.double().numpy(), data.double().numpy())
    assert found == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("held", [1, 3, 10])
def test_divergence_of_missing_classes(held):
    samples = torch.zeros(10)
    samples[:held] = 7
    found = metrics.histogram_divergence(samples, torch.full((10,), 100))
    assert found == pytest.approx(math.log(10 / held))


def test_a_class_that_the_data_lack():
    assert metrics.histogram_divergence(torch.tensor([1, 1]), torch.tensor([1, 0])) == math.inf


def test_modes():
    histogram = metrics.class_histogram(torch.tensor([0, 0, 0, 2, 2, 9]))
    assert histogram.tolist() == [3, 0, 2, 0, 0, 0, 0, 0, 0, 1]
    assert [metrics.count_modes(histogram, least) for least in (1, 2, 3, 4)] == [3, 2, 1, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.class_histogram(torch.tensor([0, 10])), "classes from 0 to 10 are not"),
        (lambda: metrics.class_histogram(torch.tensor([-1, 1])), "classes from -1 to 1 are not"),
        (
            lambda: metrics.histogram_divergence(torch.ones(2), torch.ones(3)),
            "do not compare: they need one length",
        ),
        (lambda: metrics.histogram_divergence(torch.zeros(2), torch.ones(2)), "counts above 0"),
        (lambda: metrics.CollapseWatch(divergence=-1.0), "divergence=-1.0 is no threshold"),
        (lambda: metrics.CollapseWatch(duplicates=math.nan), "duplicates=nan is no threshold"),
        (lambda: metrics.CollapseWatch(torch.tensor([12])), "are not all in 0 to 9"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(ModelError, match=message):
        call()


# ---- the watch ----


def test_the_watch_is_silent_on_real_digits(digits):
    watch = metrics.CollapseWatch(digits.train.labels)
    found = watch(digits.test.images[:256] / 255)
    assert found.message is None
    assert found.divergence < 0.1
    assert sum(found.histogram) == 256


def test_the_watch_names_the_class(digits):
    ones = digits.train.images[digits.train.labels == 1][:70]
    images = torch.cat([ones, digits.test.images[:30]]) / 255
    found = metrics.CollapseWatch(digits.train.labels)(images)
    assert found.message in {f"mode collapse: {n}% of 100 samples are 1" for n in range(70, 78)}
    assert found.divergence > 0.5


def test_the_watch_names_several_classes(digits):
    """The article's own collapse, onto 7, 9 and 1."""
    labels = digits.train.labels
    parts = [
        digits.train.images[labels == digit][:count] for digit, count in ((7, 40), (9, 35), (1, 25))
    ]
    found = metrics.CollapseWatch(labels)(torch.cat(parts) / 255)
    assert found.message.startswith("mode collapse: ")
    assert found.message.endswith("% of 100 samples are 7 or 9")


def test_the_watch_hears_the_threshold(digits):
    images = digits.test.images[digits.test.labels < 5][:100] / 255  # ln 2 = 0.69 nats
    labels = digits.train.labels
    assert metrics.CollapseWatch(labels)(images).message is not None
    assert metrics.CollapseWatch(labels, divergence=0.9)(images).message is None


def test_the_watch_goes_by_duplicates_where_there_are_no_digits():
    watch = metrics.CollapseWatch()
    images = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert watch(images) == metrics.Collapse((), None, 0.0, None)
    images[:5] = images[5]
    found = watch(images)
    assert found.duplicates == pytest.approx(0.3)
    assert found.message == "mode collapse: 30% of 20 samples are near-identical to another"


def test_the_watch_leaves_the_random_state_and_the_images_alone(digits):
    images = digits.test.images[:32] / 255
    before, state = images.clone(), torch.get_rng_state()
    metrics.CollapseWatch(digits.train.labels)(images)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


# ---- train on samples, test on real images ----


def test_real_images_teach_and_noise_does_not(digits):
    test = digits.test.take(torch.arange(0, 1000, 4))
    train = digits.train.take(torch.arange(1000))
    real = metrics.train_on_synthetic(
        train.images, train.labels, test.images, test.labels, steps=60
    )
    assert real > 0.6
    noise = torch.rand(500, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    found = metrics.train_on_synthetic(
        noise, train.labels[:500], test.images, test.labels, steps=20
    )
    assert found < 0.3


def test_it_is_seeded_and_leaves_the_random_state_alone(digits):
    train, test = digits.train.take(torch.arange(200)), digits.test.take(torch.arange(100))
    arguments = (train.images, train.labels, test.images, test.labels)
    state = torch.get_rng_state()
    values = [metrics.train_on_synthetic(*arguments, steps=15, seed=seed) for seed in (0, 0, 1)]
    assert values[0] == values[1]
    assert values[0] != values[2]
    assert torch.equal(torch.get_rng_state(), state)


def test_images_and_labels_must_fit():
    images, labels = torch.zeros(4, 1, 8, 8), torch.zeros(4, dtype=torch.int64)
    with pytest.raises(ModelError, match="3 labels for 4 images"):
        metrics.train_on_synthetic(images, labels[:3], images, labels)
    with pytest.raises(ModelError, match="0 labels for 0 images"):
        metrics.train_on_synthetic(images, labels, images[:0], labels[:0])
    with pytest.raises(ModelError, match=r"\(1, 8, 8\) and real images of \(1, 8, 7\)"):
        metrics.train_on_synthetic(images, labels, images[..., :7], labels)
