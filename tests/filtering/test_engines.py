"""Every engine of the registry keeps one contract; a new one is a few lines."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import engine_contract_for_tests as contract
import numpy as np
import pytest
import torch
from scipy.signal import convolve2d

import gaborkit as gk
from gaborkit.choices import ENGINES
from gaborkit.filtering.engines.base import Cost, ResponseEngine
from gaborkit.filtering.registry import engine_names, engines, register, unregister

HERE = [engine for engine in engines() if engine.backend != "triton"]
NAMES = sorted(engine.name for engine in engines() if engine.backend == "triton")
needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs triton")


@pytest.mark.parametrize("check", contract.CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("engine", HERE, ids=lambda engine: f"{engine.backend}-{engine.name}")
def test_engines_keep_the_contract(engine, check):
    check(engine)


@functools.cache
def interpreted():
    """The checks of a GPU's engines; triton must see the variable when it is imported."""
    done = subprocess.run(
        [sys.executable, Path(contract.__file__)],
        env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_triton
@pytest.mark.parametrize("check", contract.CHECKS_OF_PROGRAMS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_engines_of_a_gpu_keep_it_too(name, check):
    assert interpreted()[f"{name} {check.__name__}"] == ""


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("check", contract.CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("engine", engines(), ids=lambda engine: f"{engine.backend}-{engine.name}")
def test_engines_keep_the_contract_on_a_gpu(engine, check, monkeypatch):
    monkeypatch.setattr(contract, "DEVICE", "cuda")
    check(engine)


def test_all_engines_are_among_these():
    assert len(HERE) + len(NAMES) == len(engines())
    assert engine_names() == list(ENGINES)


class Toy(ResponseEngine):
    """By SciPy, one kernel after the other."""

    name, backend = "toy", "numpy"

    def cost(self, work):
        return Cost(1e6 * work.images, 1e6 * work.images)

    def responses(self, batch, step, kernels, outs):
        padded = batch.padded(step.radius)
        for kernel, out in zip(kernels, outs, strict=True):
            for plane, response in zip(padded, out, strict=True):
                response[...] = convolve2d(plane, kernel.sample(batch.tolerance), "valid")
        return outs


@pytest.fixture
def toy():
    engine = Toy()
    register(engine)
    yield engine
    unregister(engine)


@pytest.mark.parametrize("check", contract.CONTRACT, ids=lambda check: check.__name__)
def test_a_new_engine_keeps_it(toy, check):
    check(toy)


def test_a_new_engine_filters_by_its_name(toy):
    bank = gk.GaborBank([*gk.GaborBank.grid(2, 3), *gk.GaborBank.grid(1, 2, dc_free=False)])
    image = np.random.default_rng(0).random((2, 30, 25))
    expected = bank.filter(image, engine="direct")
    np.testing.assert_allclose(bank.filter(image, engine="toy"), expected, rtol=0, atol=1e-13)
    tensor = bank.filter(torch.from_numpy(image), engine="toy")
    np.testing.assert_allclose(tensor.numpy(), expected, rtol=0, atol=1e-13)
    mean = bank.statistics(image, engine="toy").mean
    np.testing.assert_allclose(mean, abs(expected).mean((-2, -1)), rtol=1e-12)
    plan = bank.plan(image.shape, engine="toy")
    assert {step.engine for step in plan.steps} == {"toy"}
    assert "toy 2e+06 ms" in str(bank.plan(image.shape))  # weighed, and not chosen


def test_a_new_engine_is_chosen_where_it_costs_least(toy, monkeypatch):
    monkeypatch.setattr(Toy, "cost", lambda self, work: Cost(0.0, 0.0))
    assert {step.engine for step in gk.GaborBank.grid(1, 2).plan((9, 9)).steps} == {"toy"}


def test_a_new_engine_is_refused_where_it_is_not_written(toy):
    bank = gk.GaborBank.grid(1, 2)
    with pytest.raises(gk.FilterError, match="engine='toy' is not written for torch with gradie"):
        bank.filter(torch.rand(9, 9, requires_grad=True), engine="toy")
    with pytest.raises(gk.FilterError, match="transfer='analytic' needs engine='fourier' or 'au"):
        bank.filter(np.zeros((9, 9)), engine="toy", transfer="analytic")


def test_an_engine_that_is_not_registered_is_unknown():
    with pytest.raises(gk.FilterError, match="engine='toy' is unknown; choose one of auto, dir"):
        gk.GaborBank.grid(1, 2).filter(np.zeros((9, 9)), engine="toy")


def test_names_are_given_once(toy):
    with pytest.raises(gk.FilterError, match="engine 'toy' of numpy is registered already"):
        register(Toy())
    toy.name = "auto"
    with pytest.raises(gk.FilterError, match="engine 'auto' of numpy is registered already"):
        register(toy)
    del toy.name
