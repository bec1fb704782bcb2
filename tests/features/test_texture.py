"""Manjunath and Ma's texture features, and their distance."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.features import Features, Texture, texture_distances

rng = np.random.default_rng(0)
BANK = gk.GaborBank.grid(2, 3)


def test_the_default_is_the_articles_48_values():
    features = Texture().describe(rng.integers(0, 256, (60, 70), np.uint8))
    assert features.shape == (48,)
    assert features.names[:2] == ("mean 2.5 px, 0°", "deviation 2.5 px, 0°")
    assert features.values.dtype == np.float32


def test_values_equal_those_of_the_responses():
    image = rng.random((2, 40, 50))
    features = Texture(BANK, boundary="wrap").describe(image)
    magnitude = BANK.filter(image, part="magnitude", boundary="wrap")
    for k, label in enumerate(BANK.labels):
        np.testing.assert_allclose(features[f"mean {label}"], magnitude[:, k].mean((1, 2)))
        np.testing.assert_allclose(features[f"deviation {label}"], magnitude[:, k].std((1, 2)))


def test_kernels_of_one_label_get_names_apart():
    kernels = [gk.GaborKernel(wavelength=8, sigma=sigma) for sigma in (3, 5)]
    features = Texture(gk.GaborBank(kernels)).describe(rng.random((20, 20)))
    assert features.names[::2] == ("mean 0: 8 px, 0°", "mean 1: 8 px, 0°")


def test_textures_are_told_apart():
    """Crops of one texture lie nearer to each other than to any of the others."""
    crops = np.stack(
        [
            gk.read_image(f"sample:{name}")[corner : corner + 128, corner : corner + 128]
            for name in ("brick", "grass", "gravel")
            for corner in (0, 200, 380)
        ]
    )
    values = Texture().values(crops.astype(np.float32))
    distances = texture_distances(values, values)
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(1) // 3 == np.repeat(range(3), 3)).all()


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_a_constant_picture_has_a_gradient(value):
    image = torch.full((20, 20), value, requires_grad=True)
    Texture(BANK).values(image).sum().backward()
    assert torch.isfinite(image.grad).all()


def test_distances_by_the_articles_formula():
    pictures, database = rng.random((2, 4, 6)), rng.random((5, 6))
    found = texture_distances(pictures, database)
    alpha = database.std(0)
    for i, j, m in np.ndindex(2, 4, 5):
        expected = sum(abs(pictures[i, j] - database[m]) / alpha)
        np.testing.assert_allclose(found[i, j, m], expected)
    np.testing.assert_allclose(
        texture_distances(pictures, database, np.ones(6))[0, 0, 0],
        abs(pictures[0, 0] - database[0]).sum(),
    )
    named = Features(database, "abcdef")
    np.testing.assert_array_equal(texture_distances(pictures, named), found)


def test_a_feature_that_is_always_the_same_is_left_out():
    database = np.array([[1.0, 5.0], [2.0, 5.0]])
    found = texture_distances(np.array([1.0, 900.0]), database)
    np.testing.assert_allclose(found, [0, 2])


def test_distances_of_tensors():
    pictures, database = rng.random((4, 6)), rng.random((5, 6))
    one, other = (torch.tensor(x, requires_grad=True) for x in (pictures, database))
    found = texture_distances(one, other)
    np.testing.assert_allclose(found.detach(), texture_distances(pictures, database))
    assert torch.autograd.gradcheck(texture_distances, (one, other))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((4, 6), (5, 7)), r"features of shapes \(4, 6\) and \(5, 7\) cannot be compared"),
        (((4, 6), (6,)), r"give \(..., F\) and \(M, F\)"),
        (((4, 6), (1, 6)), "a data base of 1 pictures has no deviation"),
        (((4, 6), (5, 6), (5,)), r"a deviation of shape \(5,\) does not fit 6 features"),
    ],
)
def test_what_cannot_be_compared(shapes, message):
    with pytest.raises(gk.FeatureError, match=message):
        texture_distances(*map(np.ones, shapes))
