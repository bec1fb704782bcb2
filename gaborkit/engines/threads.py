"""One thread a core, each with a single-threaded BLAS.

Matrix products of the size that the engines make gain little from threads of BLAS's own, and lose
much when another process holds a core: each product then waits for its slowest thread. Threads over
independent pieces of work wait once.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")

_lock = threading.Lock()
_users = 0
_limit: Any = None


def in_threads(work: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Call ``work`` on every item; an exception in one call is raised here."""
    threads = min(available(), len(items))
    with _single_threaded_blas():
        if threads <= 1:
            for item in items:
                work(item)
            return
        with ThreadPoolExecutor(threads) as pool:
            # Reading the results raises what a call raised.
            for _ in pool.map(work, items):
                pass


def available() -> int:
    """Threads to use: as many as BLAS would, so that its settings and limits hold here too."""
    if _users:
        return 1
    counts = [library.num_threads for library in _blas().lib_controllers]
    return max(counts, default=os.cpu_count() or 1)


@functools.cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


@contextmanager
def _single_threaded_blas() -> Iterator[None]:
    """Limit BLAS, whose setting is the process's, until the last of concurrent users is done."""
    global _users, _limit
    with _lock:
        if _users == 0:
            _limit = _blas().limit(limits=1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limit.restore_original_limits()
