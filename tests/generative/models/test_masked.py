"""Causal convolutions against masked ones."""

import pytest
import torch
from torch.nn import functional

from gaborkit.generative.models.masked import CausalConv2d


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
