"""Transforms of kernels, kept from one picture to the next as long as they are small."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np

from ..types import Array

#: Bytes of spectra that are kept, and that one may have.
KEPT_BYTES, LARGEST_BYTES = 2**27, 2**24

_kept: OrderedDict[Hashable, Array] = OrderedDict()
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # a fork must not find it held by a thread that it has not
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


def kept(key: Hashable, make: Callable[[], Array]) -> Array:
    """What ``make`` returns, a complex array, from the last call with this key if it is still here.

    Of a kernel that is its own mirror image, conjugated, the spectrum is real: then so is what is
    returned. The array must not be changed.
    """
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    found = make()
    rounding = 1e-6 if found.dtype == np.complex64 else 1e-13
    if abs(found.imag).max() <= rounding * abs(found.real).max():
        found = np.ascontiguousarray(found.real)
    if found.nbytes <= LARGEST_BYTES:
        with _lock:
            _kept[key] = found
            while sum(array.nbytes for array in _kept.values()) > KEPT_BYTES:
                _kept.popitem(last=False)
    return found
