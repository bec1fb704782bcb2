"""Tensors under autocast and vmap, in empty batches and with no values at all."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch.func import grad, jacrev, vmap
from torch.utils._python_dispatch import TorchDispatchMode

import gaborkit as gk


def image(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


BANK = gk.GaborBank.grid(2, 2, wavelength=3, sigma=1)
PICTURES = image(3, 12, 13)
FRAME = BANK.frame((12, 13))
SCATTERING = gk.features.Scattering(J=1, L=2)
ENGINES = ("auto", "direct", "fourier")


def answers(engine):
    """What is made of pictures (..., H, W) by one engine, by name."""
    return {
        "filter": lambda x: BANK.filter(x, engine=engine),
        "responses": lambda x: torch.stack(list(BANK.responses(x, engine=engine)), -3),
        "mean": lambda x: BANK.statistics(x, engine=engine).mean,
        "deviation": lambda x: BANK.statistics(x, engine=engine, part="real").deviation,
        "magnitude": lambda x: BANK.strongest(x, engine=engine).magnitude,
        "index": lambda x: BANK.strongest(x, over="all", engine=engine).index,
    }


def layers():
    """Layers of (N, 1, H, W) that promise single precision, by name."""
    return {
        "bank": gk.nn.GaborBank2d(BANK),
        "learnable": gk.nn.GaborBank2d(BANK, learnable=True),
        "convolution": gk.nn.GaborConv2d(1, 3, 5, part="magnitude", padding="same"),
        "scattering": gk.nn.Scattering2d(SCATTERING, (12, 13)),
    }


OTHERS = {
    "frame": FRAME.analyze,
    "inverse": lambda x: FRAME.synthesize(FRAME.analyze(x)),
    "scattering": SCATTERING.transform,
}
EVERY = {(name, engine): f for engine in ENGINES for name, f in answers(engine).items()}
EVERY |= {(name, ""): f for name, f in OTHERS.items()}
EVERY |= {(name, "layer"): lambda x, f=f: f(x[..., None, :, :]) for name, f in layers().items()}


def quiet(f, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of old functions
        return f(*arguments)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", [name for name in EVERY if name != ("convolution", "layer")])
def test_autocast_changes_nothing(name, dtype):
    for pictures in (PICTURES, PICTURES.clone().requires_grad_()):
        wanted = EVERY[name](pictures)
        with torch.autocast("cpu", dtype):
            found = EVERY[name](pictures)
        assert found.dtype == wanted.dtype
        torch.testing.assert_close(found, wanted)


def test_a_generator_is_not_bound_to_where_it_was_made():
    responses = BANK.responses(PICTURES, engine="direct")
    with torch.autocast("cpu", torch.bfloat16):
        found = list(responses)
    torch.testing.assert_close(torch.stack(found, 1), BANK.filter(PICTURES, engine="direct"))


@pytest.mark.parametrize("name", EVERY)
def test_vmap_is_a_loop(name):
    f = EVERY[name]
    if name[1] == "layer":
        found, wanted = vmap(lambda x: f(x[None]))(PICTURES), f(PICTURES)[:, None]
    else:
        found, wanted = vmap(f)(PICTURES), torch.stack([f(each) for each in PICTURES])
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", [name for name in EVERY if name[0] != "index"])
def test_gradients_a_picture(name):
    def loss(x):
        return EVERY[name](x[None]).abs().square().sum()

    found = vmap(grad(loss))(PICTURES)
    pictures = PICTURES.clone().requires_grad_()
    loss_of_all = sum(loss(each) for each in pictures)
    (wanted,) = torch.autograd.grad(loss_of_all, pictures)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    if name[0] == "mean":
        rows = jacrev(EVERY[name])(PICTURES[0])
        assert rows.shape == (4, 12, 13)
        torch.testing.assert_close(rows[0], quiet(jacrev(lambda x: EVERY[name](x)[0]), PICTURES[0]))


class RefuseEmptyTransforms(TorchDispatchMode):
    """As oneMKL does in some releases of torch: a transform of nothing is an error."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if "_fft_" in str(func) and args[0].numel() == 0:
            raise RuntimeError(f"{func} of an empty tensor")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("name", EVERY)
def test_empty_batches(name, wanted):
    full = EVERY[name](PICTURES)
    empty = torch.zeros(0, 12, 13, requires_grad=wanted)
    with RefuseEmptyTransforms():
        found = EVERY[name](empty)
        assert (found.shape, found.dtype) == ((0, *full.shape[1:]), full.dtype)
        if wanted and name[0] != "index":
            found.abs().sum().backward()
            assert empty.grad.shape == empty.shape


@pytest.mark.parametrize("name", [name for name in EVERY if name[1] != "layer"])
def test_empty_batches_of_arrays_and_on_two_axes(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if name[0] != "responses":
            full, found = EVERY[name](PICTURES.numpy()), EVERY[name](np.zeros((0, 12, 13), "f4"))
            assert (found.shape, found.dtype) == ((0, *full.shape[1:]), full.dtype)
        with RefuseEmptyTransforms():
            assert EVERY[name](torch.zeros(2, 0, 12, 13)).shape[:2] == (2, 0)


@pytest.mark.parametrize("name", ["bank", "learnable", "scattering"])
def test_no_channels(name):
    found = layers()[name](torch.zeros(2, 0, 12, 13))
    assert found.shape[:2] == (2, 0)


def test_an_empty_batch_has_no_gradient_by_parameters():
    layer = gk.nn.GaborBank2d(BANK, learnable=True)
    layer(torch.zeros(0, 1, 12, 13)).sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in layer.parameters())


@pytest.mark.parametrize("name", [name for name in EVERY if name[1] != "layer"])
def test_the_meta_device_knows_shapes(name):
    wanted = EVERY[name](PICTURES)
    found = EVERY[name](PICTURES.to("meta"))
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)


@pytest.mark.parametrize("name", ["bank", "learnable", "convolution", "scattering"])
def test_layers_on_the_meta_device(name):
    layer = layers()[name]
    wanted = layer(PICTURES[:, None])
    found = layer.to("meta")(PICTURES[:, None].to("meta"))
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)


def test_torchs_default_device_is_not_the_pictures():
    with torch.device("meta"):
        found = BANK.filter(PICTURES, engine="direct"), FRAME.analyze(PICTURES)
        layer = gk.nn.GaborConv2d(1, 3, 5, device="cpu")
    torch.testing.assert_close(found[0], BANK.filter(PICTURES))
    torch.testing.assert_close(found[1], FRAME.analyze(PICTURES))
    assert layer(PICTURES[:, None]).isfinite().all()


def test_a_layer_comes_back_from_the_meta_device():
    with torch.device("meta"):
        layer = gk.nn.GaborBank2d(BANK, "real")
        learnable = gk.nn.GaborBank2d(BANK, "real", learnable=True)
        convolution = gk.nn.GaborConv2d(1, 3, 5)
    assert layer.dense.device.type == "meta"
    wanted = BANK.filter(PICTURES, part="real")
    layer.to_empty(device="cpu")
    torch.testing.assert_close(layer._convolve(PICTURES[:, None])[:, 0], wanted)
    original = gk.nn.GaborBank2d(BANK, "real", learnable=True)
    learnable.to_empty(device="cpu").load_state_dict(original.state_dict())
    torch.testing.assert_close(learnable(PICTURES[:, None]), original(PICTURES[:, None]))
    original = gk.nn.GaborConv2d(1, 3, 5)
    convolution.to_empty(device="cpu").load_state_dict(original.state_dict())
    torch.testing.assert_close(convolution(PICTURES[:, None]), original(PICTURES[:, None]))


@pytest.mark.parametrize("name", ["bank", "learnable", "convolution", "scattering"])
def test_trace(name):
    """With the tracer's own check that it sees the same twice, as TensorBoard's graphs have it."""
    layer = layers()[name]
    traced = quiet(torch.jit.trace, layer, PICTURES[:, None])
    torch.testing.assert_close(traced(PICTURES[:, None] * 2), layer(PICTURES[:, None] * 2))
