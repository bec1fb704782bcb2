"""Pyramids: the picture again, constants, the published kernel, what a frame's bands hold."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaborkit.errors import ModelError
from gaborkit.generative.models.image_pyramid import Level, Pyramid

NAMES = ["laplacian", "gabor"]


def picture(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", NAMES)
@given(height=st.integers(16, 40), width=st.integers(16, 40), colours=st.sampled_from([1, 3]))
@settings(max_examples=8, deadline=None)
def test_the_coarse_picture_and_the_bands_are_the_picture(name, height, width, colours):
    pyramid, image = Pyramid(name, (colours, height, width), 2), picture(2, colours, height, width)
    drawn, below, bands = pyramid.split(image)
    assert tuple(drawn.shape[1:]) == pyramid.shapes[0]
    for number, band in enumerate(bands):
        low = pyramid.up(number, drawn)
        assert torch.allclose(low, below[number], atol=1e-5)
        drawn = low + band
    assert torch.allclose(drawn, image, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(28, 28), (17, 30)])
def test_a_constant_stays_one_and_has_no_bands(name, shape):
    level, flat = Level(name, shape), torch.full((1, 2, *shape), 0.7)
    small = level.down(flat)
    assert torch.allclose(small, torch.full_like(small, 0.7), atol=1e-5)
    if name == "laplacian" or not any(
        side % 2 for side in shape
    ):  # a torus of an odd side has a seam
        assert torch.allclose(level.up(small), flat, atol=1e-4)


def test_the_laplacian_is_that_of_burt_and_adelson():
    image, taps = picture(1, 1, 20, 24), np.array([1, 4, 6, 4, 1]) / 16
    kernel, level = np.outer(taps, taps), Level("laplacian", (20, 24))
    blurred = scipy.ndimage.convolve(image[0, 0].numpy(), kernel, mode="nearest")
    small = level.down(image)
    assert np.allclose(small[0, 0], blurred[::2, ::2], atol=1e-6)
    spread = np.zeros((20, 24))
    spread[::2, ::2] = small[0, 0].numpy()
    wanted = 4 * scipy.ndimage.convolve(spread, kernel, mode="constant")
    assert np.allclose(level.up(small)[0, 0, 2:-2, 2:-2], wanted[2:-2, 2:-2], atol=1e-5)


def test_a_level_of_the_frame_is_its_low_pass_and_the_adjoint_of_that():
    level, image = Level("gabor", (28, 28)), picture(1, 1, 28, 28)
    low = level.frame.analyze(image)[:, -2]
    small = level.down(image)
    assert torch.allclose(small[:, 0], low[:, ::2, ::2], atol=1e-5)
    other = picture(1, 1, 14, 14, seed=1)
    products = float((small * other).sum()), float((image * level.up(other)).sum()) / 4
    assert products[0] == pytest.approx(products[1], rel=1e-4)


@pytest.mark.parametrize(("period", "band"), [(4, 1), (8, 0)])
def test_a_wave_lies_in_the_band_of_its_wavelength(period, band):
    """A level holds waves of four of its own pixels; the next, of eight of the picture's."""
    columns = torch.arange(32) * (2 * torch.pi / period)
    wave = columns.cos().expand(1, 1, 32, 32).contiguous()
    coarse, _, bands = Pyramid("gabor", (1, 32, 32), 2).split(wave)
    sizes = [float(part.square().mean()) for part in bands]
    assert sizes[band] > 2 * sizes[1 - band]  # kernels are about an octave wide
    assert float(coarse.square().mean()) < 0.1 * sizes[band]


@pytest.mark.parametrize("name", NAMES)
def test_bands_have_slopes(name):
    image = picture(1, 1, 16, 16).requires_grad_()
    coarse, _, bands = Pyramid(name, (1, 16, 16), 1).split(image)
    (coarse.sum() + bands[0].square().sum()).backward()
    assert image.grad.isfinite().all()


def test_pictures_that_are_too_small():
    with pytest.raises(ModelError, match="bands=3 halve pictures of 28 x 20 to 4 x 3; fewer"):
        Pyramid("laplacian", (1, 28, 20), 3)
