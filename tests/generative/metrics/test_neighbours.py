"""Precision, recall, density, coverage, duplicates: which is which, and parity with loops."""

from __future__ import annotations

import pytest
import torch

from gaborkit.errors import ModelError
from gaborkit.generative import metrics
from gaborkit.generative.metrics import neighbours


def normal(count, seed=0, length=4):
    return torch.randn(count, length, generator=torch.Generator().manual_seed(seed)).double()


def by_loops(real, generated, k):
    """Precision, recall, density and coverage as the articles print them."""

    def radii(points):
        distances = torch.cdist(points, points).fill_diagonal_(torch.inf)
        return distances.sort(1).values[:, k - 1]

    def inside(point, centres, reach):
        return [
            bool((point - centre).norm() <= r) for centre, r in zip(centres, reach, strict=True)
        ]

    reach, other = radii(real), radii(generated)
    balls = torch.tensor([inside(point, real, reach) for point in generated]).double()  # (M, N)
    back = torch.tensor([inside(point, generated, other) for point in real]).double()
    return (
        balls.amax(1).mean(),
        back.amax(1).mean(),
        balls.sum() / (k * len(generated)),
        balls.amax(0).mean(),
    )


@pytest.mark.parametrize("k", [1, 3, 5])
def test_all_four_against_loops(k):
    real, generated = normal(40), 0.7 * normal(30, seed=1) + 0.4
    found = (
        *metrics.precision_recall(real=real, generated=generated, neighbours=k),
        *metrics.density_coverage(real=real, generated=generated, neighbours=k),
    )
    assert found == pytest.approx([float(x) for x in by_loops(real, generated, k)])


def test_a_collapsed_generator_has_high_precision_and_low_recall():
    real = normal(300)
    collapsed = 0.05 * normal(300, seed=1)  # in the middle of the real points, all alike
    found = metrics.precision_recall(real=real, generated=collapsed)
    assert found.precision > 0.95
    assert found.recall < 0.1
    crowd = metrics.density_coverage(real=real, generated=collapsed)
    assert crowd.density > 1
    assert crowd.coverage < 0.2


def test_a_scattered_generator_has_low_precision_and_high_recall():
    real = normal(300)
    scattered = 4 * normal(300, seed=1)
    found = metrics.precision_recall(real=real, generated=scattered)
    assert found.precision < 0.4
    assert found.recall > 0.9


def test_identical_samples_are_no_manifold():
    real = normal(50)
    found = metrics.precision_recall(real=real, generated=real[:1].repeat(50, 1))
    assert found.precision == 1
    assert found.recall <= 1 / 50


def test_exchanging_the_sets_exchanges_precision_and_recall():
    real, generated = normal(60), 2 * normal(60, seed=1)
    there = metrics.precision_recall(real=real, generated=generated)
    back = metrics.precision_recall(real=generated, generated=real)
    assert there == tuple(reversed(back))
    with pytest.raises(TypeError, match="0 positional arguments but 2 were given"):
        metrics.precision_recall(real, generated)  # by name only, so that nobody flips them


def test_points_far_apart():
    real, far = normal(30), normal(30) + 100
    assert metrics.precision_recall(real=real, generated=far) == (0, 0)
    assert metrics.density_coverage(real=real, generated=far) == (0, 0)


def test_memory_is_bounded_and_the_chunks_do_not_show(monkeypatch):
    real, generated = normal(50), normal(45, seed=1)
    images = normal(30, length=16).view(30, 1, 4, 4)
    whole = (
        metrics.precision_recall(real=real, generated=generated),
        metrics.density_coverage(real=real, generated=generated),
        metrics.nearest_distances(images),
    )
    monkeypatch.setattr(neighbours, "BUDGET", 150)
    largest = max(part.numel() for part in neighbours._distances(real, generated))
    assert largest <= 150
    assert whole[0] == metrics.precision_recall(real=real, generated=generated)
    assert whole[1] == metrics.density_coverage(real=real, generated=generated)
    assert torch.allclose(whole[2], metrics.nearest_distances(images), atol=1e-5)


def test_nearest_distances_of_uint8_and_float_images():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (20, 1, 6, 5), generator=generator, dtype=torch.uint8)
    others = torch.randint(0, 256, (9, 1, 6, 5), generator=generator, dtype=torch.uint8)
    differences = (images[:, None].double() - others.double()) / 255
    wanted = differences.square().mean((2, 3, 4)).sqrt().amin(1)
    assert torch.allclose(metrics.nearest_distances(images, others).double(), wanted, atol=1e-5)
    floats = metrics.nearest_distances(images / 255, others / 255)
    assert torch.allclose(floats.double(), wanted, atol=1e-5)
    assert metrics.nearest_distances(images, images).max() < 1e-3


def test_duplicates_share():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(20, 1, 8, 8, generator=generator)
    assert metrics.duplicates_share(images) == 0
    images[5] = images[9] + 0.01
    assert metrics.duplicates_share(images) == pytest.approx(2 / 20)
    assert metrics.duplicates_share(images, threshold=0.005) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.precision_recall(real=normal(9), generated=normal(9), neighbours=0),
            "neighbours=0 is no count",
        ),
        (lambda: metrics.precision_recall(real=normal(9), generated=normal(3)), "N of 4 or more"),
        (
            lambda: metrics.density_coverage(real=normal(9), generated=normal(9, length=3)),
            "lengths 4 and 3",
        ),
        (
            lambda: metrics.nearest_distances(torch.zeros(3, 1, 4, 4), torch.zeros(3, 1, 4, 5)),
            r"\(1, 4, 4\) and \(1, 4, 5\) do not compare",
        ),
        (lambda: metrics.nearest_distances(torch.zeros(1, 1, 4, 4)), "no other image"),
        (
            lambda: metrics.nearest_distances(torch.zeros(1, 1, 4, 4), torch.zeros(0, 1, 4, 4)),
            "no other image",
        ),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(ModelError, match=message):
        call()
