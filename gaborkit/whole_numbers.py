"""Whole numbers among the arguments that users give."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def is_whole(value: Any, least: float = -math.inf) -> bool:
    """Whether a value is an int of Python or NumPy, at least so large; True and False are none.

    Examples
    --------
    >>> import numpy as np
    >>> is_whole(3, 1), is_whole(np.int64(3), 1), is_whole(3.0, 1), is_whole(True, 1)
    (True, True, False, False)
    """
    number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return number and bool(value >= least)
