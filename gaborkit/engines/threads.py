"""One thread a core over independent pieces of work."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

_lock = threading.Lock()
_users = 0
_own = threading.local()


def work_alone() -> None:
    """From now on, engines that this thread calls use no other: it is one of several that filter.

    What they find then depends on no one else: sums over pieces of a picture round differently
    with the number of threads.
    """
    _own.alone = True


def in_threads(work: Callable[[Item], None], items: Iterable[Item], most: int) -> None:
    """Call ``work`` on every item, in at most so many threads, of which the caller is one.

    An exception in one call is raised here.
    """
    global _users
    rest, turn = iter(items), threading.Lock()
    end = object()

    def take() -> None:
        while True:
            with turn:
                item = next(rest, end)
            if item is end:
                return
            work(item)  # type: ignore[arg-type]

    helpers = min(available(), most) - 1
    with _lock:
        _users += 1
    try:
        pool = _pool(os.getpid(), helpers) if helpers > 0 else None
        futures = [pool.submit(take) for _ in range(helpers)] if pool else []
        try:
            take()
        finally:
            for future in futures:
                if not future.cancel():  # of threads that did not wake up in time
                    future.result()  # raises what a call raised
    finally:
        with _lock:
            _users -= 1


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


@functools.lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    """Threads that wait for work: starting new ones takes as long as a small picture.

    A fork has none of its parent's threads, and so a pool of its own.
    """
    return ThreadPoolExecutor(threads, thread_name_prefix="gaborkit")
