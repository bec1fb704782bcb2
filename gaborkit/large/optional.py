"""Import of what ``gaborkit[large]`` brings, or one line that says so."""

from __future__ import annotations

import importlib
from typing import Any

from ..errors import FilterError


def optional(module: str) -> Any:
    """Import zarr, dask or distributed.

    Raises
    ------
    FilterError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        name = module.split(".")[0]
        raise FilterError(
            f'this needs {name}, which is not installed; pip install "gaborkit[large]" brings it'
        ) from error
