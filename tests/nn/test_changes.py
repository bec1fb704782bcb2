"""Whatever way parameters change, a layer answers by those it has now."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.utils import parametrize

import gaborkit as gk


def image(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


PICTURE = image(2, 1, 9, 11)
SMALL = gk.GaborBank.grid(1, 2, wavelength=3, sigma=1)


def convolution():
    return gk.nn.GaborConv2d(1, 4, 5, generator=torch.Generator().manual_seed(1))


def bank():
    return gk.nn.GaborBank2d(SMALL, "real", learnable=True)


LAYERS = {"convolution": convolution, "bank": bank}


def data_copy(layer, other):
    for p, q in zip(layer.parameters(), other.parameters(), strict=True):
        p.data.copy_(q)
    return layer


def numpy_write(layer, other):
    for p, q in zip(layer.parameters(), other.parameters(), strict=True):
        p.detach().numpy()[...] = q.detach().numpy()
    return layer


def data_swap(layer, other):
    for p, q in zip(layer.parameters(), other.parameters(), strict=True):
        p.data = q.data.clone()
    return layer


def average(layer, other):
    """An average of weights whose decay is 0: it holds the other's."""
    mean = torch.optim.swa_utils.AveragedModel(layer, avg_fn=lambda old, new, count: new)
    mean.update_parameters(layer)
    mean(PICTURE)
    mean.update_parameters(other)
    return mean


def assigned(layer, other):
    layer.load_state_dict(other.state_dict(), assign=True)
    return layer


def loaded(layer, other):
    layer.load_state_dict(other.state_dict())
    return layer


def called(layer, other):
    return lambda picture: functional_call(layer, dict(other.named_parameters()), (picture,))


def shared(layer, other):
    return numpy_write(layer.share_memory(), other)


def copied(layer, other):
    return data_copy(copy.deepcopy(layer), other)


class Plus(nn.Module):
    """A parametrization that moves a number."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, raw):
        return raw + self.step


def parametrized(layer, other):
    step = other.kernels.raw_theta.detach() - layer.kernels.raw_theta.detach()
    numpy_write(layer, other)
    layer.kernels.raw_theta.detach().numpy()[...] -= step.numpy()
    parametrize.register_parametrization(layer.kernels, "raw_theta", Plus(torch.zeros(())))
    layer(PICTURE)
    layer.kernels.parametrizations.raw_theta[0].step = step
    return layer


def replica_of(module):
    """What ``DataParallel`` makes of a layer: parameters become plain tensors."""
    new = module._replicate_for_data_parallel()
    new._former_parameters = {}
    for name, child in module._modules.items():
        new._modules[name] = replica_of(child)
    for name, parameter in module._parameters.items():
        if parameter is not None:
            new._parameters.pop(name, None)
            setattr(new, name, parameter.clone())
    return new


def replicated(layer, other):
    replica_of(layer)(PICTURE)
    return replica_of(numpy_write(layer, other))


WAYS = (
    data_copy, numpy_write, data_swap, average, assigned, loaded, called, shared, copied,
    parametrized, replicated,
)  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("way", WAYS)
def test_changes_are_seen(name, way):
    layer, other = LAYERS[name]().eval(), LAYERS[name]().eval()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += 0.4
        before, wanted = layer(PICTURE), other(PICTURE)
        found = way(layer, other)(PICTURE)
    assert (wanted - before).abs().max() > 1e-3
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("name", LAYERS)
def test_replicas_learn(name):
    layer = LAYERS[name]()
    replica_of(layer)(PICTURE).square().sum().backward()
    assert layer.kernels.raw_sigma.grad.abs().max() > 0


@pytest.mark.parametrize("name", LAYERS)
def test_derivatives_ahead_reach_the_parameters(name):
    layer = LAYERS[name]()
    parameters = {key: value.detach() for key, value in layer.named_parameters()}
    step = {key: torch.zeros_like(value) for key, value in parameters.items()}
    step["kernels.raw_theta"] += 1

    def answer(moved):
        return functional_call(layer, moved, (PICTURE,))

    with torch.no_grad():
        layer(PICTURE)  # what is kept has no derivative
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # torch compiles forward derivatives of its own by TorchScript
        _, ahead = torch.func.jvp(answer, (parameters,), (step,))
    near, far = (
        answer({key: value + sign * 1e-2 * step[key] for key, value in parameters.items()})
        for sign in (-1, 1)
    )
    torch.testing.assert_close(ahead, ((far - near) / 2e-2).detach(), rtol=0.02, atol=2e-3)


@pytest.mark.parametrize("name", LAYERS)
def test_an_ensemble_has_a_picture_of_each(name):
    layers = [LAYERS[name](), LAYERS[name]()]
    with torch.no_grad():
        for parameter in layers[1].parameters():
            parameter += 0.3
    parameters, buffers = torch.func.stack_module_state(layers)

    def answer(parameters, buffers):
        return functional_call(layers[0], (parameters, buffers), (PICTURE,))

    found = torch.func.vmap(answer)(parameters, buffers)
    for each, layer in zip(found, layers, strict=True):
        torch.testing.assert_close(each, layer(PICTURE), rtol=0, atol=1e-5)
