"""Local energy, the Gaussian that pools it, and mean energies."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage
import torch

import gaborkit as gk
from gaborkit.features import Energy, local_energy, smoothed

rng = np.random.default_rng(0)
BANK = gk.GaborBank.grid(2, 3)
SCIPY = {"reflect": "reflect", "mirror": "mirror", "nearest": "nearest", "wrap": "grid-wrap"}
SCIPY["constant"] = "grid-constant"


@pytest.mark.parametrize("boundary", list(SCIPY))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_smoothing_equals_scipy(boundary, dtype):
    maps, widths = rng.random((2, 3, 40, 50)).astype(dtype), (1.5, 7.0, 1.5)
    found = smoothed(maps, widths, boundary)
    assert found.dtype == dtype
    for k, width in enumerate(widths):
        expected = scipy.ndimage.gaussian_filter(
            maps[:, k].astype(float), (0, width, width), mode=SCIPY[boundary], truncate=8
        )
        np.testing.assert_allclose(found[:, k], expected, atol=1e-5)


def test_constant_maps_stay():
    maps = np.full((4, 30, 30), 5.0)
    np.testing.assert_allclose(smoothed(maps, (0, 0.5, 2, 9)), maps, rtol=1e-5)
    np.testing.assert_array_equal(smoothed(maps, 0), maps)


def test_maps_a_few_pixels_wide_are_no_colours():
    assert smoothed(rng.random((9, 40, 3)), 1).shape == (9, 40, 3)
    assert smoothed(rng.random((40, 3)), 1).shape == (40, 3)


def test_the_width_is_in_proportion_to_the_wavelength():
    image = rng.random((60, 70))
    maps = local_energy(BANK, image, spread=0.75)
    assert maps.maps
    assert maps.names == BANK.labels
    energy = BANK.filter(image, part="energy")
    widths = [0.75 / kernel.frequency for kernel in BANK]
    assert widths == [3, 3, 3, 6, 6, 6]
    np.testing.assert_allclose(maps.values, smoothed(energy, widths), rtol=1e-12)
    np.testing.assert_array_equal(
        local_energy(BANK, image, sigma=widths, part="real").values,
        smoothed(BANK.filter(image, part="real"), widths),
    )
    np.testing.assert_array_equal(local_energy(BANK, image, sigma=0).values, energy)


def test_a_grating_has_the_same_energy_everywhere():
    y = np.arange(64)[:, None]
    image = np.cos(2 * math.pi * (y + 0.5) / 4) + np.zeros(64)
    energy = local_energy(BANK[1:2], image, part="magnitude", boundary="wrap")
    np.testing.assert_allclose(energy.values, energy.values.mean(), rtol=1e-3)


def test_tensors_equal_arrays_and_pass_gradients():
    image = rng.random((2, 24, 20))
    tensor = torch.tensor(image, requires_grad=True)
    found = local_energy(BANK, tensor)
    np.testing.assert_allclose(found.to_numpy(), local_energy(BANK, image).values, atol=1e-9)
    small = gk.GaborBank.grid(1, 2, wavelength=3, sigma=1)
    picture = torch.tensor(rng.random((5, 6)), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: local_energy(small, x).values, picture)


def test_colour_lies_in_front():
    image = rng.random((20, 24, 3))
    maps = local_energy(BANK, image, channel_axis=-1)
    assert maps.shape == (3, 6, 20, 24)
    np.testing.assert_allclose(maps.values[1], local_energy(BANK, image[..., 1]).values, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "phase"}, "part='phase' has no local mean"),
        ({"part": "complex"}, "part='complex' has no local mean"),
        ({"spread": -1}, "spread=-1 is no number of wavelengths"),
        ({"spread": math.nan}, "spread=nan is no number"),
        ({"spread": 0.1}, r"sigma=0.4 is no width of a Gaussian on the pixel grid; give 0, or"),
        ({"sigma": -2.0}, r"sigma=-2.0 is no width"),
        ({"sigma": [1, 2]}, "2 sigmas do not fit a bank of 6 kernels"),
        ({"sigma": ["wide"] * 6}, "sigma='wide' is no width"),
    ],
)
def test_what_cannot_be_pooled(options, message):
    with pytest.raises(gk.FeatureError, match=message):
        local_energy(BANK, np.ones((9, 9)), **options)


@pytest.mark.parametrize("maps", [np.ones((9, 9)), np.ones((3, 9, 9))])
def test_widths_must_fit_the_maps(maps):
    with pytest.raises(gk.FeatureError, match="2 sigmas do not fit maps of shape"):
        smoothed(maps, (1, 2))


# ---- the descriptor ----


def test_mean_energies():
    image = rng.random((3, 30, 40))
    energy = BANK.filter(image, part="energy").mean((2, 3))
    assert Energy(BANK).describe(image).names == BANK.labels
    np.testing.assert_allclose(Energy(BANK).values(image), energy, rtol=1e-9)
    share = Energy(BANK, normalise="sum").values(image)
    np.testing.assert_allclose(share, energy / energy.sum(1, keepdims=True), rtol=1e-9)
    np.testing.assert_allclose(share, Energy(BANK, normalise="sum").values(7 * image), rtol=1e-9)
    np.testing.assert_allclose(Energy(BANK, normalise="log").values(image), np.log1p(energy))


@pytest.mark.parametrize("normalise", ["none", "sum", "log"])
def test_a_picture_without_energy(normalise):
    values = Energy(BANK, normalise=normalise).values(np.full((20, 20), 7.0))
    np.testing.assert_allclose(values, 0, atol=1e-20 if normalise != "sum" else 1)
    assert np.isfinite(values).all()


def test_unknown_normalisation():
    with pytest.raises(
        gk.FeatureError, match="normalise='max' is unknown; choose one of none, sum"
    ):
        Energy(BANK, normalise="max")
