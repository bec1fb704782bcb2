"""Local orientation: how exact, how sure, and for which pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from orientation_for_tests import angular_error, distance_across, grating, line, noisy, step

import gaborkit as gk
from gaborkit.features.orientation import local_orientation
from gaborkit.filtering.engines.structures import available_here

rng = np.random.default_rng(0)
INNER = (slice(36, -36), slice(36, -36))


@settings(max_examples=25, deadline=None)
@given(theta=st.floats(0, np.pi), wavelength=st.floats(4, 12))
def test_gratings_are_measured_without_bias(theta, wavelength):
    found = local_orientation(grating(theta, wavelength))
    assert angular_error(found.angle[INNER], theta).max() < 0.02
    assert found.confidence[INNER].min() > 0.998
    assert (found.angle >= 0).all()
    assert (found.angle < np.pi).all()


@pytest.mark.parametrize("wavelength", [4.0, 5.5, 8.0, 16.0, 32.0])
def test_within_half_a_degree_at_20_decibels(wavelength):
    inner = (slice(48, -48), slice(48, -48))
    for theta in (0.0, 0.2, 0.9, 2.6):
        image = noisy(grating(theta, wavelength, 144), 20)
        error = angular_error(local_orientation(image).angle[inner], theta)
        assert np.sqrt(np.mean(error**2)) < 0.5


@pytest.mark.parametrize("make", [step, line])
@pytest.mark.parametrize("theta", [0.0, 0.3, 1.0, 2.2])
def test_edges_and_lines_of_any_profile(make, theta):
    found = local_orientation(make(theta))
    near = np.zeros((96, 96), bool)
    near[INNER] = abs(distance_across(theta)[INNER]) < 3
    assert angular_error(found.angle[near], theta).max() < 0.15
    assert found.confidence[near].min() > 0.99
    assert angular_error(found.line_angle[near], theta + np.pi / 2).max() < 0.15


def test_the_vector_sum_of_energies_is_biased_between_two_kernels():
    theta = np.deg2rad(17)
    error = {
        method: angular_error(
            local_orientation(grating(theta, 6.3), method=method).angle[INNER], theta
        )
        for method in ("phase", "energy")
    }
    assert error["phase"].max() < 0.01
    assert 0.3 < error["energy"].min() < error["energy"].max() < 1


def test_the_sum_of_energies_by_its_formula():
    image = rng.random((24, 30))
    bank = gk.GaborBank.grid(2, 5)
    found = local_orientation(image, bank, method="energy", boundary="wrap")
    energy = abs(bank.filter(image, boundary="wrap")) ** 2
    vector = sum(e * np.exp(2j * k.theta) for e, k in zip(energy, bank, strict=True))
    np.testing.assert_allclose(found.energy, energy.sum(0))
    np.testing.assert_allclose(found.confidence, abs(vector) / energy.sum(0), rtol=1e-10)
    np.testing.assert_allclose(angular_error(found.angle, np.angle(vector) / 2), 0, atol=1e-9)


def test_confidence_tells_one_orientation_from_several_and_from_none():
    crossed = local_orientation(grating(0.3) + grating(0.3 + np.pi / 2)).confidence[INNER]
    noise = local_orientation(rng.normal(size=(96, 96))).confidence[INNER]
    assert crossed.max() < 0.02
    assert noise.mean() < 0.4
    for image in (
        np.zeros((40, 40)),
        np.full((40, 40), 3e8 / 7),
        np.full((40, 40), 0.1, np.float32),
    ):
        assert local_orientation(image).confidence.max() < 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_contrast_and_brightness_make_no_difference(dtype):
    image = noisy(grating(0.7), 20)
    one = local_orientation(image.astype(dtype))
    tolerance = 1e-7 if dtype == np.float64 else 0.05
    for factor, offset in ((1e-9, 0.0), (1e9, 0.0), (100.0, 300.0)):
        other = local_orientation((image * factor + offset).astype(dtype))
        assert angular_error(one.angle, other.angle)[INNER].max() < tolerance
        np.testing.assert_allclose(other.confidence, one.confidence, atol=1e-2)
        np.testing.assert_allclose(other.energy, one.energy * factor**2, rtol=1e-2)


def test_a_turned_picture_has_turned_angles():
    image = noisy(grating(0.5), 10)
    one, turned = local_orientation(image), local_orientation(np.rot90(image, -1))
    # Clockwise on the screen, from +x towards +y: theta grows.
    expected = np.rot90(one.angle + np.pi / 2, -1)
    assert angular_error(turned.angle, expected)[INNER].max() < 1e-6
    np.testing.assert_allclose(turned.confidence, np.rot90(one.confidence, -1), atol=1e-8)


def test_a_log_gabor_bank_measures_too():
    found = local_orientation(noisy(grating(1.1), 20), gk.GaborBank.preset("kovesi"))
    assert np.sqrt(np.mean(angular_error(found.angle[INNER], 1.1) ** 2)) < 0.5


def test_channels_are_measurements_of_one_orientation():
    planes = rng.random((3, 24, 30))
    bank = gk.GaborBank.grid(2, 4)
    found = local_orientation(np.moveaxis(planes, 0, -1), bank, channel_axis=-1)
    assert found.angle.shape == (24, 30)
    each = local_orientation(planes, bank)
    np.testing.assert_allclose(found.energy, each.energy.sum(0))
    vector = (each.energy * each.confidence).sum(0)
    assert (found.confidence <= vector / found.energy + 1e-9).all()
    grey = np.repeat(planes[:1], 3, 0)
    same = local_orientation(grey, bank, channel_axis=0)
    np.testing.assert_allclose(same.confidence, each.confidence[0])
    assert angular_error(same.angle, each.angle[0]).max() < 1e-6


def test_pictures_together_are_those_one_by_one():
    images = np.stack([rng.random((20, 24)), 100 * rng.random((20, 24))])
    together = local_orientation(images)
    for k, image in enumerate(images):
        for one, other in zip(local_orientation(image), together, strict=True):
            np.testing.assert_allclose(other[k], one, rtol=1e-6, atol=1e-9)


@pytest.mark.skipif(not available_here(), reason="no compiled code here")
@pytest.mark.parametrize(
    ("shape", "channel_axis", "bank"),
    [
        ((2, 2), None, None),
        ((37, 53), None, None),
        ((3, 40, 2), None, gk.GaborBank.grid(2, 5)),
        ((24, 301, 3), -1, gk.GaborBank.preset("kovesi")),
        ((300, 280), None, gk.GaborBank.grid(1, 4, norm="l2")),
    ],
)
def test_the_compiled_sums_are_those_of_the_formula(shape, channel_axis, bank, monkeypatch):
    image = 1e6 * rng.random(shape, np.float32)
    fast = local_orientation(image, bank, channel_axis=channel_axis)
    monkeypatch.setattr("gaborkit.features.orientation.available_here", lambda: False)
    slow = local_orientation(image, bank, channel_axis=channel_axis)
    # Where measurements cancel, or a phase turns by half a circle, the angle is of no digits.
    assert np.quantile(angular_error(fast.angle, slow.angle), 0.95) < 0.01
    assert np.quantile(abs(fast.confidence - slow.confidence), 0.95) < 2e-6
    np.testing.assert_allclose(fast.energy, slow.energy, rtol=1e-5)
    assert {part.dtype for part in fast} == {part.dtype for part in slow} == {image.dtype}


@pytest.mark.parametrize("method", ["phase", "energy"])
def test_tensors_agree_and_pass_gradients(method):
    image = rng.random((24, 30))
    tensor = torch.tensor(image, requires_grad=True)
    found = local_orientation(tensor, method=method)
    expected = local_orientation(image, method=method)
    assert angular_error(found.angle.detach().numpy(), expected.angle).max() < 1e-5
    np.testing.assert_allclose(found.confidence.detach(), expected.confidence, atol=1e-9)
    np.testing.assert_allclose(found.energy.detach(), expected.energy, rtol=1e-9)
    assert found.line_angle.dtype == torch.float64
    found.confidence.mean().backward()
    assert torch.isfinite(tensor.grad).all()
    assert tensor.grad.abs().max() > 0


def test_gradients_are_finite_on_a_constant_picture():
    tensor = torch.zeros(12, 12, requires_grad=True)
    found = local_orientation(tensor, gk.GaborBank.grid(1, 3))
    (found.confidence.sum() + found.angle.sum()).backward()
    assert torch.isfinite(tensor.grad).all()


def test_integers_are_promoted():
    image = rng.integers(0, 256, (24, 30), np.uint8)
    found = local_orientation(image)
    assert found.angle.dtype == np.float32
    np.testing.assert_array_equal(found.energy, local_orientation(image.astype(np.float32)).energy)


def test_what_does_not_fit():
    with pytest.raises(gk.FeatureError, match="method='tensor' is unknown; choose one of phase"):
        local_orientation(np.zeros((4, 4)), method="tensor")
    with pytest.raises(gk.FeatureError, match=r"shape \(1, 9\) varies along one axis at most"):
        local_orientation(np.zeros((1, 9)))
    with pytest.raises(gk.ImageError, match="looks like colour"):
        local_orientation(np.zeros((9, 9, 3)))


@pytest.mark.parametrize("size", [1e-12, 1e-20])
def test_responses_whose_squares_are_lost_are_numbers(size):
    bank = gk.GaborBank.grid(1, 4)
    image = np.zeros((40, 40), np.float32)
    image[:, :4] = 1  # and beside it responses of any size
    image[20, 30] = size
    assert np.isfinite(local_orientation(image, bank)).all()
