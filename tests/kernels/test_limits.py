"""Values at the edge of what makes sense: one clear error each, never a traceback from below."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.kernels.base import Kernel
from gaborkit.kernels.parameters import power


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sigma": 1e-300}, r"sigma \* scale = 1e-300 pixels is out of range"),
        ({"sigma": 1e300}, r"sigma \* scale = 1e\+300 pixels is out of range"),
        ({"sigma": 4, "scale": 1e300}, r"sigma \* scale = 4e\+300 pixels"),
        ({"sigma": 4, "wavelength": 1e200}, r"wavelength \* scale = 1e\+200 pixels"),
        ({"sigma": 4, "gamma": 1e-9}, "gamma=1e-09 is out of range"),
        ({"sigma": 4, "gamma": 1e9}, r"gamma=1e\+09 is out of range"),
    ],
)
def test_parameters_out_of_range(fields, message):
    with pytest.raises(gk.KernelError, match=message):
        gk.GaborKernel(**fields)


def test_a_kernel_too_large_to_sample():
    kernel = gk.GaborKernel(sigma=1e5, wavelength=1e5)
    with pytest.raises(gk.KernelError, match="radius 456479 pixels is too large to sample"):
        kernel.filter(np.ones((8, 8)))


@pytest.mark.parametrize("tolerance", [None, "a", 5e-324, 2])
def test_tolerances(tolerance):
    for kernel in (gk.GaborKernel(sigma=2), gk.LogGaborKernel(wavelength=6)):
        with pytest.raises(gk.KernelError, match="is not between 0 and 1"):
            kernel.filter(np.ones((8, 8)), tolerance=tolerance)


def test_gain_stays_finite_where_the_carrier_is_slow():
    with pytest.warns(gk.SamplingWarning):
        kernel = gk.GaborKernel(sigma=1, wavelength=1e6, norm="gain")
    assert np.isfinite(kernel.sample()).all()


@pytest.mark.parametrize(("a", "j"), [(2, 5000), (0, -1), (-2, 0.5)])
def test_dilation_that_is_no_number(a, j):
    with pytest.raises(gk.KernelError, match="scale=inf is not finite; give a finite number"):
        gk.GaborKernel(sigma=4).scaled(a, j)


def test_dilation_of_the_wrong_type():
    with pytest.raises(gk.KernelError, match="a='2' is not a number"):
        gk.GaborKernel(sigma=4).scaled("2")


def test_dilation_by_a_tensor_keeps_the_gradient():
    a = torch.tensor(2.0, requires_grad=True)
    assert power(a, 2).requires_grad
    assert gk.GaborKernel(sigma=4).scaled(a, 1).learnable


def test_grids_and_presets_of_too_many_scales():
    with pytest.raises(gk.KernelError, match=r"wavelength \* scale = 1.05e\+06 pixels is out of"):
        gk.GaborBank.grid(2000)
    with pytest.raises(gk.KernelError, match="scale=inf is not finite; give a finite number"):
        gk.GaborBank.preset("kovesi", scales=2000)


def test_a_bank_of_a_kernel():
    with pytest.raises(gk.BankError, match="give \\[kernel\\]"):
        gk.GaborBank(gk.GaborKernel(sigma=2))


def test_a_dilation_factor_of_the_wrong_type():
    with pytest.raises(gk.BankError, match="a='2' does not dilate"):
        gk.GaborBank.grid(a="2")


def test_log_gabor_kernels_take_no_tensors():
    with pytest.raises(gk.KernelError, match="wavelength is a tensor"):
        gk.LogGaborKernel(wavelength=torch.tensor(6.0))


@pytest.mark.parametrize("shape", ["ab", (3.5, 8), 7, (True, "a")])
def test_plans_for_shapes_of_the_wrong_type(shape):
    with pytest.raises(gk.FilterError, match="is not that of an image"):
        gk.GaborBank.grid(1, 1).plan(shape)


def test_plans_for_torch():
    plan = gk.GaborBank.grid(1, 2).plan(
        (64, 64), torch.float64, library="torch", requires_grad=True
    )
    assert plan.dtype == np.float64
    assert {step.engine for step in plan.steps} <= {"direct", "fourier"}


@pytest.mark.parametrize("axis", ["a", 1.0, True])
def test_channel_axes_of_the_wrong_type(axis):
    with pytest.raises(gk.ImageError, match="is no axis"):
        gk.GaborKernel(sigma=2).filter(np.ones((9, 9, 3)), channel_axis=axis)


@pytest.mark.parametrize("shape", [(2, 20, 30, 3), (20, 30, 2), (20, 30, 1), (20, 30, 4)])
def test_colour_is_noticed_with_any_leading_axes(shape):
    with pytest.raises(gk.ImageError, match="looks like colour"):
        gk.GaborKernel(sigma=2).filter(np.ones(shape))


def test_masked_pixels_are_refused():
    image = np.ma.masked_greater(np.arange(64.0).reshape(8, 8), 60)
    with pytest.raises(gk.ImageError, match="3 pixels are masked"):
        gk.GaborKernel(sigma=2).filter(image)
    whole = np.ma.array(np.ones((8, 8)))
    assert gk.GaborKernel(sigma=2).filter(whole).shape == (8, 8)


def test_out_that_shares_memory_with_the_image():
    out = np.zeros((8, 20, 20), complex)
    with pytest.raises(gk.FilterError, match="shares memory"):
        gk.GaborBank.grid(1, 8).filter(out[0].real, out=out)


def test_empty_batches():
    bank = gk.GaborBank.grid(1, 2)
    assert bank.filter(np.ones((0, 9, 9))).shape == (0, 2, 9, 9)
    assert bank.filter(torch.ones(0, 9, 9)).shape == (0, 2, 9, 9)


@pytest.mark.parametrize("engine", ["direct", "separable", "fourier"])
def test_the_image_is_never_written_to(engine):
    image = np.random.default_rng(0).random((20, 21))
    image.flags.writeable = False
    gk.GaborKernel(sigma=2).filter(image, engine=engine)
    big_endian = image.astype(">f8")[::-1, ::2]
    expected = gk.GaborKernel(sigma=2).filter(np.ascontiguousarray(big_endian, "<f8"))
    found = gk.GaborKernel(sigma=2).filter(big_endian, engine=engine)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_a_kernel_of_one_pixel_leaves_the_image_alone():
    class Point(Kernel):
        theta, frequency, is_dc_free = 0.0, 0.1, False

        def radius(self, tolerance=1e-4):
            return 0

        def sample(self, tolerance=1e-4):
            return np.full((1, 1), 2 + 1j)

        def transfer(self, fy, fx, *, sampled=False):
            return np.full(np.broadcast_shapes(fy.shape, fx.shape), 2 + 1j)

        def rotated(self, theta):
            return self

        def to_dict(self):
            return {"family": "point"}

    image = np.random.default_rng(0).random((7, 8))
    kept = image.copy()
    for engine in ("direct", "separable", "fourier"):
        found = Point().filter(image, engine=engine)
        np.testing.assert_allclose(found, (2 + 1j) * kept, rtol=0, atol=1e-14)
        np.testing.assert_array_equal(image, kept)
    with pytest.raises(gk.KernelError, match="Point does not say what it is when dilated"):
        Point().scaled(2)


def test_a_fixed_kernel_takes_no_gradient_from_a_learned_one():
    theta = torch.tensor(0.5, requires_grad=True)
    learned = gk.GaborKernel(sigma=4, theta=theta)
    fixed = gk.GaborKernel(sigma=4, theta=0.5 + math.pi)
    image = torch.rand(16, 16, generator=torch.Generator().manual_seed(0))
    for bank, k in (([learned, fixed], 1), ([fixed, learned], 0)):
        for responses in (
            gk.GaborBank(bank).filter(image).unbind(0),
            list(gk.GaborBank(bank).responses(image)),
        ):
            gradient = (
                torch.autograd.grad(
                    responses[k].abs().sum(), theta, allow_unused=True, retain_graph=True
                )[0]
                if responses[k].requires_grad
                else None
            )
            assert gradient is None or float(gradient) == 0


def test_angles_too_large_to_have_a_twin():
    with pytest.warns(gk.AngleWarning, match="turns"):
        far = gk.GaborKernel(sigma=4, theta=1e9)
    near = gk.GaborKernel(sigma=4, theta=math.fmod(1e9, math.pi))
    assert far.canonical()[0] != near.canonical()[0]
    image = np.random.default_rng(0).random((20, 20))
    together = gk.GaborBank([near, far]).filter(image)
    np.testing.assert_allclose(together[1], far.filter(image), rtol=0, atol=1e-14)


def test_frames_refuse_nan_and_take_big_endian_coefficients():
    frame = gk.GaborBank.grid(1, 2).frame((8, 9))
    image = np.random.default_rng(0).random((8, 9))
    coefficients = frame.analyze(image).astype(">c16")
    np.testing.assert_allclose(frame.synthesize(coefficients), image, rtol=0, atol=1e-12)
    image[0, 0] = np.nan
    with pytest.raises(gk.ImageError, match="1 of 72 pixels are NaN"):
        frame.analyze(image)


def test_warnings_point_at_the_user_s_line():
    kernel = gk.GaborKernel(sigma=4, wavelength=4)
    for act in (
        lambda: kernel.scaled(0.4),
        lambda: kernel.replace(wavelength=1.5),
        lambda: gk.GaborBank.grid(1, 1, wavelength=1.5),
        lambda: gk.LogGaborKernel(wavelength=1.5),
    ):
        with pytest.warns(gk.SamplingWarning) as record:
            act()
        assert {warning.filename for warning in record} == {__file__}


def test_steps_share_a_forward_transform_only_where_it_pays():
    fine, coarse = gk.GaborKernel(sigma=2, gamma=0.5), gk.GaborKernel(sigma=15, gamma=0.5)
    bank = gk.GaborBank([fine.rotated(i / 9) for i in range(8)] + [coarse])
    apart = bank.plan((128, 128), engine="fourier")
    assert [step.margin for step in apart.steps] == [step.radius for step in apart.steps]
    close = gk.GaborBank.grid(1, 1).kernels + gk.GaborBank.grid(1, 1, wavelength=4.5).kernels
    shared = gk.GaborBank(close).plan((512, 512), engine="fourier")
    assert len({step.margin for step in shared.steps}) == 1
    assert len({step.radius for step in shared.steps}) == 2
    image = np.random.default_rng(0).random((64, 64))
    expected = bank.filter(image, engine="separable")
    np.testing.assert_allclose(bank.filter(image, engine="fourier"), expected, rtol=0, atol=1e-12)
