"""One thread a core over independent pieces of work."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Seconds between looks for Ctrl-C, where the system does not wake up who waits.
PAUSE = 0.1

_users: set[object] = set()
_own = threading.local()


def work_alone() -> None:
    """From now on, engines that this thread calls use no other: it is one of several that filter.

    What they find then depends on no one else: sums over pieces of a picture round differently
    with the number of threads.
    """
    _own.alone = True


def in_threads(
    work: Callable[[Item], None],
    items: Iterable[Item],
    most: int,
    *,
    stop: Callable[[], None] = lambda: None,
    deaf: bool = False,
) -> None:
    """Call ``work`` on every item, in at most so many threads, of which the caller is one.

    An exception in one call, or Ctrl-C, is raised here, when no thread is at work any more: what
    they write to is then the caller's again.

    Parameters
    ----------
    stop : callable
        Called on an exception, to end the calls that are at work; no other item is begun.
    deaf : bool
        Calls are long and hear of no Ctrl-C: the main thread, which alone does, only waits.
    """
    rest, turn = iter(items), threading.Lock()
    end, ended = object(), threading.Event()

    def halt() -> None:
        ended.set()
        stop()

    def take() -> None:
        try:
            while True:
                with turn:
                    item = end if ended.is_set() else next(rest, end)
                if item is end:
                    return
                work(item)  # type: ignore[arg-type]
        except BaseException:
            halt()
            raise

    waits = deaf and threading.current_thread() is threading.main_thread()
    helpers = min(available(), most) - (not waits)
    user, futures = object(), list[Future[None]]()
    try:
        _users.add(user)
        try:
            for _ in range(helpers):
                futures.append(_pool(os.getpid()).submit(take))
            if waits:
                _await(futures, halt)
            else:
                take()
        except BaseException:
            halt()
            raise
        finally:
            # Those that did not wake up in time have nothing to do.
            if left := [future for future in futures if not future.cancel()]:
                _await(left, halt)
    finally:
        _users.discard(user)
    for future in futures:
        if not future.cancelled():
            future.result()  # raises what a call raised


def _await(futures: Sequence[Future[None]], halt: Callable[[], None]) -> None:
    """Wait for calls; an interruption ends them first, and is raised when none is at work."""
    interruption = None
    while not all(future.done() for future in futures):
        try:
            wait(futures, PAUSE)
        except BaseException as error:
            interruption = error
            halt()
    if interruption is not None:
        raise interruption


def available() -> int:
    """Threads to use: the cores that this process may run on, or ``OMP_NUM_THREADS`` if fewer.

    While engines are at work, one: a program that filters in threads of its own gains no speed by
    more of them.
    """
    if _users or getattr(_own, "alone", False):
        return 1
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if limit.isdecimal() and int(limit) else cores


def in_one_thread(work: Callable[[], Result]) -> Result:
    """What ``work`` returns; the engines in it start no threads."""
    results: list[Result] = []
    # Work that is already one of the engines' threads is not divided further.
    in_threads(lambda call: results.append(call()), [work], 1)
    return results[0]


@functools.lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Threads that wait for work: starting new ones takes as long as a small picture.

    A fork has none of its parent's threads, and so a pool of its own.
    """
    return ThreadPoolExecutor(2 * (os.cpu_count() or 1) + 1, thread_name_prefix="gaborkit")


if hasattr(os, "register_at_fork"):
    # Who was at work when a fork was made is not at work in it.
    os.register_at_fork(after_in_child=_users.clear)
