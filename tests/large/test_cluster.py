"""Dask arrays and clusters: equal to memory, and nothing lost with a worker."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest
from large_for_tests import BANK, BOUNDARIES, COLOUR, GREY, Small, assert_close, part_of, rng

import gaborkit as gk
from gaborkit.large import cluster, filter_dask, filter_large
from gaborkit.types import PARTS

dask = pytest.importorskip("dask", reason="dask is not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")
da = pytest.importorskip("dask.array", reason="dask is not installed")


def computed(array):
    return array.compute(scheduler="synchronous")


# ---- arrays ----


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("chunks", [100, 20, 3, (40, 7)])
def test_blocks_have_no_seams(boundary, chunks):
    image = GREY + 100
    found = filter_dask(BANK, da.from_array(image, chunks), boundary=boundary)
    assert found.chunks[0] == (3,)
    assert_close(computed(found), BANK.filter(image, boundary=boundary))


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_the_halo_may_exceed_the_array(boundary):
    image = GREY[:4, :9]
    found = filter_dask(BANK, da.from_array(image, 2), boundary=boundary)
    assert_close(computed(found), BANK.filter(image, boundary=boundary))


@pytest.mark.parametrize("part", PARTS)
def test_parts(part):
    image = da.from_array(GREY.astype(float), 40)
    found = filter_dask(BANK, image, part=part, engine="fourier")
    expected = part_of(BANK.filter(GREY.astype(float)), part)
    assert found.dtype == expected.dtype
    assert_close(computed(found), expected)


def test_other_axes_and_colour():
    stack = rng.random((2, 3, 30, 40), np.float32)
    found = filter_dask(BANK, da.from_array(stack, (1, 2, 16, 16)))
    assert found.shape == (2, 3, 3, 30, 40)
    assert_close(computed(found), BANK.filter(stack))
    found = filter_dask(BANK, da.from_array(COLOUR, 20), channel_axis=-1)
    assert_close(computed(found), BANK.filter(COLOUR, channel_axis=-1))


def test_narrow_blocks_are_not_taken_for_colour():
    kernel = gk.GaborBank([gk.GaborKernel(wavelength=2, sigma=0.6)])
    assert kernel[0].radius(0.3) == 1
    stack = rng.random((8, 20, 21))
    found = filter_dask(kernel, da.from_array(stack, (8, 20, 1)), tolerance=0.3)
    assert_close(computed(found), kernel.filter(stack, tolerance=0.3))


def test_threads_of_dask_agree():
    found = filter_dask(BANK, da.from_array(GREY, 16))
    assert_close(found.compute(scheduler="threads", num_workers=3), BANK.filter(GREY))


@pytest.mark.parametrize(
    ("image", "options", "text"),
    [
        (GREY, {"boundary": "periodic"}, "boundary='periodic' is unknown"),
        (GREY, {"engine": "quick"}, "engine='quick' is unknown"),
        (GREY, {"part": "abs"}, "part='abs' is unknown"),
        (GREY, {"tolerance": 0}, "tolerance=0 is not between 0 and 1"),
        (GREY[0], {}, r"shape \(91,\) is not an image"),
        (GREY * 1j, {}, "dtype complex64 cannot be filtered"),
        (COLOUR, {}, "looks like colour"),
        (COLOUR, {"channel_axis": 3}, "channel_axis=3 is no axis"),
    ],
)
def test_refused_before_anything_is_computed(image, options, text):
    with pytest.raises(gk.GaborkitError, match=text):
        filter_dask(BANK, da.from_array(image, 20), **options)


def test_nan_is_found_when_it_is_computed():
    image = GREY.copy()
    image[9, 9] = np.nan
    found = filter_dask(BANK, da.from_array(image, 20))
    with pytest.raises(gk.ImageError, match="NaN"):
        computed(found)


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(gk.FilterError, match=r'needs dask, .* pip install "gaborkit\[large\]"'):
        filter_dask(BANK, GREY)


# ---- clusters ----


@pytest.fixture(scope="module")
def local():
    """Two processes, and a client of theirs."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as found,
        distributed.Client(found) as client,
    ):
        yield client


def test_a_worker_is_killed_and_nothing_is_lost(local, tmp_path, monkeypatch):
    Small(monkeypatch)(8)
    np.save(tmp_path / "a.npy", GREY)
    victim, _ = local.run(os.getpid).values()
    alive = []

    def progress(done, total):
        if done == 5:
            os.kill(victim, signal.SIGKILL)
        alive.append(done)

    filter_large(
        BANK,
        tmp_path / "a.npy",
        tmp_path / "out.npy",
        scheduler=local,
        part="complex",
        progress=progress,
    )
    assert alive == list(range(1, 109))
    assert victim not in local.run(os.getpid).values()
    assert_close(np.load(tmp_path / "out.npy"), BANK.filter(GREY))


def test_an_address_and_errors_of_workers(local, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = GREY.copy()
    image[0, 0] = np.nan
    np.save("a.npy", image)
    address = local.scheduler.address
    with pytest.raises(gk.ImageError, match=r"columns 0:91: 1 of .* pixels are NaN"):
        filter_large(BANK, "a.npy", "out.npy", scheduler=address)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
    inside = np.isfinite(image)
    np.save("mask.npy", inside)
    filter_large(BANK, "a.npy", "out.npy", scheduler=address, mask="mask.npy")
    assert_close(np.load("out.npy"), np.abs(BANK.filter(image, mask=inside)))
    np.save("a.npy", GREY)
    filter_large(BANK, "a.npy", "out.npy", scheduler=address)
    assert_close(np.load("out.npy"), np.abs(BANK.filter(GREY)))


def test_no_scheduler():
    with pytest.raises(gk.FilterError, match=r"scheduler='tcp://127.0.0.1:1' cannot be reached"):
        list(cluster.on_cluster(len, ["a"], "tcp://127.0.0.1:1", timeout=0.5))
    with pytest.raises(gk.FilterError, match=r"scheduler='what' cannot be reached"):
        list(cluster.on_cluster(len, ["a"], "what", timeout=0.5))


def test_work_that_stops_every_worker(local, monkeypatch):
    def killed(futures):
        worker = distributed.scheduler.WorkerState  # names an address
        raise distributed.scheduler.KilledWorker("tile", worker, 3)

    monkeypatch.setattr(distributed, "as_completed", killed)
    with pytest.raises(gk.FilterError, match="a piece of work has stopped several workers"):
        list(cluster.on_cluster(len, ["a"], local))
