"""Causal convolutions against masked ones, and the heads, at one location and at all."""

import pytest
import torch
from torch.nn import functional

from gaborkit.generative.models.masked import CausalConv2d, ChannelHead, PixelHead


def mask(size, reach, centre):
    """Which weights of a whole window exist, as van den Oord et al. draw them."""
    half = size // 2
    seen = torch.zeros(size, size)
    if reach in ("raster", "above"):
        seen[:half] = 1
    if reach in ("raster", "left"):
        seen[half, : half + centre] = 1
    if reach == "above" and centre:
        seen[half] = 1
    return seen


@pytest.mark.parametrize("reach", ["raster", "above", "left"])
@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("dilation", [1, 2])
def test_equals_a_convolution_whose_weights_are_masked(reach, centre, size, dilation):
    torch.manual_seed(0)
    layer = CausalConv2d(3, 4, size, reach, centre=centre, dilation=dilation).double()
    seen = mask(size, reach, centre)
    assert layer.weight.shape == (4, 3, int(seen.sum()))
    whole = torch.zeros(4, 3, size * size, dtype=torch.float64)
    whole[..., seen.flatten().bool()] = layer.weight.detach()
    features = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    wanted = functional.conv2d(
        features,
        whole.unflatten(2, (size, size)),
        layer.bias,
        padding=dilation * (size // 2),
        dilation=dilation,
    )
    torch.testing.assert_close(layer(features), wanted)


@pytest.mark.parametrize("centre", [False, True])
def test_parts_of_a_raster_kernel(centre):
    layer = CausalConv2d(2, 3, 5, "raster", centre=centre)
    kernel = layer.kernel()
    assert kernel.shape == (3, 2, 3, 5)
    assert torch.equal(kernel[:, :, :2], layer.above())
    assert torch.equal(kernel[:, :, 2, : 2 + centre], layer.left())
    assert not kernel[:, :, 2, 2 + centre :].any()


def test_without_bias():
    layer = CausalConv2d(1, 2, 3, "raster", centre=True, bias=False)
    assert layer.bias is None
    assert not layer(torch.zeros(1, 1, 4, 4)).any()


def scaled(levels):
    return levels.float() / 2 - 1


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_a_head_says_at_one_location_what_it_says_at_all(channels):
    torch.manual_seed(0)
    head = PixelHead(6, 5) if channels == 1 else ChannelHead(6, channels, 5, 7)
    trunk = torch.randn(4, 6, 3, 2)
    levels = torch.randint(0, 5, (4, channels, 3, 2))
    logits = head(trunk, scaled(levels))
    assert logits.shape == (channels, 4, 3, 2, 5)
    heard = []

    def choose(found, channel):
        heard.append(found)
        return levels[:, channel, 2, 1]

    with torch.no_grad():
        chosen = head.choose(trunk[:, :, 2, 1], choose, scaled)
    assert torch.equal(chosen, levels[:, :, 2, 1])
    torch.testing.assert_close(torch.stack(heard), logits[:, :, 2, 1].detach())


def test_a_channel_head_sees_the_channels_before_and_no_others():
    torch.manual_seed(0)
    head = ChannelHead(6, 4, 5, 16).double()
    trunk = torch.randn(1, 6, 1, 1, dtype=torch.float64)
    values = torch.randn(1, 4, 1, 1, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: head(trunk, x), values)
    depends = jacobian.reshape(4, 5, 4).abs().sum(1) > 0  # (channel, channel seen)
    assert torch.equal(depends, torch.ones(4, 4).tril(-1).bool())
