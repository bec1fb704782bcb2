import json
import math

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gaborkit.errors import KernelError, SamplingWarning
from gaborkit.kernels.log_gabor import LogGaborKernel
from gaborkit.kernels.presets import kovesi

STEP = math.pi / 6


def kovesi_filter(rows, columns, wavelength, angle, sigma_on_f, theta_sigma):
    """phasecong2.m's filter on the centred frequency square: angles counter-clockwise."""
    x, y = np.meshgrid(
        np.arange(-columns / 2, columns / 2) / columns, np.arange(-rows / 2, rows / 2) / rows
    )
    radius, theta = np.sqrt(x**2 + y**2), np.arctan2(-y, x)
    lowpass = 1 / (1 + (radius / 0.45) ** 30)
    radius[rows // 2, columns // 2] = 1
    log_gabor = np.exp(-(np.log(radius * wavelength) ** 2) / (2 * math.log(sigma_on_f) ** 2))
    log_gabor[rows // 2, columns // 2] = 0
    ds = np.sin(theta) * math.cos(angle) - np.cos(theta) * math.sin(angle)
    dc = np.cos(theta) * math.cos(angle) + np.sin(theta) * math.sin(angle)
    spread = np.exp(-(np.arctan2(ds, dc) ** 2) / (2 * theta_sigma**2))
    return log_gabor * lowpass * spread


def untruncated(kernel, size):
    """The kernel on a periodic grid, origin at index 0, and each sample's distance to it."""
    line = scipy.fft.fftfreq(size)
    samples = scipy.fft.ifft2(kernel.transfer(line[:, None], line, sampled=True))
    distance = np.abs(line * size).round()
    return samples, np.maximum(distance[:, None], distance)


@pytest.mark.parametrize("orientation", range(6))
@pytest.mark.parametrize("wavelength", [3, 12])
def test_transfer_is_kovesis_filter(wavelength, orientation):
    angle = orientation * STEP
    kernel = LogGaborKernel(wavelength=wavelength, theta=-angle, theta_deviation=STEP / 1.2)
    theirs = kovesi_filter(64, 96, wavelength, angle, 0.55, STEP / 1.2)
    fy, fx = (scipy.fft.fftshift(scipy.fft.fftfreq(size)) for size in (64, 96))
    np.testing.assert_allclose(kernel.transfer(fy[:, None], fx), theirs, rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        kernel.transfer(fy[:, None] + 3, fx - 2, sampled=True), theirs, rtol=0, atol=1e-11
    )


@pytest.mark.parametrize("orientations", [1, 2, 4, 6, 9])
def test_the_cosine_is_that_of_phasecong3(orientations):
    fy, fx = (scipy.fft.fftshift(scipy.fft.fftfreq(size)) for size in (64, 96))
    for o, kernel in enumerate(kovesi(1, orientations, shortest=7, spread="cosine")):
        angle = o * math.pi / orientations
        apart = np.abs(np.angle(np.exp(1j * (np.arctan2(-fy[:, None], fx) - angle))))
        spread = (np.cos(np.minimum(apart * orientations / 2, math.pi)) + 1) / 2
        wide = 1e9  # a Gaussian of no direction leaves the radial part
        radial = LogGaborKernel(wavelength=7, theta_deviation=wide).transfer(fy[:, None], fx)
        found = kernel.transfer(fy[:, None], fx)
        np.testing.assert_allclose(found, radial * spread, rtol=0, atol=1e-14)


def test_theta_deviation_is_the_standard_deviation_over_angle():
    angle = np.linspace(-math.pi, math.pi, 20001)
    for spread in ("gaussian", "cosine"):
        kernel = LogGaborKernel(wavelength=8, theta_deviation=0.3, spread=spread)
        weights = kernel.transfer(np.sin(angle) / 8, np.cos(angle) / 8).real
        assert np.sqrt(np.average(angle**2, weights=weights)) == pytest.approx(0.3, abs=1e-6)


kernels = st.builds(
    LogGaborKernel,
    wavelength=st.floats(2, 30),
    theta=st.floats(-4, 4),
    sigma_on_f=st.floats(0.3, 0.85),
    theta_deviation=st.floats(0.2, 3),
    spread=st.sampled_from(["gaussian", "cosine"]),
)


@settings(max_examples=25, deadline=None)
@given(kernels, st.sampled_from([1e-2, 1e-3, 1e-4]))
@example(LogGaborKernel(wavelength=20, theta=0.785, theta_deviation=3.0), 1e-4)
@example(LogGaborKernel(wavelength=3, theta=0.13, sigma_on_f=0.4, theta_deviation=1.5), 1e-3)
def test_support_holds_the_energy(kernel, tolerance):
    """An independent, larger grid; the radius is for every theta, so at the drawn one too."""
    samples, distance = untruncated(kernel, 640)
    energy = np.abs(samples) ** 2
    radius = kernel.radius(tolerance)
    assert energy[distance > radius].sum() <= tolerance * energy.sum()
    assert radius == kernel.rotated(1.1).radius(tolerance)


def relative_error(kernel, tolerance):
    """Root mean square and largest error of the samples' Fourier transform, relative to stated."""
    samples = kernel.sample(tolerance)
    radius, size = len(samples) // 2, 405
    line = np.arange(-radius, radius + 1)
    placed = np.zeros((size, size), complex)
    placed[np.ix_(line, line)] = samples
    frequencies = scipy.fft.fftfreq(size)
    stated = kernel.transfer(frequencies[:, None], frequencies, sampled=True)
    error = scipy.fft.fft2(placed) - stated
    return np.linalg.norm(error) / np.linalg.norm(stated), np.abs(error).max()


@settings(max_examples=15, deadline=None)
@given(kernels, st.sampled_from([1e-2, 1e-3, 1e-4]))
@example(LogGaborKernel(wavelength=26, theta=0.9, sigma_on_f=0.6, theta_deviation=2.3), 1e-3)
def test_samples_have_the_stated_transfer_function(kernel, tolerance):
    assert relative_error(kernel, tolerance)[0] <= 2 * math.sqrt(tolerance)


@pytest.mark.parametrize("theta", [0, STEP])
@pytest.mark.parametrize("wavelength", [3, 6.3, 27.78])
def test_kovesis_kernels_have_the_stated_transfer_function(wavelength, theta):
    mean, largest = relative_error(LogGaborKernel(wavelength=wavelength, theta=theta), 1e-4)
    assert mean < 0.008
    assert largest < 0.02


@settings(max_examples=15, deadline=None)
@given(kernels)
def test_samples_are_hermitian_and_free_of_dc(kernel):
    samples = kernel.sample()
    assert samples.dtype == np.complex128
    assert samples.shape == (2 * kernel.radius() + 1,) * 2
    assert abs(samples.sum()) <= 1e-15 * np.abs(samples).sum()
    np.testing.assert_allclose(samples[::-1, ::-1], samples.conj(), atol=1e-15)
    assert kernel.transfer(0.0, 0.0) == 0
    assert kernel.is_dc_free


def test_opposite_direction_is_the_conjugate():
    kernel = LogGaborKernel(wavelength=6, theta=0.4)
    opposite = kernel.rotated(math.pi)
    np.testing.assert_allclose(opposite.sample(), kernel.sample().conj(), atol=1e-15)
    assert kernel.canonical()[0] == opposite.canonical()[0]
    assert kernel.canonical()[1:] == (False, 0.0)
    assert opposite.canonical()[1:] == (True, 0.0)
    zero = kernel.replace(theta=0.0)
    assert kernel.rotated(-0.4 - 1e-15).canonical() == (zero.canonical()[0], False, 0.0)


def test_support_grows_with_the_wavelength():
    assert (
        LogGaborKernel(wavelength=8, scale=100).radius()
        == 100 * LogGaborKernel(wavelength=8).radius()
    )
    assert LogGaborKernel(wavelength=16).radius(1e-6) > LogGaborKernel(wavelength=16).radius(1e-3)


def test_stripes_30_degrees_down_answer_most():
    kernel = LogGaborKernel(wavelength=8, theta=math.pi / 6)
    y, x = np.mgrid[:81, :81]

    def response(degrees):
        along = x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees))
        wave = np.cos(2 * math.pi * along / 8)
        return scipy.signal.fftconvolve(wave, kernel.sample(), mode="same")[40, 40]

    assert abs(response(30)) == pytest.approx(0.5, rel=0.02)
    assert abs(response(-30)) < 0.1


def test_copies():
    kernel = LogGaborKernel(wavelength=6, theta=0.25)
    assert kernel.scaled(2, 2).frequency == 1 / 24
    assert kernel.scaled(2, 2).transfer(0.01, 0.02) == pytest.approx(
        LogGaborKernel(wavelength=24, theta=0.25).transfer(0.01, 0.02)
    )
    assert kernel.scaled(3).scale == 3
    assert kernel.rotated(0.5).theta == 0.75
    assert kernel.replace(sigma_on_f=0.7).sigma_on_f == 0.7
    assert kernel.label == "6 px, 14.32°"


def test_dict_is_json_and_complete():
    kernel = LogGaborKernel(wavelength=6, theta=0.25, sigma_on_f=0.6, theta_deviation=0.3, scale=2)
    fields = json.loads(json.dumps(kernel.to_dict()))
    assert fields.pop("family") == "log-gabor"
    assert LogGaborKernel(**fields) == kernel


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"wavelength": 0}, r"wavelength=0 is not positive; .* pixels"),
        ({"wavelength": "8px"}, r"wavelength='8px' is not a number"),
        ({"theta": math.nan}, r"theta=nan is not finite"),
        ({"sigma_on_f": 1}, r"sigma_on_f=1 is not below 1"),
        ({"sigma_on_f": -0.5}, r"sigma_on_f=-0.5 is not positive; .* 0.55"),
        ({"spread": "box"}, "spread='box' is unknown; choose gaussian or cosine"),
        ({"theta_deviation": 0}, r"theta_deviation=0 is not positive; .* radians"),
        ({"scale": -2}, r"scale=-2 is not positive; .* a\*\*j"),
    ],
)
def test_bad_fields_raise(fields, message):
    with pytest.raises(KernelError, match=message):
        LogGaborKernel(**{"wavelength": 8, **fields})


@pytest.mark.parametrize("tolerance", [0, 1, -1, math.nan])
def test_bad_tolerance_raises(tolerance):
    with pytest.raises(KernelError, match=r"tolerance=.* is not between 0 and 1"):
        LogGaborKernel(wavelength=8).sample(tolerance)


def test_unreachable_tolerance_raises():
    with pytest.raises(KernelError, match=r"tolerance=1e-12 takes a support of more than"):
        LogGaborKernel(wavelength=3).radius(1e-12)


def test_short_wavelength_warns():
    with pytest.warns(SamplingWarning, match=r"wavelength of 1.5 pixels is below 2") as record:
        LogGaborKernel(wavelength=3, scale=0.5)
    assert record[0].filename == __file__
