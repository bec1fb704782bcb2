"""Learnable kernels: gradients of images and of every parameter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gaborkit as gk


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
    # Fast: random projections of the derivatives, those of one parameter each on its own.
    assert torch.autograd.gradcheck(respond, inputs, fast_mode=True)


def test_a_learnable_kernel_equals_its_values():
    fields = {"wavelength": 8.0, "theta": 0.3, "sigma": 3.0}
    learnable = gk.GaborKernel(
        **{k: torch.tensor(v, dtype=torch.float64) for k, v in fields.items()}
    )
    plain = gk.GaborKernel(**fields)
    np.testing.assert_allclose(learnable.sample().numpy(), plain.sample(), rtol=0, atol=1e-15)
    assert learnable.to_dict() == plain.to_dict()
    weights, columns, rows = learnable.replace(gamma=0.5).factors()
    found = np.einsum("t,ty,tx->yx", weights, columns, rows)
    np.testing.assert_allclose(found, plain.replace(gamma=0.5).sample(), rtol=0, atol=1e-15)
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


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own
def test_the_fourier_engine_passes_derivatives_ahead():
    image, direction = torch.rand(2, 20, 24, dtype=torch.float64)
    bank = gk.GaborBank.grid(1, 2)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(image, direction)
        found = torch.autograd.forward_ad.unpack_dual(bank.filter(dual, engine="fourier"))
    expected = bank.filter(direction, engine="direct")
    torch.testing.assert_close(found.tangent, expected, rtol=0, atol=1e-12)
