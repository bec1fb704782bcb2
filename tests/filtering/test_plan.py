"""The plan of filtering: engines, modelled times, ranks."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest

import gaborkit as gk


def test_plan_prints_engines_costs_ranks_and_error():
    bank = gk.GaborBank([*gk.GaborBank.grid(1, 8), gk.GaborKernel(sigma=40, wavelength=80)])
    text = str(bank.plan((3, 512, 512), np.float64, engine="separable"))
    assert "9 kernels on 3 x 512 x 512 float64, numpy" in text
    assert "error at most 1e-10 of the answer to noise" in " ".join(text.split())
    assert "8 kernels of radius" in text
    assert "9 row and 17 column passes" in text


def test_plan_takes_the_engine_of_least_modelled_time():
    bank = gk.GaborBank.grid(5, 8)
    plan = bank.plan((256, 256))
    for step in plan.steps:
        assert step.milliseconds[step.engine] == min(step.milliseconds.values())
    assert sorted(k for step in plan.steps for k in step.indices) == list(range(40))
    assert plan.milliseconds > 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_modelled_time_grows_with_the_pictures(dtype):
    """With their number, height and width alike, whichever engine filters them."""
    bank = gk.GaborBank([*gk.GaborBank.grid(3, 4), gk.GaborKernel(sigma=4, gamma=0.5)])
    few = bank.plan((1, 100, 100), dtype)
    for shape in [(20, 100, 100), (1, 2000, 100), (1, 100, 2000)]:
        many = bank.plan(shape, dtype)
        for small, large in zip(few.steps, many.steps, strict=True):
            for engine, milliseconds in large.milliseconds.items():
                assert 3 * small.milliseconds[engine] < milliseconds, (shape, engine)
    longer = bank.plan((1, 2000, 100), dtype).milliseconds
    assert bank.plan((1, 100, 2000), dtype).milliseconds == pytest.approx(longer, rel=0.5)


@pytest.mark.parametrize("engine", ["direct", "separable", "pyramid", "fourier"])
def test_only_shared_transforms_have_a_wider_margin(engine):
    bank = gk.GaborBank([gk.GaborKernel(wavelength=2 * sigma, sigma=sigma) for sigma in (7, 7.5)])
    near, far = bank.plan((300, 300), engine=engine).steps
    assert near.radius < far.radius == far.margin
    assert near.margin == (far if engine == "fourier" else near).radius


def test_plan_states_the_rank_of_elongated_kernels():
    kernel = gk.GaborKernel(sigma=4, wavelength=8, gamma=0.5, theta=0.5)
    text = str(gk.GaborBank([kernel]).plan((64, 64), engine="separable"))
    rank = len(kernel.factors(accuracy=1e-6)[0])
    # Each row meets a column of the real part and one of the imaginary part.
    assert f"separable, {rank} row and {2 * rank} column passes" in text


def test_elongated_kernels_at_theta_and_pi_minus_theta_share_their_passes():
    kernel = gk.GaborKernel(sigma=4, wavelength=8, gamma=0.5, theta=0.5)
    pair = [kernel, kernel.rotated(math.pi - 1.0)]
    plans = [str(gk.GaborBank(k).plan((64, 64), engine="separable")) for k in ([kernel], pair)]
    assert [re.findall(r"(\d+) row and (\d+) column", text) for text in plans] == 2 * [
        re.findall(r"(\d+) row and (\d+) column", plans[0])
    ]


def test_only_separable_engines_have_passes():
    kernel = gk.GaborKernel(sigma=2)
    text = str(gk.GaborBank([kernel]).plan((9, 9), engine="direct"))
    assert "direct" in text
    assert "passes" not in text


@pytest.mark.parametrize("shape", [(5,), (0, 4), ()])
def test_plan_for_no_image(shape):
    with pytest.raises(gk.FilterError, match="is not that of an image"):
        gk.GaborBank.grid(1, 1).plan(shape)


def test_the_plan_is_a_value():
    plan = gk.GaborBank.grid(1, 2).plan((9, 9))
    with pytest.raises(dataclasses.FrozenInstanceError, match="'margin'"):
        plan.margin = 3
