"""The model of costs: what it chooses, and its counts against what the engines really do."""

from __future__ import annotations

import dataclasses
import itertools
import math
import tracemalloc
import warnings

import numpy as np
import pytest

import gaborkit as gk
from gaborkit import caches
from gaborkit.filtering import costs, planner
from gaborkit.filtering.engines import compiled, compiled_engine, half_band, spectra
from gaborkit.filtering.engines.base import Cost, Step, Work
from gaborkit.filtering.engines.factorization import Factorization, factorized_together
from gaborkit.filtering.engines.separable import Tables
from gaborkit.filtering.registry import engines_of
from gaborkit.kernels.validation import warn_of_poor_sampling

CONSTANTS = [name for name, value in vars(costs).items() if name.isupper() and type(value) is float]

#: Kernels, sigma, gamma, side.
PROBLEMS = [
    *itertools.product((1, 8), (1.0, 3.0, 10.0), (1.0, 0.5, 3.0), (12, 64, 400)),
    (64, 1.0, 2.0, 40),
    (32, 2.0, 0.3, 256),
    (2, 40.0, 1.0, 2000),
    (1, 12.0, 0.7, 1024),
]


def bank_of(kernels, sigma, gamma):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return gk.GaborBank.grid(1, kernels, wavelength=1.8 * sigma, sigma=sigma, gamma=gamma)


def choices():
    """Initials of the engines, float32 and float64, and of torch with a gradient."""
    planner._steps.cache_clear()
    found = []
    for kernels, sigma, gamma, side in PROBLEMS:
        bank, size = bank_of(kernels, sigma, gamma), (side, side)
        plans = [bank.plan(size, dtype) for dtype in (np.float32, np.float64)]
        plans.append(bank.plan(size, library="torch", requires_grad=True))
        found.append("".join(plan.steps[0].engine[0] for plan in plans))
    return found


@pytest.fixture
def one_thread(monkeypatch):
    monkeypatch.setattr(planner, "available", lambda: 1)
    monkeypatch.setattr(planner, "available_here", lambda: True)
    monkeypatch.setattr(compiled_engine, "available_here", lambda: True)
    monkeypatch.setattr(planner, "LONGEST", math.inf)
    yield
    planner._steps.cache_clear()


RECORDED = (
    "fff fff ssd fff fff ssf fff fff ssd fff fsf ssf fff fff ssf fff fff ssf "
    "fsf fsf psf ssf ssf psf fff fsf ssf fff ssf ssf fff fff fff fff fff ssf "
    "fff ssf ssf fff fff fff fff fff fff ssf ssf psf sff sff fff fff fff fff "
    "ddd fff pff psf"
)


def test_choices_are_those_recorded(one_thread):
    """A change of the model is a change of this table: run benchmarks/planner.py before."""
    assert " ".join(choices()) == RECORDED


@pytest.mark.parametrize("name", CONSTANTS)
def test_the_table_sees_every_constant(one_thread, monkeypatch, name):
    monkeypatch.setattr(costs, name, 100 * getattr(costs, name))
    assert choices() != RECORDED.split()


def work_of(bank, shape=(64, 64), double=False):
    kernels = list({kernel.canonical()[0]: kernel for kernel in bank}.values())
    radius, separable = bank[0].radius(), bank[0].separable
    images = math.prod(shape[:-2])
    return Work(images, *shape[-2:], kernels, radius, separable, double, 1)


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("gamma", [1.0, 0.3, 0.6, 2.0])
@pytest.mark.parametrize("kernels", [1, 4, 8])
def test_passes_are_those_of_the_separable_engine(kernels, gamma, double):
    bank = bank_of(kernels, 5.0, gamma)
    rows = columns = 0
    for members, _ in factorized_together(bank.kernels):
        dtype = np.dtype(np.float64 if double else np.float32)
        passes = Tables.of(tuple(members), gk.TOLERANCE, dtype, (), "complex").passes
        rows, columns = rows + passes[0], columns + passes[1]
    modelled = work_of(bank, double=double).passes
    assert rows / 1.5 - 4 <= modelled.rows <= 1.5 * rows + 6
    assert columns / 1.5 - 4 <= modelled.columns <= 1.5 * columns + 12


def peak_of(bank, engine, shape, dtype):
    """Bytes that a first call takes beside its picture and responses."""
    for cache in (Factorization.of, Tables.of, spectra.lines_of, spectra.spectra_of):
        cache.cache_clear()
    image = np.zeros(shape, dtype)
    size = (*shape[:-2], len(bank), *shape[-2:])
    out = np.empty(size, np.result_type(dtype, np.complex64))
    tracemalloc.start()
    bank.filter(image, engine=engine, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("engine", "sigma", "gamma", "shape"),
    [
        ("fourier", 3.0, 1.0, (3, 500, 400)),
        ("fourier", 100.0, 1.0, (100, 300)),  # most of it is what lies outside
        ("fourier", 20.0, 0.2, (90, 40)),  # and what samples take
        ("direct", 3.0, 1.0, (60, 70)),
        ("direct", 3.0, 0.05, (2, 60)),  # windows of a row would take 200 MB
        ("separable", 20.0, 0.2, (40, 40)),
    ],
)
def test_memory_is_what_engines_take(monkeypatch, engine, sigma, gamma, shape, dtype):
    monkeypatch.setattr(caches, "KEPT_BYTES", 0)
    monkeypatch.setattr(compiled, "_kept_blocks", [])
    bank_of(1, 1.0, 1.0).filter(np.zeros((1, 1)), engine=engine)  # imports what is left
    bank = bank_of(2, sigma, gamma)
    work = work_of(bank, shape, dtype == np.float64)
    modelled = engines_of("numpy")[engine].cost(work).nbytes
    most = 3 if engine == "separable" else 1.5  # of a quarter of a megabyte
    assert 0.45 * modelled <= peak_of(bank, engine, shape, dtype) <= most * modelled


@pytest.mark.parametrize("sigma", [150.0, 300.0])
def test_memory_of_pictures_halved_often(monkeypatch, sigma):
    """What lies outside of a small picture is most of it."""
    monkeypatch.setattr(caches, "KEPT_BYTES", 0)
    monkeypatch.setattr(compiled, "_kept_blocks", [])
    bank = bank_of(2, sigma, 1.0)
    modelled = engines_of("numpy")["pyramid"].cost(work_of(bank, (40, 40))).nbytes
    assert 0.5 * modelled <= peak_of(bank, "pyramid", (40, 40), np.float32) <= 1.3 * modelled + 3e7


@pytest.mark.parametrize("gamma", [1.0, 0.6])
def test_wide_kernels_are_prepared_like_those_of_halved_pictures(gamma):
    def prepared(engine, sigma):
        cost = engines_of("numpy")[engine].cost(work_of(bank_of(3, sigma, gamma)))
        return cost.first - cost.later

    assert half_band.halvings(bank_of(3, 40.0, gamma)) == 3
    assert prepared("pyramid", 40.0) == pytest.approx(prepared("separable", 5.0), rel=0.2)


def test_wide_kernels_are_not_halved_by_gigabytes():
    """Of a radius of 5,316 pixels halved pictures would have 613 million."""
    bank = gk.GaborBank.grid(1, 8, wavelength=2 * 1164, sigma=1164)
    with pytest.raises(gk.FilterError, match="too much time or memory by pyramid on 24 x 30"):
        bank.plan((24, 30), engine="pyramid")
    assert [step.engine for step in bank.plan((24, 30)).steps] == ["separable"]


def test_steps_share_a_transform_where_that_is_less_work():
    """The least sum of transformed samples over kernels, of margins shared and apart."""
    rng, seen = np.random.default_rng(0), set()
    for _ in range(200):
        radii = sorted(rng.choice(np.arange(2, 90), rng.integers(1, 4), replace=False).tolist())
        counts, shape = rng.integers(1, 9, len(radii)).tolist(), (int(rng.integers(4, 300)), 50)
        steps = [
            Step("fourier", tuple(range(count)), radius, radius, {"fourier": 1.0})
            for radius, count in zip(radii, counts, strict=True)
        ]
        other = Step("direct", (0,), 5, 5, {"direct": 1.0})
        *planned, last = planner._with_shared_margin([*steps, other], steps, shape)
        assert last is other

        def area(margin, shape=shape):
            return (shape[0] + 2 * margin) * (shape[1] + 2 * margin)

        apart = sum((n + 1) * area(r) for r, n in zip(radii, counts, strict=True))
        shared = (sum(counts) + 1) * area(max(radii))
        margins = [step.margin for step in planned]
        assert margins == (radii if apart < shared else [max(radii)] * len(radii))
        seen.add(apart < shared)
    assert seen == {False, True}


# ---- kernels that are too much for any engine ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("sigma", "gamma", "side"), [(1.0, 0.001, 64), (2.0, 0.003, 8)])
def test_kernels_beyond_bounds_are_refused_before_memory_is_taken(sigma, gamma, side, dtype):
    bank, image = bank_of(8, sigma, gamma), np.zeros((side, side), dtype)
    tracemalloc.start()
    with pytest.raises(gk.FilterError, match=r"too much time or memory by .*; shrink the pic"):
        bank.filter(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e7
    with pytest.raises(gk.FilterError, match="too much time or memory"):
        bank.plan((side, side), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernels_far_beyond_the_picture_are_refused_by_their_time(dtype):
    """15 seconds for 4,096 pixels: all of it for what lies outside."""
    with pytest.raises(gk.FilterError, match=r"radius 1370 pixels .* too much time or memory"):
        bank_of(8, 3.0, 0.01).filter(np.zeros((64, 64), dtype))
    # Kernels as large pass where few terms do, and on pictures of their size.
    assert bank_of(8, 100.0, 0.5).plan((8, 8), dtype)
    assert bank_of(8, 3.0, 0.01).plan((400, 30), dtype)
    assert bank_of(32, 25.0, 0.3).plan((353, 353), dtype)


def test_a_named_engine_beyond_bounds_names_one_that_works():
    bank = gk.GaborBank([gk.GaborKernel(wavelength=5, sigma=2, gamma=0.02, theta=0.6)])
    with pytest.raises(gk.FilterError, match=r"by separable on 30 x 30 pixels; choose engine='fou"):
        bank.plan((30, 30), np.float64, engine="separable")
    assert bank.plan((30, 30), np.float64).steps[0].engine == "fourier"


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_wide_kernels_on_tiny_pictures(gamma):
    """Seconds and gigabytes when kernels were factorized by their samples."""
    kernel = gk.GaborKernel(wavelength=70, sigma=40, gamma=gamma, theta=0.5)
    image = np.random.default_rng(0).random((8, 8))
    expected = kernel.filter(image, engine="fourier")
    error = np.linalg.norm(kernel.filter(image) - expected)
    assert error <= 1e-10 * np.linalg.norm(kernel.sample()) * np.linalg.norm(image)


def test_what_is_kept_stays_within_bounds(monkeypatch):
    made = []

    @caches.keep
    def zeros(size):
        made.append(size)
        return np.zeros(size, np.uint8)

    monkeypatch.setattr(caches, "KEPT_BYTES", 100)
    for size in (40, 50, 40, 30, 40, 50, 101, 101):
        zeros(size)
    # 30 pushes out 50, the least recently used; 101 is never kept.
    assert made == [40, 50, 30, 50, 101, 101]
    zeros.cache_clear()
    zeros(50)
    assert made[-1] == 50


# ---- poor sampling ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"wavelength": 2.0}, None),
        ({"wavelength": 1.999}, "below 2 and aliases"),
        ({"deviation": 0.5}, None),
        ({"deviation": 0.499}, "too small for the pixel grid"),
        ({"deviation": 1.0, "gamma": 2.0}, None),
        ({"deviation": 1.0, "gamma": 2.01}, "too small for the pixel grid"),
        ({"wavelength": 9.0, "peak": 6.0}, None),
        ({"wavelength": 9.0, "peak": 5.99}, "use sigma of at least 1.29"),
    ],
)
def test_where_poor_sampling_begins(options, message):
    options = {"wavelength": 4.0, "peak": 4.0, "deviation": 3.0, "gamma": 1.0} | options
    if message is None:
        warn_of_poor_sampling(**options)
        return
    with pytest.warns(gk.SamplingWarning, match=message):
        warn_of_poor_sampling(**options)


def test_the_advised_sigma_is_enough():
    """Kernels whose response peaks at 1.5 times their frequency are the last without a warning."""
    for wavelength in (5.0, 30.0):
        gk.GaborKernel(wavelength=wavelength, sigma=wavelength / 7)
        with pytest.warns(gk.SamplingWarning):
            poor = gk.GaborKernel(wavelength=wavelength, sigma=wavelength / 7 * 0.9)
        assert wavelength * poor.peak_frequency > 1.5


def test_costs_of_engines():
    """Bytes of round kernels' spectra; nothing is searched for; all times are numbers."""
    work = work_of(bank_of(3, 6.0, 1.0))
    cost = engines_of("numpy")["fourier"].cost(work)
    assert cost.nbytes == 8 * (64 + 2 * work.radius) ** 2 * 3
    assert engines_of("numpy")["separable"].cost(work).search == 0
    assert engines_of("numpy")["separable"].cost(work_of(bank_of(3, 6.0, 0.5))).search > 0
    assert Cost(5.0, 1.0).milliseconds == 1 + 4 / costs.CALLS
    for backend in ("numpy", "torch", "triton"):
        for engine in engines_of(backend).values():
            everything = dataclasses.replace(work, members=work.kernels)
            assert 0 < engine.cost(everything).milliseconds < math.inf
