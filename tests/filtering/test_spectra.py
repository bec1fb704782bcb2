"""Transforms of kernels that are kept from one picture to the next."""

from __future__ import annotations

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.engines import spectra


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    monkeypatch.setattr(spectra, "_kept", type(spectra._kept)())


def fill(*keys, size=4, value=1 + 1j):
    made = []
    for key in keys:
        spectra.kept(key, lambda key=key: made.append(key) or np.full(size, value, complex))
    return made


def test_made_once():
    assert fill("a", "b", "a", "b") == ["a", "b"]


def test_the_least_used_go_first(monkeypatch):
    monkeypatch.setattr(spectra, "KEPT_BYTES", 2 * 4 * 16)
    assert fill("a", "b", "a", "c", "a", "b") == ["a", "b", "c", "b"]
    assert list(spectra._kept) == ["a", "b"]


def test_large_ones_are_not_kept(monkeypatch):
    monkeypatch.setattr(spectra, "LARGEST_BYTES", 100)
    assert fill("a", "a", size=10) == ["a", "a"]
    assert fill("a", "a", size=10, value=1) == ["a"]  # real: half as large


@pytest.mark.parametrize(("phase", "kind"), [(0, "f"), (0.3, "c")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_second_picture_is_filtered_alike(phase, kind, dtype):
    image = np.random.default_rng(0).random((70, 60)).astype(dtype)
    # Round kernels are not kept: they are made of lines.
    kernels = [gk.GaborKernel(sigma=s, gamma=0.5, phase=phase) for s in (4, 6)]
    bank = gk.GaborBank(kernels)
    first, second = (bank.filter(image, engine="fourier") for _ in range(2))
    assert next(iter(spectra._kept.values())).dtype.kind == kind
    np.testing.assert_array_equal(first, second)
    direct = bank.filter(image.astype(float), engine="direct")
    scale = abs(direct).max()
    np.testing.assert_allclose(first, direct, atol=(1e-10 if dtype == np.float64 else 1e-5) * scale)
    assert len(spectra._kept) == 2
