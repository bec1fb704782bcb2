"""Threads of the engines: what they return, raise, and leave behind."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import gaborkit as gk
from gaborkit import caches
from gaborkit.filtering.engines import compiled, threads
from gaborkit.filtering.engines.threads import available, in_threads


@pytest.fixture(params=[1, 2])
def limit(request, monkeypatch):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(2), raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", str(request.param))
    return request.param


@pytest.fixture
def two_threads(monkeypatch):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(2), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def test_every_item_once_and_no_threads_within_threads(limit):
    assert available() == limit
    seen = []
    in_threads(lambda item: seen.append((item, available())), range(9), 9)
    assert sorted(seen) == [(item, 1) for item in range(9)]
    assert available() == limit


def test_every_core_has_a_thread(monkeypatch):
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: range(6), raising=False)
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    threads._pool.cache_clear()
    together = threading.Barrier(6, timeout=20)
    in_threads(lambda _: together.wait(), range(6), 6)
    threads._pool.cache_clear()


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
    assert not threads._users


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
    assert threads._pool(1) is not threads._pool(2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_fork_while_engines_are_at_work(limit):
    """What other threads were doing, and locks that they held, are not the child's."""
    begun, end = threading.Event(), threading.Event()

    def work(item):
        begun.set()
        end.wait()

    user = threading.Thread(target=in_threads, args=(work, [0], 1))
    user.start()
    begun.wait()
    assert available() == 1
    child = os.fork()
    if not child:  # as little as possible: no test may go on here
        seen = []
        in_threads(seen.append, range(5), 5)
        caches.keep(np.ones)(limit)
        os._exit(10 * available() + len(seen))
    end.set()
    user.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 10 * limit + 5


def test_an_exception_of_a_helper_alone_is_raised(two_threads):
    barrier = threading.Barrier(2)

    def fail(item):
        barrier.wait()
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("of a helper")

    with pytest.raises(RuntimeError, match="of a helper"):
        in_threads(fail, range(2), 2)
    assert available() == 2


@pytest.mark.parametrize("where", ["caller", "helper"])
def test_an_exception_ends_the_others(where, two_threads):
    """No item is begun any more, and those at work are told and waited for."""
    both, stopped, done = threading.Barrier(2), threading.Event(), []

    def work(item):
        both.wait()
        main = threading.current_thread() is threading.main_thread()
        if main == (where == "caller"):
            raise KeyboardInterrupt
        stopped.wait()
        done.append(item)

    with pytest.raises(KeyboardInterrupt):
        in_threads(work, range(100), 2, stop=stopped.set)
    assert len(done) == 1


def test_who_is_interrupted_while_waiting_waits_to_the_end(monkeypatch):
    """A second Ctrl-C too: what the threads write to must not be given away under them."""
    stopped, begun, done = threading.Event(), threading.Event(), []
    usual = threads.wait

    def interrupted(futures, seconds):
        usual(futures, 0.01)
        if begun.is_set() and not done:
            raise KeyboardInterrupt

    def work(item):
        begun.set()
        stopped.wait()
        time.sleep(0.05)  # interrupted again meanwhile
        done.append(item)

    monkeypatch.setattr(threads, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        in_threads(work, [0], 1, stop=stopped.set, deaf=True)
    assert done == [0]
    assert not threads._users


@pytest.mark.skipif(sys.platform == "win32", reason="no alarms")
@pytest.mark.filterwarnings("ignore::gaborkit.SamplingWarning")
def test_an_interruption_during_a_compiled_call(monkeypatch):
    """It ends within a piece of work, of which this picture has four; then all is as before."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    bank = gk.GaborBank.grid(1, 2, wavelength=150)
    small = np.random.default_rng(0).random((40, 40), np.float32)
    expected = bank.filter(small, engine="separable")
    usual = compiled.performer

    def alarmed(dtype):
        def perform(*arguments):
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            return usual(dtype)(*arguments)

        return perform

    def interrupt(*_):
        raise KeyboardInterrupt

    out = np.full((2, 100_000, 64), np.nan, np.float32)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(compiled, "performer", alarmed)
            image = np.zeros(out.shape[1:], np.float32)
            with pytest.raises(KeyboardInterrupt):
                bank.filter(image, part="magnitude", engine="separable", out=out)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert np.isnan(out).mean() > 0.75
    assert not threads._users
    assert np.array_equal(bank.filter(small, engine="separable"), expected)


@pytest.mark.parametrize("engine", ["separable", "pyramid"])
def test_what_is_stopped_does_nothing(engine, monkeypatch):
    bank, image = gk.GaborBank.grid(1, 2, wavelength=40), np.zeros((50, 60), np.float32)
    usual = compiled.performer

    def stopped(dtype):
        def perform(stages, count, kernels, thread, stop):
            ctypes.c_int32.from_address(stop).value = 1
            return usual(dtype)(stages, count, kernels, thread, stop)

        return perform

    monkeypatch.setattr(compiled, "performer", stopped)
    out = np.full((2, 50, 60), np.nan, np.float32)
    assert np.isnan(bank.filter(image, part="magnitude", engine=engine, out=out)).all()


def test_a_thread_that_works_alone(limit):
    with ThreadPoolExecutor(1, initializer=threads.work_alone) as pool:
        assert pool.submit(available).result() == 1
    assert available() == limit
