"""The engine of wide kernels: its filters, its error, and every size and boundary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.filtering.engines import half_band, pyramid
from gaborkit.types import BOUNDARIES

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("edge", [0.02, 0.05, 0.1, 0.15, half_band.EDGE])
def test_half_band_filters_pass_their_band_and_stop_its_aliases(edge):
    taps = half_band.half_band(edge)
    inside, outside = np.linspace(0, edge, 999), np.linspace(0.5 - edge, 0.5, 999)
    for frequency, wanted in ((inside, 1), (outside, 0)):
        waves = np.cos(2 * np.pi * np.outer(frequency, 2 * np.arange(len(taps)) + 1))
        assert abs(0.5 + 2 * waves @ taps - wanted).max() <= 1.1 * half_band.RIPPLE


def test_wider_bands_need_longer_filters():
    lengths = [len(half_band.half_band(edge)) for edge in (0.02, 0.08, 0.12, 0.16, 0.19)]
    assert lengths == sorted(set(lengths))


def bank_of(sigma, gamma=1.0):
    """Orientations, norms, a phase, and a kernel that answers constants."""
    kernel = gk.GaborKernel(sigma=sigma, wavelength=1.8 * sigma, gamma=gamma, theta=0.3)
    return gk.GaborBank(
        [
            kernel,
            kernel.rotated(1.9),
            kernel.replace(norm="peak", phase=1.1),
            kernel.replace(norm="l2", dc_free=False, wavelength=2.5 * sigma),
        ]
    )


def errors(bank, image, found, boundary):
    """Largest L2 error of a response over that of the kernel to white noise."""
    wanted = bank.filter(image.astype(float), boundary=boundary, tolerance=1e-10, engine="fourier")
    noise = [np.linalg.norm(k.sample()) * np.linalg.norm(image.astype(float)) for k in bank]
    return max(
        np.linalg.norm(f - w) / max(np.linalg.norm(w), n)
        for f, w, n in zip(found, wanted, noise, strict=True)
    )


@settings(max_examples=30, deadline=None)
@given(
    st.floats(7.5, 40),
    st.sampled_from([1.0, 1.0, 0.6]),
    st.integers(1, 150),
    st.integers(1, 200),
    st.sampled_from(BOUNDARIES),
)
def test_stands_for_the_whole_kernel(sigma, gamma, height, width, boundary):
    image = (RNG.standard_normal((height, width)) + 1).astype(np.float32)
    bank = bank_of(sigma, gamma)
    found = bank.filter(image, boundary=boundary, engine="pyramid")
    assert errors(bank, image, found, boundary) <= 1e-5


def test_slabs_have_no_seams(monkeypatch):
    image = RNG.standard_normal((2, 130, 90)).astype(np.float32)
    bank = bank_of(16)
    whole = bank.filter(image, engine="pyramid")
    mean = bank.statistics(image, engine="pyramid").mean
    strongest = bank.strongest(image, engine="pyramid", over="all")
    monkeypatch.setattr(pyramid, "SLAB_BYTES", 1)
    np.testing.assert_allclose(bank.filter(image, engine="pyramid"), whole, rtol=0, atol=2e-6)
    np.testing.assert_allclose(bank.statistics(image, engine="pyramid").mean, mean, rtol=1e-5)
    again = bank.strongest(image, engine="pyramid", over="all")
    np.testing.assert_allclose(again.magnitude, strongest.magnitude, rtol=1e-5, atol=1e-6)
    assert (again.index == strongest.index).mean() > 0.999


@pytest.mark.parametrize("part", ["real", "imag", "magnitude", "energy", "phase"])
def test_parts(part):
    image = RNG.standard_normal((70, 77)).astype(np.float32)
    bank = bank_of(9)[:2]
    responses = bank.filter(image, engine="pyramid")
    found = bank.filter(image, engine="pyramid", part=part)
    if part == "phase":
        np.testing.assert_allclose(abs(responses) * np.exp(1j * found), responses, atol=1e-6)
    else:
        values = {"real": responses.real, "imag": responses.imag}
        values |= {"magnitude": abs(responses), "energy": abs(responses) ** 2}
        np.testing.assert_allclose(found, values[part], rtol=0, atol=1e-6)


def test_statistics_and_the_strongest():
    image = RNG.standard_normal((3, 60, 140)).astype(np.float32)
    bank = bank_of(12)
    magnitude = abs(bank.filter(image, engine="pyramid"))
    mean, deviation = bank.statistics(image, engine="pyramid")
    np.testing.assert_allclose(mean, magnitude.mean((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(deviation, magnitude.std((2, 3)), rtol=1e-4)
    largest, index = bank.strongest(image, engine="pyramid", over="all")
    np.testing.assert_allclose(largest[:, 0], magnitude.max(1), rtol=1e-5)
    assert np.array_equal(index[:, 0], magnitude.argmax(1))


def test_the_error_is_stated():
    bank = bank_of(16)
    plan = bank.plan((512, 512), engine="pyramid", tolerance=1e-3)
    assert plan.error == pytest.approx(1e-3 + 1e-5)
    assert "pyramid" in str(plan)
    assert bank.plan((512, 512), engine="separable").error == 1e-5


@pytest.mark.parametrize(
    ("kernel", "dtype"),
    [
        (gk.GaborKernel(sigma=16), np.float64),
        (gk.GaborKernel(sigma=3), np.float32),
        (gk.LogGaborKernel(wavelength=50), np.float32),
    ],
)
def test_what_it_does_not_filter(kernel, dtype):
    with pytest.raises(gk.FilterError, match="engine='pyramid' filters single precision with wide"):
        kernel.filter(np.ones((40, 40), dtype), engine="pyramid")


def test_empty_batches():
    found = bank_of(16).filter(np.ones((0, 40, 40), np.float32), engine="pyramid")
    assert found.shape == (0, 4, 40, 40)
