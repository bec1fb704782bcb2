"""Results that are kept from one picture to the next, within a number of bytes."""

from __future__ import annotations

import functools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

#: Bytes that the results of one function may take; a larger one is not kept.
KEPT_BYTES = 2**27


_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # a fork must not find it held by a thread that it has not
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


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
    def kept(*args: Any) -> Sized:
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

    kept.cache_clear = results.clear  # type: ignore[attr-defined]
    return cast(Make, kept)
