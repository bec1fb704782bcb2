"""Losses of GANs against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from gaborkit.generative.models.gan import GAN, GANConfig
from gaborkit.generative.models.gan_losses import (
    GAN_LOSSES,
    critic_discriminator,
    gradient_penalty,
    hinge_discriminator,
    non_saturating_discriminator,
    non_saturating_generator,
)
from gaborkit.generative.space import Space

ZERO = torch.zeros(6)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_losses_where_the_discriminator_knows_nothing():
    assert float(non_saturating_discriminator(ZERO, ZERO)) == pytest.approx(math.log(4))
    assert float(non_saturating_generator(ZERO)) == pytest.approx(math.log(2))
    assert float(hinge_discriminator(ZERO, ZERO)) == 2
    assert float(critic_discriminator(ZERO, ZERO)) == 0


def test_the_non_saturating_loss_is_binary_cross_entropy_of_the_sigmoid():
    real, fake = torch.randn(2, 50, generator=generator()).double()
    entropy = functional.binary_cross_entropy(torch.sigmoid(real), torch.ones(50).double())
    entropy = entropy + functional.binary_cross_entropy(
        torch.sigmoid(fake), torch.zeros(50).double()
    )
    assert float(non_saturating_discriminator(real, fake)) == pytest.approx(float(entropy))
    wanted = functional.binary_cross_entropy(torch.sigmoid(fake), torch.ones(50).double())
    assert float(non_saturating_generator(fake)) == pytest.approx(float(wanted))


def test_no_loss_overflows():
    far = torch.full((3,), 1e4)
    for loss in GAN_LOSSES.values():
        assert loss.discriminator(-far, far).isfinite()
        assert loss.generator(-far).isfinite()


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=2, max_size=6))
def test_best_discriminator_measures_the_jensen_shannon_divergence(weights):
    real, fake = torch.tensor(weights, dtype=torch.float64).T
    real, fake = real / real.sum(), fake / fake.sum()
    best = (real / fake).log()  # the logit of real / (real + fake)
    mean = (real + fake) / 2
    divergence = sum(float((p * (p / mean).log()).sum()) for p in (real, fake)) / 2
    # Expectations over the points, from the loss of each point by itself.
    zero = torch.zeros(1, dtype=torch.float64)
    loss = sum(
        float(p * (non_saturating_discriminator(s, zero) - math.log(2)))
        + float(q * (non_saturating_discriminator(zero, s) - math.log(2)))
        for p, q, s in zip(real, fake, best[:, None], strict=True)
    )
    assert loss == pytest.approx(math.log(4) - 2 * divergence, abs=1e-9)


@pytest.mark.parametrize("name", list(GAN_LOSSES))
def test_gradients_pull_the_two_networks_apart(name):
    loss = GAN_LOSSES[name]
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    loss.discriminator(real, fake).backward()
    assert (real.grad < 0).all()  # descent raises the score of real features
    assert (fake.grad > 0).all()
    fake.grad = None
    loss.generator(fake).backward()
    assert (fake.grad < 0).all()


def test_the_generator_learns_where_the_discriminator_is_sure():
    score = torch.tensor([-20.0], requires_grad=True)
    non_saturating_generator(score).backward()
    assert float(score.grad) == pytest.approx(-1)


def test_hinge_forgets_scores_beyond_the_margin():
    real, fake = torch.tensor([0.5, 1.5]).requires_grad_(), torch.tensor([-0.5, -1.5])
    fake.requires_grad_()
    hinge_discriminator(real, fake).backward()
    assert real.grad.tolist() == [-0.5, 0]
    assert fake.grad.tolist() == [0.5, 0]


@given(st.floats(0.1, 5), st.integers(1, 6))
def test_penalty_of_a_linear_critic(slope, size):
    weights = torch.randn(size, generator=generator(), dtype=torch.float64)
    weights = (slope * weights / weights.norm()).float()
    real, fake = torch.randn(2, 7, size, generator=generator(1))
    penalty = gradient_penalty(lambda x: x @ weights, real, fake, generator())
    assert float(penalty.detach()) == pytest.approx((slope - 1) ** 2, abs=1e-5)


def test_penalty_is_taken_on_the_lines_between():
    # |gradient of x^2 / 2| is |x|: the penalty is the mean of (|x| - 1)^2 over the points drawn.
    real, fake = torch.ones(20_000, 1, 1, 1), -torch.ones(20_000, 1, 1, 1)
    penalty = gradient_penalty(lambda x: (x**2 / 2).flatten(1).sum(1), real, fake, generator())
    assert float(penalty.detach()) == pytest.approx(1 / 3, abs=0.01)


def test_penalty_is_differentiable_by_the_weights():
    critic = nn.Linear(3, 1, bias=False).double()
    real, fake = torch.randn(2, 4, 3, generator=generator(), dtype=torch.float64)

    def penalty(weight):
        # float32 inside, so the slope of it is exact and the rest is too
        return gradient_penalty(lambda x: (x.double() @ weight.T)[:, 0], real, fake, generator())

    penalty(critic.weight).backward()
    norm = critic.weight.norm()
    wanted = 2 * (norm - 1) * critic.weight / norm
    assert torch.allclose(critic.weight.grad, wanted, atol=1e-5)


def test_penalty_of_a_constant_critic_is_one_and_has_a_finite_gradient():
    weight = torch.zeros(3, requires_grad=True)
    real, fake = torch.randn(2, 4, 3, generator=generator())
    penalty = gradient_penalty(lambda x: x @ weight, real, fake, generator())
    penalty.backward()
    assert float(penalty.detach()) == 1
    assert weight.grad.isfinite().all()


def test_penalty_is_float32_under_autocast():
    critic = nn.Linear(3, 1)
    real, fake = torch.randn(2, 4, 3, generator=generator())

    def penalty():
        return gradient_penalty(lambda x: critic(x)[:, 0], real, fake, generator())

    wanted = penalty()
    with torch.autocast("cpu", torch.bfloat16):
        found = penalty()
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted)


def test_instance_noise_is_on_all_that_the_discriminator_sees():
    torch.manual_seed(0)
    config = GANConfig(4, generator_hidden=(5, 6), discriminator_hidden=(7,), instance_noise=0.5)
    model = GAN(config, Space(2, 20, 20, "symmetric"))
    seen = []
    model.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    real = torch.zeros(50, 2, 20, 20)
    for part in ("discriminator", "generator"):
        model(real, None, torch.Generator().manual_seed(0), part)
    both, fakes = seen
    assert both[:50].std().item() == pytest.approx(0.5, rel=0.02)
    # Neighbouring generated values differ by the noise of both, the network's own being small.
    torch.testing.assert_close(both[50:].std(), fakes.std(), rtol=0.05, atol=0)
    assert float(fakes.detach().std()) > 0.5
    again = model(real, None, torch.Generator().manual_seed(0), "generator").total
    assert again == model(real, None, torch.Generator().manual_seed(0), "generator").total


def test_a_fully_connected_gan_takes_a_single_pixel():
    config = GANConfig(4, generator_hidden=(8, 9), discriminator_hidden=(8,))
    assert GAN(config, Space(1, 1, 1, "symmetric")).sample(2).shape == (2, 1, 1, 1)
