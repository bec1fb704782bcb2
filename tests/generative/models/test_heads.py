"""Heads: at one location and at all, the channels they see, the mixture of logistics."""

import pytest
import torch

from gaborkit.errors import ModelError
from gaborkit.generative.models.autoregressive_config import AutoregressiveConfig
from gaborkit.generative.models.draws import draw
from gaborkit.generative.models.heads import ChannelHead, MixtureHead, PixelHead, make_head
from gaborkit.generative.space import Space


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


# ---- discretized mixture of logistics ----


def mixture_head(channels=3, levels=16, mixtures=3, spread=1.0):
    torch.manual_seed(0)
    head = MixtureHead(5, channels, levels, mixtures).double()
    with torch.no_grad():
        head.output.weight.mul_(spread)
    trunk = torch.randn(4, 5, 2, 3, dtype=torch.float64)
    features = torch.randint(0, levels, (4, channels, 2, 3))
    return head, trunk, features


def valued(levels):
    return lambda features: features.double() * (2 / (levels - 1)) - 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("levels", [2, 3, 256])
@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
def test_a_mixture_adds_up_to_one_over_all_levels(channels, levels, spread):
    head, trunk, features = mixture_head(channels, levels, spread=spread)
    values = valued(levels)(features)
    for dtype, close in ((torch.float64, 1e-10), (torch.float32, 1e-4)):
        logits = head.to(dtype)(trunk.to(dtype), values.to(dtype))
        assert logits.dtype == dtype
        assert logits.isfinite().all()
        assert (logits.exp().sum(-1) - 1).abs().max() < close


def test_a_mixture_s_likelihood_is_that_of_its_logits_channel_by_channel():
    head, trunk, features = mixture_head(spread=3.0)
    values = valued(16)(features)
    chances = head(trunk, values).gather(-1, features.movedim(1, 0)[..., None])
    torch.testing.assert_close(head.log_prob(trunk, values, features), chances.sum((0, -1)))


def test_a_mixture_is_the_published_formula():
    # Of distribution functions, in double precision, where nothing is rounded away.
    head, trunk, features = mixture_head(channels=3, levels=8)
    values = valued(8)(features)
    out = head.output(trunk)  # (B, K * 10, H, W)
    weights, means, scales, a = out.split([3, 9, 9, 9], 1)
    means, scales, a = (part.unflatten(1, (3, 3)) for part in (means, scales, a.tanh()))
    red, green, _ = values[:, :, None].unbind(1)
    means = torch.stack(
        [
            means[:, 0],
            means[:, 1] + a[:, 0] * red,
            means[:, 2] + a[:, 1] * red + a[:, 2] * green,
        ],
        1,
    )
    x, precision = values[:, :, None], (-scales.clamp(-7, 7)).exp()
    above = ((x - means + 1 / 7) * precision).sigmoid().masked_fill(x > 0.99, 1)
    below = ((x - means - 1 / 7) * precision).sigmoid().masked_fill(x < -0.99, 0)
    wanted = (weights.softmax(1) * (above - below).prod(1)).sum(1).log()
    torch.testing.assert_close(head.log_prob(trunk, values, features), wanted)


def test_gradients_of_a_mixture():
    head, trunk, features = mixture_head(levels=4, spread=2.0)
    values = valued(4)(features)

    trunk.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: head.log_prob(x, values, features), trunk)
    assert torch.autograd.gradcheck(lambda x: head(x, values[:1]), trunk[:1])


@pytest.mark.parametrize("scale", [-50.0, 0.0, 50.0])
@pytest.mark.parametrize("location", [-1e4, 0.3, 1e4])
def test_a_mixture_is_finite_in_float32_at_every_magnitude(scale, location):
    head = MixtureHead(1, 2, 256, 2)
    outputs = torch.zeros(1, 2 * sum(head.split), 1, 1)
    outputs[:, 2:6], outputs[:, 6:10] = location, scale
    outputs.requires_grad_()
    head.output = torch.nn.Identity()
    values = torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1)
    likelihood = head.log_prob(outputs, values, None)
    (gradient,) = torch.autograd.grad(likelihood.sum(), outputs)
    assert likelihood.isfinite().all()
    assert gradient.isfinite().all()


def test_a_mixture_draws_colours_that_hang_together():
    # Green follows red: what the coefficients are for.
    head = MixtureHead(1, 3, 64, 1)
    with torch.no_grad():
        head.output.weight.zero_()
        head.output.bias.copy_(torch.tensor([0.0, 0, 0, 0, -1, -5, -5, 5, 0, 5]))
    uniform = torch.rand(3, 500, generator=torch.Generator().manual_seed(0))

    def choose(logits, channel):
        return draw(logits, uniform[channel])

    red, green, blue = head.choose(torch.zeros(500, 1), choose, lambda x: x * (2 / 63) - 1).T
    assert len(red.unique()) > 20
    assert (red - green).abs().max() < 8
    assert (green - blue).abs().max() < 8


def test_levels_without_an_order_fit_no_head_that_goes_by_it():
    codes = Space(1, 4, 4, "levels", 8, ordinal=False)
    with pytest.raises(ModelError, match="levels without an order fit no likelihood='mixture'"):
        make_head(4, codes, AutoregressiveConfig(likelihood="mixture", levels=8))
    several = Space(2, 4, 4, "levels", 8, ordinal=False)
    with pytest.raises(ModelError, match="2 x 8 levels without an order"):
        make_head(4, several, AutoregressiveConfig(levels=8))
    assert isinstance(make_head(4, codes, AutoregressiveConfig(levels=8)), PixelHead)
