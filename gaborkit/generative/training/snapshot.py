"""Everything that the next step depends on, as named tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.optim import Optimizer

from ...errors import StoreError
from ..models.model import Model
from .average import Average


def take(
    model: Model, average: Average | None, optimizers: Mapping[str, Optimizer]
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
    average: Average | None,
    optimizers: Mapping[str, Optimizer],
) -> None:
    """Put back what :func:`take` gave.

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
