"""The text that describes a written picture."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import numpy as np

from ...errors import PictureError


def to_json(metadata: Mapping[str, object]) -> str:
    """Return the mapping as JSON; NumPy scalars and arrays become numbers and lists.

    Raises
    ------
    PictureError
        If JSON cannot hold a value: complex, infinite, an object, a loop.

    Examples
    --------
    >>> print(to_json({"theta": np.float32(0.5)}))
    {
      "theta": 0.5
    }
    """
    try:
        return json.dumps(dict(metadata), default=_plain, indent=2, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as cause:
        raise PictureError(
            f"the metadata cannot be written as JSON ({cause}); "
            "texts, finite numbers, lists and mappings work"
        ) from cause


def _plain(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
