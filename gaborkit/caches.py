"""All results that are kept from one call to the next, and one way to forget them.

A function whose results are worth keeping is decorated with :func:`lru_cache`, by their number, or
with :func:`keep`, by their bytes; memory that waits for the next array says how it is given back,
by :func:`forgotten_by`.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

#: Bytes that the results of one function may take; a larger one is not kept.
KEPT_BYTES = 2**27


def lock_over_forks() -> threading.Lock:
    """A lock that no fork finds held by a thread that it has not."""
    lock = threading.Lock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
    return lock


_lock = lock_over_forks()
_clearings: list[Callable[[], object]] = []


def clear_caches() -> None:
    """Forget what gaborkit keeps of kernels, banks and plans, and give its memory back.

    Nothing answers otherwise afterwards: the next call of each bank is as slow as the first.

    Examples
    --------
    >>> import numpy as np
    >>> import gaborkit as gk
    >>> response = gk.GaborKernel(sigma=3).filter(np.zeros((9, 9)))
    >>> gk.clear_caches()
    """
    for clear in _clearings:
        clear()


Clear = TypeVar("Clear", bound=Callable[[], object])


def forgotten_by(clear: Clear) -> Clear:
    """Have :func:`clear_caches` call a function too."""
    _clearings.append(clear)
    return clear


Result = TypeVar("Result")


def lru_cache(
    maxsize: int,
) -> Callable[[Callable[..., Result]], functools._lru_cache_wrapper[Result]]:
    """:func:`functools.lru_cache`, whose results :func:`clear_caches` forgets."""

    def decorate(function: Callable[..., Result]) -> functools._lru_cache_wrapper[Result]:
        cached = functools.lru_cache(maxsize)(function)
        forgotten_by(cached.cache_clear)
        return cached

    return decorate


class Sized(Protocol):
    """What is kept."""

    @property
    def nbytes(self) -> int:
        """Of its arrays."""


Make = TypeVar("Make", bound=Callable[..., Sized])


def keep(make: Make) -> Make:
    """Keep the last results of a function of hashable arguments; ``cache_clear`` forgets them.

    Examples
    --------
    >>> import numpy as np
    >>> ones = keep(lambda size: np.ones(size, np.uint8))
    >>> ones(3) is ones(3), ones(KEPT_BYTES + 1) is ones(KEPT_BYTES + 1)
    (True, False)
    """
    results: OrderedDict[Any, Sized] = OrderedDict()

    @functools.wraps(make)
    def cached(*args: Any) -> Sized:
        with _lock:
            if args in results:
                results.move_to_end(args)
                return results[args]
        result = make(*args)
        if result.nbytes > KEPT_BYTES:
            return result
        with _lock:
            results[args] = result
            while sum(one.nbytes for one in results.values()) > KEPT_BYTES:
                results.popitem(last=False)
        return result

    def clear() -> None:
        with _lock:
            results.clear()

    cached.cache_clear = clear  # type: ignore[attr-defined]
    forgotten_by(clear)
    return cast(Make, cached)
