"""The kernel: formula, norms, support, zero sum, transfer function, validation."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import kernels

import gaborkit as gk
from gaborkit.kernels.base import Kernel
from gaborkit.kernels.validation import warn_of_poor_sampling

NORMS = ["l1", "l2", "gain", "peak", "article"]


def fourier_transform(samples, fy, fx):
    radius = len(samples) // 2
    line = np.arange(-radius, radius + 1)
    rows = np.exp(-2j * np.pi * np.multiply.outer(np.ravel(fy), line))
    columns = np.exp(-2j * np.pi * np.multiply.outer(np.ravel(fx), line))
    return np.einsum("fy,yx,fx->f", rows, samples, columns)


def test_evaluate_is_the_formula():
    kernel = gk.GaborKernel(wavelength=8, theta=0.5, sigma=4, gamma=0.7, phase=0.3, scale=1.5)
    y, x = 2.0, -3.0
    xr = (x * math.cos(0.5) + y * math.sin(0.5)) / 1.5
    yr = (-x * math.sin(0.5) + y * math.cos(0.5)) / 1.5
    envelope = math.exp(-(xr**2 + 0.7**2 * yr**2) / 32)
    carrier = np.exp(1j * (2 * math.pi * xr / 8 + 0.3))
    dc = np.exp(0.3j) * math.exp(-2 * math.pi**2 * 16 / 64)
    expected = 0.7 / (2 * math.pi * 36) * envelope * (carrier - dc)
    assert kernel.evaluate(y, x) == pytest.approx(complex(expected), rel=1e-13)


def test_article_kernel_is_the_article_s():
    y, x = np.mgrid[-5:5:101j, -5:5:101j]
    found = gk.GaborKernel.article(sigma=1).evaluate(y, x)
    expected = 1 / (4 * np.pi) * np.exp(-(x**2 + y**2) / 4) * (np.exp(1j * x) - np.exp(-1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("j", [1, 2])
def test_article_dilation(j):
    a, sigma, theta = 2.0, 1.3, 0.4
    y, x = np.mgrid[-9:9:41j, -9:9:41j]
    along = (x * np.cos(theta) + y * np.sin(theta)) / a**j
    gauss = np.exp(-(x**2 + y**2) / a ** (2 * j) / (4 * sigma**2)) / (4 * np.pi * sigma**2)
    expected = a ** (-j / 2) * gauss * (np.exp(1j * along) - np.exp(-(sigma**2)))
    found = gk.GaborKernel.article(sigma=sigma, theta=theta, a=a, j=j).evaluate(y, x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@given(kernels())
def test_sample_is_the_formula_but_for_the_dc_term(kernel):
    samples = kernel.sample()
    line = np.arange(len(samples)) - len(samples) // 2
    difference = samples - kernel.evaluate(line[:, None], line[None, :])
    middle = len(line) // 2
    if not kernel.dc_free:
        assert abs(difference).max() <= 1e-14 * abs(samples).max()
    else:
        # What sampling changed is a multiple of the envelope.
        along = (line[None, :] * np.cos(kernel.theta) + line[:, None] * np.sin(kernel.theta)) / (
            kernel.scale
        )
        across = (line[:, None] * np.cos(kernel.theta) - line[None, :] * np.sin(kernel.theta)) / (
            kernel.scale
        )
        gauss = np.exp(-(along**2 + kernel.gamma**2 * across**2) / (2 * kernel.sigma**2))
        expected = difference[middle, middle] * gauss
        np.testing.assert_allclose(
            difference, expected, rtol=0, atol=1e-13 * float(kernel.amplitude())
        )


@given(kernels())
def test_sum_is_zero_to_rounding(kernel):
    samples = kernel.sample()
    if kernel.dc_free:
        assert abs(samples.sum()) <= 1e-14 * float(kernel.amplitude()) * samples.size**0.5


@given(kernels(), st.floats(0, 2 * math.pi))
def test_support_is_odd_and_independent_of_theta(kernel, angle):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gk.SamplingWarning)
        turned = kernel.rotated(angle)
    assert turned.sample().shape == kernel.sample().shape == (2 * kernel.radius() + 1,) * 2


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-8])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("theta", [0.0, 0.4, math.pi / 4])
def test_support_keeps_all_but_the_tolerance(tolerance, gamma, theta):
    kernel = gk.GaborKernel(sigma=3, wavelength=9, gamma=gamma, theta=theta)
    radius = kernel.radius(tolerance)
    wide = np.arange(-80, 81)
    gauss = abs(kernel.replace(dc_free=False).evaluate(wide[:, None], wide[None, :]))
    inside = gauss[80 - radius : 81 + radius, 80 - radius : 81 + radius].sum()
    assert 1 - inside / gauss.sum() <= tolerance


@settings(max_examples=200)
@given(kernels(), st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1e-4, 1e-6]))
def test_transfer_is_the_fourier_transform_of_the_samples(kernel, seed, tolerance):
    fy, fx = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, 40))
    found = kernel.transfer(fy, fx, sampled=True)
    expected = fourier_transform(kernel.sample(tolerance), fy, fx)
    mass = float(kernel.amplitude()) * 2 * math.pi * (kernel.sigma * kernel.scale) ** 2
    assert abs(found - expected).max() <= tolerance * mass / kernel.gamma


def test_plain_and_sampled_transfer_agree_where_nothing_aliases():
    kernel = gk.GaborKernel(wavelength=8, sigma=4, theta=0.3)
    fy, fx = np.random.default_rng(0).uniform(-0.25, 0.25, (2, 50))
    np.testing.assert_allclose(
        kernel.transfer(fy, fx), kernel.transfer(fy, fx, sampled=True), rtol=0, atol=1e-14
    )


def test_transfer_is_the_integral_of_the_kernel():
    kernel = gk.GaborKernel(wavelength=7, sigma=2, theta=0.7, gamma=0.6, phase=1.1, norm="peak")
    line = np.linspace(-30, 30, 1201)
    values = kernel.evaluate(line[:, None], line[None, :])
    fy, fx = 0.07, -0.04
    wave = np.exp(-2j * np.pi * (fy * line[:, None] + fx * line[None, :]))
    integral = scipy.integrate.trapezoid(scipy.integrate.trapezoid(values * wave, line), line)
    assert kernel.transfer(np.array(fy), np.array(fx)) == pytest.approx(integral, rel=1e-10)


def test_norms():
    y, x = np.mgrid[-50:50.5:0.5, -50:50.5:0.5]
    area = 0.25
    for scale in (1.0, 2.0):
        for norm in NORMS:
            kernel = gk.GaborKernel(
                wavelength=9, sigma=3, gamma=0.7, scale=scale, norm=norm, dc_free=False
            )
            envelope = abs(kernel.evaluate(y, x))
            match norm:
                case "l1":
                    assert envelope.sum() * area == pytest.approx(1, rel=1e-5)
                case "l2":
                    assert (envelope**2).sum() * area == pytest.approx(1, rel=1e-5)
                case "peak":
                    assert envelope.max() == pytest.approx(1)
                case "article":
                    assert envelope.sum() * area == pytest.approx(scale**1.5, rel=1e-5)
                case "gain":
                    assert abs(kernel.transfer(0.0, kernel.frequency)) == pytest.approx(1)


@given(kernels())
def test_gain_is_one_at_the_peak(kernel):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gk.SamplingWarning)
        kernel = kernel.replace(norm="gain", theta=0.0, dc_free=True)
    peak = kernel.peak_frequency
    near = peak * np.linspace(0.5, 1.5, 1001)
    magnitude = abs(kernel.transfer(np.zeros(1001), near))
    assert magnitude.max() == pytest.approx(1, abs=1e-5)
    assert abs(kernel.transfer(0.0, peak)) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("bandwidth", [0.5, 1, 1.5, 2])
def test_bandwidth_is_where_the_response_halves(bandwidth):
    kernel = gk.GaborKernel.from_bandwidth(
        wavelength=16, bandwidth=bandwidth, norm="gain", dc_free=False
    )
    assert kernel.bandwidth == pytest.approx(bandwidth)
    factor = 2.0**bandwidth
    low = kernel.frequency * 2 / (1 + factor)
    for frequency in (low, low * factor):
        assert abs(kernel.transfer(0.0, frequency)) == pytest.approx(0.5, rel=1e-9)


def test_bandwidth_is_infinite_where_half_response_reaches_zero():
    assert gk.GaborKernel(sigma=1).bandwidth == math.inf


def test_dilation_and_rotation_move_the_peak():
    kernel = gk.GaborKernel(wavelength=5, sigma=3).scaled(2, 2).rotated(math.pi / 3)
    assert (kernel.scale, kernel.theta) == (4, math.pi / 3)
    assert kernel.frequency == pytest.approx(1 / 20)
    fy, fx = np.mgrid[-0.2:0.2:201j, -0.2:0.2:201j]
    at = np.unravel_index(abs(kernel.transfer(fy, fx)).argmax(), fy.shape)
    assert math.atan2(fy[at], fx[at]) == pytest.approx(math.pi / 3, abs=0.05)


def test_matching_grating_wins():
    y, x = np.mgrid[:64, :64]
    theta = math.radians(30)  # towards +y, which points down
    grating = np.cos(2 * np.pi * (x * math.cos(theta) + y * math.sin(theta)) / 8)
    bank = gk.GaborBank.grid(3, 6, wavelength=4)
    energy = abs(bank.filter(grating)).mean((1, 2))
    assert bank[int(energy.argmax())].theta == pytest.approx(theta)
    assert 1 / bank[int(energy.argmax())].frequency == pytest.approx(8)


@given(kernels())
def test_factors_sum_to_the_samples(kernel):
    weights, columns, rows = kernel.factors()
    found = np.einsum("t,ty,tx->yx", weights, columns, rows)
    np.testing.assert_allclose(found, kernel.sample(), rtol=0, atol=1e-13 * kernel.amplitude())
    if kernel.separable:
        assert len(weights) == 1 + kernel.dc_free


def test_factors_of_low_accuracy_keep_what_they_say():
    kernel = gk.GaborKernel(wavelength=8, sigma=4, gamma=0.5, theta=0.6)
    samples = kernel.sample()
    ranks = []
    for accuracy in (1e-2, 1e-4, 1e-8):
        weights, columns, rows = kernel.factors(accuracy=accuracy)
        lost = samples - np.einsum("t,ty,tx->yx", weights, columns, rows)
        assert np.linalg.norm(lost) <= accuracy * np.linalg.norm(samples)
        ranks.append(len(weights))
    assert ranks == sorted(set(ranks))


@given(kernels())
def test_canonical_form_of_the_other_half_circle(kernel):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gk.SamplingWarning)
        other = kernel.rotated(math.pi).replace(phase=0.25)
    key, conjugate, _ = kernel.canonical()
    other_key, other_conjugate, phase = other.canonical()
    if key == other_key:  # rounding may set two angles apart; then nothing is shared
        assert conjugate != other_conjugate
        assert phase == 0.25


def test_canonical_angle_just_under_pi_is_zero():
    kernel = gk.GaborKernel(sigma=4, theta=-1e-16)
    assert kernel.canonical() == (gk.GaborKernel(sigma=4).canonical()[0], False, 0.0)


def test_canonical_of_another_family_is_itself():
    kernel = gk.LogGaborKernel(wavelength=8)
    assert Kernel.canonical(kernel) == (kernel, False, 0.0)
    assert not Kernel.separable.fget(kernel)
    assert not Kernel.learnable.fget(kernel)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sigma": 0}, "sigma=0 is not positive"),
        ({"sigma": -1}, "sigma=-1 is not positive"),
        ({"sigma": 4, "wavelength": 0}, "wavelength=0 is not positive"),
        ({"sigma": 4, "gamma": -0.5}, "gamma=-0.5 is not positive"),
        ({"sigma": 4, "scale": 0}, "scale=0 is not positive"),
        ({"sigma": 4, "theta": math.nan}, "theta=nan is not finite"),
        ({"sigma": 4, "phase": math.inf}, "phase=inf is not finite"),
        ({"sigma": "wide"}, "sigma='wide' is not a number"),
        ({"sigma": None}, "sigma=None is not a number"),
        ({"sigma": 10**400}, "sigma=inf is not finite"),
        ({"sigma": 4, "norm": "max"}, "norm='max' is unknown"),
        ({"sigma": 4, "dc_free": "no"}, "dc_free='no' is neither"),
    ],
)
def test_invalid_parameters(fields, message):
    with pytest.raises(gk.KernelError, match=message):
        gk.GaborKernel(**fields)


@pytest.mark.parametrize(
    ("fields", "unit"),
    [
        ({"theta": "45 deg"}, "theta='45 deg' is not a number; give radians, such as 0.785 for 45"),
        ({"phase": [90]}, r"phase=\[90\] is not a number; give radians"),
        ({"wavelength": "8 px"}, "wavelength='8 px' is not a number; give pixels, such as 8"),
    ],
)
def test_what_is_no_number_is_told_its_unit(fields, unit):
    with pytest.raises(gk.KernelError, match=unit):
        gk.GaborKernel(**{"sigma": 4, **fields})


@pytest.mark.parametrize(
    "call",
    [
        lambda: gk.GaborKernel(sigma=4, theta=45),
        lambda: gk.GaborKernel(sigma=4, phase=-45),
        lambda: gk.GaborKernel(sigma=4).rotated(45),
        lambda: gk.LogGaborKernel(wavelength=8, theta=45),
        lambda: gk.LogGaborKernel(wavelength=8).rotated(45),
        lambda: gk.GaborKernel.from_bandwidth(wavelength=8, theta=45),
        lambda: gk.vision.fingerprint.ridge_frequency(np.eye(64), np.full((64, 64), 45)),
        lambda: gk.vision.fingerprint.tuned_filter(np.eye(64), 45, 0.1),
        lambda: gk.vision.crests(np.eye(5), np.full((5, 5), 45)),
        lambda: gk.plotting.orientation_colours(np.array([1, 45])),
    ],
)
def test_degrees_in_the_place_of_radians_warn(call):
    with pytest.warns(
        gk.AngleWarning, match=r"=45 radians are 7.16 turns; .* give numpy.radians\(45\)"
    ):
        call()


def test_a_bank_of_degrees_says_it_in_one_way():
    with pytest.warns(gk.AngleWarning) as warned:
        bank = gk.GaborBank.grid(2, 8, theta=45)
    assert len({str(warning.message) for warning in warned}) == 1
    expected = gk.GaborBank.grid(2, 8, theta=math.remainder(45, 2 * math.pi))
    np.testing.assert_allclose(bank[3].sample(), expected[3].sample(), rtol=0, atol=1e-12)


def test_angles_of_a_turn_and_a_half_are_as_they_were():
    kernel = gk.GaborKernel(sigma=4, theta=2 * math.pi, phase=-2 * math.pi).rotated(math.pi)
    assert kernel.theta == 3 * math.pi
    theta = pytest.importorskip("torch", reason="needs torch").tensor(45.0)
    assert gk.GaborKernel(sigma=4, theta=theta).theta is theta  # learned, it may drift


def test_endless_dilation_is_an_error():
    with pytest.raises(gk.KernelError, match="scale=inf"):
        gk.GaborKernel(sigma=4).scaled(2, 5000)


@pytest.mark.parametrize("bandwidth", [0, -1, math.nan, math.inf])
def test_invalid_bandwidth(bandwidth):
    with pytest.raises(gk.KernelError, match="bandwidth"):
        gk.GaborKernel.from_bandwidth(wavelength=8, bandwidth=bandwidth)


@pytest.mark.parametrize("tolerance", [0, 1, -1e-3, math.nan])
def test_invalid_tolerance(tolerance):
    with pytest.raises(gk.KernelError, match="tolerance"):
        gk.GaborKernel(sigma=4).sample(tolerance)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sigma": 2, "wavelength": 1.5}, "below 2 and aliases"),
        ({"sigma": 0.3, "wavelength": 3}, "too small for the pixel grid"),
        ({"sigma": 1, "wavelength": 4, "gamma": 4}, "too small for the pixel grid"),
        ({"sigma": 1, "wavelength": 20}, "too small for a wavelength of 20"),
    ],
)
def test_poor_sampling_warns(fields, message):
    with pytest.warns(gk.SamplingWarning, match=message) as record:
        gk.GaborKernel(**fields)
    assert record[0].filename == __file__


def test_poor_sampling_warns_from_its_bounds_on():
    """Without its DC term the largest response may lie at 2/3 of the wavelength, no finer."""
    size = {"peak": 10.0, "deviation": 5.0, "gamma": 2.0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_poor_sampling(wavelength=15.0, **size)
        warn_of_poor_sampling(wavelength=2.0, **size)
        warn_of_poor_sampling(wavelength=8.0, **size | {"deviation": 1.0})
        warn_of_poor_sampling(wavelength=8.0, **size | {"deviation": 0.5, "gamma": 0.25})
    for changes, words in (
        ({"wavelength": 15.01}, "peaks at 10 pixels; use sigma of at least 2.14$"),
        ({"wavelength": 1.99}, "below 2 and aliases"),
        ({"wavelength": 8.0, "deviation": 0.99}, "standard deviation 0.495 pixels is too small"),
        ({"wavelength": 8.0, "deviation": 0.49, "gamma": 0.25}, "standard deviation 0.49 pixels"),
    ):
        with pytest.warns(gk.SamplingWarning, match=words):
            warn_of_poor_sampling(**size | changes)


def test_the_article_s_kernel_does_not_warn():
    gk.GaborKernel.article(sigma=1)


def test_kernels_are_values():
    kernel = gk.GaborKernel(sigma=4, norm="l2")
    assert kernel == gk.GaborKernel(sigma=4.0, norm="l2")
    assert hash(kernel) == hash(gk.GaborKernel(sigma=4.0, norm="l2"))
    with pytest.raises(AttributeError, match="cannot assign to field 'sigma'"):
        kernel.sigma = 3


def test_label():
    assert gk.GaborKernel(wavelength=8, sigma=4, theta=math.pi / 4).label == "8 px, 45°"
