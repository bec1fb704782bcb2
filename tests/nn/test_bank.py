"""GaborBank2d: the numbers of bank.filter, in channels, fixed or learning."""

from __future__ import annotations

import copy

import pytest
import torch

import gaborkit as gk

PARTS = ["complex", "real", "imag", "magnitude", "energy", "phase"]
BOUNDARIES = ["reflect", "mirror", "nearest", "constant", "wrap"]


def bank(**fields):
    return gk.GaborBank.grid(2, 3, wavelength=3, sigma=1.4, a=1.6, **fields)


def image(*shape, dtype=torch.float64):
    return torch.rand(*shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


def expected_channels(a_bank, picture, part, boundary="reflect"):
    found = a_bank.filter(picture, part=part, boundary=boundary)  # (N, C, K, H, W)
    if part == "complex":
        found = torch.stack([found.real, found.imag], -3).flatten(-4, -3)
    return found.flatten(1, 2)


@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_equals_bank_filter(part, boundary, learnable):
    picture = image(2, 3, 20, 23)
    layer = gk.nn.GaborBank2d(bank(), part, boundary, learnable, dtype=torch.float64)
    expected = expected_channels(bank(), picture, part, boundary)
    learning, kept = layer(picture).detach(), layer.requires_grad_(False)(picture)
    # A picture alone may take another engine than a batch.
    for answer, wanted in ((learning, expected), (kept, expected), (layer(picture[0]), kept[0])):
        difference = answer - wanted
        if part == "phase":
            difference = difference.sin()  # -pi and pi are one angle
        assert difference.abs().max() < 1e-8


def test_channels_of_one_colour_lie_side_by_side():
    picture = image(1, 3, 16, 16)
    found = gk.nn.GaborBank2d(bank())(picture)
    assert found.shape == (1, 18, 16, 16)
    expected = bank()[4].filter(picture[0, 2], part="magnitude")
    torch.testing.assert_close(found[0, 2 * 6 + 4], expected)


def test_other_families_are_filtered_but_do_not_learn():
    kovesi = gk.GaborBank.preset("kovesi", scales=1, orientations=2)
    picture = image(1, 1, 16, 16)
    found = gk.nn.GaborBank2d(kovesi)(picture)
    torch.testing.assert_close(found[0], kovesi.filter(picture[0, 0], part="magnitude"))
    with pytest.raises(gk.LayerError, match="kernel 0 is a LogGaborKernel"):
        gk.nn.GaborBank2d(kovesi, learnable=True)


def test_integers_are_promoted_and_half_precision_comes_back():
    layer = gk.nn.GaborBank2d(bank())
    picture = (image(1, 1, 16, 16) * 255).to(torch.uint8)
    expected = layer(picture.float())
    assert torch.equal(layer(picture), expected)
    half = layer(picture.to(torch.bfloat16))
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), expected, rtol=0.02, atol=0.02)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(picture.float()), expected)


@pytest.mark.parametrize("part", ["complex", "real", "imag", "magnitude", "energy"])
def test_gradients(part):
    layer = gk.nn.GaborBank2d(bank()[:2], part, learnable=True, dtype=torch.float64)
    names = [name for name, _ in layer.named_parameters()]

    def answer(picture, *values):
        return torch.func.functional_call(layer, dict(zip(names, values, strict=True)), picture)

    inputs = (image(1, 1, 6, 7).requires_grad_(), *layer.parameters())
    assert torch.autograd.gradcheck(answer, inputs, fast_mode=True)


def test_gradients_reach_the_image_through_a_fixed_bank():
    picture = image(1, 1, 12, 12).requires_grad_()
    gk.nn.GaborBank2d(bank())(picture).sum().backward()
    assert picture.grad.abs().max() > 0


def test_a_step_moves_every_kernel_and_the_bank_follows():
    layer = gk.nn.GaborBank2d(bank(), learnable=True)
    picture = image(2, 1, 16, 16, dtype=torch.float32)
    with torch.no_grad():
        first = layer.bank()
        assert layer.bank() is first
        before = layer(picture)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    layer(picture).sum().backward()
    optimizer.step()
    with torch.no_grad():
        assert all(a.sigma != b.sigma for a, b in zip(first, layer.bank(), strict=True))
        assert not torch.allclose(layer(picture), before)
        expected = expected_channels(layer.bank(), picture, "magnitude")
        torch.testing.assert_close(layer(picture), expected)
    torch.testing.assert_close(layer(picture).detach(), expected, rtol=1e-4, atol=1e-5)


def test_state_and_copies():
    layer = gk.nn.GaborBank2d(bank(), learnable=True)
    other = gk.nn.GaborBank2d(bank(theta=0.2), learnable=True)
    picture = image(1, 1, 12, 12, dtype=torch.float32)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(picture), layer(picture))
    copied = copy.deepcopy(layer)
    with torch.no_grad():
        copied.kernels.raw_theta.add_(1)
    assert torch.equal(other(picture), layer(picture))
    assert gk.nn.GaborBank2d(bank()).state_dict() == {}
    assert not list(gk.nn.GaborBank2d(bank()).parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "angle"}, "part='angle' is unknown; choose one of complex, real"),
        ({"boundary": "zeros"}, "boundary='zeros' is unknown; choose one of reflect"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(gk.LayerError, match=message):
        gk.nn.GaborBank2d(bank(), **options)


def test_bad_input():
    with pytest.raises(gk.LayerError, match=r"shape \(9, 9\) does not fit; \(N, C, H, W\)"):
        gk.nn.GaborBank2d(bank())(torch.ones(9, 9))


def test_it_prints_what_it_is():
    assert "6 kernels, part='real', boundary='wrap'" in repr(
        gk.nn.GaborBank2d(bank(), "real", "wrap")
    )
