"""Filtering: every engine against the sum over taps, and everything a user may pass."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import convolve, kernels, relative_error

import gaborkit as gk
from gaborkit.filtering.engines import batch, fourier, separable
from gaborkit.types import BOUNDARIES

ENGINES = [
    ("numpy", "direct"),
    ("numpy", "separable"),
    ("numpy", "fourier"),
    ("numpy", "auto"),
    ("torch", "direct"),
    ("torch", "fourier"),
    ("torch", "auto"),
]
LIMIT = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-5}


def respond(library, bank, image, **options):
    if library == "torch":
        return bank.filter(torch.from_numpy(image), **options).numpy()
    return bank.filter(image, **options)


@settings(max_examples=30)
@given(
    st.lists(kernels(), min_size=1, max_size=3),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(BOUNDARIES),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 2**32 - 1),
)
def test_every_engine_equals_direct_convolution(drawn, height, width, boundary, dtype, seed):
    rng = np.random.default_rng(seed)
    image = (rng.random((height, width)) * rng.choice([1, 255])).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gk.SamplingWarning)
        # Twins of the other half circle, of another phase, and of another angle.
        for kernel in list(drawn):
            drawn.append(kernel.rotated(math.pi).replace(phase=1.0))
            drawn.append(kernel.rotated(0.5))
    bank = gk.GaborBank(drawn)
    expected = [convolve(image, kernel, boundary) for kernel in bank]
    for library, engine in ENGINES:
        found = respond(library, bank, image, boundary=boundary, engine=engine)
        assert found.dtype == (np.complex64 if dtype == np.float32 else np.complex128)
        for k, kernel in enumerate(bank):
            error = relative_error(found[k], expected[k], kernel, image)
            assert error <= LIMIT[np.dtype(dtype)], (library, engine, kernel)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (31, 1), (7, 64), (65, 66)])
def test_shapes_from_one_pixel_up(shape):
    image = np.random.default_rng(0).random(shape)
    bank = gk.GaborBank([gk.GaborKernel(sigma=3, theta=0.3), gk.LogGaborKernel(wavelength=6)])
    expected = [convolve(image, kernel, "reflect") for kernel in bank]
    for library, engine in ENGINES:
        found = respond(library, bank, image, engine=engine)
        for k, kernel in enumerate(bank):
            error = relative_error(found[k], expected[k], kernel, image)
            assert error < 1e-10, (library, engine)


@pytest.mark.parametrize(("library", "engine"), ENGINES)
def test_impulse_response_is_the_kernel(library, engine):
    kernel = gk.GaborKernel(sigma=3, theta=0.3, gamma=0.8, phase=0.2)
    radius = kernel.radius()
    image = np.zeros((2 * radius + 1, 2 * radius + 1))
    image[radius, radius] = 1
    found = respond(library, gk.GaborBank([kernel]), image, engine=engine, boundary="constant")[0]
    np.testing.assert_allclose(found, kernel.sample(), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("library", "engine"), ENGINES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_image_answers_zero(library, engine, dtype):
    image = np.full((20, 33), 200, dtype)
    bank = gk.GaborBank.grid(2, 3)
    for boundary in ("reflect", "mirror", "nearest", "wrap"):
        found = respond(library, bank, image, engine=engine, boundary=boundary)
        assert abs(found).max() <= 200 * np.finfo(dtype).eps


@pytest.mark.parametrize(("library", "engine"), ENGINES)
def test_plain_kernels_answer_a_constant_by_their_sum(library, engine):
    kernel = gk.GaborKernel(sigma=2, wavelength=8, dc_free=False)
    found = respond(library, gk.GaborBank([kernel]), np.full((9, 8), 3.0), engine=engine)
    np.testing.assert_allclose(found, 3 * kernel.sample().sum(), rtol=1e-12)


@pytest.mark.parametrize(("library", "engine"), ENGINES)
def test_linear(library, engine):
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 30, 25))
    bank = gk.GaborBank.grid(1, 4)
    found = respond(library, bank, 2 * x - 3 * y, engine=engine)
    parts = [respond(library, bank, part, engine=engine) for part in (x, y)]
    np.testing.assert_allclose(found, 2 * parts[0] - 3 * parts[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("library", "engine"), ENGINES)
def test_leading_axes(library, engine):
    images = np.random.default_rng(2).random((2, 3, 20, 21))
    bank = gk.GaborBank.grid(2, 2)
    found = respond(library, bank, images, engine=engine)
    assert found.shape == (2, 3, 4, 20, 21)
    one = respond(library, bank, images[1, 2].copy(), engine=engine)
    np.testing.assert_allclose(found[1, 2], one, rtol=0, atol=1e-14)


def test_rotating_the_image_rotates_the_responses():
    image = np.random.default_rng(3).random((24, 24))
    kernel = gk.GaborKernel(sigma=3, wavelength=7, theta=0.4)
    turned = kernel.rotated(-math.pi / 2).filter(np.rot90(image))
    np.testing.assert_allclose(turned, np.rot90(kernel.filter(image)), rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("bool", "complex64"),
        ("uint8", "complex64"),
        ("int16", "complex64"),
        ("uint16", "complex64"),
        ("float16", "complex64"),
        ("int32", "complex128"),
        ("int64", "complex128"),
        ("float64", "complex128"),
    ],
)
def test_integers_are_promoted_and_never_rescaled(dtype, expected):
    image = np.random.default_rng(4).integers(0, 2 if dtype == "bool" else 120, (12, 13))
    image = image.astype(dtype)
    bank = gk.GaborBank.grid(1, 2)
    for found in (bank.filter(image), bank.filter(torch.from_numpy(image)).numpy()):
        assert found.dtype == expected
        np.testing.assert_allclose(found, bank.filter(image.astype(float)), rtol=0, atol=2e-4)


def test_bfloat16_is_promoted():
    assert gk.GaborKernel(sigma=2).filter(torch.ones(8, 8, dtype=torch.bfloat16)).dtype == (
        torch.complex64
    )


def test_lists_are_arrays():
    assert gk.GaborKernel(sigma=1).filter([[1, 2], [3, 4]]).shape == (2, 2)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_channels_are_filtered_one_by_one(axis):
    image = np.random.default_rng(5).random((20, 22, 3))
    bank = gk.GaborBank.grid(1, 2)
    found = bank.filter(np.moveaxis(image, -1, axis), channel_axis=axis)
    tensor = torch.from_numpy(np.moveaxis(image, -1, axis).copy())
    assert found.shape == (3, 2, 20, 22)
    np.testing.assert_allclose(found[1], bank.filter(image[..., 1]), rtol=0, atol=1e-14)
    np.testing.assert_allclose(bank.filter(tensor, channel_axis=axis), found, rtol=0, atol=1e-13)


def test_kernel_filter_has_no_kernel_axis():
    image = np.random.default_rng(6).random((3, 20, 22))
    kernel = gk.GaborKernel(sigma=2)
    found = kernel.filter(image, channel_axis=0, boundary="wrap", engine="direct")
    assert found.shape == (3, 20, 22)
    expected = gk.GaborBank([kernel]).filter(image, boundary="wrap")[:, 0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("engine", ["direct", "separable", "fourier"])
def test_out_is_written(engine, tmp_path):
    image = np.random.default_rng(7).random((2, 30, 31))
    bank = gk.GaborBank.grid(2, 3)
    out = np.memmap(tmp_path / "responses", np.complex128, "w+", shape=(2, 6, 30, 31))
    assert bank.filter(image, out=out, engine=engine) is out
    np.testing.assert_allclose(out, bank.filter(image), rtol=0, atol=1e-13)


def test_out_of_another_precision():
    image = np.random.default_rng(7).random((30, 31)).astype(np.float32)
    bank = gk.GaborBank.grid(1, 3)
    out = np.empty((3, 30, 31), np.complex128)
    np.testing.assert_array_equal(bank.filter(image, out=out), bank.filter(image))


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("engine", ["auto", "fourier", "direct"])
@pytest.mark.parametrize("chunk", [1, 2**28, 30 * 31 * 16 * 4])
def test_iteration_gives_the_same_channels(library, engine, chunk, monkeypatch):
    monkeypatch.setattr(batch, "CHUNK_BYTES", chunk)
    image = np.random.default_rng(8).random((30, 31))
    mother = gk.GaborBank.grid(2, 3)
    bank = gk.GaborBank([*mother, *(kernel.rotated(math.pi) for kernel in mother)])
    given_image = torch.from_numpy(image) if library == "torch" else image
    found = list(bank.responses(given_image, engine=engine))
    assert len(found) == 12
    np.testing.assert_allclose(np.stack(found), bank.filter(image), rtol=0, atol=1e-13)


def test_analytic_transfer_differs_by_the_tolerance():
    image = np.random.default_rng(9).standard_normal((64, 64))
    for kernel in (
        gk.GaborKernel(sigma=4, wavelength=8, gamma=0.5, theta=0.3),
        gk.GaborKernel(sigma=2, wavelength=8, dc_free=False),
    ):
        bank = gk.GaborBank([kernel])
        sampled, analytic = bank.filter(image), bank.filter(image, transfer="analytic")
        difference = np.linalg.norm(sampled - analytic)
        assert 0 < difference <= gk.TOLERANCE * np.linalg.norm(image)
        exact = bank.filter(image, tolerance=1e-13)
        analytic = bank.filter(image, transfer="analytic", tolerance=1e-13)
        assert np.linalg.norm(exact - analytic) <= 1e-9 * np.linalg.norm(exact)


@pytest.mark.parametrize(("library", "engine"), ENGINES)
@pytest.mark.parametrize("wavelength", [12.0, 60.0, 900.0])
def test_waves_that_the_dc_term_nearly_takes_away_keep_their_digits(library, engine, wavelength):
    image = np.random.default_rng(3).standard_normal((30, 25)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", gk.SamplingWarning)
        long = gk.GaborKernel(sigma=1.5, wavelength=wavelength, theta=0.5)
        pair = [long, long.replace(gamma=0.8)]
    for kernel in pair:
        found = respond(library, gk.GaborBank([kernel]), image, engine=engine)[0]
        expected = convolve(image, kernel, "reflect")
        assert relative_error(found, expected, kernel, image) <= 1e-5


def test_twins_are_computed_once(monkeypatch):
    counted = []
    original = fourier.respond

    def respond(*arguments):
        counted.append(len(arguments[3]))
        return original(*arguments)

    monkeypatch.setattr(fourier, "respond", respond)
    circle = gk.GaborBank(
        gk.GaborKernel(sigma=4, theta=i * math.pi / 8, phase=0.1 * i) for i in range(16)
    )
    circle.filter(np.ones((32, 32)), engine="fourier")
    assert sum(counted) == 8


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
@pytest.mark.parametrize("engine", ["direct", "fourier", "auto"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cuda_equals_numpy(engine, dtype):
    image = np.random.default_rng(11).random((2, 65, 70)).astype(dtype)
    bank = gk.GaborBank([*gk.GaborBank.grid(2, 4), *gk.GaborBank.grid(1, 2, gamma=0.5)])
    found = bank.filter(torch.from_numpy(image).cuda(), engine=engine)
    assert found.is_cuda
    expected = bank.filter(image.astype(float), engine="direct")
    error = np.linalg.norm(found.cpu().numpy() - expected) / np.linalg.norm(expected)
    assert error <= LIMIT[np.dtype(dtype)]


@pytest.mark.parametrize(
    ("sides", "transformed"),
    [
        ((48, 60), (48, 60)),  # of fast sizes, which wrap around by themselves
        ((32, 36), (32, 36)),  # a kernel 31 wide just fits
        ((30, 60), (60, 90)),  # not any more
        ((60, 30), (90, 60)),
        ((12, 60), None),
        ((49, 59), None),
    ],
)
@pytest.mark.parametrize("kernel", [gk.GaborKernel(sigma=3.2), gk.LogGaborKernel(wavelength=6)])
def test_the_fourier_engine_wraps_around_with_and_without_a_margin(
    monkeypatch, sides, transformed, kernel
):
    sizes, original = [], fourier.spectrum
    monkeypatch.setattr(fourier, "spectrum", lambda *args: sizes.append(args[2]) or original(*args))
    assert kernel.radius() == 15
    image = np.random.default_rng(1).standard_normal(sides)
    expected = kernel.filter(image, boundary="wrap", engine="direct")
    found = kernel.filter(image, boundary="wrap", engine="fourier")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
    if transformed is not None:
        assert sizes == [transformed]


def test_results_lie_where_dropped_ones_were_and_never_where_others_are():
    image = np.random.default_rng(2).standard_normal((300, 300)).astype(np.float32)
    bank = gk.GaborBank.grid(1, 8)
    first = bank.filter(image)
    kept, place, row = first.copy(), first.ctypes.data, first[3, 5:9]
    second = bank.filter(image)
    assert not np.may_share_memory(first, second)
    del first
    third = bank.filter(image[::-1])
    assert not np.may_share_memory(row, third)  # a view holds the whole
    np.testing.assert_array_equal(row, kept[3, 5:9])
    del row
    fourth = bank.filter(image)
    assert fourth.ctypes.data == place
    np.testing.assert_array_equal(fourth, kept)
    assert not np.may_share_memory(fourth, second)
    assert not np.may_share_memory(fourth, third)


def test_a_part_alone_takes_fewer_passes():
    image = np.random.default_rng(2).standard_normal((60, 70))
    bank = gk.GaborBank([gk.GaborKernel(sigma=3, theta=t, phase=p) for t in (0, 1) for p in (0, 1)])
    passes = [
        separable.Tables.of(bank.kernels[:1], 1e-5, np.dtype(float), (), part).passes
        for part in ("complex", "real", "imag")
    ]
    assert sum(passes[1]) < sum(passes[0])
    assert sum(passes[2]) < sum(passes[0])
    responses = bank.filter(image, engine="direct")
    for part in ("real", "imag"):
        found = bank.filter(image, engine="separable", part=part)
        np.testing.assert_allclose(found, getattr(responses, part), rtol=0, atol=1e-13)
