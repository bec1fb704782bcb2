"""One step of training, on Hugging Face Accelerate: batch, loss, gradients, weights.

Accelerate starts the processes' group, places and wraps the model, casts to mixed precision and
scales losses. Its wrappers around optimizers and data loaders are not used: they look up packages
and signatures at every step, which a step of a millisecond feels, and the order of the data is a
function of the step here.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from ...errors import ModelError, TrainingError
from ..data import Split
from ..models.model import Loss, Model
from ..randomness import seed_of
from ..representation import Representation
from .batches import Batches, Sampler
from .settings import Training


class EMA:
    """A copy of a model whose weights follow it slowly; buffers are taken over as they are.

    At step t the decay is min(decay, (1 + t) / (10 + t)), so that the first weights, which are
    random, are soon forgotten.

    Parameters
    ----------
    model : Model
        On its device already.
    decay : float
        In (0, 1).

    References
    ----------
    Polyak and Juditsky (1992), "Acceleration of stochastic approximation by averaging".
    """

    model: Model

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).requires_grad_(False).eval()
        self._pairs: dict[str, tuple[list[Tensor], list[Tensor]]] = {
            name: (list(part.parameters()), list(model.parts[name].parameters()))
            for name, part in self.model.parts.items()
        }
        # By place, not by tensor: wrapping a model for several processes may put others there.
        self._buffers = list(zip(_places(self.model), _places(model), strict=True))

    @torch.no_grad()
    def update(self, part: str, step: int) -> None:
        """Follow the weights of the part that a step has changed."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine, theirs = self._pairs[part]
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for (averaged, name), (other, _) in self._buffers:
            averaged[name].copy_(other[name])


def _places(model: nn.Module) -> list[tuple[dict[str, Any], str]]:
    """Where each buffer of a model hangs."""
    return [
        (module._buffers, name)
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]


class TrainStep:
    """A model with the images that it learns from and an optimizer for each of its parts.

    Parameters
    ----------
    model : Model
        Moved to the device, and trained in place.
    representation : Representation
        Fitted.
    images : Split
    training : Training
    accelerator : Accelerator

    Attributes
    ----------
    wrapped : module
        The model as Accelerate has it.
    average : EMA or None
    evaluated : Model
        The average of the weights if there is one, else the model.
    optimizers : dict
        By the names of the parts.
    order : Sampler
        Of the images.

    Raises
    ------
    TrainingError
        If the batch does not fit the model and the processes.
    """

    model: Model
    training: Training
    accelerator: Any
    average: EMA | None
    wrapped: Any
    parameters: dict[str, list[nn.Parameter]]
    optimizers: dict[str, torch.optim.AdamW]
    batches: Batches
    order: Sampler
    generator: torch.Generator

    def __init__(
        self,
        model: Model,
        representation: Representation,
        images: Split,
        training: Training,
        accelerator: Accelerator,
    ) -> None:
        self.model, self.training, self.accelerator = model, training, accelerator
        device = accelerator.device
        # Copied before Accelerate gives the model another forward.
        self.average = EMA(model.to(device), training.ema) if training.ema else None
        self.wrapped = accelerator.prepare_model(model.train())
        self.evaluated: Model = self.average.model if self.average else model
        self.parameters = {
            name: [parameter for parameter in part.parameters() if parameter.requires_grad]
            for name, part in model.parts.items()
        }
        self.optimizers = {
            name: torch.optim.AdamW(
                parameters,
                training.learning_rate,
                training.betas,
                weight_decay=training.weight_decay,
                # Twice as fast as the loop over tensors that is the default on a CPU.
                fused=device.type in ("cpu", "cuda"),
            )
            for name, parameters in self.parameters.items()
        }
        self.batches = Batches(images, representation, model.labels_for(images), device)
        world = accelerator.num_processes
        self.order = Sampler(
            self.batches.count,
            training.batch_size,
            training.seed,
            accelerator.process_index,
            world,
            device,
        )
        try:
            model.check_batch(self.order.share)
        except ModelError as problem:
            shared = f" for each of {world} processes" if world > 1 else ""
            raise TrainingError(f"batch_size={training.batch_size}: {problem}{shared}") from problem
        self.generator = torch.Generator(device)

    def __call__(self, step: int) -> tuple[str, Loss]:
        """Forward, backward, and the optimizer of the part whose turn it is; returns that part."""
        training, part = self.training, self.model.turn(step)
        self.generator.manual_seed(seed_of(training.seed, "step", step, self.order.rank))
        features, labels = self.batches(self.order.indices(step), self.generator)
        loss: Loss = self.wrapped(features, labels, self.generator, part)
        self.accelerator.backward(loss.total)
        optimizer, scaler = self.optimizers[part], self.accelerator.scaler
        for group in optimizer.param_groups:
            group["lr"] = training.learning_rate * training.factor(step)
        if training.clip:
            if scaler is not None:
                scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_(self.parameters[part], training.clip)
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()
        # Of all parts: a loss may have sent gradients into those whose turn it is not.
        for parameters in self.parameters.values():
            for parameter in parameters:
                parameter.grad = None
        if self.average is not None:
            self.average.update(part, step)
        return part, loss

    @property
    def finite(self) -> bool:
        """Whether every weight is."""
        weights: list[Tensor] = [weight for part in self.parameters.values() for weight in part]
        return bool(torch.stack(torch._foreach_norm(weights)).isfinite().all())
