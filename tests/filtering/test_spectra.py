"""Transforms of kernels that are kept from one picture to the next."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.filtering.engines import fourier, spectra

SIZE = (45, 40)


@pytest.fixture(autouse=True)
def empty():
    spectra.spectra_of.cache_clear()


def spectra_of(kernels, double=True, transfer="sampled"):
    return spectra.spectra_of(tuple(kernels), SIZE, double, 1e-5, transfer)


def transform_of(kernel):
    """Of the samples, laid around the first sample, by definition."""
    sample, placed = kernel.sample(), np.zeros(SIZE, complex)
    line = np.arange(len(sample)) - len(sample) // 2
    np.add.at(placed, np.ix_(line % SIZE[0], line % SIZE[1]), sample)
    return np.fft.fft2(placed)


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("phase", [0.0, 0.3])
@pytest.mark.parametrize(
    "kernels",
    [
        [gk.GaborKernel(sigma=2, theta=t, dc_free=t != 2) for t in range(4)],
        [gk.GaborKernel(sigma=2, gamma=0.7, theta=t, norm="l2") for t in range(3)],
        [gk.GaborKernel(sigma=4, theta=t, norm="peak") for t in range(3)],
        [gk.LogGaborKernel(wavelength=4, theta=t) for t in range(2)],
    ],
    ids=["round", "elongated", "high", "log-Gabor"],
)
def test_spectra_are_the_transforms_of_the_samples(kernels, phase, double):
    if phase and isinstance(kernels[0], gk.GaborKernel):
        kernels = [kernel.replace(phase=phase) for kernel in kernels]
    found = spectra_of(kernels, double)
    wanted = np.stack([transform_of(kernel) for kernel in kernels])
    assert found.dtype.kind == ("f" if np.allclose(wanted.imag, 0, atol=1e-12) else "c")
    tolerance = (1e-14 if double else 1e-6) * abs(wanted).max()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance)


def test_made_once():
    kernels = [gk.GaborKernel(sigma=2, theta=t) for t in (0.1, 0.2)]
    assert spectra_of(kernels) is spectra_of(kernels)
    assert spectra_of(kernels) is not spectra_of(kernels[:1])


def test_an_analytic_kernel_may_be_larger_than_the_picture():
    kernels = [gk.GaborKernel(sigma=9, theta=t) for t in (0.0, 0.5)]
    fy, fx = np.fft.fftfreq(SIZE[0])[:, None], np.fft.fftfreq(SIZE[1])
    wanted = np.stack([kernel.transfer(fy, fx, sampled=True) for kernel in kernels])
    found = spectra_of(kernels, transfer="analytic")
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9 * abs(wanted).max())


@pytest.mark.parametrize("gamma", [0.5, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_of_any_size_answer_alike(monkeypatch, dtype, gamma):
    image = np.random.default_rng(0).random((3, 70, 60)).astype(dtype)
    bank = gk.GaborBank([gk.GaborKernel(sigma=3, gamma=gamma, theta=0.3 * t) for t in range(7)])
    direct = bank.filter(image.astype(float), engine="direct")
    tolerance = (1e-11 if dtype == np.float64 else 1e-5) * abs(direct).max()
    for blocks in (1, 3, 7):
        monkeypatch.setattr(fourier, "blocks", lambda kernels, *_, n=blocks: min(n, kernels))
        for _ in range(2):  # made, and kept
            found = bank.filter(image, engine="fourier")
            np.testing.assert_allclose(found, direct, rtol=0, atol=tolerance)


def test_how_many_blocks():
    assert fourier.blocks(8, fourier.BLOCK_BYTES // 8, 1) == 1
    assert fourier.blocks(8, fourier.BLOCK_BYTES // 8, 2) == 2
    assert fourier.blocks(8, fourier.BLOCK_BYTES // 3, 1) == 3
    assert fourier.blocks(8, 10 * fourier.BLOCK_BYTES, 4) == 8
    assert fourier.blocks(1, 0, 4) == 1
    assert math.ceil(8 / fourier.blocks(8, 1, 3)) == 3


def test_lines_longer_than_the_transform_wrap_around():
    lines = np.random.default_rng(0).standard_normal((2, 25)) + 0j
    offsets = np.arange(-12, 13)
    waves = np.exp(-2j * np.pi * np.outer(offsets, np.arange(7)) / 7)
    assert np.allclose(spectra._centred([lines], 7), lines @ waves, atol=1e-12)


def test_a_batch_on_a_device_fills_the_bytes_that_it_may_take(monkeypatch):
    """Of a spectrum, four: the product, both transforms, and what the last one uses."""
    torch = pytest.importorskip("torch", reason="needs torch")
    from gaborkit.filtering.engines import torch_fourier

    spectrum = torch.empty((3, 8, 5), dtype=torch.complex64, device="meta")
    monkeypatch.setattr(torch_fourier, "BATCH_BYTES", 2 * 4 * 3 * 8 * 5 * 8)
    assert torch_fourier.batches(spectrum, 5) == [(0, 2), (2, 2), (4, 1)]
    monkeypatch.setattr(torch_fourier, "BATCH_BYTES", 2 * 4 * 3 * 8 * 5 * 8 - 1)
    assert torch_fourier.batches(spectrum, 2) == [(0, 1), (1, 1)]
    monkeypatch.setattr(torch_fourier, "BATCH_BYTES", 1)
    assert torch_fourier.batches(spectrum, 2) == [(0, 1), (1, 1)]
    memory = torch.empty((3, 8, 5), dtype=torch.complex64)
    assert torch_fourier.batches(memory, 3) == [(0, 1), (1, 1), (2, 1)]
