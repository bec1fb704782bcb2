"""V1: cells by the bank's responses, noise by its variance, what is fixed and what is saved."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import gaborkit as gk
from gaborkit.nn import V1


def front(**changed):
    options = {"simple": 6, "complex": 5, "size": 64, "degrees": 2.0, "noise": "none", **changed}
    return V1(**options)


def pictures(n=2, channels=3, size=64):
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(0))


def test_cells_are_the_bank_s_responses_of_their_channels():
    layer = front(gain=1.0)
    images = pictures()
    out = layer(images)
    assert out.shape == (2, 11, 16, 16)
    responses = layer.bank.filter(
        images.numpy(), boundary="constant", channel_axis=1, tolerance=1e-2
    )
    own = np.stack([responses[:, c, k] for k, c in enumerate(layer.channel.tolist())], 1)
    own = own[..., ::4, ::4]
    np.testing.assert_allclose(out[:, :6], np.maximum(own[:, :6].real, 0), atol=1e-5)
    np.testing.assert_allclose(out[:, 6:], np.abs(own[:, 6:]) / math.sqrt(2), atol=1e-5)


def test_a_seed_is_a_population_and_degrees_its_scale():
    one, same, other = front(), front(), front(seed=1)
    assert one.bank.to_dict() == same.bank.to_dict()
    assert one.bank.to_dict() != other.bank.to_dict()
    fine, coarse = (
        np.median([k.wavelength for k in front(simple=60, degrees=d, size=128).bank])
        for d in (4.0, 2.0)
    )
    assert coarse == pytest.approx(2 * fine, rel=0.2)


@pytest.mark.parametrize(("noise", "slope"), [("neuronal", 1 / 0.35), ("gaussian", 0.0)])
def test_noise_has_the_variance_of_the_response(noise, slope):
    layer = front(noise=noise).train()
    with torch.no_grad():
        for level in (4.0, 16.0):
            drawn = layer._noisy(torch.full((400, 500), level))
            assert float(drawn.mean()) == pytest.approx(level, rel=0.02)
            # Spikes s r + l have their own number as variance: (s r + l) / s^2 of responses.
            expected = level * slope + 0.07 / 0.35**2 if slope else 1.0
            assert float(drawn.var()) == pytest.approx(expected, rel=0.03)


def test_noise_is_of_training_alone_and_of_torch_s_generator():
    layer = front(noise="neuronal")
    images = pictures()
    with torch.no_grad():
        assert torch.equal(layer.eval()(images), front()(images))
        layer.train()
        torch.manual_seed(3)
        first = layer(images)
        second = layer(images)
        torch.manual_seed(3)
        assert torch.equal(first, layer(images))
        assert not torch.equal(first, second)


def test_nothing_learns_gradients_pass_and_the_state_is_whole():
    layer = front()
    assert not list(layer.parameters())
    images = pictures().requires_grad_()
    layer(images).sum().backward()
    assert bool(images.grad.isfinite().all())
    assert float(images.grad.abs().sum()) > 0
    other = front()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(images), layer(images))
    assert "simple=6, complex=5" in repr(layer)


@pytest.mark.parametrize("kinds", [{"simple": 0}, {"complex": 0}])
def test_one_kind_alone(kinds):
    assert front(**kinds)(pictures()).shape[1] == sum({"simple": 6, "complex": 5, **kinds}.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"simple": -1}, "simple=-1 is no whole number of 0 or more"),
        ({"simple": 0, "complex": 0}, "simple \\+ complex=0 is no whole number of 1"),
        ({"stride": 0}, "stride=0"),
        ({"degrees": 0}, "degrees=0 is not above 0"),
        ({"noise": "pink"}, "noise='pink' is unknown; none, gaussian, neuronal work"),
    ],
)
def test_errors(options, message):
    with pytest.raises(gk.LayerError, match=message):
        front(**options)


def test_another_number_of_channels():
    with pytest.raises(gk.LayerError, match=r"\(2, 1, 64, 64\) are not \(N, 3, H, W\)"):
        front()(pictures(channels=1))
