"""Reading files that may be anything, JSON and safetensors, without believing them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn.modules import module as registration

from ..errors import StoreError
from ..io import strict_json

#: Type and shape of tensors by name.
Shapes = dict[str, tuple[torch.dtype, tuple[int, ...]]]

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


#: Largest description that is read, bytes.
LARGEST = strict_json.LARGEST

ADVICE = "give the folder of a trained model"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file, whose header is checked against its length.

    Raises
    ------
    StoreError
        If it is missing, no regular file, or damaged.
    """
    _check_file(path)
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (OSError, SafetensorError) as cause:
        text = " ".join(str(cause).split())
        raise StoreError(f"{path}: is no intact safetensors file ({text:.120})") from cause


def shapes_of(path: Path, file: Any) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """Type and shape of each tensor, from the header alone."""
    shapes = {}
    for name in file.keys():  # noqa: SIM118
        part = file.get_slice(name)
        if part.get_dtype() not in DTYPES:
            raise StoreError(
                f"{path}: tensor {name:.60} is of type {part.get_dtype()}, not a model's"
            )
        shapes[name] = (DTYPES[part.get_dtype()], tuple(part.get_shape()))
    return shapes


def read_json(path: Path) -> dict[str, Any]:
    """Object that a JSON file holds.

    Raises
    ------
    StoreError
        If it is missing, too large, damaged, or holds something else.
    """
    _check_file(path)
    return strict_json.read_object(path, StoreError, ADVICE, LARGEST)


def _check_file(path: Path) -> None:
    try:
        regular = path.is_file()
    except (OSError, ValueError) as cause:
        raise StoreError(f"{path}: cannot be read ({cause})") from cause
    if not regular:
        # A pipe or a device would never end.
        kind = "is not a regular file" if os.path.lexists(path) else "does not exist"
        raise StoreError(f"{path}: {kind}; {ADVICE}")


@contextlib.contextmanager
def at_most(tensors: int) -> Iterator[None]:
    """Refuse a model that registers more tensors: a configuration may ask for 10**9 layers."""
    count = 0

    def register(module: nn.Module, name: str, tensor: Tensor | None) -> None:
        nonlocal count
        count += 1
        if count > tensors:
            raise RuntimeError("it has more tensors than model.safetensors holds")

    hooks = [
        registration.register_module_parameter_registration_hook(register),
        registration.register_module_buffer_registration_hook(register),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
