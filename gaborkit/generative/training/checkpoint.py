"""Checkpoints: one safetensors file each, written whole or not at all, the last two kept.

The tensors (weights, buffers, states of the optimizers, average) are the file's; everything else
is JSON in its metadata, with a SHA-256 over both. A checkpoint that was cut short or changed is
noticed and the one before it is taken.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor
from torch.optim import Optimizer

from ...errors import StoreError
from ...io import strict_json
from ...io.files import atomic_write
from ..models.model import Model
from .step import EMA

VERSION = 1
KEPT = 2


def write(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write a checkpoint.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    # Copies on the CPU: safetensors wants dense tensors that share no memory.
    dense = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps({"version": VERSION, **state}, sort_keys=True)
    with atomic_write(path, StoreError) as temporary:
        # `save_file` would put another file of another mode in the place of the temporary one.
        temporary.write_bytes(save(dense, {"state": text, "sha256": _digest(dense, text)}))


def write_step(folder: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write the checkpoint of ``state["step"]`` and delete all but the last ``KEPT``."""
    write(folder / f"step-{state['step']:08d}.safetensors", tensors, state)
    for path in _steps(folder)[KEPT:]:
        path.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and state of a checkpoint.

    Raises
    ------
    StoreError
        If the file is missing, damaged, or of a version that this gaborkit does not know.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        state = strict_json.parse(metadata["state"], finite=False)
        version = state["version"]
        intact = metadata["sha256"] == _digest(tensors, metadata["state"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as cause:
        raise StoreError(f"{path}: is no intact checkpoint ({cause})") from cause
    if version != VERSION:
        raise StoreError(
            f"{path}: is of version {version!r}, and this gaborkit reads version {VERSION}; "
            "install the gaborkit that wrote it"
        )
    if not intact:
        raise StoreError(f"{path}: is damaged: its SHA-256 is not what it was when written")
    return tensors, state


def latest(
    folder: Path, say: Callable[[str], None]
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Newest checkpoint that is intact; None where none was written yet.

    Raises
    ------
    StoreError
        If there are checkpoints and all are damaged.
    """
    paths = _steps(folder)
    for path in paths:
        try:
            return read(path)
        except StoreError as problem:
            say(f"{problem}; trying the one before")
    if paths:
        raise StoreError(
            f"{folder}: none of its {len(paths)} checkpoints is intact; start again with "
            "another --out"
        )
    return None


def newest_step(folder: Path) -> int | None:
    """Step of the newest checkpoint by its name; None where there is none."""
    paths = _steps(folder)
    return int(paths[0].stem.removeprefix("step-")) if paths else None


def _steps(folder: Path) -> list[Path]:
    """Checkpoints, newest first; a step of nine digits has a longer name."""
    paths = folder.glob("step-*.safetensors")
    return sorted(paths, key=lambda path: (len(path.name), path.name), reverse=True)


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def training_state(
    model: Model, average: EMA | None, optimizers: Mapping[str, Optimizer]
) -> dict[str, Tensor]:
    """Weights and buffers of the model and of its average, and the states of the optimizers."""
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    if average is not None:
        for name, value in average.model.state_dict().items():
            tensors[f"average/{name}"] = value
    for part, optimizer in optimizers.items():
        for index, values in optimizer.state_dict()["state"].items():
            for name, value in values.items():
                tensors[f"optimizer/{part}/{index}/{name}"] = value
    return tensors


def restore(
    tensors: Mapping[str, Tensor],
    model: Model,
    average: EMA | None,
    optimizers: Mapping[str, Optimizer],
) -> None:
    """Put back what :func:`training_state` gave.

    Raises
    ------
    StoreError
        If a tensor is missing, unexpected, or of another shape.
    """
    try:
        model.load_state_dict(_below("model/", tensors))
        if average is not None:
            average.model.load_state_dict(_below("average/", tensors))
        for part, optimizer in optimizers.items():
            states: dict[int, dict[str, Tensor]] = {}
            for name, value in _below(f"optimizer/{part}/", tensors).items():
                index, key = name.split("/")
                states.setdefault(int(index), {})[key] = value
            parameters = optimizer.param_groups[0]["params"]
            for number, values in states.items():
                for key in ("exp_avg", "exp_avg_sq"):
                    if values[key].shape != parameters[number].shape:
                        raise ValueError(f"{key} of tensor {number} of {part} has another shape")
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": states, "param_groups": groups})
    except (RuntimeError, KeyError, IndexError, ValueError) as problem:
        text = " ".join(str(problem).split())
        raise StoreError(f"the checkpoint does not fit the model: {text:.200}") from problem


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
