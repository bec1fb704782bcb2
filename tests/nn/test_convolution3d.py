"""Kernels in space that learn: parity with fixed ones and plain convolution, gradients, errors."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
import torch
from torch.nn import functional

import gaborkit as gk
from gaborkit.nn import GaborBank3d, GaborConv3d
from gaborkit.volumes import GaborKernel3D, directions

KERNELS = [
    *(GaborKernel3D.along(v, wavelength=4, sigma=1.2, phase=0.3) for v in directions(3)),
    GaborKernel3D(wavelength=2.5, sigma=0.6, scale=2, gamma=0.8, theta=0.4, elevation=0.5),
]
VOLUME = torch.from_numpy(np.random.default_rng(0).random((2, 1, 7, 9, 8)))


@pytest.mark.parametrize(("mode", "boundary"), [("zeros", "constant"), ("circular", "wrap")])
@pytest.mark.parametrize("part", ["real", "imag", "complex", "magnitude", "energy"])
@pytest.mark.parametrize("norm", ["l1", "l2", "gain", "peak"])
def test_the_first_responses_are_those_of_fixed_kernels(part, mode, boundary, norm):
    kernels = [
        GaborKernel3D.along(k.direction, wavelength=4, sigma=1.2, phase=0.3, norm=norm)
        for k in KERNELS
    ]
    options = {"part": part, "padding": "same", "padding_mode": mode, "dtype": torch.float64}
    fixed = GaborBank3d(kernels, part, boundary, tolerance=2e-2)
    layer = GaborConv3d.from_kernels(kernels, kernel_size=fixed.margins[0] * 2 + 1, **options)
    expected = fixed(VOLUME)
    torch.testing.assert_close(layer(VOLUME), expected, rtol=0, atol=1e-9 * expected.abs().max())
    torch.testing.assert_close(layer(VOLUME[0]), layer(VOLUME)[0])


def test_kernels_are_those_it_started_from():
    layer = GaborConv3d.from_kernels(KERNELS, dtype=torch.float64)
    for one, other in zip(layer.kernels(), KERNELS, strict=True):
        np.testing.assert_allclose(one.direction, other.direction, atol=1e-9)
        assert one.frequency == pytest.approx(other.frequency)
        assert one.sigma == pytest.approx(other.sigma * other.scale)
        assert (one.gamma, one.phase) == pytest.approx((other.gamma, other.phase))


@pytest.mark.parametrize("part", ["complex", "magnitude"])
def test_gradients_are_those_of_finite_differences(part):
    generator = torch.Generator().manual_seed(0)
    layer = GaborConv3d(2, 2, 3, dtype=torch.float64, part=part, generator=generator)
    volume = torch.from_numpy(np.random.default_rng(1).random((2, 4, 4, 3)))
    names = [name for name, _ in layer.named_parameters()]
    assert {name.removeprefix("raw_") for name in names} == {
        *("wavelength", "direction", "sigma", "gamma", "phase", "mixing", "bias")
    }

    def answer(volume, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), (volume,))

    values = [value.detach().clone().requires_grad_() for value in layer.parameters()]
    assert torch.autograd.gradcheck(answer, (volume.requires_grad_(), *values))


def test_it_is_a_convolution_of_its_weights():
    generator = torch.Generator().manual_seed(0)
    options = {"stride": (1, 2, 1), "padding": (1, 2, 0), "dilation": 2, "groups": 2}
    layer = GaborConv3d(4, 6, (3, 4, 5), generator=generator, **options)
    volume = torch.rand(2, 4, 9, 12, 11)
    assert layer.weight.shape == (6, 2, 3, 4, 5)
    torch.testing.assert_close(
        layer(volume), functional.conv3d(volume, layer.weight, layer.bias, **options)
    )
    plain = torch.nn.Conv3d(4, 6, (3, 4, 5), **options, padding_mode="replicate")
    edged = GaborConv3d(4, 6, (3, 4, 5), **options, padding_mode="replicate")
    with torch.no_grad():
        plain.weight.copy_(edged.weight)
        plain.bias.copy_(edged.bias)
    torch.testing.assert_close(edged(volume), plain(volume))
    layer.weight.zero_()
    assert layer.weight.any()


def test_constants_answer_nothing_while_it_learns_another_kernel():
    torch.manual_seed(0)
    target = GaborConv3d.from_kernels(KERNELS[-1:], kernel_size=7, part="magnitude", padding=3)
    start = GaborKernel3D(wavelength=4, sigma=1.2, theta=0.1, elevation=0.2)
    layer = GaborConv3d.from_kernels([start], kernel_size=7, part="magnitude", padding=3)
    volume = torch.randn(1, 1, 10, 10, 10)
    wanted = target(volume).detach()
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    first = loss = (layer(volume) - wanted).square().mean()
    for _ in range(60):
        optimizer.zero_grad()
        loss = (layer(volume) - wanted).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < first / 20
    cosine = float(layer.kernels()[0].direction @ KERNELS[-1].direction)
    assert abs(cosine) > 0.98
    valid = GaborConv3d.from_kernels(layer.kernels(), kernel_size=7)
    assert valid(torch.ones(1, 8, 8, 8)).abs().max() < 1e-6


def test_what_does_not_learn_stays_and_seeds_and_copies():
    layers = [
        GaborConv3d(1, 30, 5, learnable="direction", generator=torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    ]
    names = {name for name, _ in layers[0].named_parameters()}
    assert names == {"raw_direction", "mixing", "bias"}
    volume = torch.rand(1, 6, 6, 6)
    assert torch.equal(layers[0](volume), layers[1](volume))
    assert not torch.equal(layers[0](volume), layers[2](volume))
    assert torch.equal(copy.deepcopy(layers[0])(volume), layers[0](volume))
    assert "30, kernel_size=(5, 5, 5)" in repr(layers[0])
    layers[2].load_state_dict(layers[0].state_dict())
    assert torch.equal(layers[2](volume), layers[0](volume))
    half = GaborConv3d(1, 2, 5, dtype=torch.bfloat16, part="energy")(volume.bfloat16())
    assert half.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaborConv3d(3, 4, 5, groups=2), "in_channels=3 cannot be divided into groups=2"),
        (lambda: GaborConv3d(0, 4, 5), "in_channels=0 is not a whole number"),
        (lambda: GaborConv3d(1, 4, (5, 5)), "kernel_size=(5, 5) is not a whole number of 3 or"),
        (lambda: GaborConv3d(1, 4, 5, padding="full"), "padding='full' is unknown"),
        (lambda: GaborConv3d(1, 4, 5, 2, padding="same"), "needs a stride of 1, not 2"),
        (lambda: GaborConv3d(1, 4, 5, padding_mode="wrap"), "padding_mode='wrap' is unknown"),
        (lambda: GaborConv3d(1, 4, 5, part="phase"), "part='phase' is unknown"),
        (lambda: GaborConv3d(1, 4, 5, norm="article"), "norm='article' is unknown"),
        (lambda: GaborConv3d(1, 4, 5, learnable="theta"), "learnable='theta' is no parameter"),
        (lambda: GaborConv3d.from_kernels([]), "0 kernels of 0 kinds"),
        (
            lambda: GaborConv3d.from_kernels([*KERNELS, KERNELS[0].scaled(2)], kernel_size=3),
            "kernel 4: wavelength 8 is not between 2 and 6",
        ),
        (lambda: GaborConv3d(2, 4, 5)(torch.rand(1, 6, 6, 6)), "an input of shape (1, 6, 6, 6)"),
    ],
)
def test_errors_in_one_line(make, message):
    with pytest.raises(gk.LayerError, match=re.escape(message)) as caught:
        make()
    assert "\n" not in str(caught.value)
