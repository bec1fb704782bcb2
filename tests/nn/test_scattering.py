"""Scattering2d: the numbers of Scattering, in channels; moved, cast, exported."""

from __future__ import annotations

import copy

import pytest
import torch

import gaborkit as gk
from gaborkit.features import Scattering


def image(*shape, dtype=torch.float32):
    return torch.rand(*shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


def layer(dtype=None, **options):
    return gk.nn.Scattering2d(Scattering(2, 3, **options), (12, 20), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_scattering(dtype):
    picture = image(4, 2, 12, 20, dtype=dtype)
    expected = Scattering(2, 3)(picture)
    found = layer(dtype)(picture)
    assert found.dtype == dtype
    assert found.shape == (4, 32, 3, 5)
    assert torch.equal(found, expected.flatten(1, 2))
    by_torch = layer(dtype)(picture.clone().requires_grad_()).detach()
    torch.testing.assert_close(by_torch, found)
    torch.testing.assert_close(layer(dtype)(picture[0]), found[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_transformed_in_single(dtype):
    picture = image(1, 1, 12, 20).to(dtype)
    expected = layer()(picture.float()).to(dtype)
    for cast in (layer(), layer().to(dtype)):
        found = cast(picture)
        assert found.dtype == dtype
        assert torch.equal(found, expected)


def test_double_makes_the_filters_again():
    picture = image(1, 1, 12, 20, dtype=torch.float64)
    assert torch.equal(layer().double()(picture), layer(torch.float64)(picture))
    assert torch.equal(layer().double().float()(picture.float()), layer()(picture.float()))


def test_bytes_are_promoted():
    picture = torch.arange(240, dtype=torch.uint8).reshape(1, 1, 12, 20)
    assert torch.equal(layer()(picture), layer()(picture.float()))


def test_nothing_is_saved_and_copies_agree():
    one = layer(order=1, cells=2)
    assert one.state_dict() == {}
    picture = image(1, 1, 12, 20)
    assert torch.equal(copy.deepcopy(one)(picture), one(picture))
    assert one.out_shape == (2, 2)
    assert "J=2, 7 paths, 12 x 20" in repr(one)


def test_moves_to_another_device():
    moved = layer().to("meta")
    assert {buffer.device.type for buffer in moved.buffers()} == {"meta"}


def test_gradients_reach_the_picture():
    picture = image(1, 1, 12, 20).requires_grad_()
    layer()(picture).square().sum().backward()
    assert picture.grad.abs().min() > 0


def test_export():
    batch = torch.export.Dim("batch")
    program = torch.export.export(layer(), (image(2, 1, 12, 20),), dynamic_shapes=({0: batch},))
    picture = image(5, 1, 12, 20)
    torch.testing.assert_close(program.module()(picture), layer()(picture))


def test_compile_follows_the_whole_layer():
    one = layer(order=1)
    compiled = torch.compile(one, backend="eager", fullgraph=True)
    picture = image(2, 1, 12, 20)
    torch.testing.assert_close(compiled(picture), one(picture))


def test_what_does_not_fit():
    with pytest.raises(gk.LayerError, match="3 is no Scattering"):
        gk.nn.Scattering2d(3, (12, 20))
    with pytest.raises(gk.LayerError, match=r"pictures of 12 x 20 pixels; make one"):
        layer()(image(1, 1, 20, 12))
    with pytest.raises(gk.LayerError, match=r"shape \(12, 20\) does not fit"):
        layer()(image(12, 20))
    with pytest.raises(gk.FeatureError, match="smaller than"):
        gk.nn.Scattering2d(Scattering.kymatio(4), (12, 20))
