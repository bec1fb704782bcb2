"""Threads of the engines: what they return, raise, and leave behind."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

import gaborkit as gk
from gaborkit.engines import threads
from gaborkit.engines.threads import available, in_threads


def blas_threads():
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return [library.num_threads for library in libraries]


@pytest.mark.parametrize("limit", [1, 2])
def test_all_items_once_with_blas_at_one_thread(limit):
    with threadpool_limits(limit):
        before = blas_threads()
        assert available() == limit
        seen = []
        in_threads(lambda item: seen.append((item, max(blas_threads()), available())), range(9))
        assert sorted(seen) == [(item, 1, 1) for item in range(9)]
        assert blas_threads() == before


@pytest.mark.parametrize("limit", [1, 2])
def test_an_exception_is_raised_and_blas_restored(limit):
    def fail(item):
        raise RuntimeError(f"item {item}")

    with threadpool_limits(limit):
        before = blas_threads()
        with pytest.raises(RuntimeError, match="item 0"):
            in_threads(fail, range(3))
        assert blas_threads() == before


def test_concurrent_users_restore_blas_in_the_end():
    image = np.random.default_rng(0).random((100, 100))
    bank = gk.GaborBank.grid(2, 4)
    expected = bank.filter(image)
    found = []
    users = [threading.Thread(target=lambda: found.append(bank.filter(image))) for _ in range(6)]
    with threadpool_limits(2):
        before = blas_threads()
        for user in users:
            user.start()
        for user in users:
            user.join()
        assert blas_threads() == before
    assert len(found) == 6
    for response in found:
        np.testing.assert_allclose(response, expected, rtol=0, atol=1e-13)
    assert threads._users == 0


@pytest.mark.parametrize("engine", ["direct", "separable", "fourier"])
def test_engines_give_the_same_on_two_threads(engine):
    image = np.random.default_rng(0).random((3, 60, 50))
    bank = gk.GaborBank([*gk.GaborBank.grid(2, 4), gk.GaborKernel(sigma=3, gamma=0.5)])
    found = []
    for limit in (1, 2):
        with threadpool_limits(limit):
            assert available() == limit
            found.append(bank.filter(image, engine=engine))
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-13)


def test_machines_without_a_known_blas_use_every_core(monkeypatch):
    class Nothing:
        lib_controllers = ()

    monkeypatch.setattr(threads, "_blas", Nothing)
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 3)
    assert available() == 3
    monkeypatch.setattr(threads.os, "cpu_count", lambda: None)
    assert available() == 1
