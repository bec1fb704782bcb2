"""The compiled engine: agreement with SciPy, what kernels share, and what it cannot do."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import convolve, kernels, relative_error
from torch.autograd import forward_ad

import gaborkit as gk
from gaborkit.filtering.engines import compiled, separable, structures
from gaborkit.filtering.engines.factorization import Factorization
from gaborkit.types import BOUNDARIES

RNG = np.random.default_rng(3)
BUILT = next(Path(compiled.__file__).parent.glob("_separable.*"))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(kernels(), min_size=1, max_size=3),
    st.integers(1, 70),
    st.integers(1, 140),
    st.sampled_from(BOUNDARIES),
    st.sampled_from([(np.float32, 1e-5), (np.float64, 1e-10)]),
)
def test_equals_convolution_at_any_size(chosen, height, width, boundary, precision):
    dtype, bound = precision
    image = RNG.standard_normal((height, width)).astype(dtype)
    bank = gk.GaborBank(chosen)
    found = bank.filter(image, engine="separable", boundary=boundary)
    for kernel, response in zip(chosen, found, strict=True):
        expected = convolve(image.astype(np.float64), kernel, boundary)
        assert relative_error(response, expected, kernel, image) <= bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [16, 32, 64])
def test_every_register_width_gives_the_same(width, dtype, monkeypatch):
    library = ctypes.CDLL(str(BUILT))
    if width > library.vector_bytes():
        pytest.skip(f"this processor has no registers of {width} bytes")
    image = RNG.random((2, 50, 61)).astype(dtype)
    bank = gk.GaborBank.grid(1, 5)
    expected = bank.filter(image, engine="direct")
    precision = {np.float32: "float", np.float64: "double"}[dtype]
    perform = getattr(library, f"perform_{precision}_{width}")
    perform.argtypes = structures.performer(np.dtype(dtype).name).argtypes
    monkeypatch.setattr(compiled, "performer", lambda *_: perform)
    found = bank.filter(image, engine="separable")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 if dtype == np.float32 else 1e-14)


@pytest.mark.parametrize("boundary", BOUNDARIES)
# Around a wrapped picture of 6, 14 or 30 pixels, a register's last source lies as far behind its
# first one as if it were mirrored.
@pytest.mark.parametrize("width", [6, 14, 30, 90])
def test_the_outside_is_read_in_its_order(width, boundary):
    bank = gk.GaborBank.grid(1, 2, sigma=11)
    for dtype, tolerance in ((np.float32, 1e-6), (np.float64, 1e-13)):
        image = RNG.random((5, width)).astype(dtype)
        found = bank.filter(image, engine="separable", boundary=boundary)
        expected = bank.filter(image.astype(np.float64), engine="direct", boundary=boundary)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_strided_images_and_images_turned_over():
    image = RNG.random((40, 90))
    bank = gk.GaborBank.grid(1, 2)
    for view in (image[::2, ::3], image[::-1], image.T, image[:, ::-1], image[5:9, 7:50]):
        expected = bank.filter(view.copy(), engine="direct")
        np.testing.assert_allclose(bank.filter(view, engine="separable"), expected, atol=1e-13)


def test_filters_are_even_or_odd_and_shared():
    bank = gk.GaborBank.grid(1, 8)
    parts = Factorization.of(tuple(bank), 1e-5, 1e-15)
    # cos and sin of five wave numbers along x, of which one is zero.
    assert len(parts.rows) == 9
    assert len(parts.products) == 17
    for lines, odd in ((parts.rows, parts.odd_rows), (parts.columns, parts.odd_columns)):
        sign = np.where(odd, -1, 1)[:, None]
        assert np.array_equal(lines[:, ::-1], sign * lines)


@pytest.mark.parametrize("phase", [0.0, 0.7])
@pytest.mark.parametrize("gamma", [0.4, 1.0, 2.5])
def test_factors_add_up_to_the_kernel(gamma, phase):
    bank = tuple(
        gk.GaborKernel(sigma=2, gamma=gamma, theta=theta, phase=phase) for theta in (0.3, 2.0)
    )
    parts = Factorization.of(bank, 1e-5, 1e-15)
    outer = np.array([np.outer(parts.columns[g], parts.rows[f]) for f, g in parts.products])
    for k, kernel in enumerate(bank):
        found = np.tensordot(parts.mix[k] + 1j * parts.mix[len(bank) + k], outer, 1)
        np.testing.assert_allclose(found, kernel.sample(), rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        parts.gains, [kernel.sample().sum() for kernel in bank], rtol=0, atol=1e-13
    )


def test_many_small_images_at_once():
    images = RNG.random((70, 9, 11), np.float32)
    bank = gk.GaborBank.grid(2, 3)
    expected = bank.filter(images.astype(np.float64), engine="direct")
    np.testing.assert_allclose(bank.filter(images, engine="separable"), expected, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own
def test_tensors_in_memory_take_it_unless_a_gradient_is_asked_for(monkeypatch):
    image = torch.rand(150, 200)
    bank = gk.GaborBank.grid(1, 8)
    expected = bank.filter(image, engine="direct")
    calls = []
    usual = separable.add
    monkeypatch.setattr(separable, "add", lambda *a: calls.append(1) or usual(*a))
    torch.testing.assert_close(bank.filter(image), expected, rtol=0, atol=1e-6)
    assert calls == [1]
    asked = image.clone().requires_grad_()
    with torch.no_grad():
        bank.filter(asked)
    assert len(calls) == 2
    bank.filter(asked).abs().sum().backward()
    assert asked.grad is not None
    with forward_ad.dual_level():
        found = bank.filter(forward_ad.make_dual(image, torch.ones_like(image)))
        assert forward_ad.unpack_dual(found).tangent is not None
    found = torch.func.jvp(lambda x: bank.filter(x), (image,), (image,))
    torch.testing.assert_close(found[1], expected, rtol=0, atol=1e-6)
    assert len(calls) == 2


def test_nan_in_a_tensor_spreads_over_its_picture_only():
    images = torch.rand(2, 9, 9)
    images[0, 4, 4] = torch.nan
    found = gk.GaborBank.grid(1, 2).filter(images)
    assert found[0].isnan().any()
    assert not found[1].isnan().any()


@pytest.fixture
def no_compiled_code(monkeypatch):
    monkeypatch.setattr(structures, "performers", lambda: structures.Performers({}, "not compiled"))


def test_without_the_compiled_code(no_compiled_code):
    image = RNG.random((20, 20))
    bank = gk.GaborBank.grid(1, 2)
    assert {step.engine for step in bank.plan(image.shape).steps} <= {"direct", "fourier"}
    bank.filter(image)
    with pytest.raises(gk.FilterError, match=r"'pyramid' cannot run .not compiled.; install"):
        bank.filter(image, engine="separable")


@pytest.mark.parametrize("content", ["text", "without symbols", "other sizes"])
def test_files_that_do_not_fit(content, monkeypatch, tmp_path):
    """They are not used, and that is said once."""
    library = tmp_path / "_separable.so"
    if content == "text":
        library.write_text("no library")
    elif content == "without symbols":
        loaded = ctypes.CDLL(None)
        monkeypatch.setattr(ctypes, "CDLL", lambda _: loaded)
        library.touch()
    else:
        monkeypatch.setattr(structures, "STRUCTURES", (structures.Bank,) * 7)
        library.write_bytes(BUILT.read_bytes())
    monkeypatch.setattr(structures, "__file__", str(tmp_path / "structures.py"))
    structures.performers.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match=r"_separable\.so is of another .*; slower engines"):
            assert not structures.available_here()
        assert "or damaged" in structures.performers().state
        with pytest.raises(gk.FilterError, match=r"_separable\.so is of another"):
            structures.performer("float32")
    finally:
        structures.performers.cache_clear()


def test_memory_that_is_not_aligned():
    """Images, and arrays to write into, that start between two numbers."""
    bank = gk.GaborBank.grid(2, 2)
    image = RNG.random((20, 30), np.float32)
    memory = np.empty(image.nbytes + 1, np.uint8)
    odd = memory[1:].view(np.float32).reshape(image.shape)
    odd[...] = image
    assert not odd.flags.aligned
    for part, dtype in (("complex", np.complex64), ("magnitude", np.float32)):
        expected = bank.filter(image, part=part, engine="separable")
        assert np.array_equal(bank.filter(odd, part=part, engine="separable"), expected)
        memory_out = np.empty(expected.nbytes + 1, np.uint8)
        out = memory_out[1:].view(dtype).reshape(expected.shape)
        assert bank.filter(image, part=part, engine="separable", out=out) is out
        np.testing.assert_allclose(out, expected, rtol=1e-6)


def test_no_memory(monkeypatch):
    monkeypatch.setattr(compiled, "performer", lambda *_: lambda *_: 1)
    with pytest.raises(MemoryError, match="no memory for the caches"):
        gk.GaborBank.grid(1, 2).filter(np.ones((9, 9)), engine="separable")
