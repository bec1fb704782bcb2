"""GaborConv2d: equal to filtering, a drop-in for Conv2d, learning, precision."""

from __future__ import annotations

import copy

import pytest
import torch
from layers_for_tests import PARTS, image, layer, seeded

import gaborkit as gk
from gaborkit.nn.kernels import LEARNABLE

BOUNDARIES = {
    "zeros": "constant",
    "reflect": "mirror",
    "replicate": "nearest",
    "circular": "wrap",
}


# ---- equal to filtering ----


@pytest.mark.parametrize("mode", BOUNDARIES)
@pytest.mark.parametrize("norm", ["l1", "l2", "gain", "peak", "article"])
def test_equals_kernel_filter(mode, norm):
    kernel = gk.GaborKernel(wavelength=5, theta=0.7, sigma=1.9, phase=0.5, scale=1.1, norm=norm)
    found = gk.nn.GaborConv2d.from_bank(
        gk.GaborBank([kernel]),
        padding="same",
        padding_mode=mode,
        part="complex",
        dtype=torch.float64,
    )
    picture = image(1, 1, 24, 31)
    expected = kernel.filter(picture[0, 0], boundary=BOUNDARIES[mode])
    real, imag = found(picture)[0].detach()
    torch.testing.assert_close(torch.complex(real, imag), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("dc_free", [True, False])
def test_equals_bank_filter(part, dc_free):
    bank = gk.GaborBank.grid(2, 3, wavelength=3, sigma=1.2, a=1.5, dc_free=dc_free)
    found = gk.nn.GaborConv2d.from_bank(
        bank, padding="same", padding_mode="circular", part=part, dtype=torch.float64
    )
    picture = image(2, 1, 40, 40)
    expected = bank.filter(picture[:, 0], part=part, boundary="wrap")
    if part == "complex":
        expected = torch.view_as_real(expected).movedim(-1, 2).flatten(1, 2)
    torch.testing.assert_close(found(picture).detach(), expected, rtol=0, atol=2e-5)
    assert found.bias is None


def test_it_is_a_convolution_and_no_correlation():
    impulse = torch.zeros(1, 1, 13, 13, dtype=torch.float64)
    impulse[0, 0, 6, 6] = 1
    kernel = gk.GaborKernel(wavelength=4, theta=0.4, sigma=1, phase=1.0)
    found = gk.nn.GaborConv2d.from_bank(gk.GaborBank([kernel]), padding="same", dtype=torch.float64)
    radius = kernel.radius()
    answer = found(impulse)[0, 0, 6 - radius : 7 + radius, 6 - radius : 7 + radius].detach().numpy()
    assert abs(answer - kernel.sample().real).max() < 1e-13
    assert abs(answer[::-1, ::-1] - kernel.sample().real).max() > 0.01


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("part", PARTS)
def test_is_the_mixture_of_filtered_channels(groups, part):
    found = layer(4, 6, 9, groups=groups, part=part, padding=4)
    with torch.no_grad():
        found.mixing.normal_(generator=seeded())
        found.bias.normal_(generator=seeded())
    picture = image(2, 4, 15, 16)
    kernels = found.kernels.sample().detach().flip(-2, -1)  # (6, 2, 9, 9)
    expected = []
    for o, (psi, mixing) in enumerate(zip(kernels, found.mixing.detach(), strict=True)):
        inputs = picture.chunk(groups, 1)[o * groups // 6]
        mixed = torch.einsum("nihw,i->nhw", inputs, mixing)[:, None]
        real, imag = torch.nn.functional.conv2d(mixed, psi[:, None], padding=4).unbind(1)
        parts = {
            "real": [real],
            "imag": [imag],
            "complex": [real, imag],
            "magnitude": [torch.hypot(real, imag)],
            "energy": [real**2 + imag**2],
        }
        expected += parts[part]
    expected = torch.stack(expected, 1) + found.bias.detach()[:, None, None]
    torch.testing.assert_close(found(picture).detach(), expected, rtol=0, atol=1e-12)


# ---- a drop-in ----


OPTIONS = [
    {},
    {"kernel_size": (3, 8), "stride": (2, 1), "padding": (1, 3)},
    {"padding": "same", "dilation": 2, "kernel_size": 4},
    {"padding": "valid", "padding_mode": "reflect", "bias": False},
    {"padding": "same", "padding_mode": "circular", "kernel_size": (4, 5), "dilation": (2, 1)},
    {"padding": 3, "padding_mode": "replicate", "groups": 2, "stride": 2},
    {"padding": (1, 2), "padding_mode": "reflect", "dilation": 2},
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_takes_the_arguments_of_conv2d(options):
    arguments = {"in_channels": 4, "out_channels": 6, "kernel_size": 5, "dtype": torch.float64}
    arguments.update(options)
    plain, found = torch.nn.Conv2d(**arguments), gk.nn.GaborConv2d(**arguments)
    picture = image(2, 4, 17, 18)
    plain.weight.data.copy_(found.weight)
    if found.bias is not None:
        plain.bias.data.copy_(found.bias)
    torch.testing.assert_close(found(picture), plain(picture), rtol=0, atol=1e-12)
    torch.testing.assert_close(found(picture[0]), found(picture)[0])
    torch.testing.assert_close(found.to_conv2d()(picture), found(picture))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("norm", ["l1", "l2", "gain", "peak", "article"])
def test_a_constant_answers_zero_at_every_step_of_learning(part, norm):
    found = layer(2, 6, 7, part=part, norm=norm, bias=False, dtype=torch.float32)
    optimizer = torch.optim.SGD(found.parameters(), lr=0.3)
    picture, one = image(2, 2, 20, 20, dtype=torch.float32), torch.ones(1, 2, 20, 20)
    for _ in range(5):
        scale = found.weight.detach().abs().sum((1, 2, 3)).max()
        assert found(one).detach().abs().max() <= 1e-5 * scale
        optimizer.zero_grad()
        (-found(picture).square().mean() / scale**2).backward()
        optimizer.step()


def test_starts_at_the_energy_of_its_input():
    noise = torch.randn(4, 3, 64, 64, generator=seeded())
    found = gk.nn.GaborConv2d(3, 32, 11, part="complex", bias=False, generator=seeded())
    energy = found(noise).detach().unflatten(1, (32, 2)).square().sum(2).mean((0, 2, 3))
    assert energy.mean() == pytest.approx(1, rel=0.2)


def test_the_generator_decides():
    first, same, other = (gk.nn.GaborConv2d(1, 8, 7, generator=seeded(s)) for s in (0, 0, 1))
    assert torch.equal(first.weight, same.weight)
    assert not torch.allclose(first.weight, other.weight)
    other.reset_parameters(seeded(0))
    assert torch.equal(first.weight, other.weight)


# ---- it learns: GaborNet's parameters do not ----


@pytest.mark.parametrize("part", PARTS)
def test_gradients_are_right(part):
    found = layer(2, 3, 5, part=part, padding=2, groups=1)
    names = [name for name, _ in found.named_parameters()]

    def answer(picture, *values):
        return torch.func.functional_call(found, dict(zip(names, values, strict=True)), picture)

    assert {f"kernels.raw_{name}" for name in LEARNABLE} | {"mixing", "bias"} == set(names)
    inputs = (image(1, 2, 6, 7).requires_grad_(), *found.parameters())
    assert torch.autograd.gradcheck(answer, inputs, fast_mode=True)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("training", [True, False])
def test_a_step_moves_every_parameter_and_the_output(part, training):
    found = layer(part=part).train(training)  # frozen batch norm is no reason to stop learning
    picture = image(2, 1, 16, 16)
    before, state = found(picture).detach(), copy.deepcopy(found.state_dict())
    optimizer = torch.optim.Adam(found.parameters(), lr=0.01)
    target = torch.randn(before.shape, generator=seeded(), dtype=torch.float64)
    (found(picture) - target).square().mean().backward()
    optimizer.step()
    for name, value in found.named_parameters():
        # The phase of a magnitude is no matter.
        moved = not (name.endswith("phase") and part in ("magnitude", "energy"))
        assert bool((value != state[name]).all()) or not moved, name
    assert (found(picture).detach() - before).abs().max() > 1e-3
    assert found.bank()[0].wavelength != layer(part=part).bank()[0].wavelength


def test_finds_a_kernel_by_its_responses():
    goal = gk.GaborKernel(wavelength=5, theta=0.6, sigma=2, gamma=0.9, phase=0.3, norm="l2")
    start = gk.GaborKernel(wavelength=6, theta=0.4, sigma=1.6, gamma=1.1, phase=0.0, norm="l2")
    picture = torch.randn(1, 1, 48, 48, generator=seeded())
    wanted = gk.nn.GaborConv2d.from_bank(gk.GaborBank([goal]), kernel_size=15)(picture).detach()
    found = gk.nn.GaborConv2d.from_bank(gk.GaborBank([start]), kernel_size=15)
    optimizer = torch.optim.Adam(found.parameters(), lr=0.03)
    for _ in range(200):
        optimizer.zero_grad()
        (found(picture) - wanted).square().mean().backward()
        optimizer.step()
    learned = found.bank()[0]
    for name in LEARNABLE:
        assert getattr(learned, name) == pytest.approx(getattr(goal, name), abs=0.02), name
    assert found.mixing.item() == pytest.approx(1, abs=0.02)


def test_only_what_is_learnable_moves():
    found = layer(learnable=["theta"])
    before = found.bank()[0]
    optimizer = torch.optim.SGD(found.parameters(), lr=0.1)
    found(image(1, 1, 12, 12)).square().mean().backward()
    optimizer.step()
    after = found.bank()[0]
    assert after.theta != before.theta
    assert after.replace(theta=before.theta) == before


@pytest.mark.parametrize("part", ["magnitude", "energy"])
def test_nothing_has_a_finite_gradient(part):
    found, black = layer(part=part), torch.zeros(1, 1, 9, 9, dtype=torch.float64)
    answer = found(black.requires_grad_())
    assert answer.abs().max() == 0
    answer.sum().backward()
    assert black.grad.abs().max() == 0
    assert all(parameter.grad.isfinite().all() for parameter in found.parameters())


def test_a_magnitude_does_not_overflow_half_precision():
    found = gk.nn.GaborConv2d(1, 8, 7, part="magnitude", generator=seeded()).half()
    picture = 1000 * image(1, 1, 16, 16).half()
    assert found(picture).isfinite().all()
    assert found(picture).max() > 300  # its square is more than half precision holds


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("part", PARTS)
def test_half_precision(dtype, part):
    found = gk.nn.GaborConv2d(1, 8, 7, part=part, generator=seeded())
    picture = image(1, 1, 16, 16, dtype=torch.float32)
    expected = found(picture)
    half = copy.deepcopy(found).to(dtype)(picture.to(dtype))
    assert half.dtype == dtype
    torch.testing.assert_close(half.float(), expected, rtol=0.05, atol=0.05)
    half.float().square().mean().backward()


@pytest.mark.parametrize("part", PARTS)
def test_autocast(part):
    found = gk.nn.GaborConv2d(1, 8, 7, part=part, generator=seeded())
    picture = image(1, 1, 16, 16, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        answer = found(picture)
        with torch.no_grad():
            found(picture)  # kept, and of single precision all the same
            assert found.weight.dtype == torch.float32
    assert answer.dtype == torch.bfloat16
    torch.testing.assert_close(answer.float(), found(picture), rtol=0.05, atol=0.05)
    answer.float().square().mean().backward()
    assert found.kernels.raw_theta.grad.abs().max() > 0


# ---- errors ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"in_channels": 0}, "in_channels=0 is not a whole number of 1 or more"),
        ({"out_channels": 2.5}, "out_channels=2.5 is not a whole number"),
        ({"kernel_size": 2}, "kernel_size=2 is not a whole number of 3 or more"),
        ({"kernel_size": (3, 5, 7)}, r"kernel_size=\(3, 5, 7\) is not a whole number of 3 or more"),
        ({"in_channels": (1, 1)}, r"in_channels=\(1, 1\) is not a whole number"),
        ({"groups": 0}, "groups=0 is not a whole number of 1 or more"),
        ({"stride": 0}, "stride=0"),
        ({"dilation": 0}, "dilation=0"),
        ({"padding": -1}, "padding=-1 is not a whole number of 0 or more"),
        ({"padding": "full"}, "padding='full' is unknown"),
        ({"padding": "same", "stride": 2}, "padding='same' needs a stride of 1, not 2"),
        ({"padding_mode": "mirror"}, "padding_mode='mirror' is unknown; choose one of zeros"),
        ({"groups": 3}, "in_channels=4 cannot be divided into groups=3"),
        ({"groups": 4, "out_channels": 6}, "out_channels=6 cannot be divided into groups=4"),
        ({"part": "phase"}, "part='phase' is unknown; choose one of real, imag"),
        ({"norm": "l3"}, "norm='l3' is unknown; choose one of l1"),
        ({"learnable": "lambda"}, "learnable='lambda' is no parameter"),
    ],
)
def test_bad_arguments(arguments, message):
    fields = {"in_channels": 4, "out_channels": 8, "kernel_size": 5, **arguments}
    with pytest.raises(gk.LayerError, match=message):
        gk.nn.GaborConv2d(**fields)


@pytest.mark.parametrize("shape", [(1, 3, 9, 9), (9, 9), (1, 1, 1, 9, 9)])
def test_bad_inputs(shape):
    with pytest.raises(gk.LayerError, match=r"does not fit; \(N, 1, H, W\) or \(1, H, W\) works"):
        layer()(image(*shape))


def test_a_bank_that_does_not_fit_the_window():
    with pytest.raises(gk.LayerError, match=r"sigma 4 is not between 0\.5 and 3\.5"):
        gk.nn.GaborConv2d.from_bank(gk.GaborBank([gk.GaborKernel(sigma=4)]), kernel_size=7)


@pytest.mark.parametrize("part", ["magnitude", "energy"])
def test_a_magnitude_is_no_convolution(part):
    with pytest.raises(gk.LayerError, match=f"part='{part}' is no convolution"):
        layer(part=part).to_conv2d()


def test_it_prints_what_it_is():
    words = repr(layer(3, 8, (5, 7), stride=2, part="magnitude"))
    for word in ("3, 8", "kernel_size=(5, 7)", "stride=(2, 2)", "part='magnitude'", "size=5x7"):
        assert word in words
