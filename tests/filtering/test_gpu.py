"""The engines for CUDA tensors: their programs in Triton's interpreter, and what picks them."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import triton_for_tests

import gaborkit as gk
from gaborkit.filtering import gpu
from gaborkit.filtering.backend import library_of
from gaborkit.filtering.engines import fourier, torch_direct, torch_fourier
from gaborkit.filtering.engines.base import Step
from gaborkit.filtering.engines.batch import Batch
from gaborkit.filtering.gpu import decimated, fused
from gaborkit.filtering.padding import pad
from gaborkit.filtering.registry import engines_of
from gaborkit.filtering.sinks import TensorValues

HAS_TRITON = importlib.util.find_spec("triton") is not None
needs_triton = pytest.mark.skipif(not HAS_TRITON, reason="needs triton")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


@functools.cache
def process():
    """All cases in one process: triton must see the variable when it is imported."""
    return subprocess.run(
        [sys.executable, Path(triton_for_tests.__file__)],
        env={**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def interpreted():
    """Errors of all cases."""
    found = process()
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


@needs_triton
@pytest.mark.parametrize("case", [name for name, _ in triton_for_tests.cases()])
def test_programs_equal_the_sum_over_taps(case):
    # A float64 image answers in double precision; the coarse grid has a bound of its own.
    limit = 1e-10 if "float64" in case else 1e-6 if case.startswith("fused") else decimated.ERROR
    assert interpreted()[case] <= limit


@needs_cuda
@pytest.mark.parametrize("case", [name for name, _ in triton_for_tests.cases()])
def test_cuda_equals_the_sum_over_taps(case, monkeypatch):
    monkeypatch.setattr(triton_for_tests, "DEVICE", "cuda")
    compute = dict(triton_for_tests.cases())[case]
    assert compute() <= (1e-10 if "float64" in case else 1e-5)


# ---- what picks them ----


def test_without_triton_or_a_compiler(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    device = torch.device("cpu")
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None)
        assert not fused.usable(device)

    class Broken:
        @property
        def probe(self):
            raise RuntimeError("Failed to find C compiler")

    fused._runs.cache_clear()
    monkeypatch.setitem(sys.modules, "gaborkit.filtering.gpu.triton_kernels", Broken())
    monkeypatch.setattr(gpu, "triton_kernels", Broken(), raising=False)
    assert fused._runs("cpu") is False
    fused._runs.cache_clear()


def test_unknown_part():
    with pytest.raises(gk.FilterError, match="part='phase' cannot be stored; choose one of compl"):
        fused.respond(torch.ones(1, 9, 9), 4, torch.zeros(1), [], [], torch.ones(1), 1e-5, "phase")


def test_which_kernels_have_a_coarse_grid():
    assert [decimated.step_of(k) for k in triton_for_tests.WIDE] == [2, 2]
    assert decimated.step_of(triton_for_tests.WIDER[0]) == 4
    assert decimated.step_of(gk.GaborKernel(wavelength=400, sigma=200)) == decimated.LONGEST
    assert decimated.step_of(gk.LogGaborKernel(wavelength=100)) == 1
    # Narrow in space is wide in frequency, and a short wave needs every pixel.
    assert decimated.step_of(gk.GaborKernel(wavelength=4, sigma=50)) == 1


def test_theta_and_pi_minus_theta_share_a_program():
    bank = gk.GaborBank.grid(1, 8)
    pairs = fused._tables(tuple(bank), 1e-5, False, torch.device("cpu")).pairs
    assert sorted(map(tuple, pairs.tolist())) == [(0, -1), (1, 7), (2, 6), (3, 5), (4, -1)]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 13, 24])
def test_row_filters_in_groups_cover_all(count):
    covered = [
        first + group * size + f
        for first, groups, size in fused._pieces(count)
        for group in range(groups)
        for f in range(size)
    ]
    assert covered == list(range(len(covered)))
    assert count <= len(covered) <= fused._whole(count)


# ---- batches, and outputs in place ----


def test_batches_of_kernels_fit_into_memory(monkeypatch):
    monkeypatch.setattr(torch_fourier, "BATCH_BYTES", 4 * 8 * 64 * 3)
    spectrum = torch.empty((1, 8, 8), dtype=torch.complex64, device="meta")
    assert torch_fourier.batches(spectrum, 7) == [(0, 3), (3, 3), (6, 1)]
    assert torch_fourier.batches(torch.empty((1, 8, 8)), 2) == [(0, 1), (1, 1)]
    monkeypatch.setattr(torch_fourier, "BATCH_BYTES", 1)
    assert torch_fourier.batches(spectrum, 2) == [(0, 1), (1, 1)]


@pytest.mark.parametrize("engine", ["direct", "fourier"])
@pytest.mark.parametrize("pictures", [1, 3])
def test_responses_in_batches_of_kernels(engine, pictures, monkeypatch):
    bank = gk.GaborBank([*gk.GaborBank.grid(1, 3), *gk.GaborBank.grid(1, 2, gamma=0.7)])
    image = torch.rand((pictures, 12, 15), generator=torch.Generator().manual_seed(0))
    library, margin = library_of(image), max(kernel.radius() for kernel in bank)
    padded = pad(library, image, margin, "reflect")
    if engine == "direct":
        monkeypatch.setattr(torch_direct, "BATCH_BYTES", 1)
        found = torch_direct.respond(library, padded, margin, list(bank), False, 1e-5)
    else:
        batches = [(0, 2), (2, 3)]
        monkeypatch.setattr(torch_fourier, "batches", lambda spectrum, kernels: batches)
        spectrum = torch_fourier.spectrum(padded, fourier.transform_size(library, (12, 15), margin))
        options = (False, 1e-5, "sampled")
        found = torch_fourier.respond(library, spectrum, margin, (12, 15), list(bank), *options)
    expected = bank.filter(image.double().numpy(), engine="direct", tolerance=1e-5)
    found = torch.stack(found, 1).numpy()
    assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_promoted(dtype):
    image = torch.rand((9, 10), generator=torch.Generator().manual_seed(0)).to(dtype)
    bank = gk.GaborBank.grid(1, 2)
    found = bank.filter(image)
    assert found.dtype == torch.complex64
    expected = bank.filter(image.double().numpy(), engine="direct")
    assert np.linalg.norm(found.numpy() - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("part", triton_for_tests.PARTS)
@pytest.mark.parametrize("boundary", ["reflect", "constant"])
def test_fourier_on_one_picture_with_others(part, boundary):
    kernels = [*triton_for_tests.PLAIN, triton_for_tests.LONG[0]]
    image = torch.rand((2, 9, 10), generator=torch.Generator().manual_seed(0))
    level = image.mean((1, 2), keepdim=True) * (boundary != "constant")
    batch = Batch(library_of(image), image, level, kernels, boundary, 1e-5)
    sink = TensorValues(part, range(3), batch.normalization, batch.tensor(3, part))
    steps = [Step("fourier", (k,), kernels[k].radius(), 9, {}) for k in range(3)]
    engines_of("triton")["fourier"].run(batch, steps, sink)
    out = sink.result()
    expected = gk.GaborBank(kernels).filter(
        image.double().numpy(), boundary=boundary, engine="direct", tolerance=1e-5
    )
    expected = triton_for_tests.PARTS[part](expected)
    assert np.linalg.norm(out.numpy() - expected) <= 1e-5 * np.linalg.norm(expected)


def test_modelled_times_follow_the_kernels_width(monkeypatch):
    monkeypatch.setattr(fused, "usable", lambda device: True)

    def chosen(sigma, gamma=1.0, **options):
        bank = gk.GaborBank.grid(1, 8, wavelength=2 * sigma, sigma=sigma, gamma=gamma)
        plan = bank.plan((1, 4096, 4096), library="torch", device="meta", **options)
        assert plan.backend == "triton"
        return plan.steps[0].engine

    assert [chosen(sigma) for sigma in (2, 4, 32)] == ["separable", "separable", "pyramid"]
    assert [chosen(s, transfer="analytic") for s in (2, 32)] == ["separable", "pyramid"]
    assert chosen(8, gamma=0.5) == "fourier"


INTERPRETED = """
import numpy as np, torch, gaborkit as gk
from gaborkit.filtering.gpu import fused
image = torch.from_numpy(np.random.default_rng(0).random((1, 7, 9))).half()
narrow = gk.GaborKernel(wavelength=4, sigma=1)
bank = gk.GaborBank([narrow, narrow.rotated(1.0), narrow.replace(sigma=0.8)])
expected = bank.filter(image.double().numpy(), engine="direct", tolerance=1e-2)
calls = []
usual = fused.Fused.store
fused.Fused.store = lambda *a: calls.append(a[0].name) or usual(*a)
for part, of in (("complex", lambda z: z), ("magnitude", abs), ("phase", np.angle)):
    found = bank.filter(image, part=part, engine="separable", tolerance=1e-2).numpy()
    wanted = of(expected)
    if part == "phase":
        found, wanted = (abs(expected) * np.exp(1j * values) for values in (found, wanted))
    print(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
print(set(calls))
try:
    bank.filter(image, engine="pyramid")
except gk.FilterError as error:
    print(error)
"""


@needs_triton
def test_a_bank_on_a_gpu_takes_these_engines():
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *errors, called, refused = done.stdout.splitlines()
    assert called == "{'separable'}"
    assert max(map(float, errors)) < 1e-5
    assert refused.startswith("engine='pyramid' filters single precision with wide Gabor kernels")
