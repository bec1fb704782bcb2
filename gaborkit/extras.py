"""What is not always installed, and which extra of gaborkit brings it."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import FilterError, GaborkitError

#: The smallest extra that brings a module; a test holds this equal to pyproject.toml.
EXTRAS = {
    "torch": "torch",
    **dict.fromkeys(("torchvision", "accelerate", "safetensors"), "generative"),
    "huggingface_hub": "hub",
    "tensorboard": "tensorboard",
    **dict.fromkeys(("sklearn", "joblib", "threadpoolctl"), "learn"),
    "cv2": "opencv",
    **dict.fromkeys(("pandas", "pyarrow", "xarray"), "tables"),
    **dict.fromkeys(("dask", "distributed", "zarr"), "large"),
    **dict.fromkeys(("nibabel", "pydicom"), "medical"),
    **dict.fromkeys(("starlette", "uvicorn"), "explore"),
    "napari": "napari",
}


def hint(module: str, *, generative: bool = False) -> str | None:
    """Say how to install a missing module; None for one that no extra brings.

    Parameters
    ----------
    module : str
        Dotted name, as imported.
    generative : bool
        Whether the generative part misses it, which needs more than torch.

    Examples
    --------
    >>> hint("sklearn.cluster")
    'this needs sklearn, which is not installed; pip install "gaborkit[learn]" brings it'
    >>> hint("torch", generative=True)
    'this needs torch, which is not installed; pip install "gaborkit[generative]" brings it'
    """
    name = module.split(".")[0]
    extra = EXTRAS.get(name)
    if extra is None:
        return None
    if generative and extra == "torch":
        extra = "generative"
    return f'this needs {name}, which is not installed; pip install "gaborkit[{extra}]" brings it'


def optional(module: str, error: type[GaborkitError] = FilterError) -> Any:
    """Import a module that an extra brings.

    Raises
    ------
    error
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as cause:
        raise error(hint(cause.name or module) or str(cause)) from cause
