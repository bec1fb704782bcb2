"""The tight frame as a layer: the frame's own figures, its adjoint, and kernels that learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.errors import FrameError, LayerError
from gaborkit.nn import GaborFrame2d

BANK = gk.GaborBank.grid(scales=2, orientations=3, wavelength=4)
SHAPES = [(28, 28), (27, 31), (12, 9)]


def images(*shape, dtype=torch.float64):
    return torch.rand(*shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("learnable", [False, True])
def test_channels_are_those_of_the_frame(shape, learnable):
    layer = GaborFrame2d(BANK, shape, learnable=learnable, dtype=torch.float64)
    frame = gk.GaborFrame(BANK, shape, tight=True, highpass=True)
    x = images(2, 3, *shape)
    wanted = frame.analyze(x.numpy())  # (2, 3, K, H, W)
    found = layer(x).detach().unflatten(1, (3, len(layer))).numpy()
    count = len(BANK)
    tolerance = {"rtol": 0, "atol": 1e-4 if learnable else 1e-12}  # the root has a slope at 0
    np.testing.assert_allclose(
        found[:, :, 0 : 2 * count : 2], wanted[:, :, :count].real, **tolerance
    )
    np.testing.assert_allclose(
        found[:, :, 1 : 2 * count : 2], wanted[:, :, :count].imag, **tolerance
    )
    np.testing.assert_allclose(found[:, :, 2 * count :], wanted[:, :, count:].real, **tolerance)
    assert layer.labels[1] == f"{BANK.labels[0]}, imag"


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("learnable", [False, True])
def test_synthesis_is_the_adjoint_and_the_inverse(shape, learnable):
    layer = GaborFrame2d(BANK, shape, learnable=learnable, dtype=torch.float64)
    x, c = images(2, 2, *shape), images(2, 2 * len(layer), *shape) - 0.5
    left = (layer.analyze(x) * c).sum()
    right = (x * layer.synthesize(c)).sum()
    torch.testing.assert_close(left, right)
    torch.testing.assert_close(layer.synthesize(layer(x)), x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("learnable", [False, True])
def test_responses_are_pixels_of_the_channels(learnable, stride):
    for shape in SHAPES:  # the stride divides both sides of some
        layer = GaborFrame2d(BANK, shape, learnable=learnable, dtype=torch.float64)
        x = images(2, 3, *shape)
        channels = layer(x).unflatten(1, (3, len(layer)))[:, :, :-2, ::stride, ::stride]
        wanted = torch.complex(channels[:, :, ::2], channels[:, :, 1::2])
        torch.testing.assert_close(layer.respond(x, stride), wanted, rtol=0, atol=1e-14)
        some = slice(2, 5)
        torch.testing.assert_close(
            layer.respond(x, stride, some), wanted[:, :, some], rtol=0, atol=1e-14
        )
    assert layer.respond(x[:0], stride).shape == (0, *wanted.shape[1:])


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("learnable", [False, True])
def test_drawing_is_the_adjoint_of_responding(learnable, stride):
    for shape in SHAPES:
        layer = GaborFrame2d(BANK, shape, learnable=learnable, dtype=torch.float64)
        x = images(2, 3, *shape)
        for channels in (slice(-2), slice(None), slice(1, 4)):
            responses = layer.respond(x, stride, channels)
            noise = torch.randn(responses.shape, generator=torch.Generator().manual_seed(0))
            for some in (torch.complex(noise, noise.flip(0)).to(responses.dtype), noise.double()):
                left = (responses.conj() * some).real.sum()
                torch.testing.assert_close(left, (x * layer.draw(some, stride, channels)).sum())
    whole = layer.respond(x, 1, slice(None))
    torch.testing.assert_close(layer.draw(whole, 1, slice(None)), x)


@pytest.mark.parametrize("stride", [0, -1, 1.5, True])
def test_a_stride_that_is_none(stride):
    layer = GaborFrame2d(BANK, (12, 9))
    for method, values in ((layer.respond, (1, 1, 12, 9)), (layer.draw, (1, 1, 6, 12, 9))):
        with pytest.raises(LayerError, match=f"stride={stride} is no distance of pixels; give 1"):
            method(torch.zeros(values), stride)


@pytest.mark.parametrize("shape", [(6, 12, 9), (1, 1, 5, 12, 9), (1, 1, 6, 12, 8)])
def test_responses_that_do_not_fit(shape):
    with pytest.raises(LayerError, match=r"do not fit this frame of \(N, C, 6, 12, 9\)"):
        GaborFrame2d(BANK, (12, 9)).draw(torch.zeros(shape))


def test_kernels_that_learn_stay_a_tight_frame():
    layer = GaborFrame2d(BANK, (16, 20), learnable=True)
    x = images(4, 1, 16, 20, dtype=torch.float32)
    before = layer.bank()
    optimizer = torch.optim.SGD(layer.parameters(), 0.05)
    for _ in range(3):
        optimizer.zero_grad()
        layer(x)[:, ::3].square().mean().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())
        optimizer.step()
    assert layer.bank() != before
    torch.testing.assert_close(layer.synthesize(layer(x)), x, rtol=0, atol=2e-6)
    assert not list(GaborFrame2d(BANK, (16, 20)).parameters())


def test_gradients():
    layer = GaborFrame2d(BANK, (8, 9), dtype=torch.float64)
    x = images(1, 1, 8, 9).requires_grad_()
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradcheck(layer.synthesize, layer(x).detach().requires_grad_())


def test_casts_autocast_and_empty_batches():
    layer = GaborFrame2d(BANK, (12, 12))
    x = images(2, 1, 12, 12, dtype=torch.float32)
    wanted = layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(x), wanted, rtol=0, atol=0)
    torch.testing.assert_close(layer.double()(x.double()).float(), wanted)
    assert layer.float()(x[:0]).shape == (0, len(layer), 12, 12)
    assert not layer.state_dict()


def test_what_does_not_fit():
    layer = GaborFrame2d(BANK, (12, 12))
    with pytest.raises(LayerError, match=r"\(1, 1, 12, 13\) does not fit this frame; \(N, C, 12"):
        layer(torch.zeros(1, 1, 12, 13))
    with pytest.raises(LayerError, match="7 channels are no multiple of the frame's 14"):
        layer.synthesize(torch.zeros(1, 7, 12, 12))
    with pytest.raises(FrameError):
        GaborFrame2d(BANK, (0, 3))
