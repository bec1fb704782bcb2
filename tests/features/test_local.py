"""Energy, phase and local frequency of responses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from orientation_for_tests import grating

import gaborkit as gk
from gaborkit.features.local import local_features, local_frequency, phase_gradient

rng = np.random.default_rng(0)
BANK = gk.GaborBank.grid(scales=2, orientations=4, wavelength=6)


@pytest.mark.parametrize("wavelength", [5.0, 6.0, 7.3])
@pytest.mark.parametrize("theta", [0.0, 0.3, 1.2, 2.5])
def test_the_frequency_of_a_grating_is_exact_whatever_the_kernel(theta, wavelength):
    # Nearly one-sided kernels: their share of the mirror image -k is below 1e-7.
    bank = gk.GaborBank(
        [gk.GaborKernel(wavelength=6, sigma=5, theta=t) for t in (theta, theta + 0.2)]
    )
    found = local_frequency(bank.filter(grating(theta, wavelength)), bank)
    inner = (..., slice(30, -30), slice(30, -30))
    assert found.valid[inner].all()
    np.testing.assert_allclose(found.x[inner], np.cos(theta) / wavelength, atol=1e-6)
    np.testing.assert_allclose(found.y[inner], np.sin(theta) / wavelength, atol=1e-6)
    np.testing.assert_allclose(found.along[0][inner[1:]], 1 / wavelength, atol=1e-6)
    np.testing.assert_allclose(found.along[1][inner[1:]], np.cos(0.2) / wavelength, atol=1e-6)


def test_it_is_the_derivative_of_the_phase():
    """On a chirp, against the derivative formula Im(conj(R) R') / |R|^2 with a fine difference."""
    kernel = gk.GaborKernel(wavelength=8, sigma=6)
    x = np.arange(240.0)
    step = 1e-4

    def response(shift):  # of a picture moved by a part of a pixel
        chirp = np.cos(2 * np.pi * ((x + shift) / 9 + (x + shift - 120) ** 2 / 20000))
        return kernel.filter(chirp * np.ones((4, 1)), boundary="nearest")

    derivative = (response(step) - response(-step)) / (2 * step)
    exact = (response(0).conj() * derivative).imag / abs(response(0)) ** 2
    found = phase_gradient(response(0), kernel)[1]
    np.testing.assert_allclose(found[:, 60:-60], exact[:, 60:-60], atol=2e-5)
    assert np.ptp(exact[0, 60:-60]) > 0.02


def test_weak_pixels_are_not_valid_and_have_no_frequency():
    image = np.zeros((40, 80))
    image[:, :30] = grating(0.0, 6.0, 80)[:40, :30]
    found = local_frequency(BANK.filter(image), BANK, floor=0.05)
    assert found.valid[0, 20, 10]
    assert not found.valid[0, 20, 60:].any()
    maps = local_features(image, BANK, quantities=["frequency"], floor=0.05)["frequency 6 px, 0°"]
    assert maps[20, 10] == pytest.approx(1 / 6, abs=1e-3)
    assert not maps[20, 60:].any()


def test_nothing_is_valid_in_a_picture_of_zeros():
    found = local_frequency(BANK.filter(np.zeros((8, 8))), BANK)
    assert not found.valid.any()
    assert np.isfinite(found.along).all()


def test_all_quantities_by_name():
    image = rng.random((2, 20, 24), np.float32)
    features = local_features(image, BANK)
    responses = BANK.filter(image)
    assert features.shape == (2, 4 * len(BANK), 20, 24)
    assert features.values.dtype == np.float32
    label = BANK.labels[5]
    np.testing.assert_allclose(features[f"energy {label}"], abs(responses[:, 5]) ** 2, rtol=1e-5)
    np.testing.assert_array_equal(features[f"magnitude {label}"], abs(responses[:, 5]))
    np.testing.assert_array_equal(features[f"phase {label}"], np.angle(responses[:, 5]))
    found = local_frequency(responses, BANK)
    expected = np.where(found.valid, found.along, 0)[:, 5]
    np.testing.assert_array_equal(features[f"frequency {label}"], expected)


def test_options_reach_the_filter():
    image = rng.random((20, 24, 3))
    features = local_features(
        image, BANK, quantities=("magnitude",), channel_axis=-1, boundary="wrap", engine="direct"
    )
    expected = abs(BANK.filter(image, channel_axis=-1, boundary="wrap", engine="direct"))
    np.testing.assert_array_equal(features.values, expected)
    assert len(local_features(image[..., 0])) == 4 * 32  # the default bank


def test_tensors_agree_and_pass_gradients():
    image = rng.random((20, 24))
    tensor = torch.tensor(image, requires_grad=True)
    found = local_features(tensor, BANK)
    expected = local_features(image, BANK)
    for name in expected.names:
        one, other = found[name].detach().numpy(), expected[name]
        apart = np.exp(1j * one) - np.exp(1j * other) if "phase" in name else one - other
        assert abs(apart).max() < 1e-7, name
    found["frequency 6 px, 45°"].sum().backward()
    assert torch.isfinite(tensor.grad).all()
    assert tensor.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: local_frequency(np.zeros((8, 4, 4)), BANK), "float64 have no phase"),
        (
            lambda: local_frequency(np.zeros((7, 4, 4), complex), BANK),
            r"shape \(7, 4, 4\) do not fit",
        ),
        (lambda: local_frequency(np.zeros((8, 1, 4), complex), BANK), "at least 2 x 2 pixels"),
        (
            lambda: local_frequency(np.zeros((8, 4, 4), complex), BANK, floor=2),
            "floor=2 is no share",
        ),
        (lambda: local_features(np.zeros((4, 4)), BANK, quantities="energy"), "is no list"),
        (lambda: local_features(np.zeros((4, 4)), BANK, quantities=[]), "is no list"),
        (lambda: local_features(np.zeros((4, 4)), BANK, quantities=["power"]), "quantity='power'"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(gk.FeatureError, match=message):
        call()
