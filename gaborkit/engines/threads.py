"""One thread a core over independent pieces of work."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

_lock = threading.Lock()
_users = 0


def in_threads(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Call ``work`` on every item; an exception in one call is raised here."""
    global _users
    threads = min(available(), len(items))
    with _lock:
        _users += 1
    try:
        if threads <= 1:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(threads) as pool:
            # Reading the results raises what a call raised.
            for _ in pool.map(work, items):
                pass
    finally:
        with _lock:
            _users -= 1


def available() -> int:
    """Threads to use: the cores that this process may run on, or ``OMP_NUM_THREADS`` if fewer.

    While engines are at work, one: a program that filters in threads of its own gains no speed by
    more of them.
    """
    if _users:
        return 1
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(limit)) if limit.isdecimal() and int(limit) else cores
