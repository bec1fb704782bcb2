"""Threads of the engines: what they return, raise, and leave behind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gaborkit as gk
from gaborkit.engines import threads
from gaborkit.engines.threads import available, in_threads


@pytest.fixture(params=[1, 2])
def limit(request, monkeypatch):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(2), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", str(request.param))
    return request.param


def test_every_item_once_and_no_threads_within_threads(limit):
    assert available() == limit
    seen = []
    in_threads(lambda item: seen.append((item, available())), range(9), 9)
    assert sorted(seen) == [(item, 1) for item in range(9)]
    assert available() == limit


def test_an_exception_is_raised_and_leaves_no_trace(limit):
    def fail(item):
        raise RuntimeError(f"item {item}")

    with pytest.raises(RuntimeError, match="item 0"):
        in_threads(fail, range(3), 3)
    assert available() == limit


def test_concurrent_users_give_the_same():
    image = np.random.default_rng(0).random((100, 100))
    bank = gk.GaborBank.grid(2, 4)
    expected = bank.filter(image)
    found = []
    users = [threading.Thread(target=lambda: found.append(bank.filter(image))) for _ in range(6)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(found) == 6
    for response in found:
        np.testing.assert_allclose(response, expected, rtol=0, atol=1e-13)
    assert threads._users == 0


@pytest.mark.parametrize("engine", ["direct", "separable", "fourier"])
def test_engines_give_the_same_on_two_threads(engine, monkeypatch):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(2), raising=False)
    image = np.random.default_rng(0).random((3, 60, 50))
    bank = gk.GaborBank([*gk.GaborBank.grid(2, 4), gk.GaborKernel(sigma=3, gamma=0.5)])
    found = []
    for limit in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", limit)
        found.append(bank.filter(image, engine=engine))
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-13)


@pytest.mark.parametrize("setting", ["", "0", "many", "64"])
def test_settings_that_limit_nothing(setting, monkeypatch):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(3), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    assert available() == 3


def test_systems_without_affinity_use_every_core(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr(threads.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 3)
    assert available() == 3
    monkeypatch.setattr(threads.os, "cpu_count", lambda: None)
    assert available() == 1


def test_a_fork_has_threads_of_its_own():
    assert threads._pool(1, 1) is not threads._pool(2, 1)


def test_a_thread_that_works_alone(limit):
    with ThreadPoolExecutor(1, initializer=threads.work_alone) as pool:
        assert pool.submit(available).result() == 1
    assert available() == limit
