"""How much memory a training takes, known before anything large is made."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ...errors import TrainingError
from ...io.tables import counted
from ...large.memory import available_memory
from ..models.model import Model
from ..space import Space
from .settings import Training

#: Copies of a batch's features, of what is drawn and of gradients, that any model holds at once.
ACTIVATIONS = 8

#: Bytes from which on a run says how much it takes.
WORTH_SAYING = 10**9


def parameters_of(kind: type[Model], config: Any, space: Space, classes: int) -> int:
    """Parameters that a model would have; none are allocated.

    Examples
    --------
    >>> from gaborkit.generative.models.vae import VAE, VAEConfig
    >>> parameters_of(VAE, VAEConfig(hidden=(5,), latent=2), Space(1, 4, 4, "unit"), 0)
    220
    """
    with torch.random.fork_rng(devices=[]), init_empty_weights(), _NoDraws():
        model = kind(config, space, classes)
    return sum(weight.numel() for weight in model.parameters())


class _NoDraws(TorchFunctionMode):
    """Leaves weights without memory as they are: their first draw would import for seconds."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        drawing = (
            func in (Tensor.normal_, Tensor.uniform_)
            or getattr(func, "__module__", "") == nn.init.__name__
        )
        weight = args[0] if args else (kwargs or {}).get("tensor")
        if drawing and isinstance(weight, Tensor) and weight.is_meta:
            return weight
        return func(*args, **(kwargs or {}))


def bytes_of_training(parameters: int, features: int, training: Training) -> int:
    """Bytes that a training takes at least, beside the images.

    Weights, gradients and the two moments of Adam, with the moving average where there is one; once
    more, twice, as a checkpoint is written; and the features of a batch.

    Parameters
    ----------
    parameters : int
        Of the model.
    features : int
        Numbers that one image is.
    training : Training

    Examples
    --------
    >>> bytes_of_training(210_000_000, 512 * 512, Training(batch_size=128)) / 1e9
    9.473741824
    """
    average = 1 if training.ema else 0
    states = (4 + average) + 2 * (3 + average)
    return 4 * (states * parameters + ACTIVATIONS * training.batch_size * features)


def check_memory(
    kind: type[Model],
    config: Any,
    space: Space,
    classes: int,
    training: Training,
    device: torch.device,
) -> str | None:
    """Refuse a training that no memory is free for.

    Parameters
    ----------
    kind : type of Model
    config : its configuration
    space : Space
    classes : int
    training : Training
    device : torch.device

    Returns
    -------
    str or None
        A line that says how much it takes, where that is worth saying.

    Raises
    ------
    TrainingError
        If it takes more than is free.
    """
    parameters = parameters_of(kind, config, space, classes)
    needed = bytes_of_training(parameters, space.size, training)
    text = (
        f"{kind.name} of {space.channels} x {space.height} x {space.width} features: "
        f"{counted(parameters, 'parameter')}, training takes about {needed / 1e9:.1f} GB of memory"
    )
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_memory()
    if needed > free:
        remedy = "smaller layers or batches"
        if getattr(config, "network", None) == "mlp":
            remedy = "network=conv, which is not fully connected,"
        elif kind.name == "gan":
            remedy = "a dcgan, which is not fully connected,"
        raise TrainingError(
            f"{text}, and {free / 1e9:.1f} GB are free; {remedy} or a smaller size works"
        )
    return text if needed >= WORTH_SAYING else None
