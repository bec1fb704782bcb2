"""GaborConv2d: sampled kernels are kept, follow every change, and travel with the layer."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from layers_for_tests import PARTS, image, layer, seeded

import gaborkit as gk


@pytest.fixture
def samplings(monkeypatch):
    """How often kernels are sampled."""
    count = []
    parts = gk.nn.GaborKernels.parts
    monkeypatch.setattr(gk.nn.GaborKernels, "parts", lambda self: (count.append(1), parts(self))[1])
    return count


def test_weights_are_kept_while_nothing_learns(samplings):
    found = layer().eval()
    picture = image(1, 1, 16, 16)
    with torch.no_grad():
        first = found(picture)
        for _ in range(3):
            assert torch.equal(found(picture), first)
    assert len(samplings) == 1
    with torch.inference_mode():
        found(picture)
    found.requires_grad_(False)
    found(picture)
    assert len(samplings) == 1


@torch.no_grad()
def test_writing_into_a_weight_changes_nothing():
    found, picture = layer().eval(), image(1, 1, 9, 9)
    before = found(picture)
    found.weight.zero_()
    assert torch.equal(found(picture), before)


def change_in_place(found):
    found.kernels.raw_theta.add_(0.1)


def change_mixing(found):
    found.mixing.mul_(2)


def load_a_state(found):
    found.load_state_dict(layer(generator=seeded(5)).state_dict())


def assign_a_state(found):
    found.load_state_dict(layer(generator=seeded(5)).state_dict(), assign=True)


def train_a_step(found):
    found.train()
    with torch.enable_grad():
        found(image(1, 1, 16, 16)).square().mean().backward()
    torch.optim.Adam(found.parameters(), lr=0.01).step()
    found.eval()


def to_single_precision(found):
    found.float()


def assign_a_bank(found):
    found.kernels.assign(gk.nn.initial_bank(8, 7, generator=seeded(6)))


@pytest.mark.parametrize(
    "change",
    [
        change_in_place,
        change_mixing,
        load_a_state,
        assign_a_state,
        train_a_step,
        to_single_precision,
        assign_a_bank,
    ],
)
@torch.no_grad()
def test_weights_follow_a_change(change):
    found = layer().eval()
    before = found.weight
    change(found)
    fresh = gk.nn.GaborConv2d(1, 8, 7, dtype=found.mixing.dtype)
    fresh.load_state_dict(found.state_dict())
    assert torch.equal(found.weight, fresh.weight)
    assert found.weight.dtype != before.dtype or not torch.equal(found.weight, before)


def test_weights_kept_in_inference_mode_serve_gradients_of_the_input():
    found = layer().eval().requires_grad_(False)
    with torch.inference_mode():
        found(image(1, 1, 9, 9))
    picture = image(1, 1, 9, 9).requires_grad_()
    found(picture).sum().backward()
    assert picture.grad.abs().max() > 0


def test_ensembles_by_vmap():
    layers = [layer(generator=seeded(s)).eval() for s in range(3)]
    parameters, buffers = torch.func.stack_module_state(layers)
    picture = image(1, 1, 12, 12)

    def answer(p, b):
        return torch.func.functional_call(layers[0], (p, b), picture)

    with torch.no_grad():
        layers[0](picture)
        found = torch.vmap(answer)(parameters, buffers)
        for one, expected in zip(found, layers, strict=True):
            torch.testing.assert_close(one, expected(picture))


# ---- precision ----


@pytest.mark.parametrize("part", PARTS)
def test_state_dict_round_trip(part):
    found, other = layer(part=part), layer(part=part, generator=seeded(1))
    file = io.BytesIO()
    torch.save(found.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(found(image(1, 1, 9, 9)), other(image(1, 1, 9, 9)))


def test_copies_are_independent():
    found = layer().eval()
    with torch.no_grad():
        before = found.weight.clone()
        other = copy.deepcopy(found)
        other.mixing.add_(1)
        assert torch.equal(found.weight, before)
        assert not torch.equal(other.weight, before)
    file = io.BytesIO()
    torch.save(found, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert torch.equal(again.weight, before)
