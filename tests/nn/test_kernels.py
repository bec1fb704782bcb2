"""Learned kernels: equal to GaborKernel's, in range, without DC, and back to a bank."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gaborkit as gk
from gaborkit.nn.content_cache import ContentCache
from gaborkit.nn.kernels import LEARNABLE, Range

NORMS = ["l1", "l2", "gain", "peak", "article"]


def bank(norm="l2", dc_free=True):
    """Two kernels whose supports have radius 9 or less."""
    fields = {"norm": norm, "dc_free": dc_free}
    return gk.GaborBank(
        [
            gk.GaborKernel(wavelength=4, theta=0.3, sigma=1.9, gamma=1.2, phase=0.4, **fields),
            gk.GaborKernel(wavelength=3, theta=2.0, sigma=1, gamma=0.9, scale=1.5, **fields),
        ]
    )


def kernels(norm="l2", dc_free=True, **options):
    options = {"dtype": torch.float64, **options}
    return gk.nn.GaborKernels(bank(norm, dc_free), (19, 19), **options)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dc_free", [True, False])
def test_samples_are_those_of_gabor_kernels(norm, dc_free):
    found = kernels(norm, dc_free).sample().detach().numpy()
    for kernel, (real, imag) in zip(bank(norm, dc_free), found, strict=True):
        radius = kernel.radius()
        inside = slice(9 - radius, 10 + radius)
        expected = kernel.sample()
        # Less than the tolerance lies outside; C changes as little.
        height = kernel.amplitude() * 2e-4
        np.testing.assert_allclose((real + 1j * imag)[inside, inside], expected, atol=height)
        if radius == 9:
            np.testing.assert_allclose(real + 1j * imag, expected, rtol=0, atol=1e-13)
    assert bank()[0].radius() == 9


@pytest.mark.parametrize("norm", NORMS)
def test_a_bank_comes_back(norm):
    again = kernels(norm).bank()
    for before, after in zip(bank(norm), again, strict=True):
        assert after.norm == norm
        for name in (*LEARNABLE, "scale"):
            assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-12)


def test_a_bank_of_learned_kernels_is_saved(tmp_path):
    learned = kernels(dtype=torch.float32).bank()
    learned.save(tmp_path / "learned.json")
    assert gk.GaborBank.load(tmp_path / "learned.json") == learned


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dc_free", [True, False])
def test_gradients_of_all_parameters(norm, dc_free):
    module = kernels(norm, dc_free)
    names = [name for name, _ in module.named_parameters()]

    def sample(*raw):
        return torch.func.functional_call(module, dict(zip(names, raw, strict=True)), ())

    assert names == [f"raw_{name}" for name in LEARNABLE]
    assert torch.autograd.gradcheck(sample, tuple(module.parameters()), fast_mode=True)


@given(st.lists(st.floats(-1e4, 1e4), min_size=5, max_size=5), st.sampled_from(NORMS))
@settings(max_examples=40, deadline=None)
def test_any_raw_numbers_give_kernels_in_range_without_dc(raw, norm):
    module = kernels(norm, dtype=torch.float32)
    with torch.no_grad():
        for name, value in zip(LEARNABLE, raw, strict=True):
            getattr(module, f"raw_{name}").fill_(value)
        values, found = module.values(), module.sample()
    wavelength, sigma = values.wavelength * values.scale, values.sigma * values.scale
    assert torch.all((wavelength > 1.9999) & (wavelength < 38.001))
    assert torch.all((sigma > 0.4999) & (sigma < 9.5001))
    assert torch.all((values.gamma > 0.1249) & (values.gamma < 8.001))
    assert torch.all(found.isfinite())
    assert torch.all(found.sum((-2, -1)).abs() <= 1e-6 * found.abs().sum((-2, -1)) + 1e-12)
    assert len(module.bank()) == 2  # no error, and no warning of poor sampling


@given(st.floats(2.01, 19.9))
def test_a_range_and_its_inverse(value):
    bounds = Range(2, 20)
    number = torch.tensor(value, dtype=torch.float64)
    assert bounds.value(bounds.raw(number)).item() == pytest.approx(value, rel=1e-12)


def test_a_step_in_the_middle_of_a_range_is_one_of_the_logarithm():
    for bounds in (Range(2, 20), Range(0.5, 3)):
        raw = torch.zeros((), dtype=torch.float64, requires_grad=True)
        bounds.value(raw).log().backward()
        assert raw.grad.item() == pytest.approx(1)


def test_a_kernel_on_a_bound_can_leave_it():
    first = gk.GaborBank([gk.GaborKernel(wavelength=2, sigma=2, norm="l2")])
    module = gk.nn.GaborKernels(first, (9, 9))
    module.sample()[0, 0, 4, 5].backward()
    assert module.raw_wavelength.grad.item() != 0
    assert module.bank()[0].wavelength == pytest.approx(2, rel=1e-3)


@pytest.mark.parametrize(
    ("learnable", "expected"),
    [
        (True, LEARNABLE),
        (False, ()),
        ("theta", ("theta",)),
        (["phase", "sigma"], ("sigma", "phase")),
    ],
)
def test_what_learns_is_a_parameter_and_the_rest_a_buffer(learnable, expected):
    module = kernels(learnable=learnable)
    assert [name for name, _ in module.named_parameters()] == [f"raw_{n}" for n in expected]
    names = {f"raw_{name}" for name in LEARNABLE} | {"scale"}
    assert set(module.state_dict()) == names
    assert f"learns {', '.join(expected) or 'nothing'}" in repr(module)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kernels(learnable="frequency"), "learnable='frequency' is no parameter"),
        (
            lambda: gk.nn.GaborKernels(gk.GaborBank([gk.LogGaborKernel(wavelength=4)]), (9, 9)),
            "kernel 0 is a LogGaborKernel; only a GaborKernel",
        ),
        (
            lambda: gk.nn.GaborKernels(
                gk.GaborBank([gk.GaborKernel(sigma=2), gk.GaborKernel(sigma=2, norm="l2")]), (9, 9)
            ),
            "mixes norm='l1', dc_free=True and norm='l2', dc_free=True",
        ),
        (
            lambda: gk.nn.GaborKernels(gk.GaborBank([gk.GaborKernel(sigma=6)]), (9, 9)),
            "kernel 0: sigma 6 is not between 0.5 and 4.5, which a window of 9 x 9",
        ),
        (lambda: kernels().assign(bank()[:1]), "a bank of 1 kernels does not fill 2"),
        (
            lambda: kernels().assign(bank("gain")),
            "the bank has norm='gain', dc_free=True, these kernels norm='l2'",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(gk.LayerError, match=message):
        make()


@pytest.mark.parametrize("quadrature", [True, False])
@given(count=st.integers(1, 70), size=st.integers(3, 40))
@settings(max_examples=25, deadline=None)
def test_initial_banks_fit_their_window(quadrature, count, size):
    found = gk.nn.initial_bank(count, size, quadrature=quadrature, jitter=1)
    assert len(found) == count
    gk.nn.GaborKernels(found, (size, size))


def test_initial_banks_cover_orientations_and_phases():
    found = gk.nn.initial_bank(16, 11, jitter=0)
    theta = [kernel.theta for kernel in found]
    assert theta == pytest.approx(np.repeat(np.arange(8) * math.pi / 8, 2))
    assert [kernel.phase for kernel in found] == [0, math.pi / 2] * 8
    whole = gk.nn.initial_bank(16, 11, quadrature=False, jitter=0)
    assert len({kernel.wavelength for kernel in whole}) == 2
    assert {kernel.phase for kernel in whole} == {0}


def test_the_jitter_is_that_of_the_generator():
    banks = [
        gk.nn.initial_bank(8, 11, generator=torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    ]
    assert banks[0] == banks[1] != banks[2]


def test_kept_values_are_made_again_after_a_change():
    made = []
    weight = torch.ones(3)

    def make():
        made.append(weight.clone())
        return weight * 2

    kept = ContentCache()
    first = kept.get([weight], make)
    assert kept.get([weight], make) is first
    weight.mul_(3)
    assert kept.get([weight], make)[0] == 6
    weight.data = torch.ones(3)  # what Module.to does
    assert kept.get([weight], make)[0] == 2
    assert len(made) == 3
    assert copy.deepcopy(kept)._entry is None


def test_tensors_of_inference_mode_are_not_kept_but_used():
    with torch.inference_mode():
        weight = torch.ones(3)
        kept = ContentCache()
        assert kept.get([weight], lambda: weight * 2)[0] == 2
        weight.add_(1)
        assert kept.get([weight], lambda: weight * 2)[0] == 4
