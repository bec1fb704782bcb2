"""Parity with peers where they are right, and freedom from what they get wrong."""

from __future__ import annotations

import inspect
import math

import cv2
import numpy as np
import pytest
import skimage.data
import skimage.filters
import torch

import gaborkit as gk


@pytest.fixture(scope="module")
def photograph():
    return skimage.data.camera()[100:260, 150:330]


# ---- parity ----


@pytest.mark.parametrize("theta", [0.0, 0.4, math.pi / 4, 2.0])
@pytest.mark.parametrize("mode", ["reflect", "mirror", "nearest", "constant", "wrap"])
def test_equal_to_scikit_image(photograph, theta, mode):
    image = photograph[:64, :72].astype(float)
    real, imaginary = skimage.filters.gabor(image, 0.25, theta, n_stds=14, mode=mode)
    kernel = gk.GaborKernel.from_skimage(0.25, theta)
    found = gk.GaborBank([kernel]).filter(image, boundary=mode, tolerance=1e-13)[0]
    np.testing.assert_allclose(found, real + 1j * imaginary, rtol=0, atol=1e-9 * abs(found).max())


@pytest.mark.parametrize("theta", [0.0, 0.4, 2.0])
def test_equal_to_opencv(photograph, theta):
    image = photograph.astype(float)
    taps = cv2.getGaborKernel((81, 81), 4.0, theta, 9.0, 0.7, 0.0, cv2.CV_64F)
    expected = cv2.filter2D(image, cv2.CV_64F, taps, borderType=cv2.BORDER_REFLECT)
    kernel = gk.GaborKernel.from_opencv(4.0, theta, 9.0, 0.7, 0.0)
    found = gk.GaborBank([kernel]).filter(image, tolerance=1e-10)[0]
    np.testing.assert_allclose(found.real, expected, rtol=0, atol=1e-6 * abs(found).max())


# ---- defects of peers, in the order of their list ----


def test_1_integer_images_do_not_wrap(photograph):
    assert photograph.dtype == np.uint8
    kernel = gk.GaborKernel.from_skimage(0.15)
    found, expected = kernel.filter(photograph), kernel.filter(photograph.astype(float))
    assert abs(found - expected).max() < 1e-3
    peer = np.hypot(*(part.astype(float) for part in skimage.filters.gabor(photograph, 0.15)))
    assert np.mean(abs(peer - abs(expected)) > 1) > 0.1  # the defect is still there to beat


def test_2_truncation_does_not_depend_on_orientation():
    errors, sizes = [], set()
    for theta in np.linspace(0, math.pi, 9):
        kernel = gk.GaborKernel(wavelength=8, sigma=4, theta=theta, dc_free=False)
        sizes.add(kernel.sample().shape)
        line = np.arange(-40, 41)
        whole = kernel.evaluate(line[:, None], line[None, :])
        inside = slice(40 - kernel.radius(), 41 + kernel.radius())
        lost = abs(whole).sum() - abs(whole[inside, inside]).sum()
        errors.append(lost / abs(whole).sum())
    assert len(sizes) == 1
    assert max(errors) <= gk.TOLERANCE
    shapes = {skimage.filters.gabor_kernel(1 / 8, theta=t).shape for t in (0, math.pi / 4)}
    assert len(shapes) == 2


def test_3_a_constant_image_answers_zero():
    image = np.full((40, 40), 200.0)
    for norm in ("l1", "l2", "gain", "peak", "article"):
        kernel = gk.GaborKernel.from_bandwidth(wavelength=8, bandwidth=2, norm=norm)
        assert abs(kernel.filter(image)).max() < 1e-10
    assert abs(skimage.filters.gabor(image, 1 / 8, bandwidth=2)[0]).max() > 5


def test_4_sizes_are_odd_and_the_default_phase_is_the_cosine():
    kernel = gk.GaborKernel(wavelength=8, sigma=4)
    samples = kernel.sample()
    assert samples.shape[0] % 2 == samples.shape[1] % 2 == 1
    np.testing.assert_allclose(samples.real, samples.real[::-1, ::-1], rtol=0, atol=1e-17)
    assert samples.real.max() == samples.real[kernel.radius(), kernel.radius()]
    assert cv2.getGaborKernel((20, 20), 4, 0, 8, 1).shape == (21, 21)


def test_5_coverage_stays_up_inside_the_nyquist_disc():
    frame = gk.GaborBank.preset("kymatio", J=4, L=8).frame((512, 512), highpass=True)
    fy, fx = np.fft.fftfreq(512)[:, None], np.fft.fftfreq(512)
    inside = np.hypot(fy, fx) <= 0.5
    assert frame.coverage[inside].min() > 0.99 * frame.coverage[inside].max()
    plain = gk.GaborBank.preset("kymatio", J=4, L=8).frame((512, 512), highpass=False)
    assert plain.coverage[inside].min() < 0.4 * plain.coverage[inside].max()


def test_6_learnable_parameters_learn():
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    image = torch.cos(2 * math.pi * (x * math.cos(0.5) + y * math.sin(0.5)) / 7)
    theta = torch.tensor(0.2, requires_grad=True)
    wavelength = torch.tensor(6.0, requires_grad=True)
    for step in range(60):
        kernel = gk.GaborKernel(wavelength=wavelength, theta=theta, sigma=3, norm="gain")
        energy = kernel.filter(image).abs().mean()
        # By hand: the first optimizer of torch.optim costs seconds of imports.
        gradients = torch.autograd.grad(energy, (theta, wavelength))
        with torch.no_grad():
            for parameter, gradient in zip((theta, wavelength), gradients, strict=True):
                parameter += 0.1 * 0.93**step * gradient.sign()
    assert theta.item() == pytest.approx(0.5, abs=0.03)
    assert wavelength.item() == pytest.approx(7, abs=0.3)


def test_7_magnitude_holds_both_parts(photograph):
    kernel = gk.GaborKernel(wavelength=8, sigma=4)
    response = kernel.filter(photograph)
    assert np.iscomplexobj(response)
    expected = np.sqrt(response.real**2 + response.imag**2)
    np.testing.assert_allclose(abs(response), expected, rtol=1e-6)
    # Along a grating the magnitude is flat; the squared real part alone would beat.
    wave = np.cos(2 * np.pi * np.arange(200) / 8)[None].repeat(40, 0)
    middle = abs(kernel.filter(wave))[20, 40:-40]
    assert np.ptp(middle) < 1e-3 * middle.mean()


def test_responses_are_never_quantised(photograph):
    response = gk.GaborKernel(wavelength=8, sigma=4).filter(photograph)
    assert len(np.unique(response.real)) > 0.9 * response.size


def test_angles_say_which_way_they_turn():
    assert "from +x (right) towards +y (down)" in inspect.getdoc(gk.GaborKernel)
