"""Filtering: every engine against the sum over taps, and everything a user may pass."""

from __future__ import annotations

import dataclasses
import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import convolve, kernels, relative_error

import gaborkit as gk
from gaborkit import filtering
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


@settings(max_examples=60)
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


@pytest.mark.parametrize(("library", "engine"), ENGINES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (31, 1), (7, 64), (65, 66)])
def test_shapes_from_one_pixel_up(library, engine, shape):
    image = np.random.default_rng(0).random(shape)
    bank = gk.GaborBank([gk.GaborKernel(sigma=3, theta=0.3), gk.LogGaborKernel(wavelength=6)])
    found = respond(library, bank, image, engine=engine)
    for k, kernel in enumerate(bank):
        expected = convolve(image, kernel, "reflect")
        assert relative_error(found[k], expected, kernel, image) < 1e-10


@pytest.mark.parametrize(("library", "engine"), ENGINES)
def test_impulse_response_is_the_kernel(library, engine):
    kernel = gk.GaborKernel(sigma=3, theta=0.3, gamma=0.8, phase=0.2)
    radius = kernel.radius()
    image = np.zeros((2 * radius + 1, 2 * radius + 1))
    image[radius, radius] = 1
    found = respond(library, gk.GaborBank([kernel]), image, engine=engine, boundary="constant")[0]
    np.testing.assert_allclose(found, kernel.sample(), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("library", "engine"), ENGINES)
@pytest.mark.parametrize("boundary", ["reflect", "mirror", "nearest", "wrap"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_image_answers_zero(library, engine, boundary, dtype):
    image = np.full((20, 33), 200, dtype)
    bank = gk.GaborBank.grid(2, 3)
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


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((2, 9, 9), complex), r"out has shape \(2, 9, 9\)"),
        ([], "out has list"),
        (np.empty((3, 9, 9)), "not a writable C-contiguous complex array"),
        (np.empty((9, 9, 3), complex).T, "not a writable C-contiguous complex array"),
    ],
)
def test_out_that_does_not_fit(out, message):
    with pytest.raises(gk.FilterError, match=message):
        gk.GaborBank.grid(1, 3).filter(np.ones((9, 9)), out=out)


def test_out_with_a_tensor():
    with pytest.raises(gk.FilterError, match="out= is for NumPy"):
        gk.GaborBank.grid(1, 3).filter(torch.ones(9, 9), out=torch.empty(3, 9, 9))


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("engine", ["auto", "fourier", "direct"])
@pytest.mark.parametrize("chunk", [1, 2**28, 30 * 31 * 16 * 4])
def test_iteration_gives_the_same_channels(library, engine, chunk, monkeypatch):
    monkeypatch.setattr(filtering, "CHUNK_BYTES", chunk)
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


def test_twins_are_computed_once(monkeypatch):
    counted = []
    original = filtering.fourier.respond

    def respond(*arguments):
        counted.append(len(arguments[4]))
        return original(*arguments)

    monkeypatch.setattr(filtering.fourier, "respond", respond)
    circle = gk.GaborBank(
        gk.GaborKernel(sigma=4, theta=i * math.pi / 8, phase=0.1 * i) for i in range(16)
    )
    circle.filter(np.ones((32, 32)), engine="fourier")
    assert sum(counted) == 8


@pytest.mark.parametrize(
    "image",
    [np.float64(3), np.ones(5), np.ones((0, 4)), np.ones((3, 4, 0))],
)
def test_no_image(image):
    with pytest.raises(gk.ImageError, match="is not an image"):
        gk.GaborKernel(sigma=2).filter(image)


@pytest.mark.parametrize(
    "image",
    [
        np.ones((4, 4), complex),
        np.full((4, 4), "a"),
        np.ones((4, 4), np.longdouble),
        torch.ones(4, 4, dtype=torch.complex64),
    ],
)
def test_dtypes_that_cannot_be_filtered(image):
    with pytest.raises(gk.ImageError, match=r"dtype .* cannot be filtered"):
        gk.GaborKernel(sigma=2).filter(image)


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_without_a_channel_axis(channels):
    for image in (np.ones((20, 30, channels)), torch.ones(20, 30, channels)):
        with pytest.raises(gk.ImageError, match=r"looks like colour: give channel_axis=-1"):
            gk.GaborKernel(sigma=2).filter(image)
    assert gk.GaborKernel(sigma=2).filter(np.ones((1, 20, 30, channels))).shape[-1] == channels


@pytest.mark.parametrize(("shape", "axis"), [((20, 30), 0), ((20, 30, 3), 3), ((3, 9, 9), -4)])
def test_channel_axis_that_is_none(shape, axis):
    with pytest.raises(gk.ImageError, match=f"channel_axis={axis} is no axis"):
        gk.GaborKernel(sigma=2).filter(np.ones(shape), channel_axis=axis)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numpy_refuses_what_is_not_finite(value):
    image = np.ones((10, 12))
    image[3, 4] = value
    with pytest.raises(gk.ImageError, match="1 of 120 pixels are NaN or infinite"):
        gk.GaborKernel(sigma=2).filter(image)


def test_torch_lets_nan_spread():
    image = torch.ones(10, 12)
    image[3, 4] = torch.nan
    assert gk.GaborKernel(sigma=2).filter(image).isnan().all()


def test_huge_finite_values_are_filtered():
    image = np.full((4, 4), 1.7e308)
    with np.errstate(over="ignore"):
        found = gk.GaborKernel(sigma=2, norm="l1").filter(image, engine="direct")
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"boundary": "symmetric"}, "boundary='symmetric' is unknown"),
        ({"engine": "fft"}, "engine='fft' is unknown"),
        ({"transfer": "exact"}, "transfer='exact' is unknown"),
        ({"transfer": "analytic", "engine": "direct"}, "needs engine='fourier'"),
    ],
)
def test_unknown_options(options, message):
    with pytest.raises(gk.FilterError, match=message):
        gk.GaborBank.grid(1, 1).filter(np.ones((9, 9)), **options)


def test_torch_has_no_separable_engine():
    with pytest.raises(gk.FilterError, match="not written for torch; choose one of auto, direct"):
        gk.GaborKernel(sigma=2).filter(torch.ones(9, 9), engine="separable")


# ---- the plan ----


def test_plan_prints_engines_costs_ranks_and_error():
    bank = gk.GaborBank([*gk.GaborBank.grid(1, 8), gk.GaborKernel(sigma=40, wavelength=80)])
    text = str(bank.plan((3, 512, 512), np.float64, engine="separable"))
    assert "9 kernels on 3 x 512 x 512 float64, numpy" in text
    assert "relative error at most 1e-10" in text
    assert "8 kernels of radius" in text
    assert "9 row and 17 column passes" in text


def test_plan_takes_the_engine_of_least_modelled_time():
    bank = gk.GaborBank.grid(5, 8)
    plan = bank.plan((256, 256))
    for step in plan.steps:
        assert step.milliseconds[step.engine] == min(step.milliseconds.values())
    assert sorted(k for step in plan.steps for k in step.indices) == list(range(40))
    assert plan.milliseconds > 0


def test_plan_states_the_rank_of_elongated_kernels():
    kernel = gk.GaborKernel(sigma=4, wavelength=8, gamma=0.5, theta=0.5)
    text = str(gk.GaborBank([kernel]).plan((64, 64), engine="separable"))
    rank = len(kernel.factors(accuracy=1e-7)[0])
    assert f"separable, {rank} row and {2 * rank} column passes" in text


@pytest.mark.parametrize("shape", [(5,), (0, 4), ()])
def test_plan_for_no_image(shape):
    with pytest.raises(gk.FilterError, match="is not that of an image"):
        gk.GaborBank.grid(1, 1).plan(shape)


# ---- gradients ----


@pytest.mark.parametrize("engine", ["direct", "fourier"])
@pytest.mark.parametrize("norm", ["l1", "l2", "gain", "peak", "article"])
@pytest.mark.parametrize("dc_free", [True, False])
def test_gradients_of_image_and_parameters(engine, norm, dc_free):
    values = {"wavelength": 8, "theta": 0.3, "sigma": 3, "gamma": 0.9, "phase": 0.2, "scale": 1.1}

    def respond(image, *parameters):
        fields = dict(zip(values, parameters, strict=True))
        kernel = gk.GaborKernel(**fields, dc_free=dc_free, norm=norm)
        assert kernel.learnable
        return kernel.filter(image, engine=engine)

    parameters = [torch.tensor(float(v), dtype=torch.float64) for v in values.values()]
    image = torch.rand(9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    inputs = [tensor.requires_grad_() for tensor in (image, *parameters)]
    assert torch.autograd.gradcheck(respond, inputs)


def test_a_learnable_kernel_equals_its_values():
    fields = {"wavelength": 8.0, "theta": 0.3, "sigma": 3.0}
    learnable = gk.GaborKernel(
        **{k: torch.tensor(v, dtype=torch.float64) for k, v in fields.items()}
    )
    plain = gk.GaborKernel(**fields)
    np.testing.assert_allclose(learnable.sample().numpy(), plain.sample(), rtol=0, atol=1e-15)
    assert learnable.to_dict() == plain.to_dict()
    assert learnable.radius() == plain.radius()


@pytest.mark.parametrize("name", ["wavelength", "theta", "sigma", "gamma", "phase", "scale"])
@pytest.mark.parametrize("norm", ["l1", "l2", "gain", "peak", "article"])
def test_any_one_parameter_may_be_learned(name, norm):
    values = {
        "wavelength": 8.0,
        "theta": 0.3,
        "sigma": 3.0,
        "gamma": 0.9,
        "phase": 0.2,
        "scale": 1.1,
    }
    plain = gk.GaborKernel(**values, norm=norm)
    parameter = torch.tensor(values[name], dtype=torch.float64, requires_grad=True)
    kernel = gk.GaborKernel(**{**values, name: parameter}, norm=norm)
    np.testing.assert_allclose(
        kernel.sample().detach(), plain.sample(), rtol=0, atol=1e-15 * float(plain.amplitude())
    )
    found = kernel.evaluate(1.0, 2.0)
    assert found.detach().item() == pytest.approx(complex(plain.evaluate(1.0, 2.0)), rel=1e-13)
    found.real.backward()
    assert parameter.grad.item() != 0
    assert kernel.label == plain.label
    assert gk.GaborBank([kernel]).table() == gk.GaborBank([plain]).table()
    np.testing.assert_array_equal(
        kernel.transfer(np.array(0.1), np.array(0.2)), plain.transfer(np.array(0.1), np.array(0.2))
    )


def test_adjoint_identity_of_the_gradient():
    bank = gk.GaborBank.grid(2, 3)
    rng = np.random.default_rng(10)
    x = torch.from_numpy(rng.standard_normal((20, 21))).requires_grad_()
    c = torch.from_numpy(rng.standard_normal((6, 20, 21)) + 1j * rng.standard_normal((6, 20, 21)))
    response = bank.filter(x)
    inner = (response.conj() * c).real.sum()
    inner.backward()
    assert float((x.grad * x.detach()).sum()) == pytest.approx(float(inner.detach()), rel=1e-12)


def test_analytic_transfer_has_no_parameter_gradient():
    kernel = gk.GaborKernel(sigma=torch.tensor(3.0, requires_grad=True))
    with pytest.raises(gk.FilterError, match="no gradient reaches"):
        gk.GaborBank([kernel]).filter(torch.ones(8, 8), transfer="analytic")


def test_a_learnable_kernel_needs_a_tensor():
    kernel = gk.GaborKernel(sigma=torch.tensor(3.0, requires_grad=True))
    with pytest.raises(gk.FilterError, match="learnable kernels filter tensors"):
        kernel.filter(np.ones((8, 8)))


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


def test_the_plan_is_a_value():
    plan = gk.GaborBank.grid(1, 2).plan((9, 9))
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.margin = 3
