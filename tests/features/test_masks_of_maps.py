"""Maps of a part of a picture: what lies outside a mask has no part in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from orientation_for_tests import angular_error, grating

import gaborkit as gk
from gaborkit.features import local_features, local_orientation, phase_congruency, phase_symmetry
from gaborkit.vision import find_edges
from gaborkit.vision.texture_maps import texture_maps

rng = np.random.default_rng(0)
BANK = gk.GaborBank.grid(2, 4, norm="gain")
MAPS = {
    "orientation": lambda image, **options: local_orientation(image, BANK, **options),
    "orientation by energy": lambda image, **options: local_orientation(
        image, BANK, method="energy", **options
    ),
    "congruency": lambda image, **options: phase_congruency(image, BANK, **options),
    "edges": lambda image, **options: find_edges(image, BANK, **options),
    "edges by congruency": lambda image, **options: find_edges(
        image, BANK, measure="congruency", **options
    ),
    "local features": lambda image, **options: [local_features(image, BANK, **options).values],
    "texture maps": lambda image, **options: [
        texture_maps(image, bank=BANK, least=3, **options).values
    ],
    "tanh maps": lambda image, **options: [
        texture_maps(image, bank=BANK, window=0, least=0, nonlinearity="tanh", **options).values
    ],
    "symmetry": lambda image, outside="nearest", **options: phase_symmetry(image, **options),
}
CALLS = [
    (name, outside)
    for name in MAPS
    for outside in ("nearest", "normalized")
    if (name, outside) != ("symmetry", "normalized")
]


def disc(shape=(50, 60)):
    y, x = np.indices(shape)
    return np.hypot(y - 22, x - 33) < 18


def planes_of(maps, shape):
    return [values for values in maps if np.shape(values)[-2:] == shape]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "outside"), CALLS)
def test_what_lies_outside_never_leaks(name, outside, dtype):
    mask = disc()
    image = rng.random(mask.shape).astype(dtype)
    expected = MAPS[name](image, mask=mask, outside=outside)
    assert any(np.abs(values[..., mask]).max() > 0 for values in planes_of(expected, mask.shape))
    for value in (1e30, np.nan, np.inf):
        spoiled = np.where(mask, image, dtype(value))
        found = MAPS[name](spoiled, mask=mask, outside=outside)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    for values in planes_of(expected, mask.shape):
        assert not values[..., ~mask].any()
        assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("name", "outside"),
    # The noise level of congruency is that of the whole picture, its border too, and what windows
    # of texture maps and the deviation for their tanh see.
    [
        (name, outside)
        for name, outside in CALLS
        if outside == "nearest" or not ("cong" in name or "maps" in name)
    ],
)
def test_a_whole_mask_changes_nothing_but_the_border(name, outside):
    # Of another picture a magnitude may lie between the floors of both, shares of the largest one.
    image = np.random.default_rng(3).random((60, 70))
    inner = (..., slice(25, -25), slice(25, -25))
    whole, masked = MAPS[name](image), MAPS[name](image, mask=np.ones(image.shape), outside=outside)
    for one, other in zip(
        planes_of(whole, image.shape), planes_of(masked, image.shape), strict=True
    ):
        limit = 0 if outside == "nearest" else 1e-6
        np.testing.assert_allclose(other[inner], one[inner], rtol=0, atol=limit)


@pytest.mark.parametrize("outside", ["nearest", "normalized"])
def test_a_grating_in_a_disc_is_measured(outside):
    mask, theta = disc(), 0.7
    image = np.where(mask, grating(theta, 6)[:50, :60], rng.normal(0, 1e4, mask.shape))
    y, x = np.indices(mask.shape)
    deep = np.hypot(y - 22, x - 33) < 6
    found = local_orientation(image, BANK, mask=mask, outside=outside)
    assert angular_error(found.angle[deep], theta).max() < 2
    unmasked = local_orientation(image, BANK)
    assert angular_error(unmasked.angle[deep], theta).max() > 10
    assert not find_edges(np.where(mask, 1.0, 9.0), BANK, mask=mask, outside=outside).thin.any()


def test_tensors_agree_and_pass_gradients_inside_alone():
    mask = disc()
    image = torch.tensor(rng.random((2, *mask.shape)), requires_grad=True)
    found = local_orientation(image, BANK, mask=mask)
    expected = local_orientation(image.detach().numpy(), BANK, mask=mask)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.detach(), other, atol=1e-8)
    found.energy.sum().backward()
    assert image.grad[:, mask].abs().max() > 0
    assert not image.grad[:, ~mask].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask": np.ones((3, 3))}, r"mask of float64 and shape \(3, 3\) do not fit"),
        ({"mask": np.zeros((50, 60))}, "mask leaves no pixel"),
        ({"mask": disc(), "outside": "mean"}, "outside='mean' is unknown"),
    ],
)
@pytest.mark.parametrize("name", [name for name in MAPS if name != "symmetry"])
def test_masks_that_do_not_fit(name, options, message):
    with pytest.raises(gk.FilterError, match=message):
        MAPS[name](np.ones((50, 60)), **options)
